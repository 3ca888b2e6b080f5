"""What would remain of a score when every open action were done: why a colour cannot fall further."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jobs.counterfactual import Answer
from jobs.states import State
from jobs.subjects import AreaSubject
from riskmap.directly_red import reddened
from riskmap.risk import Contribution, floored, lead_shares, level_of, raised
from riskmap.rollup import Part, area_account, city_account, highest, shared
from riskmap.superposition import Hazards
from riskmap.weights import MILLI

Line = dict[str, Any]
_SHOWN = 12


def remaining(answer: Answer) -> list[Line]:
    """The lines that are left, the largest first, small ones added up: item, record, value, args; none where it is reached."""
    if answer.reached:
        return []
    changed = answer.states.changed(answer.chosen)
    if isinstance(answer.subject, AreaSubject):
        lines, rules = _of_area(answer, answer.subject, changed), _raising(answer, answer.subject, changed)
    else:
        lines, rules = _of_own(answer, changed)
    lines = sorted((line for line in lines if line["value"]), key=lambda line: -line["value"])
    rest = sum(line["value"] for line in lines[_SHOWN:])
    others = [_line("others", None, rest, {})] if rest else []
    return [*rules, *lines[:_SHOWN], *others]


def _line(item: str, record: str | None, value: int, args: Mapping[str, Any]) -> Line:
    return {"item": item, "record": record, "value": value, "args": dict(args)}


def _rule(rule: Contribution) -> Line:
    return _line(rule.kind, rule.record or None, 0, rule.args)


def _going_on(answer: Answer, n: int) -> list[Contribution]:
    """The dynamic lines of a source that nobody can end, shared anew."""
    ended = {action.record for action in answer.actions}
    left = [line for line in answer.states.city.going_on(n) if line.record not in ended]
    shares = lead_shares(
        [line.args["points"] for line in left], answer.states.city.ground.weights.share_permille
    )
    return [line._replace(value=share) for line, share in zip(left, shares, strict=True)]


def _of_area(answer: Answer, subject: AreaSubject, changed: Mapping[int, State]) -> list[Line]:
    city, weights = answer.states.city, answer.states.city.ground.weights
    felt, reach = subject.hazards.points.copy(), subject.hazards.reach.copy()
    for n, state in changed.items():
        felt[n], reach[n] = subject.felt(state)
    names, codes, kinds = (city.graded.sources[name] for name in ("name", "code", "kind"))
    lines = []
    for part in _parts(subject, Hazards(subject.hazards.sites, felt, reach)):
        n = part.source
        rule, going_on = (
            weights.kinds[kinds.iloc[n]],
            _going_on(answer, n) if subject.of != "base_level" else [],
        )
        base = int(felt[n]) - sum(line.value for line in going_on)
        own, *shares = shared(part.value, [base, *(line.value for line in going_on)])
        args = {
            "name": names.iloc[n],
            "kind_zh": rule.name_zh,
            "kind_en": rule.name_en,
            "distance_m": part.nearest / MILLI,
            "people": part.people / MILLI,
            "source": codes.iloc[n],
        }
        if subject.of != "rise_level":
            lines.append(_line("source", f"source/{codes.iloc[n]}", own, args))
        lines += [
            _line(
                line.kind,
                line.record,
                share,
                {**line.args, "source": codes.iloc[n], "source_name": names.iloc[n]},
            )
            for line, share in zip(going_on, shares, strict=True)
        ]
    return lines


def _parts(subject: AreaSubject, hazards: Hazards) -> list[Part]:
    terrain, weights = subject.terrain, subject.weights
    each = [
        area_account(terrain.places.take(np.arange(lo, hi)), hazards, terrain.n_milli, terrain.share_permille)
        for lo, hi in zip(terrain.start[:-1], terrain.start[1:], strict=True)
    ]
    if not subject.by_township:
        return each[0][1]
    chosen = highest([score for score, _ in each], weights.townships_of_city)
    return city_account([each[k][1] for k in chosen], weights.townships_of_city)[1]


def _raising(answer: Answer, subject: AreaSubject, changed: Mapping[int, State]) -> list[Line]:
    """The rules that would still raise the colour."""
    weights = subject.weights
    level = level_of(weights, answer.after.score, subject.edges)
    level, red = raised(weights.raising, level, subject.kind, subject.red_after(changed))
    done = {action.record for action in answer.actions}
    going_on = [record for record in subject.incidents if record not in done]
    return [_rule(rule) for rule in (*red, *raised(weights.incident, level, subject.kind, going_on)[1])]


def _of_own(answer: Answer, changed: Mapping[int, State]) -> tuple[list[Line], list[Line]]:
    """Of a source, or of the sources of an enterprise: its items as they are then, what goes on, people around."""
    states, subject = answer.states, answer.subject
    city, weights = states.city, states.city.ground.weights
    lines, grades, red = [], {}, {}
    for n in subject.sources:
        state = changed.get(n) or states.state(n, (), {})
        record = f"source/{city.graded.sources['code'].iloc[n]}"
        grades[record], red[record] = state.grade, state.red
        rule = weights.kinds[city.graded.sources["kind"].iloc[n]]
        args = {"name_zh": rule.name_zh, "name_en": rule.name_en, "source": record.partition("/")[2]}
        lines.append(_line("kind_points", record, state.base_points, args))
        lines.append(_line("exposure", None, states.score(n, state) - state.points, {}))
        lines += [_line(one.kind, one.record, one.value, one.args) for one in _going_on(answer, n)]
    level, rules = floored(weights, level_of(weights, answer.after.score), grades)
    rules += reddened(level, red)[1]
    return lines, [_rule(rule) for rule in rules]
