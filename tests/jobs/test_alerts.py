"""Warnings of the demo city: what its facts are, that they are told once, and what people do with them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from layers.alert_ledger import warning_page
from layers.database import CITY, Identity, reading

AT = datetime(2026, 6, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def begun(demo_owner: Engine) -> dict[str, Any]:
    """The first pass over the demo city."""
    return run_alerts(demo_owner, actor="test", at=AT)


def test_first(demo_owner: Engine, demo_reader: Engine, begun: dict[str, Any]) -> None:
    print(begun)
    again = run_alerts(demo_owner, actor="test", at=AT + timedelta(minutes=5))
    print(again)
    with reading(demo_reader, CITY) as connection:
        page = warning_page(connection, limit=5)
        print(page.total)
        for item in page.items: print(item)
        from layers.alert_ledger import warning_told
        for m in warning_told(connection, page.items[0]["id"])["messages"]: print(m)
        from sqlalchemy import text
        for row in connection.execute(text("select kind, side, rule, count(*) from warning group by 1,2,3 order by 4 desc")): print(row)
        for row in connection.execute(text("select person, audience, count(*) from delivery group by 1,2 order by 3 desc limit 12")): print(row)
        for row in connection.execute(text("select distinct on (warning_id % 11) text from delivery")): print(row.text)
    assert 0
