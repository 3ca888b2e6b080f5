"""Why a score is what it is: stored lines of sources and enterprises, derived lines of areas, masked by rights."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, Engine

from jobs.areas import PART_OF, incidents_of, places_within
from jobs.city import places_of
from jobs.frames import each
from jobs.nearby import places_known
from jobs.past import past_of
from jobs.theme_lines import Filing
from layers.consequences import study_zones
from layers.database import Identity, reading, snapshot
from layers.dynamic import read_incidents
from layers.editions import edition_named, edition_on
from layers.hazards import Basis, box_around, hazards_of, lines_of_sources, read_hazards, widest_reach_mm
from layers.history import CLOCK, Moment
from layers.records import PREMISES_SUFFIX, fetch, points, visible_codes
from layers.risk import Inputs, account_of, read_known, run_numbered
from layers.stability import stability_of
from layers.themes import sources_seen
from layers.unpeopled import EXPOSURE
from riskmap.consequence_words import told_distances
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from riskmap.errors import BadInput, NotFound, RiskMapError
from riskmap.risk import RED, Contribution, level_of, raised
from riskmap.rollup import Part, area_account, city_account, highest, shared
from riskmap.themes import ADDITIVE, EVERYTHING, OVERLAPPING, Theme
from riskmap.vocabulary import AREA_KINDS
from riskmap.weight_words import stability_in_words
from riskmap.weights import MILLI, RiskWeights
from riskmap.wording import group_of, is_dynamic, words

EXPLAINED = ("source", "enterprise", *AREA_KINDS)
Line = dict[str, Any]


def explain(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    kind: str,
    code: str,
    *,
    as_of: str | None = None,
    theme: Theme = EVERYTHING,
    lang: str = "zh",
    progress: Any = None,
) -> dict[str, Any]:
    """The account of one thing in words, complete; the values sum to the score.

    With `as_of` the account of that moment, computed from what was recorded by then (`jobs.past`). With a `theme` only
    the lines that belong to it: they sum to `part`, which without one is the score. `breakdown` parts it by each
    dimension whose values add up, `overlapping` tells those that do not.

    NotFound where there is no such thing or its account is not this identity's to see. Records of others appear only
    as neighbours: kind, level, hazard, distance, bearing, name.
    """
    if kind not in EXPLAINED:
        raise BadInput(f"“{kind}”没有分值可说明", remedy="可用：" + "、".join(EXPLAINED))
    then = past_of(owner, as_of, progress=progress) if as_of else None
    with reading(reader, identity) as connection:
        found = fetch(connection, kind, code, then=then).items
        if not found or (kind in AREA_KINDS and not found[0]["facts_visible"]):
            raise NotFound(f"没有 {kind} {code}", remedy="请核对编码；其他镇街的记录不在您的权限内")
        record = found[0]
        stored = account_of(connection, kind, code, then) if kind in ("source", "enterprise") else []
        stored += _nobody_near(connection, kind, code, stored, then)
        stable = None if then else stability_of(connection, kind, code)
        zones = study_zones(connection, code, then) if kind == "source" else []
    lines = stored if kind in ("source", "enterprise") else _area_lines(owner, kind, record, then)
    if sum(line["value"] for line in lines) != round((record["score"] or 0) * 1_000_000):
        raise RiskMapError(
            "构成之和与分值不符，说明不予显示", remedy="请重新计算风险；仍然不符时请告知维护人员"
        )
    filing = _filed(owner, reader, identity, record, kind, lines, then)
    if filing is not None and theme.narrow:
        filed = filing.of_theme(theme, by_period=theme.period is not None)
        lines = [one.line for one in filed]
    part = sum(line["value"] for line in lines)
    if not identity.sees_city:
        with reading(reader, identity) as connection:
            lines = _masked(connection, lines, then)
    told = (
        "code",
        "name",
        "kind",
        "score",
        "level",
        "level_held",
        "held_until",
        "base_score",
        "base_level",
        "rise",
        "rise_level",
        "confidence",
    )
    return {
        **{name: record.get(name) for name in told},
        "kind": kind,
        **{name: record[name] for name in ("run_id", "computed", "edition", "data_time")},
        "part": points(part) if record["score"] is not None else None,
        "theme": theme._asdict(),
        "breakdown": {name: filing.breakdown(theme, name, lang) if filing else [] for name in ADDITIVE},
        "overlapping": {name: filing.breakdown(theme, name, lang) if filing else [] for name in OVERLAPPING},
        "stability": stability_in_words(stable, lang),
        "contributions": [_in_words(line, lang) for line in lines],
        "consequences": told_distances(record, zones, lang) if kind == "source" else [],
    }


def _nobody_near(
    connection: Connection, kind: str, code: str, stored: list[Line], then: Moment | None
) -> list[Line]:
    """A line of 0 where a source, or the premises of an enterprise, reach nobody on file: no place can move there."""
    if kind == "enterprise" and stored:
        stored = account_of(connection, "source", code + PREMISES_SUFFIX, then)
    if not stored or any(line["item"] in EXPOSURE for line in stored):
        return []
    return [{"item": "exposure_nobody", "record": None, "value": 0, "args": {}}]


def _filed(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    record: dict[str, Any],
    kind: str,
    lines: list[Line],
    then: Moment | None,
) -> Filing | None:
    """The lines by theme, as far as this identity may know their sources; None where there is none."""
    if not lines:
        return None
    with reading(reader, identity) as connection:
        seen = None if identity.sees_city else sources_seen(connection, then)
    with snapshot(owner) as connection:
        basis, used = _standing(connection, record["run_id"], record["data_time"], then)
        return Filing(connection, basis, used, kind, record["code"], lines, seen)


def _in_words(line: Line, lang: str) -> dict[str, Any]:
    item, args = line["item"], line["args"]
    label, reason = words(item, args, lang)
    told = {
        "kind": item,
        "record": line["record"],
        "label": label,
        "value": points(line["value"]),
        "reason": reason,
        "group": group_of(item, args),
        "source": args.get("source"),
        "since": None,
        "until": None,
    }
    if is_dynamic(args):
        told["since"] = args.get("since") or args.get("found_on") or args.get("last")
        told["until"] = args.get("until")
    return told


def _area_lines(owner: Engine, kind: str, record: dict[str, Any], then: Moment | None) -> list[Line]:
    """The lines of an area, derived from what its score was: the same kernel over the sources in reach."""
    if record["score"] is None:
        return []
    with snapshot(owner) as connection:
        basis, inputs = _basis_of_area(connection, kind, record, then)
        weights = RiskWeights.from_edition(inputs.edition)
        if kind == "city":
            lines = _city_lines(connection, basis, inputs, weights)
            return [*lines, *_rule_lines(inputs, weights, lines, "city", None, [])]
        area = inputs.areas[inputs.areas["code"] == record["code"]].iloc[0]
        hazards, parts = _parts_of(connection, basis, inputs, weights, [area])
        lines = _part_lines(connection, basis, inputs, weights, hazards, parts[0], area.geom)
    red = [
        f"source/{code}" for code in hazards["code"][_standing_in(hazards, area) & (hazards["level"] == RED)]
    ]
    return [*lines, *_rule_lines(inputs, weights, lines, kind, area.code, red)]


def basis_of(
    connection: Connection, run_id: int, data_time: str, then: Moment | None
) -> tuple[Basis, Inputs]:
    """What scores stand on, by the run that set them or by what was computed for a moment: sources, and all else."""
    basis, used = _standing(connection, run_id, data_time, then)
    return basis, read_known(connection, basis.records, used, datetime.fromisoformat(data_time))


def _standing(
    connection: Connection, run_id: int, data_time: str, then: Moment | None
) -> tuple[Basis, Edition]:
    if then is not None:
        day = datetime.fromisoformat(data_time).astimezone(CLOCK).date()
        return Basis.of_past(then), edition_on(connection, day, then)
    run = run_numbered(connection, run_id)
    return Basis.of_run(run), edition_named(connection, run["edition"], run["known_rev"])


def _basis_of_area(
    connection: Connection, kind: str, record: dict[str, Any], then: Moment | None
) -> tuple[Basis, Inputs]:
    """What one area's score stands on: the sources, and its own part of all else."""
    basis, used = _standing(connection, record["run_id"], record["data_time"], then)
    at = datetime.fromisoformat(record["data_time"])
    places = places_known(connection, basis.records, used, kind, record["code"])
    return basis, replace(places, at=at, records=read_incidents(connection, at, basis.records))


