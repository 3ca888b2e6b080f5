"""What would lower a colour, read as the last run knew it, proven on a copy of the records, told within one's rights."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.actions import CUT, applied
from jobs.counterfactual import Answer, lowering, recomputed
from jobs.explain import explain
from jobs.nearby import inputs_of
from jobs.past import past_of
from jobs.remains import Line, remaining
from jobs.subjects import COLOURS
from layers.city import stored_city
from layers.database import Identity, reading, snapshot
from layers.editions import edition_on
from layers.hazards import Basis
from layers.history import CLOCK, Moment, parse_as_of
from layers.records import points, visible_codes
from layers.risk import last_run
from riskmap.counterfactual_words import action_words, remaining_words
from riskmap.editions import Edition
from riskmap.errors import BadInput, RiskMapError
from riskmap.vocabulary import LEVELS
from riskmap.wording import words

_LEVEL_OF = {word: level for level, word in LEVELS.items()}


def counterfactual(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    kind: str,
    code: str,
    *,
    of: str = "level",
    goal: str | None = None,
    done: Collection[str] | None = None,
    as_of: str | None = None,
    lang: str = "zh",
) -> dict[str, Any]:
    """What lowers the colour of one thing, as JSON, with each line of its account and what its removal would gain.

    The set is applied to a copy of the records and computed again before it is told; actions on records that this
    identity may not read are told as a neighbour's, without detail. With `done`, records of the set, also the colour if
    only these were done. NotFound as `explain`.
    """
    if of not in COLOURS:
        raise BadInput(f"没有“{of}”这种颜色", remedy="可用：" + "、".join(COLOURS))
    if goal is not None and goal not in _LEVEL_OF:
        raise BadInput(f"没有“{goal}”这一级", remedy="可用：orange yellow blue")
    then = past_of(owner, as_of) if as_of else None
    account = explain(owner, reader, identity, kind, code, as_of=as_of, lang=lang)
    if account["level"] is None:
        raise BadInput(f"{account['name']} 没有风险等级", remedy="请先补充人口或重新计算")
    with snapshot(owner, scratch=True) as connection:
        inputs = inputs_of(connection, *_known(connection, as_of, then), kind, code)
        city_code = stored_city(connection).code
    answer = lowering(inputs, kind, code, of=of, goal=_LEVEL_OF[goal] if goal else None)
    if answer.chosen and answer.reached:
        proven = recomputed(applied(inputs, answer.actions, answer.left_t), kind, code, of, city_code)
        if proven != answer.after:
            raise RiskMapError("措施经重新计算未达到所示结果，不予显示", remedy="请重新计算风险后再试")
    lines = remaining(answer)
    told = _told(account, answer, of, lines, _seen(reader, identity, answer, then, lines), lang)
    return told | {"tried": None if done is None else _tried(answer, told["actions"], done)}


def _known(connection: Connection, as_of: str | None, then: Moment | None) -> tuple[Basis, datetime, Edition]:
    """What the account stands on: what the last run knew, or what was recorded by a moment of the past; when; its edition."""
    if as_of and then:
        at = parse_as_of(as_of)
        return Basis.of_past(then), at, edition_on(connection, at.astimezone(CLOCK).date(), then)
    run = last_run(connection)
    assert run is not None  # explained before
    basis, at = Basis.of_run(run), run["data_time"]
    used = edition_on(connection, at.astimezone(CLOCK).date(), basis.records)
    if used.name != run["edition"]:
        raise RiskMapError("规则版本在上次计算之后更换过", remedy="请重新计算风险后再试")
    return basis, at, used


def _seen(
    reader: Engine, identity: Identity, answer: Answer, then: Moment | None, lines: list[Line]
) -> set[str] | None:
    """The records that this identity may read among those that an answer names; None: all of them."""
    if identity.sees_city:
        return None
    codes = answer.states.city.graded.sources["code"]
    named = {action.record for action in answer.states.actions}
    named |= {f"source/{codes.iloc[n]}" for action in answer.states.actions for n in action.points}
    named |= {line["record"] for line in lines if line["record"]} | {
        f"source/{line['args']['source']}" for line in lines if "source" in line["args"]
    }
    with reading(reader, identity) as connection:
        return visible_codes(connection, named, then)


def _told(
    account: dict[str, Any], answer: Answer, of: str, lines: list[Line], seen: set[str] | None, lang: str
) -> dict[str, Any]:
    gains = _gains(answer)
    shares: dict[str, float] = {}
    for line in account["contributions"]:
        if line["record"]:
            shares[line["record"]] = shares.get(line["record"], 0.0) + line["value"]
    names = ("code", "name", "kind", "run_id", "edition", "data_time")
    about: dict[str, Any] = {name: account[name] for name in names}
    return about | {
        "of": of,
        "level": LEVELS[answer.before.level],
        "score": points(answer.before.score),
        "goal": LEVELS[answer.goal],
        "reached": answer.reached,
        "level_after": LEVELS[answer.after.level],
        "score_after": points(answer.after.score),
        "proven": answer.proven,
        "irreducible": answer.reached,
        "actions": [
            _action(answer, a, gains, shares, seen, lang) for a in (answer.chosen if answer.reached else ())
        ],
        "remains": [_remain(line, seen, lang) for line in lines],
        "contributions": [
            line | {"gain": points(gains[line["record"]]) if line["record"] in gains else None}
            for line in account["contributions"]
        ],
    }


def _tried(answer: Answer, told: list[dict[str, Any]], done: Collection[str]) -> dict[str, Any]:
    """The colour if only some of the told actions were done."""
    known = {one["record"] for one in told if one["record"]} & set(done)
    part = [a for a in answer.chosen if answer.states.actions[a].record in known] if answer.reached else []
    after = answer.subject.outcomes([part], answer.left)[0]
    return {"records": sorted(known), "level_after": LEVELS[after.level], "score_after": points(after.score)}


def _action(
    answer: Answer,
    a: int,
    gains: Mapping[str, int],
    shares: Mapping[str, float],
    seen: set[str] | None,
    lang: str,
) -> dict[str, Any]:
    """One action in words; of a record that is not to be read only that a neighbour must act."""
    action, codes = answer.states.actions[a], answer.states.city.graded.sources["code"]
    sources = [f"source/{codes.iloc[n]}" for n in action.points]
    nothing: dict[str, Any] = dict.fromkeys(_ACTION_KEYS)
    if seen is not None and not {action.record, *sources} <= seen:
        label, reason = action_words("neighbour", {}, lang)
        return nothing | {"kind": "neighbour", "label": label, "reason": reason}
    args = dict(action.args)
    of = sources[0] if action.kind == CUT and action.record not in shares else action.record
    if action.kind == CUT:
        args |= _cut_facts(answer, a)
    label, reason = action_words(action.kind, args, lang)
    figures = {name: args[name] for name in _FIGURES} if action.kind == CUT else {}
    return (
        nothing
        | figures
        | {
            "kind": action.kind,
            "record": action.record,
            "source": sources[0] if len(sources) == 1 else None,
            "label": label,
            "reason": reason,
            "contribution": shares.get(of),
            "contribution_of": of if of in shares else None,
            "gain": points(gains.get(action.record)),
        }
    )


_FIGURES = ("quantity_t", "to_t", "cut_t", "grade", "grade_after")
_ACTION_KEYS = (
    *("kind", "record", "source", "label", "reason", "contribution", "contribution_of", "gain"),
    *_FIGURES,
)


def _cut_facts(answer: Answer, a: int) -> dict[str, Any]:
    """What a cut leaves, and the grade of its source when the whole set is done."""
    action, left = answer.states.actions[a], answer.left[a]
    (n,) = action.points
    now = Decimal(str(action.args["quantity_t"]))
    state = answer.states.changed(answer.chosen, answer.left)[n]
    return {"to_t": float(left), "cut_t": float(now - left), "grade_after": state.grade}


def _gains(answer: Answer) -> dict[str, int]:
    """By record how much lower the score would be if it alone were gone: a source, or what an action is about."""
    subject, states = answer.subject, answer.states
    singles = subject.outcomes([(a,) for a in subject.candidates])
    gains = {
        states.actions[a].record: answer.before.score - one.score
        for a, one in zip(subject.candidates, singles, strict=True)
    }
    sources = subject.sources
    codes = states.city.graded.sources["code"]
    for n, score in zip(sources, subject.without(sources), strict=True):
        gains[f"source/{codes.iloc[n]}"] = answer.before.score - score
    return gains


def _remain(line: Line, seen: set[str] | None, lang: str) -> dict[str, Any]:
    """One line of what would remain, in words; of another's record only its points."""
    args, record = line["args"], line["record"]
    item, source = line["item"], f"source/{args['source']}" if "source" in args else None
    if seen is not None and any(one not in seen for one in (record, source) if one):
        item, record, args = "hidden", None, {}
    label, reason = remaining_words(item, lang) if item in ("exposure", "others") else words(item, args, lang)
    return {"kind": item, "record": record, "label": label, "reason": reason, "value": points(line["value"])}
