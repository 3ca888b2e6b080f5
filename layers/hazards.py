"""What a run made of the sources, as places feel them: hazard, reach and site of each, for explanations."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Label,
    Text,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
)

from layers.exposure import shapes_from, sites_of
from layers.history import Moment, results_of, rows_of
from layers.reading import among, position, read_frame, read_table, shapes
from layers.records import PREMISES_SUFFIX
from layers.schema import SCOPE, city, metadata, score
from riskmap.shapes import Shapes, to_mm
from riskmap.superposition import Hazards

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Basis:
    """What some results stand on: the records that they were computed from, and the moment that tells the results."""

    records: Moment
    results: Moment

    @classmethod
    def of_run(cls, run: Mapping[str, Any]) -> "Basis":
        """Of a run of the ledger that set the current levels."""
        return cls(Moment(None, run["known_rev"]), Moment(None, run["rev"]))

    @classmethod
    def of_past(cls, then: Moment) -> "Basis":
        """Of a moment whose results were computed from its own records."""
        return cls(then, then)


def read_hazards(
    connection: Connection,
    basis: Basis | None,
    box: Box | None = None,
    *,
    standing_in: Mapping[str, Collection[str]] | None = None,
    codes: Collection[str] | None = None,
    named: bool = True,
) -> pd.DataFrame:
    """Sources whose site meets a box (metres: west, south, east, north), as they were known and scored, by code.

    Without a basis they are told by what records and results are now.
    `standing_in` adds those that stand in some areas, by the column of `SCOPE` that says so; `codes` adds these.
    Where none of the three is given (None), all sources are read. Those that nobody is told of need not be `named`:
    name, kind, industry and hazards are left out.
    Columns: code, name, kind, industry, level, base_level, hazard and hazard_base (micro-points), reach_mm and
    base_reach_mm, hazards, the columns of `SCOPE`, site.
    """
    records, results = (basis.records, basis.results) if basis else (None, None)
    result = results_of("score", results).alias("result")
    record = rows_of("source", records).alias("record")
    own_code = _without_suffix(result.c.code)
    firm = rows_of("enterprise", records).alias("firm")
    window = func.ST_MakeEnvelope(*(box or ()), select(city.c.metric_srid).scalar_subquery())
    named_by = func.coalesce(record.c.enterprise_code, own_code)
    query = (
        select(
            result.c.code,
            *(_told(result, record, firm) if named else ()),
            result.c.level,
            result.c.base_level,
            *_felt(result.c.facts),
            *(result.c[name] for name in SCOPE),
            position(record.c.geom_m, "geom"),
            position(firm.c.geom_m, "firm_geom"),
        )
        .select_from(
            result.outerjoin(record, record.c.code == result.c.code).outerjoin(firm, firm.c.code == named_by)
        )
        .where(result.c.kind == "source")
        .order_by(result.c.code)
    )
    if not (box is None and standing_in is None and codes is None):
        query = query.where(
            or_(
                *(shape.op("&&")(window) for shape in (record.c.geom_m, firm.c.geom_m) if box),
                result.c.code == among(codes or ()),
                *(result.c[name] == among(areas) for name, areas in (standing_in or {}).items()),
            )
        )
    frame = read_frame(connection, query)
    if named:
        frame["hazards"] = frame["hazards"].map(
            {text: json.loads(text) for text in frame["hazards"].unique()}
        )
    for name in ("hazard", "hazard_base"):
        frame[name] = frame[name].to_numpy(np.int64)
    for name in ("base_reach", "reach"):
        frame[f"{name}_mm"] = to_mm(frame.pop(f"{name}_m")).astype(np.int64)
    own, firms = shapes(frame.pop("geom")), shapes(frame.pop("firm_geom"))
    without_record = np.array([shape is None for shape in own], bool)
    own[without_record] = firms[without_record]
    frame["site"] = sites_of(own, firms)
    return frame


def _without_suffix(code: ColumnElement[str]) -> ColumnElement[str]:
    """The enterprise whose premises a source of this code would be."""
    return func.left(code, func.length(code) - len(PREMISES_SUFFIX))


def _told(result: FromClause, record: FromClause, firm: FromClause) -> list[ColumnElement[Any]]:
    """What an explanation names of a source."""
    return [
        func.coalesce(record.c.name, firm.c.name).label("name"),
        firm.c.industry,
        result.c.facts["kind"].astext.label("kind"),
        result.c.facts["hazards"].astext.label("hazards"),
    ]


def _felt(facts: ColumnElement[Any]) -> list[Label[Any]]:
    """What places feel of a source, out of its facts; runs of early releases kept no baseline apart."""
    hazard, reach = facts["hazard"].as_integer(), facts["distances_m"]["reach"].as_float()
    return [
        cast(hazard, BigInteger).label("hazard"),
        cast(func.coalesce(facts["hazard_base"].as_integer(), hazard), BigInteger).label("hazard_base"),
        cast(reach, Double).label("base_reach_m"),
        cast(func.coalesce(facts["reach_now_m"].as_float(), reach), Double).label("reach_m"),
    ]


def hazards_of(frame: pd.DataFrame) -> tuple[Hazards, Hazards]:
    """The sources of such a frame as places feel them, without and with dynamic records, in its order."""
    sites = shapes_from(frame["site"].to_numpy(object))
    base, now = (
        Hazards(sites, frame[points].to_numpy(np.int64), frame[reach].to_numpy(np.int64))
        for points, reach in (("hazard_base", "base_reach_mm"), ("hazard", "reach_mm"))
    )
    return base, now


def read_plain_premises(
    connection: Connection, codes: Collection[str] | None, left_out: Collection[str]
) -> Hazards:
    """Premises, by no order, as places feel them now: each at one point, and nothing is going on there.

    Those of some codes, or all (None) but some that are left out.
    """
    result, firm = score.alias("result"), metadata.tables["enterprise"].alias("firm")
    reach = cast(result.c.facts["distances_m"]["reach"], Double).label("reach_m")
    hazard = cast(result.c.facts["hazard"], BigInteger).label("hazard")
    x: Label[float] = func.ST_X(firm.c.geom_m, type_=Double()).label("x")
    y: Label[float] = func.ST_Y(firm.c.geom_m, type_=Double()).label("y")
    query = select(hazard, reach, x, y).where(
        result.c.kind == "source",
        result.c.code.endswith(PREMISES_SUFFIX),
        firm.c.code == _without_suffix(result.c.code),
        firm.c.geom_m.is_not(None),
    )
    if codes is None:
        others = bindparam(None, list(left_out), type_=ARRAY(Text))
        out = func.unnest(others).table_valued("code", name="left_out").render_derived()
        query = query.where(~exists().where(out.c.code == result.c.code))
    else:
        query = query.where(result.c.code == among(set(codes) - set(left_out)))
    table = read_table(connection, query)
    xy_m = np.column_stack([table[name].to_numpy() for name in ("x", "y")])
    reach_mm = to_mm(table["reach_m"]).astype(np.int64)
    return Hazards(Shapes.points(xy_m), table["hazard"].to_numpy(), reach_mm)


def box_around(xy_m: Any, margin_m: float) -> Box:
    """The box of some points (n, 2) and a margin around; an empty one at the origin for none."""
    if not len(xy_m):
        return 0.0, 0.0, 0.0, 0.0
    west, south = xy_m.min(axis=0) - margin_m
    east, north = xy_m.max(axis=0) + margin_m
    return float(west), float(south), float(east), float(north)


def lines_of_sources(
    connection: Connection, basis: Basis, codes: Collection[str], items: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """By source the lines of some kinds in its account: item, record, value, args, in their order."""
    rows = results_of("contribution", basis.results)
    query = select(rows.c.code, rows.c.item, rows.c.record, rows.c.value, rows.c.args)
    query = query.where(rows.c.kind == "source", rows.c.code == among(codes))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(
        query.where(rows.c.item.in_(items)).order_by(rows.c.code, rows.c.n)
    ).mappings():
        found.setdefault(row["code"], []).append(
            {name: row[name] for name in ("item", "record", "value", "args")}
        )
    return found


def widest_reach_mm(connection: Connection, basis: Basis) -> int:
    """The longest reach of any source."""
    result = results_of("score", basis.results)
    base, now = result.c.facts["distances_m"]["reach"].as_float(), result.c.facts["reach_now_m"].as_float()
    reach = func.max(func.greatest(base, now))
    return round(
        (connection.execute(select(reach).where(result.c.kind == "source")).scalar_one() or 0) * 1000
    )
