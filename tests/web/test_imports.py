"""Importing with a look first, by the interface: preview, other options, confirmation, undo; and who may not."""

import io
import os
import stat
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from jobs.imports import import_file
from jobs.previews import forget_old_uploads
from layers.database import owner_engine
from tests.served import Browser, Served

API = "/api/v1/imports"
HEADER = "编号,统一社会信用代码,企业名称,lon,lat"
GOOD = "1,N1,新厂,112.31,28.81\n2,ours-firm,改名厂,112.31,28.81"


class Importer:
    """A city user's browser that uploads files."""

    def __init__(self, site: Served, name: str = "city") -> None:
        self.person = site.browser(name)
        self.headers = {"accept": "application/json", "x-csrf-token": self.person.csrf}

    def post(self, address: str, **more: Any) -> httpx.Response:
        return self.person.client.post(f"{API}{address}", headers=self.headers, **more)

    def get(self, address: str) -> httpx.Response:
        return self.person.client.get(f"{API}{address}", headers=self.headers)

    def settled(self, told: dict[str, Any]) -> dict[str, Any]:
        """The preview once nothing is being done with it: each answer waits for news."""
        while told["state"] in ("checking", "importing"):
            told = self.get(f"/preview/{told['token']}?after={told['step']}").json()
        return told

    def preview(self, content: str | bytes, name: str = "企业.csv", **options: str) -> dict[str, Any]:
        answer = self.post("/preview", files={"file": (name, content)}, data=options)
        assert answer.status_code == 202, answer.text
        return self.settled(answer.json())

    def again(self, told: dict[str, Any], **options: Any) -> dict[str, Any]:
        answer = self.post(f"/preview/{told['token']}", json=options)
        assert answer.status_code == 202, answer.text
        return self.settled(answer.json())

    def confirm(self, told: dict[str, Any], *, partial: bool = False) -> dict[str, Any]:
        answer = self.post(f"/preview/{told['token']}/confirm", json={"partial": partial})
        assert answer.status_code == 202, answer.text
        return self.settled(answer.json())


@pytest.fixture
def city(own_site: Served) -> Importer:
    return Importer(own_site)


def names(site: Served) -> dict[str, str]:
    found = site.program("city").get("/api/v1/enterprises").json()["items"]
    return {one["code"]: one["name"] for one in found}


def test_a_preview_shows_and_writes_nothing(own_site: Served, city: Importer) -> None:
    before = names(own_site)
    told = city.preview(f"{HEADER}\n{GOOD}\n3,N2,坏厂,x,28.8\n")
    report = told["report"]
    assert (told["state"], told["options"]["layer"]) == ("ready", "enterprises")
    assert [report[name] for name in ("rows_read", "inserted", "updated", "unchanged", "rejected_count")] == [
        3,
        1,
        1,
        0,
        1,
    ]
    assert report["rejected"][0]["row"] == 4
    assert report["columns"]["code"] == "统一社会信用代码"
    assert [(one["header"], one["field"]) for one in told["headers"]][:2] == [
        ("编号", None),
        ("统一社会信用代码", "code"),
    ]
    assert told["headers"][2]["samples"] == ["新厂", "改名厂", "坏厂"]
    (change,) = told["changes"]
    assert {"field": "name", "old": "ours firm", "new": "改名厂"} in change["fields"]
    assert {(one["row"], one["state"]) for one in told["points"]} == {(2, "new"), (3, "changed")}
    assert names(own_site) == before


def test_confirming_imports_what_was_shown_and_undo_takes_it_back(own_site: Served, city: Importer) -> None:
    before = names(own_site)
    told = city.confirm(city.preview(f"{HEADER}\n{GOOD}\n"))
    assert (told["state"], told["report"]["inserted"], told["report"]["updated"]) == ("done", 1, 1)
    rev = told["report"]["rev"]
    assert names(own_site) == before | {"N1": "新厂", "ours-firm": "改名厂"}
    latest = city.get("").json()["items"][0]
    assert (latest["rev"], latest["actor"], latest["reason"], latest["undone_by"]) == (
        rev,
        "city",
        "企业：企业.csv",
        None,
    )
    assert city.post(f"/{rev}/undo?dry_run=true").json()["rev"] is None
    back = city.post(f"/{rev}/undo").json()
    assert names(own_site) == before
    listed = {one["rev"]: one for one in city.get("?limit=2").json()["items"]}
    assert listed[rev]["undone_by"] == back["rev"]
    again = city.post(f"/{rev}/undo")
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    twice = city.post(f"/preview/{told['token']}/confirm", json={})
    assert (twice.status_code, twice.json()["detail"]) == (409, "这个文件已经导入")


