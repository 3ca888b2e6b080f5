"""Importing files: read, check, place and compare everything first, then write it as one revision, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.progress import Progress, unwatched
from layers.audit import changed_since
from layers.checks import Fault
from layers.city import stored_city
from layers.containment import Areas
from layers.database import writing
from layers.duplicates import near_duplicates
from layers.duty_rules import duty_rules
from layers.editions import edition_on
from layers.events import refuse_contradictions
from layers.files import read_table
from layers.headers import known_headers
from layers.history import CLOCK, head_rev, open_revision
from layers.intake import Rules, crs_note, layer_named, prepare
from layers.kinds import SUFFIXES
from layers.mapping import Mapping, read_mapping
from layers.placement import area_rules, danger_rules, mismatches, settle
from layers.preview import look
from layers.questions import Question, ask, city_shape
from layers.rejected import write_rejected
from layers.sheets import Table
from layers.staging import (
    Comparison,
    Incoming,
    drop_stages,
    references,
    refuse,
    shape_rules,
    stage,
    write,
)
from riskmap.errors import BadInput, Refused

_COMPARED = 20_000
"""rows: for so many new ones duplicates are looked for in about two seconds beside a million stored"""


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do: rows of the file by outcome, and a line for every row that is not taken.

    `columns` are the canonical columns with the headers they were found under, `ignored` the headers that mean nothing
    to the layer, `notes` what is worth saying of them and of how the file was read, `unmatched` substances that are in
    no table (their rows are taken), `mismatched` the records whose declared township is not where they lie, `questions`
    what undeclared coordinates make one ask, `duplicates` pairs of records with one name a few metres apart, proposed
    and never merged (None: too many rows to look; the page of duplicates tells them afterwards), `look` what a preview
    shows, `rev` the revision that was written (None: nothing was).
    """

    layer: str
    rows_read: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Fault] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    look: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    unmatched: list[dict[str, Any]] = field(default_factory=list)
    mismatched: list[dict[str, Any]] = field(default_factory=list)
    duplicates: list[dict[str, Any]] | None = field(default_factory=list)
    dry_run: bool = False
    rev: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "layer": self.layer,
            "rows_read": self.rows_read,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": [fault.to_json() for fault in self.rejected],
            "columns": self.columns,
            "ignored": self.ignored,
            "questions": [question.to_json() for question in self.questions],
            "notes": self.notes,
            "unmatched": self.unmatched,
            "mismatched": self.mismatched,
            "duplicates": self.duplicates,
            "dry_run": self.dry_run,
            "rev": self.rev,
        }

    @property
    def counts(self) -> dict[str, int]:
        """Rows by outcome: what a preview promises and its confirmation must find again."""
        return {
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": len(self.rejected),
        }


@dataclass(frozen=True, slots=True)
class Order:
    """How an import is to be carried out and what the audit says of it."""

    actor: str = "cli"
    job: str = "import"
    reason: str = ""
    at: datetime | None = None
    skip_faulty: bool = False
    dry_run: bool = False
    always: bool = False
    """open a revision even where nothing changes"""
    look: bool = False
    """let the reports say, too, what a preview shows"""
    promised: dict[str, int] | None = None
    """the counts of a preview; the import is refused where it comes to others"""

    @property
    def day(self) -> date:
        """The day of the import in Asia/Shanghai."""
        return (self.at or datetime.now(CLOCK)).astimezone(CLOCK).date()


