"""Imports that somebody looks at before they are made: the uploaded file, a dry run of it, and its confirmation.

A file lies in a folder of its own below `uploads` in the home, for its sender only, at most a day. What is known of
it is kept in memory: after a restart it is uploaded again. The work is done in threads; whoever waits is told at
every step how far it is.
"""

import hashlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Engine

from jobs.imports import ImportReport, Order, import_table
from jobs.progress import Progress
from layers.fields import LAYERS
from layers.files import read_table
from layers.headers import known_headers
from layers.intake import layer_named
from layers.mapping import Mapping, mapping_from
from layers.recognise import described, guess_layer, matches
from layers.rejected import write_rejected
from layers.sheets import Table
from layers.workbook import sheet_names
from riskmap.errors import BadInput, Busy, NotFound, Refused, RiskMapError, TooLarge

LASTS_S = 24 * 3600
MOST_FILES = 20
MOST_BYTES = 2 * 2**30
"""of all files together; half of it is free before one is taken"""
MOST_FAULTS = 500
"""of a report that is shown; the workbook has them all"""
_PIECE = 2**20
_WORKING = ("checking", "importing")


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be read: what the person chose, None and {} where the program decides."""

    layer: str | None = None
    crs: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    """header → our column; empty: the header is to be ignored"""


@dataclass(slots=True)
class Preview:
    """One uploaded file and what is known of it; `step` grows with every change."""

    token: str
    actor: str
    path: Path
    bytes: int
    sha256: str
    options: Options = field(default_factory=Options)
    state: str = "checking"
    label: str = "排队等候"
    share: float = 0.0
    step: int = 0
    sheets: list[str] = field(default_factory=list)
    headers: list[dict[str, Any]] = field(default_factory=list)
    report: dict[str, Any] | None = None
    counts: dict[str, int] = field(default_factory=dict)
    look: dict[str, Any] | None = None
    problem: RiskMapError | None = None

    @property
    def rejected_path(self) -> Path:
        """The workbook of the rows that would be rejected, once there is one."""
        return self.path.parent / ".rejected" / f"{self.path.stem}-rejected.xlsx"

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        wrong = self.problem
        return {
            "token": self.token,
            "file": {"name": self.path.name, "bytes": self.bytes},
            **{
                name: getattr(self, name) for name in ("state", "label", "share", "step", "sheets", "headers")
            },
            "options": {name: getattr(self.options, name) for name in Options.__dataclass_fields__},
            "report": self.report,
            **(self.look or {"changes": [], "points": []}),
            "problem": wrong
            and {**wrong.facts, "code": wrong.code, "detail": wrong.detail, "remedy": wrong.remedy},
        }


class Previews:
    """The previews of one running program."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "uploads"
        self._known: dict[str, Preview] = {}
        self._changed = threading.Condition()
        self._turn = threading.Lock()  # one file at a time in memory, however many people look at theirs

    def receive(self, engine: Engine, actor: str, name: str, file: BinaryIO, options: Options) -> Preview:
        """Keep an uploaded file and begin to look through it. TooLarge where it alone is over the bound."""
        token = secrets.token_urlsafe(24)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_room()
        path = self._folder / token / name
        path.parent.mkdir(mode=0o700)
        try:
            size, digest = _keep(file, path)
        except BaseException:
            shutil.rmtree(path.parent)
            raise
        preview = Preview(token, actor, path, size, digest)
        with self._changed:
            self._known[token] = preview
        self._start(preview, lambda: self._check(engine, preview, options))
        return preview

    def find(self, token: str, actor: str) -> Preview:
        """Somebody's own preview. NotFound for another's, one that is over and one that never was."""
        preview = self._known.get(token)
        if preview is None or preview.actor != actor:
            raise NotFound("没有这个预览，或已过期", remedy="请重新上传文件")
        return preview

    def wait(self, preview: Preview, after: int, seconds: float) -> dict[str, Any]:
        """The preview as JSON, once it is past a step or has nothing to do; at the latest after some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: preview.step > after or preview.state not in _WORKING, seconds)
            return preview.to_json()

    def again(self, engine: Engine, preview: Preview, options: Options) -> None:
        """Look through the file with other options. Refused while it is worked on and once it is imported."""
        self._claim(preview, "checking")
        self._start(preview, lambda: self._check(engine, preview, options))

    def confirm(self, engine: Engine, preview: Preview, *, partial: bool) -> None:
        """Import what was shown: the same bytes, read in the same way, coming to the same counts, else nothing."""
        if preview.report is None or preview.state == "failed":
            raise Refused("还没有可以确认的预览", remedy="请先改正提示的问题，再确认导入")
        self._claim(preview, "importing")
        self._start(preview, lambda: self._import(engine, preview, partial=partial))

    def _claim(self, preview: Preview, state: str) -> None:
        with self._changed:
            if preview.state in _WORKING:
                raise Refused("正在处理这个文件", remedy="请等待完成")
            if preview.state == "done":
                raise Refused("这个文件已经导入", remedy="如需再次导入，请重新上传")
            preview.state, preview.problem = state, None
            preview.label, preview.share = "排队等候", 0.0

    # --- the work ----------------------------------------------------------------------------------------

    def _start(self, preview: Preview, work: Callable[[], None]) -> None:
        threading.Thread(target=self._safely, args=(preview, work), name="preview", daemon=True).start()

    def _safely(self, preview: Preview, work: Callable[[], None]) -> None:
        try:
            with self._turn:
                work()
        except RiskMapError as error:
            self._tell(preview, state="failed", problem=error)
        except Exception:
            fault = RiskMapError("程序内部错误", remedy="请重试；仍然出错请告诉维护人员")
            self._tell(preview, state="failed", problem=fault)
            raise

    def _tell(self, preview: Preview, **news: Any) -> None:
        with self._changed:
            for name, value in news.items():
                setattr(preview, name, value)
            preview.step += 1
            self._changed.notify_all()

    def _progress(self, preview: Preview) -> Progress:
        return lambda label, share: self._tell(preview, label=label, share=share)

    def _check(self, engine: Engine, preview: Preview, options: Options) -> None:
        """A dry run: whatever is found is shown, and what was shown before is gone."""
        say = self._progress(preview)
        self._tell(preview, options=options, report=None, look=None, counts={}, label="读取文件", share=0.05)
        preview.rejected_path.unlink(missing_ok=True)
        self._tell(preview, sheets=sheet_names(preview.path))
        table, options = self._read(preview, options)
        order = Order(preview.actor, skip_faulty=True, dry_run=True, look=True)
        report = _import(engine, table, options, order, say)
        told = report.to_json()
        if report.rejected:
            say("写出待改正的行", 0.9)
            preview.rejected_path.parent.mkdir(mode=0o700, exist_ok=True)
            write_rejected(preview.rejected_path, table, told["rejected"], report.columns)
        told |= {"rejected_count": len(report.rejected), "rejected": told["rejected"][:MOST_FAULTS]}
        told["mismatched_count"], told["mismatched"] = len(report.mismatched), report.mismatched[:MOST_FAULTS]
        self._tell(
            preview,
            report=told,
            look=report.look,
            counts=report.counts,
            headers=described(table, report.columns),
            state="ready",
            label="完成",
            share=1.0,
        )

    def _read(self, preview: Preview, options: Options) -> tuple[Table, Options]:
        """The file's rows and the options with the layer; headers are known from here on, whatever goes wrong."""
        table = _read_file(preview, options)
        chosen = options.layer or guess_layer(table)
        if chosen not in LAYERS:
            self._tell(preview, headers=described(table, {}))
            raise BadInput("看不出这个文件是哪个图层的", remedy="请选择图层，再对应各列")
        if options.layer is None:
            options = replace(options, layer=chosen)
            table = _read_file(preview, options)  # as the confirmed import reads it, by this layer's headers
        found = {ours: theirs for theirs, ours in options.columns.items() if ours}
        guessed = matches([name for name in table.columns if name not in options.columns], LAYERS[chosen])
        self._tell(preview, options=options, headers=described(table, guessed | found))
        return table, options

    def _import(self, engine: Engine, preview: Preview, *, partial: bool) -> None:
        say = self._progress(preview)
        say("读取文件", 0.05)
        with preview.path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != preview.sha256:
                raise Refused("服务器上的文件与预览时不同，未写入任何数据", remedy="请重新上传")
        options = preview.options
        table = _read_file(preview, options)
        reason = f"{layer_named(options.layer or '').zh}：{table.name}"
        order = Order(preview.actor, reason=reason, skip_faulty=partial, promised=preview.counts)
        report = _import(engine, table, options, order, say).to_json()
        report |= {"rejected_count": len(report["rejected"]), "rejected": report["rejected"][:MOST_FAULTS]}
        self._tell(preview, report=report, state="done", label="完成", share=1.0)

    # --- room --------------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Forget what is old, then the oldest of what is not being worked on, until one more file fits.

        Busy where every place is taken by a file that is being worked on.
        """
        forget_old_uploads(self._folder.parent)
        with self._changed:
            sizes = {folder: _size(folder) for folder in sorted(self._folder.iterdir(), key=_age)}
            for folder in list(sizes):
                if len(sizes) < MOST_FILES and sum(sizes.values()) <= MOST_BYTES // 2:
                    break
                known = self._known.get(folder.name)
                if known is None or known.state not in _WORKING:
                    shutil.rmtree(folder, ignore_errors=True)
                    del sizes[folder]
            self._known = {token: one for token, one in self._known.items() if one.path.exists()}
        if len(sizes) >= MOST_FILES:
            raise Busy("正在处理的文件太多", remedy="请稍后再上传")


def _keep(file: BinaryIO, path: Path) -> tuple[int, str]:
    """Copy a file to its place; its size and digest. TooLarge beyond what all files together may have."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as kept:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MOST_BYTES // 2:
                raise TooLarge(f"{path.name} 超过 {MOST_BYTES // 2**21} MB", remedy="请分成几个文件导入")
            digest.update(piece)
            kept.write(piece)
    return size, digest.hexdigest()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _age(folder: Path) -> float:
    return folder.stat().st_mtime


