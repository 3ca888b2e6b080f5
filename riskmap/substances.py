"""Which substance of GB 18218-2018 an inventory row speaks of: by CAS, name or class, and never by a silent guess.

Named substances (table 1) go before classes (table 2). A row that cannot be decided stays unmatched with a reason
and suggestions: CAS and name that contradict each other, solutions and mixtures (their own class counts, clause
4.2.3), names that need a concentration, names that several substances share.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz, process

from riskmap.editions import EDITIONS_KEPT, Edition
from riskmap.gb18218 import Alias, Substance, SubstanceTables
from riskmap.names import Words, cas_numbers, class_symbols, is_latin, name_key, split_brackets, tidy

Reason = Literal[
    "", "empty", "cas_wrong", "class_unknown", "conflict", "diluted", "ambiguous", "condition", "unknown"
]
Note = Literal[
    "name_unknown", "condition_assumed", "common_name", "class_narrowed", "beta_by_class", "beta_unknown"
]

REASONS: dict[Reason, tuple[str, str]] = {
    "empty": ("未填写物质", "请填写 CAS 号、名称或危险性类别"),
    "cas_wrong": ("CAS 号的格式或校验位不对", "请核对 CAS 号，不确定时留空"),
    "class_unknown": ("危险性类别不是表2中的符号", "请填写 J1–J5、W1.1–W11 中的符号"),
    "conflict": ("CAS 号与名称指向不同物质", "请核对后只保留正确的一项"),
    "diluted": ("溶液或混合物，不按纯物质计", "请按 SDS 填写该混合物的危险性类别"),
    "ambiguous": ("同名物质在表1中有多项", "请写明含量，使用表1中的全称"),
    "condition": (
        "表1中的该物质以含量为条件",
        "请写明含量，使用表1中的全称；含量不符的写作溶液并填写危险性类别",
    ),
    "unknown": ("表1中没有该物质", "请核对名称或 CAS 号；确未列名的，请按 SDS 填写危险性类别"),
}
"""Why a row is unmatched and what to do about it, in the words shown to the user"""

NOTES: dict[Note, str] = {
    "name_unknown": "按 CAS 号匹配，名称未识别",
    "condition_assumed": "未写明含量，按表1所列条件计",
    "common_name": "按通用别名匹配",
    "class_narrowed": "同名物质按所填类别区分",
    "beta_by_class": "β 按所填类别取值",
    "beta_unknown": "β 未经核实，不计入 R；按 SDS 填写危险性类别后计入",
}
"""What a reader of a matched row should know, in the words shown to the user"""

_SUGGESTED = 3
_SCORE_CUTOFF = 50
_MEMORY = 1 << 17


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A substance that may have been meant; `score` 0–100, 100 where the row names it but is not decided."""

    code: str
    name: str
    score: int


