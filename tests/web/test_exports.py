"""Downloads and the export command: the caller's rows and no other's, recorded, under a name a person understands."""

import csv
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import openpyxl
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

import web.exports
from layers.database import owner_engine, snapshot
from layers.fields import LAYERS
from riskmap.settings import Settings
from tests import town
from tests.served import Served
from web.commands import app

LIMITED = ("township", "village", "grid", "enterprise", "committee")


def file_name(answer: httpx.Response) -> str:
    """The name that browsers take: the one in UTF-8, before the plain one."""
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    return unquote(disposition.split("filename*=UTF-8''")[1])


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def audit(site: Served) -> list[tuple[str, str]]:
    owner = owner_engine(site.dsn)
    with snapshot(owner) as connection:
        query = text("SELECT actor, reason FROM revision WHERE job = 'export' ORDER BY rev")
        found = [(row.actor, row.reason) for row in connection.execute(query)]
    owner.dispose()
    return found


@pytest.mark.parametrize("role", LIMITED)
def test_an_export_holds_the_own_rows_only(site: Served, role: str) -> None:
    for layer in LAYERS:
        for kind in ("csv", "geojson"):
            answer = site.program(role).get(f"/api/v1/exports/{layer}", params={"format": kind})
            assert answer.status_code == 200, (layer, kind, answer.text)
            if layer != "areas":  # names and polygons of areas are for everyone signed in
                assert "theirs" not in answer.text, (layer, kind)
    assert "ours-tank" in site.program(role).get("/api/v1/exports/sources?format=csv").text
    both = site.program("city").get("/api/v1/exports/sources?format=csv").text
    assert "ours-tank" in both
    assert "theirs-tank" in both


def test_a_forged_scope_widens_nothing(site: Served) -> None:
    program = site.program("township")
    found = program.get("/api/v1/exports/sources", params={"format": "csv", "township": town.THEIRS})
    assert table(found) == []


def test_a_browser_saves_a_workbook_and_the_audit_knows(own_site: Served) -> None:
    browser = own_site.browser("township")
    answer = browser.client.get("/api/v1/exports/dangers", params={"grade": "major", "as_of": "2026-02-01"})
    assert answer.status_code == 200
    assert file_name(answer) == "隐患 2026-02-01.xlsx"
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert answer.headers["cache-control"] == "no-store"
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0].values)
    assert rows[0][0] == "隐患编号"
    assert audit(own_site) == [
        ("township", f"隐患 → xlsx，{len(rows) - 1} 行；as_of=2026-02-01，grade=major")
    ]
    english = browser.client.get("/api/v1/exports/dangers?lang=en&format=csv")
    assert file_name(english).startswith("Hidden dangers ")
    assert table(english)[0]["Danger code"] == "ours-danger"


def test_nothing_is_left_on_disk(site: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = site.program("city")
    for address in (
        "exports/sources",
        "exports/sources?format=gpkg",
        "templates/sources",
        "exports/sources?level=x",
    ):
        program.get(f"/api/v1/{address}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("exports/castles", 422),
        ("templates/castles", 422),
        ("exports/sources?format=pdf", 422),
        ("exports/targets?level=red", 422),
        ("exports/sources?level=purple", 422),
        ("exports/sources?as_of=soon", 422),
        ("exports/sources?crs=EPSG:1", 422),
        ("exports/sources?township=1", 404),
        ("exports/sources?text=%00", 422),
    ],
)
def test_what_cannot_be_exported_is_told(site: Served, address: str, status: int) -> None:
    answer = site.program("city").get(f"/api/v1/{address}")
    assert answer.status_code in {status, 400}
    assert set(answer.json()) >= {"type", "title", "status", "detail", "remedy"}


