"""The pages: whole in both languages, no colour without its scale, nothing from elsewhere, honest when things fail."""

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from layers.database import owner_engine, writing
from tests import town
from tests.served import Served, served, sign_in
from web.texts import texts, translate

PAGES = (
    "/incident",
    "/incident?lon=112.36&lat=28.85&substance=TNT&quantity_t=2",
    *(
        "/risk",
        f"/risk?township={town.OURS}",
        "/sources",
        "/sources?what=enterprise",
        "/dangers",
        "/dangers?state=all",
    ),
    *(
        "/duty",
        f"/duty?township={town.OURS}",
        "/zones",
        "/zones/external",
        "/targets",
        "/siting",
        "/alerts",
        "/events",
    ),
    *("/phone", "/wall", "/account"),
    *(
        "/quality",
        f"/quality?township={town.OURS}",
        "/quality/duplicates",
        "/quality/duplicates?layer=sources",
    ),
)
EXPLAINED = ("/explain/source/H0003", f"/explain/township/{town.OURS}", "/explain/city/430981")
ROLES = ("admin", "city", "planner", "auditor", "committee", "township", "village", "grid", "enterprise")
ROOT = Path(__file__).resolve().parents[2]
LEVEL_WORDS = ("重大风险", "较大风险", "一般风险", "低风险")


