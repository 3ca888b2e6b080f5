"""The radius sum with decay, maximum beside sum, as other engines are asked for it; and fixed rows by binary COPY.

All compute the same: 0.8·max + 0.2·Σ of H·(1 − d²/r²)² over the sources within r of each place.
"""

from typing import Any

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import sedonadb
from duckdb_extensions import import_extension

from layers.copying import copied_out

_PULL = "s.points * (1 - {d2} / {r2}) * (1 - {d2} / {r2})"
_OUTER = "0.8 * max(pull) + 0.2 * sum(pull)"
_HEADER, _TRAILER = 19, 2
"""bytes of a binary COPY before and after its rows (PostgreSQL manual, COPY, “Binary Format”)"""
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)


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


def fixed_rows(connection: psycopg.Connection[Any], query: str, **columns: str) -> np.ndarray:
    """The rows of a query of fixed-width columns (`x=">f8"`), none of them NULL."""
    row = [("count", ">i2")]
    for name, kind in columns.items():
        row += [(f"{name}_length", ">i4"), (name, kind)]
    content = copied_out(connection, f"COPY ({query}) TO STDOUT (FORMAT binary)", {})
    return np.frombuffer(content[_HEADER:-_TRAILER], np.dtype(row))


def copied_in(connection: psycopg.Connection[Any], table: str, ids: np.ndarray, scores: np.ndarray) -> None:
    """Append rows (id int, score bigint) by binary COPY."""
    rows = np.empty(len(ids), [("n", ">i2"), ("a", ">i4"), ("id", ">i4"), ("b", ">i4"), ("score", ">i8")])
    rows["n"], rows["a"], rows["b"] = 2, 4, 8
    rows["id"], rows["score"] = ids, scores
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.write(_SIGNATURE + rows.tobytes() + b"\xff\xff")
