"""Cards of warnings: what it is, who was told and what they did, and the one thing that whoever looks does next."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from jobs.calling import NOBODY, as_call
from jobs.warning_proofs import may_call
from jobs.warning_steps import may_take
from layers.alert_desk import messages_of, steps_of
from layers.alert_ledger import warning_page
from layers.calls import calls_of
from layers.database import Identity
from layers.editions import edition_on
from layers.history import CLOCK
from layers.officers import person_of
from riskmap.alert_desk import CALL, Seen, Todo, is_life, next_thing, urgency
from riskmap.alert_life import PROGRAM, PROOFS, UNSIGNED, Step, proofs
from riskmap.alert_rules import AlertRules
from riskmap.calling import turn_s
from riskmap.sending import IN_APP, proving
from riskmap.vocabulary import LEVELS
from riskmap.wording import bearing_word
from web.render import Page, as_number

Row = dict[str, Any]
_WARNS = {name: number for number, name in LEVELS.items()}


class View(NamedTuple):
    """By which rules warnings are looked at, in whose name, and whether the call list is worked."""

    rules: AlertRules
    me: str
    calls: bool


@dataclass(frozen=True, slots=True)
class Told:
    """One person of a warning: as what, by which number to be called, and what is proven of them, with times."""

    name: str
    role: str
    phone: str
    proven: tuple[tuple[str, datetime | None], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One warning as a person sees it; without `action` somebody else has the next step, and `awaited` says which."""

    row: Row
    number: str
    warn: str
    title: str
    place: str
    facts: tuple[tuple[str, str], ...]
    why: str
    confirmed: bool
    life: bool
    todo: Todo
    action: str
    awaited: str
    signed: bool
    needed: int
    told: tuple[Told, ...]
    call: Row | None
    calls: tuple[Row, ...]
    others: int
    nobody: bool
    message: str
    texts: tuple[str, ...]
    steps: tuple[Row, ...]
    outgoing: tuple[Row, ...]
    """its messages that went out by channels"""

    @property
    def lacking(self) -> int:
        """How many people's signatures are still missing."""
        waits = self.row["state"] in UNSIGNED
        return max(self.needed - len(self.row["signed_by"]), 0) if waits else 0

    @property
    def again(self) -> int:
        """The how-manieth call of whoever is on the list this is."""
        if self.call is None:
            return 0
        return 1 + sum(_callee(one) == _callee(self.call) for one in self.calls)

    @property
    def id(self) -> int:
        """The number of the warning."""
        return int(self.row["id"])

    @property
    def by_at(self) -> datetime | None:
        """Until when the next step must be taken; None: whenever there is time."""
        return None if self.todo.by_s is None else datetime.fromtimestamp(self.todo.by_s, CLOCK)

    @property
    def callees(self) -> tuple[Told, ...]:
        """Who is to be called: those who were told."""
        return tuple(one for one in self.told if one.proven[0][1])


def _callee(call: Row) -> tuple[str, str]:
    return call["duty_code"], call["rank"]


def cards_of(page: Page, rows: Sequence[Row], view: View) -> list[Card]:
    """The cards of some warnings, life first, then the clock that ends first."""
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    steps, messages, calls = (read(page.connection, ids) for read in (steps_of, messages_of, calls_of))
    cards = [_card(page, row, steps[row["id"]], messages[row["id"]], calls[row["id"]], view) for row in rows]
    ringing = Counter(_callee(one.call) for one in cards if one.call)
    cards = [replace(one, others=ringing[_callee(one.call)] - 1) if one.call else one for one in cards]
    return sorted(
        cards, key=lambda one: (*urgency(one.todo, _WARNS[one.warn], one.row["kind"]), one.row["id"])
    )


def to_do(page: Page, view: View, *, limit: int, township: str | None = None) -> tuple[list[Card], int]:
    """The open warnings that are not quiet, as cards, and how many there are in all."""
    found = warning_page(
        page.connection, township=township, open_only=True, quiet=False, oldest_first=True, limit=limit
    )
    return cards_of(page, found.items, view), found.total


def rules_now(page: Page, now: datetime) -> AlertRules:
    """The rules of the edition in force today: how long each step may take."""
    return AlertRules.from_edition(edition_on(page.connection, now.astimezone(CLOCK).date()))


def view_of(page: Page, now: datetime, *, calls: bool) -> View:
    """How whoever is signed in looks at warnings today; `calls`: the call list is worked here."""
    day = now.astimezone(CLOCK).date()
    me = person_of(page.connection, page.session.identity.name, day)
    return View(rules_now(page, now), me, calls and may_call(page.session.identity))


def number_of(row: Mapping[str, Any]) -> str:
    """The number that messages call a warning by."""
    opened = row["opened_at"]
    year = opened.astimezone(CLOCK).year if isinstance(opened, datetime) else opened[:4]
    return f"{year}-{row.get('id') or row['warning_id']:05d}"


