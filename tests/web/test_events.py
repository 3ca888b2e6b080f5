"""`POST /api/v1/events`: who may send what, what is refused with which words, and many small requests at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Engine

from layers.database import writing
from layers.history import open_revision
from layers.posted import NAMES, POST
from riskmap.settings import Settings
from tests import town
from tests.database import Databases
from tests.events import EVENT_REVISIONS, count, events_on_file, reading
from tests.served import Served
from web.app import create_app

EVENTS = "/api/v1/events"
REPORT = {"layer", "rows_read", "inserted", "updated", "unchanged", "rejected"}


@pytest.fixture(scope="module")
def owner(site: Served) -> Engine:
    """The jobs' engine on the served town, which has a gauge on each side."""
    for township, word in ((town.OURS, "ours"), (town.THEIRS, "theirs")):
        town.put(
            site.owner,
            "sensor",
            f"{word}-gauge",
            township,
            source_code=f"{word}-tank",
            kind="level",
            unit="m",
        )
    return site.owner


@pytest.fixture(scope="module")
def gateway(site: Served) -> httpx.Client:
    return site.program("city")


@pytest.fixture(autouse=True)
def _prompt(site: Served, owner: Engine) -> None:
    """Nothing here waits for the next second."""
    site.app.state.events._pace_s = 0


def raw(client: httpx.Client, body: bytes, **how: Any) -> httpx.Response:
    return client.post(EVENTS, content=body, headers={"content-type": "application/json"}, **how)


def test_one_event_and_a_list(gateway: httpx.Client, owner: Engine) -> None:
    one = gateway.post(EVENTS, json=reading("one-1"))
    assert one.status_code == 200, one.text
    assert set(one.json()) >= REPORT
    assert {
        name: one.json()[name] for name in ("layer", "rows_read", "inserted", "updated", "unchanged")
    } == {
        "layer": "events",
        "rows_read": 1,
        "inserted": 1,
        "updated": 0,
        "unchanged": 0,
    }
    more = gateway.post(EVENTS, json=[reading("one-1"), reading("one-2", lon=112.3, lat=28.8)]).json()
    assert (more["rows_read"], more["inserted"], more["unchanged"], more["rejected"]) == (2, 1, 1, [])
    assert [row["code"] for row in events_on_file(owner, "one-")] == ["1", "2"]


