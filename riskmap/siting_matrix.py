"""Consequence zones × sensitivity: may a use of this sensitivity stand in this zone of a hazard.

The engine is that of the HSE's land use planning methodology (zones inner, middle, outer; levels 1 to 4; the rules of
straddling sites, several hazards, mixed use, small extensions and temporary uses). Its cells, classes and shares are the
edition's: by default the classes of GB 36894-2018; the HSE's own table is what the engine is tested against.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from riskmap.errors import BadInput
from riskmap.sections import Sections
from riskmap.vocabulary import DEVELOPMENT_KINDS, SOURCE_KINDS

MEASURES = ("dwellings", "people", "beds", "floor_area_m2", "area_m2", "density_per_ha", "storeys")
"""What the size of a use is told by."""
LEVELS = (1, 2, 3, 4)
_OK, _AGAINST = "ok", "against"
_MEANINGS = ("study_required", "not_in_principle", "veto")
_SHARE_DECIMALS = 6


class Step(NamedTuple):
    """From which figure of a measure on a kind of use is of a class; without a measure always."""

    kind: str
    measure: str
    over: bool
    edge: Decimal
    word: str
    basis: str
    confidence: str

    def reached(self, value: Decimal) -> bool:
        """Whether a figure is over the edge; the edge itself counts unless the text says “more than”."""
        return value > self.edge if self.over else value >= self.edge


class Use(NamedTuple):
    """One use of a site: what comes there, and how much of it by measure; what is not told is unknown."""

    kind: str
    measures: Mapping[str, Decimal]


class Sensitivity(NamedTuple):
    """How sensitive a use is: its level, the class and the text that says so.

    `assumed`: nothing that tells its size is known, so the most sensitive class of its kind is taken.
    """

    kind: str
    level: int
    word: str
    basis: str
    assumed: bool


class Cell(NamedTuple):
    """What the matrix says of one use in one zone; zone None: outside all of them."""

    sensitivity: Sensitivity
    zone: str | None
    against: bool


@dataclass(frozen=True)
class Matrix:
    """The cells, the classes and the shares of one edition; zones from the innermost to the outermost."""

    zones: tuple[str, ...]
    against: Mapping[tuple[str, int], bool]
    levels: Mapping[str, int]
    names: Mapping[str, tuple[str, str]]
    steps: tuple[Step, ...]
    straddle_permille: int
    extension_permille: int
    temporary_years: int
    against_screening: str
    against_study: str
    """what it means where the matrix is against, by a screening distance and by a zone of an approved study"""

    def is_against(self, zone: str | None, level: int) -> bool:
        """Whether nothing of this level may stand in the zone; outside all zones anything may."""
        return zone is not None and self.against[zone, level]

    def zones_against(self, level: int) -> tuple[str, ...]:
        """The zones in which nothing of a level may stand."""
        return tuple(zone for zone in self.zones if self.against[zone, level])

    def zone_of(self, shares: Mapping[str, float]) -> str | None:
        """The zone a site counts as in: the innermost that holds at least the straddling share of it.

        `shares` are parts of the site's area within each zone's outer boundary (0 to 1); a zone that is not named has no
        boundary on file.
        """
        for zone in self.zones:
            share = round(shares.get(zone, 0.0), _SHARE_DECIMALS)
            if share > 0 and share * 1000 >= self.straddle_permille:
                return zone
        return None

    def sensitivity(self, use: Use) -> Sensitivity | None:
        """The class of a use: the most sensitive that any of its known figures gives; None for what the edition does not class."""
        steps = [step for step in self.steps if step.kind == use.kind]
        if not steps:
            return None
        always = [step for step in steps if not step.measure]
        known = [
            next((s for s in steps if s.measure == measure and s.reached(use.measures[measure])), None)
            for measure in dict.fromkeys(step.measure for step in steps)
            if measure in use.measures
        ]
        reached = always + [step for step in known if step is not None]
        assumed = not reached
        best = max(reached or steps, key=lambda step: self.levels[step.word])
        return Sensitivity(use.kind, self.levels[best.word], best.word, best.basis, assumed)

    def sensitivities(
        self, uses: Iterable[Use], existing: Iterable[Use] = (), years: int | None = None
    ) -> list[Sensitivity]:
        """The classes of all uses of a site, those of one kind counted together.

        An extension that adds more than the edition's share to what stands there counts together with it. A temporary
        use of few enough `years` is a level less sensitive, if the edition says so.
        """
        standing = {use.kind: use for use in together(existing)}
        found = []
        for use in together(uses):
            judged = use
            if use.kind in standing and not self._small(use, standing[use.kind]):
                judged = together([use, standing[use.kind]])[0]
            one = self.sensitivity(judged)
            if one is not None:
                found.append(self._for_years(one, years))
        return found

    def cells(
        self, sensitivities: Iterable[Sensitivity], hazards: Sequence[Mapping[str, float]]
    ) -> list[Cell]:
        """What the matrix says of each use for each hazard, hazard by hazard; one “against” is enough for the whole."""
        sensitive = list(sensitivities)
        found = []
        for shares in hazards:
            zone = self.zone_of(shares)
            found += [Cell(one, zone, self.is_against(zone, one.level)) for one in sensitive]
        return found

    def _small(self, added: Use, standing: Use) -> bool:
        """Whether an extension is small by every figure that is known of both; unknown: it is not."""
        shared = [name for name in added.measures if standing.measures.get(name)]
        return bool(shared) and all(
            added.measures[name] * 1000 <= standing.measures[name] * self.extension_permille
            for name in shared
        )

    def _for_years(self, one: Sensitivity, years: int | None) -> Sensitivity:
        if years is None or years > self.temporary_years:
            return one
        return one._replace(level=max(1, one.level - 1))


def together(uses: Iterable[Use]) -> list[Use]:
    """Uses of one kind as one: figures added up, but for those that are no sums (density, storeys)."""
    by_kind: dict[str, dict[str, Decimal]] = {}
    for use in uses:
        known = by_kind.setdefault(use.kind, {})
        for name, value in use.measures.items():
            most = name in {"density_per_ha", "storeys"}
            known[name] = max(known.get(name, value), value) if most else known.get(name, Decimal(0)) + value
    return [Use(kind, measures) for kind, measures in by_kind.items()]


def read_matrix(part: Sections) -> Matrix:
    """The matrix of a table `siting`. BadInput, naming file, row and field, for what is wrong."""
    head = part.section("matrix")
    zones = head.row.cells["zones"]
    if not isinstance(zones, list) or not zones or len(set(zones)) != len(zones):
        raise head.row.wrong("zones", "须为不重复的区名列表", "由内到外，如 inner、middle、outer")
    levels, names = _levels(part)
    return Matrix(
        zones=tuple(zones),
        against=_cells(part, tuple(zones)),
        levels=levels,
        names=names,
        steps=_steps(part, levels),
        straddle_permille=head.whole("straddle_permille", 1000),
        extension_permille=head.whole("extension_permille", 1000),
        temporary_years=head.whole("temporary_years", 100),
        against_screening=head.row.choice("against_screening", _MEANINGS),
        against_study=head.row.choice("against_study", _MEANINGS),
    )


def _levels(part: Sections) -> tuple[dict[str, int], dict[str, tuple[str, str]]]:
    levels, names = {}, {}
    for cells in part.rows("levels", ("word", "level", "name_zh", "name_en"), key="word"):
        word = cells.row.text("word")
        levels[word] = cells.whole("level", max(LEVELS), least=min(LEVELS))
        names[word] = cells.row.text("name_zh"), cells.row.text("name_en")
    return levels, names


def _cells(part: Sections, zones: tuple[str, ...]) -> dict[tuple[str, int], bool]:
    against = {}
    for cells in part.rows("cells", ("zone", *(f"level_{level}" for level in LEVELS)), key="zone"):
        zone = cells.row.choice("zone", zones)
        for level in LEVELS:
            against[zone, level] = cells.row.choice(f"level_{level}", (_OK, _AGAINST)) == _AGAINST
    if len(against) != len(zones) * len(LEVELS):
        raise BadInput(f"{part.name}/cells.csv 缺少区", remedy=f"请补全：{'、'.join(zones)}")
    order = list(pairwise(zones))
    for level in LEVELS:
        if any(against[outer, level] and not against[inner, level] for inner, outer in order):
            raise BadInput(f"{part.name}/cells.csv 第 {level} 级内区比外区宽松", remedy="请改正")
    return against


def _steps(part: Sections, levels: Mapping[str, int]) -> tuple[Step, ...]:
    """Steps of one kind and measure stand from the highest figure to the lowest."""
    steps: list[Step] = []
    for cells in part.rows(
        "sensitivity", ("kind", "measure", "edge", "from", "class", "basis", "confidence")
    ):
        row = cells.row
        measure = row.text("measure", needed=False)
        kind = row.choice("kind", (*SOURCE_KINDS, *DEVELOPMENT_KINDS))
        if measure:
            row.choice("measure", MEASURES)
        over = bool(measure) and row.choice("edge", ("at", "over")) == "over"
        edge = row.number_of("from", positive=False) if measure else Decimal(0)
        marks = row.text("basis"), row.choice("confidence", ("high", "medium", "low"))
        one = Step(kind, measure, over, edge, row.choice("class", tuple(levels)), *marks)
        before = [step for step in steps if (step.kind, step.measure) == (kind, measure)]
        if before and before[-1].edge <= edge:
            raise row.wrong("from", "同一类别和指标须由大到小排列", "请改正行的次序")
        steps.append(one)
    return tuple(steps)
