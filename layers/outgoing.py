"""From records to the cells of a file: the other way of the import, so that reading the file again changes nothing.

A sheet for people (`.xlsx`) says choices and answers by their words; other files keep the codes. Texts get the
apostrophe that `parsing.tidy` takes off, where one is needed. A mapping file is applied backwards.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import shapely

from layers.choices import choice_words, yes_no
from layers.crs import Declared
from layers.exports import Block
from layers.fields import Field, Layer
from layers.headers import POSITION, QUANTITY, header_key
from layers.history import CLOCK
from layers.mapping import Mapping, value_key
from layers.parsing import MOST_DIGITS, Unreadable, breaks_files, has_mark, is_formula, reader_of
from layers.sheets import Shapes
from layers.units import TONNES, known_unit, tonnes
from riskmap.errors import BadInput, Refused

Cell = str | int | float | bool | list[str] | None
Convert = Callable[[Any], Cell]
PLACED = ("所在镇街（按位置）", "Township by position")
"""header of a column for the reader's eye: an import does not know it and passes over it"""
_DEGREE_DECIMALS, _METRE_DECIMALS = 11, 6
"""of a position in a declared system: a hundredth of what is stored, so that the way back is exact"""
_KEPT = frozenset("\t\n\r")


@dataclass(frozen=True, slots=True)
class Form:
    """What a kind of file can say: words for people, all cells as text, formulas that a text may become."""

    words: bool = False
    """choices and answers by their words"""
    texts: bool = False
    """every cell is text: numbers keep all their digits, lists are joined"""
    formulas: bool = False
    """a text may be taken for a formula when the file is opened"""
    shapes: bool = False
    """positions are geometries of their own, not columns"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file: its header, the field it comes from, and how a value of it is written."""

    header: str
    field: Field
    convert: Convert
    kind: str = "text"
    """of its cells: the field's, or text where a mapping says them otherwise"""


