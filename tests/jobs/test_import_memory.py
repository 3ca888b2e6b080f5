"""What the whole import of a large file takes: under 1 GiB for the program and its process apart, whatever is in it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from pyarrow import parquet

from jobs.imports import Order, import_table
from layers.database import owner_engine
from layers.sheets import Shapes
from tests.conftest import SOAK
from tests.memory import GIBIBYTE_KIB, measured
from tests.roster import areas, roster

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

FEW, MORE, MANY = 50_000, 150_000, 1_000_000
MOST_BYTES_A_ROW = 850
"""so that a million rows stay under a gibibyte beside the 180 MiB of a program that has read nothing yet"""

PROGRAM = """
from jobs.imports import import_file
from layers.database import owner_engine
from riskmap.errors import Refused
read_kib = []
try:
    report = import_file(
        owner_engine(sys.argv[1]), "enterprises", Path(sys.argv[2]),
        progress=lambda _label, share: read_kib.append(kib("VmHWM")),
    ).to_json()
except Refused as refused:
    report = refused.facts["report"]
found = {name: report[name] if name == "inserted" else len(report[name])
         for name in ("inserted", "rejected", "mismatched", "questions")}
own_kib, idle_kib = kib("VmHWM"), helpers_kib()
print(json.dumps([found, own_kib, max(read_kib[1] + most_apart_kib(), own_kib + idle_kib)]))
"""
"""prints what came out, the most that the program took, and the most of it and its process apart together"""


def sound(rows: dict[str, Any]) -> pa.Table:
    return pa.table({name: pa.array(values.tolist()) for name, values in rows.items()})


def boxes(rows: dict[str, Any]) -> Shapes:
    """A small square around each enterprise's point."""
    lon, lat = rows["lon"], rows["lat"]
    return np.asarray(shapely.box(lon - 5e-5, lat - 5e-5, lon + 5e-5, lat + 5e-5))


def of_shapes(rows: dict[str, Any]) -> pa.Table:
    """Each enterprise a polygon."""
    wkb = pa.array(shapely.to_wkb(boxes(rows)), pa.binary())
    return sound(rows).drop_columns(["lon", "lat"]).append_column("geometry", wkb)


def of_text(rows: dict[str, Any]) -> pa.Table:
    """Each enterprise a polygon, written as text with all its digits."""
    wkt = pa.array(shapely.to_wkt(boxes(rows), rounding_precision=-1))
    return sound(rows).drop_columns(["lon", "lat"]).append_column("wkt", wkt)


def misplaced(rows: dict[str, Any]) -> pa.Table:
    """Each east of the city and none in the township it declares."""
    return sound(rows | {"lon": rows["lon"] + 0.6})


def faulty(rows: dict[str, Any]) -> pa.Table:
    """None can be read."""
    return sound(rows | {"lon": np.char.add("东经", rows["lon"].astype(str))})


FILES = [(of_text, "inserted"), (faulty, "rejected")]
LIGHTER = [(sound, "inserted"), (of_shapes, "inserted"), (misplaced, "mismatched")]
"""take less than shapes as text, on the same way"""


@pytest.mark.parametrize(("file", "outcome"), [*FILES, *(LIGHTER if SOAK else [])])
def test_an_import_stays_under_a_gibibyte(
    database: str, tmp_path: Path, file: Callable[[dict[str, Any]], pa.Table], outcome: str, *, soak: bool
) -> None:
    """A million rows by `make soak`; else what a row more takes, from which a million follows."""
    owner = owner_engine(database)
    import_table(owner, "areas", areas(500), Order(at=datetime(2026, 1, 1, tzinfo=UTC)))
    owner.dispose()
    own_kib = {}
    for count in (MANY,) if soak else (FEW, MORE):
        path = tmp_path / f"{count}.parquet"
        parquet.write_table(file(roster(count, np.random.default_rng(count))), path)
        found, own_kib[count], together_kib = measured(PROGRAM, database, str(path))
        print(file.__name__, count, found, own_kib[count], together_kib)
        assert found[outcome] == count - (count == MORE) * (outcome == "inserted") * FEW
        assert together_kib < GIBIBYTE_KIB
    if not soak:
        assert (own_kib[MORE] - own_kib[FEW]) * 1024 < MOST_BYTES_A_ROW * (MORE - FEW)
