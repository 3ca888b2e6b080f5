"""Send: who is told of what in which words, as rows of the outbox; nobody on duty is itself a message to the desk."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from layers.history import CLOCK
from layers.outbox import Person, Post, on_posts
from layers.schema import SCOPE
from riskmap.alert_decisions import Watch
from riskmap.alert_pipeline import Notice
from riskmap.alert_rules import AlertRules
from riskmap.alert_texts import Frame
from riskmap.settings import City

CHANNEL = "in_app"
"""exactly once: the message is there when the transaction that wrote it is"""
DESK = "值班室"
"""where nobody else answers"""
_CITY_DESK = "duty_officer@city"
_OBJECT_OF = {"grid": "area", "village": "area", "township": "area", "city": "area"}
Row = dict[str, Any]


class News(NamedTuple):
    """One warning that a message tells of as news: its row, what is known of it, why it is told."""

    row: Row
    watch: Watch
    reason: str


class Messenger:
    """Makes the messages of one pass: whom each audience is, by today's duty, is asked for once."""

    def __init__(self, connection: Connection, city: City, rules: AlertRules, at: datetime) -> None:
        self._connection = connection
        self._city = city
        self._rules = rules
        self._at = at.astimezone(CLOCK)
        self._people: dict[Post, list[Person]] = {}

    def messages(
        self, notices: Iterable[Notice], rows: Mapping[str, Row], watches: Mapping[str, Watch]
    ) -> list[Row]:
        """The outbox rows of all notices: to each person one message for each group that has news for them."""
        groups = [
            [News(rows[one], watches[one], reason) for one, reason in notice.news] for notice in notices
        ]
        posts = {post for group in groups for news in group for _, post in self._posts(news)}
        self._people = on_posts(self._connection, posts | {self._desk_post()}, self._day())
        return [row for group in groups for row in self._of_group(group)]

    def _of_group(self, group: list[News]) -> Iterator[Row]:
        told: dict[Person, tuple[str, list[News]]] = {}
        for news in sorted(group, key=lambda one: (one.row["warn"], one.row["warning_id"])):
            for audience, person in self._audience(news):
                told.setdefault(person, (audience, []))[1].append(news)
        for person, (audience, mine) in told.items():
            yield self._message(person, audience, mine)

    def _audience(self, news: News) -> Iterator[tuple[str, Person]]:
        """Whom a rule names and who is on duty; the desk where nobody is."""
        seen = set()
        for audience, post in self._posts(news):
            for person in self._people.get(post, ()):
                if person not in seen:
                    seen.add(person)
                    yield audience, person
        if not seen:
            yield _CITY_DESK, self._desk()

    def _posts(self, news: News) -> list[tuple[str, Post]]:
        rule = self._rules.by_code.get(news.watch.rule)
        found = []
        for audience in rule.audience if rule else (_CITY_DESK,):
            role, _, place = audience.partition("@")
            code = self._city.code if place == "city" else news.row[f"{place}_code"]
            if code:
                found.append((audience, (_OBJECT_OF.get(place, place), str(code), role)))
        return found

    def _desk_post(self) -> Post:
        return "area", self._city.code, _CITY_DESK.partition("@")[0]

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
            number=f"{row['opened_at'].astimezone(CLOCK):%Y}-{row['warning_id']:05d}",
            more=len(more),
        )
        cleared = lead.reason == "cleared"
        said = {**lead.watch.fact.said, "by": self._by(row["warn"]), "what": row["kind"]}
        said |= {"todo": "恢复常态", "why": ""} if cleared else {}
        fact = lead.watch.fact._replace(said=said)
        return {
            "warning_id": row["warning_id"],
            "person": person.name,
            "channel": CHANNEL,
            "reason": lead.reason,
            "n": lead.watch.fired_n,
            **{name: row[name] for name in SCOPE},
            "audience": audience,
            "address": person.phone,
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

    def _day(self) -> date:
        return self._at.date()
