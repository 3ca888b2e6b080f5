"""Every day one message: to each township's leader what changed since yesterday, to the duty desk that all works."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from jobs.alert_messages import CITY_DESK, DESK, going_out
from jobs.channel_watch import NO_WARNING
from layers.alert_desk import last_pass_at
from layers.channel_view import channel_states
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.digest import Changes, changes_of
from layers.editions import edition_on
from layers.history import CLOCK, Moment, open_revision, rev_at
from layers.outbox import Person, has_message, on_posts, put_messages
from layers.records import fetch
from layers.schema import SCOPE
from layers.sensors import pulse
from layers.status import status_of
from riskmap.alert_rules import AlertRules
from riskmap.daily import Counted, Daily, digest_text, heartbeat_text, last_due
from riskmap.sending import IN_APP, kinds_of
from riskmap.settings import City
from riskmap.vocabulary import LEVELS
from riskmap.wording import words

DIGEST, HEARTBEAT = "digest", "heartbeat"
_DAY = timedelta(days=1)
_LATE = timedelta(hours=1)
"""a digest that could not go out within so long is left out: the page has it, and the next one comes tomorrow"""
_AROUND = {"zh": "周边的危险源", "en": "sources around it"}
"""why an area has another colour where none of its own sources has moved: more of a neighbour's is not told"""
_BLUE = 4
_LEVELS = {word: level for level, word in LEVELS.items()}
_LOWEST = len(LEVELS) + 1
Row = dict[str, Any]


class Digest(NamedTuple):
    """A township's day: since when, until when, and what changed."""

    since: datetime
    until: datetime
    changes: Changes
    counted: Counted


def digest_of(connection: Connection, township: str, at: datetime) -> Digest:
    """What changed in a township since yesterday's hour, as far as the caller sees."""
    local = at.astimezone(CLOCK)
    daily = figures_on(connection, local)
    since = datetime.combine(local.date() - _DAY, daily.digest_at, CLOCK)
    then = Moment(None, rev_at(connection, since))
    changes = changes_of(connection, township, then, since, local, daily.ahead)
    return Digest(since, local, changes, _counted(changes))


def figures_on(connection: Connection, local: datetime) -> Daily:
    """The figures of the edition in force on a day."""
    return Daily.from_edition(edition_on(connection, local.date()))


def send_daily(owner: Engine, *, actor: str, at: datetime) -> int:
    """Put the day's messages whose hour has struck into the outbox, each once a day; how many are new.

    A leader in whose township nothing changed gets none: no news is no message. The duty desk gets its heartbeat
    whatever happened, so that a day without one says something.
    """
    local = at.astimezone(CLOCK)
    with snapshot(owner) as connection:
        daily = figures_on(connection, local)
        asked = {DIGEST: daily.digest_at, HEARTBEAT: daily.heartbeat_at}
        days = {reason: _number(last_due(local, hour)) for reason, hour in asked.items()}
        due = [reason for reason, day in days.items() if not has_message(connection, NO_WARNING, reason, day)]
        rows: list[Row] = []
        if DIGEST in due and local - last_due(local, daily.digest_at) < _LATE:
            rows += _digests(connection, local, days[DIGEST], daily)
        if HEARTBEAT in due:
            rows += _heartbeats(connection, local, days[HEARTBEAT], daily)
    if not rows:
        return 0
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "daily", "每日消息")
        return put_messages(connection, rows, rev)


def _digests(connection: Connection, local: datetime, day: int, daily: Daily) -> list[Row]:
    city = stored_city(connection)
    townships = {one["code"]: one["name"] for one in fetch(connection, "township").items}
    posts = {code: ("area", code, "leader") for code in townships}
    people = on_posts(connection, set(posts.values()), local.date())
    rows = []
    for code, name in townships.items():
        leaders = people.get(posts[code], [])
        if not leaders:
            continue
        found = digest_of(connection, code, local)
        if found.counted.calm:
            continue
        text = digest_text(city.name, name, found.since, found.counted, daily.ahead)
        told = [_message(one, DIGEST, day, text, local, "leader@township", code) for one in leaders]
        rows += _by_channels(connection, city, local, zip(leaders, told, strict=True))
    return rows