def test_records_in_the_way_of_an_undo_are_listed(city: Importer) -> None:
    first = city.confirm(city.preview(f"{HEADER}\n1,N1,新厂,112.31,28.81\n"))["report"]["rev"]
    later = city.confirm(city.preview(f"{HEADER}\n1,N1,又新厂,112.31,28.81\n"))["report"]["rev"]
    answer = city.post(f"/{first}/undo")
    assert answer.status_code == 409
    (conflict,) = answer.json()["conflicts"]
    assert (conflict["layer"], conflict["code"], conflict["why"], conflict["rev"]) == (
        "enterprises",
        "N1",
        "changed",
        later,
    )


def test_rows_with_faults_are_left_out_only_where_asked(own_site: Served, city: Importer) -> None:
    told = city.preview(f"{HEADER}\n{GOOD}\n3,N2,坏厂,x,28.8\n")
    whole = city.confirm(told)
    assert (whole["state"], whole["problem"]["code"]) == ("failed", "refused")
    assert "N1" not in names(own_site)
    part = city.confirm(city.again(told), partial=True)
    assert (part["state"], part["report"]["inserted"], part["report"]["rejected_count"]) == ("done", 1, 1)


def test_the_rejected_rows_come_as_a_workbook(own_site: Served, city: Importer) -> None:
    told = city.preview(f"{HEADER}\n1,N1,=1+1,x,28.8\n")
    answer = city.get(f"/preview/{told['token']}/rejected.xlsx")
    assert answer.headers["content-disposition"].startswith("attachment")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert [cell.value for cell in sheet[2]][:5] == ["1", "N1", "=1+1", "x", "28.8"]
    assert sheet["C2"].data_type == "s"
    sheet["D2"] = "112.31"
    corrected = io.BytesIO()
    sheet.parent.save(corrected)
    done = city.confirm(city.preview(corrected.getvalue(), "改正.xlsx", layer="enterprises"))
    assert (done["state"], done["report"]["inserted"]) == ("done", 1)
    good = city.preview(f"{HEADER}\n{GOOD}\n")
    assert city.get(f"/preview/{good['token']}/rejected.xlsx").status_code == 404


def test_columns_can_be_matched_by_hand(city: Importer) -> None:
    content = "代号,厂名,X,Y,名称\nN1,新厂,112.31,28.81,别名\n"
    told = city.preview(content, "表.csv", layer="enterprises")
    assert (told["state"], told["report"]) == ("failed", None)
    assert "必填列" in told["problem"]["detail"]
    assert [one["header"] for one in told["headers"]] == ["代号", "厂名", "X", "Y", "名称"]
    chosen = {"代号": "code", "厂名": "name", "X": "lon", "Y": "lat", "名称": ""}
    told = city.again(told, layer="enterprises", columns=chosen)
    assert (told["state"], told["report"]["inserted"]) == ("ready", 1)
    assert told["report"]["columns"]["name"] == "厂名"
    twice = city.again(told, layer="enterprises", columns=chosen | {"名称": "name"})
    assert (twice["state"], twice["problem"]["detail"]) == ("failed", "有两列对应到同一个字段")


def test_a_question_is_asked_and_answered(own_site: Served, city: Importer) -> None:
    told = city.preview(f"{HEADER}\n1,N1,新厂,28.81,112.31\n")
    (question,) = told["report"]["questions"]
    assert (question["kind"], question["rows"], question["share"]) == ("swapped", 1, 1.0)
    assert ("question", 112.31, 28.81) in {(one["state"], one["lon"], one["lat"]) for one in told["points"]}
    told = city.again(told, columns={"lon": "lat", "lat": "lon"})
    assert (told["report"]["questions"], told["report"]["inserted"]) == ([], 1)
    told = city.again(told, crs="gcj02", columns={"lon": "lat", "lat": "lon"})
    assert told["report"]["inserted"] == 1
    city.confirm(told)
    found = own_site.program("city").get("/api/v1/enterprises/N1").json()["geometry"]["coordinates"]
    assert found[0] == pytest.approx(112.31 - 0.0055, abs=0.002)
    assert found[0] != 112.31


def test_a_change_of_the_data_in_between_is_told(own_site: Served, city: Importer, tmp_path: Path) -> None:
    told = city.preview(f"{HEADER}\n{GOOD}\n")
    path = tmp_path / "enterprises.csv"
    path.write_text(f"{HEADER}\n1,N1,先到厂,112.31,28.81\n", "utf-8")
    owner = owner_engine(own_site.dsn)
    import_file(owner, "enterprises", path)
    owner.dispose()
    late = city.confirm(told)
    assert (late["state"], late["problem"]["promised"]["inserted"], late["problem"]["now"]["inserted"]) == (
        "failed",
        1,
        0,
    )
    assert names(own_site)["N1"] == "先到厂"
    assert city.post(f"/preview/{told['token']}/confirm", json={}).status_code == 409
    assert city.confirm(city.again(told))["state"] == "done"


