"""Events: the same rows whatever the way, the order and the division; what a run hears of them."""

import csv
import json
import random
from collections.abc import Iterator
from itertools import count as numbers
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text

from jobs.events import write_postings
from jobs.imports import import_file
from jobs.risk import assess, is_stale
from jobs.setup import prepare_database
from layers.audit import verify
from layers.database import owner_engine, snapshot
from riskmap.errors import Refused
from riskmap.settings import load_city
from tests import town
from tests.database import LONG_AGO, Databases
from tests.events import (
    EVENT_REVISIONS,
    build,
    count,
    events_on_file,
    of_every_kind,
    posting,
    reading,
    told,
)


def _town(dsn: str) -> None:
    prepare_database(dsn, load_city(), LONG_AGO)
    build(dsn)


@pytest.fixture(scope="module")
def town_template(databases: Databases) -> str:
    return databases.template("riskmap_gauged_town", _town)


@pytest.fixture
def owner(databases: Databases, town_template: str) -> Iterator[Engine]:
    with databases.fresh(town_template) as dsn:
        engine = owner_engine(dsn)
        yield engine
        engine.dispose()


@pytest.fixture(scope="module")
def shared_owner(databases: Databases, town_template: str) -> Iterator[Engine]:
    with databases.fresh(town_template) as dsn:
        engine = owner_engine(dsn)
        yield engine
        engine.dispose()


def test_each_request_of_a_batch_hears_of_its_own_rows(owner: Engine) -> None:
    batch = [
        posting(reading("a"), reading("b")),
        posting(reading("c"), reading("d", value="viel")),
        posting(reading("e"), reading("f", time="gestern"), partial=True),
        posting(reading("b"), reading("c")),
    ]
    assert [told(report) for report in write_postings(owner, batch)] == [
        (2, 2, 0, []),
        (2, 0, 0, [(2, "value")]),
        (2, 1, 0, [(2, "time")]),
        (2, 1, 1, []),
    ]
    assert [row["code"] for row in events_on_file(owner)] == ["a", "b", "c", "e"]
    assert count(owner, EVENT_REVISIONS) == 1
    with snapshot(owner) as connection:
        assert verify(connection) == []


def test_an_event_belongs_where_its_source_sensor_or_position_is(owner: Engine) -> None:
    write_postings(
        owner,
        [
            posting(
                reading("tank", sensor_code=None),
                reading("gauge", source_code=None),
                {"event_id": "rain", "kind": "weather", "time": "2026-03-01", "lon": 112.51, "lat": 28.81},
                {"event_id": "feast", "kind": "period", "time": "2026-03-01"},
            )
        ],
    )
    where = {row["code"]: (row["grid_code"], row["enterprise_code"]) for row in events_on_file(owner)}
    ours, theirs = town.scope(town.OURS), town.scope(town.THEIRS)
    assert where == {
        "tank": (ours["grid_code"], "ours-firm"),
        "gauge": (ours["grid_code"], "ours-firm"),
        "rain": (theirs["grid_code"], None),
        "feast": (None, None),
    }


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"value": 4}, "value"),
        ({"time": "2026-03-01T08:15:01+08:00"}, "time"),
        ({"unit": None}, "unit"),
        ({"sensor_code": "theirs-gauge"}, "sensor_code"),
        ({"lon": 112.3, "lat": 28.8}, "geometry"),
    ],
)
def test_an_id_stands_for_one_content(owner: Engine, said: dict[str, Any], field: str) -> None:
    same_instant = reading("a", time="2026-03-01 00:15:00Z", value="3.250")
    first, again, other = (
        write_postings(owner, [posting(one)])[0] for one in (reading("a"), same_instant, reading("a", **said))
    )
    assert (told(first), told(again)) == ((1, 1, 0, []), (1, 0, 1, []))
    assert told(other) == (1, 0, 0, [(1, field)])
    assert "另一条事件" in other.rejected[0].reason
    assert [row["value"] for row in events_on_file(owner)] == [3.25]


def test_rows_of_one_delivery_that_contradict_each_other_are_all_refused(
    owner: Engine, tmp_path: Path
) -> None:
    events = [reading("a"), reading("b"), reading("a", value=4), reading("b"), reading("a")]
    for order in (events, events[::-1]):
        report = write_postings(owner, [posting(*order, partial=True)])[0]
        assert {fault.row for fault in report.rejected} == {1, 3, 5}
    path = write_csv(tmp_path / "events.csv", events)
    with pytest.raises(Refused) as refused:
        import_file(owner, "events", path)
    rows = [(one["row"], one["field"]) for one in refused.value.facts["report"]["rejected"]]
    assert rows == [(2, "value"), (4, "value"), (6, "value")]
    assert [row["code"] for row in events_on_file(owner)] == ["b"]


def test_a_file_may_not_contradict_what_is_on_file(owner: Engine, tmp_path: Path) -> None:
    write_postings(owner, [posting(reading("a"))])
    path = write_csv(tmp_path / "events.csv", [reading("n"), reading("a", unit="cm")])
    with pytest.raises(Refused) as refused:
        import_file(owner, "events", path)
    (fault,) = refused.value.facts["report"]["rejected"]
    assert (fault["row"], fault["field"], fault["value"]) == (3, "unit", "cm")
    report = import_file(owner, "events", write_csv(path, [reading("n"), reading("a")]))
    assert (report.inserted, report.unchanged) == (1, 1)


def test_a_sender_of_one_enterprise_learns_nothing_of_others(owner: Engine) -> None:
    foreign = reading("a", source_code="theirs-tank", sensor_code=None)
    write_postings(owner, [posting(foreign), posting(reading("b"))])
    mine = posting(reading("a"), reading("b", value=9), enterprise_code="ours-firm")
    (report,) = write_postings(owner, [mine])
    assert [(fault.row, fault.field, fault.reason) for fault in report.rejected] == [
        (1, "event_id", "编号不可用"),
        (2, "value", "编号已用于另一条事件，此项与之不同"),
    ]


