"""The file drop: what goes in by which name, what lies in `bad` with which words, and kill -9 at the worst moment."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import psycopg
import pytest
from sqlalchemy import Engine, text

import jobs.drop
from jobs.doctor import check_drop
from jobs.drop import REPORT_SUFFIX, Drop, patrol
from jobs.work import Worker
from layers.database import writing
from layers.history import open_revision
from tests.events import count, events_on_file, reading
from tests.import_files import FIRM_HEADER, at, rows

WAIT_S = 60
EVENTS = "event_id,kind,time,value"
LINE = "{},reading,2026-03-01 08:15,3.25"
REVISIONS = "SELECT count(*) FROM revision"


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    drop = Drop.of(tmp_path)
    drop.make()
    return drop


def put(drop: Drop, name: str, *lines: str) -> Path:
    path = drop.folder / "in" / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def lying(folder: Path) -> list[str]:
    """Names of the plain files under a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def words(drop: Drop, name: str) -> str:
    """What the report beside a refused file says."""
    (path,) = (drop.folder / "bad").glob(f"*/{name}{REPORT_SUFFIX}")
    return path.read_text("utf-8-sig")


def test_events_of_every_kind_of_file(owner: Engine, drop: Drop) -> None:
    put(drop, "events.csv", EVENTS, LINE.format("a"))
    put(drop, "events_2026-03-01.json", json.dumps([reading("b"), reading("c", lon=112.3, lat=28.8)]))
    put(drop, "events-one.json", json.dumps(reading("d")))
    feature = {"type": "Feature", "geometry": None, "properties": reading("e")}
    for number, suffix in enumerate(("geojson", "json")):
        one = feature | {"properties": reading(f"f{number}")}
        put(drop, f"events.{number}.{suffix}", json.dumps({"type": "FeatureCollection", "features": [one]}))
    book = openpyxl.Workbook()
    book.active.append(["事件编号", "类型", "时间"])
    book.active.append(["g", "alarm", "2026-03-01 09:00"])
    book.save(drop.folder / "in" / "events.xlsx")
    moved = patrol(owner, drop)
    assert [row["code"] for row in events_on_file(owner)] == ["a", "b", "c", "d", "f0", "f1", "g"]
    assert lying(drop.folder / "in") == lying(drop.folder / "bad") == []
    assert sorted(path.name for path in moved) == lying(drop.folder / "done")
    assert {path.parent.parent.name for path in moved} == {"done"}


def test_any_layer_by_its_name_those_named_before_those_that_name_them(owner: Engine, drop: Drop) -> None:
    put(drop, "inventory.7.csv", "source_code,substance,quantity_t", "S1,氨,5")
    put(
        drop,
        "sources.from park.csv",
        "code,name,kind,enterprise_code,lon,lat",
        f"S1,罐,lpg_store,E1,{at(0, 0)}",
    )
    put(drop, "enterprises.csv", FIRM_HEADER, f"E1,甲,,{at(0, 0)}")
    patrol(owner, drop)
    assert lying(drop.folder / "bad") == []
    assert rows(owner, "SELECT source_code, enterprise_code FROM inventory") == [("S1", "E1")]


def test_a_name_without_a_layer_is_told_how_to_be_called(owner: Engine, drop: Drop) -> None:
    put(drop, "readings.csv", EVENTS, LINE.format("a"))
    patrol(owner, drop)
    told = words(drop, "readings.csv")
    assert "看不出图层" in told
    assert "events.readings.csv" in told
    assert "sources" in told


def test_unfinished_files_links_and_folders_are_left_alone(owner: Engine, drop: Drop, tmp_path: Path) -> None:
    inside, outside = drop.folder / "in", tmp_path / "events.elsewhere.csv"
    outside.write_text(f"{EVENTS}\n{LINE.format('x')}\n", encoding="utf-8")
    for name in (".events.csv", "events.csv.part", "events.csv.TMP"):
        put(drop, name, EVENTS, LINE.format("y"))
    (inside / "events.link.csv").symlink_to(outside)
    (inside / "events.folder.csv").mkdir()
    (inside / "events.folder.csv" / "events.csv").write_text(f"{EVENTS}\n{LINE.format('z')}\n")
    os.mkfifo(inside / "events.pipe.csv")
    assert patrol(owner, drop) == []
    assert events_on_file(owner) == []
    assert len(list(inside.iterdir())) == 6
    (inside / "events.csv.part").rename(inside / "events.csv")
    assert len(patrol(owner, drop)) == 1
    assert [row["code"] for row in events_on_file(owner)] == ["y"]