def test_the_document_describes_what_is_taken(site: Served, gateway: httpx.Client) -> None:
    about = gateway.get("/api/v1/openapi.json").json()["paths"][EVENTS]["post"]
    body = about["requestBody"]["content"]["application/json"]
    event, many = body["schema"]["oneOf"]
    assert set(event["properties"]) == set(NAMES)
    assert many["items"] == event
    answer = gateway.post(EVENTS, json=body["example"])
    assert (answer.status_code, answer.json()["inserted"]) == (200, len(body["example"]))
    page = site.client().get("/docs").text
    assert all(f"<code>{name}</code>" in page for name in ("event_id", "sensor_code", "geometry"))


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"value": float("nan")}, "value"),
        ({"value": float("-inf")}, "value"),
        ({"value": 1e300}, "value"),
        ({"value": 10**200}, "value"),
        ({"value": "drei"}, "value"),
        ({"value": True}, "value"),
        ({"value": [1]}, "value"),
        ({"kind": "read\0ing"}, "kind"),
        ({"kind": "\ud800"}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": "x" * 41}, "kind"),
        ({"event_id": "x" * 65}, "event_id"),
        ({"event_id": ""}, "event_id"),
        ({"time": "2026-02-30"}, "time"),
        ({"time": 1772000000}, "time"),
        ({"until": "soon"}, "until"),
        ({"speed": 3}, "speed"),
        ({"geom": "x"}, "geom"),
        ({"lon": 112.3}, "lat"),
        ({"lon": "east", "lat": 28.8}, "lon"),
        ({"lon": float("inf"), "lat": 28.8}, "lon"),
        ({"lon": 28.8, "lat": 112.3}, "lon"),
        ({"lon": 1.0, "lat": 1.0}, "lon"),
        ({"geometry": "POINT (1 2)"}, "geometry"),
        ({"geometry": {"type": "Point"}}, "geometry"),
        ({"geometry": {"type": "Point", "coordinates": [float("nan"), 1]}}, "geometry"),
        ({"geometry": {"type": "GeometryCollection", "geometries": []}, "lon": 1, "lat": 1}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[112.3, 28.8], [112.4, 28.9], [112.3, 28.9], [112.4, 28.8], [112.3, 28.8]]]}}, "geometry"),
    ],
)  # fmt: skip
def test_a_faulty_event_is_named_and_nothing_written(
    gateway: httpx.Client, owner: Engine, said: dict[str, Any], field: str
) -> None:
    body = json.dumps([reading("good"), reading("bad") | said]).encode()
    answer = raw(gateway, body)
    assert answer.status_code == 409, answer.text
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    (fault,) = document["rejected"]
    assert (fault["row"], fault["field"]) == (2, field)
    assert fault["reason"]
    assert fault["remedy"]
    assert f"第 2 条字段 {field}" in document["detail"]
    assert document["remedy"]
    assert events_on_file(owner, "good") == events_on_file(owner, "bad") == []
    partial = raw(gateway, body.replace(b'"good"', b'"kept"'), params={"partial": "true"}).json()
    assert [partial[name] for name in ("rows_read", "inserted", "unchanged")] in ([2, 1, 0], [2, 0, 1])
    assert [one["row"] for one in partial["rejected"]] == [2]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"7", 422),
        (b"null", 422),
        (b'{"event_id": "a"', 422),
        (b"\xff\xfe{}", 422),
        (b"[" * 200_000, 422),
        (b'{"a":' * 100_000, 422),
        (b'{"kind": "a", "kind": "b"}', 422),
        (b"[" + b",".join([b"{}"] * (POST.rows + 1)) + b"]", 413),
        (b" " * (POST.json_bytes + 1), 413),
    ],
)
def test_what_is_no_list_of_events_is_told_so(gateway: httpx.Client, body: bytes, status: int) -> None:
    answer = raw(gateway, body)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert answer.json()["remedy"]


def test_deep_nesting_anywhere_is_refused(gateway: httpx.Client) -> None:
    deep: Any = 1.0
    for _ in range(300):
        deep = [deep]
    for said in ({"geometry": {"type": "Point", "coordinates": deep}}, {"value": deep}):
        answer = gateway.post(EVENTS, json=reading("deep") | said)
        assert (answer.status_code, answer.json()["rejected"][0]["row"]) == (409, 1)


# --- rights ----------------------------------------------------------------------------------------------


def test_only_some_may_send(site: Served, owner: Engine) -> None:
    statuses = {}
    for name in (
        "admin",
        "city",
        "enterprise",
        "planner",
        "auditor",
        "township",
        "village",
        "grid",
        "committee",
    ):
        statuses[name] = site.program(name).post(EVENTS, json=reading(f"by-{name}")).status_code
    allowed = {"admin", "city", "enterprise"}
    assert statuses == {name: 200 if name in allowed else 403 for name in statuses}
    assert {row["code"] for row in events_on_file(owner, "by-")} == allowed
    assert site.client(accept="application/json").post(EVENTS, json=reading("by-nobody")).status_code == 401


def test_a_browser_needs_the_token_of_its_page(site: Served) -> None:
    browser = site.browser("city")
    assert browser.client.post(EVENTS, json=reading("page")).status_code == 403
    answer = browser.client.post(EVENTS, json=reading("page"), headers={"x-csrf-token": browser.csrf})
    assert answer.json()["inserted"] == 1


@pytest.mark.parametrize(
    "named",
    [
        {"source_code": "theirs-tank", "sensor_code": None},
        {"source_code": "no such tank", "sensor_code": None},
        {"source_code": None, "sensor_code": "theirs-gauge"},
        {"source_code": "ours-tank", "sensor_code": "theirs-gauge"},
        {"source_code": 7, "sensor_code": "ours-gauge"},
        {"source_code": None, "sensor_code": None},
        {"source_code": "　", "sensor_code": None, "lon": 112.31, "lat": 28.81},
    ],
)
def test_an_enterprise_speaks_of_its_own_only(site: Served, owner: Engine, named: dict[str, Any]) -> None:
    firm = site.program("enterprise")
    answer = firm.post(EVENTS, json=[reading("firm-good"), reading("firm-bad") | named])
    assert answer.status_code == 409
    (fault,) = answer.json()["rejected"]
    assert (fault["row"], fault["reason"]) == (2, "不是本企业的危险源或监测点")
    kept = firm.post(
        EVENTS, json=[reading("firm-kept"), reading("firm-bad") | named], params={"partial": "1"}
    )
    assert [one["row"] for one in kept.json()["rejected"]] == [2]
    assert {row["code"] for row in events_on_file(owner, "firm-")} == {"kept"}