# --- the same end state ----------------------------------------------------------------------------------


def write_csv(path: Path, events: list[dict[str, Any]]) -> Path:
    columns = ["event_id", "kind", "severity", "source_code", "sensor_code", "value", "unit", "time", "until"]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, [*columns, "lon", "lat"])
        rows.writeheader()
        rows.writerows(events)
    return path


def write_geojson(path: Path, events: list[dict[str, Any]]) -> Path:
    features = []
    for one in events:
        geometry = one.get("geometry")
        if "lon" in one:
            geometry = {"type": "Point", "coordinates": [one["lon"], one["lat"]]}
        said = {name: value for name, value in one.items() if name not in {"geometry", "lon", "lat"}}
        features.append({"type": "Feature", "geometry": geometry, "properties": said})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


_EXAMPLES = numbers()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_any_order_division_and_repetition_ends_in_the_same_rows(
    shared_owner: Engine, tmp_path: Path, data: st.DataObject
) -> None:
    """By requests, alone or gathered, and by files; each event at least once."""
    events = of_every_kind(random.Random(7), 24)
    ends = []
    for way in ("plain", "mixed"):
        mark = f"{next(_EXAMPLES)}-"
        marked = [event | {"event_id": mark + event["event_id"]} for event in events]
        if way == "plain":
            write_postings(shared_owner, [posting(*marked)])
        else:
            arrivals = data.draw(
                st.permutations(marked + data.draw(st.lists(st.sampled_from(marked), max_size=9)))
            )
            while arrivals:
                size = data.draw(st.integers(1, 12))
                part, arrivals = arrivals[:size], arrivals[size:]
                send(
                    shared_owner, tmp_path, part, data.draw(st.sampled_from(("posts", "gathered", "geojson")))
                )
        ends.append(events_on_file(shared_owner, mark))
    assert ends[0] == ends[1]
    assert len(ends[0]) == len(events)


def send(owner: Engine, folder: Path, events: list[dict[str, Any]], way: str) -> None:
    if way == "geojson":
        import_file(owner, "events", write_geojson(folder / "events.geojson", events))
    elif way == "posts":
        for one in events:
            write_postings(owner, [posting(one)])
    else:
        reports = write_postings(owner, [posting(*events[:2]), posting(*events[2:])])
        assert not any(report.rejected for report in reports)


def test_the_levels_do_not_depend_on_how_events_came(
    databases: Databases, town_template: str, tmp_path: Path
) -> None:
    events = of_every_kind(random.Random(3), 40)
    hashes = set()
    for order in (1, -1):
        with databases.fresh(town_template) as dsn:
            owner = owner_engine(dsn)
            for start in range(0, len(events), 10):
                send(
                    owner,
                    tmp_path,
                    events[::order][start : start + 10],
                    "geojson" if order == 1 else "gathered",
                )
            hashes.add(assess(owner, actor="test")["result_hash"])
            owner.dispose()
    assert len(hashes) == 1


ids = st.sampled_from(("a", "b", "c"))
values = st.sampled_from((1, 2, "bad"))
requests = st.lists(
    st.tuples(st.lists(st.tuples(ids, values), min_size=1, max_size=4), st.booleans()), min_size=1, max_size=5
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=requests)
def test_a_batch_ends_as_its_requests_would_one_by_one(
    shared_owner: Engine, requests: list[tuple[list[tuple[str, Any]], bool]]
) -> None:
    """Whatever they repeat, contradict and get wrong."""
    outcomes = []
    for together in (True, False):
        mark = f"{next(_EXAMPLES)}-"
        postings = [
            posting(*(reading(mark + id_, value=value) for id_, value in events), partial=partial)
            for events, partial in requests
        ]
        batches = [postings] if together else [[one] for one in postings]
        reports = [report for batch in batches for report in write_postings(shared_owner, batch)]
        outcomes.append(([told(report) for report in reports], events_on_file(shared_owner, mark)))
    assert outcomes[0] == outcomes[1]


# --- what a run need not hear of --------------------------------------------------------------------------


def test_readings_wake_no_run_and_alarms_do(owner: Engine) -> None:
    assess(owner, actor="test")
    write_postings(owner, [posting(reading("a"))])
    assert not is_stale(owner)
    write_postings(owner, [posting(reading("b", kind="alarm", severity="high"))])
    assert is_stale(owner)
    assess(owner, actor="test")
    assert not is_stale(owner)
    town.put(owner, "source", "new-tank", town.OURS, name="new tank", kind="lpg_store")
    write_postings(owner, [posting(reading("c"))])
    assert is_stale(owner)
    assess(owner, actor="test")
    assert not is_stale(owner)


def test_any_number_of_events_leaves_the_question_quick(owner: Engine) -> None:
    """Whether records changed is read off an index, not from all the events that came since the last run."""
    assess(owner, actor="test")
    write_postings(owner, [posting(*(reading(f"n{n}") for n in range(5000)))])
    asked: list[str] = []
    event.listen(owner, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    assert not is_stale(owner)
    (question,) = [statement for statement in asked if "FROM change" in statement]
    with snapshot(owner) as connection:
        plan = "\n".join(connection.execute(text(f"EXPLAIN {question}")).scalars())
        counting = "SELECT FROM event WHERE rev > 3 AND kind <> 'reading'"
        counted = "\n".join(connection.execute(text(f"EXPLAIN {counting}")).scalars())
    assert "change_of_records" in plan
    assert "Seq Scan" not in plan
    assert "event_counting" in counted
