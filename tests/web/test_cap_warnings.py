"""Our warnings in the feed: an alert, its updates and its end, the same bytes for ever, to whom the warning is visible."""

from datetime import UTC, datetime, timedelta
from typing import Any

import capvalidator
import pytest
from lxml import etree
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from jobs.cap_warnings import tell_in_cap
from jobs.warning_steps import take_step
from layers.cap_feed import ATOM
from layers.cap_reading import read_cap
from layers.database import CITY, Identity, writing
from riskmap.cap import CapAlert
from tests import town
from tests.import_files import rows
from tests.served import Served

FEED = "/cap/feed.atom"


@pytest.fixture(scope="module")
def owner(site: Served) -> Engine:
    run_alerts(site.owner, actor="test")
    return site.owner


def listed(site: Served, role: str) -> list[str]:
    """The identifiers that somebody's feed names, newest first."""
    feed = etree.fromstring(site.program(role).get(FEED).content)
    found = feed.iterfind(f"{{{ATOM}}}entry/{{{ATOM}}}link")
    return [str(one.get("href")).removeprefix("/cap/").removesuffix(".xml") for one in found]


def read(site: Served, identifier: str) -> tuple[bytes, CapAlert]:
    content = site.program("city").get(f"/cap/{identifier}.xml").content
    return content, read_cap(identifier, content)


def told_again(owner: Engine, number: int, **values: Any) -> None:
    """The warning told once more, as a pass does."""
    at = datetime.now(UTC) + timedelta(minutes=1)
    with writing(owner) as connection:
        connection.exec_driver_sql(
            "UPDATE warning SET told_at = %s, warn = 1, reason = 'worse', rev = (SELECT rev + 1 FROM head)"
            " WHERE warning_id = %s",
            (at, number),
        )
        connection.exec_driver_sql("SELECT open_revision('test', 'alerts', NULL)")


def test_a_warning_is_an_alert_then_an_update_then_a_cancellation(site: Served, owner: Engine) -> None:
    assert tell_in_cap(owner, actor="test") == 2
    assert tell_in_cap(owner, actor="test") == 0
    ((number,),) = rows(owner, f"SELECT warning_id FROM warning WHERE township_code = '{town.OURS}'")
    first = next(one for one in listed(site, "city") if f"{number:05d}" in one)
    content, alert = read(site, first)
    assert capvalidator.check_schema(content).passed
    assert (alert.msg_type, alert.scope, alert.status) == ("Alert", "Restricted", "Actual")
    assert [info.language for info in alert.infos] == ["zh-CN", "en-US"]
    (area,) = alert.infos[0].areas
    assert area.geocodes == (("行政区划代码", town.scope(town.OURS)["grid_code"]),)
    assert (area.rings[0][0], alert.infos[0].severity) == (area.rings[0][-1], "Severe")
    assert alert.infos[0].description.startswith("【督办提醒·内部】沅江市应急管理局")
    told_again(owner, number)
    assert tell_in_cap(owner, actor="test") == 1
    take_step(owner, owner, Identity("乙", "city"), number, "sign")
    for action, note in (("sign", ""), ("handle", ""), ("report", "已整改"), ("lift", "复查合格")):
        take_step(owner, owner, CITY, number, action, note)
    assert tell_in_cap(owner, actor="test") == 1
    assert tell_in_cap(owner, actor="test") == 0
    ours = [one for one in listed(site, "city") if f"{number:05d}" in one]
    assert [one.rpartition(".")[2] for one in ours] == ["3", "2", "1"]
    (update, cancel) = (read(site, one)[1] for one in (ours[1], ours[0]))
    assert (update.msg_type, update.infos[0].severity) == ("Update", "Extreme")
    assert [one.identifier for one in cancel.references] == [first, ours[1]]
    assert (cancel.msg_type, cancel.infos[0].urgency) == ("Cancel", "Past")
    assert all(capvalidator.check_schema(read(site, one)[0]).passed for one in ours)
    assert read(site, first)[0] == content


def test_a_drill_is_an_exercise(site: Served, owner: Engine) -> None:
    with writing(owner) as connection:
        connection.exec_driver_sql(f"UPDATE warning SET drill = true WHERE township_code = '{town.THEIRS}'")
    ((number,),) = rows(owner, "SELECT warning_id FROM warning WHERE drill")
    tell_in_cap(owner, actor="test")
    told_again(owner, number)
    assert tell_in_cap(owner, actor="test") == 1
    newest = next(one for one in listed(site, "city") if f"{number:05d}" in one)
    content, alert = read(site, newest)
    assert capvalidator.check_schema(content).passed
    assert (alert.status, alert.scope, "演练" in alert.note) == ("Exercise", "Restricted", True)
    assert alert.infos[0].description.startswith("【演练】")


def test_who_may_not_see_the_warning_sees_no_message(site: Served, owner: Engine) -> None:
    tell_in_cap(owner, actor="test")
    everything = listed(site, "city")
    theirs = rows(owner, f"SELECT identifier FROM cap_message WHERE township_code = '{town.THEIRS}'")
    for role in ("township", "village", "grid", "enterprise", "committee"):
        assert set(listed(site, role)) == set(everything) - {one for (one,) in theirs}
        assert site.program(role).get(f"/cap/{theirs[0][0]}.xml").status_code == 404
