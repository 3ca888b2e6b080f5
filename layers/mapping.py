"""Whose column is which: headers of a file → canonical columns, with a mapping file's help.

A header is understood as the canonical name or as the Chinese or English header of `layers.fields`, whatever its
width, case and blanks, a template's `*` included. What a file calls otherwise is named by `--mapping`:

    [columns]  ours = "theirs"        [units]          quantity = "lb"
    [constants]  kind = "mine"        [values.status]  "Deregistered" = "closed"
"""

import tomllib
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from layers.fields import Layer
from layers.sheets import Cells, Table, cells_of
from layers.units import TONNES, known_unit
from riskmap.errors import BadInput

POSITION = {"lon": ("经度", "Longitude"), "lat": ("纬度", "Latitude"), "wkt": ("几何(WKT)", "geometry")}
QUANTITY = {"quantity": ("数量", "Quantity"), "unit": ("数量单位", "Unit")}
"""an inventory may give a quantity with its unit instead of tonnes"""


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a mapping file says: columns ours → theirs, units, constants, and values theirs → ours by column."""

    columns: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Named:
    """A table's cells by canonical column, and the headers that mean nothing to the layer."""

    cells: dict[str, Cells]
    ignored: list[str]


def names_of(layer: Layer) -> dict[str, tuple[str, ...]]:
    """Every canonical column that a file of this layer may have → its other headers."""
    names: dict[str, tuple[str, ...]] = {f.name: (f.zh, f.en) for f in layer.fields}
    if layer.position != "none":
        names |= POSITION
    if layer.table == "inventory":
        names |= QUANTITY
    return names


def read_mapping(path: Path, layer: Layer) -> Mapping:
    """The mapping file. BadInput, naming the entry, for anything it may not hold."""
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise BadInput(f"无法打开 {path.name}：{error.strerror}", remedy="请核对路径和权限") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} 不是有效的 TOML：{error}", remedy="请改正后重试") from None
    return mapping_from(content, layer, path.name)


def mapping_from(content: dict[str, Any], layer: Layer, name: str) -> Mapping:
    """A mapping from its sections; BadInput for an unknown section, column or unit, or a value of a wrong type."""
    known = names_of(layer)
    sections = {"columns", "units", "constants", "values"}
    for section, entries in content.items():
        if section not in sections or not isinstance(entries, dict):
            raise BadInput(f"{name}：未知的一节 [{section}]", remedy=f"可用：{'、'.join(sorted(sections))}")
        for ours in entries:
            if ours not in known:
                raise BadInput(
                    f"{name} [{section}]：{layer.zh}没有字段 {ours}", remedy=f"可用字段：{' '.join(known)}"
                )
    units = _texts(name, "units", content.get("units", {}))
    for ours, unit in units.items():
        if ours not in {"quantity", "quantity_t"} or known_unit(unit) is None:
            raise BadInput(
                f"{name} [units]：不能把 {ours} 的单位写作 {unit}",
                remedy=f"只有 quantity 可写单位：{' '.join(TONNES)}",
            )
    values = {
        ours: _texts(name, f"values.{ours}", pairs) for ours, pairs in content.get("values", {}).items()
    }
    return Mapping(
        columns=_texts(name, "columns", content.get("columns", {})),
        units=units,
        constants=_texts(name, "constants", content.get("constants", {})),
        values=values,
    )


def _texts(name: str, section: str, entries: Any) -> dict[str, str]:
    """A section whose values are text; numbers and booleans are taken as they are written."""
    if not isinstance(entries, dict):
        raise BadInput(f"{name} [{section}] 不是一节", remedy="请写成 字段 = “值”")
    texts: dict[str, str] = {}
    for key, value in entries.items():
        if isinstance(value, bool):
            texts[key] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            texts[key] = str(value)
        else:
            raise BadInput(f"{name} [{section}]：{key} 的值不是文本", remedy="请写成带引号的文本")
    return texts