class Sheet:
    """The columns of a file for one layer; made once, then fed block by block."""

    def __init__(
        self,
        layer: Layer,
        form: Form,
        *,
        lang: str = "zh",
        mapping: Mapping | None = None,
        declared: Declared,
    ) -> None:
        self.layer = layer
        self.form = form
        self._mapping = mapping or Mapping()
        self._lang = lang
        self.declared = declared
        self.columns = list(self._columns())
        self.places = [] if form.shapes else place_columns(layer)
        self._check_headers()

    @property
    def headers(self) -> list[str]:
        """All headers in order: fields, position, the township by position."""
        places = [self._header(name, POSITION[name]) for name in self.places]
        return [*(column.header for column in self.columns), *places, self._placed_header]

    @property
    def kinds(self) -> list[str]:
        """The kind of every column's cells, in the order of the headers."""
        return [*(column.kind for column in self.columns), *("number" for _ in self.places), "text"]

    @property
    def _placed_header(self) -> str:
        return "placed_township" if self.form.shapes else PLACED[self._lang != "zh"]

    def cells(self, block: Block) -> list[list[Cell]]:
        """A block's cells, a list for each header. Refused where the mapping cannot say a value."""
        self._check_constants(block)
        columns = [_converted(column.convert, block.columns[column.field.name]) for column in self.columns]
        if self.places:
            columns += self._place_cells(block.shapes)
        return [*columns, _converted(self._text, block.placed)]

    def shapes(self, block: Block) -> Shapes | None:
        """A block's positions in the declared system; None where the layer has none."""
        return None if block.shapes is None else in_system(block.shapes, self.declared)

    # --- columns ---------------------------------------------------------------------------------------------

    def _columns(self) -> Iterator[Column]:
        said = self._mapping.columns
        for field in self.layer.fields:
            if field.name in self._mapping.constants:
                continue
            if field.name == "quantity_t" and ({"quantity", "unit"} & said.keys() or self._mapping.units):
                yield from self._quantity(field)
            else:
                kind = "text" if field.name in self._mapping.values else field.kind
                header = self._header(field.name, (field.zh, field.en))
                yield Column(header, field, self._convert(field), kind)

    def _header(self, name: str, words: tuple[str, ...]) -> str:
        ours = name if self.form.shapes else words[0] if self._lang == "zh" else words[-1]
        return self._mapping.columns.get(name, ours)

    def _quantity(self, field: Field) -> Iterator[Column]:
        """The amount in the mapping's unit, and the unit where the file has a column for it."""
        named = next(iter(self._mapping.units.values()), self._mapping.constants.get("unit", "t"))
        unit = known_unit(named) or "t"
        if unit not in TONNES:
            raise BadInput(
                f"不能把存量按 {named} 导出：质量不换算为体积",
                remedy=f"请在对应文件中改用 {' '.join(TONNES)}",
            )
        name = "quantity_t" if self._mapping.units and "quantity_t" in self._mapping.columns else "quantity"
        yield Column(
            self._header(name, QUANTITY["quantity"]),
            field,
            lambda value: None if value is None else self._number(_amount(value, unit)),
        )
        if not self._mapping.units and "unit" not in self._mapping.constants:
            yield Column(self._header("unit", QUANTITY["unit"]), field, lambda _value: unit)

    def _check_headers(self) -> None:
        """BadInput where two columns would have one header, as an import could not tell them apart."""
        seen: set[str] = set()
        for header in self.headers:
            if header_key(header) in seen:
                raise BadInput(
                    f"按对应文件导出时有两列都叫“{header}”",
                    remedy="请在对应文件的 [columns] 中给另一列也写上列名",
                )
            seen.add(header_key(header))

    # --- values ------------------------------------------------------------------------------------------------

    def _convert(self, field: Field) -> Convert:
        plain = self._plain(field)
        pairs = self._mapping.values.get(field.name)
        return _backwards(field, plain, pairs, self._text) if pairs else plain

    def _plain(self, field: Field) -> Convert:
        if field.kind == "choice" and self.form.words:
            known = choice_words(field, self._lang)
            return lambda code: known.get(code, code)
        if field.kind == "bool" and self.form.words:
            yes, no = yes_no(self._lang)
            return lambda value: None if value is None else yes if value else no
        converts: dict[str, Convert] = {
            "number": self._number,
            "decimal": self._number,
            "int": lambda value: str(value) if self.form.texts and value is not None else value,
            "bool": lambda value: value if value is None or not self.form.texts else canonical(value),
            "codes": lambda value: value if value is None or not self._joined else canonical(value),
            "date": lambda value: None if value is None else canonical(value),
            "time": lambda value: None if value is None else canonical(value),
        }
        return converts.get(field.kind, self._text)

    @property
    def _joined(self) -> bool:
        return self.form.texts or self.form.words

    def _number(self, value: Decimal | float | None) -> Cell:
        """A number where the file's numbers can hold it exactly, else its digits."""
        if value is None:
            return None
        digits = canonical(value)
        if self.form.texts:
            return digits
        number = float(f"{value:.16G}")  # as XlsxWriter writes it
        return number if Decimal(repr(number)) == Decimal(digits) else digits

    def _text(self, value: str | None) -> str | None:
        """A text that the import reads as it was, and that no spreadsheet computes."""
        if value is None:
            return None
        text = value if value.isprintable() else "".join(map(_harmless, value))
        dangerous = self.form.formulas and is_formula(text)
        leads = self.form.formulas and text[:1] in _KEPT
        return f"'{text}" if dangerous or leads or has_mark(text) else text

    def _check_constants(self, block: Block) -> None:
        """What the mapping says once for all rows must be so in all of them."""
        for name, text in self._mapping.constants.items():
            if name not in block.columns:
                continue
            field = self.layer.field(name)
            wanted = canonical(_read(field, text))
            other = next((v for v in set(block.columns[name]) if canonical(v) != wanted), wanted)
            if other != wanted:
                raise Refused(
                    f"对应文件把 {name} 定为 {text}，但有记录是 {canonical(other)}，这样导出会改变数据",
                    remedy=f"请去掉 [constants] 中的 {name}，或筛选后再导出",
                )

    # --- positions -----------------------------------------------------------------------------------------

    def _place_cells(self, stored: Shapes | None) -> list[list[Cell]]:
        assert stored is not None
        shapes = in_system(stored, self.declared)
        is_point = shapely.get_type_id(shapes) == 0
        coordinates = np.full((len(shapes), 2), np.nan)
        if "lon" in self.places:
            coordinates[is_point] = shapely.get_coordinates(shapes[is_point])
        texts = np.full(len(shapes), None, dtype=np.object_)
        others = (
            ~is_point & ~shapely.is_missing(shapes) if "lon" in self.places else ~shapely.is_missing(shapes)
        )
        texts[others] = shapely.to_wkt(shapes[others], rounding_precision=-1)
        numbers = [[None if n != n else self._number(n) for n in column.tolist()] for column in coordinates.T]  # noqa: PLR0124 - NaN
        return [{"lon": numbers[0], "lat": numbers[1], "wkt": texts.tolist()}[name] for name in self.places]


