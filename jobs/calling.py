"""叫应: who is to be called now about red and orange warnings goes on the list; the desk hears when nobody is left to call."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from jobs.alert_messages import CITY_DESK, Messenger, News, posts_of, told_fact
from layers.calls import BY_VOICE, called_out, calls_of, drop_calls, keep_call, list_calls, not_needed
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.editions import edition_on
from layers.history import CLOCK, open_revision
from layers.officers import Post, officers_on
from layers.outbox import Person, put_messages, reminded
from riskmap.alert_rules import AlertRules, Calling
from riskmap.calling import CALL, KNOCK, WAIT, Call, Callee, Officer, chain_of, next_call
from riskmap.settings import City

CALL_LIST = "call_list"
"""by which way a person of the desk calls"""
NOBODY, EXHAUSTED = "nobody", "exhausted"
"""why the desk is told: nobody is on duty, nobody answered"""
Row = dict[str, Any]


class Due(NamedTuple):
    """What is to be done now: calls to list, calls to drop or to hand to the desk, what the desk is told; when to look again."""

    city: City
    rules: AlertRules
    rows: dict[int, Row]
    calls: list[Row]
    dropped: list[tuple[int, int]]
    handed: list[tuple[int, int]]
    told: list[tuple[int, str, int]]
    next_s: int | None

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.calls or self.dropped or self.handed or self.told)


def call_out(owner: Engine, *, actor: str, at: datetime | None = None) -> tuple[int, datetime | None]:
    """Put the calls that are due on the list; how many that are, and when the next one is due.

    A call that a voice gateway makes also goes into the outbox. Nothing is written where nothing is due.
    """
    at = at or datetime.now(UTC)
    with snapshot(owner) as connection:
        due = _due(connection, at)
    if due.is_nothing:
        return 0, _instant(due.next_s)
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "calls", "叫应")
        due = _due(connection, at)  # behind the writers' queue: what was noted meanwhile counts
        drop_calls(connection, due.dropped, at, rev)
        for warning_id, n in due.handed:
            keep_call(connection, warning_id, n, rev, channel=CALL_LIST)
        listed = list_calls(connection, due.calls, due.rows, rev)
        _put_messages(connection, due, listed, at, rev)
    return len(listed), _instant(due.next_s)


def _due(connection: Connection, at: datetime) -> Due:
    day, at_s = at.astimezone(CLOCK).date(), int(at.timestamp())
    rules = AlertRules.from_edition(edition_on(connection, day))
    city = stored_city(connection)
    voice = next((name for name, one in city.channels.items() if one.get("kind") == "voice"), None)
    rows = called_out(connection, rules.calling.levels)
    due = Due(city, rules, rows, [], not_needed(connection, rows), [], [], None)
    calls = calls_of(connection, list(rows))
    known = reminded(connection, rows, (NOBODY,))
    posts = {number: _posts(city, row, rules) for number, row in rows.items()}
    holders, officers = officers_on(connection, {one for of in posts.values() for one in of}, day)
    for number, row in rows.items():
        chain, vacant = _chain(posts[number], holders, officers)
        if vacant and (number, NOBODY, row["renewals"] + 1) not in known:
            due.told.append((number, NOBODY, row["renewals"] + 1))
        chain = tuple(one for one in chain if one.officer.person not in row["signed_by"])
        on_list = [
            one for one in calls[number] if one["result"] is None and (number, one["n"]) not in due.dropped
        ]
        if on_list:
            late = [one for one in on_list if _is_mute(one, rules.calling, at_s)]
            due.handed.extend((number, one["n"]) for one in late)
            due = _sooner(due, [_seconds(one["due_at"]) + rules.calling.again_s for one in on_list], at_s)
            continue
        made = [as_call(one) for one in calls[number] if one["result"]]
        turn = next_call(chain, made, rules.calling, at_s)
        if turn.action in (CALL, KNOCK) and turn.callee:
            due.calls.append(_call(number, turn.callee, voice, at))
            if turn.action == KNOCK:
                due.told.append((number, EXHAUSTED, row["renewals"] + 1))
        elif turn.action == WAIT and turn.until_s is not None:
            due = _sooner(due, [turn.until_s], at_s)
    return due


def _posts(city: City, row: Row, rules: AlertRules) -> list[Post]:
    rule = rules.by_code.get(row["rule"])
    return [post for _, post in posts_of(city, row, rule.audience if rule else (CITY_DESK,))]


def _chain(
    posts: list[Post], holders: dict[Post, list[str]], officers: dict[str, Officer]
) -> tuple[tuple[Callee, ...], bool]:
    """Who is called one after the other, from the first post on which anybody can be; whether the very first has nobody.

    Where a holder names no deputy the next one on the same post is it.
    """
    for place, post in enumerate(posts):
        codes = holders.get(post, [])
        known = dict(officers)
        for code, following in pairwise(codes):
            known[code] = known[code]._replace(deputy=known[code].deputy or following)
        chain = chain_of(codes[0], known) if codes else ()
        if chain:
            return chain, place > 0
    return (), True


def _call(number: int, callee: Callee, voice: str | None, at: datetime) -> Row:
    officer = callee.officer
    dials = voice if voice and officer.phone and callee.rank != KNOCK else CALL_LIST
    return {
        "warning_id": number,
        "duty_code": officer.code,
        "rank": callee.rank,
        "person": officer.person,
        "phone": officer.phone,
        "channel": dials,
        "due_at": at,
    }


def as_call(row: Row) -> Call:
    """A call that was made, as the rules of 叫应 know it."""
    return Call(
        row["duty_code"],
        row["rank"],
        _seconds(row["made_at"]),
        row["result"],
        row["answered_by"],
        row["repeated"],
    )


def _is_mute(row: Row, calling: Calling, at_s: int) -> bool:
    """Whether a gateway has not told in time what became of its call: then a person calls."""
    return row["channel"] != CALL_LIST and at_s >= _seconds(row["due_at"]) + calling.again_s


def _put_messages(connection: Connection, due: Due, listed: list[Row], at: datetime, rev: int) -> None:
    messenger = Messenger(connection, due.city, due.rules, at)
    told = messenger.messages([_news(due.rows[number], reason, n)] for number, reason, n in due.told)
    aloud = [
        (_news_by_voice(due.rows[one["warning_id"]], one), one["channel"])
        for one in listed
        if one["channel"] != CALL_LIST
    ]
    put_messages(connection, [*told, *messenger.read_aloud(aloud)], rev)


def _news(row: Row, reason: str, n: int) -> News:
    """The desk hears of it: no audience of its own."""
    return News(row | {"form": "urge"}, told_fact(row), reason, n, ())


def _news_by_voice(row: Row, one: Row) -> News:
    return News(row, told_fact(row), BY_VOICE, one["n"], (), (Person(one["person"], one["phone"]),))


def _sooner(due: Due, seconds: list[int], at_s: int) -> Due:
    """Look again at the first of these that is still to come."""
    later = [one for one in (*seconds, due.next_s) if one is not None and one > at_s]
    return due._replace(next_s=min(later, default=None))


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