def name_columns(table: Table, layer: Layer, mapping: Mapping | None = None) -> Named:
    """The table's columns by canonical name.

    BadInput for a mapped column the file has not, two headers of one meaning, or a required column that is missing.
    """
    mapping = mapping or Mapping()
    headers = _matched(table, layer, mapping)
    cells = {ours: table.columns[theirs] for ours, theirs in headers.items()}
    for ours, text in mapping.constants.items():
        cells[ours] = _repeated(text, table)
    if "quantity" in mapping.units or "quantity_t" in mapping.units:
        amounts = cells.pop("quantity", None) or cells.pop("quantity_t", None)
        if amounts is not None:
            cells["quantity"] = amounts
            cells["unit"] = _repeated(next(iter(mapping.units.values())), table)
    for ours, pairs in mapping.values.items():
        if ours in cells:
            cells[ours] = _translated(cells[ours], pairs)
    _require(table, layer, cells)
    used = set(headers.values())
    return Named(cells, [header for header in table.columns if header not in used])


def _repeated(text: str, table: Table) -> Cells:
    return cells_of([text]).take(pa.array(np.zeros(len(table.rows), dtype=np.int32)))


def _translated(cells: Cells, pairs: dict[str, str]) -> Cells:
    """The column with their words turned into ours; an empty cell counts as the word ""."""
    plain = {header_key(theirs): value for theirs, value in pairs.items()}
    kinds = cells.dictionary_encode(null_encoding="encode")
    words = cells_of(plain.get(header_key(text or ""), text) for text in kinds.dictionary.to_pylist())
    return words.take(kinds.indices)


def _matched(table: Table, layer: Layer, mapping: Mapping) -> dict[str, str]:
    """Canonical column → header of the file."""
    for ours, theirs in mapping.columns.items():
        if theirs not in table.columns:
            raise BadInput(
                f"{table.name} 没有列“{theirs}”（对应 {ours}）",
                remedy=f"现有的列：{'、'.join(table.columns)[:300]}",
            )
    headers = dict(mapping.columns)
    taken = set(headers.values())
    lookup = {header_key(name): ours for ours, others in names_of(layer).items() for name in (ours, *others)}
    for theirs in table.columns:
        ours = lookup.get(header_key(theirs), "") or (
            _completed(theirs, lookup) if theirs in table.cut else ""
        )
        if not ours or theirs in taken or ours in mapping.columns:
            continue
        if ours in headers:
            raise BadInput(
                f"{table.name} 的列“{headers[ours]}”和“{theirs}”都是 {ours}", remedy="请只保留其中一列"
            )
        headers[ours] = theirs
    return headers


def _completed(theirs: str, lookup: dict[str, str]) -> str:
    """The column whose header begins with one that was cut short, if there is only one; else ""."""
    start = header_key(theirs)
    found = {ours for header, ours in lookup.items() if header.startswith(start)}
    return found.pop() if len(found) == 1 else ""


def _require(table: Table, layer: Layer, cells: dict[str, Cells]) -> None:
    missing = [
        f"{f.zh}（{f.name}）"
        for f in layer.fields
        if f.required and f.name not in cells and not (f.name == "quantity_t" and "quantity" in cells)
    ]
    placed = table.wkb is not None or "wkt" in cells or {"lon", "lat"} <= set(cells)
    if layer.position == "required" and not placed:
        missing.append("位置（lon 和 lat，或 wkt）")
    if missing:
        raise BadInput(
            f"{table.name} 缺少{layer.zh}的必填列：{'、'.join(missing)}",
            remedy=f"请补上这些列，或用 --mapping 指明对应的列；现有的列：{'、'.join(table.columns)[:300]}",
        )


def header_key(header: str) -> str:
    """What two writings of one header have in common."""
    plain = unicodedata.normalize("NFKC", header).casefold()
    return "".join(plain.split()).rstrip("*")
