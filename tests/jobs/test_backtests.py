"""No rule is switched on untried: an approval stands on a kept back-test of exactly these rules, and keeps it."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.backtest import backtest
from jobs.backtests import LAST_DAYS, keep, shadow
from jobs.course import days_between, instants
from jobs.editions import approve, draft
from layers.backtests import kept_backtest
from layers.database import owner_engine, snapshot
from layers.editions import filed
from layers.history import CLOCK
from riskmap.edition_files import write_edition
from riskmap.errors import BadInput, Refused
from riskmap.rule_files import rules_hash
from tests.import_files import AREA_HEADER, load, rows, square
from tests.riskmap.standard import edition
from tests.warning_times import TABLE

TODAY = datetime.now(CLOCK).date()
YESTERDAY = TODAY - timedelta(days=1)
DUTY = "code,person,role,object_layer,object_code"
DANGER = "code,place,grade,title,found_by,found_on,due_on"


@pytest.fixture(scope="module")
def city(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A city of one overdue danger that nobody answers for but the desk."""
    owner, folder = owner_engine(module_database), tmp_path_factory.mktemp("city")
    load(owner, folder, "areas", AREA_HEADER, f"430981,某市,city,,{square(0, 0, 6)}")
    load(owner, folder, "duty", DUTY, "U1,市值班,duty_officer,area,430981")
    load(owner, folder, "dangers", DANGER, "D1,某处,major,阀门泄漏,other,2026-02-01,2026-02-20")
    yield owner
    owner.dispose()


def file_draft(owner: Engine, folder: Path, name: str, **more: Any) -> dict[str, Any]:
    """A draft that repeats overdue dangers otherwise; its rules."""
    table: dict[str, Any] = copy.deepcopy(dict(TABLE))
    row = next(one for one in table["rules"] if one["rule"] == "overdue_major")
    row |= more
    tables = {**edition().tables, "alerts": table}
    file = folder / f"{name}.json"
    write_edition(replace(edition(), name=name, tables=tables), file)
    draft(owner, file, actor="test")
    return table


def accept(owner: Engine, name: str, in_days: int = 400) -> dict[str, Any]:
    day = TODAY + timedelta(days=in_days)
    return approve(owner, name, by="市安委会", effective_from=day, actor="test")


def test_other_rules_are_switched_on_after_they_ran_beside_the_live_ones_and_keep_the_proof(
    city: Engine, tmp_path: Path
) -> None:
    table = file_draft(city, tmp_path, "calmer", repeat_h="72")
    with pytest.raises(Refused, match="回测"):
        accept(city, "calmer")
    file_draft(city, tmp_path, "alike")
    assert shadow(city, actor="test") == [filed_in_force(city), "calmer"]
    assert shadow(city, actor="test") == []
    assert accept(city, "alike", in_days=399)["comparison"]["backtest"] is None
    made = accept(city, "calmer")
    proof = made["comparison"]["backtest"]
    assert (proof["days"], proof["to"]) == (LAST_DAYS, YESTERDAY.isoformat())
    assert proof["rules_hash"] == rules_hash(table)
    assert (proof["messages"], proof["live"]["messages"]) == (10, 30)
    assert [one["messages"] for one in proof["per_person"]] == [10]
    with snapshot(city) as connection:
        (kept,) = [one.comparison for one in filed(connection) if one.name == "calmer"]
    assert kept is not None
    assert kept["backtest"] == proof


def filed_in_force(owner: Engine) -> str:
    with snapshot(owner) as connection:
        return next(one.name for one in filed(connection) if one.head.shipped)


def test_a_back_test_of_other_rules_or_of_too_few_days_or_of_long_ago_is_none(
    city: Engine, tmp_path: Path
) -> None:
    table = file_draft(city, tmp_path, "other", repeat_h="48")
    told = backtest(city, table, YESTERDAY, YESTERDAY)
    assert told["more"]["messages"] == 0
    keep(city, told, actor="test")
    with pytest.raises(Refused, match="回测"):
        accept(city, "other")
    long = {"from": (TODAY - timedelta(days=60)).isoformat()}
    keep(city, told | long | {"to": (TODAY - timedelta(days=8)).isoformat()}, actor="test")
    with pytest.raises(Refused, match="回测"):
        accept(city, "other")
    keep(city, told | long, actor="test")
    file_draft(city, tmp_path, "other", repeat_h="47")
    with pytest.raises(Refused, match="回测"):
        accept(city, "other")
    file_draft(city, tmp_path, "other", repeat_h="48")
    assert accept(city, "other")["comparison"]["backtest"]["days"] == 1
    jobs = rows(city, "SELECT DISTINCT job FROM revision r JOIN backtest b USING (rev)")
    assert jobs == [("backtest",)]


def test_no_day_leaves_anything_behind_that_waits_for_the_end(city: Engine) -> None:
    """A table that a transaction drops stays among its locks, and on the disk, until it ends: a year has no room for it."""
    held = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"
    first = TODAY - timedelta(days=6)
    with snapshot(city, scratch=True) as connection:
        counts = [
            connection.exec_driver_sql(held).scalar_one()
            for one in instants(connection, days_between(first, YESTERDAY), [60], lambda: None)
            if one.at.time() == time()
        ]
    assert len(counts) == 6
    assert set(counts[1:]) == {counts[1]}


def test_days_that_are_not_over_or_before_the_first_record_cannot_be_tried(city: Engine) -> None:
    for first, last in (
        (YESTERDAY, TODAY),
        (TODAY - timedelta(days=2000), YESTERDAY),
        (YESTERDAY, TODAY - timedelta(days=2)),
        (datetime(2019, 1, 1, tzinfo=CLOCK).date(), datetime(2019, 2, 1, tzinfo=CLOCK).date()),
    ):
        with pytest.raises(BadInput):
            backtest(city, TABLE, first, last)
    with snapshot(city) as connection:
        assert kept_backtest(connection, "00" * 32) is None
