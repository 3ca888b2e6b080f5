"""Lists and sheets that show inherent risk beside what has risen: order, filters, causes, headings, an honest nothing."""

import re
from datetime import date

import httpx
import pytest
from sqlalchemy import text

from jobs.risk import assess
from layers.database import owner_engine, snapshot, writing
from layers.history import open_revision
from layers.schema import metadata
from tests import town
from tests.served import Served

CALM = "当前没有动态因素：没有上升，当前风险与固有风险一致"


@pytest.fixture(scope="module")
def client(demo_site: Served) -> httpx.Client:
    return demo_site.browser("city").client


@pytest.fixture(scope="module")
def sources(demo_site: Served) -> list[dict[str, object]]:
    found = demo_site.program("city").get("/api/v1/sources?limit=1000&geometry=false").json()
    items: list[dict[str, object]] = found["items"]
    return items


def listed(page: str) -> list[str]:
    """The codes of a list's rows in their order."""
    return re.findall(r'href="/explain/source/(\w+)">[^<]*</a>', page)


@pytest.mark.parametrize(("sort", "name"), [("base", "base_level"), ("rise", "rise_level")])
def test_a_list_is_sorted_by_either_risk(
    client: httpx.Client, sources: list[dict[str, object]], sort: str, name: str
) -> None:
    shown = listed(client.get(f"/sources?sort={sort}").text)
    by_code = {one["code"]: one for one in sources}
    steps = [["red", "orange", "yellow", "blue", None].index(by_code[code][name]) for code in shown]  # type: ignore[arg-type]
    assert steps == sorted(steps)
    assert len(set(steps)) > 1
    points = [by_code[code]["rise" if sort == "rise" else "base_score"] for code in shown]
    first = [value for value, step in zip(points, steps, strict=True) if step == steps[0]]
    assert first == sorted(first, reverse=True)  # type: ignore[type-var]


@pytest.mark.parametrize("name", ["base_level", "rise_level"])
def test_a_list_is_filtered_by_either_risk(
    client: httpx.Client, sources: list[dict[str, object]], name: str
) -> None:
    for level in ("red", "orange", "yellow", "blue"):
        shown = listed(client.get(f"/sources?{name}={level}").text)
        assert set(shown) <= {one["code"] for one in sources if one[name] == level}
        assert len(shown) == min(100, sum(one[name] == level for one in sources))
    assert client.get(f"/sources?{name}=pink").status_code == 422


def test_an_area_names_what_rose_most_in_it(client: httpx.Client, demo_site: Served) -> None:
    owner = owner_engine(demo_site.dsn)
    most = text(
        "SELECT c.args ->> 'title' AS title, s.township_code, s.code FROM score s"
        " JOIN contribution c ON c.kind = 'source' AND c.code = s.code AND c.item = 'danger'"
        " WHERE s.kind = 'source' AND s.score > s.base AND c.value > 0"
        " ORDER BY s.score - s.base DESC, s.code, c.value DESC LIMIT 1"
    )
    with snapshot(owner) as connection:
        found = connection.execute(most).one()
    owner.dispose()
    page = client.get("/risk").text
    row = page[page.index(f"township={found.township_code}#villages") :]
    row = row[: row.index("</tr>")]
    assert found.title in row
    assert f"/explain/source/{found.code}" in row


def test_a_sheet_is_read_by_what_it_is_about(client: httpx.Client, sources: list[dict[str, object]]) -> None:
    risen = max(sources, key=lambda one: one["rise"] or 0)  # type: ignore[arg-type,return-value]
    page = client.get(f"/explain/source/{risen['code']}").text
    headings = re.findall(r'<tr class="group"><th colspan="5">(\S+?)(?: <|<)', page)
    assert headings[:2] == ["固有构成", "正在发生"]
    head = page[page.index('class="headline"') : page.index("</p></div>")]
    assert f"{risen['base_score']:,.1f}" in head
    assert f"+{risen['rise']:,.1f}" in head
    record = re.search(r'href="(/dangers\?state=all&amp;text=\w+)"', page)
    assert record
    ledger = client.get(record[1].replace("&amp;", "&")).text
    assert "共 1 条" in ledger