@dataclass(frozen=True, slots=True)
class Match:
    """What a row was matched to, or why not.

    `key` is equal for rows of one substance: the substance's code; for a class match the code with CAS or name
    as written, so that two liquids of one class stay two; for an unmatched row what was written.
    """

    substance: Substance | None
    key: str
    by: Literal["", "cas", "name", "class"] = ""
    reason: Reason = ""
    notes: tuple[Note, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def reason_text(self) -> str:
        """The reason in words, empty for a match."""
        return REASONS[self.reason][0] if self.reason else ""

    @property
    def remedy(self) -> str:
        """What to write instead, empty for a match."""
        return REASONS[self.reason][1] if self.reason else ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a name says: the substances it names, by which alias, what keeps it from counting, what it is near to."""

    substances: tuple[Substance, ...] = ()
    alias: Alias | None = None
    reason: Reason = ""
    near: tuple[Substance, ...] = ()


@dataclass(frozen=True, slots=True)
class _Written:
    """A row as written, read."""

    key: str
    name: str
    reading: _Reading
    by_cas: tuple[Substance, ...] | None
    classes: tuple[str, ...]


class Catalogue:
    """The substances of one edition, looked up by what people write. Safe to share between threads."""

    def __init__(self, tables: SubstanceTables) -> None:
        self._tables = tables
        self._names: dict[str, tuple[Alias, ...]] = {}
        for alias in tables.aliases:
            key = name_key(alias.text)
            if all(alias.substance != other.substance for other in self._names.get(key, ())):
                self._names[key] = (*self._names.get(key, ()), alias)
        self._names |= _bare_names(tables, self._names)
        self._diluted, self._solution, self._anhydrous, self._neutral = (
            Words.of(tables.words[kind]) for kind in ("diluted", "solution", "anhydrous", "neutral")
        )
        self._suggestible = (*(alias for named in self._names.values() for alias in named), *tables.hints)
        self._choices = {number: tidy(alias.text) for number, alias in enumerate(self._suggestible)}
        self._find = lru_cache(maxsize=_MEMORY)(self._match)
        self._similar = lru_cache(maxsize=_MEMORY)(self._search)

    @classmethod
    @lru_cache(maxsize=EDITIONS_KEPT)
    def from_edition(cls, edition: Edition) -> "Catalogue":
        """Build from an edition's table `gb18218`; raises BadInput where the table is wrong."""
        return cls(SubstanceTables.from_edition(edition))

    @property
    def substances(self) -> tuple[Substance, ...]:
        """Table 1 and table 2 in their order."""
        named = {alias.substance.code: alias.substance for alias in self._tables.aliases}
        return (*named.values(), *self._tables.classes.values())

    def match(
        self, *, cas: str | None = None, name: str | None = None, hazard_class: str | None = None
    ) -> Match:
        """The substance of a row, as written; never raises, an undecided row has `substance` None and a reason."""
        return self._find(cas, name, hazard_class)

    def _match(self, cas: str | None, name: str | None, hazard_class: str | None) -> Match:
        written = self._read(cas, name, hazard_class)
        if isinstance(written, Match):
            return written
        reading = written.reading
        if reading.reason == "diluted":
            return self._by_class(written, "diluted", written.by_cas or reading.near)
        if reading.reason:
            return self._unmatched(written, reading.reason, reading.near)
        if written.by_cas is None:
            found = reading.substances
        elif not reading.substances:
            found = written.by_cas
        else:
            found = tuple(substance for substance in written.by_cas if substance in reading.substances)
            if not found:
                return self._unmatched(written, "conflict", (*written.by_cas, *reading.substances))
        return self._named(written, found) if found else self._by_class(written, "unknown", reading.near)

    def _read(self, cas: str | None, name: str | None, hazard_class: str | None) -> _Written | Match:
        """The row read field by field, or the unmatched row where a field cannot be read at all."""
        numbers, plain, classes = cas_numbers(cas), tidy(name), class_symbols(hazard_class)
        key = ";".join(number or "?" for number in numbers) if numbers else name_key(plain)
        if not (numbers or plain or classes):
            return Match(None, "?", reason="empty")
        reading = self._read_name(plain)
        by_cas: tuple[Substance, ...] | None = None
        for number in numbers:
            listed = self._tables.by_cas.get(number or "", ())
            by_cas = listed if by_cas is None else tuple(one for one in by_cas if one in listed)
        written = _Written(key, plain, reading, by_cas, classes)
        if None in numbers:
            return self._unmatched(written, "cas_wrong", reading.substances)
        if any(symbol not in self._tables.classes for symbol in classes):
            return self._unmatched(written, "class_unknown", reading.substances)
        if len(numbers) > 1 and not by_cas and any(number in self._tables.by_cas for number in numbers):
            return self._unmatched(written, "conflict", reading.substances)
        return written

    def _named(self, written: _Written, found: tuple[Substance, ...]) -> Match:
        """A match with table 1, unless a condition or a shared name leaves it open."""
        notes: list[Note] = []
        if len(found) > 1:
            fitting = tuple(one for one in found if set(one.classes) & set(written.classes))
            if len(fitting) != 1:
                return self._unmatched(written, "ambiguous", found)
            found = fitting
            notes.append("class_narrowed")
        substance, alias = found[0], written.reading.alias
        if substance.condition and not (alias and alias.own) and not notes:
            if not written.by_cas:
                return self._unmatched(written, "condition", found)
            notes.append("condition_assumed")
        if written.name and not written.reading.substances:
            notes.append("name_unknown")
        if not written.by_cas and alias and not alias.standard:
            notes.append("common_name")
        if substance.beta is None and written.classes:
            given = self._of_classes(written.classes)
            substance = replace(substance, beta=given.beta, beta_clause=given.beta_clause)
            notes.append("beta_by_class")
        if substance.beta is None:
            notes.append("beta_unknown")
        return Match(substance, substance.code, "cas" if written.by_cas else "name", notes=tuple(notes))

    def _by_class(self, written: _Written, reason: Reason, near: tuple[Substance, ...]) -> Match:
        """A match with table 2 where classes are given, else unmatched for the reason."""
        if not written.classes:
            return self._unmatched(written, reason, near)
        substance = self._of_classes(written.classes)
        key = f"{substance.code}:{written.key}" if written.key else substance.code
        return Match(substance, key, "class", notes=() if substance.beta else ("beta_unknown",))

    def _of_classes(self, symbols: tuple[str, ...]) -> Substance:
        """Several classes count as one with the lowest Q (clause 4.1.2) and, by common practice, the largest β."""
        parts = [one for symbol, one in self._tables.classes.items() if symbol in symbols]
        if len(parts) == 1:
            return parts[0]
        strictest = min(parts, key=lambda one: one.critical_t)
        betas = [one for one in parts if one.beta is not None]
        largest = max(betas, key=lambda one: one.beta or 0) if betas else strictest
        return replace(
            strictest,
            code="2-" + "+".join(one.classes[0] for one in parts),
            classes=tuple(one.classes[0] for one in parts),
            beta=largest.beta if len(betas) == len(parts) else None,
            beta_clause=largest.beta_clause,
        )

    def _read_name(self, plain: str) -> _Reading:
        """What a tidy name says. The whole name counts first, then its head with understood brackets."""
        whole = self._names.get(name_key(plain), ())
        if whole:
            return _Reading(tuple(alias.substance for alias in whole), whole[0])
        outside, brackets = split_brackets(plain)
        head = self._head(outside)
        substances = tuple(alias.substance for alias in head)
        if self._diluted.within(plain) or (
            self._solution.within(plain) and not self._anhydrous.within(plain)
        ):
            return _Reading(reason="diluted", near=substances)
        for text, square in brackets:
            key = name_key(text)
            also = tuple(alias.substance for alias in self._names.get(key, ()))
            if substances and also and not set(substances) & set(also):
                return _Reading(reason="conflict", near=(*substances, *also))
            index_name = square and is_latin(text)
            if not (also or index_name or not key or key in self._neutral.keys):
                return _Reading(near=substances)
        return _Reading(substances, head[0]) if head else _Reading()

    def _head(self, text: str) -> tuple[Alias, ...]:
        """The aliases of a name without brackets, words that change nothing (储罐, anhydrous) taken off its ends."""
        while True:
            aliases = self._names.get(name_key(text), ())
            shorter = self._neutral.taken_off(text)
            if aliases or shorter == text:
                return aliases
            text = shorter

    def _unmatched(self, written: _Written, reason: Reason, named: tuple[Substance, ...] = ()) -> Match:
        """An unmatched row; suggested is what it names, else what is written alike."""
        suggestions = tuple({one.code: Suggestion(one.code, one.name_zh, 100) for one in named}.values())
        if not suggestions and written.name:
            suggestions = self._similar(split_brackets(written.name)[0] or written.name)
        return Match(None, f"?{written.key}", reason=reason, suggestions=suggestions)

    def _search(self, name: str) -> tuple[Suggestion, ...]:
        """The substances whose names are written most like this one, best first."""
        best: dict[str, Suggestion] = {}
        hits = process.extract(
            name, self._choices, scorer=fuzz.ratio, limit=4 * _SUGGESTED, score_cutoff=_SCORE_CUTOFF
        )
        for _, score, number in hits:
            substance = self._suggestible[number].substance
            best.setdefault(substance.code, Suggestion(substance.code, substance.name_zh, round(score)))
        return tuple(best.values())[:_SUGGESTED]


def _bare_names(tables: SubstanceTables, taken: dict[str, tuple[Alias, ...]]) -> dict[str, tuple[Alias, ...]]:
    """The names of table 1 without their brackets, where nothing else bears them: 甲醛 of 甲醛(含量>90%)."""
    bare: dict[str, tuple[Alias, ...]] = {}
    for alias in tables.aliases:
        text, brackets = split_brackets(alias.text)
        key = name_key(text)
        if alias.own and brackets and key and key not in taken:
            bare[key] = (*bare.get(key, ()), Alias(text, alias.substance, own=False, standard=True))
    return bare
