"""Every day one message: to each township's leader what changed since yesterday, to the duty desk that all works."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from jobs.alert_messages import at_desk
from jobs.own_messages import NO_WARNING, own_messages
from jobs.zone_ledger import fallen_overdue
from layers.channel_view import channel_states
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.digest import Changes, changes_of, explain
from layers.editions import edition_on
from layers.history import CLOCK, Moment, open_revision, rev_at
from layers.outbox import Person, has_message, on_posts, put_messages
from layers.pulses import ALERTS, last_beat
from layers.regrading import reassessments
from layers.sensors import pulse
from layers.status import status_of, township_names
from riskmap.alert_rules import AlertRules
from riskmap.daily import Counted, Daily, digest_text, heartbeat_text, last_due
from riskmap.sending import kinds_of
from riskmap.settings import City
from riskmap.watchdog import Vitals, troubles
from riskmap.wording import words

DIGEST, HEARTBEAT = "digest", "heartbeat"
_DAY = timedelta(days=1)
_LATE = timedelta(hours=1)
"""a digest that could not go out within so long is left out: the page has it, and the next one comes tomorrow"""
_AROUND = {"zh": "周边的危险源", "en": "sources around it"}
"""why an area has another colour where none of its own sources has moved: more of a neighbour's is not told"""
_BLUE = 4
Row = dict[str, Any]


class Day(NamedTuple):
    """What the digests of all townships at an instant have in common: since when and how things stood then, until when."""

    since: datetime
    until: datetime
    then: Moment
    ahead: timedelta
    owed: list[Row]


class Digest(NamedTuple):
    """A township's day and what changed in it; colours are not explained yet (`layers.digest.explain`)."""

    day: Day
    changes: Changes
    counted: Counted
    ledger: list[Row]
    """what fell overdue in the ledgers of its joint-control zones"""


def day_of(connection: Connection, at: datetime, daily: Daily | None = None) -> Day:
    """The day that digests of an instant tell of: since yesterday's hour."""
    local = at.astimezone(CLOCK)
    daily = daily or figures_on(connection, local)
    since = datetime.combine(local.date() - _DAY, daily.digest_at, CLOCK)
    then = Moment(None, rev_at(connection, since))
    return Day(since, local, then, daily.ahead, reassessments(connection, local.date()))


def digest_of(connection: Connection, township: str, day: Day, *, as_job: bool = False) -> Digest:
    """What changed in a township in a day, as far as the caller sees; `as_job`: the owner."""
    changes = changes_of(connection, township, day.then, day.since, day.until, day.ahead, day.owed)
    days = day.since.date(), day.until.date()
    ledger = fallen_overdue(connection, township, *days, as_job=as_job)
    worse = sum(one["worse"] for one in changes.colours)
    counted = Counted(
        begun=len(changes.begun),
        ended=len(changes.ended),
        worse=worse,
        better=len(changes.colours) - worse,
        dangers=len(changes.dangers),
        overdue=len(changes.overdue),
        due=len(changes.due),
        zones=len(changes.zones),
        ledger=len(ledger),
    )
    return Digest(day, changes, counted, ledger)


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
        city, rows = stored_city(connection), []
        rules = AlertRules.from_edition(edition_on(connection, local.date()))
        tell = partial(
            own_messages,
            at=at.astimezone(UTC),
            warn=_BLUE,
            sending=rules.sending,
            channels=kinds_of(city.channels),
        )
        if DIGEST in due and local - last_due(local, daily.digest_at) < _LATE:
            rows += _digests(connection, city, local, daily, partial(tell, reason=DIGEST, n=days[DIGEST]))
        if HEARTBEAT in due:
            desk, text = _heartbeat(connection, city, local, daily)
            rows += tell(desk, HEARTBEAT, days[HEARTBEAT], text)
    if not rows:
        return 0
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "daily", "每日消息")
        return put_messages(connection, rows, rev)


def _digests(
    connection: Connection, city: City, local: datetime, daily: Daily, tell: Callable[..., list[Row]]
) -> list[Row]:
    townships = township_names(connection)
    posts = {code: ("area", code, "leader") for code in townships}
    people = on_posts(connection, set(posts.values()), local.date())
    day, rows = day_of(connection, local, daily), []
    for code, name in townships.items():
        leaders = people.get(posts[code], [])
        if not leaders:
            continue
        found = digest_of(connection, code, day, as_job=True)
        if found.counted.calm:
            continue
        counted = replace(found.counted, reason=_heaviest(connection, found))
        text = digest_text(city.name, name, day.since, counted, daily.ahead)
        rows += tell(leaders, text=text, audience="leader@township", township=code)
    return rows


def _heartbeat(connection: Connection, city: City, local: datetime, daily: Daily) -> tuple[list[Person], str]:
    """Who is at the desk, and whether all works in words."""
    seen = pulse(connection, local)
    ages = {
        "data": _age_min(local, status_of(connection).data_time),
        "pass": _age_min(local, last_beat(connection, ALERTS)),
        "feed": _age_min(local, seen.last),
    }
    states = channel_states(connection, list(kinds_of(city.channels)), local)
    vitals = Vitals(
        database=True,
        worker=True,
        passed_at=local,
        sensors=seen.sensors,
        fed_at=seen.last,
        failing=tuple(one.name for one in states if one.failing),
    )
    well = not troubles(vitals, daily, local)
    text = heartbeat_text(city.name, local, ages, (seen.live, seen.sensors), well=well)
    return at_desk(connection, city.code, local.date()), text


def _heaviest(connection: Connection, found: Digest) -> str:
    """The one thing to say: the worst colour and why, else the most urgent warning, else an overdue danger."""
    changes = found.changes
    worst = next((one for one in changes.colours if one["worse"]), None)
    if worst:
        explain(connection, [worst], found.day.then)
        return f"{worst['name'] or ''}，{why_of(worst)}".strip("，")
    if changes.begun:
        return str(changes.begun[0]["said"].get("name") or "")
    return next((str(one["title"]) for one in (*changes.overdue, *changes.dangers)), "")


def why_of(row: Row, lang: str = "zh") -> str:
    """Why a colour changed, in words: what of the account moved most, or in which source."""
    if row["why"]:
        return words(row["why"]["item"], row["why"]["args"], lang)[0]
    return str(row["by"] or ("" if row["kind"] == "source" else _AROUND[lang]))


def _age_min(now: datetime, at: datetime | None) -> int | None:
    return None if at is None else max(int((now - at).total_seconds()) // 60, 0)


def _number(day: datetime) -> int:
    return int(f"{day:%Y%m%d}")
