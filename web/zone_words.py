"""Joint-control zones in words: what is due, what became of a zone and why, which industries it holds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.zone_ledger import Ledger
from layers.records import iso
from layers.zone_ended import End
from riskmap.zone_ledger import Due
from web.texts import translate, word

Row = dict[str, Any]
_NAMED = 6
"""names told of one event before it says how many there are"""


def due_told(lang: str, due: Due) -> Row:
    """A reminder as interface and pages tell it, its words beside its facts."""
    if due.days is None:
        when = ""
    elif due.days < 0:
        when = translate(lang, "zones.days_over", n=-due.days)
    else:
        when = translate(lang, "zones.days_left" if due.days else "zones.days_today", n=due.days)
    return {
        "item": due.item,
        "label": word(lang, "zone_item", due.item),
        "state": due.state,
        "reason": due.reason,
        "why": word(lang, "zone_reason", due.reason),
        "due_on": iso(due.due_on) if due.due_on else None,
        "since": iso(due.since) if due.since else None,
        "days": due.days,
        "when": when,
        "record": due.record or None,
    }


def ledger_told(lang: str, ledger: Ledger) -> Row:
    """A zone's ledger as JSON values: its state, every item of it, its records and the run that waits to be confirmed."""
    return {
        "state": ledger.state,
        "due": [due_told(lang, one) for one in ledger.dues],
        "waiting_run": max((one.run_id for one in ledger.waiting), default=None),
        "lead": lead_told(ledger),
        "records": [record_told(one) for one in ledger.records],
    }


def record_told(row: Row) -> Row:
    """A record of a ledger as JSON values."""
    dates = {name: iso(row[name]) if row[name] else None for name in ("done_on", "due_on")}
    return {name: value for name, value in row.items() if name != "rev"} | dates


def lead_told(ledger: Ledger) -> Row | None:
    """The lead unit that was set: its name, and its code where the reader may know it."""
    if ledger.lead is None:
        return None
    return {name: ledger.lead[name] for name in ("unit_code", "unit_name", "phone")}


def event_told(lang: str, event: Row, names: Mapping[str, str]) -> Row:
    """A line of lineage with its words: what happened, who joined and left, why, what becomes of the agreement.

    `names` are those of the sites that the reader may know, by code.
    """
    causes = [
        translate(
            lang,
            "zones.cause_of",
            name=names.get(one["code"], one["code"]),
            what=word(lang, "zone_cause", one["what"]),
        )
        for one in event["causes"]
    ]
    told = ("；" if lang == "zh" else "; ").join(causes[:_NAMED])
    if len(causes) > _NAMED:
        told += " " * (lang == "en") + translate(lang, "zones.and_more", n=len(causes))
    return event | {
        "day": event["at"][:10],
        "label": word(lang, "zone_event", event["kind"]),
        "told_joined": _names(lang, event["joined_members"], event["joined"], names),
        "told_left": _names(lang, event["left_members"], event["left"], names),
        "told_causes": told or translate(lang, "zones.first" if event["run_id"] == 1 else "zones.no_cause"),
        "fate": word(lang, "zone_agreement", event["agreement"]),
    }


def end_told(end: End, lineage: Sequence[Row]) -> Row:
    """How a zone ended: the run, the day, `merge` or `dissolve`, into which other, why, what became of its agreement."""
    last = next(one for one in lineage if one["run_id"] == end.run_id and one["kind"] == end.kind)
    told = {name: last[name] for name in ("run_id", "at", "kind", "other", "causes", "agreement")}
    return told | {"day": end.day.isoformat()}


def _names(lang: str, codes: Sequence[str], count: int, names: Mapping[str, str]) -> str:
    """Some names of the sites that the reader may know, and how many there are in all."""
    comma = "、" if lang == "zh" else ", "
    told = comma.join(names.get(code, code) for code in codes[:_NAMED])
    if count > min(len(codes), _NAMED):
        told += " " * (lang == "en" and bool(told)) + translate(
            lang, "zones.and_more" if told else "zones.members_n", n=count
        )
    return told


def industry_words(table: Mapping[str, Any], codes: Iterable[str], lang: str) -> list[str]:
    """Industries by the names that the edition's table has for the longest beginning of their code, each once."""
    known = {str(row["code"]): str(row[f"name_{lang}"]) for row in table["industries"]}
    found = []
    for code in codes:
        beginning = next((code[:size] for size in range(len(code), 1, -1) if code[:size] in known), None)
        found.append(
            f"{known[beginning]}（{code}）"
            if beginning and lang == "zh"
            else f"{known[beginning]} ({code})"
            if beginning
            else code
        )
    return list(dict.fromkeys(found))


def format_words(table: Mapping[str, Any], codes: Iterable[str], lang: str) -> list[str]:
    """Business formats by their names in the edition's table."""
    known = {str(row["format"]): str(row[f"name_{lang}"]) for row in table["formats"]}
    return [known.get(code, code) for code in codes]
