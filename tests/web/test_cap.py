"""CAP by HTTP: weather warnings posted, our own for who signed in or holds a link, and no longer than it holds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from lxml import etree
from sqlalchemy import Connection, Engine, text

from jobs.sign_in import standing
from jobs.users import disable_user, enable_user, set_password
from layers.cap_feed import ATOM, CapEntry
from layers.database import owner_engine
from tests.cap_messages import OURS_RING, info, message, over
from tests.events import events_on_file
from tests.served import PASSWORD, Served
from web import cap

EVENTS = "/api/v1/events"
FEED = "/cap/feed.atom"
RAIN = message("W1", info(over(OURS_RING)))
SENT = datetime(2026, 3, 1, 3, tzinfo=UTC)


class Kept:
    """Two messages, of which a township may see one."""

    def newest(self, rows: Connection, limit: int) -> Sequence[CapEntry]:
        entries = [
            CapEntry(
                f"W{n}.1", "risk@430981", SENT + timedelta(hours=n), f"<风险> & {n}\x00", "说明", "Restricted"
            )
            for n in self._seen(rows)
        ]
        return entries[:limit]

    def document(self, rows: Connection, identifier: str) -> bytes | None:
        return b"<alert/>" if identifier in {f"W{n}.1" for n in self._seen(rows)} else None

    @staticmethod
    def _seen(rows: Connection) -> tuple[int, ...]:
        role = rows.execute(text("SELECT current_user")).scalar_one()
        return (2, 1) if role == "riskmap_city" else (1,)


@pytest.fixture(scope="module")
def owner(site: Served) -> Engine:
    return site.owner


@pytest.fixture(autouse=True)
def _ready(site: Served) -> None:
    site.app.state.events._pace_s = 0
    site.app.state.cap = Kept()


def posted(client: httpx.Client, content: bytes, kind: str = "application/cap+xml") -> httpx.Response:
    return client.post(EVENTS, content=content, headers={"content-type": kind})


def titles(answer: httpx.Response) -> list[str]:
    feed = etree.fromstring(answer.content)
    return [str(one.text) for one in feed.iterfind(f"{{{ATOM}}}entry/{{{ATOM}}}title")]


def link_of(site: Served, name: str) -> str:
    answer = site.program(name).post("/api/v1/cap/link")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["feed"])


def test_a_posted_warning_is_an_event(site: Served, owner: Engine) -> None:
    program, before = site.program("city"), len(events_on_file(owner))
    answer = posted(program, RAIN)
    assert (answer.status_code, answer.json()["inserted"]) == (200, 1)
    assert posted(program, RAIN, "text/xml; charset=utf-8").json()["unchanged"] == 1
    on_file = events_on_file(owner)
    assert (len(on_file), {row["kind"] for row in on_file}) == (before + 1, {"weather"})
    drill = posted(program, message("W2", info(over(OURS_RING)), status="Exercise")).json()
    assert (drill["inserted"], drill["rev"]) == (0, None)
    assert "演练" in drill["notes"][0]


@pytest.mark.parametrize(
    ("content", "status", "word"),
    [
        (b"<!DOCTYPE a>" + RAIN, 422, "DOCTYPE"),
        (RAIN[:-10], 422, "XML"),
        (b"<!--" + b" " * 1_000_000 + b"-->" + RAIN, 413, "1 MB"),
    ],
)
def test_what_is_refused_is_told_why(site: Served, content: bytes, status: int, word: str) -> None:
    answer = posted(site.program("city"), content)
    assert answer.status_code == status
    assert word in answer.json()["detail"]


def test_a_warning_that_is_another_under_the_same_number_is_refused(site: Served) -> None:
    program = site.program("city")
    assert posted(program, message("W3", info(over(OURS_RING)))).status_code == 200
    answer = posted(program, message("W3", info(over(OURS_RING), severity="Minor")))
    assert answer.status_code == 409
    assert "severity" in answer.json()["detail"]


def test_not_everybody_may_post(site: Served) -> None:
    for name in ("enterprise", "township"):
        assert posted(site.program(name), RAIN).status_code == 403


def test_the_feed_shows_what_one_may_see(site: Served) -> None:
    city = site.program("city").get(FEED)
    assert city.headers["content-type"].startswith("application/atom+xml")
    assert titles(city) == ["<风险> & 2", "<风险> & 1"]
    assert titles(site.program("city").get(FEED, params={"limit": 1})) == ["<风险> & 2"]
    township = site.program("township")
    assert titles(township.get(FEED)) == ["<风险> & 1"]
    assert township.get("/cap/W1.1.xml").headers["content-type"].startswith("application/cap+xml")
    assert [township.get(f"/cap/{one}.xml").status_code for one in ("W1.1", "W2.1", "nobody")] == [
        200,
        404,
        404,
    ]


def test_nobody_sees_anything(site: Served) -> None:
    for address in (
        FEED,
        "/cap/W1.1.xml",
        f"{FEED}?name=city&until=99999999999&seal=x",
        f"{FEED}?name=nobody",
    ):
        answer = site.client(accept="application/atom+xml").get(address)
        assert answer.status_code == 401
        assert answer.json()["remedy"]


def test_a_link_leads_to_the_feed_and_on_to_its_messages(site: Served) -> None:
    stranger = site.client(accept="*/*")
    feed = stranger.get(link_of(site, "township"))
    assert titles(feed) == ["<风险> & 1"]
    links = etree.fromstring(feed.content).iterfind(f".//{{{ATOM}}}link")
    assert [stranger.get(str(one.get("href"))).status_code for one in links] == [200, 200]


def test_a_link_holds_for_one_and_until_its_day(site: Served) -> None:
    stranger = site.client(accept="*/*")
    address = urlsplit(link_of(site, "township"))
    said = dict(parse_qsl(address.query))
    for name, value in (
        ("name", "city"),
        ("until", str(int(said["until"]) + 1)),
        ("seal", "0" * 64),
        ("seal", ""),
    ):
        assert stranger.get(f"{FEED}?{urlencode(said | {name: value})}").status_code == 401
    past = 1_700_000_000
    owner_ = owner_engine(site.dsn)
    account = standing(owner_, "township")
    owner_.dispose()
    assert account is not None
    ended = said | {"until": str(past), "seal": cap._seal(site.app.state.forms, account, past)}
    assert stranger.get(f"{FEED}?{urlencode(ended)}").status_code == 401


def test_a_link_ends_with_its_account_or_password(site: Served, owner: Engine) -> None:
    stranger, address = site.client(accept="*/*"), link_of(site, "township")
    disable_user(owner, "township")
    assert stranger.get(address).status_code == 401
    enable_user(owner, "township")
    assert stranger.get(address).status_code == 200
    set_password(owner, "township", f"{PASSWORD}-other")
    assert stranger.get(address).status_code == 401
    set_password(owner, "township", PASSWORD)
