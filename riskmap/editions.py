"""Dated, approved editions of every limit, weight and table: a folder of TOML and CSV that a city can edit.

    2026-1/edition.toml        name, dates, approval, legal basis, and which table stands for what
    gb18218_2018/table.toml    one table: its `[table]` head (title, basis, dates) and its sections
    gb18218_2018/table1.csv    a list of rows, named by the file
    risk_2026_1.toml           a table that needs no CSV is a single file

A table named by an edition is looked for in the edition's own folder, beside it, then among the shipped ones,
so a city copies only what it changes. In memory an edition is JSON and nothing else: every non-integer number
and every CSV cell is kept as the text that was written, so nothing is rounded and the round trip through the
database is exact. Typed tables (`Catalogue`, `Gb18218`, …) are built from it and check what they read.
"""

import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

from riskmap.errors import BadInput

_TABLES = Path(__file__).parent / "tables"
TABLE_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]*")
"""Names of editions and tables: fit for files and addresses."""
TABLE_HEAD = {"edition", "title", "basis", "effective_from", "effective_to"}
"""The keys of a table's `[table]`."""


EDITIONS_KEPT = 8
"""of so many editions the typed tables are kept once they are built: a run asks for them again and again"""


@dataclass(frozen=True, eq=False)
class Edition:
    """One edition: what was in force from one day to another, who approved it and on what basis; equal by content.

    `tables` maps a table's role (`gb18218`, `risk`, …) to its content: sections as dicts, CSV files as lists of
    rows, and the head under `table`. Numbers with a fraction are text: read them with `Decimal` or `Fraction`.
    """

    name: str
    title: str
    basis: str
    effective_from: date
    effective_to: date | None
    approved_by: str | None
    approved_on: date | None
    tables: Mapping[str, Mapping[str, Any]]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hex: equal content, equal hash."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edition) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def in_force(self, on: date) -> bool:
        """Whether the edition is in force on a day; both ends belong to it."""
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)

    def table(self, role: str) -> Mapping[str, Any]:
        """The content of one table. Raises BadInput where the edition has none for this role."""
        if role not in self.tables:
            raise BadInput(
                f"版本 {self.name} 没有表 {role}", remedy=f"请在 edition.toml 的 [tables] 中写明 {role}"
            )
        return self.tables[role]

    def rows(self, role: str, part: str, columns: tuple[str, ...]) -> list["Row"]:
        """The rows of one CSV of a table, checked to have exactly these columns (BadInput otherwise)."""
        table = self.table(role)
        file = f"{table['table']['edition']}/{part}.csv"
        content = table.get(part)
        if not isinstance(content, list) or not content:
            raise BadInput(f"{file} 不存在或没有数据行", remedy=f"请补上该文件，表头为 {','.join(columns)}")
        rows = [Row(file, number, cells) for number, cells in enumerate(content, start=2)]
        rows[0].expect(columns)
        return rows

    def section(self, role: str, part: str, keys: tuple[str, ...]) -> "Row":
        """One section of a table's TOML as a row, checked to have exactly these keys (BadInput otherwise)."""
        table = self.table(role)
        section = Row(f"{table['table']['edition']} [{part}]", None, table.get(part, {}))
        section.expect(keys)
        return section

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, dates as ISO 8601, numbers with a fraction as text."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps(
            content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=date.isoformat
        )

    @classmethod
    def from_json(cls, content: str | Mapping[str, Any]) -> Self:
        """The edition that `to_json` wrote, given as text or as what the database made of it."""
        parsed = json.loads(content) if isinstance(content, str) else dict(content)
        for field in ("effective_from", "effective_to", "approved_on"):
            parsed[field] = parsed[field] and date.fromisoformat(parsed[field])
        return cls(**parsed)


@dataclass(frozen=True)
class Row:
    """One row of a table's CSV, or one section of its TOML (no number), that can say where it is wrong."""

    file: str
    number: int | None
    cells: Mapping[str, Any]

    def wrong(self, field: str, reason: str, remedy: str) -> BadInput:
        """The error to raise for one field: names file, row, field, reason and remedy."""
        row = f"第 {self.number} 行" if self.number else ""
        return BadInput(
            f"{self.file} {row}字段 {field}：{reason}",
            remedy=remedy,
            file=self.file,
            row=self.number,
            field=field,
        )

    def expect(self, keys: tuple[str, ...]) -> None:
        """Raises BadInput for an unknown or a missing key."""
        for key in self.cells:
            if key not in keys:
                raise self.wrong(key, "未知字段", f"请删去或改正；可用字段：{','.join(keys)}")
        for key in keys:
            if key not in self.cells:
                raise self.wrong(key, "缺少该字段", "请补上该字段")

    def text(self, field: str, *, needed: bool = True) -> str:
        """The text of a field without outer blanks; an empty one is refused where it is needed."""
        value = str(self.cells[field]).strip()
        if needed and not value:
            raise self.wrong(field, "为空", "请填写")
        return value

    def choice(self, field: str, allowed: tuple[str, ...]) -> str:
        """The text of a field that must be one of a few words."""
        value = self.text(field)
        if value not in allowed:
            raise self.wrong(field, f"不能是 {value}", f"可用值：{'、'.join(allowed)}")
        return value

    def number_of(self, field: str, *, positive: bool = True) -> Decimal:
        """The exact decimal of a field; positive, or else at least 0."""
        value = self.text(field)
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise self.wrong(field, f"不是数：{value}", "请填写十进制数，如 0.5") from None
        if not number.is_finite() or number < 0 or (positive and number == 0):
            bound = "大于 0" if positive else "不小于 0"
            raise self.wrong(field, f"须{bound}，现为 {value}", "请核对原文后改正")
        return number


