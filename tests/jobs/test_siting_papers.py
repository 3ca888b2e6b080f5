"""An opinion on a proposed site is filed once: the same number gives the same data part whatever the city does later."""

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from jobs.risk import assess
from jobs.siting import verdict_on
from jobs.siting_effects import effects_of
from jobs.siting_papers import file_paper
from layers.audit import verify
from layers.database import CITY, Identity, nameless, reading, writing
from layers.history import CLOCK
from layers.siting_papers import notices, paper_named, papers
from riskmap.errors import BadInput, Forbidden, NotFound, Refused
from tests.siting_city import box, put

PLANNER = Identity("planner", "planner")
LPG = [{"substance": "丙烷", "quantity_t": 40}]
PAPER = {"applicant": "示例燃气公司", "project_code": "2026-430981-01", "note": "两台卧罐"}
GIVEN = {
    "kind": "lpg_store",
    "name": "示例储配站",
    "geometry": box(-1050, 1150, -950, 1250),
    "inventory": LPG,
}
NOW = datetime.now(CLOCK).replace(microsecond=0)


@pytest.fixture(scope="module")
def filed(metre_city: Engine) -> dict[str, Any]:
    return file_paper(metre_city, PLANNER, {**GIVEN, "paper": PAPER}, at=NOW)


@pytest.fixture
def kept(metre_reader: Engine, filed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with reading(metre_reader, CITY) as connection:
        yield paper_named(connection, filed["archive_number"])


def test_a_paper_has_a_number_a_hash_and_an_end(filed: dict[str, Any], kept: dict[str, Any]) -> None:
    assert filed["archive_number"] == f"430981-{NOW.year}-0001"
    assert sha256(kept["data"].encode()).hexdigest() == kept["sha256"] == filed["paper"]["sha256"]
    assert kept["valid_until"] == NOW.date().replace(year=NOW.year + 1)
    assert (kept["version"], kept["replaces"], kept["made_by"]) == (1, None, "planner")
    assert (kept["applicant"], kept["project_code"]) == ("示例燃气公司", "2026-430981-01")


def test_the_same_number_is_the_same_paper_and_a_changed_design_another(
    metre_city: Engine, metre_reader: Engine, filed: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Every number is the interface's own; later edits change verdicts and no paper; a new design cites the old one."""
    data = json.loads(kept["data"])
    told = verdict_on(metre_reader, CITY, GIVEN)
    for name in ("verdict", "rules", "rules_total", "counts", "gaps", "site", "editions", "sensitivity"):
        assert data["verdict"][name] == json.loads(json.dumps(told[name])), name
    effects = effects_of(metre_city, CITY, GIVEN, at=NOW)
    for name in ("people_exposed", "areas", "zones", "result_hash", "proposal"):
        assert data["effects"][name] == json.loads(json.dumps(effects[name], default=float)), name
    assert data["verdict"]["archive_number"] == data["number"] == kept["number"]
    on_file = {one["object"]: one["on_file"] for one in data["water"]["items"]}
    assert (on_file["banks"], on_file["dyke"]) == (True, False)
    assert data["alternatives"]["items"][0]["binding"]["rule"] == "access"
    assert {"always", "not_in_principle", "people"} <= {one["on"] for one in data["conditions"]}
    short = {one["rule"]: one["lacking"] for one in data["turning"]}
    broken = next(row for row in told["rules"] if row["margin"] is not None and row["margin"] < 0)
    assert short[broken["rule"]] == -broken["margin"]

    put(metre_city, "target", "T-new", "POINT(-1000 1300)", name="新校", target_class="high_sensitive")
    assess(metre_city, actor="test")
    assert verdict_on(metre_reader, CITY, GIVEN)["rules"] != told["rules"]
    smaller = {**GIVEN, "inventory": [{"substance": "丙烷", "quantity_t": 4}]}
    second = file_paper(metre_city, PLANNER, {**smaller, "paper": PAPER})
    assert (second["paper"]["replaces"], second["paper"]["version"]) == (filed["archive_number"], 2)
    with reading(metre_reader, CITY) as connection:
        now = paper_named(connection, kept["number"])
        newer = json.loads(paper_named(connection, second["archive_number"])["data"])
        rows, total = papers(connection, limit=1)
    assert (now["data"], now["replaced_by"]) == (kept["data"], second["archive_number"])
    assert [one["code"] for one in newer["map"]["marked"]] == ["T-new"]
    assert (rows[0]["number"], total) == (second["archive_number"], 2)
    with pytest.raises(Refused, match=second["archive_number"]):
        file_paper(metre_city, PLANNER, {**GIVEN, "paper": {"replaces": filed["archive_number"]}})
    with pytest.raises(NotFound):
        file_paper(metre_city, PLANNER, {**GIVEN, "paper": {"replaces": "430981-2020-0001"}})


def test_nobody_changes_or_removes_a_paper(metre_city: Engine, filed: dict[str, Any]) -> None:
    changes = ("UPDATE {} SET verdict = 'admissible'", "DELETE FROM {}", "TRUNCATE {}")
    for table in ("siting_paper", "siting_notice"):
        for change in changes:
            with pytest.raises(DatabaseError, match="filed paper"), writing(metre_city) as connection:
                connection.execute(text(change.format(table)))
    with writing(metre_city) as connection:
        reason = connection.execute(text("SELECT reason FROM revision WHERE job = 'siting' ORDER BY rev"))
        assert filed["paper"]["sha256"] in str(reason.scalars().first())
        assert verify(connection) == []


@pytest.mark.parametrize("identity", [Identity("a", "auditor"), Identity("t", "township", "430981100")])
def test_only_those_who_may_file(metre_city: Engine, identity: Identity) -> None:
    with pytest.raises(Forbidden):
        file_paper(metre_city, identity, GIVEN)


@pytest.mark.parametrize(
    "asked",
    [["x"], {"applicant": 3}, {"price": "1"}, {"replaces": "12"}, {"note": "a\0b"}, {"note": "x" * 3000}],
)
def test_what_is_asked_wrongly_is_told(metre_city: Engine, asked: Any) -> None:
    with pytest.raises(BadInput, match="paper"):
        file_paper(metre_city, PLANNER, {**GIVEN, "paper": asked})


def test_what_is_public_names_no_applicant_and_no_position(
    metre_reader: Engine, filed: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Everyone signed in reads it; papers themselves only those who see the whole city."""
    with reading(metre_reader, Identity("t", "township", "430981100")) as connection:
        (*_, first), _ = notices(connection, limit=10)
    assert (first["number"], first["verdict"]) == (filed["archive_number"], filed["verdict"])
    told = json.dumps(first, default=str, ensure_ascii=False)
    site = json.loads(kept["data"])["verdict"]["site"]
    for private in (PAPER["applicant"], PAPER["project_code"], str(site["lon"]), "planner"):
        assert private not in told
    with nameless(metre_reader) as connection:  # nobody signed in: the database itself gives no row
        assert notices(connection, limit=10) == ([], 0)
        assert papers(connection, limit=10) == ([], 0)
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        reading(metre_reader, Identity("t", "township", "430981100")) as connection,
    ):
        papers(connection, limit=1)
