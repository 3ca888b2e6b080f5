"""Keys of records that have none of their own, rows that speak of one record, and doubled codes.

Works on checked rows: what has a fault already takes no part.
"""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from layers.checks import Checked
from layers.positions import Positions
from riskmap.substances import Catalogue

_CODE = pa.string()


@dataclass(frozen=True, slots=True)
class Groups:
    """The rows of each record: record k has `members[starts[k]:starts[k + 1]]`, indexes of rows; the first gives it."""

    starts: NDArray[np.int32]
    members: NDArray[np.int64]

    @property
    def firsts(self) -> NDArray[np.int64]:
        """By record the index of its first row."""
        return self.members[self.starts[:-1]]

    @classmethod
    def single(cls, members: NDArray[np.int64]) -> "Groups":
        """A record for each row."""
        return cls(np.arange(len(members) + 1, dtype=np.int32), members)

    @classmethod
    def by(cls, records: NDArray[np.int32], rows: NDArray[np.int64]) -> "Groups":
        """`rows` grouped by their record's number (0, 1, … without gaps), in order within each."""
        order = np.argsort(records, kind="stable")
        return cls(np.append(0, np.cumsum(np.bincount(records))).astype(np.int32), rows[order])


def own_codes(checked: Checked) -> Groups:
    """The rows whose code no earlier row has, each a record; a doubled code is a fault.

    In a layer that is only ever added to (events) a repeated code is the same record: its rows are one group.
    """
    good = checked.good()
    codes = checked.columns["event_id" if checked.layer.immutable else "code"].take(pa.array(good))
    kinds = codes.dictionary_encode()
    if len(kinds.dictionary) == len(good):
        return Groups.single(good)
    records = np.asarray(kinds.indices)
    if checked.layer.immutable:
        return Groups.by(records, good)
    _, firsts = np.unique(records, return_index=True)
    again = np.setdiff1d(np.arange(len(good)), firsts)
    for place in again.tolist():
        first = checked.rows[good[firsts[records[place]]]]
        checked.blame(
            int(good[place]), "code", codes[place].as_py(), f"与第 {first} 行编码重复", "每条记录只保留一行"
        )
    return Groups.single(good[np.sort(firsts)])


def place_codes(checked: Checked, positions: Positions) -> None:
    """Give population rows without a code one that comes from their position.

    `P` and the first 16 hex digits of the SHA-256 of the position's WKT in millimetres; further rows at the same
    position get `-2`, `-3` … in the order of the file.
    """
    given = checked.columns.get("code", pa.nulls(len(checked.rows), _CODE))
    good = checked.good()
    rows = good[np.asarray(given.is_null())[good]]
    codes = given.to_pylist()
    seen: dict[str, int] = {}
    for index, place in zip(rows.tolist(), positions.metre_texts(rows), strict=True):
        digest = hashlib.sha256(place.encode()).hexdigest()[:16]
        seen[digest] = seen.get(digest, 0) + 1
        codes[index] = f"P{digest}" if seen[digest] == 1 else f"P{digest}-{seen[digest]}"
    checked.columns["code"] = pa.array(codes, _CODE)


def substance_codes(checked: Checked, catalogue: Catalogue) -> Groups:
    """Give inventory rows the code `source/substance/tank` and group the rows of one code.

    The substance is what the catalogue matched, else what was written, so two spellings of one substance are one
    record; a row that matches nothing is kept. Quantities of a group are added up exactly at its first row, which
    also takes the latest date.
    """
    nothing: list[Any] = [None] * len(checked.rows)
    columns = checked.columns
    cas, names, classes, tanks = (
        columns[n].to_pylist() if n in columns else nothing
        for n in ("cas", "substance", "hazard_class", "unit_code")
    )
    sources = columns["source_code"].to_pylist()
    codes: list[str | None] = list(nothing)
    numbers: dict[str, int] = {}
    good = checked.good()
    records = np.empty(len(good), dtype=np.int32)
    for place, index in enumerate(good.tolist()):
        match = catalogue.match(cas=cas[index], name=names[index], hazard_class=classes[index])
        code = codes[index] = f"{sources[index]}/{match.key}/{tanks[index] or ''}"
        records[place] = numbers.setdefault(code, len(numbers))
    columns["code"] = pa.array(codes, _CODE)
    groups = Groups.by(records, good) if len(good) else Groups.single(good)
    if len(numbers) < len(good):
        _add_up(columns, groups)
    return groups


def unmatched(checked: Checked, catalogue: Catalogue) -> list[dict[str, Any]]:
    """The substances of an inventory that match nothing, after `substance_codes`: each once, with its first row.

    Their rows are kept; the report proposes the substances that are written most alike.
    """
    codes, good = checked.columns["code"], checked.good()
    within = pc.match_substring(codes.take(pa.array(good)), "/?").fill_null(False)
    found: dict[str, dict[str, Any]] = {}
    names = {"cas": "cas", "substance": "name", "hazard_class": "hazard_class"}
    for index in good[np.asarray(within)].tolist():
        said = {
            name: checked.columns[column][index].as_py() if column in checked.columns else None
            for column, name in names.items()
        }
        match = catalogue.match(**said)
        if match.substance is not None:  # a source's own code may hold the sign
            continue
        one = found.setdefault(
            match.key,
            {
                "row": int(checked.rows[index]),
                "rows": 0,
                "value": " ".join(text for text in said.values() if text),
                "reason": match.reason_text,
                "remedy": match.remedy,
                "suggestions": [suggestion.name for suggestion in match.suggestions],
            },
        )
        one["rows"] += 1
    return list(found.values())


def _add_up(columns: dict[str, pa.Array], groups: Groups) -> None:
    """Quantities and dates of the groups of several rows, at the first row of each."""
    amounts = columns["quantity_t"].to_pylist()
    days = columns["as_of"].to_pylist() if "as_of" in columns else []
    for record in np.flatnonzero(np.diff(groups.starts) > 1):
        group = groups.members[groups.starts[record] : groups.starts[record + 1]].tolist()
        amounts[group[0]] = str(sum((Decimal(amounts[index]) for index in group), Decimal(0)))
        if days:
            days[group[0]] = max((days[index] for index in group if days[index]), default=None)
    columns["quantity_t"] = pa.array(amounts, columns["quantity_t"].type)
    if days:
        columns["as_of"] = pa.array(days, columns["as_of"].type)