def _read_file(preview: Preview, options: Options) -> Table:
    known = known_headers(LAYERS.get(options.layer or ""), options.columns)
    return read_table(preview.path, sheet=options.sheet, encoding=options.encoding, known=known)


def forget_old_uploads(home: Path) -> int:
    """Remove uploaded files older than a day; how many there were."""
    folder = home / "uploads"
    ends = time.time() - LASTS_S
    old = [one for one in folder.iterdir() if _age(one) < ends] if folder.is_dir() else []
    for one in old:
        shutil.rmtree(one, ignore_errors=True)
    return len(old)


def _import(engine: Engine, table: Table, options: Options, order: Order, say: Progress) -> ImportReport:
    layer = layer_named(options.layer or "")
    kept = {header: cells for header, cells in table.columns.items() if options.columns.get(header) != ""}
    shown = replace(table, columns=kept)
    mapping = _mapping(options, layer.name)
    return import_table(engine, layer.name, shown, order, crs=options.crs, mapping=mapping, progress=say)


def _mapping(options: Options, layer: str) -> Mapping:
    ours = {name: header for header, name in options.columns.items() if name}
    if len(ours) < sum(1 for name in options.columns.values() if name):
        raise BadInput("有两列对应到同一个字段", remedy="请只保留其中一列，另一列选“忽略”")
    return mapping_from({"columns": ours}, layer_named(layer), "对应关系")
