"""The weights of the risk account, typed and checked: an edition's table `risk`."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from riskmap.editions import EDITIONS_KEPT, Edition
from riskmap.errors import BadInput
from riskmap.sections import LONGEST_REACH_M, MICRO, MILLI, Cells, Rule, Sections
from riskmap.vocabulary import COMMITTEES, CREDITS, METHODS, RED_FIGURES, SOURCE_KINDS

__all__ = [
    "HAZARDS",
    "LONGEST_REACH_M",
    "MICRO",
    "MILLI",
    "Cells",
    "Credit",
    "Industry",
    "KindRule",
    "Method",
    "RedCondition",
    "RiskWeights",
    "Rule",
    "Sections",
]

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
_MOST_SHARE_PERMILLE = 500
"""credits never take away more than half of a source's items"""
_SECTIONS = {
    "lead": ("share_permille",),
    "edges": ("ordinary", "city", "rise"),
    "worst_placed": ("grid", "village", "overlay", "township", "city", "townships"),
    "place": ("vulnerable_permille", "slow_rescue_permille", "slow_rescue_over_min"),
    "exposure": ("most", "scale_people", "high_sensitive_people"),
    "reach": ("metres_per_point",),
    "premises": ("unknown_points", "unknown_reach_m", "least", "most"),
    "credit": ("most", "share_permille"),
    "floors": ("clause", "clause_en", "grade_1", "grade_2", "grade_3", "grade_4"),
    "raising": ("clause", "clause_en", "village", "township"),
    "incident": ("clause", "clause_en", "grid", "village", "township", "city"),
    "hold": ("points", "hours"),
}


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


class Method(NamedTuple):
    """How a published method's own bands stand on our scale.

    `values` are the method's values at 0, 20, 40, 60 and 100 points, rising or falling; a value that is an edge has
    the worse colour or the better one, as the method says.
    """

    method: str
    name_zh: str
    name_en: str
    values: tuple[Fraction, ...]
    edge_is_worse: bool
    clause: str
    clause_en: str


class Credit(NamedTuple):
    """What the edition takes away for one good practice, and the clause that says what it is."""

    credit: str
    name_zh: str
    name_en: str
    points: int
    clause: str
    clause_en: str


class RedCondition(NamedTuple):
    """What makes a source red whatever its score: all of kind, grade or worse, and a figure of at least `least`.

    None: whatever it is.
    """

    condition: str
    kind: str | None
    grade: int | None
    field: str | None
    least: Fraction
    name_zh: str
    name_en: str
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
    methods: dict[str, Method]
    """the methods besides GB 18218; editions of before there were any count none"""
    credits: dict[str, Credit]
    """none in editions of before there were any"""
    credit_most: int
    credit_share_permille: int
    directly_red: tuple[RedCondition, ...]
    """none unless the city sets some"""
    hold: tuple[int, int] | None
    """micro-points below an edge, and hours, after which a colour that is read falls; None: at once"""

    @classmethod
    @lru_cache(maxsize=EDITIONS_KEPT)
    def from_edition(cls, edition: Edition) -> "RiskWeights":
        """Build from an edition's table `risk`; BadInput as `from_table`."""
        return cls.from_table(edition.table("risk"))

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
        bounds = part.section("credit") if "credit" in part.table else None
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
            methods=_methods(part),
            credits=_credits(part),
            credit_most=bounds.points("most") if bounds else 0,
            credit_share_permille=bounds.whole("share_permille", _MOST_SHARE_PERMILLE) if bounds else 0,
            directly_red=_directly_red(part),
            hold=_hold(part),
        )

    def industry(self, code: str | None) -> Industry:
        """The industry of a GB/T 4754 code, longest match first; section letters and blanks do not matter."""
        digits = "".join(c for c in code or "" if c in "0123456789")
        for size in range(len(digits), 1, -1):
            if digits[:size] in self.industries:
                return self.industries[digits[:size]]
        return self.unknown_industry


def _incident(part: Sections) -> Rule:
    """Editions of before this rule was written have none: an incident raises nothing under them."""
    levels = ("grid", "village", "township", "city")
    return (
        part.rule("incident", dict(zip(levels, levels, strict=True)))
        if "incident" in part.table
        else Rule({}, "", "")
    )


def _hold(part: Sections) -> tuple[int, int] | None:
    if "hold" not in part.table:
        return None
    cells = part.section("hold")
    return cells.points("points"), cells.whole("hours", 24 * 30, least=1)


def _methods(part: Sections) -> dict[str, Method]:
    if "methods" not in part.table:
        return {}
    values = ("points_0", "points_20", "points_40", "points_60", "points_100")
    columns = ("method", "name_zh", "name_en", *values, "edge", "clause", "clause_en")
    methods: dict[str, Method] = {}
    for cells in part.rows("methods", columns, key="method"):
        row = cells.row
        method = row.choice("method", METHODS)
        at = [Fraction(row.number_of(name, positive=False)) for name in values]
        if at not in (sorted(set(at)), sorted(set(at), reverse=True)):
            raise row.wrong("points_0", "各界限须依次增大或依次减小", "依次填写 0、20、40、60、100 分处的值")
        methods[method] = Method(
            method=method,
            name_zh=row.text("name_zh"),
            name_en=row.text("name_en"),
            values=tuple(at),
            edge_is_worse=row.choice("edge", ("worse", "better")) == "worse",
            clause=row.text("clause"),
            clause_en=row.text("clause_en"),
        )
    return methods


def _credits(part: Sections) -> dict[str, Credit]:
    if "credits" not in part.table:
        return {}
    found: dict[str, Credit] = {}
    for cells in part.rows(
        "credits", ("credit", "name_zh", "name_en", "points", "clause", "clause_en"), key="credit"
    ):
        row = cells.row
        credit = row.choice("credit", CREDITS)
        texts = {name: row.text(name) for name in ("name_zh", "name_en", "clause", "clause_en")}
        found[credit] = Credit(credit=credit, points=cells.points("points"), **texts)
    return found


def _directly_red(part: Sections) -> tuple[RedCondition, ...]:
    if not part.table.get("directly_red"):
        return ()
    texts = ("name_zh", "name_en", "clause", "clause_en")
    found: dict[str, RedCondition] = {}
    for cells in part.rows(
        "directly_red", ("condition", "kind", "grade", "field", "least", *texts), key="condition"
    ):
        row = cells.row
        name = row.text("condition")
        given = {key: row.text(key, needed=False) for key in ("kind", "grade", "field")}
        if not any(given.values()):
            raise row.wrong("kind", "没有条件", "kind、grade、field 至少填一项，否则所有危险源都是红色")
        found[name] = RedCondition(
            condition=name,
            kind=row.choice("kind", SOURCE_KINDS) if given["kind"] else None,
            grade=cells.whole("grade", 4, least=1) if given["grade"] else None,
            field=row.choice("field", RED_FIGURES) if given["field"] else None,
            least=Fraction(row.number_of("least", positive=False)) if given["field"] else Fraction(0),
            **{key: row.text(key) for key in texts},
        )
    return tuple(found.values())


def _kinds(part: Sections) -> dict[str, KindRule]:
    kinds: dict[str, KindRule] = {}
    for cells in part.rows("kinds", _KINDS, key="kind"):
        row = cells.row
        kind = row.choice("kind", SOURCE_KINDS)
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
    for cells in part.rows("industries", ("code", "name_zh", "name_en", "points", "reach_m"), key="code"):
        code = cells.row.text("code")
        if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 4):
            raise cells.row.wrong("code", f"{code} 不是二至四位数字", "请填 GB/T 4754-2017 代码")
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
