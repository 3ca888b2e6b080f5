"""Editions: drafts touch nothing, approval is for good and compared first, the program's example is refreshed."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobs.comparison import compare
from jobs.editions import approve, draft, withdraw
from jobs.imports import import_file
from jobs.risk import assess, is_stale
from jobs.setup import prepare_database
from layers.audit import revisions, verify
from layers.database import snapshot, writing
from layers.editions import edition_named, edition_on, filed, head_on, keep_edition
from layers.history import CLOCK, head_rev, moment, open_revision
from riskmap.edition_files import write_edition
from riskmap.editions import Edition
from riskmap.errors import BadInput, NotFound, Refused
from riskmap.settings import load_city
from tests.database import LONG_AGO
from tests.riskmap.standard import edited, edition

DEMO_DAY = datetime(2026, 6, 1, 12, tzinfo=CLOCK)
TODAY = datetime.now(CLOCK).date()
SOURCES = "code,name,kind,lon,lat\nF1,一号渡口,ferry,112.36,28.85\nB1,一号桥,bridge,112.5,28.9\n"


def changed(folder: Path, name: str, change: Callable[[dict[str, Any]], None], role: str = "risk") -> Path:
    """A draft's folder: the shipped edition with one table changed."""
    ours = replace(edited(role, change), name=name, title="试行版本")
    write_edition(ours, folder / name)
    return folder / name


def points_of(kind: str, points: str) -> Callable[[dict[str, Any]], None]:
    def change(table: dict[str, Any]) -> None:
        next(row for row in table["kinds"] if row["kind"] == kind)["points"] = points

    return change


@pytest.fixture
def ferry(owner: Engine, tmp_path: Path) -> Engine:
    """A city of a ferry and a bridge, with nobody near: their points are those of their kind."""
    file = tmp_path / "sources.csv"
    file.write_text(SOURCES, encoding="utf-8")
    import_file(owner, "sources", file)
    return owner


def now(owner: Engine, day: date = TODAY) -> Edition:
    with snapshot(owner) as connection:
        return edition_on(connection, day)


def score_of(owner: Engine, code: str) -> tuple[int, int]:
    with snapshot(owner) as connection:
        row = connection.execute(
            text("SELECT score, level FROM score WHERE code = :code"), {"code": code}
        ).one()
    return row.score // 1_000_000, row.level


def test_a_draft_changes_nothing_until_it_is_approved(ferry: Engine, tmp_path: Path) -> None:
    assess(ferry, actor="test")
    before = score_of(ferry, "F1")
    draft(ferry, changed(tmp_path, "2027-1", points_of("ferry", "45")), actor="anna")
    assert now(ferry).name == "2026-1"
    assert not is_stale(ferry)
    approve(
        ferry, "2027-1", by="市安全生产委员会", effective_from=TODAY, actor="anna", reason="沅安委〔2026〕1号"
    )
    assert is_stale(ferry), "a new edition wakes a run"
    assert assess(ferry, actor="test")["edition"] == "2027-1"
    assert not is_stale(ferry)
    assert score_of(ferry, "F1") == (45, 2) != before
    with snapshot(ferry) as connection:
        said = [(one["actor"], one["job"], one["reason"]) for one in revisions(connection, 10)]
        kept = next(one for one in filed(connection) if one.name == "2027-1")
        assert verify(connection) == []
    reasons = [reason for actor, job, reason in said if (actor, job) == ("anna", "edition")]
    assert len(reasons) == 2
    assert "市安全生产委员会" in reasons[0]
    assert "沅安委〔2026〕1号" in reasons[0]
    assert "1 个变色" in reasons[0]
    assert (kept.approved_by, kept.approved_on, kept.reason) == (
        "市安全生产委员会",
        TODAY,
        "沅安委〔2026〕1号",
    )
    assert kept.comparison is not None
    assert kept.comparison["kinds"]["source"]["changed"] == 1


def test_an_approved_edition_begins_on_its_day(ferry: Engine, tmp_path: Path) -> None:
    draft(ferry, changed(tmp_path, "later", points_of("ferry", "45")), actor="anna")
    begins = TODAY + timedelta(days=10)
    approve(ferry, "later", by="市政府", effective_from=begins, actor="anna")
    assert now(ferry).name == "2026-1"
    assert now(ferry, begins - timedelta(days=1)).name == "2026-1"
    assert now(ferry, begins).name == "later"


