"""Rights through every door: pages, interface, tiles, search and stream show a township nothing of another's records."""

import math
import re
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import text

from layers.database import owner_engine, snapshot
from tests import town
from tests.served import Served
from web.api import EXPLAINED, KINDS

LIMITED = ("township", "village", "grid", "enterprise", "committee")
OPEN_READS = {
    "/login",
    "/docs",
    "/health",
    "/metrics",
    "/api/v1/openapi.json",
    "/static",
    "/vendor/{path:path}",
    "/s/{token}",
}
"""what anybody may read: nothing of the city stands there, but the one message whose link somebody holds"""
RECORDS = ("source", "enterprise", "inventory", "target", "danger", "duty", "resource", "sensor", "event")
SCOPES = {
    "township": "township_code",
    "village": "village_code",
    "grid": "grid_code",
    "enterprise": "enterprise_code",
}


@pytest.fixture(scope="module")
def foreign(demo_site: Served) -> dict[str, set[str]]:
    """For each limited role the codes of every record that is not its own to see."""
    engine = owner_engine(demo_site.dsn)
    found: dict[str, set[str]] = {}
    with snapshot(engine) as connection:
        for role in LIMITED:
            column = SCOPES.get(role, "committee")
            scope = connection.execute(
                text(
                    "SELECT coalesce(area_code, enterprise_code, committee) FROM account WHERE name = :name"
                ),
                {"name": role},
            ).scalar_one()
            found[role] = set()
            for layer in RECORDS:
                query = text(f"SELECT code FROM {layer} WHERE {column} IS DISTINCT FROM :scope")
                found[role] |= set(connection.execute(query, {"scope": scope}).scalars())
    engine.dispose()
    assert all(len(codes) > 1000 for codes in found.values())
    return found


def leaked(answer: httpx.Response, foreign: set[str]) -> set[str]:
    """Codes of others that an answer names, told by any run of letters, figures and signs that codes have."""
    return set(re.findall(r"[A-Za-z0-9][\w\-/.]*", answer.text)) & foreign


@pytest.mark.parametrize("role", LIMITED)
def test_no_page_names_a_record_of_others(demo_site: Served, foreign: dict[str, set[str]], role: str) -> None:
    client = demo_site.browser(role).client
    addresses = [
        "/",
        "/risk",
        f"/risk?township={town.THEIRS}",
        "/sources",
        "/sources?what=enterprise",
        "/dangers?state=all",
    ]
    addresses += [
        f"/duty?township={town.THEIRS}",
        "/duty",
        "/zones",
        "/zones/external",
        "/targets",
        "/siting",
        "/alerts",
    ]
    addresses += ["/events", "/phone", "/wall"]
    addresses += [
        f"/{page}?township={town.THEIRS}" for page in ("sources", "dangers", "targets", "alerts", "zones")
    ]
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert not leaked(answer, foreign[role]), address


@pytest.mark.parametrize("role", LIMITED)
def test_no_list_holds_a_record_of_others(demo_site: Served, foreign: dict[str, set[str]], role: str) -> None:
    program = demo_site.program(role)
    for plural, kind in KINDS.items():
        for query in ("", f"&township={town.THEIRS}", "&as_of=2026-03-01", "&bbox=100,20,120,40"):
            page = program.get(f"/api/v1/{plural}?limit=1000&geometry=false{query}").json()
            if kind in ("source", "enterprise", "target", "danger"):
                assert not {item["code"] for item in page["items"]} & foreign[role], (plural, query)
                assert page["total"] == len(page["items"]), (plural, query)
                assert (
                    not query.startswith("&township")
                    or page["total"] == 0
                    or role in ("committee", "enterprise")
                )
            else:
                strangers = [item for item in page["items"] if not item["facts_visible"]]
                assert all(item["score"] is None for item in strangers), (plural, query)


@pytest.mark.parametrize("role", LIMITED)
def test_a_record_of_others_is_as_good_as_absent(
    demo_site: Served, foreign: dict[str, set[str]], role: str
) -> None:
    program, browser = demo_site.program(role), demo_site.browser(role).client
    city = demo_site.program("city")
    for plural, kind in KINDS.items():
        if kind not in ("source", "enterprise", "target", "danger"):
            continue
        items = city.get(f"/api/v1/{plural}?limit=1000&geometry=false").json()["items"]
        code = next(item["code"] for item in items if item["code"] in foreign[role])
        absent = program.get(f"/api/v1/{plural}/no-such-code")
        refused = program.get(f"/api/v1/{plural}/{code}")
        assert refused.status_code == absent.status_code == 404
        assert refused.json()["detail"].replace(code, "") == absent.json()["detail"].replace(
            "no-such-code", ""
        )
        if kind in EXPLAINED:
            for what in ("explain", "actions"):
                assert program.get(f"/api/v1/{plural}/{code}/{what}").status_code == 404
                assert browser.get(f"/{what}/{kind}/{code}").status_code == 404


def test_another_area_is_a_name_and_a_colour(demo_site: Served) -> None:
    program = demo_site.program("township")
    other = program.get(f"/api/v1/townships/{town.THEIRS}").json()
    assert other["name"]
    assert other["level"] in ("red", "orange", "yellow", "blue")
    assert other["geometry"]
    assert other["score"] is None
    assert not {"burden", "sources", "enterprises"} & {
        name for name, value in other.items() if value is not None
    }
    assert program.get(f"/api/v1/townships/{town.THEIRS}/explain").status_code == 404
    assert program.get("/api/v1/cities/430981/explain").status_code == 404


