"""The rules of warnings as one TOML file, and the digest by which exactly these rules are known again.

The file is the table `alerts` of an edition: its sections, and its lists as `[[rules]]` and `[[events]]`. Read are also
the folder of the table, the folder of an edition (what it says of warnings) and an edition as JSON.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskmap.alert_rules import MAY_LACK, ROLE, SHIPPED, AlertRules
from riskmap.edition_files import is_rows, read_edition, toml_of
from riskmap.editions import Edition, read_table, read_toml, table_or_shipped

Table = Mapping[str, Any]


def rules_table(edition: Edition) -> Table:
    """What an edition says of warnings: its own table, or the shipped one."""
    return table_or_shipped(edition, ROLE, SHIPPED)


def rules_hash(table: Table) -> str:
    """SHA-256 of what decides: all of the table but its head, however its numbers are written."""
    content = {part: _plain(rows) for part, rows in table.items() if part != "table"}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_rules(path: Path) -> Table:
    """The rules of a TOML file, or of a folder or file of an edition, checked whole. BadInput for anything else."""
    if path.suffix == ".json" or path.name == "edition.toml" or (path / "edition.toml").is_file():
        table = rules_table(read_edition(path))
    elif path.is_dir():
        table = read_table(path.parent, path.name)
    else:
        table = _of_file(path)
    AlertRules.from_table(table)
    return table


def rules_file(table: Table) -> str:
    """The rules as one TOML file, that `read_rules` reads back to the same digest."""
    lists = {part: rows for part, rows in table.items() if is_rows(rows)}
    text = toml_of({part: content for part, content in table.items() if part not in lists})
    for part, rows in lists.items():
        for row in rows:
            said = {field: value for field, value in row.items() if value != "" or field not in MAY_LACK}
            text += f"\n[[{part}]]\n{toml_of(said)}"
    return text


def _of_file(path: Path) -> Table:
    table = read_toml(path, path.name)
    return {part: [_cells(row) for row in rows] if is_rows(rows) else rows for part, rows in table.items()}


def _cells(row: Table) -> dict[str, Any]:
    """A row as a CSV file gives it: text, and nothing where nothing is said."""
    return {field: value if isinstance(value, list) else str(value) for field, value in row.items()}


def _plain(content: Any) -> Any:
    """Every figure as text, and what is left empty as not said."""
    if isinstance(content, Mapping):
        return {key: _plain(value) for key, value in content.items() if value != ""}
    if isinstance(content, list):
        return [_plain(one) for one in content]
    return str(content)
