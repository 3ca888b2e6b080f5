"""The radius sum with decay, maximum beside sum, as other engines are asked for it.

All compute the same: 0.8·max + 0.2·Σ of H·(1 − d²/r²)² over the sources within r of each place.
"""

import duckdb
import numpy as np
import pyarrow as pa
import sedonadb
from duckdb_extensions import import_extension

_PULL = "s.points * (1 - {d2} / {r2}) * (1 - {d2} / {r2})"
_OUTER = "0.8 * max(pull) + 0.2 * sum(pull)"


def in_postgis(reach_m: float) -> str:
    """The statement for tables place (id, geom) and source (points, geom); it fills score (id, score)."""
    pull = _PULL.format(d2="power(ST_Distance(p.geom, s.geom), 2)", r2=reach_m**2)
    return f"""INSERT INTO score SELECT id, round({_OUTER}) FROM (SELECT p.id, {pull} AS pull
        FROM place p JOIN source s ON ST_DWithin(p.geom, s.geom, {reach_m})) near GROUP BY id"""


def _by_engine(reach_m: float) -> str:
    pull = _PULL.format(d2="power(ST_Distance(p.geom, s.geom), 2)", r2=reach_m**2)
    return f"""SELECT id, {_OUTER} AS score FROM (SELECT p.id, {pull} AS pull
        FROM place p JOIN source s ON ST_DWithin(p.geom, s.geom, {reach_m})) near GROUP BY id ORDER BY id"""


class DuckDb:
    """DuckDB with its spatial extension, everything in its memory."""

    name = "DuckDB spatial"

    def __init__(self, places: np.ndarray, sources: np.ndarray, points: np.ndarray) -> None:
        import_extension("spatial")
        self._connection = duckdb.connect()
        self._connection.execute("LOAD spatial; SET threads = 2")
        for name, table in _tables(places, sources, points).items():
            self._connection.register("given", table)
            self._connection.execute(
                f"CREATE TABLE {name} AS SELECT * EXCLUDE (x, y), ST_Point(x, y) AS geom FROM given"
            )

    def scores(self, reach_m: float) -> pa.Table:
        return self._connection.execute(_by_engine(reach_m)).to_arrow_table()


class SedonaDb:
    """SedonaDB, everything in its memory."""

    name = "SedonaDB"

    def __init__(self, places: np.ndarray, sources: np.ndarray, points: np.ndarray) -> None:
        self._session = sedonadb.connect()
        for name, table in _tables(places, sources, points).items():
            self._session.create_data_frame(table).to_view(f"given_{name}")
            others = ", ".join(column for column in table.column_names if column not in {"x", "y"})
            frame = self._session.sql(f"SELECT {others}, ST_Point(x, y) AS geom FROM given_{name}")
            frame.to_memtable().to_view(name)

    def scores(self, reach_m: float) -> pa.Table:
        return self._session.sql(_by_engine(reach_m)).to_arrow_table()


def _tables(places: np.ndarray, sources: np.ndarray, points: np.ndarray) -> dict[str, pa.Table]:
    return {
        "place": pa.table({"id": np.arange(len(places)), "x": places[:, 0], "y": places[:, 1]}),
        "source": pa.table({"points": points.astype(np.float64), "x": sources[:, 0], "y": sources[:, 1]}),
    }
