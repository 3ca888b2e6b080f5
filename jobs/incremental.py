"""A run of what changed: the same accounts over the same records, for no more than the changes since the last run reach.

A changed record touches its source and all sources of that enterprise; a changed place or target touches the sources
that reach it; touched sources that are felt otherwise than before touch the places within their old and new reach;
these, and where touched sources stand, touch areas and the city. All of it is computed by the functions of a whole run,
which look at one source, one place and one area at a time, so the results are the same to the last bit: places that
nothing touches keep their scores, and areas are computed from both. Where a change may reach everything (areas, the
edition, the day, an event over the whole city) the run is a whole one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from sqlalchemy import Connection

from jobs.accounts import Accounts, enterprise_accounts, source_accounts
from jobs.areas import (
    PART_OF,
    PlaceScores,
    Sums,
    area_rows,
    city_row,
    incidents_of,
    overlay_rows,
    place_rows,
    score_places,
)
from jobs.around import Around, polygons, read_around
from jobs.assessment import as_standing
from jobs.city import City, Ground, arrange
from jobs.dynamic import events_of
from jobs.frames import Array, index_of
from jobs.premises import widest_premises_mm
from jobs.results import Assessment, assessment_of
from layers.dynamic import read_dynamic, read_events, silences_broken
from layers.hazards import Basis, read_hazards
from layers.history import CLOCK
from layers.merged import merged_since
from layers.public_warnings import areas_covered
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs, no_records, read_inputs
from layers.touched import (
    MOST_RECORDS,
    Touched,
    at_one_point,
    changed_records,
    event_rows,
    has_places,
    limits,
    mark_reaches,
    mark_sites,
    naming,
    reached_places,
    scores_of,
    sources_around,
    sources_of,
    values_of,
)
from riskmap.dynamic import CLEARED, PUBLIC_WARNING, RAISING, DynamicWeights, event_factor
from riskmap.editions import Edition
from riskmap.weights import LONGEST_REACH_M, MILLI, RiskWeights

_OF_SOURCE = ("inventory", "sensor", "danger", "zone_external")
_NO_MATTER = {"resource", "line", "duty", "zone_record"}
"""layers that no run reads"""


@dataclass(frozen=True, slots=True)
class Increment:
    """The results of what was looked at, and of what: a result in `scope` (kind, code) that is not among them is gone."""

    assessment: Assessment
    scope: pd.DataFrame
    inputs: Inputs


def assess_changes(
    connection: Connection, last: dict[str, Any], at: datetime, edition: Edition, city_code: str
) -> Increment | None:
    """What the changes since a run come to at an instant of the same day; None where the run must be a whole one."""
    if at < last["data_time"] or at.astimezone(CLOCK).date() != last["data_time"].astimezone(CLOCK).date():
        return None
    if not has_places(connection):
        return None
    touched, incidents = Touched(), set[str]()
    if not (
        _by_records(connection, touched, incidents, last["known_rev"])
        and _by_events(connection, touched, incidents, last, at, edition)
    ):
        return None
    if not touched and not incidents:
        return _nothing_new(connection, at, edition)
    _whole_enterprises(connection, touched, last["known_rev"])
    return _recomputed(connection, last, at, city_code, touched, incidents, edition)


# --- what is touched ---------------------------------------------------------------------------------------


def _by_records(connection: Connection, touched: Touched, incidents: set[str], rev: int) -> bool:
    """Touch what changed records reach; False where that may be everything."""
    changed = changed_records(connection, rev)
    if changed is None or "area" in changed:
        return False
    incidents |= areas_covered(connection, changed.pop(PUBLIC_WARNING, ()))
    touched.sources |= changed.pop("source", set()) | merged_since(connection, "source", rev)
    for table in _OF_SOURCE:
        touched.sources |= values_of(connection, table, changed.get(table, ()), rev, "source_code")
    firms = changed.pop("enterprise", set())
    touched.enterprises |= firms | at_one_point(connection, firms, rev)
    touched.enterprises |= values_of(connection, "danger", changed.get("danger", ()), rev, "enterprise_code")
    touched.places |= changed.get("population", set())
    for table in ("population", "target"):
        touched.sources |= sources_around(connection, table, changed.pop(table, ()), rev, LONGEST_REACH_M)
    return not set(changed) - _NO_MATTER - set(_OF_SOURCE)


def _by_events(
    connection: Connection,
    touched: Touched,
    incidents: set[str],
    last: dict[str, Any],
    at: datetime,
    edition: Edition,
) -> bool:
    """Touch the sources of events that came, went or count otherwise than at the last run; False where that may be all."""
    rules = DynamicWeights.from_edition(edition)
    rows = event_rows(connection, last["known_rev"])
    if len(rows) > MOST_RECORDS:
        return False
    frame = read_events(connection, at, rules, since=last["data_time"])
    before = last["data_time"].astimezone(CLOCK)
    now = at.astimezone(CLOCK)
    told: list[Mapping[Any, Any]] = list(rows)
    for row, event in zip(frame.to_dict("records"), events_of(frame), strict=True):
        counts_otherwise = event_factor(rules, event, before) != event_factor(rules, event, now)
        if counts_otherwise or _began_or_ended(row, before, now):
            told.append(row)
    sensors = {row["sensor_code"] for row in told if row["sensor_code"] and not row["source_code"]}
    sensors |= silences_broken(connection, last["known_rev"])
    touched.sources |= {row["source_code"] for row in told if row["source_code"]}
    touched.sources |= values_of(connection, "sensor", sensors, last["known_rev"], "source_code")
    for one in told:
        if one["kind"] in RAISING:
            incidents |= {one[name] for name in PART_OF.values() if one[name]}
        elif _may_be_anywhere(one, rules):
            return False
    return True


def _may_be_anywhere(row: Mapping[Any, Any], rules: DynamicWeights) -> bool:
    """Whether an event works on every source that its area reaches, and not on one that it names."""
    return row["kind"] in rules.kinds - {CLEARED} and not (row["source_code"] or row["sensor_code"])


def _began_or_ended(row: dict[Any, Any], before: datetime, now: datetime) -> bool:
    """Of an incident or a red public warning: whether it is in force now and was not, or the other way round."""
    edges = (row["time"], row["until"])
    return row["kind"] in RAISING and any(edge is not None and before < edge <= now for edge in edges)


def _whole_enterprises(connection: Connection, touched: Touched, rev: int) -> None:
    """An enterprise is the lead over all its sources: where one is touched all are."""
    premises = {code for code in touched.sources if code.endswith(PREMISES_SUFFIX)}
    touched.enterprises |= {code.removesuffix(PREMISES_SUFFIX) for code in premises}
    touched.enterprises |= values_of(connection, "source", touched.sources, rev, "enterprise_code")
    touched.sources |= sources_of(connection, touched.enterprises, rev)


def _nothing_new(connection: Connection, at: datetime, edition: Edition) -> Increment:
    """No result is looked at; what is going on is read, for it says when the next step is due."""
    records = read_dynamic(connection, at, DynamicWeights.from_edition(edition))
    inputs = replace(no_records(edition), at=at, records=records)
    return Increment(assessment_of([], edition.hash), pd.DataFrame(columns=["kind", "code"]), inputs)


# --- what it comes to --------------------------------------------------------------------------------------


def _recomputed(
    connection: Connection,
    last: dict[str, Any],
    at: datetime,
    city_code: str,
    touched: Touched,
    incidents: set[str],
    edition: Edition,
) -> Increment | None:
    mark_sites(connection, _radii(connection, touched, last["known_rev"], edition), last["known_rev"])
    beside = at_one_point(connection, touched.enterprises, last["known_rev"])
    inputs = read_inputs(connection, at, limits=limits(touched.sources, {*touched.enterprises, *beside}))
    city = arrange(inputs)
    sources = source_accounts(inputs, city)
    enterprises = enterprise_accounts(inputs, city, sources)
    known = read_hazards(connection, Basis.of_run(last), codes=touched.sources, named=False)
    new = _as_hazards(city, sources)
    of_sources, of_enterprises = (
        new["code"].isin(touched.sources),
        inputs.enterprises["code"].isin(touched.enterprises),
    )
    new = new[of_sources]
    places, areas = _reached(connection, last, touched, known, new, incidents)
    around = read_around(connection, inputs, known, new, places, areas)
    rows = _area_rows(connection, around, touched, city_code)
    if rows is None:
        return None
    own = [
        sources.results.only(of_sources.to_numpy(bool)),
        enterprises.results.only(of_enterprises.to_numpy(bool)),
    ]
    assessment = assessment_of([*own, *rows], inputs.edition.hash)
    looked_at = {"source": touched.sources, "enterprise": touched.enterprises, "place": touched.places}
    scope = [pd.DataFrame({"kind": kind, "code": sorted(codes)}) for kind, codes in looked_at.items()]
    scope.append(assessment.results.scores.select(["kind", "code"]).to_pandas())
    return Increment(assessment, pd.concat(scope).drop_duplicates(ignore_index=True), inputs)


def _radii(
    connection: Connection, touched: Touched, rev: int, edition: Edition
) -> dict[float, Collection[str]]:
    """How far around touched sources people may count, in metres: most premises reach no farther than their kind."""
    holding = naming(connection, ("inventory", "zone_external"), touched.sources, rev)
    near = {code for code in touched.sources - holding if code.endswith(PREMISES_SUFFIX)}
    far_m = widest_premises_mm(RiskWeights.from_edition(edition)) / MILLI
    return {float(LONGEST_REACH_M): touched.sources - near, far_m: near}


def _as_hazards(city: City, sources: Accounts) -> pd.DataFrame:
    """The sources of this run as `read_hazards` gives those of the last."""
    base, now = city.ground.base, city.ground.now
    return as_standing(city, sources).assign(
        hazard=now.points, hazard_base=base.points, reach_mm=now.reach, base_reach_mm=base.reach
    )


def _reached(
    connection: Connection,
    last: dict[str, Any],
    touched: Touched,
    known: pd.DataFrame,
    new: pd.DataFrame,
    incidents: set[str],
) -> tuple[set[str], dict[str, set[str]]]:
    """Codes of the places to compute anew, and those of the areas, by the column of a record that says where it stands."""
    both = pd.concat([known, new], ignore_index=True)
    moved = both[_felt_otherwise(both)]
    reach = np.maximum(moved["reach_mm"], moved["base_reach_mm"]) / MILLI
    mark_reaches(connection, moved[["site"]].assign(r_m=reach))
    places = reached_places(connection, touched.places, last["known_rev"])
    found = {}
    for column in PART_OF.values():
        codes = set(places[column]) | set(both[column]) | incidents
        found[column] = {code for code in codes if code}
    return set(places["code"]), found


def _felt_otherwise(both: pd.DataFrame) -> Array:
    """Which of the sources of two runs places do not feel in the other as they do in this."""
    felt = both[["code", "hazard", "hazard_base", "reach_mm", "base_reach_mm"]]
    felt = felt.assign(site=shapely.to_wkb(both["site"].to_numpy(object)))
    found: Array = ~felt.duplicated(keep=False).to_numpy(bool)
    return found


def _area_rows(
    connection: Connection, around: Around, touched: Touched, city_code: str
) -> list[pa.Table] | None:
    """Rows of the places, areas, overlays and the city; None where the city is not told by its townships."""
    ground, areas, standing = around.ground, around.inputs.areas, around.standing
    only = _only(ground, around.anew)
    anew = score_places(only)
    scores = _scores_with(around, anew)
    incidents = incidents_of(around.inputs)
    rows = [place_rows(only, anew)]
    rows += [area_rows(areas, ground, standing, scores, level, incidents) for level in PART_OF]
    found = rows[-1].select(["code", "score", "base"]).to_pylist()
    townships = {row["code"]: row for row in (*scores_of(connection, "township"), *found)}
    by_polygon = areas.index.isin(polygons(areas).index)
    rows.append(overlay_rows(areas[~by_polygon], ground, standing, scores))
    rows.append(overlay_rows(areas[by_polygon], ground, around.placed, scores))
    city = scores_of(connection, "city", [city_code])
    if not city or not townships or city[0]["score"] is None:
        return None
    gone = {*only.people["code"], *touched.places}
    before = around.before[around.before["code"].isin(gone)]
    sums = _of_city(city[0]["facts"], before, only, anew)
    told = [[row[name] for row in townships.values()] for name in ("score", "base")]
    happening = incidents.get(("city", None), [])
    return [*rows, city_row(ground, (np.array(told[0]), np.array(told[1])), sums, happening, city_code)]


def _only(ground: Ground, chosen: Array) -> Ground:
    """The same ground with some of its places."""
    people = ground.people[chosen].reset_index(drop=True)
    return replace(ground, people=people, places=ground.places.take(np.flatnonzero(chosen)))


def _scores_with(around: Around, anew: PlaceScores) -> PlaceScores:
    """The scores of all places: some anew, the others as they were."""
    at = index_of(around.ground.people["code"], around.before["code"].to_numpy(object))
    found = []
    for name, some in (("score", anew.now), ("base", anew.base)):
        scores = np.append(around.before[name].to_numpy(np.int64), 0)[at]
        scores[around.anew] = some
        found.append(scores)
    return PlaceScores(*found)


def _of_city(known: Mapping[str, Any], before: pd.DataFrame, ground: Ground, scores: PlaceScores) -> Sums:
    """The sums of the city: what they were, with what some places are in stead of what they were."""
    people, was = (
        ground.places.people,
        np.round(before["people"].to_numpy(np.float64) * MILLI).astype(np.int64),
    )
    score, base = (before[name].to_numpy(np.int64) for name in ("score", "base"))
    burden = known["burden"] - int((was * score).sum()) + int((people * scores.now).sum())
    calm = known["base_burden"] - int((was * base).sum()) + int((people * scores.base).sum())
    heads = round(known["residents_and_day"] * MILLI) - int(was.sum()) + int(people.sum())
    nothing = np.zeros(1, np.int64)
    return Sums(nothing, nothing, *(np.array([one]) for one in (burden, calm, heads)))
