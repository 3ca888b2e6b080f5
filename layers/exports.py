"""A layer's records on their way out: now or as of a moment, limited as asked, as columns block by block.

Read in the caller's transaction, so row rights are the caller's. A cursor of the database hands out the rows, so a
layer of any size passes through the memory of one block.
"""

from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from itertools import starmap
from typing import Any

import numpy as np
import shapely
from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from layers import dangers
from layers.fields import Layer
from layers.history import Moment, results_of, rows_of
from layers.levels import LEVEL_NAMES, level_number
from layers.sheets import Shapes
from riskmap.errors import BadInput, NotFound

_BLOCK = 20_000
_LEVELLED = ("source", "enterprise")
"""layers whose records have a level of their own"""
_OF_ENTERPRISES = ("enterprise", "source", "inventory", "sensor", "danger", "event", "duty", "zone_external")
"""layers whose records are an enterprise or belong to one"""
_TITLES = ("name", "title", "person", "place")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is limited to: a township (9-digit code), the beginning of an industry code, levels, a moment.

    `level` is the current one, `base_level` inherent, `rise_level` what dynamic records add. `kind` and `text` (a part
    of the name or code) are those of the lists, `state` and `grade` those of the ledger of dangers, so that a page
    exports what it shows.
    """

    as_of: str | None = None
    township: str | None = None
    industry: str | None = None
    level: str | None = None
    base_level: str | None = None
    rise_level: str | None = None
    kind: str | None = None
    text: str | None = None
    state: str | None = None
    grade: str | None = None

    def told(self) -> dict[str, str]:
        """What is asked for, by name."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class Block:
    """Some records: values by canonical field, the township each was placed in, positions in CGCS2000 degrees."""

    columns: dict[str, tuple[Any, ...]]
    placed: tuple[str | None, ...]
    shapes: Shapes | None

    def __len__(self) -> int:
        return len(self.placed)

    @classmethod
    def empty(cls, layer: Layer) -> "Block":
        """No records, with all their columns."""
        shapes = None if layer.position == "none" else np.empty(0, dtype=np.object_)
        return cls({field.name: () for field in layer.fields}, (), shapes)


class Export:
    """The records of one layer that a caller asks for, now or as of a moment; BadInput where it cannot be limited so."""

    def __init__(
        self, connection: Connection, layer: Layer, wanted: Wanted, then: Moment | None = None
    ) -> None:
        self.layer = layer
        self._connection = connection
        self._then = then
        self._rows = rows_of(layer.table, self._then)
        if wanted.township:
            _know_township(connection, wanted.township, self._then)
        self._conditions = list(self._limits(wanted))

    def count(self) -> int:
        """How many records there are."""
        query = select(func.count()).select_from(self._rows).where(*self._conditions)
        return int(self._connection.execute(query).scalar_one())

    def blocks(self) -> Generator[Block, None, None]:
        """The records in order of code."""
        names = [field.name for field in self.layer.fields]
        placed = self.layer.position != "none"
        query = self._query(placed=placed)
        with self._connection.execute(query, execution_options={"yield_per": _BLOCK}) as found:
            for rows in found.partitions():
                columns = list(zip(*rows, strict=True))
                shapes = _shapes(columns.pop()) if placed else None
                yield Block(dict(zip(names, columns, strict=False)), columns[len(names)], shapes)

    def _query(self, *, placed: bool) -> Select[Any]:
        rows = self._rows
        columns = [rows.c[name] for name in self.layer.columns]
        labelled = list(starmap(_labelled, enumerate([*columns, rows.c.township_code])))
        if placed:
            labelled.append(func.ST_AsBinary(rows.c.geom).label("shape"))
        return select(*labelled).where(*self._conditions).order_by(rows.c.code)

    def _limits(self, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
        rows = self._rows
        if wanted.township:
            yield rows.c.township_code == wanted.township
        if wanted.industry:
            yield self._of_industry(wanted.industry)
        for name in LEVEL_NAMES:
            if level := getattr(wanted, name):
                yield self._of_level(name, level)
        if wanted.kind:
            if "kind" not in rows.c:
                raise BadInput(f"{self.layer.zh}没有类别", remedy="请去掉条件 kind")
            yield rows.c.kind == wanted.kind
        if wanted.text and self.layer.table != "danger":
            named = [rows.c[name] for name in ("code", *_TITLES) if name in rows.c]
            yield or_(*(name.icontains(wanted.text, autoescape=True) for name in named))
        if self.layer.table == "danger":
            yield self._of_ledger(wanted)
        elif wanted.state or wanted.grade:
            raise BadInput(f"{self.layer.zh}不能按整改状态或隐患等级筛选", remedy="请去掉条件 state 和 grade")

    def _of_industry(self, prefix: str) -> ColumnElement[bool]:
        if self.layer.table not in _OF_ENTERPRISES:
            raise BadInput(
                f"{self.layer.zh}不属于企业，不能按行业筛选",
                remedy="请去掉条件 industry，或改导出企业、危险源等",
            )
        owner = rows_of("enterprise", self._then).alias("owner")
        codes = select(owner.c.code).where(owner.c.industry.startswith(prefix, autoescape=True))
        return self._rows.c["code" if self.layer.table == "enterprise" else "enterprise_code"].in_(codes)

    def _of_level(self, name: str, level: str) -> ColumnElement[bool]:
        if self.layer.table not in _LEVELLED:
            raise BadInput(
                f"{self.layer.zh}没有风险等级，不能按等级筛选",
                remedy=f"只有企业和危险源有等级；请去掉条件 {name}",
            )
        result = results_of("score", self._then).alias("result")
        return self._rows.c.code.in_(
            select(result.c.code).where(
                result.c.kind == self.layer.table, result.c[name] == level_number(level)
            )
        )

    def _of_ledger(self, wanted: Wanted) -> ColumnElement[bool]:
        if wanted.state and self._then is not None:
            raise BadInput("整改状态只能按现状筛选", remedy="请去掉条件 state 或 as_of")
        if wanted.state and wanted.state not in dangers.STATES:
            raise BadInput(f"没有状态 {wanted.state[:20]}", remedy=f"可用：{' '.join(dangers.STATES)}")
        return dangers.matching(
            dangers.Wanted(state=wanted.state, grade=wanted.grade, text=wanted.text), self._rows
        )


def _know_township(connection: Connection, code: str, then: Moment | None) -> None:
    """NotFound where no township has this code: a wrong code would give an empty file that looks right."""
    areas = rows_of("area", then)
    query = select(areas.c.code).where(areas.c.code == code, areas.c.level == "township")
    if connection.execute(query).first() is None:
        raise NotFound(f"没有编码为 {code[:64]} 的镇街", remedy="请填写 9 位镇街代码，如 430981006")


def _labelled(number: int, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column under a name of its own: a declared field may be one of the scope's, too."""
    return column.label(f"c{number}")


def _shapes(binary: tuple[bytes | None, ...]) -> Shapes:
    packed = np.full(len(binary), None, dtype=np.object_)
    packed[:] = binary
    return np.asarray(shapely.from_wkb(packed), dtype=np.object_)
