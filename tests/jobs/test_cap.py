"""Weather warnings in CAP as events: where and when they count, what ends them, in whatever order they come."""

import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.cap import take_in_cap
from jobs.drop import REPORT_SUFFIX, Drop, patrol
from jobs.dynamic import events_of
from jobs.imports import ImportReport
from jobs.setup import prepare_database
from layers.cap_events import code_of
from layers.database import owner_engine, snapshot
from layers.dynamic import read_events
from riskmap.dynamic import WEATHER, DynamicWeights, event_factor
from riskmap.errors import BadInput, Refused
from riskmap.settings import load_city
from tests import town
from tests.cap_messages import MORNING, OURS_RING, SERVICE, THEIRS_RING, info, message, over
from tests.database import LONG_AGO, Databases
from tests.events import events_on_file
from tests.riskmap.standard import edition

WEIGHTS = DynamicWeights.from_table(edition().table("dynamic"))


def _town(dsn: str) -> None:
    prepare_database(dsn, load_city(), LONG_AGO)
    town.build(dsn)


@pytest.fixture(scope="module")
def owner(databases: Databases) -> Iterator[Engine]:
    """The town, shared: every test speaks of messages with numbers of its own."""
    with databases.fresh(databases.template("riskmap_bare_town", _town)) as dsn:
        engine = owner_engine(dsn)
        yield engine
        engine.dispose()


def take(owner: Engine, *contents: bytes) -> list[ImportReport]:
    return [take_in_cap(owner, "天气.cap", content, "test") for content in contents]


def rows(owner: Engine, *numbers: str) -> list[dict[str, Any]]:
    """The events of these messages, with the id as the message's number and what follows."""
    codes = {code_of(SERVICE, number): number for number in numbers}
    return [
        row | {"code": row["code"].replace(code, number)}
        for row in events_on_file(owner)
        for code, number in codes.items()
        if row["code"].startswith(code)
    ]


def weather(owner: Engine, after_h: float, *numbers: str) -> list[str]:
    """The events of these messages that count at so many hours after 08:00."""
    at = MORNING + timedelta(hours=after_h)
    with snapshot(owner) as connection:
        frame = read_events(connection, at, WEIGHTS)
    counting = {event.code for event in events_of(frame) if event_factor(WEIGHTS, event, at) is not None}
    named = {
        f"{code_of(SERVICE, number)}{part}": f"{number}{part}" for number in numbers for part in ("", ".2")
    }
    return sorted(named[code] for code in counting & named.keys())


def test_a_warning_counts_where_and_while_it_holds(owner: Engine) -> None:
    rain = message("A1", info(over(OURS_RING)))
    (report,) = take(owner, rain)
    assert (report.inserted, report.notes) == (1, [])
    (row,) = rows(owner, "A1")
    assert (row["code"], row["kind"], row["severity"], row["township_code"]) == (
        "A1",
        WEATHER,
        "red",
        town.OURS,
    )
    assert (row["time"], row["until"]) == (MORNING, MORNING + timedelta(hours=6))
    assert row["geom"].startswith("POLYGON")
    assert [bool(weather(owner, hour, "A1")) for hour in (-0.1, 0, 5.9, 6)] == [False, True, True, False]
    (again,) = take(owner, rain)
    assert (again.inserted, again.unchanged) == (0, 1)
    with pytest.raises(Refused, match="severity"):
        take(owner, message("A1", info(over(OURS_RING), severity="Minor")))


def story(name: str) -> list[bytes]:
    """Two warnings, an update of the first two hours later, an end to all one hour after that."""
    first, second, third = (f"{name}{n}" for n in (1, 2, 3))
    return [
        message(first, info(over(OURS_RING)), info(over(THEIRS_RING), severity="Severe")),
        message(
            second, info(over(OURS_RING), severity="Moderate"), msg_type="Update", after_h=2, about=(first,)
        ),
        message(third, msg_type="Cancel", after_h=3, about=(first, second)),
    ]


