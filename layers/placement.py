"""Where records belong: grid unit, village and township by geometry, enterprise and committee by the record they name.

Works on staged rows before they are written, against the areas as they will be. What a position says wins over the
declared township; the difference is listed, never mended. Areas without a polygon have the records that declare
them. When areas change every record is placed anew, when a record moves those that name it move along.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import shapely
from sqlalchemy import Connection

from layers.containment import PLACES, Areas, standing_points
from layers.copying import copy_arrays
from layers.fields import TABLES
from layers.schema import SCOPE, metadata
from layers.staging import Comparison, Rule, columns_of, compare, describe, index_stage, make_stage, missing

ORDER = (
    "area",
    "enterprise",
    "source",
    "target",
    "population",
    "resource",
    "line",
    "zone_external",
    "inventory",
    "sensor",
    "danger",
    "event",
    "duty",
    "zone_record",
)
"""each layer after those whose records it names"""

_NAMED: dict[str, tuple[tuple[str, str], ...]] = {
    "source": (("enterprise", "s.enterprise_code"),),
    "zone_external": (("source", "s.source_code"),),
    "inventory": (("source", "s.source_code"),),
    "sensor": (("source", "s.source_code"),),
    "danger": (("source", "s.source_code"), ("enterprise", "s.enterprise_code")),
    "event": (("source", "s.source_code"), ("sensor", "s.sensor_code")),
    "duty": tuple(
        (table, f"CASE s.object_layer WHEN '{table}' THEN s.object_code END")
        for table in ("area", "enterprise", "source", "danger")
    ),
}
"""layer → the layers whose records it names, and by which value; the first that is given rules"""
_OWN_PLACE = {"source", "zone_external"}
"""they name a record but lie where they lie"""
_FETCHED = 20_000
"""records that are read from the database at once"""
_LEVEL_RANK = "array_position(ARRAY['city', 'township', 'village', 'grid'], {}.level)"


def settle(
    connection: Connection, areas: Areas, bring: Callable[[str, set[str]], bool]
) -> dict[str, Comparison]:
    """Stage, place and compare all that changes; what is to be written, by table in order.

    `bring` stages what is wanted of a layer, told which tables have a stage already; False where that is nothing.
    """
    plan: dict[str, Comparison] = {}
    for table in ORDER:
        staged = set(plan)
        if bring(table, staged):
            staged.add(table)
        if pull(connection, table, {name for name, found in plan.items() if found.moves}, staged):
            staged.add(table)
        if table not in staged:
            continue
        if table == "area":
            place_areas(connection)
        else:
            place(connection, table, staged, areas)
        plan[table] = compare(connection, table)
    return plan


def place(connection: Connection, table: str, staged: set[str], areas: Areas) -> None:
    """Set the scope of the staged rows of a layer (all but areas), from those staged before it and those stored."""
    layer = TABLES[table]
    if layer.position != "none":
        _place_by_position(connection, table, areas)
    sure = layer.position == "required" and areas.complete
    declares = not sure and "declared_township_code" in metadata.tables[table].c
    if not declares and table not in _NAMED:
        return
    joins: list[str] = []
    scope: dict[str, list[tuple[str, str]]] = {name: [] for name in SCOPE}
    for number, (owner, key) in enumerate(_NAMED.get(table, ())):
        if owner in staged:
            index_stage(connection, owner)
        found = _Owner(f"o{number}", owner, key, staged)
        joins.append(found.joins)
        for name in SCOPE:
            if table not in _OWN_PLACE or name not in PLACES:
                scope[name].append((found.exists, found.value(name)))
    if layer.position != "none":
        joins.append(_by_declaration(table, "area_now" if "area" in staged else "area"))
        for name in PLACES:
            scope[name].append(("true", f"CASE WHEN d.code IS NOT NULL THEN d.{name} ELSE s.{name} END"))
    values = {name: _first(rules) for name, rules in scope.items()}
    if table == "enterprise":
        values |= {"enterprise_code": "s.code", "committee": "s.committee"}
    elif (
        "enterprise_code" in layer.columns
    ):  # a source's or danger's own field; a danger's source knows better
        values["enterprise_code"] = f"coalesce({scope['enterprise_code'][0][1]}, s.enterprise_code)"
    listed = ", ".join(f"{value} AS {name}" for name, value in values.items())
    sets = ", ".join(f"{name} = x.{name}" for name in SCOPE)
    connection.exec_driver_sql(
        f"UPDATE staged_{table} s SET {sets} FROM"
        f" (SELECT s.code, {listed} FROM staged_{table} s {' '.join(joins)}) x WHERE x.code = s.code"
    )


class _Owner:
    """SQL to reach the record that a staged row names: as it will be where it is staged, else as it is stored.

    Looked up row by row (LIMIT): the planner knows nothing of a stage's size and would read a whole layer for ten rows.
    """

    def __init__(self, alias: str, table: str, key: str, staged: set[str]) -> None:
        self._now, self._new = f"{alias}_now", f"{alias}_new" if table in staged else ""
        names = ", ".join(("r.code", *(f"r.{name}" for name in SCOPE)))
        look_up = "LEFT JOIN LATERAL (SELECT {} FROM {} r WHERE r.code = {} LIMIT 1) {} ON true"
        self.joins = look_up.format(names, table, key, self._now)
        if self._new:
            self.joins += " " + look_up.format(names, f"staged_{table}", key, self._new)
        self.exists = " OR ".join(f"{one}.code IS NOT NULL" for one in (self._new, self._now) if one)

    def value(self, name: str) -> str:
        """The owner's value of a column."""
        if not self._new:
            return f"{self._now}.{name}"
        return f"CASE WHEN {self._new}.code IS NOT NULL THEN {self._new}.{name} ELSE {self._now}.{name} END"


