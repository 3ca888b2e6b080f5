"""Keys of records that have none of their own, rows that speak of one record, and doubled codes.

Works on checked rows: what has a fault already takes no part.
"""

import hashlib
from decimal import Decimal
from typing import Any

from layers.checks import Checked
from layers.positions import Positions, metre_text
from riskmap.substances import Catalogue


def own_codes(checked: Checked) -> list[list[int]]:
    """Groups of row indexes, one index each, of the rows whose code no earlier row has; a doubled code is a fault.

    In a layer that is only ever added to (events) a repeated code is the same record: its rows are one group.
    """
    codes = checked.columns["event_id" if checked.layer.immutable else "code"]
    groups: dict[str, list[int]] = {}
    for index, code in enumerate(codes):
        if index in checked.faults:
            continue
        first = groups.setdefault(code, [])
        if not first or checked.layer.immutable:
            first.append(index)
        else:
            checked.blame(
                index, "code", code, f"与第 {checked.rows[first[0]]} 行编码重复", "每条记录只保留一行"
            )
    return list(groups.values())


def place_codes(checked: Checked, positions: Positions) -> None:
    """Give population rows without a code one that comes from their position.

    `P` and the first 16 hex digits of the SHA-256 of the position's WKT in millimetres; further rows at the same
    position get `-2`, `-3` … in the order of the file.
    """
    codes = checked.columns.setdefault("code", [None] * len(checked.rows))
    seen: dict[str, int] = {}
    for index, code in enumerate(codes):
        if code is not None or index in checked.faults:
            continue
        digest = hashlib.sha256(metre_text(positions.metres[index]).encode()).hexdigest()[:16]
        seen[digest] = seen.get(digest, 0) + 1
        codes[index] = f"P{digest}" if seen[digest] == 1 else f"P{digest}-{seen[digest]}"


def substance_codes(checked: Checked, catalogue: Catalogue) -> list[list[int]]:
    """Give inventory rows the code `source/substance/tank` and group the rows of one code.

    The substance is what the catalogue matched, else what was written, so two spellings of one substance are one
    record; a row that matches nothing is kept. Quantities of a group are added up exactly at its first row, which
    also takes the latest date.
    """
    nothing: list[Any] = [None] * len(checked.rows)
    columns = checked.columns
    cas, names, classes, tanks = (
        columns.get(n, nothing) for n in ("cas", "substance", "hazard_class", "unit_code")
    )
    codes: list[str | None] = list(nothing)
    groups: dict[str, list[int]] = {}
    for index, source in enumerate(columns["source_code"]):
        if index in checked.faults:
            continue
        match = catalogue.match(cas=cas[index], name=names[index], hazard_class=classes[index])
        code = f"{source}/{match.key}/{tanks[index] or ''}"
        codes[index] = code
        groups.setdefault(code, []).append(index)
    columns["code"] = codes
    for group in groups.values():
        _add_up(columns, group)
    return list(groups.values())


def _add_up(columns: dict[str, list[Any]], group: list[int]) -> None:
    if len(group) == 1:
        return
    columns["quantity_t"][group[0]] = sum((columns["quantity_t"][index] for index in group), Decimal(0))
    if "as_of" in columns:
        columns["as_of"][group[0]] = max(
            (columns["as_of"][i] for i in group if columns["as_of"][i]), default=None
        )