def test_another_sites_page_starts_no_export(own_site: Served) -> None:
    browser = own_site.browser("city")
    answer = browser.client.get("/api/v1/exports/sources", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert audit(own_site) == []


def test_too_many_rows_and_too_many_at_once_are_refused(
    site: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = site.program("city")
    monkeypatch.setattr(web.exports, "_MOST_ROWS", 1)
    assert program.get("/api/v1/exports/sources").status_code == 413
    monkeypatch.setattr(web.exports, "_PATIENCE_S", 0.01)
    with web.exports._AT_ONCE, web.exports._AT_ONCE:
        assert program.get("/api/v1/exports/sources").status_code == 503
    monkeypatch.setattr(web.exports, "_MOST_ROWS", 10)
    assert program.get("/api/v1/exports/sources").status_code == 200


def test_a_template_is_for_whoever_is_signed_in(site: Served) -> None:
    answer = site.program("enterprise").get("/api/v1/templates/inventory?lang=en")
    assert file_name(answer) == "Inventory template.xlsx"
    assert openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]["A1"].value == "Source code*"
    assert site.client(accept="application/json").get("/api/v1/templates/inventory").status_code == 401


# --- links ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "layer", "kept"),
    [
        (
            "/sources?base_level=red&kind=ferry&text=%26a",
            "sources",
            {"base_level": "red", "kind": "ferry", "text": "&a"},
        ),
        (f"/sources?what=enterprise&township={town.OURS}", "enterprises", {"township": town.OURS}),
        ("/dangers?state=all&grade=major", "dangers", {"grade": "major"}),
        ("/dangers", "dangers", {"state": "open"}),
        (f"/duty?township={town.OURS}", "duty", {"township": town.OURS}),
        (f"/targets?township={town.OURS}", "targets", {"township": town.OURS}),
        ("/zones/external", "zones_external", {}),
        ("/events", "events", {}),
    ],
)
def test_a_page_links_to_the_workbook_of_its_own_rows(
    site: Served, page: str, layer: str, kept: dict[str, str]
) -> None:
    client = site.browser("city").client
    shown = client.get(page).text
    link = shown.split('class="export" href="')[1].split('"')[0].replace("&amp;", "&")
    parts = urlsplit(link)
    assert parts.path == f"/api/v1/exports/{layer}"
    assert {name: values[0] for name, values in parse_qs(parts.query).items()} == {"format": "xlsx", **kept}
    assert client.get(link).status_code == 200


# --- the command ------------------------------------------------------------------------------------------------


@pytest.fixture
def run(database: str, tmp_path: Path) -> Callable[..., Result]:
    settings = Settings(database_url=database, home=tmp_path / "home")
    return lambda *words: CliRunner().invoke(app, list(words), obj=settings)


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_command_exports_what_was_imported(run: Callable[..., Result], tmp_path: Path) -> None:
    source, out = tmp_path / "s.csv", tmp_path / "out.xlsx"
    source.write_text("code,name,kind,lon,lat\nS1,甲,ferry,112.4,28.8\n", encoding="utf-8")
    assert run("import", "sources", str(source)).exit_code == 0
    told = document(run("export", "sources", str(out), "--crs", "gcj02", "--json"))
    assert told.pop("rev") > 0
    assert told == {
        "layer": "sources",
        "file": "out.xlsx",
        "format": "xlsx",
        "rows": 1,
        "as_of": None,
        "filters": {},
        "crs": "gcj02",
    }
    assert document(run("import", "sources", str(out), "--crs", "gcj02", "--json"))["unchanged"] == 1
    told = document(run("export", "sources", str(tmp_path / "o.csv"), "--as-of", "2020-01-31", "--json"))
    assert (told["rows"], told["as_of"]) == (0, "2020-01-31")
    assert "1 行已写入" in run("export", "sources", str(tmp_path / "o.gpkg")).stdout


def test_the_command_writes_a_template(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    assert document(run("export", "--template", "sources", str(path), "--lang", "en", "--json"))["template"]
    assert openpyxl.load_workbook(path).worksheets[0]["A1"].value == "Source code*"
    assert "模板已写入" in run("export", "--template", "sources", str(path)).stdout
    assert run("export", "--template", "sources", str(path), "--level", "red").exit_code == 2
    assert run("export", "sources", str(path), "--lang", "fr").exit_code == 2
    assert run("export", "castles", str(path)).exit_code == 1
    assert run("export", "sources", str(tmp_path / "no" / "t.xlsx")).exit_code == 1


def test_layers_are_told_by_one_name(site: Served) -> None:
    """The OpenAPI document knows both addresses and what comes back."""
    paths = site.client().get("/api/v1/openapi.json").json()["paths"]
    answer = paths["/api/v1/exports/{layer}"]["get"]["responses"]["200"]["content"]
    assert {"application/geo+json", "text/csv"} <= set(answer)
    assert "/api/v1/templates/{layer}" in paths
