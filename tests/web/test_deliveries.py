"""What went out and how it fared, on pages and by program; signing by a link and by reply, with no account."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from jobs.channel_watch import watch_channels
from jobs.sign_in import hash_token
from jobs.signing import Links, sign_by_link, take_replies
from jobs.warning_steps import take_step
from layers.database import CITY, reading, writing
from layers.deliveries import Result, due, record
from layers.signing import told_by
from riskmap.errors import LockedOut, NotFound, Refused
from tests import town
from tests.channel_servers import http_server
from tests.import_files import rows
from tests.outbox_rows import city_with, delivering, message, put, sms
from tests.served import Served, found

API = "/api/v1/deliveries"
NUMBER = "00000000017"
HOUR_S = 3600


@pytest.fixture(scope="module")
def owner(site: Served) -> Engine:
    run_alerts(site.owner, actor="test")
    return site.owner


@pytest.fixture
def number(owner: Engine) -> int:
    """Our township's warning, as it was sent and not yet signed for."""
    with writing(owner) as connection:
        connection.exec_driver_sql("UPDATE warning SET state = 'sent', signed_by = '{}', ended_at = NULL")
        connection.exec_driver_sql("TRUNCATE sign_link, reply, guess, attempt")
        connection.exec_driver_sql("DELETE FROM delivery WHERE channel = 'texts'")
    ((found,),) = rows(owner, f"SELECT warning_id FROM warning WHERE township_code = '{town.OURS}'")
    return int(found)


def texted(site: Served, owner: Engine, number: int, person: str = "甲镇长", **values: Any) -> int:
    """A short message about a warning that waits to go to somebody; its number."""
    told = message(person, "texts", warning_id=number, address=NUMBER, **{**town.scope(town.OURS), **values})
    put(site.dsn, [told])
    found = f"SELECT max(delivery_id) FROM delivery WHERE person = '{person}' AND channel = 'texts'"
    return int(rows(owner, found)[0][0])


def linked(owner: Engine, lasts_s: int = HOUR_S, url: str = "https://risk.example/") -> list[str]:
    """What ends the short messages that are due: the words with the link, as whoever sends adds them."""
    now = datetime.now(UTC)
    with reading(owner, CITY) as connection:
        waiting = due(connection, {"texts": 9}, (), now)
    Links(url, ["texts"]).add(owner, waiting, now, lasts_s)
    return [one["link"] for one in waiting if "link" in one]


def token_of(words: str) -> str:
    found = re.search(r"https://risk\.example/s/(\S+)", words)
    assert found, words
    return found[1]


def steps(owner: Engine, number: int) -> list[tuple[Any, ...]]:
    query = (
        f"SELECT action, person, note FROM warning_step WHERE warning_id = {number} ORDER BY n DESC LIMIT 1"
    )
    return rows(owner, query)


def failed(owner: Engine, delivery: int, outcome: str = "try_again", state: str = "waiting") -> None:
    now = datetime.now(UTC)
    then = now + timedelta(hours=1) if state == "waiting" else None
    with writing(owner) as connection:
        record(connection, [Result(delivery, "texts", outcome, "网关忙", state, now, then, 0.5)])


def test_an_orange_message_waits_for_a_channel_beside_the_page(owner: Engine, number: int) -> None:
    query = f"SELECT channel, state FROM delivery WHERE warning_id = {number} AND reason = 'first' ORDER BY 1"
    assert rows(owner, query) == [("drop", "waiting"), ("in_app", "delivered")]


def test_a_message_is_told_with_every_try_and_goes_once_more_by_hand(
    site: Served, owner: Engine, number: int
) -> None:
    one = texted(site, owner, number)
    failed(owner, one)
    city = site.program("city")
    told = found(city.get(f"{API}/{one}"))
    assert (told["state"], [(row["outcome"], row["detail"]) for row in told["tries"]]) == (
        "waiting",
        [("try_again", "网关忙")],
    )
    hastened = found(city.post(f"{API}/{one}/resend"))
    assert (hastened["id"], datetime.fromisoformat(hastened["next_at"]) <= datetime.now(UTC)) == (one, True)
    failed(owner, one, "never", "failed")
    anew = found(city.post(f"{API}/{one}/resend"))
    assert (anew["reason"], anew["n"], anew["state"], anew["tries"]) == ("resent", 1, "waiting", [])
    assert found(city.post(f"{API}/{one}/resend"))["n"] == 2
    assert steps(owner, number) == [("resend", "city", "甲镇长，渠道 texts")]


def test_who_may_see_and_resend_a_message(site: Served, owner: Engine, number: int) -> None:
    ours, foreign = (
        texted(site, owner, number),
        f"SELECT delivery_id FROM delivery WHERE township_code = '{town.THEIRS}'",
    )
    theirs = rows(owner, foreign)[0][0]
    leader = site.program("township")
    assert leader.get(f"{API}/{ours}").status_code == leader.post(f"{API}/{ours}/resend").status_code == 200
    assert (
        leader.get(f"{API}/{theirs}").status_code == leader.post(f"{API}/{theirs}/resend").status_code == 404
    )
    for name in ("auditor", "planner", "grid", "enterprise", "committee"):
        assert site.program(name).post(f"{API}/{ours}/resend").status_code == 403
    page = rows(owner, "SELECT delivery_id FROM delivery WHERE channel = 'in_app'")[0][0]
    assert site.program("city").post(f"{API}/{page}/resend").status_code == 409


