"""The parts of an edition's table, read field by field: what is missing, unknown or out of its bounds says where it stands.

Inside, points are micro-points (1e-6 point), people milli-persons, lengths mm and shares per mille, all int.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from riskmap.editions import Row
from riskmap.errors import BadInput
from riskmap.vocabulary import LEVELS

MICRO = 1_000_000
"""micro-points of a point"""
MILLI = 1_000
"""milli-persons of a person, mm of a metre"""
LONGEST_REACH_M = 3000
_SHORTEST_REACH_M = 150
_LEVEL_OF_WORD = {word: level for level, word in LEVELS.items()}


class Rule(NamedTuple):
    """A rule that holds a colour: level by grade or by area level, and its clause in words."""

    levels: dict[Any, int]
    clause: str
    clause_en: str


class Cells:
    """One section or row with its figures checked."""

    def __init__(self, row: Row) -> None:
        self.row = row

    def whole(self, field: str, most: int, *, least: int = 0) -> int:
        """A whole number from `least` to `most`."""
        number = self.row.number_of(field, positive=False)
        if number != number.to_integral_value() or not least <= number <= most:
            raise self.row.wrong(field, f"须为 {least} 至 {most} 的整数，现为 {number}", "请改正")
        return int(number)

    def points(self, field: str) -> int:
        """Points from 0 to 100 with up to six decimals, as micro-points."""
        return self._micro(field, self.row.number_of(field, positive=False))

    def edges(self, field: str) -> tuple[int, int, int]:
        """Three rising edges, as micro-points."""
        given = self.row.cells[field]
        if not isinstance(given, list) or len(given) != 3:
            raise self.row.wrong(field, "须为三个数", "依次填写黄、橙、红的下限")
        low, middle, high = (self._micro(field, Decimal(str(edge))) for edge in given)
        if not 0 < low < middle < high:
            raise self.row.wrong(field, "须依次增大且大于 0", "依次填写黄、橙、红的下限")
        return low, middle, high

    def reach_mm(self, field: str) -> int:
        """A reach in metres, as mm."""
        return self.whole(field, LONGEST_REACH_M, least=_SHORTEST_REACH_M) * MILLI

    def _micro(self, field: str, points: Decimal) -> int:
        micro = points * MICRO
        if micro != micro.to_integral_value() or not 0 <= points <= 100:
            raise self.row.wrong(field, f"须为 0 至 100、至多六位小数的分值，现为 {points}", "请改正")
        return int(micro)


def _expect_one_row_each(rows: list[Row], key: tuple[str, ...]) -> None:
    known: set[tuple[str, ...]] = set()
    for row in rows:
        values = tuple(row.text(field, needed=field == key[0]) for field in key)
        if values in known:
            raise row.wrong(key[-1], f"{' '.join(values).strip()} 重复", "每项只保留一行")
        known.add(values)


class Sections:
    """The parts of a table, each checked to have exactly its keys."""

    def __init__(self, table: Mapping[str, Any], keys: Mapping[str, tuple[str, ...]]) -> None:
        self.table = table
        self.keys = keys
        self.name = str(table.get("table", {}).get("edition", "risk"))

    def section(self, name: str) -> Cells:
        """One section of the table."""
        row = Row(f"{self.name} [{name}]", None, self.table.get(name, {}))
        row.expect(self.keys[name])
        return Cells(row)

    def rows(
        self,
        name: str,
        columns: tuple[str, ...],
        *,
        key: str | tuple[str, ...] = (),
        may_lack: Collection[str] = (),
    ) -> list[Cells]:
        """The rows of one list, which has some and one for each `key` (of a key of several, all but the first may be empty).

        Columns that it `may_lack` are empty then. BadInput where it has no row, or two of a key.
        """
        content = self.table.get(name)
        if not isinstance(content, list) or not content:
            raise BadInput(f"{self.name}/{name}.csv 不存在或没有数据行", remedy=f"表头为 {','.join(columns)}")
        lacking = dict.fromkeys(may_lack, "")
        rows = [
            Row(f"{self.name}/{name}.csv", number, lacking | dict(cells))
            for number, cells in enumerate(content, 2)
        ]
        rows[0].expect(columns)
        if key:
            _expect_one_row_each(rows, (key,) if isinstance(key, str) else key)
        return [Cells(row) for row in rows]

    def rule(self, name: str, keys: dict[str, Any]) -> Rule:
        """A section that says which colour holds when."""
        row = self.section(name).row
        levels = {
            key: _LEVEL_OF_WORD[row.choice(field, tuple(_LEVEL_OF_WORD))] for field, key in keys.items()
        }
        return Rule(levels, row.text("clause"), row.text("clause_en"))
