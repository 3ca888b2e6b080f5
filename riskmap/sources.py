"""Grading of major hazard sources by GB 18218-2018 (危险化学品重大危险源辨识), clause 4: S, R, α, grade, shares.

    S = Σ q/Q            a unit is a major hazard source when S ≥ 1 (clause 4.2.1)
    R = α · Σ β · q/Q    一级 R ≥ 100, 二级 R ≥ 50, 三级 R ≥ 10, else 四级 (clause 4.3, tables 3 to 6)

All of it is exact: quantities are decimals, sums and comparisons rational, so that an inventory which lies on a
threshold is graded by the threshold and not by the machine's rounding.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from riskmap.editions import Edition
from riskmap.errors import BadInput
from riskmap.gb18218 import ROLE, Substance
from riskmap.substances import Match

UnitType = Literal["production", "storage"]
AlphaPeople = Literal["people_500m", "exposed_500m"]
GRADES = {1: "一级", 2: "二级", 3: "三级", 4: "四级"}
"""The words of the grades, only for screens and papers"""

_EXACT = Context(prec=15, traps=[Inexact])
_SHOWN = Context(prec=12, rounding=ROUND_DOWN)


@dataclass(frozen=True)
class Gb18218:
    """The grading rules of one edition: α by people (table 5), grades by R (table 6), what a unit is."""

    edition: str
    standard: str
    alphas: tuple[tuple[int, Fraction], ...]
    thresholds: tuple[tuple[int, Fraction], ...]
    alpha_people: AlphaPeople
    units: dict[str, str]

    @classmethod
    def from_edition(cls, edition: Edition) -> "Gb18218":
        """Build from an edition's table `gb18218`.

        Raises BadInput, naming file, row, field and remedy, where α does not begin at 0 people or falls, where
        the grades are not 1 to 4 with falling R down to 0, or where a key is unknown.
        """
        computing = edition.section(ROLE, "computing", ("confidence", "alpha_people"))
        feeds = computing.choice("alpha_people", ("people_500m", "exposed_500m"))
        units = edition.section(ROLE, "units", ("production", "storage"))
        return cls(
            edition=edition.name,
            standard=edition.table(ROLE)["table"]["basis"],
            alphas=_alphas(edition),
            thresholds=_thresholds(edition),
            alpha_people="people_500m" if feeds == "people_500m" else "exposed_500m",
            units={kind: units.text(kind) for kind in ("production", "storage")},
        )

    def alpha(self, people: int) -> Fraction:
        """α for a number of people within 500 m outside the site; the lower edges are inclusive (table 5)."""
        if people < 0:
            raise BadInput(f"暴露人数不能为负：{people}", remedy="请核对人口数据")
        return next(alpha for people_min, alpha in reversed(self.alphas) if people >= people_min)

    def grade(self, s: Fraction, r: Fraction) -> int | None:
        """1 for 一级 … 4 for 四级, None below S = 1; the lower edges are inclusive (table 6)."""
        return next(grade for grade, r_min in self.thresholds if r >= r_min) if s >= 1 else None


@dataclass(frozen=True, slots=True)
class Item:
    """One inventory record: its code, its design-maximum quantity in tonnes (clause 4.2.2), what it was matched to.

    `label` is the substance as written. A float is taken as the decimal it is written as.
    """

    code: str
    quantity_t: Decimal | Fraction | int | float
    match: Match
    label: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What one matched record contributes: terms q/Q and β·q/Q, and their parts of S and R (0 to 1).

    `beta` and `r_term` are None where the edition has no β to compute with: the record then counts in S only.
    """

    code: str
    label: str
    match: Match
    quantity_t: Fraction
    critical_t: Fraction
    beta: Fraction | None
    s_term: Fraction
    r_term: Fraction | None
    s_share: Fraction
    r_share: Fraction


@dataclass(frozen=True, slots=True)
class Grading:
    """The grading of one source.

    `s` and `weighted` (Σ β·q/Q, before α) are always there; `alpha`, `r` and `grade` are None where the people
    are unknown, `grade` also below S = 1. `partial`: some record matched nothing or has no β, so S and R are
    lower bounds. Shares are in the order of their codes.
    """

    s: Fraction
    weighted: Fraction
    people: int | None
    alpha: Fraction | None
    r: Fraction | None
    grade: int | None
    shares: tuple[Share, ...]
    unmatched: tuple[Item, ...]
    unit_type: UnitType | None
    unit_rule: str
    edition: str
    standard: str

    @property
    def partial(self) -> bool:
        """Whether S and R are only lower bounds."""
        return bool(self.unmatched) or any(share.beta is None for share in self.shares)

    def to_json(self) -> dict[str, Any]:
        """The grading as JSON values, numbers by `shown`; `unmatched` with reasons and suggestions."""
        return {
            "s": shown(self.s),
            "r": shown(self.r),
            "alpha": shown(self.alpha),
            "people": self.people,
            "grade": self.grade,
            "partial": self.partial,
            "unit_type": self.unit_type,
            "unit_rule": self.unit_rule,
            "edition": self.edition,
            "standard": self.standard,
            "shares": [_share_json(share) for share in self.shares],
            "unmatched": [_unmatched_json(item) for item in self.unmatched],
        }