def test_a_sheet_tells_how_far_an_accident_reaches_and_where_the_method_ends(
    client: httpx.Client, sources: list[dict[str, object]]
) -> None:
    outside = next(
        one
        for one in sources
        if any(c["reason"] == "above_range" for c in one["consequences"])  # type: ignore[attr-defined]
    )
    page = client.get(f"/explain/source/{outside['code']}").text
    table = page[page.index('id="consequences"') :]
    assert "超出方法适用范围" in table
    assert "筛查值" in table
    assert re.search(r"≥ [\d,]+ m", table)
    english = client.get(f"/explain/source/{outside['code']}?lang=en").text
    assert "above the method" in english[english.index('id="consequences"') :]
    client.get("/risk?lang=zh")


def test_zones_of_a_study_are_named_as_such_and_go_first(own_site: Served) -> None:
    owner = owner_engine(own_site.dsn)
    town.put(
        owner, "zone_external", "zone", town.OURS, name="zone", source_code="ours-tank", kind="fire",
        study="QRA 2025", approved_on=date(2025, 5, 1),
    )  # fmt: skip
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "zone", None)
        shape = "ST_Buffer(ST_SetSRID(ST_MakePoint(112.31, 28.81), 4490)::geography, 300)::geometry"
        connection.execute(
            text(
                f"UPDATE zone_external SET geom = ST_SetSRID({shape}, 4490),"
                f" geom_m = ST_Transform(ST_SetSRID({shape}, 4490), 4547), rev = :rev"
            ),
            {"rev": rev},
        )
    assess(owner, actor="test")
    owner.dispose()
    told = own_site.program("city").get("/api/v1/sources/ours-tank/explain").json()["consequences"]
    assert [one["name"] for one in told] == ["study_fire"]
    assert told[0]["label"] == "评估报告的影响区域：火灾"
    assert (told[0]["screening"], told[0]["method"]) == (False, "QRA 2025 2025-05-01")
    assert told[0]["distance_m"] == pytest.approx(300, abs=3)
    assert told[0]["zones"][0]["type"] == "Polygon"
    english = own_site.program("city").get("/api/v1/sources/ours-tank/explain?lang=en").json()
    assert english["consequences"][0]["label"] == "Zone of a study: fire"


def test_the_wall_and_the_phone_begin_with_what_has_risen(client: httpx.Client) -> None:
    for address in ("/wall", "/phone"):
        page = client.get(address).text
        assert re.search(r'map=rise" aria-current="true">动态态势图', page), address
        assert "上升最多的危险源和企业" in page
        assert "固有分值最高的危险源" in client.get(f"{address}?map=base").text
        assert client.get(f"{address}?map=both").status_code == 422


def test_where_nothing_has_risen_the_pages_say_so(own_site: Served) -> None:
    owner = owner_engine(own_site.dsn)
    client = own_site.browser("city").client
    assess(owner, actor="test")
    for address in ("/risk", "/sources", "/wall", "/phone"):
        assert CALM not in client.get(address).text, "two dangers are overdue"
    assert client.get("/status").json()["risen"] is True
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "close", None)
        connection.execute(metadata.tables["danger"].update().values(closed_on=date(2026, 2, 1), rev=rev))
    assess(owner, actor="test")
    owner.dispose()
    for address in ("/risk", "/sources", "/wall", "/phone", "/explain/source/ours-tank"):
        page = client.get(address).text
        assert "+0.0" not in page, "nothing is no rise of so many points"
        assert CALM in page or "/explain/" in address
    assert client.get("/status").json()["risen"] is False
    assert "没有上升的危险源和企业" in client.get("/wall").text
    assert "未上升" in client.get("/sources").text


def test_the_colour_that_is_held_stands_in_lists_until_it_falls(own_site: Served) -> None:
    """The tank's danger is closed: its colour falls when a day has passed, and until then both are told."""
    owner = owner_engine(own_site.dsn)
    assess(owner, actor="test")
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "close", None)
        connection.execute(
            text("UPDATE danger SET status = 'closed', closed_on = '2026-02-01', rev = :rev"), {"rev": rev}
        )
    assess(owner, actor="test")
    owner.dispose()
    told = own_site.program("city").get("/api/v1/sources/ours-tank").json()
    assert (told["level"], told["level_held"]) == ("blue", "yellow")
    until = told["held_until"][:16].replace("T", " ")
    city = own_site.browser("city").client
    for address in ("/sources", "/wall?map=base", "/phone?map=base"):
        page = city.get(address).text
        said = re.findall(r'<span class="kept">(.*?)</small>', page, re.DOTALL)
        assert any("保持的等级" in one and 'class="level yellow"' in one and until in one for one in said), (
            address
        )
