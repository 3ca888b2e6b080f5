"""Tiles, clicks, search and packages over HTTP: rights, tags, errors, and nothing that is not listed."""

import re
from typing import Any

import httpx
import mapbox_vector_tile
import pytest
from folium.plugins import Draw

from jobs.doctor import ASSETS
from layers.database import owner_engine
from riskmap.errors import Unavailable
from tests import town
from tests.crowd import tile_of
from tests.served import Served
from web import assets
from web.map import LAYERS, OfflineMap, RiskLayers

OURS, THEIRS = (112.31, 28.81), (112.51, 28.81)
"""Where all records of each township stand."""


def tile_path(layer: str, position: tuple[float, float], z: int = 14) -> str:
    x, y = tile_of(*position, z)
    return f"/tiles/{layer}/{z}/{x}/{y}.mvt"


def codes(answer: httpx.Response, layer: str) -> set[str]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = mapbox_vector_tile.decode(answer.content) if answer.content else {}
    return {f["properties"]["code"] for f in found.get(layer, {"features": []})["features"]}


ADDRESSES = [
    tile_path("source", OURS),
    f"/identify?lon={OURS[0]}&lat={OURS[1]}&z=15",
    f"/nearest?lon={OURS[0]}&lat={OURS[1]}&layer=source",
    "/search?q=ours",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_gets_nothing(site: Served, address: str) -> None:
    answer = site.client().get(address)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ours" not in answer.text


def test_the_map_asks_who_one_is(site: Served) -> None:
    answer = site.client().get("/?show=source/ours-tank")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("person", ["township", "village", "grid", "enterprise", "committee"])
def test_a_person_of_one_place_gets_its_records_and_everyones_areas(site: Served, person: str) -> None:
    client = site.program(person)
    for layer, code in (("source", "ours-tank"), ("enterprise", "ours-firm")):
        assert codes(client.get(tile_path(layer, OURS)), layer) == {code}
        assert codes(client.get(tile_path(layer, THEIRS)), layer) == set()
        assert codes(client.get(tile_path(layer, THEIRS, 3)), layer) == {code}, "both in one tile"
    assert codes(client.get(tile_path("area", THEIRS)), "area") == {f"{town.THEIRS}001001"}

    here = client.get("/identify", params={"lon": OURS[0], "lat": OURS[1], "z": 15}).json()
    assert {"ours-tank", "ours-firm"} <= {hit["code"] for hit in here["hits"]}
    there = client.get("/identify", params={"lon": THEIRS[0], "lat": THEIRS[1], "z": 15}).json()
    assert there["hits"] == []
    assert [area["kind"] for area in there["areas"]] == ["grid", "village", "township", "city"]

    near = client.get(f"/nearest?lon={THEIRS[0]}&lat={THEIRS[1]}&layer=source&max_m=50000").json()
    assert [hit["code"] for hit in near["items"]] == ["ours-tank"]
    assert client.get("/search", params={"q": "theirs"}).json() == {"items": [], "total": 0}
    assert {r["code"] for r in client.get("/search", params={"q": "ours"}).json()["items"]} >= {"ours-tank"}


def test_the_city_gets_both(site: Served) -> None:
    client = site.program("city")
    assert codes(client.get(tile_path("source", THEIRS)), "source") == {"theirs-tank"}
    assert client.get("/search", params={"q": "tank"}).json()["total"] == 2


def test_a_tile_is_sent_again_only_when_it_may_differ(own_site: Served) -> None:
    client, other = own_site.program("township"), own_site.program("city")
    first = client.get(tile_path("source", OURS))
    tag = first.headers["etag"]
    assert first.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert first.headers["cache-control"] == "private, no-cache"
    assert "Cookie" in first.headers["vary"]
    again = client.get(tile_path("source", OURS), headers={"if-none-match": f'"x", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert other.get(tile_path("source", OURS), headers={"if-none-match": tag}).status_code == 200
    assert client.get(tile_path("area", OURS), headers={"if-none-match": tag}).status_code == 200
    owner = owner_engine(own_site.dsn)
    town.put(owner, "source", "ours-second", town.OURS, name="second tank", kind="port")
    owner.dispose()
    changed = client.get(tile_path("source", OURS), headers={"if-none-match": tag})
    assert codes(changed, "source") == {"ours-tank", "ours-second"}


def test_large_tiles_are_sent_packed(demo_site: Served) -> None:
    client = demo_site.program("city")
    address = tile_path("area", (112.36, 28.84), 13)
    packed = client.get(address, headers={"accept-encoding": "gzip"})
    plain = client.get(address, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/tiles/account/3/1/1.mvt", 404),
        ("/tiles/source/3/9/1.mvt", 422),
        ("/tiles/source/40/9/1.mvt", 422),
        ("/tiles/source/a/9/1.mvt", 422),
        ("/identify?lon=nan&lat=1&z=1", 422),
        ("/identify?lon=181&lat=1&z=1", 422),
        ("/identify?lon=1&lat=1&z=1&layers=account", 422),
        ("/nearest?lon=1&lat=1&layer=account", 422),
        ("/nearest?lon=1&lat=1&layer=source&max_m=1e9", 422),
        ("/search?q=", 422),
        ("/search?q=%20", 422),
        ("/search?q=x&limit=0", 422),
    ],
)
def test_what_cannot_be_answered_is_said_with_a_remedy(site: Served, address: str, status: int) -> None:
    answer = site.program("city").get(address)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["detail"]
    assert problem["remedy"]


# --- packages --------------------------------------------------------------------------------------------------


def test_every_listed_file_is_installed_and_served(site: Served) -> None:
    client = site.client()
    for name in assets.FILES:
        answer = client.get(f"/vendor/{name}")
        assert answer.status_code == 200, name
        assert answer.content == (ASSETS / name).read_bytes()
        kept = client.get(f"/vendor/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert kept.status_code == 304, name


def test_what_a_style_asks_for_is_listed() -> None:
    """Every file that a served style names lies among the served ones; fonts only in the first of their formats."""
    for style in (name for name in assets.FILES if name.endswith(".css")):
        named = re.findall(r"url\([\"']?([^\"')#?]+)", (ASSETS / style).read_text("utf-8"))
        for file in {n for n in named if not n.startswith("data:") and not n.endswith(".ttf") and n}:
            assert ((ASSETS / style).parent / file).resolve().relative_to(ASSETS).as_posix() in assets.FILES


@pytest.mark.parametrize(
    "path",
    ["leaflet/package.json", "../package.json", "..%2fpackage.json", "leaflet/dist/leaflet-src.js", ""],
)
def test_nothing_else_is_served(site: Served, path: str) -> None:
    assert site.client().get(f"/vendor/{path}").status_code == 404


def test_an_unknown_file_of_folium_is_an_error_and_not_a_request() -> None:
    with pytest.raises(Unavailable, match="leaflet_draw_js"):
        assets.served([("leaflet_draw_js", "https://example.org/leaflet.draw.js")])
    with pytest.raises(Unavailable):
        assets.served(Draw.default_js)


def test_the_page_names_addresses_of_this_program_only(site: Served) -> None:
    page = site.browser("city").client.get("/").text
    linked = re.findall(r"(?:src|href)=\"([^\"]*)\"", page)
    assert linked
    assert [address for address in linked if not address.startswith("/")] == []
    for listed in (
        OfflineMap.default_js,
        OfflineMap.default_css,
        RiskLayers.default_js,
        RiskLayers.default_css,
    ):
        assert all(address.startswith("/") for _, address in listed)
    assert "https://" not in page


def test_what_the_page_is_told_cannot_break_out_of_its_script(own_site: Served) -> None:
    """A code from the address stands in the script as data."""
    page = own_site.browser("city").client.get("/", params={"show": "source/</script><script>alert(1)"}).text
    assert "<script>alert" not in page
    assert all(f'data-layer="{layer}"' in page for layer in LAYERS)
