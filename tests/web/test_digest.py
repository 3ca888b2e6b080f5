"""The digest's page: each township's leader has their own day, the city chooses one, nobody else has any."""

import pytest
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from tests import town
from tests.served import Served


@pytest.fixture(scope="module", autouse=True)
def owner(site: Served) -> Engine:
    """Each township has an overdue danger that was warned of."""
    run_alerts(site.owner, actor="test")
    return site.owner


def test_a_leader_reads_the_own_day_and_no_other(site: Served) -> None:
    leader = site.browser("township").client
    for address in ("/digest", f"/digest?township={town.THEIRS}"):
        page = leader.get(address).text
        assert "逾期提示：ours danger" in page
        assert "theirs" not in page
    assert "新增提示 1 条" in leader.get("/phone").text
    assert "Daily changes" in leader.get("/digest?lang=en").text


def test_the_city_chooses_a_township_and_others_have_none(site: Served) -> None:
    desk = site.browser("city").client
    assert "逾期提示：theirs danger" in desk.get(f"/digest?township={town.THEIRS}").text
    assert "逾期提示：ours danger" in desk.get("/digest?township=nowhere").text
    for role in ("village", "grid", "enterprise", "committee"):
        assert site.browser(role).client.get("/digest").status_code == 403
        assert "/digest" not in site.browser(role).client.get("/phone").text