def test_a_cancellation_and_an_update_end_what_they_name(owner: Engine) -> None:
    warned, milder, over_ = story("B")
    take(owner, warned, milder)
    assert weather(owner, 1, "B1", "B2") == ["B1", "B1.2"]
    assert weather(owner, 2, "B1", "B2") == ["B2"], "no moment with both, none without"
    take(owner, over_)
    assert weather(owner, 2.9, "B1", "B2") == ["B2"]
    assert weather(owner, 3, "B1", "B2") == []
    assert weather(owner, 1, "B1", "B2") == ["B1", "B1.2"], "what was so stays so"


def test_whatever_the_order_and_however_often(owner: Engine) -> None:
    seen = []
    for name, order in zip("CDEFGH", permutations(range(3)), strict=True):
        messages = story(name)
        take(owner, *(messages[n] for n in order), *messages)
        numbers = [f"{name}{n}" for n in (1, 2, 3)]
        written = [(row["kind"], row["time"], row["until"], row["geom"]) for row in rows(owner, *numbers)]
        counting = [[code[1:] for code in weather(owner, hour, *numbers)] for hour in (1, 2.5, 3)]
        seen.append((sorted(written, key=str), counting))
    assert all(one == seen[0] for one in seen[1:])
    assert seen[0][1] == [["1", "1.2"], ["2"], []]


def test_a_warning_cancelled_before_it_begins_never_counts(owner: Engine) -> None:
    rain = message("I1", info(over(OURS_RING)))
    take(owner, rain, message("I2", msg_type="Cancel", after_h=-1, about=("I1",)))
    assert [weather(owner, hour, "I1") for hour in (-0.5, 0, 1)] == [[], [], []]


def test_all_clear_ends_without_beginning_anything(owner: Engine) -> None:
    clear = info(over(OURS_RING), responses=("AllClear",))
    take(
        owner,
        message("J1", info(over(OURS_RING))),
        message("J2", clear, msg_type="Update", after_h=1, about=("J1",)),
    )
    assert weather(owner, 1, "J1", "J2") == []
    assert weather(owner, 0.9, "J1", "J2") == ["J1"]


@pytest.mark.parametrize(
    ("area", "where"),
    [
        (over(OURS_RING, THEIRS_RING), "MULTIPOLYGON"),
        (over(circles=((112.35, 28.85, 2.0),)), "POLYGON"),
        (over(circles=((112.35, 28.85, 0.0),)), "POINT"),
        (over(geocodes=(("x", "430981000000"),)), None),
        (over(geocodes=(("x", "430900"),)), None),
        (over(geocodes=(("x", "43"),)), None),
        (over(geocodes=(("x", "000000"),)), None),
        (over(geocodes=(("x", "430981006"),)), "POLYGON"),
        (over(geocodes=(("x", "430981006000"), ("x", "430981114000"))), "MULTIPOLYGON"),
        (over(geocodes=(("x", "430981999"),)), None),
        (over(), None),
        (over(((60.0, 5.0), (140.0, 5.0), (140.0, 55.0), (60.0, 55.0), (60.0, 5.0))), "POLYGON"),
        (over(((112.3, 28.8), (112.4, 28.9), (112.4, 28.8), (112.3, 28.9), (112.3, 28.8))), "POLYGON"),
    ],
)
def test_areas(owner: Engine, area: Any, where: str | None) -> None:
    number = f"area-{hash(area)}"
    take(owner, message(number, info(area)))
    (row,) = rows(owner, number)
    assert (row["geom"] and row["geom"].partition("(")[0].strip()) == where


def test_rings_that_nobody_could_unite_in_time_are_told_by_their_hulls(owner: Engine) -> None:
    """A knot of 5,000 points and two combs across each other: an exact union of either would take hours."""
    dice = random.Random(1)
    knot = [(112.3 + dice.random() / 10, 28.8 + dice.random() / 10) for _ in range(5000)]
    teeth = [(n / 2000, n % 2) for n in range(2000)]
    comb = [(112.3 + x / 10, 28.8 + y / 10) for x, y in (*teeth, (1, -1), (0, -1))]
    across = [(112.3 + (lat - 28.8), 28.8 + (lon - 112.3)) for lon, lat in comb]
    for number, rings in (("N1", (knot,)), ("N2", (comb, across))):
        texts = (" ".join(f"{lat},{lon}" for lon, lat in (*ring, ring[0])) for ring in rings)
        told = "".join(f"<polygon>{one}</polygon>" for one in texts).encode()
        take(owner, re.sub(rb"<polygon>.*</polygon>", told, message(number, info(over(OURS_RING)))))
        (row,) = rows(owner, number)
        assert row["geom"].startswith("POLYGON")


