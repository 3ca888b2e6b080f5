"""Warnings that were told become CAP messages: the first an alert, then updates, and a cancellation once it is over.

Each is written once and kept as it is. What was told stands in the warning itself, so a worker that is killed in between
does it at its next turn.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine

from jobs.alert_messages import at_desk, number_of, told_fact
from layers.cap_rings import covering_rings
from layers.cap_store import keep_cap, messages_before, outlines_of, untold
from layers.cap_writing import write_cap
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.editions import edition_on
from layers.history import CLOCK, head_rev, open_revision
from layers.schema import SCOPE
from riskmap.alert_rules import AlertRules
from riskmap.alert_texts import Frame
from riskmap.cap import Reference, Ring
from riskmap.cap_alerts import Outgoing, Wording, compose
from riskmap.settings import City
from riskmap.vocabulary import LEVELS, words

_LASTS = timedelta(days=1)
_URGENT = 2
_DESK = {"zh": "值班室", "en": "the duty desk"}
_ASKED = {
    "zh": "请有关责任人核实、处置并反馈；未签收的将逐级提醒。",
    "en": "Those responsible please check, deal with it and report; who does not sign is reminded.",
}
_OVER = {"zh": "恢复常态；如有反复将再次提示。", "en": "Back to normal; you are told if it comes back."}
_OF_AREA = ("grid_code", "village_code", "township_code")
Row = dict[str, Any]
Places = Mapping[str, tuple[str, tuple[Ring, ...]]]


def tell_in_cap(owner: Engine, *, actor: str, now: datetime | None = None) -> int:
    """Write the CAP messages that are due; how many. Nothing is written where none is."""
    now = now or datetime.now(UTC)
    with snapshot(owner) as connection:
        rows = untold(connection)
        if not rows:
            return 0
        known_rev = head_rev(connection)
        city, day = stored_city(connection), now.astimezone(CLOCK).date()
        rules = AlertRules.from_edition(edition_on(connection, day))
        earlier = messages_before(connection, [row["warning_id"] for row in rows])
        on_duty = at_desk(connection, city.code, day)
        outlines = outlines_of(connection, {_area_of(row) or city.code for row in rows})
    places = {code: (name, covering_rings(shape)) for code, (name, shape) in outlines.items()}
    phone = on_duty[0].phone
    message = partial(_message, city=city, rules=rules, places=places, phone=phone)
    messages = [message(row, earlier.get(row["warning_id"], ())) for row in rows]
    with writing(owner) as connection:
        open_revision(connection, actor, "cap", f"{len(messages)} 条 CAP 消息")
        keep_cap(connection, [{**one, "rev": known_rev} for one in messages])
    return len(messages)


def _message(
    row: Row, earlier: tuple[Reference, ...], *, city: City, rules: AlertRules, places: Places, phone: str
) -> Row:
    """One message as a row: how it reads, and its bytes."""
    at = row["ended_at"] if row["over"] else row["told_at"]
    sent = max([at, *(one.sent for one in earlier)])
    opened = number_of(row)
    area = _area_of(row) or city.code
    place, rings = places.get(area, (city.name, ()))
    out = Outgoing(
        code=f"{city.code}-{opened}",
        n=row["earlier"] + 1,
        sender=sender_of(city),
        sent=sent,
        msg_type="Cancel" if row["over"] else "Update" if earlier else "Alert",
        level=LEVELS[row["warn"]],  # type: ignore[arg-type]
        wording={lang: _wording(row, lang, city, rules, opened, phone, place) for lang in _DESK},
        onset=row["fired_at"],
        expires=sent + _LASTS,
        urgency="Immediate" if row["warn"] <= _URGENT else "Expected",
        certainty="Observed" if row["said"].get("confirmed") else "Likely",
        rings=rings,
        geocodes=(("行政区划代码", area),),
        contact=phone,
        drill=row["drill"],
        earlier=earlier,
    )
    return as_kept(out) | {"warning_id": row["warning_id"], **{name: row[name] for name in SCOPE}}


def sender_of(city: City) -> str:
    """By what name the city's messages are sent."""
    return f"risk@{city.code}.riskmap"


def as_kept(out: Outgoing) -> Row:
    """A message as it is kept, byte for byte; what it is about and whose it is stands beside."""
    alert, said = compose(out), out.wording["zh"]
    return {
        "identifier": alert.identifier,
        "n": out.n,
        "sender": out.sender,
        "sent": out.sent,
        "msg_type": out.msg_type,
        "scope": alert.scope,
        "title": said.headline,
        "summary": said.description,
        "content": write_cap(alert),
    }


def _wording(
    row: Row, lang: str, city: City, rules: AlertRules, number: str, phone: str, place: str
) -> Wording:
    """A warning in one language: the words of its message, signed by the office and by no person."""
    said = row["said"] | {"what": row["kind"]}
    fact = told_fact(row)._replace(said=said)
    name = city.name if lang == "zh" else city.name_en or city.name
    signature = f"{name}应急管理局" if lang == "zh" else f"{name} Emergency Management Bureau"
    frame = Frame(signature, row["form"], row["warn"], _DESK[lang], phone, number, drill=row["drill"])
    say = words(lang)
    kind = say["fact_kind"][row["kind"]]
    colon = "：" if lang == "zh" else ": "
    return Wording(
        event=say["alert_form"][row["form"]],
        headline=colon.join(filter(None, (kind, said.get("name")))),
        description=rules.templates.message(fact, frame, lang, cleared=row["over"]),
        instruction=(_OVER if row["over"] else _ASKED)[lang],
        area=place,
        sender_name=signature,
    )


def _area_of(row: Row) -> str | None:
    """The smallest area that the warning is known to be in."""
    return next((row[name] for name in _OF_AREA if row[name]), None)
