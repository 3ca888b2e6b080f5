"""Joint-control zones on pages, in the interface, on the sheet and on the map: the same rows, the same rights."""

from pathlib import Path

import mapbox_vector_tile
import pytest

from layers.audit import revisions
from layers.database import owner_engine, snapshot
from tests import town
from tests.database import Databases
from tests.served import Served, found, served
from tests.zone_town import LEAD, NAMES, OURS_2, SECRETS, THEIRS_1, THEIRS_2


def test_lists_and_filters(zone_site: Served, zone_codes: tuple[str, str]) -> None:
    across, own = zone_codes
    city = zone_site.program("city")
    whole = found(city.get("/api/v1/zones"))
    assert {one["code"] for one in whole["items"]} == {across, own}
    assert (whole["total"], whole["next"]) == (2, None)
    one = next(one for one in whole["items"] if one["code"] == across)
    assert one["townships"] == [town.OURS, town.THEIRS]
    assert (one["member_count"], one["responsible"], one["township_code"]) == (4, "city", None)
    assert one["geometry"]["type"] == "Polygon"
    assert one["ledger_state"] == "due"

    def listed(query: str) -> set[str]:
        return {one["code"] for one in found(city.get(f"/api/v1/zones?{query}"))["items"]}

    assert listed(f"township={town.THEIRS}") == {across}
    assert listed(f"level={one['level']}&kind=similar") >= {across}
    assert listed("kind=domino") == set()
    assert listed("bbox=112.34,28.8,112.4,28.9") == {own}
    assert listed("as_of=2019-12-31") == set()
    assert found(city.get("/api/v1/zones?limit=1"))["next"] == "/api/v1/zones?limit=1&offset=1"
    assert city.get("/api/v1/zones?level=pink").status_code == 422


def test_one_zone_and_its_account(zone_site: Served, zone_codes: tuple[str, str]) -> None:
    city = zone_site.program("city")
    zone = found(city.get(f"/api/v1/zones/{zone_codes[0]}"))
    assert zone["members"] == [LEAD, OURS_2, THEIRS_1, THEIRS_2]
    assert [one["kind"] for one in zone["lineage"]] == ["new"]
    assert zone["ledger"]["records"] == []
    assert {(one["item"], one["state"]) for one in zone["ledger"]["due"]} >= {
        ("lead", "due"),
        ("drill", "ok"),
    }
    account = found(city.get(f"/api/v1/zones/{zone_codes[0]}/explain"))
    assert sum(round(one["value"] * 1e6) for one in account["contributions"]) == round(zone["score"] * 1e6)
    assert city.get("/api/v1/zones/Z0000000000").status_code == 404
    assert city.get("/zones/Z0000000000").status_code == 404


def test_nobody_unknown_sees_a_zone(zone_site: Served, zone_codes: tuple[str, str]) -> None:
    nobody = zone_site.client()
    for address in ("/zones", f"/zones/{zone_codes[0]}", f"/zones/{zone_codes[0]}/sheet"):
        assert nobody.get(address).headers["location"].startswith("/login")
    for address in ("zones", f"zones/{zone_codes[0]}", "zones/due", "zones/what-if?distance=50"):
        assert nobody.get(f"/api/v1/{address}", headers={"accept": "application/json"}).status_code == 401