def test_too_many_parts_are_refused(owner: Engine) -> None:
    with pytest.raises(BadInput, match="references"):
        take(owner, message("O1", msg_type="Cancel", about=tuple(f"x{n}" for n in range(300))))


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (message("X", info(over(OURS_RING)), status="Exercise"), "演练"),
        (message("X", info(over(OURS_RING)), status="Test"), "测试"),
        (message("X", info(over(OURS_RING)), msg_type="Ack", about=("A1",)), "回执"),
        (message("X", info(over(geocodes=(("x", "430111"),)))), "不涉及本市"),
        (message("X", info(over(tuple((lon - 200, lat) for lon, lat in OURS_RING)))), "不涉及本市"),
    ],
)
def test_what_does_not_concern_the_city_is_said_so(owner: Engine, content: bytes, note: str) -> None:
    (report,) = take(owner, content)
    assert note in report.notes[0]
    assert rows(owner, "X") == []


def test_what_is_no_weather_or_nowhere_is_refused(owner: Engine) -> None:
    fire = message("X", info(over(OURS_RING), event="火灾")).replace(b">Met<", b">Fire<")
    nowhere = message("X", info(over())).replace("沅江市".encode(), b"somewhere")
    for content, word in ((fire, "气象"), (nowhere, "区域")):
        with pytest.raises(BadInput, match=word) as caught:
            take(owner, content)
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ({"headline": "暴雨橙色预警"}, "orange"),
        ({"event": "大风蓝色预警", "severity": "Extreme"}, "blue"),
        ({"headline": "由黄色升级为橙色", "severity": "Minor"}, "blue"),
        ({"severity": "Moderate"}, "yellow"),
        ({"severity": "Unknown"}, None),
    ],
)
def test_the_colour_is_the_one_the_warning_names(owner: Engine, said: dict[str, Any], severity: str) -> None:
    number = f"colour-{len(str(said))}"
    take(owner, message(number, info(over(OURS_RING), **said)))
    assert [row["severity"] for row in rows(owner, number)] == [severity]


def test_one_language_is_enough_and_chinese_goes_first(owner: Engine) -> None:
    english = info(over(THEIRS_RING), language="en-US", event="Rain", severity="Minor")
    take(owner, message("K1", english, info(over(OURS_RING))))
    assert [(row["code"], row["severity"]) for row in rows(owner, "K1")] == [("K1", "red")]


def test_a_warning_without_an_end_lasts_a_day(owner: Engine) -> None:
    take(owner, message("L1", info(over(OURS_RING), onset=None, expires=None)))
    (row,) = rows(owner, "L1")
    times: list[datetime] = [row["time"], row["until"]]
    assert times == [MORNING, MORNING + timedelta(days=1)]


def test_by_file_drop(owner: Engine, tmp_path: Path) -> None:
    rain = message("M1", info(over(OURS_RING)))
    drop = Drop.of(tmp_path)
    drop.make()
    (drop.folder / "in" / "430900-2026.cap").write_bytes(rain)
    (drop.folder / "in" / "演练.xml").write_bytes(message("X", info(over(OURS_RING)), status="Exercise"))
    (drop.folder / "in" / "bad.xml").write_bytes(b"<!DOCTYPE a>" + rain)
    patrol(owner, drop)
    assert [row["code"] for row in rows(owner, "M1")] == ["M1"]
    assert sorted(path.name for path in drop.folder.glob("done/*/*")) == ["430900-2026.cap", "演练.xml"]
    (told,) = drop.folder.glob(f"bad/*/bad.xml{REPORT_SUFFIX}")
    assert "DOCTYPE" in told.read_text("utf-8-sig")