def import_file(
    owner_engine: Engine,
    layer_name: str,
    path: Path,
    *,
    crs: str | None = None,
    mapping: Path | Mapping | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
    dry_run: bool = False,
    partial: bool = False,
    rejected: Path | None = None,
    actor: str = "cli",
    at: datetime | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import one file into one layer as one revision.

    `at` is for loading history: the import counts as made then. `rejected` is a workbook to be written of the rows
    that are not taken, where there are any. With `partial` faulty rows are left out, else one
    is enough to refuse the file. BadInput, TooLarge where the file as a whole cannot be read; Refused where rows
    are faulty, with the report as the error's fact `report`; nothing was written then.
    """
    layer = layer_named(layer_name)
    say = progress or unwatched
    say("读取文件", 0.05)
    if isinstance(mapping, Path):
        mapping = read_mapping(mapping, layer)
    known = known_headers(layer, mapping.columns.values() if mapping else ())
    table = read_table(path, sheet=sheet, encoding=encoding, known=known)
    order = Order(actor, "import", f"{layer.zh}：{table.name}", at, partial, dry_run)
    try:
        report = import_table(owner_engine, layer_name, table, order, crs=crs, mapping=mapping, progress=say)
    except Refused as refused:
        if "report" in refused.facts:
            _keep_rejected(rejected, table, refused.facts["report"])
        raise
    _keep_rejected(rejected, table, report.to_json())
    return report


def _keep_rejected(path: Path | None, table: Table, report: dict[str, Any]) -> None:
    if path is not None and report["rejected"]:
        write_rejected(path, table, report["rejected"], report["columns"])


def import_table(
    owner_engine: Engine,
    layer_name: str,
    table: Table,
    order: Order,
    *,
    crs: str | None = None,
    mapping: Mapping | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import rows that are in memory already; as `import_file` otherwise."""
    return _import(
        owner_engine, [(layer_name, table)], order, crs=crs, mapping=mapping, say=progress or unwatched
    )[0]


def import_day(
    owner_engine: Engine,
    folder: Path,
    *,
    at: datetime,
    actor: str = "cli",
    job: str = "import",
    reason: str = "",
    partial: bool = False,
) -> list[ImportReport]:
    """Import every `<layer>` file of a folder, of any kind that can be imported, as one revision recorded at `at`.

    A day with no file, or whose files change nothing, is recorded all the same. Errors as `import_file`, with the
    reports of all layers as fact `reports`.
    """
    files = folder.glob("*.*") if folder.is_dir() else []
    found = [(path, layer_named(path.stem)) for path in sorted(files) if path.suffix.lower() in SUFFIXES]
    tables = [(layer.name, read_table(path, known=known_headers(layer))) for path, layer in found]
    order = Order(actor, job, reason, at, partial, always=True)
    return _import(owner_engine, tables, order)


def _import(
    engine: Engine,
    tables: Sequence[tuple[str, Table]],
    order: Order,
    *,
    crs: str | None = None,
    mapping: Mapping | None = None,
    say: Progress = unwatched,
) -> list[ImportReport]:
    with writing(engine) as connection:
        rules = Rules(stored_city(connection), lambda: edition_on(connection, order.day))
        say("检查各行", 0.2)
        incoming: dict[str, Incoming] = {}
        reports: dict[str, ImportReport] = {}
        for name, rows in tables:
            layer = layer_named(name)
            if layer.table in incoming:
                raise BadInput(f"{layer.zh}有两个文件", remedy="每个图层只保留一个文件")
            incoming[layer.table], named = prepare(layer, rows, rules, crs=crs, mapping=mapping)
            report = ImportReport(name, len(rows.rows), dry_run=order.dry_run, columns=named.headers)
            report.ignored, report.unmatched = named.ignored, named.unmatched
            report.notes = [*named.notes, *crs_note(rows, crs)]
            placed = incoming[layer.table].positions
            if crs is None and rows.crs is None and placed is not None and not order.always:
                report.questions = ask(
                    rows.rows, placed.given, city_shape(connection), rules.city.metric_srid
                )
            reports[layer.table] = report
        say("核对并归属网格", 0.5)
        seen = head_rev(connection)
        plan = _compute(connection, incoming, reports, rules)
        if not order.always:
            _propose_duplicates(connection, plan, reports)
        if order.look:
            for table, report in reports.items():
                report.look = look(connection, incoming[table], report.rejected, report.questions)
        _refuse_faults(reports, order)
        if order.dry_run or not (
            order.always or any(found.inserts or found.updates for found in plan.values())
        ):
            return list(reports.values())
        rev = open_revision(connection, order.actor, order.job, order.reason, order.at)
        if rev > seen + 1 and changed_since(connection, seen, events="event" in incoming):
            drop_stages(connection, plan)
            plan = _compute(connection, incoming, reports, rules)
            _refuse_faults(reports, order)
        say("写入", 0.8)
        for table, found in plan.items():
            write(connection, table, found, rev, order.day)
        for report in reports.values():
            report.rev = rev
    say("完成", 1.0)
    return list(reports.values())


def _compute(
    connection: Connection, incoming: dict[str, Incoming], reports: dict[str, ImportReport], rules: Rules
) -> dict[str, Comparison]:
    """Stage, check, place and compare; fills the reports and returns what is to be written, by table in order.

    Reads only stored rows and the caller's; it may be called again where others have written meanwhile.
    """
    areas = Areas(connection, "area_now" if "area" in incoming else "area")
    faults: dict[str, list[Fault]] = {}

    def bring(table: str, staged: set[str]) -> bool:
        if table in incoming:
            stage(connection, incoming[table], areas)
            faults[table] = _refused(connection, incoming[table], {*staged, table}, rules)
        return table in incoming

    plan = settle(connection, areas, bring)
    for table, report in reports.items():
        found = plan[table]
        report.rejected = sorted([*incoming[table].faults, *faults[table]], key=lambda fault: fault.row)
        report.inserted, report.updated, report.unchanged = found.inserted, found.updated, found.unchanged
        report.mismatched = mismatches(connection, table, f"staged_{table}")
    return plan


def _propose_duplicates(
    connection: Connection, plan: dict[str, Comparison], reports: dict[str, ImportReport]
) -> None:
    """Pairs that the rows may double, stored or in the file; a file of very many rows is not held up for them."""
    for table, report in reports.items():
        few = plan[table].inserted + plan[table].updated <= _COMPARED
        report.duplicates = near_duplicates(connection, table) if few else None


def _refused(connection: Connection, incoming: Incoming, staged: set[str], rules: Rules) -> list[Fault]:
    """Take out the rows whose references do not hold; their faults.

    Taking one out may leave others without what they name (a village without its township), so this goes on until
    all that are left fit.
    """
    table = incoming.layer.table
    checks = [*shape_rules(incoming), *references(table, staged)]
    if table == "area":
        checks += area_rules(rules.city.code)
    elif table == "danger":
        checks += danger_rules(staged)
    elif table == "duty":
        checks += duty_rules(staged)
    faults: list[Fault] = []
    while found := refuse(connection, table, checks):
        faults += found
    if table == "event":
        faults += [one.fault for one in refuse_contradictions(connection)]
    return faults


def _refuse_faults(reports: dict[str, ImportReport], order: Order) -> None:
    """Refused where a row is faulty and the import is to be whole, or where it is not what was promised."""
    for report in reports.values():
        if order.promised is not None and order.promised != report.counts:
            raise Refused(
                "预览之后数据库有变化，导入的结果会与预览不同，未写入任何数据",
                remedy="请重新预览后再确认",
                promised=order.promised,
                now=report.counts,
            )
    faulty = [report for report in reports.values() if report.rejected]
    if order.skip_faulty or not faulty:
        return
    if not order.dry_run:
        for report in reports.values():
            report.inserted = report.updated = 0
    first = faulty[0].rejected[0]
    told = {id(report): report.to_json() for report in reports.values()}
    count = sum(len(report.rejected) for report in faulty)
    where = f"第 {first.row} 行" + (f"字段 {first.field}" if first.field else "")
    raise Refused(
        f"有 {count} 行不能导入，未写入任何数据。{where}：{first.reason}" + ("……" if count > 1 else ""),
        remedy="请改正后重新导入；或加 --partial 跳过这些行",
        report=told[id(faulty[0])],
        reports=list(told.values()),
    )