def title_of(page: Page, row: Mapping[str, Any]) -> str:
    """What a warning is about in a few words."""
    kind, name = page.word("fact_kind", row["kind"]), row["said"].get("name")
    title = page.text("alerts.title_of", kind=kind, name=name) if name else kind
    return page.text("drills.mark", title=title) if row["drill"] else title


def _card(page: Page, row: Row, steps: list[Row], messages: list[Row], calls: list[Row], view: View) -> Card:
    identity, warn = page.session.identity, _WARNS[row["warn"]]
    taken = tuple(
        Step(one["action"], one["person"], int(one["at"].timestamp()), one["note"]) for one in steps
    )
    fired_s = int(datetime.fromisoformat(row["fired_at"]).timestamp())
    listed = next((one for one in calls if one["result"] is None), None)
    made = [one for one in calls if one["result"]]
    seen = Seen(
        warn,
        row["kind"],
        row["state"],
        fired_s,
        taken,
        listed_s=int(listed["due_at"].timestamp()) if listed else None,
        turn_s=turn_s([as_call(one) for one in made], view.rules.calling),
    )
    todo = next_thing(seen, view.rules, calls=view.calls)
    signed = view.me in row["signed_by"]
    said = row["said"]
    return Card(
        row=row,
        number=number_of(row),
        warn=row["warn"],
        title=title_of(page, row),
        place=said.get("place") or row["township"] or page.text("alerts.no_place"),
        facts=tuple(_facts(page, said)),
        why=page.word("alert_why", said.get("why")) if said.get("why") else "",
        confirmed=bool(said.get("confirmed")),
        life=is_life(warn, row["kind"]),
        todo=todo,
        action=todo.action if _is_mine(identity, todo, signed=signed) else "",
        awaited=todo.action,
        signed=signed,
        needed=view.rules.signatures.of(warn),
        told=tuple(_told(page, steps, messages, taken, calls=may_call(identity))),
        call=listed if todo.action == CALL else None,
        calls=tuple(made),
        others=0,
        nobody=any(one["reason"] == NOBODY for one in messages),
        message=next((one["text"] for one in reversed(messages) if one["warning_id"] == row["id"]), ""),
        texts=tuple(dict.fromkeys(one["text"] for one in messages)),
        steps=tuple(steps),
        outgoing=tuple(one for one in messages if one["channel"] != IN_APP),
    )


def _is_mine(identity: Identity, todo: Todo, *, signed: bool) -> bool:
    """Whether the next step is one that whoever looks may take: nobody signs twice."""
    if todo.action == CALL:
        return may_call(identity)
    return may_take(identity, todo.action) and not (todo.action == "sign" and signed)


def _told(
    page: Page, steps: list[Row], messages: list[Row], taken: Sequence[Step], *, calls: bool
) -> list[Told]:
    """Everyone whom a message went to or who did something, in the order they appeared."""
    at = {int(one["at"].timestamp()): one["at"] for one in steps}
    proven: dict[str, dict[str, datetime]] = {}
    about: dict[str, tuple[str, str]] = {}
    for one in messages:
        role = one["audience"].partition("@")[0]
        about.setdefault(one["person"], (page.word("duty_role", role), one["address"] if calls else ""))
        own = proven.setdefault(one["person"], {})
        own.setdefault("sent", one["made_at"])
    for one in proving(messages):
        proven[one["person"]].setdefault("delivered", one["done_at"])
    for person, found in proofs(taken).items():
        own = proven.setdefault(person, {})
        for proof, second in found.items():
            own.setdefault(proof, at[second])
    return [
        Told(name, *about.get(name, ("", "")), tuple((proof, own.get(proof)) for proof in PROOFS))
        for name, own in proven.items()
        if name != PROGRAM
    ]


def _facts(page: Page, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known, each with its label; what is not known is left out."""
    say, word = page.text, page.word
    near = said.get("metres")
    bearing = said.get("bearing")
    told = (
        ("alerts.source", word("source_kind", said.get("kind")) or ""),
        (
            "alerts.metres",
            say("alerts.metres_n", n=as_number(near), to=said.get("target") or say("alerts.homes"))
            if near is not None
            else "",
        ),
        ("alerts.bearing", bearing_word(bearing, page.lang) if isinstance(bearing, int) else ""),
        (
            "alerts.people",
            say("alerts.people_n", n=as_number(said["people"])) if said.get("people") is not None else "",
        ),
        ("scale.now", word("level", said.get("level")) if said.get("level") else ""),
        ("scale.danger", word("danger_grade", said.get("grade"))),
        ("alerts.task", word("due_task", said.get("task"))),
        ("alerts.late", say("alerts.days_n", n=said["days"]) if said.get("days") is not None else ""),
        ("alerts.sensor", said.get("sensor") or ""),
        ("alerts.silent", say("alerts.minutes_n", n=said["minutes"]) if said.get("minutes") else ""),
        ("alerts.substance", said.get("substance") or ""),
        ("alerts.percent", f"{said['percent']}%" if said.get("percent") else ""),
    )
    return [(say(label), str(value)) for label, value in told if value]