def test_what_is_approved_is_never_changed(ferry: Engine, tmp_path: Path) -> None:
    folder = changed(tmp_path, "2027-1", points_of("ferry", "45"))
    draft(ferry, folder, actor="anna")
    draft(ferry, folder, actor="anna")  # a draft may be replaced
    approve(ferry, "2027-1", by="市政府", effective_from=TODAY, actor="anna")
    stands = now(ferry)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: draft(ferry, folder, actor="eve"),
        lambda: approve(ferry, "2027-1", by="别的机关", effective_from=TODAY, actor="eve"),
        lambda: withdraw(ferry, "2027-1", actor="eve"),
        lambda: withdraw(ferry, "2026-1", actor="eve"),
        lambda: draft(ferry, folder, actor="eve", name="2026-1"),
    )
    for attempt in attempts:
        with pytest.raises(Refused):
            attempt()
    assert now(ferry) == stands
    with snapshot(ferry) as connection:
        assert {one["actor"] for one in revisions(connection)} == {"system", "anna", "cli"}


def test_a_withdrawn_draft_is_gone_and_remembered(ferry: Engine, tmp_path: Path) -> None:
    draft(ferry, changed(tmp_path, "trial", points_of("ferry", "45")), actor="anna")
    with snapshot(ferry) as connection:
        rev = head_rev(connection)
    withdraw(ferry, "trial", actor="anna", reason="不再需要")
    with snapshot(ferry) as connection:
        with pytest.raises(NotFound):
            edition_named(connection, "trial")
        assert edition_named(connection, "trial", rev).title == "试行版本"
    with pytest.raises(NotFound):
        approve(ferry, "trial", by="市政府", effective_from=TODAY, actor="anna")


def test_a_wrong_draft_is_refused_whole(owner: Engine, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="points"):
        draft(owner, changed(tmp_path, "bad", points_of("ferry", "-1")), actor="anna")
    with pytest.raises(BadInput, match="overdue"):
        wrong = changed(tmp_path, "worse", lambda table: table["dangers"].update(overdue=1), "dynamic")
        draft(owner, wrong, actor="anna")
    lacking = replace(edition(), name="less", tables={"risk": edition().tables["risk"]})
    write_edition(lacking, tmp_path / "less.json")
    with pytest.raises(BadInput, match="gb18218"):
        draft(owner, tmp_path / "less.json", actor="anna")
    outside = json.loads(edition().to_json()) | {"name": "../up"}
    (tmp_path / "up.json").write_text(json.dumps(outside), "utf-8")
    with pytest.raises(BadInput):
        draft(owner, tmp_path / "up.json", actor="anna")
    with snapshot(owner) as connection:
        assert [one.name for one in filed(connection)] == ["2026-1"]


def test_the_past_keeps_the_edition_approved_then(ferry: Engine, tmp_path: Path) -> None:
    """What is approved today for an earlier day does not rewrite what was computed before it was on file."""
    yesterday = TODAY - timedelta(days=1)
    assess(ferry, actor="test")
    with snapshot(ferry) as connection:
        then = moment(connection, datetime.now(CLOCK).isoformat())
    draft(ferry, changed(tmp_path, "back", points_of("ferry", "45")), actor="anna")
    approve(ferry, "back", by="市政府", effective_from=yesterday, actor="anna")
    with snapshot(ferry) as connection:
        assert head_on(connection, TODAY).name == "back"
        assert head_on(connection, TODAY, then).name == "2026-1"


def test_an_old_example_is_refreshed_and_an_approved_one_is_not(owner: Engine, database: str) -> None:
    old = edition()
    stale = replace(old, tables={role: t for role, t in old.tables.items() if role != "dynamic"})
    with writing(owner) as connection:
        keep_edition(connection, stale, open_revision(connection, "test", "t", None), shipped=True)
    assert prepare_database(database, load_city(), LONG_AGO)
    assert now(owner).hash == old.hash
    with snapshot(owner) as connection:
        assert "2026-1" in revisions(connection, 1)[0]["reason"]
    assert not prepare_database(database, load_city(), LONG_AGO)
    approved = replace(stale, approved_by="市政府", approved_on=TODAY)
    with writing(owner) as connection:
        keep_edition(connection, approved, open_revision(connection, "test", "t", None), shipped=True)
    assert not prepare_database(database, load_city(), LONG_AGO)
    assert now(owner).hash == approved.hash


def test_a_run_is_explained_by_the_content_it_used(owner: Engine) -> None:
    """An example that is refreshed under the same name stays readable as it was."""
    with snapshot(owner) as connection:
        rev = head_rev(connection)
    tables = copy.deepcopy(dict(edition().tables))
    tables["risk"]["lead"]["share_permille"] = 300
    with writing(owner) as connection:
        content = replace(edition(), tables=tables)
        keep_edition(connection, content, open_revision(connection, "test", "t", None), shipped=True)
    with snapshot(owner) as connection:
        assert edition_named(connection, "2026-1", rev).hash == edition().hash
        assert edition_named(connection, "2026-1").hash == content.hash


