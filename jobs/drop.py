"""The file drop: what other programs put into `drop/in` is imported and moved to `done`, else to `bad` with the reasons.

A file counts once it is renamed into place: names that begin with a dot or end in `.part` or `.tmp` are still being
written. `<layer>.<anything>.<suffix>` goes into that layer, `events…` into the events, which may also come as JSON
as they are sent by HTTP; `*.cap` and `*.xml` are weather warnings in CAP 1.2, whatever they are called. Links and
folders are left alone. A file is imported whole or not at all and moved after the commit; killed in between, it is
found again and changes nothing.
"""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any

from sqlalchemy import Engine

from jobs.cap import SUFFIXES, take_in_cap
from jobs.events import Posting, refusal, write_postings
from jobs.imports import ImportReport, import_file
from layers.checks import tidy_value
from layers.fields import EVENTS, LAYERS, Layer
from layers.history import CLOCK
from layers.intake import layer_named
from layers.placement import ORDER
from layers.posted import FILE, read_events
from riskmap.errors import BadInput, RiskMapError

REPORT_SUFFIX = ".错误.txt"
_UNFINISHED = (".part", ".tmp")
_MOST_LINES = 1000
_LONGEST_NAME = 100
"""bytes of a stem, characters of a suffix: with ours behind it a name must still fit a disk"""
ACTOR = "drop"
_LOG = logging.getLogger("riskmap.drop")


@dataclass(frozen=True, slots=True)
class Drop:
    """The folders of a home's file drop."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> "Drop":
        """Those of a home."""
        return cls(home / "drop")

    def make(self) -> None:
        """Make what is missing."""
        for name in ("in", "done", "bad"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def waiting(self) -> list[Path]:
        """Finished files that are to be imported, each layer after those whose records it names."""
        return sorted(_files(self.folder / "in"), key=lambda path: (_turn(path), path.name))

    def bad(self) -> list[Path]:
        """Files that were refused and still lie there."""
        days = _entries(self.folder / "bad")
        return [file for day in days for file in _files(day) if not file.name.endswith(REPORT_SUFFIX)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> Iterator[Path]:
    """Finished plain files of a folder, never through a link."""
    for path in _entries(folder) if not folder.is_symlink() else ():
        if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
            continue
        try:
            plain = S_ISREG(path.lstat().st_mode)
        except FileNotFoundError:
            continue
        if plain:
            yield path


def _layer_of(name: str) -> Layer:
    """The layer that a file's name says. BadInput where it says none."""
    word = name.partition(".")[0]
    try:
        return layer_named(EVENTS.name if word.startswith(EVENTS.name) else word)
    except BadInput:
        remedy = f"请把文件命名为 图层.说明.扩展名，如 events.{tidy_value(name)}；图层：{' '.join(LAYERS)}"
        raise BadInput(f"从文件名看不出图层：{tidy_value(name)}", remedy=remedy) from None


def _turn(path: Path) -> int:
    try:
        return ORDER.index(_layer_of(path.name).table)
    except BadInput:
        return len(ORDER)


# --- one patrol ------------------------------------------------------------------------------------------


def patrol(owner: Engine, drop: Drop) -> list[Path]:
    """Take in every finished file; where they lie now.

    A file that cannot be written at the moment (database away, another writer) stays where it is for the next time.
    """
    drop.make()
    moved = []
    for path in drop.waiting():
        try:
            report = _take_in(owner, path)
        except RiskMapError as error:
            if error.status == 503:
                _LOG.warning("%s waits: %s", _told(path), error.detail)
                break
            moved.append(_refuse(drop, path, error))
        except Exception:  # noqa: BLE001 - one file that breaks us must not stop those behind it
            _LOG.exception("%s could not be taken in", _told(path))
            fault = RiskMapError("程序内部错误，未写入任何数据", remedy="请把此文件和日志交给维护人员")
            moved.append(_refuse(drop, path, fault))
        else:
            moved.append(_move(path, drop.folder / "done"))
            _LOG.info(
                "%s: %d rows, %d new, %d changed, %d as they were",
                _told(path), report.rows_read, report.inserted, report.updated, report.unchanged,
            )  # fmt: skip
    return moved


def _take_in(owner: Engine, path: Path) -> ImportReport:
    if path.suffix.lower() in SUFFIXES:
        return take_in_cap(owner, _told(path), _content(path), ACTOR)
    layer = _layer_of(path.name)
    if layer is EVENTS and path.suffix.lower() == ".json":
        events = read_events(_told(path), _content(path), FILE)
        first = events[0]
        if not (len(events) == 1 and isinstance(first, dict) and first.get("type") == "FeatureCollection"):
            report = write_postings(owner, [Posting(ACTOR, events)])[0]
            if report.rejected:
                raise refusal(report)
            return report
    return import_file(owner, layer.name, path, actor=ACTOR)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE.json_bytes + 1)
    except OSError as error:
        raise BadInput(f"无法打开 {_told(path)}：{error.strerror}", remedy="请核对文件的权限") from None


def _told(path: Path) -> str:
    """A file's name fit to be shown and written."""
    return tidy_value(path.name)


def _refuse(drop: Drop, path: Path, error: RiskMapError) -> Path:
    """Put a file among the bad ones, the reasons first: none lies there without them."""
    target = _free(drop.folder / "bad", path.name)
    report = target.with_name(target.name + REPORT_SUFFIX)
    report.write_text("\n".join(_reasons(_told(path), error)) + "\n", encoding="utf-8-sig")
    path.rename(target)
    _LOG.warning("%s was refused: %s", _told(path), error.detail)
    return target


def _move(path: Path, folder: Path) -> Path:
    target = _free(folder, path.name)
    path.rename(target)
    return target


def _free(folder: Path, name: str) -> Path:
    """A path of that name under today's date that is not taken yet."""
    day = folder / datetime.now(CLOCK).date().isoformat()
    day.mkdir(parents=True, exist_ok=True)
    suffix = Path(name).suffix[:_LONGEST_NAME]
    stem = name.removesuffix(suffix)
    while len(os.fsencode(stem)) > _LONGEST_NAME:
        stem = stem[:-1]
    target, number = day / f"{stem}{suffix}", 1
    while os.path.lexists(target):
        number += 1
        target = day / f"{stem}-{number}{suffix}"
    return target


def _reasons(name: str, error: RiskMapError) -> list[str]:
    """What is wrong with a file, line by line, and what to do next."""
    rejected: list[dict[str, Any]] = error.facts.get("report", {}).get("rejected", [])
    lines = [
        f"文件：{name}",
        f"时间：{datetime.now(CLOCK):%Y-%m-%d %H:%M:%S}",
        f"结果：未导入。{error.detail}",
        f"办法：{error.remedy}" if error.remedy and not rejected else "",
    ]
    if rejected:
        lines += ["", "行\t字段\t值\t原因\t办法"]
        lines += ["\t".join(_cell(fault[key]) for key in _COLUMNS) for fault in rejected[:_MOST_LINES]]
        if len(rejected) > _MOST_LINES:
            lines.append(f"……其余 {len(rejected) - _MOST_LINES} 行未列出")
    lines += ["", "下一步：按上面的原因改正文件，重新放入 drop/in；改好后请把本目录中的原文件移走。"]
    return [line for number, line in enumerate(lines) if line or number > 3]


_COLUMNS = ("row", "field", "value", "reason", "remedy")


def _cell(value: object) -> str:
    return "" if value is None else str(value)