def test_the_own_account_tells_of_neighbours_only_what_neighbours_may_know(
    demo_site: Served, foreign: dict[str, set[str]]
) -> None:
    program, browser = demo_site.program("township"), demo_site.browser("township").client
    told = program.get(f"/api/v1/townships/{town.OURS}/explain")
    lines: list[dict[str, Any]] = told.json()["contributions"]
    assert any(line["kind"] == "neighbour" for line in lines)
    assert not leaked(told, foreign["township"])
    for address in (f"/explain/township/{town.OURS}", f"/actions/township/{town.OURS}?goal=yellow"):
        assert not leaked(browser.get(address), foreign["township"])
    actions = program.get(f"/api/v1/townships/{town.OURS}/actions?goal=yellow")
    assert "neighbour" in {one["kind"] for one in actions.json()["actions"]}
    assert not leaked(actions, foreign["township"])


@pytest.mark.parametrize("role", LIMITED)
def test_the_map_finds_nothing_of_others(demo_site: Served, foreign: dict[str, set[str]], role: str) -> None:
    program = demo_site.program(role)
    engine = owner_engine(demo_site.dsn)
    with snapshot(engine) as connection:
        query = text(
            "SELECT code, name, ST_X(ST_PointOnSurface(geom)) x, ST_Y(ST_PointOnSurface(geom)) y FROM source"
        )
        strangers = [row for row in connection.execute(query) if row.code in foreign[role]]
    engine.dispose()
    for row in strangers[::9]:
        found = program.get("/identify", params={"lon": row.x, "lat": row.y, "z": 15})
        assert found.status_code == 200
        assert not leaked(found, foreign[role])
        for asked in (row.code, row.name):
            found = program.get("/search", params={"q": asked})
            assert found.status_code == 200
            assert not leaked(found, foreign[role])
        near = program.get(
            "/nearest", params={"lon": row.x, "lat": row.y, "layer": "source", "max_m": 50_000}
        )
        assert near.status_code == 200
        assert not leaked(near, foreign[role])


@pytest.mark.parametrize("role", LIMITED)
def test_tiles_hold_nothing_of_others(demo_site: Served, foreign: dict[str, set[str]], role: str) -> None:
    program, city = demo_site.program(role), demo_site.program("city")
    items = city.get("/api/v1/sources?limit=1000&geometry=false").json()["items"]
    strangers = [item for item in items if item["code"] in foreign[role]]
    tiles = sorted({tile_of(item["lon"], item["lat"], 14) for item in strangers})
    for layer in ("source", "enterprise", "target"):
        named = 0
        for x, y in tiles[:: max(len(tiles) // 8, 1)]:
            address = f"/tiles/{layer}/14/{x}/{y}.mvt"
            shown = city.get(address).content
            theirs = [code.encode() for code in foreign[role] if code.encode() in shown]
            own = program.get(address)
            assert own.status_code == 200
            assert not [code for code in theirs if code in own.content], address
            named += len(theirs)
        assert named, f"codes of others are looked for where they are, in layer {layer}"


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    """The tile that holds a position (Web Mercator)."""
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * 2**z), int(y * 2**z)


def test_without_an_identity_there_is_not_one_row(demo_site: Served) -> None:
    nobody = demo_site.client(accept="application/json")
    looked_at = set()
    for route in iter_route_contexts(demo_site.app.routes):
        path = str(route.path)
        if path in OPEN_READS or "GET" not in (route.methods or ()):
            continue
        for name, value in (("{code}", "H0003"), ("{kind}", "source"), ("{layer}", "source"), ("{z}", "10")):
            path = path.replace(name, value)
        path = path.replace("{x}", "831").replace("{y}", "427")
        answer = nobody.get(path, params={"lon": 112.36, "lat": 28.85, "z": 12, "q": "x", "layer": "source"})
        assert answer.status_code == 401, path
        assert set(answer.json()) == {"type", "title", "status", "detail", "remedy"}, path
        looked_at.add(path)
    assert {"/risk", "/stream", "/status", "/identify", "/api/v1/sources/H0003/explain"} <= looked_at
    for broken in (".", "x", "' OR 1=1 --"):
        assert nobody.get("/api/v1/sources", headers={"authorization": f"Bearer {broken}"}).status_code == 401


def test_a_forged_scope_changes_nothing(site: Served) -> None:
    """The scope comes from the account alone: nothing that a request says widens it."""
    program = site.program("township")
    headers = {"x-township": town.THEIRS, "x-role": "city", "riskmap.township": town.THEIRS}
    cookies = f"riskmap_lang=en; riskmap.township={town.THEIRS}; role=city"
    answer = program.get(
        f"/api/v1/sources?township_code={town.THEIRS}&role=city", headers=headers | {"cookie": cookies}
    )
    assert [item["code"] for item in answer.json()["items"]] == ["ours-tank"]


def test_rights_do_not_stick_to_pooled_connections(site: Served) -> None:
    """Requests of several people one after the other, over the same few connections."""
    programs = {
        name: site.program(name) for name in ("city", "township", "enterprise", "committee", "village")
    }
    expected = {"city": ["ours-tank", "theirs-tank"]}
    for _ in range(6):
        for name, program in programs.items():
            items = program.get("/api/v1/sources").json()["items"]
            assert [item["code"] for item in items] == expected.get(name, ["ours-tank"]), name