def test_the_bytes_are_those_that_were_shown(own_site: Served, city: Importer) -> None:
    told = city.preview(f"{HEADER}\n{GOOD}\n")
    (path,) = (own_site.app.state.settings.home / "uploads" / told["token"]).glob("*.csv")
    path.write_text(path.read_text("utf-8").replace("新厂", "假厂"), "utf-8")
    assert city.confirm(told)["state"] == "failed"
    assert "N1" not in names(own_site)


def test_sheets_are_listed_and_chosen(city: Importer) -> None:
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["随便", "写"])
    book.active.append(["a", "b"])
    sheet = book.create_sheet("企业 & 厂")
    for line in f"{HEADER}\n{GOOD}".splitlines():
        sheet.append(line.split(","))
    book.create_sheet("藏").sheet_state = "hidden"
    content = io.BytesIO()
    book.save(content)
    told = city.preview(content.getvalue(), "表.xlsx")
    assert told["sheets"] == ["说明", "企业 & 厂"]
    assert told["problem"]["detail"] == "看不出这个文件是哪个图层的"
    told = city.again(told, sheet="企业 & 厂")
    assert (told["state"], told["report"]["inserted"]) == ("ready", 1)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("空.csv", b"", "是空文件"),
        ("表.doc", b"x", "不支持的文件类型"),
        ("表.xlsx", b"PK\x03\x04nothing", "不是有效的"),
        ("表.csv", b"code,code\n1,2\n", "表头重复"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(city: Importer, name: str, content: bytes, said: str) -> None:
    told = city.preview(content, name)
    assert told["state"] == "failed"
    assert said in told["problem"]["detail"]
    assert told["problem"]["remedy"]
    assert city.post(f"/preview/{told['token']}/confirm", json={}).status_code == 409


def test_only_importers_and_only_their_own(own_site: Served, city: Importer) -> None:
    told = city.preview(f"{HEADER}\n{GOOD}\n")
    other = Importer(own_site, "admin")
    for answer in (
        other.get(f"/preview/{told['token']}"),
        other.post(f"/preview/{told['token']}/confirm", json={}),
        city.get("/preview/..%2F..%2Fsecret"),
    ):
        assert answer.status_code == 404
    for name in ("planner", "auditor", "township", "village", "grid", "enterprise", "committee"):
        nobody = Importer(own_site, name)
        assert nobody.post("/preview", files={"file": ("a.csv", "x")}).status_code == 403
        assert nobody.get("").status_code == 403
        assert nobody.post("/1/undo").status_code == 403
        assert nobody.person.client.get("/imports").status_code == 403
        assert "/imports" not in nobody.person.client.get("/sources").text
    assert 'href="/imports"' in city.person.client.get("/sources").text
    assert own_site.client().get("/imports").status_code == 303
    bare = city.person.client.post(
        f"{API}/preview", files={"file": ("a.csv", "x")}, headers={"accept": "application/json"}
    )
    assert bare.status_code == 403


def test_uploads_lie_closed_and_go_after_a_day(own_site: Served, city: Importer) -> None:
    home: Path = own_site.app.state.settings.home
    told = city.preview(f"{HEADER}\n{GOOD}\n", "../../etc/企业.csv")
    folder = home / "uploads" / told["token"]
    assert [path.name for path in folder.iterdir()] == ["企业.csv"]
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert forget_old_uploads(home) == 0
    os.utime(folder, (0, 0))
    fresh = city.preview(f"{HEADER}\n{GOOD}\n")
    assert [path.name for path in (home / "uploads").iterdir()] == [fresh["token"]]
    assert city.get(f"/preview/{told['token']}").status_code == 404


def test_at_most_so_many_files_are_kept(
    own_site: Served, city: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.previews.MOST_FILES", 2)
    tokens = [city.preview(f"{HEADER}\n{GOOD}\n")["token"] for _ in range(3)]
    assert [city.get(f"/preview/{token}").status_code for token in tokens] == [404, 200, 200]


def test_a_program_previews_and_confirms(own_site: Served) -> None:
    program = own_site.program("city")
    told = program.post(f"{API}/preview", files={"file": ("e.csv", f"{HEADER}\n{GOOD}\n")}).json()
    while told["state"] == "checking":
        told = program.get(f"{API}/preview/{told['token']}", params={"after": told["step"]}).json()
    assert told["report"]["inserted"] == 1


def test_the_page_speaks_both_languages(own_site: Served) -> None:
    browser: Browser = own_site.browser("city")
    assert "导入数据" in browser.client.get("/imports").text
    assert "Import data" in browser.client.get("/imports?lang=en").text
