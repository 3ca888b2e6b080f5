"""Signing in: what is kept, what guessing costs, and what no other page, cookie or token can do."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine, text

from jobs import sign_in as jobs
from jobs.users import disable_user, enable_user, set_password
from layers.database import owner_engine, writing
from riskmap.errors import LockedOut, NotSignedIn
from tests.served import PASSWORD, Served, hidden, sign_in

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
OPEN_WRITES = {"/login", "/api/v1/token", "/s/{token}"}
"""what nobody has signed in for: the last one is signing by a link, whose token is the proof"""
"""where somebody without a session may write"""


@pytest.fixture
def owner(own_site: Served) -> Engine:
    return own_site.owner


@pytest.fixture(autouse=True)
def forgiving(site: Served) -> None:
    """Failures of one test are not counted against the next."""
    engine = owner_engine(site.dsn)
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM guess"))
    engine.dispose()


def rows(engine: Engine, query: str) -> list[Any]:
    with writing(engine) as connection:
        return list(connection.execute(text(query)))


def test_the_cookie_is_for_this_site_alone_and_its_token_is_kept_nowhere(
    own_site: Served, owner: Engine
) -> None:
    client = own_site.client()
    answer = sign_in(client, "city", PASSWORD)
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("riskmap_session=")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = client.cookies["riskmap_session"]
    assert client.get("/account").status_code == 200
    (kept,) = rows(owner, "SELECT * FROM session")
    assert bytes(kept.token_hash) == hashlib.sha256(token.encode()).digest()
    assert token not in str(kept)
    (account,) = rows(owner, "SELECT password_hash FROM account WHERE name = 'city'")
    assert account.password_hash.startswith("$argon2id$")
    for table in ("session", "account", "revision", "guess"):
        assert PASSWORD not in str(rows(owner, f"SELECT * FROM {table}"))


def test_wrong_name_wrong_password_and_disabled_account_look_alike(own_site: Served, owner: Engine) -> None:
    disable_user(owner, "planner")
    answers = []
    for name in ("city", "nobody", "planner"):
        client = own_site.client()
        answer = sign_in(client, name, "wrong-password" if name != "planner" else PASSWORD)
        assert answer.status_code == 401
        assert "riskmap_session" not in client.cookies
        page = answer.text.replace(f'value="{name}"', "").replace(hidden(answer.text, "form"), "")
        answers.append(page)
    assert answers[0] == answers[1] == answers[2]


def wrong_again(owner: Engine, name: str, attempts: int, now: datetime) -> tuple[list[int], datetime]:
    """The seconds to wait after each wrong password beyond the free ones, every wait sat out; and the time then."""
    waits = []
    for attempt in range(attempts):
        with pytest.raises(NotSignedIn):
            jobs.sign_in(owner, name, "wrong", address=f"10.1.{attempt}.1", now=now)
        if attempt >= 4:
            with pytest.raises(LockedOut) as locked:
                jobs.sign_in(owner, name, PASSWORD, address="10.2.0.1", now=now)
            waits.append(locked.value.facts["retry_after_s"])
            now += timedelta(seconds=waits[-1])
    return waits, now


def test_guessing_a_name_gets_slower_whether_it_exists_or_not(own_site: Served, owner: Engine) -> None:
    """Four wrong passwords are free; each further one doubles the wait, up to a quarter of an hour."""
    expected = [30, 60, 120, 240, 480, 900, 900]
    unknown, _ = wrong_again(owner, "nobody", 11, NOW)
    known, now = wrong_again(owner, "city", 11, NOW)
    assert unknown == known == expected
    assert jobs.sign_in(owner, "city", PASSWORD, address="10.2.0.1", now=now).identity.role == "city"
    assert wrong_again(owner, "city", 5, now)[0] == [30], "the right password forgets the wrong ones"
    assert wrong_again(owner, "nobody", 5, now + timedelta(days=2))[0] == [30], "so does a quiet day"


def test_guessing_from_an_address_gets_slower_whatever_the_names(own_site: Served, owner: Engine) -> None:
    for attempt in range(20):
        with pytest.raises(NotSignedIn):
            jobs.sign_in(owner, f"name-{attempt}", "wrong", address="10.4.0.1", now=NOW)
    with pytest.raises(LockedOut):
        jobs.sign_in(owner, "city", PASSWORD, address="10.4.0.1", now=NOW)
    assert jobs.sign_in(owner, "city", PASSWORD, address="10.4.0.2", now=NOW).token
    for line in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"):
        for attempt in range(10):
            with pytest.raises(NotSignedIn):
                jobs.sign_in(owner, f"{line}-{attempt}", "wrong", address=line, now=NOW)
    with pytest.raises(LockedOut):
        jobs.sign_in(owner, "city", PASSWORD, address="2001:db8:1:2:abcd::1", now=NOW)


def test_one_who_knows_a_password_cannot_guess_others_on_the_side(own_site: Served, owner: Engine) -> None:
    for attempt in range(20):
        with pytest.raises(NotSignedIn):
            jobs.sign_in(owner, f"name-{attempt}", "wrong", address="10.6.0.1", now=NOW)
        if attempt < 19:
            jobs.sign_in(owner, "city", PASSWORD, address="10.6.0.1", now=NOW)
    with pytest.raises(LockedOut):
        jobs.sign_in(owner, "city", PASSWORD, address="10.6.0.1", now=NOW)


def test_guesses_sent_side_by_side_gain_nothing(own_site: Served, owner: Engine) -> None:
    def guess(number: int) -> type[Exception]:
        with pytest.raises((NotSignedIn, LockedOut)) as refused:
            jobs.sign_in(owner, "admin", f"guess-{number}", address=f"10.5.{number}.1", now=NOW)
        return refused.type

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, range(24)))
    assert outcomes.count(NotSignedIn) == 5
    assert outcomes.count(LockedOut) == 19


def test_a_lock_out_answers_429_and_is_audited_without_what_was_typed(
    own_site: Served, owner: Engine
) -> None:
    typed = "my-secret-in-the-wrong-field"
    client = own_site.client()
    for name in ("auditor", typed):
        answers = [sign_in(client, name, "wrong") for _ in range(6)]
        assert [a.status_code for a in answers] == [401] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) == 30
    form = {"username": "auditor", "password": PASSWORD}
    refused = client.post("/api/v1/token", data=form, headers={"accept": "application/json"})
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    audit = rows(owner, "SELECT actor, job, reason, detail FROM revision WHERE job = 'lock-out' ORDER BY rev")
    assert [row.actor for row in audit] == ["auditor", "未知用户"]
    assert all(row.detail == [] for row in audit)
    assert typed not in str(rows(owner, "SELECT * FROM revision"))


def test_sign_ins_are_audited(own_site: Served, owner: Engine) -> None:
    own_site.browser("village")
    own_site.program("grid")
    audit = rows(owner, "SELECT actor, reason FROM revision WHERE job = 'sign-in' ORDER BY rev")
    assert [row.actor for row in audit] == ["village", "grid"]
    assert "127.0.0.1" in audit[0].reason


def test_every_write_of_a_browser_needs_the_token_of_its_own_session(site: Served) -> None:
    mine, other = site.browser("admin"), site.browser("city")
    writes = [
        (method, str(route.path))
        for route in iter_route_contexts(site.app.routes)
        for method in route.methods or ()
        if method in UNSAFE and route.path not in OPEN_WRITES
    ]
    assert {"/logout", "/account", "/api/v1/imports"} <= {path for _, path in writes}
    for method, path in writes:
        for headers in ({}, {"x-csrf-token": ""}, {"x-csrf-token": other.csrf}):
            assert mine.client.request(method, path, headers=headers).status_code == 403, (method, path)
        answer = mine.client.request(
            method, path, headers={"x-csrf-token": mine.csrf, "sec-fetch-site": "cross-site"}
        )
        assert answer.status_code == 403, (method, path)
    assert mine.client.post("/logout", data={"csrf": other.csrf}).status_code == 403
    assert mine.client.get("/account").status_code == 200, "still signed in"
    assert mine.post("/logout").status_code == 303


def test_the_sign_in_form_cannot_be_sent_from_elsewhere(site: Served) -> None:
    client = site.client()
    form = hidden(client.get("/login").text, "form")
    fields = {"name": "city", "password": PASSWORD, "form": form}
    assert client.post("/login", data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post("/login", data=fields | {"form": "0.0"}).status_code == 403
    stranger = site.client()
    assert stranger.post("/login", data=fields).status_code == 403, "no cookie goes with the token"
    assert client.post("/login", data=fields).status_code == 303


def test_a_session_planted_before_the_sign_in_is_not_taken_over(site: Served) -> None:
    planted = "a" * 43
    client = site.client()
    client.cookies.set("riskmap_session", planted)
    assert sign_in(client, "city", PASSWORD).status_code == 303
    mine = [c.value for c in client.cookies.jar if c.name == "riskmap_session" and c.value != planted]
    assert len(mine) == 1
    attacker = site.client(cookie=f"riskmap_session={planted}")
    assert attacker.get("/account").status_code == 303


def test_signing_in_again_ends_the_session_brought_along(site: Served) -> None:
    browser = site.browser("city")
    client = browser.client
    earlier = browser.token
    client.cookies.delete("riskmap_session")
    form = hidden(client.get("/login").text, "form")
    client.cookies.set("riskmap_session", earlier)
    fields = {"name": "city", "password": PASSWORD, "form": form}
    assert client.post("/login", data=fields).status_code == 303
    thief = site.client(cookie=f"riskmap_session={earlier}")
    assert thief.get("/account").status_code == 303


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(site: Served) -> None:
    browser = site.browser("city")
    thief = site.client(cookie=f"riskmap_session={browser.token}")
    assert thief.get("/account").status_code == 200
    assert browser.post("/logout").status_code == 303
    assert thief.get("/account").headers["location"] == "/login?next=%2Faccount"
    assert thief.get("/api/v1/sources").status_code == 401
    assert thief.get("/stream").status_code == 401


@pytest.mark.parametrize("ending", ["expiry", "disabled", "password reset"])
def test_sessions_end(own_site: Served, owner: Engine, ending: str) -> None:
    browser = own_site.browser("planner")
    client, program = browser.client, own_site.program("planner")
    assert client.get("/risk").status_code == 200
    assert program.get("/api/v1/sources").status_code == 200
    if ending == "expiry":
        with writing(owner) as connection:
            connection.execute(text("UPDATE session SET expires_at = now() - interval '1 second'"))
    elif ending == "disabled":
        disable_user(owner, "planner")
    else:
        set_password(owner, "planner")
    assert client.get("/risk").status_code == 303
    assert program.get("/api/v1/sources").status_code == 401
    if ending == "disabled":
        enable_user(owner, "planner")
        assert client.get("/risk").status_code == 303, "switching on again revives no session"
        assert sign_in(client, "planner", PASSWORD).status_code == 303


def test_a_token_counts_only_in_its_own_place(site: Served) -> None:
    browser = site.browser("city")
    program = site.program("city")
    bearer = program.headers["authorization"].removeprefix("Bearer ")
    client = site.client(cookie=f"riskmap_session={bearer}")
    assert client.get("/api/v1/sources").status_code == 401
    client = site.client(authorization=f"Bearer {browser.token}")
    assert client.get("/api/v1/sources").status_code == 401
    for broken in ("Bearer", "Basic Y2l0eTp4", f"bearer {bearer}x"):
        answer = browser.client.get("/api/v1/sources", headers={"authorization": broken})
        assert answer.status_code == 401, "a broken header does not fall back to the cookie"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_one_changes_the_own_password_and_other_devices_are_signed_out(own_site: Served) -> None:
    here, there = own_site.browser("village"), own_site.browser("village")
    fresh = "another-long-one-42"
    wrong = here.post("/account", old="not-it-at-all", new=fresh, again=fresh)
    differing = here.post("/account", old=PASSWORD, new=fresh, again="something-else-7")
    short = here.post("/account", old=PASSWORD, new="short", again="short")
    assert [wrong.status_code, differing.status_code, short.status_code] == [403, 403, 422]
    assert here.post("/account", old=PASSWORD, new=fresh, again=fresh).status_code == 200
    assert here.client.get("/account").status_code == 200
    assert there.client.get("/account").status_code == 303
    client = own_site.client()
    assert sign_in(client, "village", PASSWORD).status_code == 401
    assert sign_in(client, "village", fresh).status_code == 303


@pytest.mark.parametrize(
    ("asked", "goes_to"),
    [
        ("/risk?township=1", "/risk?township=1"),
        ("//elsewhere.example/x", "/"),
        ("/\\elsewhere.example", "/"),
        ("https://elsewhere.example/", "/"),
        ("/login", "/"),
        ("/risk\r\nset-cookie: x=y", "/"),
    ],
)
def test_the_sign_in_leads_to_pages_of_ours_alone(site: Served, asked: str, goes_to: str) -> None:
    client = site.client()
    assert sign_in(client, "city", PASSWORD, next=asked).headers["location"] == goes_to


def test_the_cookie_is_secure_where_the_page_is(site: Served) -> None:
    client = site.client(**{"x-forwarded-proto": "https"})
    page = client.get("/login")
    form = hidden(page.text, "form")
    nonce = page.headers["set-cookie"].split("riskmap_form=")[1].split(";")[0]
    fields = {"name": "city", "password": PASSWORD, "form": form}
    answer = client.post("/login", data=fields, headers={"cookie": f"riskmap_form={nonce}"})
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("riskmap_session=")]
    assert "Secure" in cookie
    assert "strict-transport-security" in answer.headers
