"""The weights of the risk account, typed and checked: an edition's table `risk`.

Inside, points are micro-points (1e-6 point), people milli-persons, lengths mm and shares per mille, all int.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from riskmap.editions import Row
from riskmap.errors import BadInput
from riskmap.vocabulary import COMMITTEES, LEVELS, SOURCE_KINDS

MICRO = 1_000_000
"""micro-points of a point"""
MILLI = 1_000
"""milli-persons of a person, mm of a metre"""
HAZARDS = ("fire", "explosion", "toxic", "traffic", "crowd", "drowning", "collapse")

_KINDS = (
    "kind",
    "name_zh",
    "name_en",
    "points",
    "reach_m",
    "workers_from",
    "workers_points",
    "hazards",
    "committee",
)
_SECTIONS = {
    "lead": ("share_permille",),
    "edges": ("ordinary", "city", "rise"),
    "worst_placed": ("grid", "village", "overlay", "township", "city", "townships"),
    "place": ("vulnerable_permille", "slow_rescue_permille", "slow_rescue_over_min"),
    "exposure": ("most", "scale_people", "high_sensitive_people"),
    "reach": ("metres_per_point",),
    "premises": ("unknown_points", "unknown_reach_m", "least", "most"),
    "floors": ("clause", "clause_en", "grade_1", "grade_2", "grade_3", "grade_4"),
    "raising": ("clause", "clause_en", "village", "township"),
    "incident": ("clause", "clause_en", "grid", "village", "township", "city"),
}
LONGEST_REACH_M = 3000
_SHORTEST_REACH_M = 150
_LEVEL_OF_WORD = {word: level for level, word in LEVELS.items()}


class KindRule(NamedTuple):
    """What the edition says of one kind of source; from `workers_from` workers on `workers_points` count."""

    kind: str
    name_zh: str
    name_en: str
    points: int
    reach_mm: int
    workers_from: int | None
    workers_points: int
    hazards: tuple[str, ...]
    committee: str


class Industry(NamedTuple):
    """Points and reach of the premises of one industry (GB/T 4754-2017 code of two to four digits)."""

    code: str
    name_zh: str
    name_en: str
    points: int
    reach_mm: int


class Rule(NamedTuple):
    """A rule that holds a colour: level by grade or by area level, and its clause in words."""

    levels: dict[Any, int]
    clause: str
    clause_en: str


@dataclass(frozen=True)
class RiskWeights:
    """Everything that the account computes with; build it with `from_table`."""

    share_permille: int
    edges: dict[str, tuple[int, int, int]]
    worst_placed: dict[str, int]
    townships_of_city: int
    vulnerable_permille: int
    slow_rescue_permille: int
    slow_rescue_over_min: int
    exposure_most: int
    exposure_scale: int
    high_sensitive_people: int
    reach_per_point_mm: int
    kinds: dict[str, KindRule]
    industries: dict[str, Industry]
    unknown_industry: Industry
    premises_least: int
    premises_most: int
    workers: tuple[tuple[int, int], ...]
    floors: Rule
    raising: Rule
    """what a red source makes of the areas it stands in"""
    incident: Rule
    """what a confirmed incident makes of the areas it happens in"""

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "RiskWeights":
        """Build from an edition's `table("risk")`.

        Raises BadInput, naming file, row and field, for a missing or unknown key, a figure out of its bounds,
        edges that do not rise, or a kind of source that is missing or doubled.
        """
        part = Sections(table, _SECTIONS)
        lead, place = part.section("lead"), part.section("place")
        exposure, premises = part.section("exposure"), part.section("premises")
        least, most = premises.points("least"), premises.points("most")
        if least > most:
            raise premises.row.wrong("most", "小于 least", "请改正")
        edges = part.section("edges")
        worst = part.section("worst_placed")
        return cls(
            share_permille=lead.whole("share_permille", 1000),
            edges={name: edges.edges(name) for name in ("ordinary", "city", "rise")},
            worst_placed={
                name: worst.whole(name, 10_000_000, least=1) * MILLI
                for name in ("grid", "village", "overlay", "township", "city")
            },
            townships_of_city=worst.whole("townships", 1000, least=1),
            vulnerable_permille=place.whole("vulnerable_permille", 10_000),
            slow_rescue_permille=place.whole("slow_rescue_permille", 10_000),
            slow_rescue_over_min=place.whole("slow_rescue_over_min", 10_000),
            exposure_most=exposure.points("most"),
            exposure_scale=exposure.whole("scale_people", 1_000_000, least=1) * MILLI,
            high_sensitive_people=exposure.whole("high_sensitive_people", 1_000_000) * MILLI,
            reach_per_point_mm=part.section("reach").whole("metres_per_point", 1000) * MILLI,
            kinds=_kinds(part),
            industries=_industries(part),
            unknown_industry=Industry(
                "", "", "", premises.points("unknown_points"), premises.reach_mm("unknown_reach_m")
            ),
            premises_least=least,
            premises_most=most,
            workers=_workers(part),
            floors=part.rule("floors", {f"grade_{grade}": grade for grade in (1, 2, 3, 4)}),
            raising=part.rule("raising", {"village": "village", "township": "township"}),
            incident=_incident(part),
        )

    def industry(self, code: str | None) -> Industry:
        """The industry of a GB/T 4754 code, longest match first; section letters and blanks do not matter."""
        digits = "".join(c for c in code or "" if c in "0123456789")
        for size in range(len(digits), 1, -1):
            if digits[:size] in self.industries:
                return self.industries[digits[:size]]
        return self.unknown_industry


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

    def rows(self, name: str, columns: tuple[str, ...]) -> list[Cells]:
        """The rows of one list, which has some; BadInput where it has none."""
        content = self.table.get(name)
        if not isinstance(content, list) or not content:
            raise BadInput(f"{self.name}/{name}.csv 不存在或没有数据行", remedy=f"表头为 {','.join(columns)}")
        rows = [Row(f"{self.name}/{name}.csv", number, cells) for number, cells in enumerate(content, 2)]
        rows[0].expect(columns)
        return [Cells(row) for row in rows]

    def rule(self, name: str, keys: dict[str, Any]) -> Rule:
        """A section that says which colour holds when."""
        row = self.section(name).row
        levels = {
            key: _LEVEL_OF_WORD[row.choice(field, tuple(_LEVEL_OF_WORD))] for field, key in keys.items()
        }
        return Rule(levels, row.text("clause"), row.text("clause_en"))


def _incident(part: Sections) -> Rule:
    """Editions of before this rule was written have none: an incident raises nothing under them."""
    levels = ("grid", "village", "township", "city")
    return (
        part.rule("incident", dict(zip(levels, levels, strict=True)))
        if "incident" in part.table
        else Rule({}, "", "")
    )


def _kinds(part: Sections) -> dict[str, KindRule]:
    kinds: dict[str, KindRule] = {}
    for cells in part.rows("kinds", _KINDS):
        row = cells.row
        kind = row.choice("kind", SOURCE_KINDS)
        if kind in kinds:
            raise row.wrong("kind", f"{kind} 重复", "每类只保留一行")
        points = cells.points("points")
        large = bool(row.text("workers_from", needed=False))
        workers_points = cells.points("workers_points") if large else points
        if workers_points < points:
            raise row.wrong("workers_points", "小于 points", "人数多的分值不应更低")
        hazards = tuple(row.text("hazards").split(";"))
        for hazard in hazards:
            if hazard not in HAZARDS:
                raise row.wrong("hazards", f"不能是 {hazard}", f"可用值：{'、'.join(HAZARDS)}")
        kinds[kind] = KindRule(
            kind=kind,
            name_zh=row.text("name_zh"),
            name_en=row.text("name_en"),
            points=points,
            reach_mm=cells.reach_mm("reach_m"),
            workers_from=cells.whole("workers_from", 1_000_000) if large else None,
            workers_points=workers_points,
            hazards=hazards,
            committee=row.choice("committee", COMMITTEES),
        )
    missing = [kind for kind in SOURCE_KINDS if kind not in kinds]
    if missing:
        raise BadInput(f"{part.name}/kinds.csv 缺少类别 {'、'.join(missing)}", remedy="请补上这些行")
    return kinds


def _industries(part: Sections) -> dict[str, Industry]:
    industries: dict[str, Industry] = {}
    for cells in part.rows("industries", ("code", "name_zh", "name_en", "points", "reach_m")):
        code = cells.row.text("code")
        if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 4) or code in industries:
            raise cells.row.wrong("code", f"{code} 不是二至四位数字或重复", "请填 GB/T 4754-2017 代码")
        industries[code] = Industry(
            code,
            cells.row.text("name_zh"),
            cells.row.text("name_en"),
            cells.points("points"),
            cells.reach_mm("reach_m"),
        )
    return industries


def _workers(part: Sections) -> tuple[tuple[int, int], ...]:
    bands = [
        (cells.whole("workers_from", 1_000_000), cells.points("points"))
        for cells in part.rows("workers", ("workers_from", "points"))
    ]
    if bands != sorted(set(bands)) or [points for _, points in bands] != sorted(
        points for _, points in bands
    ):
        raise BadInput(f"{part.name}/workers.csv 须按人数递增，分值不减", remedy="请改正行的次序或分值")
    return tuple(bands)