class Elements(HTMLParser):
    """Every element of a page with its attributes, the headings of its tables, and its text."""

    VOID = frozenset({"meta", "link", "img", "input", "br", "hr", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.text.append(data)


@pytest.fixture(scope="module")
def clients(demo_site: Served) -> dict[str, httpx.Client]:
    return {role: demo_site.browser(role).client for role in ROLES} | {"nobody": demo_site.client()}


@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_for_every_role_and_asks_nobody_else(
    clients: dict[str, httpx.Client], role: str
) -> None:
    for address in ("/", *PAGES):
        answer = clients[role].get(address)
        assert answer.status_code == 200, (address, answer.text[-400:])
        elements = Elements(answer.text)
        assert elements.open == [], address
        links = [
            value
            for _, attrs in elements.found
            for name, value in attrs.items()
            if name in ("src", "href", "action")
        ]
        assert all(link.startswith(("/", "#", "tel:")) and not link.startswith("//") for link in links), (
            address
        )
        assert not any(name.startswith("on") for _, attrs in elements.found for name in attrs), address
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert nonce
        for tag, attrs in elements.found:
            if tag == "style" or (tag == "script" and "src" not in attrs):
                assert attrs.get("nonce") == nonce[1], address


@pytest.mark.parametrize("address", [*PAGES, *EXPLAINED])
def test_a_colour_or_grade_stands_with_its_scale(clients: dict[str, httpx.Client], address: str) -> None:
    page = clients["city"].get(address).text
    marks = re.findall(
        r'<span class="(level|grade|danger) [^"]*"([^>]*)>(.*?)</span>(?=[^<]*<)', page, re.DOTALL
    )
    for kind, attributes, content in marks:
        scale = re.search(r'data-scale="(base|rise|now|major|danger)"', attributes)
        assert scale, content
        word = translate("zh", f"scale.{scale[1]}")
        assert kind == "level" or re.search("危险源|隐患", content), content
        assert kind != "level" or word in content or word in attributes, content
    if address.startswith(("/risk", "/sources", "/explain")):
        assert marks, "a page of levels shows levels"
    bare = re.sub(r"<option.*?</option>|<[^>]*title=\"[^\"]*\"[^>]*>|<[^>]+>", "|", page, flags=re.DOTALL)
    for word in LEVEL_WORDS:
        for hit in re.finditer(word, bare):
            before = bare[max(0, hit.start() - 160) : hit.start()]
            assert any(scale in before for scale in ("固有风险", "当前风险", "等级")), (
                f"bare {word}: …{before[-60:]}"
            )


@pytest.mark.parametrize("address", ["/login", *PAGES, *EXPLAINED, "/alerts/silences"])
def test_the_english_switch_leaves_no_chinese_words_of_ours(
    clients: dict[str, httpx.Client], address: str
) -> None:
    """Names, reasons of the records and the data stay as they are: only texts of the pages are looked for."""
    client = clients["city"] if address != "/login" else clients["nobody"]
    page = client.get(address, params={"lang": "en"})
    shown = {piece.strip() for piece in Elements(page.text).text}
    ours = {
        value for key, value in texts("zh").items() if re.search(r"[一-鿿]", value) and key != "menu.language"
    }
    names = {"其他", "综合", "企业", "网格", "市"}
    assert not (shown & ours) - names - {texts("en")["menu.language"]}
    assert 'lang="en"' in page.text
    assert client.get(address).text.count('lang="en"') == 1, "the choice is kept"
    assert 'lang="zh-CN"' in client.get(address, params={"lang": "zh"}).text


def test_both_languages_have_the_same_texts_and_templates_ask_for_none_other() -> None:
    chinese, english = texts("zh"), texts("en")
    assert {key for key in english if not key.startswith("error.")} == {
        key for key in chinese if not key.startswith("error.")
    }
    for key in chinese.keys() & english.keys():
        holes = [set(re.findall(r"\{(\w+)\}", words[key])) for words in (chinese, english)]
        assert holes[0] == holes[1], key
    for path in (ROOT / "web" / "templates").glob("*.html"):
        for key in re.findall(r"""\bt\(["']([\w.]+)["'][,)]""", path.read_text("utf-8")):
            assert key in chinese, f"{path.name}: {key}"
            assert key in english, f"{path.name}: {key}"


def test_numbers_on_pages_are_those_of_the_interface(
    clients: dict[str, httpx.Client], demo_site: Served
) -> None:
    program = demo_site.program("city")
    townships = program.get("/api/v1/townships?geometry=false").json()["items"]
    page = clients["city"].get("/risk").text
    for one in townships:
        row = page[page.index(f"township={one['code']}#villages") :]
        assert f">{one['base_score']:,.1f}</a>" in row[: row.index("</tr>")], one["name"]
    total = program.get("/api/v1/sources?limit=1").json()["total"]
    assert f"共 {total} 条" in clients["city"].get("/sources").text
    run = program.get("/api/v1/runs").json()["items"][0]
    assert run["result_hash"] in page
    assert run["edition"] in page


def test_filters_and_pages_of_a_list(clients: dict[str, httpx.Client], demo_site: Served) -> None:
    client, program = clients["city"], demo_site.program("city")
    query = f"township={town.OURS}&base_level=yellow"
    wanted = program.get(f"/api/v1/sources?{query}&geometry=false&limit=1000").json()
    page = client.get(f"/sources?{query}").text
    for item in wanted["items"]:
        assert f"/explain/source/{item['code']}" in page
    assert page.count('data-label="危险源编码"') == 0
    first, second = client.get("/sources").text, client.get("/sources?page=2").text
    codes = [re.findall(r"/explain/source/(\w+)", one) for one in (first, second)]
    assert len(codes[0]) == 100
    assert codes[1]
    assert not set(codes[0]) & set(codes[1])
    assert "没有符合条件的记录" in client.get("/sources?text=no-such-name").text
    assert client.get("/sources?base_level=pink").status_code == 422


def test_the_account_page_sums_to_the_score(clients: dict[str, httpx.Client], demo_site: Served) -> None:
    account = demo_site.program("city").get("/api/v1/sources/H0003/explain").json()
    page = clients["city"].get("/explain/source/H0003").text
    told = re.findall(r'<td class="n" data-label="分值">((?:&lt;)?[-\d.,]+)</td>', page)
    assert "&lt;0.001" in told  # a line that is next to nothing says so
    values = [0.0 if v.startswith("&lt;") else float(v.replace(",", "")) for v in told]
    assert len(values) == len(account["contributions"])
    assert sum(values) == pytest.approx(account["score"], abs=0.001 * len(values))
    for line in account["contributions"]:
        assert line["label"].split("（")[0] in page


def test_a_record_placed_elsewhere_than_declared_is_listed(own_site: Served) -> None:
    owner = owner_engine(own_site.dsn)
    town.put(
        owner, "source", "stray", town.THEIRS, name="stray", kind="port", declared_township_code=town.OURS
    )
    town.put(owner, "source", "lost", town.THEIRS, name="lost", kind="port", township_code=None)
    owner.dispose()
    page = own_site.browser("city").client.get("/risk").text
    listed = page[page.index('id="mismatches"') :]
    assert re.findall(r'<small class="code">(\w+)</small>', listed) == ["lost", "stray"]
    assert "不在任何镇街内" in listed
    assert f"area {town.OURS}" in listed
    ours = own_site.browser("township").client.get("/risk").text
    assert "stray" not in ours, "it lies in another township"


def test_gaps_of_duty_are_named(own_site: Served) -> None:
    page = own_site.browser("city").client.get(f"/duty?township={town.OURS}").text
    gaps = page[page.index('id="gaps"') : page.index('id="roster"')]
    assert f"area {town.OURS}001<" in gaps, "the village has nobody"
    assert f"{town.OURS}001001" not in gaps, "the grid unit has its officer"
    firm = gaps[gaps.index("ours-firm") :]
    assert "专业监管责任人、综合监管责任人" in firm
    assert "行业监管责任人" not in firm


def test_the_ledger_counts_what_is_overdue(own_site: Served) -> None:
    client = own_site.browser("city").client
    assert "未销号 2 条，其中重大隐患 2 条、逾期 2 条" in client.get("/dangers").text
    owner = owner_engine(own_site.dsn)
    with writing(owner) as connection:
        rev = connection.execute(text("SELECT open_revision('test', 'close', NULL)")).scalar_one()
        change = "UPDATE danger SET status = 'closed', closed_on = '2026-02-01', rev = :rev WHERE code = 'ours-danger'"
        connection.execute(text(change), {"rev": rev})
    owner.dispose()
    assert "未销号 1 条，其中重大隐患 1 条、逾期 1 条" in client.get("/dangers").text
    assert "ours danger" not in client.get("/dangers").text
    assert "ours danger" in client.get("/dangers?state=closed").text


def test_a_city_without_levels_says_so_instead_of_colouring(site: Served) -> None:
    client = site.browser("city").client
    page = client.get("/risk").text
    assert "尚未进行风险分级计算" in page
    assert 'class="level' not in page
    assert client.get("/sources").text.count("—") > 3


def test_pages_link_only_where_there_is_something(own_site: Served) -> None:
    client = own_site.browser("city").client
    menu = client.get("/risk").text
    assert 'href="/targets"' in menu
    assert 'href="/zones"' not in menu
    assert "请先导入图层 zones_external" in client.get("/zones/external").text


def test_the_strip_and_the_banner_of_a_stopped_worker(own_site: Served) -> None:
    client = own_site.browser("city").client
    worker = re.compile(r'data-banner="worker" role="alert"( hidden)?>')
    stopped = worker.search(client.get("/risk").text)
    assert stopped
    assert stopped[1] is None
    engine = owner_engine(own_site.dsn)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(4309, 1)"))
        running = worker.search(client.get("/risk").text)
    engine.dispose()
    assert running
    assert running[1] == " hidden"


def test_headers_of_every_kind_of_answer(site: Served) -> None:
    client = site.browser("city").client
    for address in (
        "/risk",
        "/login",
        "/static/app.css",
        "/nothing",
        "/api/v1/nothing",
        "/api/v1/sources",
        "/stream?x",
    ):
        if address == "/stream?x":
            continue
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff", address
        assert headers["x-frame-options"] == "DENY", address
        assert headers["referrer-policy"] == "same-origin", address
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, address
        assert "unsafe" not in policy, address
        assert "cache-control" in headers, address
    assert client.get("/risk").headers["cache-control"] == "no-store"
    assert client.get("/risk", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"


def test_an_unknown_address_is_a_page_for_a_browser(site: Served) -> None:
    answer = site.client().get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "没有这个地址" in answer.text


def test_a_fault_of_ours_tells_nothing_but_a_number(
    own_site: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken table makes the query fail in a way that nobody foresaw."""
    browser = own_site.browser("city")
    owner = owner_engine(own_site.dsn)
    with writing(owner) as connection:
        connection.execute(text("ALTER TABLE danger RENAME COLUMN title TO headline"))
    owner.dispose()
    page = browser.client.get("/dangers")
    assert page.status_code == 500
    number = re.search(r"编号 (\w{8}) ", page.text)
    assert number
    assert number[1] in caplog.text
    assert page.headers["x-content-type-options"] == "nosniff"
    answer = own_site.program("city").get("/api/v1/dangers")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    for told in (page.text, answer.text):
        assert not re.search(r"SELECT|danger\.|psycopg|Traceback|headline", told)


def test_without_its_database_the_program_says_so(site: Served, tmp_path: Path) -> None:
    token = site.browser("city").token
    with served(f"postgresql://riskmap@/gone?host={tmp_path}", tmp_path) as lost:
        client = lost.client(cookie=f"riskmap_session={token}")
        page = client.get("/risk")
        assert page.status_code == 503
        assert page.headers["retry-after"]
        assert "数据库暂时无法连接" in page.text
        assert "数据库无法连接" in page.text
        assert lost.client().get("/login").status_code == 200
        assert sign_in(lost.client(), "city", "whatever-it-is").status_code == 503
        api = lost.client(accept="application/json", authorization="Bearer x").get("/api/v1/sources")
        assert api.status_code == 503
        assert api.json()["type"] == "urn:riskmap:error:unavailable"
        assert lost.client().get("/health").json() == {
            "status": "down",
            "version": lost.app.version,
            "database": False,
            "drop": {"waiting": 0, "bad": 0},
            "detail": "数据库无法连接",
        }
