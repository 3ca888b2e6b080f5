"""A look at what an import would do: records old → new, and places for a map. Reads the stages, writes nothing."""

from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection

from layers.checks import Fault
from layers.fields import TABLES
from layers.questions import Question
from layers.schema import metadata
from layers.staging import Incoming

MOST_CHANGES = 100
_PLACES_EACH = 1000
"""of every outcome so many places at most are shown"""
_STATES = {"I": "new", "U": "changed", "=": "same"}
_DIGITS = 6


def look(
    connection: Connection, incoming: Incoming, faults: list[Fault], questions: list[Question]
) -> dict[str, Any]:
    """`changes` (the first records with what was and what would be) and `points` (row, state, lon, lat, name)."""
    return {
        "changes": _changes(connection, incoming.layer.table),
        "points": [
            *_staged_points(connection, incoming.layer.table),
            *_rejected_points(incoming, faults),
            *_asked_points(questions),
        ],
    }


def _changes(connection: Connection, table: str) -> list[dict[str, Any]]:
    layer = TABLES[table]
    names = dict(zip(layer.columns, (one.name for one in layer.fields), strict=True))
    names.pop("code", None)
    placed = TABLES[table].position != "none"
    moved = "round(ST_Distance(s.geom_m, t.geom_m)::numeric, 1)::float8" if placed else "NULL::float8"
    pairs = ", ".join(f"'{name}', jsonb_build_array(t.{name}, s.{name})" for name in names)
    found = connection.exec_driver_sql(
        f"SELECT s.file_rows[1] AS row, s.code, {_name_of(table)} AS name, {moved} AS moved_m,"
        f" jsonb_build_object({pairs}) AS pairs FROM staged_{table} s JOIN {table} t USING (code)"
        f" WHERE s.op = 'U' AND cardinality(s.file_rows) > 0 ORDER BY 1 LIMIT {MOST_CHANGES}"
    )
    return [
        {
            "row": one.row,
            "code": one.code,
            "name": one.name,
            "moved_m": one.moved_m or None,
            "fields": [
                {"field": field, "old": old, "new": new}
                for field, (old, new) in ((field, one.pairs[name]) for name, field in names.items())
                if old != new and (old or new)  # who wrote a record is said anew: none and false are one
            ],
        }
        for one in found
    ]


def _staged_points(connection: Connection, table: str) -> list[dict[str, Any]]:
    if TABLES[table].position == "none":
        return []
    found = connection.exec_driver_sql(
        f"SELECT row, op, name, ST_X(at) AS lon, ST_Y(at) AS lat FROM (SELECT s.file_rows[1] AS row, s.op,"
        f" {_name_of(table)} AS name, ST_PointOnSurface(s.geom) AS at,"
        " row_number() OVER (PARTITION BY s.op ORDER BY hashtext(s.code)) AS n"
        f" FROM staged_{table} s WHERE cardinality(s.file_rows) > 0 AND s.geom IS NOT NULL) x"
        f" WHERE n <= {_PLACES_EACH} ORDER BY n"
    )
    return [_point(one.row, _STATES[one.op], one.lon, one.lat, one.name) for one in found]


def _name_of(table: str) -> str:
    name = next((name for name in ("name", "title", "person") if name in metadata.tables[table].c), "code")
    return f"s.{name}"


def _rejected_points(incoming: Incoming, faults: list[Fault]) -> list[dict[str, Any]]:
    """Rejected rows that have a position all the same."""
    if incoming.positions is None:
        return []
    at = np.flatnonzero(np.isin(incoming.rows, [fault.row for fault in faults]))[:_PLACES_EACH]
    degrees, _metres = incoming.positions.ewkb(at)
    middles = shapely.point_on_surface(shapely.from_wkb(degrees.to_numpy(zero_copy_only=False)))
    return [
        _point(int(incoming.rows[index]), "rejected", shapely.get_x(middle), shapely.get_y(middle), None)
        for index, middle in zip(at, middles, strict=True)
        if middle is not None
    ]


def _asked_points(questions: list[Question]) -> list[dict[str, Any]]:
    """Where a question's rows would lie, each with where the file has it: a swapped pair lies on no map."""
    return [
        {**_point(row, "question", lon, lat, None), "kind": one.kind, "from": [x, y]}
        for one in questions
        for row, x, y, lon, lat in one.places
    ]


def _point(row: int, state: str, lon: float, lat: float, name: str | None) -> dict[str, Any]:
    place = {"lon": round(float(lon), _DIGITS), "lat": round(float(lat), _DIGITS)}
    return {"row": row, "state": state, **place, "name": name}
