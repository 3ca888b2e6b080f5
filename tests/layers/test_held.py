"""The hold of a colour: up at once, down when the score was clear of the edge for a day; only told, never kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from layers.database import CITY, Identity, reading, writing
from layers.held import add_held
from layers.history import Moment
from layers.records import fetch
from riskmap.errors import BadInput
from riskmap.weights import RiskWeights
from tests.import_files import load
from tests.laws import MICRO, colour
from tests.riskmap.standard import edited

NOW = datetime(2026, 7, 4, 12, tzinfo=UTC)
FIRST = 1000
BLUE, YELLOW, ORANGE, RED = 4, 3, 2, 1
TOWNSHIP = Identity("town", "township", "430981006")

Steps = list[tuple[float, float]]
"""hours before now and points, oldest first"""


def history(
    owner: Engine, steps: Steps, kind: str = "source", edges: str = "ordinary", **levels: int
) -> Moment:
    """Runs that left these scores, each until the next one; `levels` by `at0`, `at1` … where a rule raised a colour."""
    with writing(owner) as connection:
        for n, (hours, _) in enumerate(steps):
            run = {"n": FIRST + n, "at": NOW - timedelta(hours=hours)}
            connection.execute(
                text(
                    "INSERT INTO run (run_id, rev, known_rev, data_time, edition, code_version, full_run, current, counts,"
                    " result_hash) VALUES (:n, :n, :n, :at, '2026-1', 'x', true, true, '{}', '')"
                ),
                run,
            )
        for n, (_, points) in enumerate(steps):
            micro, last = round(points * MICRO), n == len(steps) - 1
            row = {"kind": kind, "score": micro, "rev": FIRST + n, "township": "430981114"}
            row |= {"level": levels.get(f"at{n}", colour(micro, edges))}
            into, more, end = ("score", "", "") if last else ("score_past", ", rev_to", f", {FIRST + n + 1}")
            connection.execute(
                text(
                    f"INSERT INTO {into} (kind, code, township_code, score, base, level, base_level, rise_level, rev{more})"
                    f" VALUES (:kind, 'X1', :township, :score, :score, :level, :level, 4, :rev{end})"
                ),
                row,
            )
    return Moment(None, FIRST + len(steps) - 1)


def held(owner: Engine, steps: Steps, kind: str = "source", **more: Any) -> tuple[int, float | None]:
    """The held colour, and in how many hours it ends."""
    then = history(owner, steps, kind, **more)
    with reading(owner, CITY) as connection:
        own = connection.execute(text("SELECT level FROM score WHERE code = 'X1'")).scalar_one()
        row = {"code": "X1", "level": own}
        add_held(connection, kind, [row], then, NOW)
    until = row["held_until"]
    return row["level_held"], None if until is None else round((until - NOW) / timedelta(hours=1), 3)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([(100, 45), (24, 38)], (YELLOW, None), id="2 points below for 24 h: it falls"),
        pytest.param([(100, 45), (23.999, 38)], (ORANGE, 0.001), id="a moment less than 24 h: held"),
        pytest.param(
            [(100, 45), (99, 38.000001)], (ORANGE, None), id="less than 2 points below: held, however long"
        ),
        pytest.param([(100, 45), (99, 38)], (YELLOW, None), id="clear for days: fallen long ago"),
        pytest.param([(100, 30), (50, 39)], (YELLOW, None), id="never was there: nothing to hold"),
        pytest.param([(100, 10), (0, 45)], (ORANGE, None), id="a rise counts at once"),
        pytest.param([(100, 65), (10, 30)], (RED, 14), id="the worst that is held"),
        pytest.param([(100, 65), (30, 39)], (ORANGE, None), id="down from red, not clear of orange"),
        pytest.param([(100, 65), (30, 41), (5, 10)], (ORANGE, 19), id="red fell, then orange is held"),
        pytest.param(
            [(100, 45), (40, 37), (20, 39), (10, 37)], (ORANGE, 14), id="the day begins anew near the edge"
        ),
        pytest.param(
            [(100, 45), (60, 37), (30, 39), (1, 37)], (YELLOW, None), id="fallen once, near alone is no rise"
        ),
        pytest.param([(100, 45)], (ORANGE, None), id="nothing changed"),
    ],
)
def test_a_colour_falls_after_two_points_and_a_day(
    owner: Engine, steps: Steps, expected: tuple[int, float | None]
) -> None:
    assert held(owner, steps) == expected


def test_what_a_rule_raised_is_held_for_a_day_after_it(owner: Engine) -> None:
    assert held(owner, [(100, 25), (30, 25), (3, 25)], at1=RED) == (RED, 21)


def test_the_city_s_own_edges_hold_the_city(owner: Engine, tmp_path: Any) -> None:
    load(owner, tmp_path, "areas", "code,name,level", "430981102,乙镇,township")
    assert held(owner, [(100, 65), (10, 58.5)], "city", edges="city") == (ORANGE, None)


def test_the_city_without_townships_goes_by_the_ordinary_edges(owner: Engine) -> None:
    assert held(owner, [(100, 45), (10, 30)], "city") == (ORANGE, 14)


def test_an_edition_without_a_hold_holds_nothing(owner: Engine) -> None:
    with writing(owner) as connection:
        connection.execute(text("UPDATE edition SET content = content #- '{tables,risk,hold}'"))
    assert held(owner, [(100, 45), (10, 30)]) == (YELLOW, None)


def test_others_see_the_held_colour_of_areas_and_of_nothing_else(owner: Engine, reader: Engine) -> None:
    for kind, expected in (("village", ORANGE), ("source", YELLOW)):
        then = history(owner, [(100, 45), (10, 30)], kind)
        row = {"code": "X1", "level": YELLOW}
        with reading(reader, TOWNSHIP) as connection:
            add_held(connection, kind, [row], then, NOW)
        assert row["level_held"] == expected, kind
        with writing(owner) as connection:
            connection.execute(text("TRUNCATE run, score, score_past"))


def test_records_have_both_keys_before_and_after_a_run(owner: Engine, tmp_path: Any) -> None:
    load(owner, tmp_path, "sources", "code,name,kind,lon,lat", "X1,渡口,ferry,112.36,28.85")
    with reading(owner, CITY) as connection:
        (one,) = fetch(connection, "source").items
    assert (one["level"], one["level_held"], one["held_until"]) == (None, None, None)
    then = history(owner, [(100, 45), (10, 30)])
    with reading(owner, CITY) as connection:
        (one,) = fetch(connection, "source", then=then).items
        (now,) = fetch(connection, "source").items
    assert (one["level"], one["level_held"], one["held_until"]) == (
        "yellow",
        "orange",
        "2026-07-05T10:00:00+08:00",
    )
    assert (now["level"], now["level_held"], now["held_until"]) == ("yellow", "yellow", None)


@pytest.mark.parametrize(("field", "value"), [("hours", 0), ("points", -1), ("days", 1)])
def test_a_wrong_hold_is_refused(field: str, value: int) -> None:
    def wrong(table: Any) -> None:
        table["hold"][field] = value

    with pytest.raises(BadInput, match=field):
        RiskWeights.from_table(edited("risk", wrong).table("risk"))