def shipped_editions() -> dict[str, Path]:
    """The folders of the editions that come with the program, by name."""
    return {file.parent.name: file.parent for file in sorted(_TABLES.glob("*/edition.toml"))}


@cache
def shipped_table(name: str) -> Mapping[str, Any]:
    """A table that comes with the program, for what an edition does not name."""
    return read_table(_TABLES, name)


def table_or_shipped(edition: "Edition | None", role: str, name: str) -> Mapping[str, Any]:
    """An edition's table for a role, else the one that comes with the program."""
    return (edition.tables.get(role) if edition else None) or shipped_table(name)


def read_table(folder: Path, name: str) -> Mapping[str, Any]:
    """A table by itself, from its folder or file beside or in a folder. BadInput as for `load_edition`."""
    return _read_table(folder, Row(name, None, {}), name, name)


def load_edition(folder: Path) -> Edition:
    """Read an edition from its folder.

    Raises BadInput, naming file, row and field, for a missing or unreadable file, an unknown key or a wrong date.
    What stands inside a table is checked where its typed form is built.
    """
    file = f"{folder.name}/edition.toml"
    head = read_toml(folder / "edition.toml", file)
    names = head.pop("tables", {})
    if not isinstance(names, dict) or not names:
        raise BadInput(f"{file} 缺少 [tables]", remedy='请写明所用的表，如 gb18218 = "gb18218_2018"')
    row = Row(file, None, {"effective_to": "", "approved_by": "", "approved_on": "", **head})
    row.expect(("name", "title", "basis", "effective_from", "effective_to", "approved_by", "approved_on"))
    effective_from = _day(row, "effective_from")
    effective_to = _day(row, "effective_to", needed=False)
    if effective_from is None or (effective_to and effective_to < effective_from):
        raise row.wrong("effective_to", "早于 effective_from", "请改正日期")
    return Edition(
        name=row.text("name"),
        title=row.text("title"),
        basis=row.text("basis"),
        effective_from=effective_from,
        effective_to=effective_to,
        approved_by=row.text("approved_by", needed=False) or None,
        approved_on=_day(row, "approved_on", needed=False),
        tables={role: _read_table(folder, row, role, name) for role, name in names.items()},
    )


def _day(row: Row, field: str, *, needed: bool = True) -> date | None:
    text = row.text(field, needed=needed)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise row.wrong(field, f"不是日期：{text}", "请写成 2026-01-31 的形式") from None


def _read_table(folder: Path, edition: Row, role: str, name: object) -> dict[str, Any]:
    """One table: a folder with `table.toml` and CSV files, or a single TOML file."""
    if not isinstance(name, str) or not TABLE_NAME.fullmatch(name):
        raise edition.wrong(f"tables.{role}", f"不是表名：{name}", "只用字母、数字、点、横线和下划线")
    for place in (folder, folder.parent, _TABLES):
        if (place / name / "table.toml").is_file():
            parts = sorted((place / name).glob("*.csv"))
            content = read_toml(place / name / "table.toml", f"{name}/table.toml")
            content |= {part.stem: _read_csv(part, f"{name}/{part.name}") for part in parts}
            break
        if (place / f"{name}.toml").is_file():
            content = read_toml(place / f"{name}.toml", f"{name}.toml")
            break
    else:
        raise edition.wrong(f"tables.{role}", f"找不到表 {name}", f"请放入文件夹 {name} 或文件 {name}.toml")
    head = content.get("table")
    row = Row(f"{name} [table]", None, {"effective_to": "", **head} if isinstance(head, dict) else {})
    row.expect(tuple(sorted(TABLE_HEAD)))
    if row.text("edition") != name:
        raise row.wrong("edition", f"与表名 {name} 不一致", f'请改为 edition = "{name}"')
    _day(row, "effective_from")
    _day(row, "effective_to", needed=False)
    return {**content, "table": {key: row.text(key, needed=key != "effective_to") for key in row.cells}}


def read_toml(path: Path, file: str) -> dict[str, Any]:
    """A TOML file as JSON has it, named in errors by `file`."""
    try:
        parsed: dict[str, Any] = _as_json(tomllib.loads(path.read_text("utf-8"), parse_float=_finite))
    except FileNotFoundError:
        raise BadInput(f"找不到文件 {file}", remedy="请检查版本文件夹的路径") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, InvalidOperation) as error:
        raise BadInput(f"{file} 不是有效的 TOML：{error}", remedy="请改正后重试") from None
    return parsed


def _finite(text: str) -> str:
    """A TOML number with a fraction, kept as its text; `inf` and `nan` are no limits."""
    if not Decimal(text.replace("_", "")).is_finite():
        raise InvalidOperation(text)
    return text.replace("_", "")


def _as_json(value: Any) -> Any:
    """TOML values as JSON has them: dates become text, the rest stays."""
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _read_csv(path: Path, file: str) -> list[dict[str, str]]:
    """The rows of a UTF-8 CSV; every row must have as many cells as the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            table = list(csv.reader(lines, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file} 不是有效的 UTF-8 CSV：{error}", remedy="请另存为 CSV UTF-8") from None
    header = table[0] if table else []
    if len(set(header)) != len(header):
        raise BadInput(f"{file} 的表头有重复列", remedy="请删去重复的列")
    for number, cells in enumerate(table[1:], start=2):
        if len(cells) != len(header):
            reason = f"{file} 第 {number} 行有 {len(cells)} 格，表头有 {len(header)} 格"
            raise BadInput(reason, remedy="含逗号的文字请加英文双引号；空行请删去")
    return [dict(zip(header, cells, strict=True)) for cells in table[1:]]
