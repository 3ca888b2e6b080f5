"""The interface for programs: lists that can be walked, filters that agree with SQL, errors in one form, imports."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from layers.database import owner_engine, snapshot
from tests import town
from tests.served import Served
from web.api import KINDS

PROBLEM = {"type", "title", "status", "detail", "remedy"}


@pytest.fixture(scope="module")
def city(demo_site: Served) -> httpx.Client:
    return demo_site.program("city")


def counted(site: Served, query: str, **values: Any) -> list[Any]:
    """What SQL says, as the owner of the tables."""
    engine = owner_engine(site.dsn)
    with snapshot(engine) as connection:
        found = list(connection.execute(text(query), values))
    engine.dispose()
    return found


def walked(client: httpx.Client, address: str) -> list[dict[str, Any]]:
    """A list from its first part to its last, by the addresses it gives itself."""
    items: list[dict[str, Any]] = []
    at: str | None = address
    while at is not None:
        page = client.get(at).json()
        assert set(page) == {"items", "total", "next"}
        items += page["items"]
        at = page["next"]
    assert len(items) == page["total"]
    return items


@pytest.mark.parametrize("plural", sorted(KINDS))
def test_a_list_is_walked_once_through_and_each_item_is_found_by_its_code(
    city: httpx.Client, plural: str
) -> None:
    limit = 1000 if plural in ("enterprises", "grids", "targets", "dangers") else 40
    items = walked(city, f"/api/v1/{plural}?limit={limit}&geometry=false")
    codes = [item["code"] for item in items]
    assert len(set(codes)) == len(codes) > 0
    assert all(set(item) >= {"code", "name" if plural != "dangers" else "title"} for item in items)
    one = city.get(f"/api/v1/{plural}/{codes[-1]}").json()
    assert one["code"] == codes[-1]


def test_filters_agree_with_the_tables(city: httpx.Client, demo_site: Served) -> None:
    box = (112.30, 28.78, 112.42, 28.90)
    asked = {
        "township": (f"township={town.OURS}", f"s.township_code = '{town.OURS}'"),
        "level": ("level=orange", "r.level = 2"),
        "base_level": ("base_level=orange", "r.base_level = 2"),
        "rise_level": ("rise_level=red", "r.rise_level = 1"),
        "kind": ("kind=lpg_filling", "s.kind = 'lpg_filling'"),
        "bbox": (
            "bbox=" + ",".join(map(str, box)),
            f"s.geom && ST_MakeEnvelope({','.join(map(str, box))}, 4490)",
        ),
        "text": ("text=冷库", "s.name LIKE '%冷库%'"),
    }
    join = "FROM source s LEFT JOIN score r ON r.kind = 'source' AND r.code = s.code WHERE"
    for name, (query, where) in asked.items():
        items = walked(city, f"/api/v1/sources?{query}&limit=1000&geometry=false")
        expected = [row.code for row in counted(demo_site, f"SELECT s.code {join} {where} ORDER BY s.code")]
        assert [item["code"] for item in items] == expected, name
        assert 0 < len(items) < 119, f"the filter {name} must leave some out"


def test_a_source_says_what_the_contract_names(city: httpx.Client) -> None:
    items = city.get("/api/v1/sources?limit=1000").json()["items"]
    names = {
        "code",
        "name",
        "kind",
        "township_code",
        "people_500m",
        "alpha",
        "s",
        "r",
        "grade",
        "level",
        "score",
    }
    for item in items:
        assert names | {"distances_m", "geometry"} <= set(item), item["code"]
        assert item["geometry"]["type"] in (
            "Point",
            "Polygon",
            "MultiPolygon",
            "LineString",
            "MultiLineString",
        )
    graded = [item for item in items if item["grade"] is not None]
    assert graded
    assert all(item["s"] >= 1 and item["grade"] in (1, 2, 3, 4) for item in graded)
    assert all(item["grade"] is None for item in items if item["s"] is not None and item["s"] < 1)


def test_an_account_sums_to_its_score(city: httpx.Client) -> None:
    for address in ("sources/H0003", f"townships/{town.OURS}", f"areas/{town.OURS}"):
        score = city.get(f"/api/v1/{address}").json()["score"]
        account = city.get(f"/api/v1/{address.replace('areas', 'townships')}/explain").json()
        assert account["score"] == score
        assert sum(round(line["value"] * 1e6) for line in account["contributions"]) == round(score * 1e6)


def test_the_past_is_asked_for_by_date(city: httpx.Client, demo_site: Served) -> None:
    now = city.get("/api/v1/dangers?limit=1").json()["total"]
    then = city.get("/api/v1/dangers?limit=1&as_of=2025-12-01").json()["total"]
    (first,) = counted(demo_site, "SELECT min(at) FROM revision WHERE job = 'demo'")[0]
    assert 0 < then < now
    assert city.get(f"/api/v1/sources?as_of={first.year - 1}-01-01").json()["total"] == 0
    assert city.get("/api/v1/sources?as_of=yesterday").status_code == 422


def test_the_ledger_of_runs(city: httpx.Client) -> None:
    page = city.get("/api/v1/runs").json()
    assert page["total"] == len(page["items"]) == 1
    run = page["items"][0]
    assert len(run["result_hash"]) == 64
    assert run["data_time"].endswith("+08:00")
    assert run["current"] is True


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/sources/none", 404),
        ("/api/v1/sources/none/explain", 404),
        ("/api/v1/areas/none", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/sources?limit=0", 422),
        ("/api/v1/sources?limit=x", 422),
        ("/api/v1/sources?limit=1001", 422),
        ("/api/v1/sources?offset=-1", 422),
        ("/api/v1/sources?level=pink", 422),
        ("/api/v1/sources?rise_level=pink", 422),
        ("/api/v1/sources?bbox=1,2,3", 422),
        ("/api/v1/sources?bbox=5,2,3,4", 422),
        ("/api/v1/sources?bbox=nan,2,3,4", 422),
        ("/api/v1/sources?as_of=2026-13-01", 422),
    ],
)
def test_errors_have_one_form(city: httpx.Client, address: str, status: int) -> None:
    answer = city.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == PROBLEM
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["remedy"]


def test_a_method_that_is_not_there(city: httpx.Client) -> None:
    answer = city.delete("/api/v1/sources")
    assert answer.status_code == 405
    assert set(answer.json()) == PROBLEM


def test_texts_of_a_query_are_values_and_nothing_else(city: httpx.Client) -> None:
    for broken in ("'", "%", "_", "\\", "'; DROP TABLE source; --", "\x00"):
        answer = city.get("/api/v1/sources", params={"text": broken, "geometry": "false"})
        assert answer.status_code in (200, 422), broken
        assert answer.status_code == 422 or answer.json()["total"] == 0, broken
    assert city.get("/api/v1/sources/%00").status_code in (404, 422)


RESOURCES = "code,name,kind,lon,lat\nR-1,one,hospital,112.31,28.81\nR-2,two,shelter,112.51,28.81\n"


def send(client: httpx.Client, content: str, **fields: str) -> httpx.Response:
    file = {"file": ("resources.csv", content.encode(), "text/csv")}
    return client.post("/api/v1/imports", data={"layer": "resources"} | fields, files=file)


def test_a_file_is_imported_whole_or_not_at_all(own_site: Served) -> None:
    program = own_site.program("city")
    tried = send(program, RESOURCES, dry_run="true")
    assert tried.status_code == 200, tried.text
    assert counted(own_site, "SELECT count(*) FROM resource")[0][0] == 0
    done = send(program, RESOURCES).json()
    assert (done["rows_read"], done["inserted"], done["rejected"]) == (2, 2, [])
    placed = counted(own_site, "SELECT code, township_code FROM resource ORDER BY code")
    assert [tuple(row) for row in placed] == [("R-1", town.OURS), ("R-2", town.THEIRS)]
    assert send(program, RESOURCES).json()["unchanged"] == 2
    (actor,) = counted(own_site, "SELECT actor FROM revision WHERE job = 'import' ORDER BY rev DESC LIMIT 1")[
        0
    ]
    assert actor == "city"


def test_a_faulty_row_refuses_the_file_and_says_which(own_site: Served) -> None:
    program = own_site.program("admin")
    faulty = RESOURCES + "R-3,three,no_such_kind,112.31,28.81\n"
    refused = send(program, faulty)
    assert refused.status_code == 409
    problem = refused.json()
    assert set(problem) >= PROBLEM
    assert [(row["row"], row["field"]) for row in problem["rejected"]] == [(4, "kind")]
    assert counted(own_site, "SELECT count(*) FROM resource")[0][0] == 0
    partial = send(program, faulty, partial="true").json()
    assert (partial["inserted"], len(partial["rejected"])) == (2, 1)


@pytest.mark.parametrize(
    "role", ["planner", "township", "village", "grid", "enterprise", "auditor", "committee"]
)
def test_only_city_and_administrator_import(site: Served, role: str) -> None:
    assert send(site.program(role), RESOURCES).status_code == 403


def test_what_is_no_import_is_said_so(site: Served) -> None:
    program = site.program("city")
    assert program.post("/api/v1/imports", data={"layer": "resources"}).status_code == 422
    assert send(program, RESOURCES, layer="nothing").status_code == 422
    assert send(program, RESOURCES, dry_run="perhaps").status_code == 422
    assert (
        program.post("/api/v1/imports", content=b"x", headers={"content-type": "text/plain"}).status_code
        == 422
    )
    assert send(site.client(accept="application/json"), RESOURCES).status_code == 401
    escaping = {"file": ("../../etc/passwd.csv", b"x", "text/csv")}
    answer = program.post("/api/v1/imports", data={"layer": "resources"}, files=escaping)
    assert answer.status_code in (409, 422)
    assert "etc" not in answer.text


def test_a_browser_uploads_with_the_token_in_the_header(own_site: Served) -> None:
    browser = own_site.browser("city")
    file = {"file": ("resources.csv", RESOURCES.encode(), "text/csv")}
    for headers, status in (({}, 403), ({"x-csrf-token": browser.csrf}, 200)):
        answer = browser.client.post(
            "/api/v1/imports", data={"layer": "resources"}, files=file, headers=headers
        )
        assert answer.status_code == status


def test_bodies_are_bounded_before_they_are_kept(site: Served) -> None:
    assert site.client().post("/login", data={"name": "x" * 300_000}).status_code == 413
    raw = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=20)
    bearer = site.program("city").headers["authorization"]
    raw.putrequest("POST", "/api/v1/imports")
    raw.putheader("authorization", bearer)
    raw.putheader("content-type", "multipart/form-data; boundary=x")
    raw.putheader("content-length", str(10**12))
    raw.endheaders()
    told = raw.getresponse()
    assert told.status == 413
    assert json.loads(told.read())["type"] == "urn:riskmap:error:too-large"
    raw.close()


def test_the_document_describes_every_address_and_docs_ask_nobody(site: Served) -> None:
    client = site.client()
    document = client.get("/api/v1/openapi.json").json()
    page = client.get("/docs")
    assert page.status_code == 200
    for path in document["paths"]:
        assert path in page.text, path
    assert "http://" not in page.text
    assert "https://" not in page.text
    for plural in KINDS:
        assert f"/api/v1/{plural}" in document["paths"]
    assert "/api/v1/imports" in document["paths"]


def test_health_and_metrics_answer_this_machine_alone(own_site: Served) -> None:
    here = own_site.client(accept="application/json")
    state = here.get("/health").json()
    assert state["status"] == "degraded", "no worker runs"
    assert state["database"] is True
    assert state["worker"] is False
    here.get("/login")
    told = here.get("/metrics").text
    assert 'riskmap_requests_total{method="GET",route="/login",status="200"}' in told
    assert "riskmap_database_up 1" in told
    assert "riskmap_worker_up 0" in told
    for address in ("/health", "/metrics"):
        for headers in (
            {"x-forwarded-for": "10.0.0.9"},
            {"x-forwarded-for": "127.0.0.1"},
            {"forwarded": "for=x"},
        ):
            assert here.get(address, headers=headers).status_code == 404


def test_a_worker_that_holds_the_lock_is_seen(own_site: Served) -> None:
    engine = owner_engine(own_site.dsn)
    here = own_site.client(accept="application/json")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(4309, 1)"))
        assert here.get("/health").json()["status"] == "ok"
        assert own_site.program("grid").get("/status").json()["worker"] is True
        connection.execute(text("SELECT pg_advisory_unlock(4309, 1)"))
    engine.dispose()
    assert here.get("/health").json()["status"] == "degraded"
