"""Messages that would fire (将触发的预警提示): the warnings' own pass over the facts as they are, and as they would be.

Facts of colours, threshold quantities, nearness and joint-control zones are taken from two computed states of the records,
all others as they are. Both go through `one_pass`, once now and once when every rule has waited as long as it asks; what
only the second state fires is the answer. Nothing is written.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection

from jobs.alert_exposure import expose, facts_of_near, facts_of_source, facts_of_zones
from jobs.alert_messages import DESK
from jobs.results import Assessment
from jobs.siting_zones import ZonesCompared, ZoneState
from layers.alert_silences import read_silences
from layers.alert_sources import sources_to_tell
from layers.alert_state import read_state
from layers.city import stored_city
from layers.risk import Inputs
from riskmap.alert_decisions import Watch
from riskmap.alert_facts import Fact
from riskmap.alert_pipeline import State, one_pass
from riskmap.alert_rules import AlertRules
from riskmap.alert_texts import Frame
from riskmap.dynamic import DynamicWeights
from riskmap.sections import MILLI
from riskmap.settings import City
from riskmap.silences import Silence
from riskmap.vocabulary import LEVELS

Row = dict[str, Any]
_RECOMPUTED = ("level", "inventory", "near")
_UNSENT = "未发出"


def messages_with(
    connection: Connection,
    now: datetime,
    before: tuple[Inputs, Assessment],
    after: tuple[Inputs, Assessment],
    zones: ZonesCompared,
) -> list[Row]:
    """What would be told that is not told as it is, the most urgent first, with the text an officer would read.

    `before` and `after` are records and what was computed of them.
    """
    edition = before[0].edition
    rules = AlertRules.from_edition(edition)
    told = expose(connection, rules, DynamicWeights.from_edition(edition), now).facts
    differing = zones.before.rows.keys() | zones.after.rows.keys()
    others = [
        fact
        for fact in told
        if fact.kind not in _RECOMPUTED and not (fact.kind == "zone" and fact.code in differing)
    ]
    asked = [_worth_telling(state, rules) for _, state in (before, after)]
    rows = {row["code"]: row for row in sources_to_tell(connection, 0, 0, asked[0] | asked[1])}
    states = zip(asked, (before, after), (zones.before, zones.after), strict=True)
    was, would = ([*others, *_facts(rules, rows, codes, *one, theirs)] for codes, one, theirs in states)
    known, silences = read_state(connection).state, read_silences(connection, now)
    at_s = int(now.timestamp())
    begun = one_pass(known, was, rules, silences, at_s).state
    plain, changed = (_waited(begun, facts, rules, silences, at_s) for facts in (was, would))
    fired = [watch for one, watch in changed.items() if _is_news(watch, plain.get(one))]
    city, names = stored_city(connection), _area_names(before[0])
    return sorted(
        (_message(watch, rules, city, names) for watch in fired),
        key=lambda row: (row["warn"], row["township_code"], row["rule"], row["text"]),
    )


def _worth_telling(state: Assessment, rules: AlertRules) -> set[str]:
    """Sources that a rule may ask for by their colour or what they hold."""
    scores = state.scores[state.scores["kind"] == "source"]
    worst = max(rules.least_bad("level"), rules.least_bad("near"))
    large = [(facts_in(one).get("s") or 0) >= 1 for one in scores["facts"]]
    asked = (scores["level"].fillna(len(LEVELS) + 1).to_numpy(float) <= worst) | np.array(large, bool)
    return set(scores["code"][asked])


def _facts(
    rules: AlertRules,
    rows: Mapping[str, Row],
    codes: set[str],
    inputs: Inputs,
    state: Assessment,
    zones: ZoneState,
) -> Iterable[Fact]:
    """Facts of one computed state: colours, threshold quantities and nearness of the sources worth telling, and the
    zones that differ.
    """
    members = zones.zone_of()
    levels = rules.least_bad("level"), 0
    scores = state.scores[state.scores["kind"] == "source"].set_index("code")
    sources = inputs.sources.set_index("code")
    standing: dict[str, Row] = {}
    for code in sorted(codes):
        if code not in rows and code not in sources.index:
            continue  # premises that no run has known yet: the proposal adds none
        score, told = scores.loc[code], facts_in(scores.loc[code, "facts"])
        row = rows.get(code) or _unknown_row(code, sources.loc[code], inputs)
        level = _whole(score["level"])
        s = told.get("s")
        standing[code] = row | {
            "zone": members.get(row["enterprise_code"] or code, ""),
            "level": level,
            "rise_level": None,
            "s": None if s is None else int(s * MILLI),
            "people": told.get("people_500m"),
            "reach_m": (told.get("distances_m") or {}).get("reach"),
        }
    for row in standing.values():
        yield from facts_of_source(row, levels, None)
    near = list(_near_rows(rules, standing, sources, inputs))
    yield from (fact for fact, _ in facts_of_near(near, standing))
    yield from (
        fact for fact, _ in facts_of_zones(zones.to_tell(rules.least_bad("zone"), _area_names(inputs)))
    )


def _unknown_row(code: str, source: Any, inputs: Inputs) -> Row:
    """What facts say of a source that is on no file: the proposed one."""
    names = _area_names(inputs)
    at = shapely.point_on_surface(source["geom"])
    scope = {name: source[name] for name in ("township_code", "village_code", "grid_code", "enterprise_code")}
    return {
        "code": code,
        "name": source["name"],
        "kind": source["kind"],
        **{name: value or None for name, value in scope.items()},
        "committee": None,
        "industry": None,
        "village": names.get(source["village_code"]),
        "township": names.get(source["township_code"]),
        "x_mm": at.x * MILLI,
        "y_mm": at.y * MILLI,
    }


def _near_rows(
    rules: AlertRules, standing: Mapping[str, Row], sources: pd.DataFrame, inputs: Inputs
) -> Iterable[Row]:
    """By source and township what of its people and targets the source comes near to, as `near_to_people` tells it."""
    within_m = rules.farthest_mm / MILLI
    worst = rules.least_bad("near")
    places = pd.concat(
        [
            inputs.population[["geom", "township_code", "people"]].assign(name=None),
            inputs.targets[["geom", "township_code", "name"]].assign(people=0.0),
        ],
        ignore_index=True,
    )
    names = _area_names(inputs)
    tree = shapely.STRtree(places["geom"].to_numpy(object))
    for code, row in standing.items():
        level, reach_m = row["level"], row["reach_m"]
        if not level or level > worst or reach_m is None or code not in sources.index:
            continue
        shape = sources.loc[code, "geom"]
        found = places.iloc[
            np.sort(tree.query(shape, predicate="dwithin", distance=min(within_m, float(reach_m))))
        ]
        found = found.assign(gap=shapely.distance(shape, found["geom"].to_numpy(object)))
        for township, group in found[found["township_code"].notna()].groupby("township_code"):
            nearest = group.iloc[int(np.argmin(group["gap"].to_numpy(float)))]
            yield {
                "code": code,
                "township_code": township,
                "township": names.get(str(township)),
                "distance_mm": round(float(nearest["gap"]) * MILLI),
                "target": nearest["name"],
                "people": float(group["people"].astype(float).sum()),
                "degrees": None,
            }


def _waited(
    state: State, facts: list[Fact], rules: AlertRules, silences: list[Silence], at_s: int
) -> Mapping[str, Watch]:
    """What is open of these facts once every rule has waited, but for what is suppressed or silenced."""
    longest_s = max(rule.raise_s for rule in rules.rules)
    first = one_pass(state, facts, rules, silences, at_s)
    last = one_pass(first.state, facts, rules, silences, at_s + longest_s)
    quiet = last.suppressed.keys() | last.silenced.keys()
    return {one: watch for one, watch in last.state.watches.items() if watch.is_open and one not in quiet}


def _is_news(watch: Watch, plain: Watch | None) -> bool:
    """Whether it fired because of what is proposed: it was not open, or fired more often."""
    return watch.cleared_s is None and (plain is None or watch.fired_n > plain.fired_n)


def _message(watch: Watch, rules: AlertRules, city: City, names: Mapping[str, Any]) -> Row:
    rule, fact = rules.by_code[watch.rule], watch.fact
    frame = Frame(f"{city.name}应急管理局", rule.form, watch.warn, DESK, "", _UNSENT)
    return {
        "rule": rule.code,
        "rule_name": {"zh": rule.name_zh, "en": rule.name_en},
        "kind": fact.kind,
        "form": rule.form,
        "warn": watch.warn,
        "warning_level": LEVELS[watch.warn],
        "reason": watch.reason,
        "source": fact.code,
        "township_code": fact.township,
        "township": names.get(fact.township),
        "text": rules.templates.message(fact, frame, "zh"),
    }


def _area_names(inputs: Inputs) -> dict[str, str]:
    return dict(zip(inputs.areas["code"], inputs.areas["name"], strict=True))


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def facts_in(told: Any) -> dict[str, Any]:
    """The facts of a score, which are kept as JSON."""
    if isinstance(told, str):
        found: dict[str, Any] = json.loads(told)
        return found
    return dict(told or {})