def test_an_enterprise_learns_nothing_from_an_id_of_others(site: Served, gateway: httpx.Client) -> None:
    taken = reading("taken", source_code="theirs-tank", sensor_code="theirs-gauge")
    assert gateway.post(EVENTS, json=taken).status_code == 200
    (fault,) = site.program("enterprise").post(EVENTS, json=reading("taken")).json()["rejected"]
    assert (fault["field"], fault["reason"]) == ("event_id", "编号不可用")


# --- many at once, and a database that is away -------------------------------------------------------------


def test_many_small_requests_are_gathered_and_none_spoils_another(
    site: Served, gateway: httpx.Client, owner: Engine
) -> None:
    """Forty at once, every fifth faulty, while another writer holds the queue; then two revisions for all of them."""
    before = count(owner, EVENT_REVISIONS)
    desk = site.app.state.events

    def send(n: int) -> httpx.Response:
        value = "x" if n % 5 == 0 else n
        return gateway.post(EVENTS, json=[reading(f"many-{n}a", value=value), reading(f"many-{n}b", value=n)])

    with ThreadPoolExecutor(40) as pool:
        with writing(owner) as other:
            open_revision(other, "test", "edit", None)
            answers = [pool.submit(send, n) for n in range(40)]
            with desk._changed:
                assert desk._changed.wait_for(lambda: desk.waiting >= 40, 4)
        statuses = [one.result().status_code for one in answers]
    assert statuses == [409 if n % 5 == 0 else 200 for n in range(40)]
    assert len(events_on_file(owner, "many-")) == 64
    assert count(owner, EVENT_REVISIONS) - before <= 10


def test_a_full_queue_says_when_to_come_again(site: Served, gateway: httpx.Client, owner: Engine) -> None:
    desk = site.app.state.events
    most, desk._most_waiting = desk._most_waiting, 3
    answer = gateway.post(EVENTS, json=[reading(f"full-{n}") for n in range(4)])
    desk._most_waiting = most
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:riskmap:error:busy")
    assert int(answer.headers["retry-after"]) > 0
    assert events_on_file(owner, "full-") == []


def test_a_lost_database_is_told_and_the_same_request_succeeds_later(
    own_site: Served, databases: Databases
) -> None:
    gateway = own_site.program("city")
    name = own_site.dsn.partition("?")[0].rsplit("/", 1)[-1]
    with psycopg.connect(databases.cluster.dsn(database="postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        away = gateway.post(EVENTS, json=reading("late"))
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    assert (away.status_code, bool(away.json()["remedy"])) == (503, True)
    assert away.headers["retry-after"]
    assert gateway.post(EVENTS, json=reading("late")).json()["inserted"] == 1


def test_health_counts_files_that_were_refused(own_site: Served, tmp_path: Path) -> None:
    program = own_site.client(accept="application/json")
    assert program.get("/health").json()["drop"] == {"waiting": 0, "bad": 0}
    bad = tmp_path / "drop" / "bad" / "2026-03-01"
    bad.mkdir(parents=True)
    (bad / "events.csv").write_text("x")
    (bad / "events.csv.错误.txt").write_text("x")
    assert program.get("/health").json()["drop"] == {"waiting": 0, "bad": 1}
    assert "riskmap_drop_bad 1" in program.get("/metrics").text
    assert "riskmap_events_waiting 0" in program.get("/metrics").text


def test_the_program_describes_itself_without_a_database(tmp_path: Path) -> None:
    document = create_app(Settings(home=tmp_path), None).openapi()
    assert EVENTS in document["paths"]