def test_comparing_says_what_turns_and_why(ferry: Engine, tmp_path: Path) -> None:
    """A ferry of 12 points at 45 turns from blue to orange, and its own points are the reason; the bridge stays."""
    draft(ferry, changed(tmp_path, "2027-1", points_of("ferry", "45")), actor="anna")
    with snapshot(ferry) as connection:
        rev = head_rev(connection)
    shipped = next(row for row in edition().table("risk")["kinds"] if row["kind"] == "ferry")["points"]
    found = compare(ferry, "2026-1", "2027-1")
    (ferry_told,) = found["changed"]
    assert {name: ferry_told[name] for name in ("kind", "code", "name", "old_level", "new_level")} == {
        "kind": "source",
        "code": "F1",
        "name": "一号渡口",
        "old_level": "blue",
        "new_level": "orange",
    }
    assert (ferry_told["old_score"], ferry_told["new_score"]) == (float(shipped), 45)
    assert ferry_told["largest"]["item"] == "kind_points"
    assert (ferry_told["largest"]["old"], ferry_told["largest"]["new"]) == (float(shipped), 45)
    blue_row, to_orange = 3, 1
    assert found["kinds"]["source"]["matrix"][blue_row][to_orange] == 1
    assert sum(map(sum, found["kinds"]["source"]["matrix"])) == found["kinds"]["source"]["total"] == 2
    (differs,) = found["differences"]
    assert differs == {
        "table": "risk", "part": "kinds", "row": "ferry", "field": "points", "old": shipped, "new": "45",
    }  # fmt: skip
    with snapshot(ferry) as connection:
        assert head_rev(connection) == rev, "a comparison writes nothing"
    with pytest.raises(NotFound):
        compare(ferry, "2026-1", "no-such")


def test_an_edition_compared_with_itself_changes_nothing(demo_owner: Engine) -> None:
    found = compare(demo_owner, "2026-1", "2026-1", at=DEMO_DAY)
    assert found["changed"] == found["differences"] == []
    for kind, counted in found["kinds"].items():
        assert counted["changed"] == 0, kind
        assert counted["total"] > 0


def test_on_the_demo_city_every_change_has_its_reason(demo_owner: Engine, tmp_path: Path) -> None:
    draft(
        demo_owner,
        changed(tmp_path, "half", lambda table: table["lead"].update(share_permille=600)),
        actor="t",
    )
    found = compare(demo_owner, "2026-1", "half", at=DEMO_DAY)
    kinds = {one["kind"] for one in found["changed"]}
    assert {"grid", "village"} <= kinds
    for one in found["changed"]:
        assert one["name"], one
        assert one["old_level"] != one["new_level"]
        rises = one["new_score"] - one["old_score"]
        assert rises > 0, "a larger share lowers nothing"
        assert one["largest"] is not None
        assert one["largest"]["old"] != one["largest"]["new"]
    for kind in found["kinds"]:
        assert found["kinds"][kind]["changed"] == sum(one["kind"] == kind for one in found["changed"])


def test_an_area_names_the_source_that_turns_it(owner: Engine, tmp_path: Path) -> None:
    """Two hundred people at a ferry, as many at a bridge, in one township: only the ferry's points differ."""
    ring = [[112.3, 28.8], [112.6, 28.8], [112.6, 29.0], [112.3, 29.0], [112.3, 28.8]]
    area = {
        "type": "Feature",
        "properties": {"code": "430981006", "name": "琼湖街道", "level": "township"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    people = "code,people,lon,lat\nP1,900,112.36,28.85\nP2,900,112.5,28.9\n"
    for name, content in (
        ("areas.geojson", json.dumps({"type": "FeatureCollection", "features": [area]})),
        ("population.csv", people),
        ("sources.csv", SOURCES),
    ):
        (tmp_path / name).write_text(content, "utf-8")
        import_file(owner, name.partition(".")[0], tmp_path / name)
    draft(owner, changed(tmp_path, "2027-1", points_of("ferry", "45")), actor="anna")
    found = compare(owner, "2026-1", "2027-1")
    (told,) = (one for one in found["changed"] if one["kind"] == "township")
    # 1,000 worst-placed people: 900 at the ferry feel all of its 45 points, 100 at the bridge all of its own
    bridge = float(next(row for row in edition().table("risk")["kinds"] if row["kind"] == "bridge")["points"])
    assert told["new_score"] == pytest.approx(0.9 * 45 + 0.1 * bridge)
    assert told["largest"]["record"] == "source/F1"
    assert told["largest"]["label"] == "一号渡口"
    assert told["largest"]["new"] == pytest.approx(0.9 * 45)
    (city,) = (
        (one for one in found["changed"] if one["kind"] == "city")
        if found["kinds"]["city"]["changed"]
        else (None,)
    )
    assert city is None, "a third of one township's score is blue"