def _heartbeats(connection: Connection, local: datetime, day: int, daily: Daily) -> list[Row]:
    city, status = stored_city(connection), status_of(connection)
    desk = on_posts(connection, {("area", city.code, CITY_DESK.partition("@")[0])}, local.date())
    seen = pulse(connection, local)
    ages = {
        "data": _age_min(local, status.data_time),
        "pass": _age_min(local, last_pass_at(connection)),
        "feed": _age_min(local, seen.last),
    }
    fed = not seen.sensors or (seen.last is not None and local - seen.last <= daily.no_feed)
    failing = any(one.failing for one in channel_states(connection, list(kinds_of(city.channels)), local))
    text = heartbeat_text(city.name, local, ages, (seen.live, seen.sensors), well=fed and not failing)
    people = [one for found in desk.values() for one in found] or [Person(DESK, "")]
    told = [_message(one, HEARTBEAT, day, text, local, CITY_DESK, None) for one in people]
    return _by_channels(connection, city, local, zip(people, told, strict=True))


def _by_channels(
    connection: Connection, city: City, local: datetime, told: Iterable[tuple[Person, Row]]
) -> list[Row]:
    """The messages on the people's pages, and once more for the first channel that reaches them."""
    rules, channels = AlertRules.from_edition(edition_on(connection, local.date())), kinds_of(city.channels)
    return [row for person, one in told for row in (one, *going_out(one, person, rules.sending, channels))]


def _message(
    person: Person, reason: str, day: int, text: str, at: datetime, audience: str, township: str | None
) -> Row:
    """A row of the outbox that is of no warning: on the person's pages once it is written."""
    return {
        "warning_id": NO_WARNING,
        "person": person.name,
        "channel": IN_APP,
        "reason": reason,
        "n": day,
        **dict.fromkeys(SCOPE),
        "township_code": township,
        "audience": audience,
        "address": person.phone,
        "warn": _BLUE,
        "text": text,
        "also": [],
        "state": "delivered",
        "made_at": at.astimezone(UTC),
        "next_at": None,
        "done_at": at.astimezone(UTC),
    }


def _counted(changes: Changes) -> Counted:
    worse = [one for one in changes.colours if _is_worse(one)]
    return Counted(
        begun=len(changes.begun),
        ended=len(changes.ended),
        worse=len(worse),
        better=len(changes.colours) - len(worse),
        dangers=len(changes.dangers),
        overdue=len(changes.overdue),
        due=len(changes.due),
        zones=len(changes.zones),
        reason=_heaviest(worse, changes),
    )


def _is_worse(row: Row) -> bool:
    return _LEVELS.get(row["level"] or "", _LOWEST) < _LEVELS.get(row["old_level"] or "", _LOWEST)


def _heaviest(worse: list[Row], changes: Changes) -> str:
    """The one thing to say: the worst colour and why, else the most urgent warning, else an overdue danger."""
    if worse:
        row = worse[0]
        return f"{row['name'] or ''}，{why_of(row)}".strip("，")
    if changes.begun:
        return str(changes.begun[0]["said"].get("name") or "")
    found = [*changes.overdue, *changes.dangers]
    return str(found[0]["title"]) if found else ""


def why_of(row: Row, lang: str = "zh") -> str:
    """Why a colour changed, in words: what of the account moved most, or in which source."""
    if row["why"]:
        return words(row["why"]["item"], row["why"]["args"], lang)[0]
    return str(row["by"] or ("" if row["kind"] == "source" else _AROUND[lang]))


def _age_min(now: datetime, at: datetime | None) -> int | None:
    return None if at is None else max(int((now - at).total_seconds()) // 60, 0)


def _number(day: datetime) -> int:
    return int(f"{day:%Y%m%d}")
