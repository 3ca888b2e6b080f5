"""Send: who is told of what in which words, as rows of the outbox; nobody on duty is itself a message to the desk.

Each message is on the person's pages once its row is written; by its colour it also waits to go out by a channel.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from jobs.alert_rows import Ledger
from layers.history import CLOCK, Moment
from layers.officers import Post
from layers.outbox import Person, on_posts
from layers.schema import SCOPE
from riskmap.alert_decisions import Watch
from riskmap.alert_facts import Fact
from riskmap.alert_life import SIGNATORIES
from riskmap.alert_pipeline import Notice, Pass
from riskmap.alert_rules import AlertRules
from riskmap.alert_texts import Frame
from riskmap.sending import IN_APP, Sending, kinds_of
from riskmap.settings import City

CALLED = "called"
"""the audience of whoever is called by voice"""
DESK = "值班室"
"""where nobody else answers"""
CITY_DESK = "duty_officer@city"
_TO_DO: Mapping[str, Mapping[str, str]] = {
    "cleared": {"todo": "恢复常态", "why": ""},
    "moved": {"todo": "关注相邻辖区的提示", "why": "moved"},
    "unsigned": {"todo": "尽快签收并处置"},
    "forgotten": {"todo": "尽快处置并反馈"},
    "nobody": {"todo": "落实当值人员并转告"},
    "exhausted": {"todo": "派人上门通知并回报"},
}
"""what is asked of people where it is not to look and report"""
_NOBODY = _TO_DO["nobody"]
"""whatever the desk is told of because nobody else is on duty"""
_OBJECT_OF = {"grid": "area", "village": "area", "township": "area", "city": "area"}
Row = dict[str, Any]


class News(NamedTuple):
    """One warning that a message tells of as news: its row, its fact, why and the how-manieth time, and to whom.

    `people` are told whoever has which duty.
    """

    row: Row
    fact: Fact
    reason: str
    n: int
    audience: tuple[str, ...]
    people: tuple[Person, ...] = ()


def told_news(passed: Pass, ledger: Ledger, rules: AlertRules) -> list[list[News]]:
    """The news of a pass by group, to the audiences that the rules name.

    What is over for a township because the record stands in another one now is marked so: nothing has passed.
    """
    # what is over is no longer watched; it is told as it was last seen
    watches = {one: decision.watch for one, decision in passed.decisions.items() if decision.watch}
    watches |= {one: watch for one, watch in passed.state.watches.items() if watch.is_open}
    rows = ledger.by_cause
    elsewhere = _still_so(watches, passed.notices)

    def told(one: str, reason: str) -> News:
        watch = watches[one]
        rule = rules.by_code.get(watch.rule)
        fact = watch.fact
        if reason == "cleared" and fact.cause_anywhere in elsewhere:
            fact = fact._replace(said={**fact.said, "over": "moved"})
        return News(rows[one], fact, reason, watch.fired_n, rule.audience if rule else (CITY_DESK,))

    return [[told(one, reason) for one, reason in notice.news] for notice in passed.notices]


def going_out(message: Row, person: Person, sending: Sending, channels: Mapping[str, str]) -> Iterator[Row]:
    """The message once more, waiting for the first channel that reaches the person; none where none is to."""
    addresses = {"phone": person.phone, "email": person.email}
    ways = sending.ways(channels, message["warn"], addresses)
    if ways:
        (channel, address), *further = ways
        way = {"channel": channel, "address": address, "further": json.dumps(further)}
        yield message | way | {"state": "waiting", "next_at": message["made_at"], "done_at": None}


def _still_so(watches: Mapping[str, Watch], notices: Iterable[Notice]) -> set[tuple[str, str, str, str]]:
    """Of the causes that some township is told to be over those that hold for another one."""
    over = {watches[one].fact.cause_anywhere for notice in notices for one in notice.cleared}
    if not over:
        return set()
    so = (watch.fact.cause_anywhere for watch in watches.values() if watch.gone_s is watch.cleared_s is None)
    return over.intersection(so)


def _weight(news: News) -> tuple[bool, int, int]:
    """What leads a message: what begins before what ends, then the most urgent, then the oldest."""
    return news.reason == "cleared", news.row["warn"], news.row["warning_id"]


def posts_of(city: City, row: Row, audience: Iterable[str]) -> list[tuple[str, Post]]:
    """The posts that audiences (`role@place`) of a warning are, each with its audience; places it has not are left out."""
    found = []
    for one in audience:
        role, _, place = one.partition("@")
        code = city.code if place == "city" else row[f"{place}_code"]
        if code:
            found.append((one, (_OBJECT_OF.get(place, place), str(code), role)))
    return found


def desk_post(city_code: str) -> Post:
    """The post of the city's duty desk."""
    return "area", city_code, CITY_DESK.partition("@")[0]