def _first(rules: list[tuple[str, str]]) -> str:
    """SQL: the value of the first rule whose condition holds."""
    if not rules:
        return "NULL::text"
    return "CASE " + " ".join(f"WHEN {condition} THEN {value}" for condition, value in rules) + " END"


def _place_by_position(connection: Connection, table: str, areas: Areas) -> None:
    """Give the staged rows that were not placed as they came (they were stored already) what their position says."""
    found = connection.exec_driver_sql(
        f"SELECT code, ST_AsBinary(geom_m) AS shape FROM staged_{table} WHERE NOT placed",
        execution_options={"yield_per": _FETCHED},
    )
    blocks: list[pa.RecordBatch] = []
    for rows in found.partitions():
        shapes = shapely.from_wkb([None if row.shape is None else bytes(row.shape) for row in rows])
        codes = pa.array([row.code for row in rows])
        blocks.append(pa.RecordBatch.from_pydict({"code": codes, **areas.at(standing_points(shapes))}))
    if not blocks:
        return
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE placed_{table} ON COMMIT DROP AS SELECT code, {', '.join(PLACES)} FROM {table} WITH NO DATA"
    )
    copy_arrays(connection, f"placed_{table}", blocks)
    sets = ", ".join(f"{name} = p.{name}" for name in PLACES)
    connection.exec_driver_sql(
        f"ANALYZE placed_{table}; UPDATE staged_{table} s SET placed = true, {sets} FROM placed_{table} p"
        f" WHERE p.code = s.code; DROP TABLE placed_{table}"
    )


def _by_declaration(table: str, areas: str) -> str:
    """A join: `d`, the declared area where it or the row has no shape.

    It is taken only as far as it does not contradict the polygons, which have spoken in the row's own scope.
    """
    declared = "s.declared_township_code" if "declared_township_code" in metadata.tables[table].c else "NULL"
    agree = " AND ".join(f"(s.{name} IS NULL OR s.{name} = d.{name})" for name in PLACES)
    return (
        f"LEFT JOIN {areas} d ON d.code = {declared} AND (d.geom_m IS NULL OR s.geom_m IS NULL)"
        f" AND d.level IN ('grid', 'village', 'township') AND {agree}"
    )


