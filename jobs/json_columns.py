"""Small JSON objects by the column, as Arrow strings: a million of them without a million dictionaries.

What comes out reads exactly as `json.dumps` with `ensure_ascii=False` writes it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.frames import Array

_MILLI = 1000
_NEEDS_ESCAPES = r'["\\\x00-\x1f]'
_FRACTIONS = pa.array([repr(n / _MILLI)[1:] for n in range(_MILLI)], pa.string())
"""“.0”, “.001”, “.002” …"""


def json_of(value: Any) -> str:
    """One value as it is stored."""
    return json.dumps(value, ensure_ascii=False)


def texts(values: Iterable[Any]) -> pa.Array:
    """Each value of a few."""
    return pa.array([json_of(value) for value in values], pa.string())


def strings(values: Any) -> pa.Array:
    """Strings in quotes; null for none."""
    given = pa.array(values, pa.string())
    found = pc.binary_join_element_wise('"', given, '"', "")
    odd = np.flatnonzero(pc.match_substring_regex(given, _NEEDS_ESCAPES).fill_null(False))
    if len(odd):
        whole = found.to_numpy(zero_copy_only=False)
        whole[odd] = [json_of(value) for value in given.take(pa.array(odd)).to_pylist()]
        found = pa.array(whole, pa.string())
    return found.fill_null("null")


def integers(values: Any) -> pa.Array:
    """Whole numbers; null for none."""
    return pa.array(values, pa.int64()).cast(pa.string()).fill_null("null")


def thousandths(values: Array) -> pa.Array:
    """Whole thousandths, none below 0, as the numbers that they are: 1500 is 1.5."""
    fractions = _FRACTIONS.take(pa.array(values % _MILLI))
    return pc.binary_join_element_wise(integers(values // _MILLI), fractions, "")


def booleans(values: Array) -> pa.Array:
    """True and false."""
    return pc.if_else(pa.array(values, pa.bool_()), "true", "false")


def objects(members: Mapping[str, pa.Array | str], count: int) -> pa.Array:
    """`count` objects of the same members: a column of JSON texts each, or one text that all have."""
    pieces: list[Any] = []
    fixed = "{"
    for name, member in members.items():
        fixed += f"{json_of(name)}: "
        if isinstance(member, str):
            fixed += member
        else:
            pieces += [fixed, member]
            fixed = ""
        fixed += ", "
    pieces.append(fixed.removesuffix(", ") + "}")
    if all(isinstance(piece, str) for piece in pieces):
        return pa.repeat(pa.scalar("".join(pieces), pa.string()), count)
    return pc.binary_join_element_wise(*pieces, "")
