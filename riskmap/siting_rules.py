"""What an edition says of siting (选址准入), typed and checked: its table `siting`.

Lengths are whole mm, shares per mille. Editions of before the table was written use the shipped one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from riskmap.editions import EDITIONS_KEPT, Edition, table_or_shipped
from riskmap.errors import BadInput
from riskmap.sections import MILLI, Cells, Sections
from riskmap.siting_matrix import Matrix, read_matrix
from riskmap.vocabulary import DEVELOPMENT_KINDS, LINE_KINDS, SOURCE_KINDS, TARGET_CLASSES

ROLE = "siting"
SHIPPED = "siting_2026_1"
STOCKED = "stocked"
STAGES = ("new", "extension", "temporary")
PROPOSAL_KINDS = (*SOURCE_KINDS, *DEVELOPMENT_KINDS)
OUTCOMES = ("admissible", "no_data", "not_on_file", "study_required", "not_in_principle", "veto")
"""What a rule says, the mildest first. `no_data`: nothing of the kind is on file anywhere, which is told."""
CONDITIONS = ("", "major", "major_or_production", "lpg_step", "station_class")
"""Conditions that a proposal can answer; any other word is one that nobody's records answer."""
LEVELS_OF_SENSITIVITY = 4

_ROW_KINDS = ("distance", "area", "floor_area", "unknown", "unknown_near")
_MARKS = ("high", "medium", "low")
_DISTANCE_COLUMNS = (
    *("id", "subjects", "state", "condition", "object", "kind", "limit_m", "inclusive", "broken"),
    *("measured_from", "measured_to", "clause", "basis_date", "dated_by", "confidence"),
    *("facility_zh", "condition_zh", "object_zh", "source", "note"),
)
_SECTIONS = {
    "computing": ("confidence",),
    "matrix": (
        *("zones", "straddle_permille", "extension_permille", "temporary_years"),
        *("against_screening", "against_study"),
    ),
    "look": ("far_m", "unknown_m", "zones_m", "rows"),
    "bounds": ("vertices", "area_km2"),
}
_FIELDS = {
    "target": ("target_class", "word"),
    "source": ("kind",),
    "line": ("kind",),
    "population": ("", "people"),
}
_ALLOWED = {
    ("target", "target_class"): TARGET_CLASSES,
    ("source", "kind"): SOURCE_KINDS,
    ("line", "kind"): LINE_KINDS,
}


class Found(NamedTuple):
    """Where records of an object stand: layer, the field that tells them, its words or its range of people."""

    layer: str
    field: str
    words: tuple[str, ...]
    people: tuple[int, int | None] = (0, None)


class SitingObject(NamedTuple):
    """Something that distances are measured to. `absent`: what it means where nothing of it is on file."""

    code: str
    name_zh: str
    name_en: str
    absent: Literal["study", "tell"]
    found_in: tuple[Found, ...]

    def name(self, lang: str) -> str:
        """What it is called."""
        return self.name_en if lang == "en" else self.name_zh


class DistanceRule(NamedTuple):
    """One row of the distances: whom it binds under which condition, the limit, and the text it stands in."""

    id: str
    kinds: frozenset[str]
    condition: str
    object: str
    kind: Literal["distance", "area", "floor_area", "unknown", "unknown_near"]
    limit: Decimal | None
    inclusive: bool
    broken: str
    measured_from: str
    measured_to: str
    clause: str
    basis_date: str
    dated_by: str
    confidence: str
    text_zh: str
    applied: bool
    """False: the text is superseded"""

    @property
    def limit_mm(self) -> int | None:
        """The limit in mm; None where it is unknown."""
        return None if self.limit is None else int(self.limit * MILLI)


class Access(NamedTuple):
    """What 五.2 says of a kind at a stage."""

    id: str
    outcomes: Mapping[str, str]
    clause: str
    basis_date: str
    text_zh: str
    confidence: str


class LpgStep(NamedTuple):
    """A row of the table of LPG tanks: volumes in m³, the single one without an end in the last row."""

    step: int
    over_m3: Decimal
    to_m3: Decimal
    single_m3: Decimal | None


class ZoneOf(NamedTuple):
    """Which zone a consequence distance bounds, and who says so. `threshold` None: the main distance of the result."""

    result: str
    threshold: float | None
    unit: str
    zone: str
    basis: str