def grade_source(
    items: Iterable[Item], people_500m: int | None, rules: Gb18218, *, unit_type: UnitType | None = None
) -> Grading:
    """Grade one unit from its inventory and the people within 500 m outside its site (None: unknown).

    Raises BadInput, naming the record, for a quantity that is negative or no number, or for a doubled code.
    """
    ordered = sorted(items, key=lambda item: item.code)
    for one, next_one in pairwise(ordered):
        if one.code == next_one.code:
            raise BadInput(f"存量记录 {one.code} 重复", remedy="每条记录使用不同的编码")
    quantities = {item.code: exact_quantity(item) for item in ordered}
    terms = [
        (item, sub, quantities[item.code] / sub.critical_t)
        for item in ordered
        if (sub := item.match.substance)
    ]
    s = sum((s_term for _, _, s_term in terms), Fraction(0))
    weighted = sum((sub.beta * s_term for _, sub, s_term in terms if sub.beta is not None), Fraction(0))
    alpha = None if people_500m is None else rules.alpha(people_500m)
    r = None if alpha is None else alpha * weighted
    return Grading(
        s=s,
        weighted=weighted,
        people=people_500m,
        alpha=alpha,
        r=r,
        grade=None if r is None else rules.grade(s, r),
        shares=tuple(_share(item, quantities[item.code], sub, s, weighted) for item, sub, _ in terms),
        unmatched=tuple(item for item in ordered if not item.match.substance),
        unit_type=unit_type,
        unit_rule=rules.units[unit_type] if unit_type else "",
        edition=rules.edition,
        standard=rules.standard,
    )


def shown(value: Fraction | None) -> float | int | None:
    """A rational number as a JSON number: exact up to 15 digits, else 12 digits rounded towards 0.

    Never rounded up, so that a number below a threshold is not shown as the threshold.
    """
    if value is None or value.denominator == 1:
        return None if value is None else value.numerator
    numerator, denominator = Decimal(value.numerator), Decimal(value.denominator)
    try:
        return float(_EXACT.divide(numerator, denominator))
    except Inexact:
        return float(_SHOWN.divide(numerator, denominator))


def exact_quantity(item: Item) -> Fraction:
    """The quantity of a record in tonnes, a float as the decimal it prints as; BadInput where it is none."""
    value = item.quantity_t
    try:
        quantity = Fraction(Decimal(float.__repr__(value)) if isinstance(value, float) else value)
    except (ValueError, OverflowError, InvalidOperation):
        quantity = Fraction(-1)
    if quantity < 0:
        raise BadInput(f"存量记录 {item.code} 的数量 {value} 不是非负的数", remedy="请填写以吨计的设计最大量")
    return quantity


def _share(item: Item, quantity_t: Fraction, substance: Substance, s: Fraction, weighted: Fraction) -> Share:
    s_term = quantity_t / substance.critical_t
    r_term = None if substance.beta is None else substance.beta * s_term
    return Share(
        code=item.code,
        label=item.label or substance.name_zh,
        match=item.match,
        quantity_t=quantity_t,
        critical_t=substance.critical_t,
        beta=substance.beta,
        s_term=s_term,
        r_term=r_term,
        s_share=s_term / s if s else Fraction(0),
        r_share=r_term / weighted if r_term and weighted else Fraction(0),
    )


def _alphas(edition: Edition) -> tuple[tuple[int, Fraction], ...]:
    """Table 5, people rising from 0, α never falling."""
    steps: list[tuple[int, Fraction]] = []
    for row in edition.rows(ROLE, "table5", ("people_min", "alpha")):
        people, alpha = row.number_of("people_min", positive=False), Fraction(row.number_of("alpha"))
        if people != int(people) or (people != 0 if not steps else people <= steps[-1][0]):
            raise row.wrong("people_min", f"{people} 不是从 0 起递增的整数", "请按人数从小到大排列，首行为 0")
        if steps and alpha < steps[-1][1]:
            raise row.wrong("alpha", f"{alpha} 小于上一行", "人数增加时 α 不得减小")
        steps.append((int(people), alpha))
    return tuple(steps)


def _thresholds(edition: Edition) -> tuple[tuple[int, Fraction], ...]:
    """Table 6, grades 1 to 4 with falling R, the last from 0."""
    edges: list[tuple[int, Fraction]] = []
    for row in edition.rows(ROLE, "table6", ("grade", "r_min")):
        r_min = Fraction(row.number_of("r_min", positive=False))
        if row.text("grade") != str(len(edges) + 1):
            raise row.wrong("grade", "不是依次的 1、2、3、4", "请按 1 至 4 级排列")
        if (edges and r_min >= edges[-1][1]) or (r_min == 0) != (row.text("grade") == "4"):
            raise row.wrong("r_min", "未逐级减小到 0", "请按 R 从大到小排列，四级为 0")
        edges.append((len(edges) + 1, r_min))
    if len(edges) != len(GRADES):
        raise row.wrong("grade", "不足四级", "请补全 1 至 4 级")
    return tuple(edges)


def _share_json(share: Share) -> dict[str, Any]:
    substance = share.match.substance
    assert substance is not None
    return {
        "code": share.code,
        "label": share.label,
        "substance": substance.code,
        "name": substance.name_zh,
        "name_en": substance.name_en,
        "clause": substance.clause,
        "beta_clause": substance.beta_clause if share.beta is not None else None,
        "notes": list(share.match.notes),
        "quantity_t": shown(share.quantity_t),
        "critical_t": shown(share.critical_t),
        "beta": shown(share.beta),
        "s_term": shown(share.s_term),
        "r_term": shown(share.r_term),
        "s_share": shown(share.s_share),
        "r_share": shown(share.r_share),
    }


def _unmatched_json(item: Item) -> dict[str, Any]:
    return {
        "code": item.code,
        "label": item.label,
        "quantity_t": shown(exact_quantity(item)),
        "reason": item.match.reason,
        "reason_text": item.match.reason_text,
        "remedy": item.match.remedy,
        "suggestions": [
            {"code": one.code, "name": one.name, "score": one.score} for one in item.match.suggestions
        ],
    }