# --- areas -----------------------------------------------------------------------------------------------


def area_rules(city_code: str) -> list[Rule]:
    """What staged areas must keep to: the city's own code, a parent of a coarser level, members that exist.

    A parent may be missing only where none is named, or where it is the city itself.
    """
    none = missing("s.parent_code", "area", {"area"})
    coarser = f"coalesce({_LEVEL_RANK.format('r')} < {_LEVEL_RANK.format('s')}, s.level = 'overlay')"
    fits = " OR ".join(
        f"EXISTS (SELECT FROM {rows} WHERE r.code = s.parent_code AND {coarser})" for rows in _BOTH
    )
    unknown = f"EXISTS (SELECT FROM unnest(s.members) AS m(code) WHERE {missing('m.code', 'area', {'area'})})"
    city = f"'{_plain(city_code)}'"
    return [
        Rule(
            "code",
            "s.code",
            f"s.level = 'city' AND s.code <> {city}",
            f"本库的市级代码是 {city_code}",
            "请改正代码或层级",
        ),
        Rule(
            "parent_code",
            "s.parent_code",
            f"s.parent_code <> {city} AND {none}",
            "没有这个上级区域",
            "请先导入上级区域，或改正代码",
        ),
        Rule(
            "parent_code",
            "s.parent_code",
            f"s.parent_code IS NOT NULL AND NOT ({none}) AND NOT ({fits})",
            "上级区域的层级不高于本级",
            "请核对层级和上级代码",
        ),
        Rule(
            "members",
            "array_to_string(s.members, ' ')",
            f"s.members IS NOT NULL AND {unknown}",
            "成员中有不存在的区域",
            "请先导入成员区域，或改正代码",
        ),
    ]


_BOTH = (
    "staged_area r",
    "(SELECT * FROM area t WHERE NOT EXISTS (SELECT FROM staged_area n WHERE n.code = t.code)) r",
)
"""areas as they will be"""


def _plain(code: str) -> str:
    """A city's code inside SQL text: its pattern has letters and digits only."""
    assert code.isalnum()
    return code


def place_areas(connection: Connection) -> None:
    """Set the scope of all areas as they will be: `area_now`, and staged rows for every area whose scope changes.

    An area without a named parent belongs to the one whose code its own begins with (9 digits of a township, 12 of
    a village).
    """
    connection.exec_driver_sql(
        f"""
        CREATE TEMP TABLE area_now ON COMMIT DROP AS
        WITH said AS (
          SELECT r.code, r.level, r.parent_code, r.geom_m FROM {_BOTH[0]} UNION ALL
          SELECT r.code, r.level, r.parent_code, r.geom_m FROM {_BOTH[1]}
        ), tied AS (
          SELECT s.*, coalesce(s.parent_code, v.code, t.code) AS parent FROM said s
          LEFT JOIN said v ON s.level = 'grid' AND v.code = left(s.code, 12) AND v.level = 'village'
          LEFT JOIN said t ON s.level IN ('grid', 'village') AND t.code = left(s.code, 9) AND t.level = 'township'
        )
        SELECT s.code, s.level, s.geom_m,
          CASE 'township' WHEN s.level THEN s.code WHEN p.level THEN p.code WHEN g.level THEN g.code END
            AS township_code,
          CASE 'village' WHEN s.level THEN s.code WHEN p.level THEN p.code END AS village_code,
          CASE 'grid' WHEN s.level THEN s.code END AS grid_code
        FROM tied s LEFT JOIN tied p ON p.code = s.parent AND s.level IN ('grid', 'village')
          LEFT JOIN tied g ON g.code = p.parent AND p.level = 'village';
        CREATE INDEX ON area_now (code);
        CREATE INDEX ON area_now USING gist (geom_m);
        ANALYZE area_now;
        """
    )
    listed = ", ".join(columns_of("area"))
    places = ", ".join(f"t.{name}" for name in PLACES)
    connection.exec_driver_sql(
        f"INSERT INTO staged_area (file_rows, op, moved, placed, {listed}) SELECT '{{}}', 'U', false, true, {listed}"
        f" FROM area t WHERE NOT EXISTS (SELECT FROM staged_area n WHERE n.code = t.code) AND EXISTS"
        f" (SELECT FROM area_now n WHERE n.code = t.code"
        f" AND ({places.replace('t.', 'n.')}) IS DISTINCT FROM ({places}))"
    )
    sets = ", ".join(f"{name} = n.{name}" for name in PLACES)
    connection.exec_driver_sql(f"UPDATE staged_area s SET {sets} FROM area_now n WHERE n.code = s.code")