@dataclass(frozen=True)
class SitingRules:
    """Everything a proposal is judged by; build it with `from_edition`."""

    edition: str
    title: str
    since: str
    """the day from which the table holds: that of rules that are ours"""
    access: Mapping[str, Access]
    distances: tuple[DistanceRule, ...]
    objects: Mapping[str, SitingObject]
    lpg_steps: tuple[LpgStep, ...]
    matrix: Matrix
    stocked: frozenset[str]
    """kinds that hold something dangerous: without an inventory nothing can be said of their consequences"""
    zones: tuple[ZoneOf, ...]
    far_mm: int
    unknown_mm: int
    zones_mm: int
    rows: int
    vertices: int
    area_m2: int

    @classmethod
    @lru_cache(maxsize=EDITIONS_KEPT)
    def from_edition(cls, edition: Edition) -> "SitingRules":
        """Build from an edition's table `siting`, else from the shipped one.

        Raises BadInput, naming file, row, field and remedy, for an unknown word, a figure that is none, a doubled
        row, or a cell that is missing.
        """
        return cls.from_table(table_or_shipped(edition, ROLE, SHIPPED))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "SitingRules":
        """Build from the content of a table; see `from_edition`."""
        part = Sections(table, _SECTIONS)
        look, bounds = part.section("look"), part.section("bounds")
        objects, subjects = _objects(part), _subjects(part)
        matrix = read_matrix(part)
        return cls(
            edition=part.name,
            title=str(table["table"]["title"]),
            since=str(table["table"]["effective_from"]),
            access=_access(part),
            distances=_distances(part, subjects, objects, _marks(part)),
            objects=objects,
            lpg_steps=_lpg_steps(part),
            matrix=matrix,
            stocked=subjects[STOCKED],
            zones=_zones(part, matrix),
            far_mm=look.whole("far_m", 20_000, least=100) * MILLI,
            unknown_mm=look.whole("unknown_m", 20_000, least=100) * MILLI,
            zones_mm=look.whole("zones_m", 50_000, least=100) * MILLI,
            rows=look.whole("rows", 2000, least=20),
            vertices=bounds.whole("vertices", 1_000_000, least=4),
            area_m2=bounds.whole("area_km2", 10_000, least=1) * 1_000_000,
        )

    def lpg_step(self, total_m3: Decimal | None, single_m3: Decimal | None) -> int | None:
        """The row of the table of LPG tanks: the higher of that by the total and by the largest volume.

        None where a volume is unknown or the table has no row.
        """
        if total_m3 is None or single_m3 is None or total_m3 <= self.lpg_steps[0].over_m3:
            return None
        for one in self.lpg_steps:
            if total_m3 <= one.to_m3 and (one.single_m3 is None or single_m3 <= one.single_m3):
                return one.step
        return None


def _marks(part: Sections) -> tuple[str, ...]:
    row = part.section("computing").row
    marks = row.cells["confidence"]
    if not isinstance(marks, list) or not set(marks) <= set(_MARKS):
        raise row.wrong("confidence", "不是可用标记的列表", f"只能由 {'、'.join(_MARKS)} 组成")
    return tuple(marks)


def _kind(cells: Cells, field: str) -> str:
    return cells.row.choice(field, PROPOSAL_KINDS)


def _access(part: Sections) -> dict[str, Access]:
    found: dict[str, Access] = {}
    columns = ("id", "kind", *STAGES, "clause", "basis_date", "text_zh", "confidence")
    for cells in part.rows("access", columns, key="kind"):
        row, kind = cells.row, _kind(cells, "kind")
        outcomes = {stage: row.choice(stage, OUTCOMES) for stage in STAGES}
        clause, dated, text = (row.text(name) for name in ("clause", "basis_date", "text_zh"))
        found[kind] = Access(row.text("id"), outcomes, clause, dated, text, row.choice("confidence", _MARKS))
    return found


def _objects(part: Sections) -> dict[str, SitingObject]:
    found: dict[str, SitingObject] = {}
    for cells in part.rows("objects", ("object", "name_zh", "name_en", "absent", "found_in"), key="object"):
        row = cells.row
        code = row.text("object")
        places = row.text("found_in", needed=False)
        absent: Literal["study", "tell"] = (
            "study" if row.choice("absent", ("study", "tell")) == "study" else "tell"
        )
        found[code] = SitingObject(
            code,
            row.text("name_zh"),
            row.text("name_en"),
            absent,
            tuple(_found(cells, place) for place in places.split(";") if place),
        )
    missing = {f"level_{n}" for n in range(1, LEVELS_OF_SENSITIVITY + 1)} - set(found)
    if missing:
        raise BadInput(f"{part.name}/objects.csv 缺少 {'、'.join(sorted(missing))}", remedy="请补上这些行")
    return found


