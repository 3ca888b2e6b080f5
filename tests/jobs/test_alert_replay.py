"""The past of warnings: what a pass saw is seen again from history, and all passes done again come to the live ledger."""

from collections.abc import Iterator

import pytest

from jobs.alert_exposure import expose
from jobs.alert_replay import replay_alerts
from layers.database import snapshot, writing
from layers.editions import edition_on
from layers.history import Moment
from tests.import_files import rows
from tests.lived_city import Lived, lived_city, rules_of


@pytest.fixture(scope="module")
def city(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    lived = lived_city(module_database, tmp_path_factory.mktemp("lived"))
    yield lived
    lived.close()


def test_what_stood_at_a_past_instant_is_what_the_live_pass_saw(city: Lived) -> None:
    kinds = set()
    for at, rev, seen in city.looks:
        with snapshot(city.owner) as connection:
            then = Moment(None, rev)
            again = expose(connection, *rules_of(edition_on(connection, at.date(), then)), at, then)
        assert again == seen
        kinds |= {fact.kind for fact in seen.facts}
    assert kinds >= {"level", "near", "zone", "overdue", "inventory", "event"}


def test_passes_done_again_come_to_the_live_ledger_and_a_changed_ledger_is_told(city: Lived) -> None:
    live = [row[0] for row in rows(city.owner, "SELECT DISTINCT reason FROM delivery ORDER BY 1")]
    assert live == ["cleared", "first", "repeat", "silence_ended"]
    found = replay_alerts(city.owner)
    assert found["differences"] == []
    assert found["answer"] == "equal"
    assert found["passes"] >= 6
    counted = "SELECT (SELECT count(*) FROM warning), (SELECT count(*) FROM delivery)"
    assert rows(city.owner, counted) == [(found["warnings"], found["messages"])]
    with writing(city.owner) as connection:
        connection.exec_driver_sql("UPDATE warning SET reason = 'worse' WHERE warning_id = 1")
    changed = replay_alerts(city.owner)
    assert changed["answer"] == "differs"
    assert [one["part"] for one in changed["differences"]] == ["warnings", "warnings"]
