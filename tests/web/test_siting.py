"""A proposal judged by program and by command: the contract's answer, problems with a remedy, each role's own rows."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from riskmap.settings import Settings
from tests.served import Served
from web.commands import app

API = "/api/v1/siting"
HERE = {"type": "Point", "coordinates": [112.36, 28.85]}
SCHOOL = {"kind": "school", "geometry": HERE, "people": 400}
SQUARE = [[112.36, 28.85], [112.361, 28.851], [112.361, 28.85], [112.36, 28.851], [112.36, 28.85]]
CONTRACT = {"rule", "clause", "basis", "measured", "limit", "margin", "object", "outcome"}


def test_a_program_is_answered_by_the_contract(demo_site: Served) -> None:
    answer = demo_site.program("planner").post(API, json=SCHOOL)
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() >= {"verdict", "rules", "editions", "archive_number"}
    assert told["verdict"] in {"veto", "not_in_principle", "study_required", "admissible"}
    assert all(row.keys() >= CONTRACT for row in told["rules"])
    assert told["editions"]["siting"] == "siting_2026_1"
    english = demo_site.program("planner").post(f"{API}?lang=en", json=SCHOOL).json()
    assert english["verdict_text"].isascii()
    assert all(row["why"].isascii() for row in english["rules"])


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ("{", 422, "JSON"),
        ("[1]", 422, "JSON"),
        ("[" * 100_000, 422, "JSON"),
        ('{"kind": "school"}', 422, "geometry"),
        ('{"kind": "castle", "geometry": null}', 422, "kind"),
        (
            json.dumps({**SCHOOL, "geometry": {"type": "Point", "coordinates": [112.36, float("nan")]}}),
            422,
            "经纬度",
        ),
        (json.dumps({**SCHOOL, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}), 422, "自相交"),
        (
            json.dumps({**SCHOOL, "geometry": {"type": "LineString", "coordinates": SQUARE * 2001}}),
            413,
            "10,000",
        ),
        (json.dumps({**SCHOOL, "name": "x" * 3_000_000}), 413, ""),
        (
            json.dumps({**SCHOOL, "geometry": {"type": "Point", "coordinates": [100.0, 28.0]}}),
            422,
            "拟建用地",
        ),
    ],
    ids=["cut", "list", "deep", "nowhere", "kind", "nan", "bow", "vertices", "body", "outside"],
)
def test_what_is_no_proposal_is_a_problem_with_a_remedy(
    demo_site: Served, body: str, status: int, named: str
) -> None:
    program = demo_site.program("city")
    answer = program.post(API, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_effects_are_told_to_those_who_see_the_city(demo_site: Served) -> None:
    store = {"kind": "lpg_store", "geometry": HERE, "inventory": [{"substance": "丙烷", "quantity_t": 200}]}
    told = demo_site.program("city").post(f"{API}?effects=true", json=store).json()
    assert told["effects"]["people_exposed"] > 0
    assert {"grid", "village"} <= {one["kind"] for one in told["effects"]["areas"]}
    assert told["effects"]["proposal"]["score"] > 0
    assert demo_site.program("township").post(f"{API}?effects=true", json=store).status_code == 403


def test_nobody_unknown_is_answered(demo_site: Served) -> None:
    assert demo_site.client(accept="application/json").post(API, json=SCHOOL).status_code == 401
    assert (
        demo_site.browser("city").client.post(API, json=SCHOOL).status_code == 403
    )  # without the page's token


@pytest.mark.parametrize("role", ["township", "enterprise", "committee"])
def test_a_limited_reader_is_told_of_own_records_only(demo_site: Served, role: str) -> None:
    program = demo_site.program(role)
    own = {
        one["code"]
        for kind in ("sources", "targets")
        for one in program.get(f"/api/v1/{kind}?limit=1000&geometry=false").json()["items"]
    }
    for kind in ("school", "filling_station"):
        told = program.post(API, json={**SCHOOL, "kind": kind}).json()
        named = {
            row["object"]["code"]
            for row in told["rules"]
            if (row["object"] or {}).get("layer") in {"source", "target"}
        }
        assert named <= own
        assert told["complete"] is False
        assert told["verdict"] != "admissible"


def test_the_command_tells_the_same(demo_site: Served, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(app, list(words), obj=Settings(database_url=demo_site.dsn, home=tmp_path))

    file = tmp_path / "school.json"
    file.write_text(json.dumps(SCHOOL), "utf-8")
    result = run("siting", str(file), "--json")
    assert result.exit_code == 0, result.output
    told, answer = json.loads(result.stdout), demo_site.program("city").post(API, json=SCHOOL).json()
    for one in (told, answer):
        del one["duration_s"], one["data"]
    assert told == answer
    shown = "".join(run("siting", str(file), "--effects").stdout.split())
    for word in ("结论：", "依据铁路安全管理条例第二十七条", "满足的规则", "供会审使用", "新增暴露"):
        assert word in shown
    file.write_text('{"kind": "school"}', "utf-8")
    refused = run("siting", str(file))
    assert refused.exit_code == 1
    assert "geometry" in refused.exception.detail
    assert run("siting", str(tmp_path / "absent.json")).exit_code == 1


def test_a_program_searches_the_whole_city(demo_site: Served) -> None:
    answer = demo_site.program("planner").post(f"{API}/search?most=5", json={"kind": "school", "cell_m": 500})
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() >= {"cell_m", "cells", "admissible", "study_required", "refused"}
    assert told["cells"] == sum(told["counts"].values()) > 8000
    assert [one["rank"] for one in told["admissible"]] == [1, 2, 3, 4, 5]
    assert told["admissible"][0].keys() >= {"lon", "lat", "rank", "criteria"}
    wrong = demo_site.program("planner").post(f"{API}/search", json={"kind": "school", "cell_m": 1})
    assert (wrong.status_code, "cell_m" in wrong.json()["detail"]) == (422, True)


def test_the_search_as_a_command(demo_site: Served, tmp_path: Path) -> None:
    file = tmp_path / "school.json"
    file.write_text(json.dumps({"kind": "school", "cell_m": 1000}), "utf-8")
    settings = Settings(database_url=demo_site.dsn, home=tmp_path)

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["siting", *words], obj=settings)

    told = json.loads(run("search", str(file), "--json", "--most", "3").stdout)
    assert len(told["admissible"]) == 3
    shown = "".join(run("search", str(file)).stdout.split())
    for word in ("个单元", "未发现否决情形", "决定性规则", "供会审使用"):
        assert word in shown
    assert run("search", "twice", str(file)).exit_code == 2
