"""Before and after: what a proposal would change on the map, by the risk engine on a copy of the records. Writes nothing."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection, Engine

from jobs.assessment import assess_records
from jobs.frames import with_rows
from jobs.grading import open_targets
from jobs.results import Assessment
from jobs.siting import Judged, judge
from jobs.siting_messages import facts_in, messages_with
from jobs.siting_zones import zones_compared
from layers.city import stored_city
from layers.database import Identity, snapshot
from layers.history import CLOCK, head_rev
from layers.records import iso, points
from layers.risk import Inputs, read_inputs
from layers.siting import Row, Site, scope_at, site_of
from riskmap.errors import Forbidden
from riskmap.siting_words import told
from riskmap.vocabulary import AREA_KINDS, DEVELOPMENT_KINDS, LEVELS

PROPOSED = "~proposed"
"""the code of what is proposed on the copy: it sorts behind every other"""
_HOMES = ("dwelling",)
_ROUTES = ("road", "railway")
_COLOURS = ("level", "base_level", "rise_level")
_LISTED = 500


def effects_of(
    owner: Engine, identity: Identity, given: Any, *, lang: str = "zh", at: datetime | None = None
) -> Row:
    """People newly exposed, areas and sources whose score or colour changes, zones that change, the proposal's own score.

    The whole city is computed twice, as it is and with the proposal in it. Forbidden for those who do not see the whole
    city; BadInput and TooLarge as for a verdict.
    """
    started = time.perf_counter()
    if not identity.sees_city:
        raise Forbidden("前后对比须能看到全市数据", remedy="请由市级或规划用户查询")
    now = at or datetime.now(CLOCK).replace(microsecond=0)
    with snapshot(owner) as connection:
        answer = effects_at(connection, given, now, lang=lang)
    return {**answer, "duration_s": round(time.perf_counter() - started, 3)}


def effects_at(connection: Connection, given: Any, now: datetime, *, lang: str = "zh") -> Row:
    """What would change by what a transaction sees, at an instant; see `effects_of`."""
    judged = judge(connection, given, now.astimezone(CLOCK).date())
    site = site_of(connection, judged.proposal.geometry, most_m2=judged.rules.area_m2)
    return effects_of_judged(connection, judged, site, now, lang=lang)


def effects_of_judged(
    connection: Connection, judged: Judged, site: Site, now: datetime, *, lang: str = "zh"
) -> Row:
    """What a proposal that was read and placed would change; see `effects_of`."""
    scope = scope_at(connection, site)
    inputs, rev = read_inputs(connection, now), head_rev(connection)
    city_code = stored_city(connection).code
    before = assess_records(inputs, city_code)
    grown = with_proposal(inputs, judged, site, scope)
    after = assess_records(grown, city_code)
    own, held = None, None
    if judged.proposal.kind not in DEVELOPMENT_KINDS:
        own, held = as_source(inputs, judged, site, scope)
    zones = zones_compared(connection, now, (before, after), own, held)
    changed = _compared(inputs, before, after)
    turned = sum(one["recoloured"] for one in zones.told)
    changed["recoloured"] |= {"zone": turned} if turned else {}
    return {
        **changed,
        **_targets_reached(inputs, judged, site, after),
        "people_unknown": _people_unknown(judged),
        "proposal": _own(after) if own else None,
        "data": {"rev": rev, "time": iso(now), "edition": inputs.edition.name},
        "result_hash": {"before": before.result_hash(), "after": after.result_hash()},
        "zones": zones.told[:_LISTED],
        "messages": messages_with(connection, now, (inputs, before), (grown, after), zones)[:_LISTED],
        "note": told("effects", lang),
    }


def _people_unknown(judged: Judged) -> bool:
    """Whether it is for people of whom nobody said how many: it is computed without any."""
    proposal = judged.proposal
    gathers = proposal.kind in DEVELOPMENT_KINDS and proposal.kind not in _ROUTES
    return gathers and "people" not in proposal.uses[0].measures


def _targets_reached(inputs: Inputs, judged: Judged, site: Site, after: Assessment) -> Row:
    """How many protected targets on file accidents at the proposal would reach, and which, the nearest first."""
    nobody: Row = {"targets_reached": 0, "reach_m": None, "targets": []}
    if judged.proposal.kind in DEVELOPMENT_KINDS:
        return nobody
    reach_m = (facts_in(_own_row(after)["facts"]).get("distances_m") or {}).get("reach")
    if reach_m is None:
        return nobody
    targets = open_targets(inputs)
    away = shapely.distance(targets["geom"].to_numpy(object), site.shape)
    near = np.flatnonzero(away <= reach_m)
    near = near[np.lexsort((targets["code"].to_numpy(str)[near], away[near]))]
    names = ("code", "name", "target_class")
    told = [
        {**{name: targets[name].iloc[n] for name in names}, "distance_m": round(float(away[n]), 1)}
        for n in near[:_LISTED].tolist()
    ]
    return {"targets_reached": len(near), "reach_m": reach_m, "targets": told}


def with_proposal(inputs: Inputs, judged: Judged, site: Site, scope: Mapping[str, Any]) -> Inputs:
    """A copy of the records with the proposal among them: a source with what it holds, homes, or a protected target.

    A road or a railway is neither, and changes nothing.
    """
    proposal = judged.proposal
    if proposal.kind not in DEVELOPMENT_KINDS:
        own, held = as_source(inputs, judged, site, scope)
        sources, inventory = with_rows(inputs.sources, [own]), with_rows(inputs.inventory, held)
        return replace(inputs, sources=sources, inventory=inventory)
    if proposal.kind in _ROUTES:
        return inputs
    row = _placed(judged, site, scope)
    people = float(proposal.uses[0].measures.get("people", Decimal(0)))
    if proposal.kind in _HOMES:
        return replace(inputs, population=with_rows(inputs.population, [row | {"people": people}]))
    known = judged.rules.matrix.sensitivity(proposal.uses[0])
    row |= {"target_class": known.word if known else None, "status": "planned"}
    target = row | {"people_day": people, "people_night": 0.0}
    return replace(inputs, targets=with_rows(inputs.targets, [target]))


def as_source(inputs: Inputs, judged: Judged, site: Site, scope: Mapping[str, Any]) -> tuple[Row, list[Row]]:
    """The proposal as a source of its enterprise, where that is on file, and what it would hold."""
    proposal, firm = judged.proposal, judged.proposal.enterprise_code
    known = firm if firm in set(inputs.enterprises["code"]) else None
    own = _placed(judged, site, scope) | {"kind": proposal.kind, "enterprise_code": known}
    about = {"source_code": PROPOSED, "valid_from": inputs.day}
    held = [
        {"code": f"{PROPOSED}-{n:03d}", **about, **{k: v or None for k, v in one._asdict().items()}}
        for n, one in enumerate(proposal.inventory)
    ]
    return own, held


def _placed(judged: Judged, site: Site, scope: Mapping[str, Any]) -> Row:
    return {"code": PROPOSED, "name": judged.proposal.name or PROPOSED, "geom": site.shape, **scope}


def _compared(inputs: Inputs, before: Assessment, after: Assessment) -> Row:
    both = before.scores.merge(after.scores, on=["kind", "code"], suffixes=("", "_after"))
    both = both[(both["score"] != both["score_after"]) | _turned(both)]
    changed = dict(iter(both.groupby("kind", sort=False)))
    places = changed.get("place", both.iloc[:0])
    felt = places[(places["score_after"] > places["score"]).to_numpy(bool)]
    people = inputs.population.set_index("code")["people"].reindex(felt["code"]).fillna(0.0)
    names = _names(inputs)
    return {
        "people_exposed": round(float(people.astype(float).sum()), 3),
        "places_exposed": len(felt),
        "areas": [one for kind in AREA_KINDS for one in _rows(changed.get(kind), names)][:_LISTED],
        "recoloured": {
            kind: int(_turned(rows).sum()) for kind, rows in sorted(changed.items()) if _turned(rows).any()
        },
        "sources": _rows(changed.get("source"), names)[:_LISTED],
    }


def _turned(rows: pd.DataFrame) -> Any:
    """Which rows have another colour."""
    turned = np.zeros(len(rows), bool)
    for name in _COLOURS:
        turned |= (rows[name] != rows[f"{name}_after"]).to_numpy(bool)
    return turned


def _rows(rows: pd.DataFrame | None, names: Mapping[str, Any]) -> list[Row]:
    """What changes, colours first, then by how much."""
    if rows is None or not len(rows):
        return []
    turned = _turned(rows)
    order = sorted(
        range(len(rows)),
        key=lambda n: (
            not turned[n],
            -abs(int(rows["score_after"].iloc[n] or 0) - int(rows["score"].iloc[n] or 0)),
            rows["code"].iloc[n],
        ),
    )
    return [
        {
            "kind": row["kind"],
            "code": row["code"],
            "name": names.get(row["code"]),
            "score": points(row["score"]),
            "score_after": points(row["score_after"]),
            **{
                f"{name}{when}": LEVELS.get(row[f"{name}{when}"])
                for name in ("level", "base_level")
                for when in ("", "_after")
            },
        }
        for row in (rows.iloc[n] for n in order)
    ]


def _names(inputs: Inputs) -> dict[str, Any]:
    frames = (inputs.areas, inputs.sources)
    return {code: name for frame in frames for code, name in zip(frame["code"], frame["name"], strict=True)}


def _own_row(after: Assessment) -> Any:
    return after.scores[(after.scores["kind"] == "source") & (after.scores["code"] == PROPOSED)].iloc[0]


def _own(after: Assessment) -> Row:
    """The proposal's own score and colour, as a source."""
    row = _own_row(after)
    return {"score": points(row["score"]), "level": LEVELS.get(row["level"]), "grade": row["grade"]}
