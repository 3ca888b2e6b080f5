"""Which layer a file is of, and which of its headers are ours: the first guess of a preview, for a person to mend."""

from collections.abc import Sequence
from typing import Any

from layers.fields import LAYERS, Layer
from layers.headers import NOTHING, meaning_of
from layers.sheets import Cells, Table

_SAMPLES = 3
_LOOKED_AT = 50
_SAMPLE_CHARS = 60


def matches(headers: Sequence[str], layer: Layer) -> dict[str, str]:
    """Canonical column → the first header that means it."""
    found: dict[str, str] = {}
    for header in headers:
        ours = meaning_of(header, layer).field
        if ours is not None and ours != NOTHING:
            found.setdefault(ours, header)
    return found


def guess_layer(table: Table) -> str | None:
    """The layer whose required columns are there and of whose columns most are; the file's name breaks a tie.

    None where not two headers mean anything to any layer.
    """
    best, best_fit = None, (False, False, 1)
    name = table.name.casefold()
    for layer in LAYERS.values():
        found = matches(list(table.columns), layer)
        named = layer.name in name or layer.zh in name
        fit = (_complete(layer, set(found), table), named, len(found))
        if fit > best_fit and len(found) > 1:
            best, best_fit = layer.name, fit
    return best


def _complete(layer: Layer, found: set[str], table: Table) -> bool:
    placed = table.wkb is not None or "wkt" in found or {"lon", "lat"} <= found
    required = {one.name for one in layer.fields if one.required}
    if "quantity" in found:
        required.discard("quantity_t")
    return required <= found and (placed or layer.position != "required")


def described(table: Table, columns: dict[str, str]) -> list[dict[str, Any]]:
    """Every header of the file with a few of its cells and the column of ours it is taken for (None: ignored)."""
    ours = {header: name for name, header in columns.items()}
    return [
        {"header": header, "samples": _samples(cells), "field": ours.get(header)}
        for header, cells in table.columns.items()
    ]


def _samples(cells: Cells) -> list[str]:
    """The first few different cells that are not empty; a long column is not read to its end for them."""
    found = dict.fromkeys(text[:_SAMPLE_CHARS] for text in cells[:_LOOKED_AT].to_pylist() if text)
    return list(found)[:_SAMPLES]
