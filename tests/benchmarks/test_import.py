"""Importing enterprises from a Parquet file: reading, checks, placement and history included, beside `to_postgis`.

Both sides end with the same rows in a table with the same key, indexes and checks of validity. The peer neither checks
a cell nor places a record nor keeps history; it gets its metric column by the database's own transformation.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import Engine, create_engine, text

from jobs.imports import Order, import_file, import_table
from layers.copying import copy_arrays
from layers.crs import metric_system
from layers.database import owner_engine
from layers.ewkb import of_points
from layers.staging import make_stage
from tests.benchmarks.ratios import Size, seconds
from tests.roster import areas, roster

pytestmark = pytest.mark.bench

KEYS = (
    "ALTER TABLE peer ADD geom_m geometry(Geometry, 4547)",
    "UPDATE peer SET geom_m = ST_Transform(geom, 4547)",
    "ALTER TABLE peer ADD PRIMARY KEY (code)",
    "ALTER TABLE peer ADD CHECK (ST_IsValid(geom)), ADD CHECK (ST_IsValid(geom_m))",
    "CREATE INDEX ON peer USING gist (geom)",
    "CREATE INDEX ON peer USING gist (geom_m)",
    "CREATE INDEX ON peer (township_code)",
    "CREATE INDEX ON peer (enterprise_code)",
)


def peer_import(engine: Engine, rows: dict[str, np.ndarray]) -> Callable[[], None]:
    frame = pd.DataFrame(rows | {"enterprise_code": rows["code"]}).drop(columns=["lon", "lat"])
    frame["opened_on"] = pd.to_datetime(frame["opened_on"]).dt.date
    points = geopandas.points_from_xy(rows["lon"], rows["lat"], crs=4490)

    def work() -> None:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS peer"))
        geopandas.GeoDataFrame(frame, geometry=points).rename_geometry("geom").to_postgis("peer", engine)

    return work


def test_enterprises_beside_to_postgis(
    size: Size,
    database: str,
    tmp_path: Path,
    compare: Callable[[str, Size, float, str, float, float], None],
) -> None:
    rows = roster(size.enterprises, np.random.default_rng(3))
    owner = owner_engine(database)
    import_table(owner, "areas", areas(size.polygons), Order(at=datetime(2026, 1, 1, tzinfo=UTC)))

    file = tmp_path / "enterprises.parquet"
    parquet.write_table(pa.table({name: pa.array(values.tolist()) for name, values in rows.items()}), file)

    def ours() -> None:
        report = import_file(owner, "enterprises", file, crs="cgcs2000")
        assert (report.inserted, report.rejected) == (size.enterprises, [])

    ours_s = seconds(ours)
    peer = create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1))
    copying = peer_import(peer, rows)
    bare_s = seconds(copying)

    def keys() -> None:
        with peer.begin() as connection:
            connection.execute(text("SET jit = off"))
            for statement in KEYS:
                connection.execute(text(statement))

    peer_s = bare_s + seconds(keys)
    with owner.connect() as connection:
        same = connection.execute(
            text(
                "SELECT count(*) FROM enterprise e JOIN peer p USING (code, name, workers)"
                " WHERE e.opened_on = p.opened_on AND ST_DWithin(e.geom_m, p.geom_m, 0.002)"
            )
        ).scalar_one()
    assert same == size.enterprises
    compare(
        "import of enterprises",
        size,
        ours_s,
        "geopandas to_postgis with keys",
        peer_s,
        1.3 * (size.name == "L"),
    )
    staged = staged_columns(rows)
    copy_s = seconds(lambda: copy_only(owner, staged), 2)
    owner.dispose()
    peer.dispose()
    compare("COPY stage", size, copy_s, "geopandas to_postgis, bare", bare_s, 5.0 * (size.name == "L"))


def staged_columns(rows: dict[str, np.ndarray]) -> pa.Table:
    """Checked columns with both positions, as they are when they are staged."""
    lonlat = np.column_stack([rows["lon"], rows["lat"]])
    metres = np.column_stack(metric_system(4547).to_metres(lonlat[:, 0], lonlat[:, 1]))
    columns = {name: pa.array(values.tolist()) for name, values in rows.items() if name not in {"lon", "lat"}}
    columns |= {
        "workers": columns["workers"].cast(pa.int32()),
        "opened_on": columns["opened_on"].cast(pa.date32()),
    }
    return pa.table(columns | {"geom": of_points(lonlat, 4490), "geom_m": of_points(metres, 4547)})


def copy_only(owner: Engine, columns: pa.Table) -> None:
    """The COPY stage alone: the same columns into the table that they are compared in."""
    with owner.begin() as connection:
        make_stage(connection, "enterprise")
        copy_arrays(connection, "staged_enterprise", columns.to_batches(max_chunksize=50_000))