# --- what moves along ------------------------------------------------------------------------------------


def pull(connection: Connection, table: str, moved: set[str], staged: set[str]) -> bool:
    """Stage the stored records of a layer that may have to move with others; True where there is a stage now.

    `moved` names the tables with a record that moved. Areas that changed concern every record with a position or a
    declared township. Events are as they were.
    """
    layer = TABLES[table]
    reasons = [
        f"{key.replace('s.', 't.')} IN (SELECT code FROM staged_{owner} WHERE moved)"
        for owner, key in _NAMED.get(table, ())
        if owner in moved
    ]
    if "area" in moved and layer.position != "none":
        reasons.append("true")
    if layer.immutable or not reasons:
        return False
    names = columns_of(table)
    aside = f" AND NOT EXISTS (SELECT FROM staged_{table} n WHERE n.code = t.code)" if table in staged else ""
    if table not in staged:
        make_stage(connection, table)
    pulled = connection.exec_driver_sql(
        f"INSERT INTO staged_{table} (file_rows, op, moved, placed, {', '.join(names)})"
        f" SELECT '{{}}', 'U', false, false, {', '.join(f't.{n}' for n in names)}"
        f" FROM {table} t WHERE ({' OR '.join(reasons)}){aside}"
    )
    describe(connection, table, pulled.rowcount)
    return True


def danger_rules(staged: set[str]) -> list[Rule]:
    """A danger may not name a source and an enterprise that do not belong together."""
    source = _Owner("o", "source", "d.source_code", staged)
    other = (
        f"EXISTS (SELECT FROM (SELECT s.source_code) d {source.joins}"
        f" WHERE {source.value('enterprise_code')} <> s.enterprise_code)"
    )
    return [
        Rule(
            "enterprise_code",
            "s.enterprise_code",
            f"s.enterprise_code IS NOT NULL AND {other}",
            "该危险源属于另一家企业",
            "请核对危险源和企业编码，或只填其中一项",
        )
    ]


# --- mismatches ------------------------------------------------------------------------------------------


def mismatches(connection: Connection, table: str, rows: str = "") -> list[dict[str, Any]]:
    """Records whose declared township is not where they lie: code, declared and placed township (null: in none).

    Of the stored layer, or of `staged_<table>` given as `rows`. Empty where the layer declares none.
    """
    if "declared_township_code" not in metadata.tables[table].c or table == "line":
        return []
    row = "file_rows[1]" if rows else "NULL"
    found = connection.exec_driver_sql(
        f"SELECT {row} AS row, code, declared_township_code AS declared, township_code AS placed"
        f" FROM {rows or table} WHERE declared_township_code IS NOT NULL"
        " AND declared_township_code NOT IN"
        " (coalesce(township_code, ''), coalesce(village_code, ''), coalesce(grid_code, ''))"
        " ORDER BY 1, code",
        execution_options={"yield_per": _FETCHED},
    )
    words: dict[str, str] = {}  # there are few townships and may be a million records
    return [
        {
            "row": number,
            "code": code,
            "declared": words.setdefault(declared, declared),
            "placed": placed and words.setdefault(placed, placed),
        }
        for number, code, declared, placed in found
    ]
