"""What a layer and its fields are: names, kinds, limits and headers, before any layer is listed (`layers.fields`)."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "int", "decimal", "number", "bool", "date", "time", "choice", "codes"]
Position = Literal["none", "optional", "required"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column: canonical name, kind, limits and headers."""

    name: str
    zh: str
    en: str
    kind: Kind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    length: int = 400
    """most characters of a text"""
    layer: str = ""
    """a code of this layer must exist in it"""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its import name (plural), its table (singular), headers and fields."""

    name: str
    table: str
    zh: str
    en: str
    fields: tuple[Field, ...]
    position: Position = "none"
    geometries: tuple[str, ...] = ()
    """allowed geometry families of a position: point, line, polygon"""
    scope_of: str = ""
    """records without a position live where the record named by this field lives"""
    immutable: bool = False
    """only ever added to; a repeated code is the same record"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The database columns of the fields, in order: `code` is the key, the declared township stands apart."""
        renamed = {"event_id": "code", "township_code": "declared_township_code"}
        return tuple(renamed.get(f.name, f.name) for f in self.fields)

    def field(self, name: str) -> Field:
        """The field of that name; KeyError where there is none."""
        return next(f for f in self.fields if f.name == name)


def code_field(zh: str = "编码", en: str = "Code", *, required: bool = True) -> Field:
    """The key of a layer."""
    return Field("code", zh, en, required=required, length=64)


def name_field(zh: str = "名称", en: str = "Name") -> Field:
    """What people call a record."""
    return Field("name", zh, en, required=True, length=200)