def _found(cells: Cells, text: str) -> Found:
    place, _, words = text.partition("=")
    layer, _, field = place.partition(".")
    if field not in _FIELDS.get(layer, ()):
        raise cells.row.wrong("found_in", f"不能是 {text}", "写成 层.字段=值|值，多处用英文分号隔开")
    if field == "people":
        low, _, high = words.partition("-")
        if not low.isdigit() or (high and not high.isdigit()):
            raise cells.row.wrong("found_in", f"不是人数范围：{words}", "写成 30-100，含下限不含上限")
        return Found(layer, field, (), (int(low), int(high) if high else None))
    given = tuple(word for word in words.split("|") if word)
    allowed = _ALLOWED.get((layer, field))
    if bool(given) != bool(field) or (allowed and not set(given) <= set(allowed)):
        raise cells.row.wrong("found_in", f"不能是 {words}", "请改为数据中的用语")
    return Found(layer, field, given)


def _subjects(part: Sections) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for cells in part.rows("subjects", ("subject", "kinds"), key="subject"):
        kinds = cells.row.text("kinds").split()
        if not set(kinds) <= set(PROPOSAL_KINDS):
            unknown = "、".join(sorted(set(kinds) - set(PROPOSAL_KINDS)))
            raise cells.row.wrong("kinds", f"没有类别 {unknown}", "请改正")
        found[cells.row.text("subject")] = frozenset(kinds)
    if STOCKED not in found:
        raise BadInput(f"{part.name}/subjects.csv 缺少 {STOCKED}", remedy="写明哪些类别存放危险物质")
    return found


def _distances(
    part: Sections,
    subjects: Mapping[str, frozenset[str]],
    objects: Mapping[str, SitingObject],
    marks: tuple[str, ...],
) -> tuple[DistanceRule, ...]:
    rows = part.rows("distances", _DISTANCE_COLUMNS, key="id")
    return tuple(_distance(cells, subjects, objects, marks) for cells in rows)


def _distance(
    cells: Cells,
    subjects: Mapping[str, frozenset[str]],
    objects: Mapping[str, SitingObject],
    marks: tuple[str, ...],
) -> DistanceRule:
    row = cells.row
    given = row.choice("kind", _ROW_KINDS)
    kind: Any = given
    named = row.text("object", needed=False)
    if named and named not in objects:
        raise row.wrong("object", f"没有对象 {named}", "请在 objects.csv 中写明")
    if not named and given in {"distance", "area"}:
        raise row.wrong("object", "为空", "请写明量到何处")
    limit = row.number_of("limit_m") if row.text("limit_m", needed=False) else None
    confidence = row.choice("confidence", _MARKS)
    current = row.choice("state", ("in_force", "superseded")) == "in_force"
    if given in {"distance", "floor_area"} and confidence not in marks:
        limit = None
    if limit is not None and limit * MILLI != int(limit * MILLI):
        raise row.wrong("limit_m", "细于 1 毫米", "请按原文填写")
    text = "；".join(row.text(field, needed=False) for field in ("facility_zh", "condition_zh", "object_zh"))
    return DistanceRule(
        id=row.text("id"),
        kinds=subjects[row.choice("subjects", tuple(subjects))],
        condition=row.text("condition", needed=False),
        object=named,
        kind=kind,
        limit=limit,
        inclusive=not given.startswith("unknown") and row.choice("inclusive", ("yes", "no")) == "yes",
        broken=row.choice("broken", OUTCOMES[3:]),
        measured_from=row.text("measured_from", needed=False),
        measured_to=row.text("measured_to", needed=False),
        clause=row.text("clause"),
        basis_date=row.text("basis_date"),
        dated_by=row.text("dated_by", needed=False),
        confidence=confidence,
        text_zh=text.replace("；；", "；").strip("；"),
        applied=current,
    )


def _lpg_steps(part: Sections) -> tuple[LpgStep, ...]:
    columns = ("step", "total_from_m3", "total_to_m3", "single_to_m3")
    steps = []
    for cells in part.rows("lpg_steps", columns):
        row = cells.row
        single = row.number_of("single_to_m3") if row.text("single_to_m3", needed=False) else None
        ends = row.number_of("total_from_m3"), row.number_of("total_to_m3")
        steps.append(LpgStep(cells.whole("step", 99, least=1), *ends, single))
        if len(steps) > 1 and steps[-2].to_m3 != ends[0]:
            raise row.wrong("total_from_m3", "各段须首尾相接", "请改正")
    return tuple(steps)


def _zones(part: Sections, matrix: Matrix) -> tuple[ZoneOf, ...]:
    zones = []
    for cells in part.rows("zones", ("result", "threshold", "unit", "zone", "basis")):
        row = cells.row
        threshold = float(row.number_of("threshold")) if row.text("threshold", needed=False) else None
        texts = row.text("unit", needed=threshold is not None), row.choice("zone", matrix.zones)
        zones.append(ZoneOf(row.text("result"), threshold, *texts, row.text("basis")))
    return tuple(zones)
