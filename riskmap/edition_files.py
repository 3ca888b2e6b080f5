"""An edition written as the folder that `load_edition` reads, or as one JSON file; and read back from either.

Numbers with a fraction are text in an edition and are written as text, so that the round trip is exact.
"""

import csv
import io
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from riskmap.editions import TABLE_HEAD, TABLE_NAME, Edition, load_edition, shipped_editions
from riskmap.errors import BadInput

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def read_edition(path: Path) -> Edition:
    """The edition of a folder, of its `edition.toml`, or of a JSON file. BadInput for anything else."""
    if path.is_dir():
        return load_edition(path)
    if path.name == "edition.toml":
        return load_edition(path.parent)
    try:
        content = json.loads(path.read_text("utf-8"), parse_float=str, parse_constant=_no_number)
        edition = Edition.from_json(content)
        _check_shape(edition)
    except FileNotFoundError:
        raise BadInput(f"找不到 {path.name}", remedy="请检查路径") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(
            f"{path.name} 不是规则版本",
            remedy="请给出版本文件夹，或由 riskmap editions export 写出的 .json 文件",
        ) from None
    return edition


def _no_number(text: str) -> None:
    raise ValueError(text)


def _check_shape(edition: Edition) -> None:
    """What `load_edition` sees to for files: names fit for files, heads that are whole. ValueError else."""
    names = [edition.name, *edition.tables]
    for table in edition.tables.values():
        if set(table["table"]) != TABLE_HEAD:
            raise ValueError(table["table"])
        names += [str(table["table"]["edition"]), *table]
    if not edition.tables or not all(TABLE_NAME.fullmatch(name) for name in names):
        raise ValueError(names)


def write_edition(edition: Edition, path: Path) -> list[Path]:
    """Write it as one `.json` file, else as a folder; returns the files. BadInput where the folder holds something."""
    if path.suffix == ".json":
        path.write_text(
            json.dumps(json.loads(edition.to_json()), ensure_ascii=False, sort_keys=True, indent=1) + "\n",
            "utf-8",
        )
        return [path]
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BadInput(f"{path.name} 已存在且不是空文件夹", remedy="请换一个文件夹")
    written = []
    for name, content in edition_files(edition).items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8", newline="")
        written.append(file)
    return written


def edition_files(edition: Edition) -> dict[str, str]:
    """The files of the folder: `edition.toml`, and a folder with `table.toml` and CSV files for each table."""
    tables = in_reading_order(edition)
    names = {role: str(table["table"]["edition"]) for role, table in tables.items()}
    head = {
        "name": edition.name,
        "title": edition.title,
        "basis": edition.basis,
        "effective_from": edition.effective_from.isoformat(),
        "effective_to": edition.effective_to.isoformat() if edition.effective_to else "",
        "approved_by": edition.approved_by or "",
        "approved_on": edition.approved_on.isoformat() if edition.approved_on else "",
        "tables": names,
    }
    files = {"edition.toml": toml_of(head)}
    for role, table in tables.items():
        lists = {part: rows for part, rows in table.items() if is_rows(rows)}
        rest = {part: content for part, content in table.items() if part not in lists}
        files[f"{names[role]}/table.toml"] = toml_of(rest)
        for part, rows in lists.items():
            files[f"{names[role]}/{part}.csv"] = _csv(rows)
    return files


def in_reading_order(edition: Edition) -> dict[str, Any]:
    """The tables with sections, columns and keys in the order of the shipped files: a database keeps none."""
    ordered: dict[str, Any] = _like(edition.tables, _example())
    return ordered


@cache
def _example() -> Mapping[str, Any]:
    shipped = shipped_editions()
    return load_edition(shipped[max(shipped)]).tables


def _like(content: Any, pattern: Any) -> Any:
    if isinstance(content, Mapping):
        known = pattern if isinstance(pattern, Mapping) else {}
        names = [
            *(name for name in known if name in content),
            *(name for name in content if name not in known),
        ]
        return {name: _like(content[name], known.get(name)) for name in names}
    if is_rows(content):
        first = pattern[0] if is_rows(pattern) else {}
        return [_like(row, first) for row in content]
    return content


def is_rows(content: Any) -> bool:
    """Whether a part of a table is a list of rows, as a CSV file gives it."""
    return isinstance(content, list) and bool(content) and all(isinstance(row, dict) for row in content)


def _csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def toml_of(content: Mapping[str, Any], prefix: str = "") -> str:
    """Values first, then sections; what an edition holds is text, whole numbers, flags, lists and sections of them."""
    lines = [
        f"{_key(key)} = {_value(value)}\n" for key, value in content.items() if not isinstance(value, dict)
    ]
    for key, value in content.items():
        if isinstance(value, dict):
            lines.append(f"\n[{prefix}{_key(key)}]\n{toml_of(value, f'{prefix}{_key(key)}.')}")
    return "".join(lines)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )  # JSON's escapes are TOML's but for DEL
