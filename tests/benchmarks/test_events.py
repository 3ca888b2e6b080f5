"""Sensor readings into the database, gathered, checked, placed and kept in the history: beside plain INSERTs."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from jobs.events import Posting, write_postings
from layers.database import owner_engine
from tests.benchmarks.ratios import Size, seconds
from tests.events import build, reading

pytestmark = pytest.mark.bench

IN_A_REQUEST, IN_A_BATCH = 500, 5_000
INSERT = """INSERT INTO peer (code, kind, source_code, sensor_code, value, unit, time, synthetic, valid_from, rev)
    VALUES (%(event_id)s, %(kind)s, %(source_code)s, %(sensor_code)s, %(value)s, %(unit)s, %(time)s, false,
            '2026-03-01', 1) ON CONFLICT DO NOTHING"""


def parts(events: list[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    return [events[start : start + size] for start in range(0, len(events), size)]


def test_readings_into_the_database(
    size: Size, database: str, compare: Callable[[str, Size, float, str, float, float], None]
) -> None:
    """The peers write into a table of the same columns, key and indexes; they check, place and remember nothing."""
    build(database)
    owner = owner_engine(database)
    events = [reading(f"n{n}", value=n % 1000 / 10) for n in range(size.polygons)]
    write_postings(owner, [Posting("warm", [reading("warm")])])

    def ours() -> None:
        for batch in parts(events, IN_A_BATCH):
            write_postings(owner, [Posting("gateway", part) for part in parts(batch, IN_A_REQUEST)])

    ours_s = seconds(ours)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE peer (LIKE event INCLUDING ALL)")

        def many() -> None:
            for batch in parts(events, IN_A_BATCH):
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.executemany(INSERT, batch)

        def one_by_one() -> None:
            for event in events:
                connection.execute(INSERT, event)

        many_s = seconds(many)
        connection.execute("TRUNCATE peer")
        single_s = seconds(one_by_one)
        query = "SELECT count(*) FROM peer p JOIN event e USING (code, source_code, sensor_code, value, unit, time)"
        assert connection.execute(query).fetchone() == (len(events),)
    owner.dispose()
    compare("events", size, ours_s, "one INSERT an event, executemany", many_s, 0.0)
    compare(
        "events", size, ours_s, "one INSERT and commit an event", single_s, {"S": 0.0}.get(size.name, 2.0)
    )