def _rule_lines(
    inputs: Inputs, weights: RiskWeights, lines: list[Line], kind: str, code: str | None, red: list[str]
) -> list[Line]:
    """The lines of 0 of the rules that raise an area's colour."""
    by_township = kind == "city" and len(inputs.areas[inputs.areas["level"] == "township"])
    level = level_of(weights, sum(line["value"] for line in lines), "city" if by_township else "ordinary")
    level, by_red = raised(weights.raising, level, kind, red)
    incidents = raised(weights.incident, level, kind, incidents_of(inputs).get((kind, code), []))[1]
    return [_line(rule) for rule in (*by_red, *incidents)]


def _standing_in(hazards: pd.DataFrame, area: Any) -> Any:
    column = PART_OF.get(area.level)
    return hazards[column] == area.code if column in hazards else np.zeros(len(hazards), bool)


def _city_lines(connection: Connection, basis: Basis, inputs: Inputs, weights: RiskWeights) -> list[Line]:
    townships = inputs.areas[inputs.areas["level"] == "township"]
    if not len(townships):
        whole = pd.Series({"code": None, "level": "city", "geom": None, "members": None})
        hazards, parts = _parts_of(connection, basis, inputs, weights, [whole])
        return _part_lines(connection, basis, inputs, weights, hazards, parts[0], None)
    hazards, parts = _parts_of(connection, basis, inputs, weights, [row for _, row in townships.iterrows()])
    chosen = highest([sum(part.value for part in own) for own in parts], weights.townships_of_city)
    merged = city_account([parts[n] for n in chosen], weights.townships_of_city)[1]
    return _part_lines(connection, basis, inputs, weights, hazards, merged, None)


