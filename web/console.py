"""What commands print: JSON for programs, tables for people, progress bars on a terminal only."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from layers.records import iso
from riskmap.errors import RiskMapError

LEVEL_WORDS = {
    "red": "[red]红[/]",
    "orange": "[dark_orange]橙[/]",
    "yellow": "[yellow]黄[/]",
    "blue": "[blue]蓝[/]",
}

_out = Console()


class Report(Protocol):
    """Told how far a long piece of work is: what is done now, and the share of the whole (0 to 1)."""

    def __call__(self, label: str, share: float) -> None:
        """Say it."""


def print_json(document: Any) -> None:
    """The one JSON document of a command, on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=plain, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """JSON forms of what JSON does not know: instants, days, exact decimals, bytes."""
    if isinstance(value, datetime | date):
        return iso(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"no JSON form of {type(value)}")


def print_table(title: str, rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> None:
    """Rows as a table: `columns` names the keys shown and their headers."""
    table = Table(title=f"{title}（{len(rows)}）", title_justify="left", header_style="bold")
    for header in columns.values():
        table.add_column(header)
    for row in rows:
        table.add_row(*(_cell(key, row.get(key)) for key in columns))
    _out.print(table)


def print_facts(title: str, facts: dict[str, Any]) -> None:
    """One record, a line a fact; empty ones are left out."""
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for key, value in facts.items():
        if value not in (None, [], {}):
            table.add_row(key, _cell(key, value))
    _out.print(table)


def say(line: str) -> None:
    """One line for the person."""
    _out.print(line, highlight=False, soft_wrap=True)


def tell(error: RiskMapError) -> None:
    """An error where the person looks: what is wrong, and what to do."""
    print(f"错误：{error.detail}", file=sys.stderr)
    if error.remedy:
        print(f"处理：{error.remedy}", file=sys.stderr)


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "—"
    if key.endswith("level") and value in LEVEL_WORDS:
        return LEVEL_WORDS[value]
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=plain)
    return str(value)


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Report]:
    """A progress bar while long work lasts; silent where nobody looks (a pipe, --json)."""
    console = Console(stderr=True)
    shown = console.is_terminal and not quiet
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task("…", total=1.0)
        yield lambda label, share: bar.update(task, description=label, completed=share)