@pytest.mark.parametrize(
    ("name", "content", "row"),
    [
        ("events.csv", f"{EVENTS}\n{LINE.format('a')}\nb,reading,gestern,1\n,reading,2026-03-01,1\n", "3\ttime\tgestern"),
        ("events.json", json.dumps([reading("a"), reading("b", value="x")]), "2\tvalue\tx"),
        ("events.json", json.dumps([reading("a"), {"event_id": "b", "speed": 1}]), "2\tspeed\t"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_taken_whole_or_not_at_all(
    owner: Engine, drop: Drop, tmp_path: Path, name: str, content: str, row: str
) -> None:
    before = count(owner, REVISIONS)
    (drop.folder / "in" / name).write_text(content, encoding="utf-8")
    (moved,) = patrol(owner, drop)
    assert (events_on_file(owner), count(owner, REVISIONS)) == ([], before)
    assert moved.read_text("utf-8") == content
    assert lying(drop.folder / "bad") == sorted([name, name + REPORT_SUFFIX])
    told = words(drop, name)
    assert "行\t字段\t值\t原因\t办法" in told
    assert row in told
    assert "drop/in" in told
    check = check_drop(tmp_path)
    assert (check.ok, name in check.message) == ("yellow", True)
    moved.unlink()
    assert check_drop(tmp_path).ok == "green"


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02", b"[[[[", b"[" * 100_000, b'{"a": 1, "a": 2}', b"7", b"\xff\xfe"]
)
def test_what_is_no_list_of_events_is_told_so(owner: Engine, drop: Drop, content: bytes) -> None:
    (drop.folder / "in" / "events.json").write_bytes(content)
    patrol(owner, drop)
    assert "办法：" in words(drop, "events.json")


def test_names_of_every_length_and_byte_find_a_place(owner: Engine, drop: Drop) -> None:
    folder = os.fsencode(drop.folder / "in")
    for name in (b"events." + b"x" * 240 + b".csv", b"events.\xff\xfe.csv", "events.水位.csv".encode()):
        Path(os.fsdecode(folder + b"/" + name)).write_text("nothing", encoding="utf-8")
    assert len(patrol(owner, drop)) == 3
    assert len(lying(drop.folder / "bad")) == 6


def test_a_name_that_came_before_takes_another_place(owner: Engine, drop: Drop) -> None:
    for id_ in ("a", "b", "c"):
        put(drop, "events.csv", EVENTS, LINE.format(id_))
        patrol(owner, drop)
    assert lying(drop.folder / "done") == ["events-2.csv", "events-3.csv", "events.csv"]
    assert len(events_on_file(owner)) == 3


def test_what_cannot_be_written_now_waits(owner: Engine, drop: Drop) -> None:
    put(drop, "events.csv", EVENTS, LINE.format("a"))
    with writing(owner) as other:
        open_revision(other, "test", "edit", None)
        assert patrol(owner, drop) == []
    assert lying(drop.folder / "in") == ["events.csv"]
    assert len(patrol(owner, drop)) == 1


def test_a_file_that_breaks_us_stops_no_other(
    owner: Engine, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(drop, "events.1.csv", EVENTS, LINE.format("a"))
    put(drop, "events.2.json", json.dumps(reading("b")))

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(jobs.drop, "import_file", broken)
    assert [path.parent.parent.name for path in patrol(owner, drop)] == ["bad", "done"]
    assert "程序内部错误" in words(drop, "events.1.csv")


KILLED = """
import os, signal, sys
import jobs.drop
from layers.database import owner_engine
from pathlib import Path
jobs.drop._move = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
jobs.drop.patrol(owner_engine(sys.argv[1]), jobs.drop.Drop.of(Path(sys.argv[2])))
"""


@pytest.mark.parametrize("name", ["events.csv", "events.json"])
def test_killed_between_commit_and_move_nothing_is_taken_twice(
    database: str, owner: Engine, drop: Drop, tmp_path: Path, name: str
) -> None:
    if name.endswith("csv"):
        put(drop, name, EVENTS, LINE.format("a"), LINE.format("b"))
    else:
        put(drop, name, json.dumps([reading("a"), reading("b")]))
    child = subprocess.run(
        [sys.executable, "-c", KILLED, database, str(tmp_path)], check=False, timeout=WAIT_S
    )
    assert child.returncode == -signal.SIGKILL
    after = events_on_file(owner), count(owner, REVISIONS)
    assert ([row["code"] for row in after[0]], lying(drop.folder / "in")) == (["a", "b"], [name])
    assert [path.parent.parent.name for path in patrol(owner, drop)] == ["done"]
    assert (events_on_file(owner), count(owner, REVISIONS)) == after


@pytest.fixture
def working(database: str, owner: Engine, drop: Drop) -> Iterator[None]:
    worker = Worker(database, owner, lambda: None, home=drop.folder.parent, drop=drop)
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield
    worker.stop()
    thread.join(WAIT_S)


@pytest.mark.usefixtures("working")
def test_the_worker_looks_by_itself(database: str, owner: Engine, drop: Drop) -> None:
    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute("LISTEN riskmap")
        put(drop, "events.csv.part", EVENTS, LINE.format("a"))
        (drop.folder / "in" / "events.csv.part").rename(drop.folder / "in" / "events.csv")
        for _ in listener.notifies(timeout=WAIT_S):
            with writing(owner) as connection:
                if connection.execute(text("SELECT count(*) FROM event")).scalar_one():
                    break
    assert [row["code"] for row in events_on_file(owner)] == ["a"]