def _parts_of(
    connection: Connection, basis: Basis, inputs: Inputs, weights: RiskWeights, areas: Sequence[Any]
) -> tuple[pd.DataFrame, list[list[Part]]]:
    """The sources in reach of some areas' places, and each area's parts by position among these sources."""
    people, places = places_of(inputs, weights)
    chosen = [np.flatnonzero(places_within(area, people, places.xy)) for area in areas]
    xy = places.xy[np.concatenate(chosen)] / MILLI
    reach_m = widest_reach_mm(connection, basis) / MILLI
    frame = read_hazards(connection, basis, box_around(xy, reach_m))
    _, hazards = hazards_of(frame)
    parts = [
        area_account(places.take(index), hazards, weights.worst_placed[area.level], weights.share_permille)[1]
        for area, index in zip(areas, chosen, strict=True)
    ]
    return frame, parts


def _part_lines(
    connection: Connection,
    basis: Basis,
    inputs: Inputs,
    weights: RiskWeights,
    hazards: pd.DataFrame,
    parts: list[Part],
    area_geom: Any,
) -> list[Line]:
    """What sources add to an area: a line for each source's own items, and one for each record in force there."""
    items = DynamicWeights.from_edition(inputs.edition).items
    rows = hazards.iloc[[part.source for part in parts]]
    risen = rows["code"][rows["hazard"] > rows["hazard_base"]]
    going_on = lines_of_sources(connection, basis, list(risen), items) if len(risen) else {}
    lines = []
    for part, row in zip(parts, each(rows), strict=True):
        records = going_on.get(row.code, [])
        own, *shares = shared(part.value, [row.hazard_base, *(line["value"] for line in records)])
        lines.append(_source_line(part, own, row, weights, area_geom))
        lines += [
            {**line, "value": share, "args": {**line["args"], "source": row.code, "source_name": row.name}}
            for line, share in zip(records, shares, strict=True)
            if share
        ]
    return lines


def _source_line(part: Part, value: int, row: Any, weights: RiskWeights, area_geom: Any) -> Line:
    rule = weights.kinds[row.kind]
    args = {
        "name": row.name,
        "kind": row.kind,
        "kind_zh": rule.name_zh,
        "kind_en": rule.name_en,
        "level": int(row.base_level),
        "hazards": row.hazards,
        "distance_m": part.nearest / MILLI,
        "people": part.people / MILLI,
        "bearing": _bearing(area_geom, row.site),
    }
    return {"item": "source", "record": f"source/{row.code}", "value": value, "args": args}


def _bearing(area_geom: Any, site: Any) -> float:
    """Degrees clockwise from north, from an area's middle to a site's."""
    if area_geom is None:
        return 0.0
    here, there = shapely.point_on_surface(area_geom), shapely.point_on_surface(site)
    return float(np.degrees(np.arctan2(there.x - here.x, there.y - here.y)) % 360.0)


def _line(rule: Contribution) -> Line:
    return {"item": rule.kind, "record": rule.record, "value": rule.value, "args": dict(rule.args)}


def _masked(connection: Connection, lines: list[Line], then: Moment | None) -> list[Line]:
    """Lines of records that this identity may not read, as neighbours or without their facts; the sum stays.

    What is going on at a neighbour's is not told one by one: it is part of the neighbour's line.
    """
    seen = visible_codes(connection, [line["record"] for line in lines if line["record"]], then)
    seen |= visible_codes(
        connection, [f"source/{line['args']['source']}" for line in lines if "source" in line["args"]], then
    )
    within: dict[str, int] = defaultdict(int)
    for line in lines:
        if "source" in line["args"]:
            within[f"source/{line['args']['source']}"] += line["value"]
    told = []
    for line in lines:
        record = line["record"]
        if "source" in line["args"] and f"source/{line['args']['source']}" not in seen:
            continue
        if record is None or record in seen:
            told.append(line)
        else:
            told.append(_of_another(line | {"value": line["value"] + within[record]}))
    return told


def _of_another(line: Line) -> Line:
    args = line["args"]
    if line["item"] == "source":
        told = ("kind", "kind_zh", "kind_en", "level", "hazards", "distance_m", "bearing", "name")
        return line | {"item": "neighbour", "record": None, "args": {name: args[name] for name in told}}
    if line["item"] == "exposure_grid":
        return line | {"args": {"name": args["name"], "people": None}}
    return line | {"item": "hidden", "record": None, "args": {}}