def test_a_township_knows_of_the_others_only_the_projection(
    zone_site: Served, zone_codes: tuple[str, str]
) -> None:
    """On the pages, on the sheet, in the interface, on the map: own members whole, the others by name and distance."""
    across, own = zone_codes
    reader, program = zone_site.browser("township").client, zone_site.program("township")
    pages = [f"/zones/{across}", f"/zones/{across}/sheet"]
    told = [reader.get(address).text for address in pages]
    told += [
        program.get(f"/api/v1/zones{one}").text for one in ("", f"/{across}", f"/{across}/explain", "/due")
    ]
    told += [reader.get("/zones").text, program.get("/api/v1/zones/what-if?distance=50").text]
    told.append(program.get("/identify?lon=112.3303&lat=28.83&z=16").text)
    for answer in told:
        assert not [secret for secret in SECRETS if secret in answer]
    for page in told[:2]:
        assert NAMES[THEIRS_1] in page
        assert "片区值守" in page
        assert "000-111" in page
    zone = found(program.get(f"/api/v1/zones/{across}"))
    assert zone["members"] == [LEAD, OURS_2]
    assert [one["name"] for one in zone["neighbours"]] == [NAMES[THEIRS_1], NAMES[THEIRS_2]]
    assert set(zone["neighbours"][0]) == {"kind", "level", "hazard", "distance_m", "bearing", "name"}
    assert zone["neighbours"][0]["distance_m"] == pytest.approx(30, abs=1)
    assert (OURS_2, None, NAMES[THEIRS_1]) in [
        (one["a"], one["b"], one["b_name"]) for one in zone["links_across"]
    ]
    account = found(program.get(f"/api/v1/zones/{across}/explain"))
    assert sum(round(one["value"] * 1e6) for one in account["contributions"]) == round(zone["score"] * 1e6)
    over = zone_site.program("over")
    assert [one["code"] for one in found(over.get("/api/v1/zones"))["items"]] == [across]
    assert over.get(f"/api/v1/zones/{own}").status_code == 404
    assert zone_site.browser("over").client.get(f"/zones/{own}/sheet").status_code == 404


def test_the_map_shows_a_reader_its_zones(zone_site: Served, zone_codes: tuple[str, str]) -> None:
    def drawn(name: str) -> set[str]:
        tile = zone_site.program(name).get("/tiles/zone/10/831/426.mvt")
        assert tile.status_code == 200
        layers = mapbox_vector_tile.decode(tile.content)
        return {one["properties"]["code"] for one in layers.get("zone", {}).get("features", [])}

    assert drawn("city") == set(zone_codes)
    assert drawn("over") == {zone_codes[0]}
    at = found(zone_site.program("city").get("/identify?lon=112.3303&lat=28.83&z=16"))["zones"]
    assert [(one["code"], one["kind"]) for one in at] == [(zone_codes[0], "zone")]
    assert zone_site.browser("city").client.get("/").text.count('data-layer="zone"') == 1


def test_a_trial_writes_nothing_and_is_bounded(zone_site: Served) -> None:
    city, over, owner = zone_site.program("city"), zone_site.program("over"), owner_engine(zone_site.dsn)
    with snapshot(owner) as connection:
        before = len(revisions(connection))
    wide = found(city.get("/api/v1/zones/what-if?distance=2000&kinds=adjacent&unbounded=true"))
    assert (wide["total"], wide["members"], wide["complete"]) == (1, 6, True)
    assert wide["items"][0]["id"] == "W1"
    assert wide["items"][0]["geometry"]["type"] == "Polygon"
    narrow = found(city.get("/api/v1/zones/what-if?distance=10"))
    assert (narrow["items"], narrow["total"]) == ([], 0)
    own = found(over.get("/api/v1/zones/what-if?distance=35&kinds=adjacent"))
    assert [(one["members"], one["member_count"]) for one in own["items"]] == [([], 4)]
    assert own["complete"] is False
    for wrong in ("distance=2001", "distance=0", "distance=50&kinds=near", "distance=nan"):
        assert city.get(f"/api/v1/zones/what-if?{wrong}").status_code == 422
    with snapshot(owner) as connection:
        assert len(revisions(connection)) == before
    owner.dispose()


def test_imported_zones_of_studies_have_their_own_list(zone_site: Served) -> None:
    assert "请先导入图层 zones_external" in zone_site.browser("city").client.get("/zones/external").text


def test_a_city_without_zones_says_what_makes_them(
    databases: Databases, town_template: str, tmp_path: Path
) -> None:
    with databases.fresh(town_template) as dsn, served(dsn, tmp_path) as bare:
        page = bare.browser("city").client.get("/zones").text
        assert "还没有片区。运行 riskmap assess" in page
        assert "没有企业属于任何片区" in bare.browser("township").client.get("/zones").text
