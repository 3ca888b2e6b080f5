"""A search over the city as a picture: of each cell what is said of it, as runs along the rows of the grid.

Hundreds of thousands of cells are a few hundred kilobytes so. The grid is regular in metres; a mesh of its corners in
degrees tells how it lies on a map.
"""

from typing import Any

import numpy as np

from jobs.siting import Judged
from jobs.siting_search import Searched
from layers.siting import Row
from riskmap.shapes import Ints
from riskmap.siting_distances import Bound
from riskmap.siting_findings import VERDICTS, Finding, metres
from riskmap.siting_zones import reverse_text

_MESH = 8
"""parts of the mesh along each side: a city's curvature over an eighth of it is less than a metre"""
OUTSIDE = -1


def as_picture(found: Searched, judged: Judged) -> Row:
    """What a search answers besides, with its picture and its rules told as those of a verdict."""
    return {
        "picture": picture_of(found),
        "rules_told": {name: rule_told(judged, name) for name in found.rules},
    }


def picture_of(found: Searched) -> Row:
    """Cells from the south west, row by row, by the rules that do not bind every cell alike.

    `runs` are value and length in turn. A value is −1 outside the city, else the position in `verdicts` plus the number
    of verdicts times the position of the deciding rule in `rules`, that of none first.
    """
    grid = found.ground.grid
    deciding = np.where(found.ranked > 0, found.other.rule + 1, 0)
    values = found.ranked + len(VERDICTS) * deciding
    flat = np.where(grid.at >= 0, values[np.maximum(grid.at, 0)], OUTSIDE)
    columns, rows = (_parts(n) for n in (grid.columns, grid.rows))
    return {
        "columns": grid.columns,
        "rows": grid.rows,
        "verdicts": list(VERDICTS),
        "rules": [None, *found.rules],
        "runs": runs_of(flat),
        "mesh": {"columns": columns, "rows": rows, "lonlat": found.ground.corners(columns, rows).tolist()},
    }


def runs_of(values: Ints) -> list[int]:
    """Value and length of each run in turn."""
    if not len(values):
        return []
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    lengths = np.diff(np.append(starts, len(values)))
    told: list[int] = np.column_stack([values[starts], lengths]).ravel().tolist()
    return told


def rule_told(judged: Judged, name: str) -> dict[str, Any]:
    """A rule by its name, with its text and what it measures to, as its row in a verdict has them."""
    for bound in (one for one in judged.bounds if one.rule == name):
        told = {"object_zh": bound.object.name_zh, "limit": metres(bound.limit_mm)}
        return {"rule": name, **_text(bound), **told}
    fixed = next((one for one in judged.fixed if one.rule == name), None)
    text = reverse_text(name) if fixed is None else _text(fixed)
    return {"rule": name, **text, "object_zh": "", "limit": None}


def _text(one: Bound | Finding) -> dict[str, str]:
    return {"clause": one.clause, "basis": one.basis, "basis_date": one.basis_date}


def _parts(n: int) -> list[int]:
    return sorted({round(n * part / _MESH) for part in range(_MESH + 1)})