def at_desk(connection: Connection, city_code: str, day: date) -> list[Person]:
    """Who is at the city's duty desk on a day; where nobody is on file, the desk itself."""
    post = desk_post(city_code)
    return on_posts(connection, {post}, day).get(post) or [Person(DESK, "")]


def number_of(row: Row) -> str:
    """The number that messages call a warning by."""
    return f"{row['opened_at'].astimezone(CLOCK):%Y}-{row['warning_id']:05d}"


def told_fact(row: Row) -> Fact:
    """The fact that a warning told of, as far as its row keeps it."""
    said = row["said"]
    confirmed = bool(said.get("confirmed"))
    return Fact(row["kind"], row["layer"], "", side=row["side"], confirmed=confirmed, said=said)


class Messenger:
    """Makes messages: whom each audience is, by that day's duty, is asked for once; `then`: by the roster of a moment."""

    def __init__(
        self,
        connection: Connection,
        city: City,
        rules: AlertRules,
        at: datetime,
        then: Moment | None = None,
    ) -> None:
        self._connection = connection
        self._city = city
        self._rules = rules
        self._at = at.astimezone(CLOCK)
        self._channels = kinds_of(city.channels)
        self._then = then
        self._people: dict[Post, list[Person]] = {}

    def messages(self, groups: Iterable[list[News]]) -> list[Row]:
        """The outbox rows of groups of news: to each person one message for each group that has news for them."""
        groups = list(groups)
        posts = {post for group in groups for news in group for _, post in self._posts(news)}
        self._people = on_posts(self._connection, posts | {self._desk_post()}, self._at.date(), self._then)
        return [row for group in groups for row in self._of_group(group)]

    def read_aloud(self, calls: Iterable[tuple[News, str]]) -> list[Row]:
        """The outbox rows of calls that a channel of voice makes: each with news for the one person in it, and its name."""
        self._people = on_posts(self._connection, {self._desk_post()}, self._at.date())
        waits = {"state": "waiting", "next_at": self._at, "done_at": None}
        return [
            self._message(news.people[0], CALLED, [news]) | {"channel": channel} | waits
            for news, channel in calls
        ]

    def _of_group(self, group: list[News]) -> Iterator[Row]:
        told: dict[Person, tuple[str, list[News]]] = {}
        for news in sorted(group, key=_weight):
            for audience, person in self._audience(news):
                told.setdefault(person, (audience, []))[1].append(news)
        for person, (audience, mine) in told.items():
            message = self._message(person, audience, mine)
            yield message
            yield from going_out(message, person, self._rules.sending, self._channels)

    def _is_unheld(self, news: News) -> bool:
        """Whether nobody named or on duty would hear of it."""
        return not news.people and not any(self._people.get(post) for _, post in self._posts(news))

    def _audience(self, news: News) -> Iterator[tuple[str, Person]]:
        """Who is named, or on duty for the audience; the desk where nobody is."""
        seen: dict[Person, str] = dict.fromkeys(news.people, SIGNATORIES)
        for audience, post in self._posts(news):
            for person in self._people.get(post, ()):
                seen.setdefault(person, audience)
        for person, audience in (seen or {self._desk(): CITY_DESK}).items():
            yield audience, person

    def _posts(self, news: News) -> list[tuple[str, Post]]:
        return posts_of(self._city, news.row, news.audience)

    def _desk_post(self) -> Post:
        return desk_post(self._city.code)

    def _desk(self) -> Person:
        return next(iter(self._people.get(self._desk_post(), ())), Person(DESK, ""))

    def _message(self, person: Person, audience: str, mine: list[News]) -> Row:
        lead, *more = mine
        row, desk = lead.row, self._desk()
        frame = Frame(
            signature=f"{self._city.name}应急管理局",
            form=row["form"],
            warn=row["warn"],
            call=desk.name,
            phone=desk.phone,
            number=number_of(row),
            more=len(more),
            drill=row["drill"],
        )
        cleared = lead.reason == "cleared"
        said = {**lead.fact.said, "by": self._by(row["warn"]), "what": row["kind"]}
        nobody = _NOBODY if self._is_unheld(lead) and not cleared else {}
        fact = lead.fact._replace(said={**said, **nobody, **_TO_DO.get(said.get("over", lead.reason), {})})
        return {
            "warning_id": row["warning_id"],
            "person": person.name,
            "channel": IN_APP,
            "reason": lead.reason,
            "n": lead.n,
            **{name: row[name] for name in SCOPE},
            "audience": audience,
            "address": person.phone,
            "warn": row["warn"],
            "text": self._rules.templates.message(fact, frame, "zh", cleared=cleared),
            "also": [news.row["warning_id"] for news in more],
            "state": "delivered",
            "made_at": self._at,
            "next_at": None,
            "done_at": self._at,
        }

    def _by(self, warn: int) -> str:
        """Until when it must be dealt with, in words of the day."""
        by = self._at + timedelta(seconds=self._rules.forgotten_s.of(warn))
        return f"{by.day}日{by.hour}时{by.minute:02d}分"