def place_columns(layer: Layer) -> list[str]:
    """The columns of a layer's position in a sheet: degrees for points, text for other shapes."""
    if layer.position == "none":
        return []
    points = ["lon", "lat"] if "point" in layer.geometries else []
    return points if layer.geometries == ("point",) else [*points, "wkt"]


def in_system(shapes: Shapes, declared: Declared) -> Shapes:
    """Positions in a declared system, outer rings anticlockwise; CGCS2000 degrees exactly as they are stored."""
    turned = shapely.orient_polygons(shapes)
    if declared.epsg in {4326, 4490}:
        return np.asarray(turned, dtype=np.object_)
    decimals = _DEGREE_DECIMALS if declared.geographic else _METRE_DECIMALS
    coordinates = shapely.get_coordinates(turned)
    x, y = declared.from_lonlat(coordinates[:, 0], coordinates[:, 1])
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise BadInput(f"有记录的位置不能换算到 {declared.name}", remedy="请改用适合本市的坐标系")
    return np.asarray(
        shapely.set_coordinates(turned, np.round(np.column_stack([x, y]), decimals) + 0.0), dtype=np.object_
    )


def canonical(value: Any) -> str:
    """A value as the import's own text; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return ";".join(value)
    if hasattr(value, "astimezone"):
        return str(value.astimezone(CLOCK).isoformat())
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _converted(convert: Convert, values: tuple[Any, ...]) -> list[Cell]:
    """Values as cells; each different one is converted once."""
    if isinstance(next((value for value in values if value is not None), None), list):
        return [convert(value) for value in values]
    known = {value: convert(value) for value in set(values)}
    return [known[value] for value in values]


def _harmless(sign: str) -> str:
    """A character, or the sign for one that cannot be shown where it would break the file."""
    return "\N{REPLACEMENT CHARACTER}" if sign not in _KEPT and breaks_files(sign) else sign


def _amount(value: Decimal, unit: str) -> Decimal:
    """Tonnes as an amount in a unit whose product is these tonnes again. Refused where no number of 30 digits is."""
    with localcontext(prec=MOST_DIGITS):
        amount = value / TONNES[unit]
        if amount.adjusted() < 0:  # a digit after the point counts as one, too
            amount = round(amount, MOST_DIGITS)
    if tonnes(amount, unit) != value:
        raise Refused(f"{value} 吨不能准确地写成 {unit}", remedy="请在对应文件的 [units] 中改用 t 或 kg")
    return amount


def _read(field: Field, text: str) -> Any:
    """A mapping's value of ours, as the import reads it; the text itself where it cannot."""
    try:
        return reader_of(field)(text, field)
    except Unreadable:
        return text


def _backwards(field: Field, plain: Convert, pairs: dict[str, str], text_of: Convert) -> Convert:
    """The mapping's values backwards: ours → theirs, the first where several mean the same."""
    theirs_of: dict[str, str] = {}
    for theirs, ours in pairs.items():
        theirs_of.setdefault(canonical(_read(field, ours)) if ours else "", theirs)
    taken = {value_key(theirs): canonical(_read(field, ours)) for theirs, ours in pairs.items()}

    def convert(value: Any) -> Cell:
        own = canonical(value)
        if own in theirs_of:
            return text_of(theirs_of[own])
        cell = plain(value)
        if taken.get(value_key(str(cell or "")), own) != own:
            raise Refused(
                f"对应文件把 {field.name} 的“{cell or ''}”另有所指，{own or '空值'}无法导出",
                remedy=f"请在 [values.{field.name}] 中为它也写一行",
            )
        return cell

    return convert
