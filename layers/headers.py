"""What a header means: the canonical name, the Chinese or English header of `layers.fields`, or a synonym.

Width, case, blanks, line breaks and punctuation do not count. The synonyms are data (`layers/synonyms.csv`: layer or
`*`, field, header; field `-` for columns that carry nothing, as 序号); one header means one field of a layer, which
a test holds them to. A unit may stand behind the name, in brackets or after a stroke: of an inventory's quantity it
is taken as its unit, of another number it must be that field's own, else the header is not matched and the report
says why. Nothing is guessed: a header that is merely similar is proposed.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rapidfuzz import fuzz, process

from layers.fields import LAYERS, Layer
from layers.proposal_fields import PROPOSALS
from layers.units import UNIT_OF_FIELD, UNIT_WORDS, known_unit, plain_unit

POSITION = {"lon": ("经度", "Longitude"), "lat": ("纬度", "Latitude"), "wkt": ("几何(WKT)", "geometry")}
QUANTITY = {
    "quantity": ("数量", "Quantity"),
    "unit": ("数量单位", "Unit"),
    "density_t_m3": ("密度(吨/立方米)", "Density (t/m3)"),
}
"""an inventory may give a quantity with its unit instead of tonnes, and the density that makes a volume a mass"""
_LENT = {PROPOSALS.name: ("sources", "inventory")}
"""whose synonyms count, too: a proposal has the kind of a source and holds what an inventory says"""
NOTHING = "-"
"""what 序号 means"""

_SYNONYMS = Path(__file__).with_name("synonyms.csv")
_BRACKET = re.compile(
    r"(?P<base>.+?)\s*[(\[【〔](?:单位\s*:?)?\s*(?P<unit>[^()\[\]【】〔〕]*)[)\]】〕]\s*\**"
)
_STROKE = re.compile(r"(?P<base>[^/]+)/\s*(?P<unit>[^/]{1,12})")
_SPELT = re.compile(r"(?P<base>.+?)[,;:，；]?\s*单位\s*:\s*(?P<unit>.{1,12})")
_NEUTRAL = {"", "必填", "选填", "可空", "可选", "数字", "填数字", "整数"}
NUMBERS = {"int", "decimal", "number"}
_NEAR = 60
"""from this likeness on (of 100) a header is proposed"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The field a header stands for, if any; of a quantity the unit it names; and why a known name was not taken."""

    field: str | None = None
    unit: str | None = None
    why_not: str = ""


def header_key(text: str) -> str:
    """What two writings of one header have in common: its letters, digits and characters."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def names_of(layer: Layer) -> dict[str, tuple[str, ...]]:
    """Every canonical column that a file of this layer may have → its Chinese and its English header."""
    names: dict[str, tuple[str, ...]] = {f.name: (f.zh, f.en) for f in layer.fields}
    if layer.position != "none":
        names |= POSITION
    if _tells_stock(layer):
        names |= QUANTITY
    return names


def _tells_stock(layer: Layer) -> bool:
    """Whether its rows say how much of a substance there is, in tonnes or in another unit."""
    return any(f.name == "quantity_t" for f in layer.fields)


def read_synonyms() -> list[tuple[str, str, str]]:
    """The synonyms as they stand in their file: layer, field, header."""
    with _SYNONYMS.open(encoding="utf-8", newline="") as lines:
        return [(row["layer"], row["field"], row["header"]) for row in csv.DictReader(lines)]


@cache
def _meanings(layer_name: str) -> dict[str, str]:
    """The keys of all headers of a layer → field; a field's own headers go before every synonym."""
    layer = PROPOSALS if layer_name == PROPOSALS.name else LAYERS[layer_name]
    names = names_of(layer)
    others = _LENT.get(layer_name, ())
    found = {
        header_key(header): field
        for of, field, header in read_synonyms()
        if of in {"*", layer_name, *others} and field in {*names, NOTHING}
    }
    return found | {header_key(text): ours for ours, others in names.items() for text in (ours, *others)}


def known_headers(layer: Layer | None, others: Iterable[str] = ()) -> frozenset[str]:
    """The keys by which a header row of this layer (None: of any) is found; with `others`, which a mapping file names."""
    layers = LAYERS if layer is None else (layer.name,)
    own = (key for name in layers for key in _meanings(name))
    return frozenset((*own, *(header_key(text) for text in others)))


def is_known(header: str, known: frozenset[str]) -> bool:
    """Whether the header, or what is left of it without a unit, has a known key."""
    if header_key(header) in known:
        return True
    split = split_unit(header)
    return split is not None and header_key(split[0]) in known


def split_unit(header: str) -> tuple[str, str] | None:
    """The name and the unit (or remark) of a header that has one behind it: 数量（kg）, 面积/m², 数量，单位：吨."""
    plain = " ".join(unicodedata.normalize("NFKC", header).split())
    for pattern in (_BRACKET, _SPELT, _STROKE):
        match = pattern.fullmatch(plain)
        if match is not None:
            return match["base"], match["unit"].strip()
    return None


def meaning_of(header: str, layer: Layer) -> Meaning:
    """The field that a header stands for in a layer."""
    meanings = _meanings(layer.name)
    whole = meanings.get(header_key(header))
    if whole is not None:
        return Meaning(whole)
    split = split_unit(header)
    ours = meanings.get(header_key(split[0])) if split else None
    return Meaning() if split is None or ours is None else _with_unit(ours, split[1], layer)


def completed(header: str, layer: Layer) -> str | None:
    """The field whose header begins with one that its format cut short, if there is only one."""
    start = header_key(header)
    found = {ours for key, ours in _meanings(layer.name).items() if start and key.startswith(start)}
    return found.pop() if len(found) == 1 else None


def _with_unit(ours: str, written: str, layer: Layer) -> Meaning:
    unit = plain_unit(written)
    kinds = {f.name: f.kind for f in layer.fields}
    if ours in {"quantity", "quantity_t"} and _tells_stock(layer) and unit not in _NEUTRAL:
        known = known_unit(unit)
        if known is None:
            return Meaning(why_not=f"单位“{written}”不能换算为吨")
        if ours == "quantity_t" and known != "t":
            return Meaning(why_not=f"{ours} 的单位是吨，不是“{written}”")
        return Meaning(ours, None if ours == "quantity_t" else known)
    if unit in _NEUTRAL or not (ours in UNIT_OF_FIELD or kinds.get(ours) in NUMBERS):
        return Meaning(ours)
    own = UNIT_OF_FIELD.get(ours)
    if own is not None and unit in UNIT_WORDS[own]:
        return Meaning(ours)
    told = f"{ours} 的单位是{own}" if own else f"{ours} 没有单位"
    return Meaning(why_not=f"{told}，不是“{written}”")


def nearest(header: str, layer: Layer, taken: Iterable[str]) -> tuple[str, str] | None:
    """The field, not taken yet, whose header is written most like this one, and that header; None where none is alike."""
    names = names_of(layer)
    choices = {key: ours for key, ours in _meanings(layer.name).items() if ours not in {*taken, NOTHING}}
    found = process.extractOne(header_key(header), choices.keys(), scorer=fuzz.ratio, score_cutoff=_NEAR)
    if found is None:
        return None
    ours = choices[found[0]]
    return ours, names[ours][0]
