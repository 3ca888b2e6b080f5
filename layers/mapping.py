"""Whose column is which: headers of a file → canonical columns, with a mapping file's help.

What a header means says `layers.headers`. Below a group (责任人 over 姓名 and 电话) it is matched together with its
group, else alone where no other column means the same. What a file calls otherwise is named by `--mapping`:

    [columns]  ours = "theirs"        [units]          quantity = "lb"
    [constants]  kind = "mine"        [values.status]  "Deregistered" = "closed"
"""

import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from layers.fields import Layer
from layers.headers import NOTHING, Meaning, completed, header_key, meaning_of, names_of, nearest
from layers.sheets import Cells, Table, cells_of
from layers.units import CUBIC_METRES, TONNES, known_unit
from riskmap.errors import BadInput


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a mapping file says: columns ours → theirs, units, constants, and values theirs → ours by column."""

    columns: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Named:
    """A table's cells by canonical column, the header of each, and the headers that mean nothing to the layer.

    `notes` say of those why, where there is something to say: a header that is nearly ours, a unit that is not.
    `unmatched` are an inventory's substances that are in no table, each once, with the names written most like them.
    """

    cells: dict[str, Cells]
    ignored: list[str]
    headers: dict[str, str] = field(default_factory=dict)
    """canonical column → the file's header"""
    notes: list[str] = field(default_factory=list)
    unmatched: list[dict[str, Any]] = field(default_factory=list)


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
                remedy=f"只有 quantity 可写单位：{' '.join([*TONNES, *CUBIC_METRES])}",
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
    found = _match(table, layer, mapping)
    cells = {ours: table.columns[theirs] for ours, theirs in found.headers.items()}
    for ours, text in mapping.constants.items():
        cells[ours] = _repeated(text, table)
    if "quantity" in mapping.units or "quantity_t" in mapping.units:
        amounts = cells.pop("quantity", None) or cells.pop("quantity_t", None)
        if amounts is not None:
            cells["quantity"] = amounts
            cells["unit"] = _repeated(next(iter(mapping.units.values())), table)
    elif found.unit is not None:
        if "unit" in cells:
            raise BadInput(
                f"{table.name} 的列{_place(table, found.headers['quantity'])}的表头已写明单位，另有列"
                f"{_place(table, found.headers.get('unit', 'unit'))}也是单位",
                remedy="请只保留一处单位",
            )
        cells["unit"] = _repeated(found.unit, table)
    for ours, pairs in mapping.values.items():
        if ours in cells:
            cells[ours] = _translated(cells[ours], pairs)
    notes = _notes(table, layer, found, cells)
    _require(table, layer, cells, notes)
    used = {*found.headers.values(), *found.nothing}
    ignored = [header for header in table.columns if header not in used]
    return Named(cells, ignored, found.headers, [*table.notes, *notes])


def _repeated(text: str, table: Table) -> Cells:
    return cells_of([text]).take(pa.array(np.zeros(len(table.rows), dtype=np.int32)))


def _translated(cells: Cells, pairs: dict[str, str]) -> Cells:
    """The column with their words turned into ours; an empty cell counts as the word ""."""
    plain = {value_key(theirs): value for theirs, value in pairs.items()}
    kinds = cells.dictionary_encode(null_encoding="encode")
    words = cells_of(plain.get(value_key(text or ""), text) for text in kinds.dictionary.to_pylist())
    return words.take(kinds.indices)


@dataclass(slots=True)
class _Found:
    """Canonical column → header of the file, the unit that the quantity's header names, and what was not taken."""

    headers: dict[str, str]
    unit: str | None = None
    nothing: list[str] = field(default_factory=list)
    why_not: dict[str, str] = field(default_factory=dict)


def _match(table: Table, layer: Layer, mapping: Mapping) -> _Found:
    found = _Found({ours: _column(table, ours, theirs) for ours, theirs in mapping.columns.items()})
    taken = set(found.headers.values())
    below: dict[str, list[tuple[str, Meaning]]] = {}
    for theirs in table.columns:
        if theirs in taken:
            continue
        header = table.headers.get(theirs)
        text = header.text if header else theirs
        meaning = meaning_of(text, layer)
        if meaning.field is None and header and header.sub != text and not meaning.why_not:
            meaning = meaning_of(header.sub, layer)
            if meaning.field not in {None, NOTHING}:
                below.setdefault(str(meaning.field), []).append((theirs, meaning))
                continue
        if meaning.field is None and theirs in table.cut and not meaning.why_not:
            meaning = Meaning(completed(text, layer))
        _take(table, found, theirs, meaning, mapping)
    for ours, candidates in below.items():
        if ours in found.headers:
            continue
        if len(candidates) == 1:
            _take(table, found, *candidates[0], mapping)
            continue
        both = "、".join(_place(table, theirs) for theirs, _ in candidates)
        for theirs, _ in candidates:
            found.why_not[theirs] = f"列{both}都可能是 {ours}，均未取用；请用 --mapping 指明"
    return found


def _take(table: Table, found: _Found, theirs: str, meaning: Meaning, mapping: Mapping) -> None:
    """Note what one header means; BadInput where another has the same meaning."""
    ours = meaning.field
    if meaning.why_not:
        found.why_not[theirs] = f"列{_place(table, theirs)}未取用：{meaning.why_not}"
    elif ours == NOTHING:
        found.nothing.append(theirs)
    elif ours is not None and ours not in mapping.columns:
        if ours in found.headers:
            raise BadInput(
                f"{table.name} 的列{_place(table, found.headers[ours])}和{_place(table, theirs)}都是 {ours}",
                remedy="请只保留其中一列，或用 --mapping 指明用哪一列",
            )
        found.headers[ours] = theirs
        found.unit = meaning.unit or found.unit


def _column(table: Table, ours: str, theirs: str) -> str:
    """The column that a mapping file names: as it is written, else but for blanks and width, by its sub header last."""
    if theirs in table.columns:
        return theirs
    key = header_key(theirs)
    alike = [header for header in table.columns if key and header_key(header) == key]
    alike = alike or [name for name, header in table.headers.items() if header_key(header.sub) == key]
    if len(alike) != 1:
        raise BadInput(
            f"{table.name} {'没有' if not alike else '有几个'}列“{theirs}”（对应 {ours}）",
            remedy=f"现有的列：{'、'.join(table.columns)[:300]}",
        )
    return alike[0]


def _place(table: Table, theirs: str) -> str:
    """A header as it is spoken of: with its column where it stands in a sheet."""
    header = table.headers.get(theirs)
    return header.place if header else f"“{theirs}”"


def _notes(table: Table, layer: Layer, found: _Found, cells: Iterable[str]) -> list[str]:
    """What to say of the headers that were not understood."""
    notes = list(dict.fromkeys(found.why_not.values()))
    used = {*found.headers.values(), *found.nothing, *found.why_not}
    for theirs in table.columns:
        near = None if theirs in used else nearest(theirs, layer, cells)
        if near is not None:
            notes.append(
                f"列{_place(table, theirs)}没有对应的字段，未取用；最接近的是“{near[1]}”（{near[0]}），"
                "是它的话请改表头，或用 --mapping 指明"
            )
    return notes


def _require(table: Table, layer: Layer, cells: dict[str, Cells], notes: list[str]) -> None:
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
            remedy="；".join(
                (
                    "请补上这些列，或用 --mapping 指明对应的列",
                    f"现有的列：{'、'.join(table.columns)[:300]}",
                    *notes,
                )
            )[:1_000],
        )


def value_key(text: str) -> str:
    """What two writings of one value have in common."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