def test_the_page_of_channels_tells_what_fails_and_what_waits(
    site: Served, owner: Engine, number: int
) -> None:
    one = texted(site, owner, number)
    failed(owner, one, "never", "failed")
    desk = site.browser("city")
    page = desk.client.get("/channels").text
    assert "文件夹" in page
    assert f'href="/channels/messages/{one}"' in page
    assert desk.post(f"/channels/messages/{one}/resend").status_code == 303
    about = desk.client.get(f"/channels/messages/{one}")
    assert "此渠道不能送达" in about.text
    assert site.browser("township").client.get("/channels").status_code == 403
    with writing(owner) as connection:
        connection.exec_driver_sql(
            "INSERT INTO attempt (delivery_id, n, at, outcome, detail, channel)"
            " SELECT 900000, n, now(), 'try_again', '连不上', 'drop' FROM generate_series(1, 3) n"
        )
    for address in ("/channels", "/alerts"):
        assert "渠道 drop 不通" in desk.client.get(address).text
    health = found(site.client().get("/health"))
    assert health["channels"]["failing"] == ["drop"]
    assert 'riskmap_channel_failing{channel="drop"} 1' in site.client().get("/metrics").text
    assert watch_channels(owner) == ["drop"]
    with writing(owner) as connection:
        connection.exec_driver_sql("DELETE FROM attempt WHERE delivery_id = 900000")


def test_a_link_shows_the_message_and_signs_once_in_the_person_s_name(
    site: Served, owner: Engine, number: int
) -> None:
    texted(site, owner, number)
    (words,) = linked(owner)
    assert words.endswith("或回复1签收")
    stranger, address = site.client(), f"/s/{token_of(words)}"
    page = stranger.get(address)
    assert page.status_code == 200
    assert "沅江市应急管理局，预警级别红色：请核实。" in page.text
    assert page.text.count("<button") == 1
    assert not re.search(r"ours|theirs|area \d", page.text.replace(address, ""))
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "甲镇长 已于" in stranger.post(address).text
    assert steps(owner, number) == [("sign", "甲镇长", "免登录链接签收，渠道 texts")]
    assert "链接不再有效" in stranger.get(address).text
    assert stranger.post(address).status_code == 409
    token = rows(owner, "SELECT token_hash FROM sign_link")[0][0]
    assert bytes(token) == hash_token(address.removeprefix("/s/"))


def test_a_link_ends_with_its_time_its_warning_and_any_other_signature(
    site: Served, owner: Engine, number: int
) -> None:
    texted(site, owner, number)
    late, other = (token_of(one) for one in (*linked(owner, 0), *linked(owner)))
    with pytest.raises(Refused):
        sign_by_link(owner, late, address="::1")
    assert "链接已过期" in site.client().get(f"/s/{late}").text
    take_step(owner, owner, CITY, number, "sign")
    sign_by_link(owner, other, address="::1")
    assert linked(owner) == []
    with pytest.raises(Refused):
        sign_by_link(owner, other, address="::1")


def test_guessing_links_becomes_slow(site: Served, owner: Engine, number: int) -> None:
    texted(site, owner, number)
    (words,) = linked(owner)
    for n in range(10):
        with pytest.raises(NotFound):
            sign_by_link(owner, f"guess-{n}", address="192.0.2.7")
    with pytest.raises(LockedOut):
        sign_by_link(owner, token_of(words), address="192.0.2.7")
    sign_by_link(owner, token_of(words), address="192.0.2.8")


def test_the_reply_1_signs_and_other_words_reach_the_desk(
    site: Served, owner: Engine, number: int, tmp_path: Path
) -> None:
    """As the gateway tells them, some of them again and again."""
    texted(site, owner, number)
    said = (("1", f"+86{NUMBER}", " １。"), ("2", NUMBER, "在路上"), ("3", "0001", "1"))
    with http_server() as gateway:
        items = [{"id": one, "mobile": whose, "content": what} for one, whose, what in said]
        gateway.reply.body = json.dumps(items).encode()
        sender = delivering(owner, city_with(texts=sms(gateway.url, replies_url=gateway.url)), tmp_path)
        ((name, channel),) = sender.replying()
        assert take_replies(owner, name, channel.replies()) == 3
        assert take_replies(owner, name, channel.replies()) == 0
    told = "SELECT action, person, note FROM warning_step WHERE action IN ('sign', 'reply') ORDER BY rev DESC LIMIT 2"
    assert rows(owner, told) == [
        ("reply", "甲镇长", "短信回复“在路上”，号码尾号 0017"),
        ("sign", "甲镇长", "短信回复“１。”，号码尾号 0017"),
    ]
    with reading(owner, CITY) as connection:
        assert [one["state"] for one in told_by(connection, "texts", [NUMBER])] == ["signed"]
    page = site.browser("city").client.get("/channels").text
    for words in ("在路上", "已转值班室", "号码没有对应的提示", "已签收"):
        assert words in page
