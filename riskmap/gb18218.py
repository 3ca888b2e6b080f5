"""The substances of GB 18218-2018, typed and checked: table 1 (named), table 2 (classes), tables 3 and 4 (β).

Nothing here is a constant of the program: all of it comes from the edition's table `gb18218`
(`riskmap/tables/gb18218_2018/`), and what a city writes into its own copy is checked as strictly.
"""

from dataclasses import dataclass
from fractions import Fraction

from riskmap.editions import Edition, Row
from riskmap.names import cas_number, name_key

ROLE = "gb18218"
_TABLE1 = (
    "no",
    "name_zh",
    "name_en",
    "cas",
    "un",
    "critical_t",
    "classes",
    "beta",
    "beta_basis",
    "condition",
    "confidence_critical",
    "confidence_beta",
)
_TABLE2 = ("symbol", "name_zh", "name_en", "critical_t", "beta", "confidence_critical", "confidence_beta")
_MARKS = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Substance:
    """A named substance of table 1, or a hazard class (or several) of table 2.

    `critical_t` is the critical quantity Q in tonnes, `beta` is None where its mark is too low to compute with,
    `classes` are the class symbols (for a named one: suggested), `condition` the concentration that belongs to
    the name. Clauses are given as they are to be shown.
    """

    code: str
    name_zh: str
    name_en: str
    critical_t: Fraction
    beta: Fraction | None
    classes: tuple[str, ...]
    condition: str
    clause: str
    beta_clause: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A further name of a substance, or its own (`own`), and whether the standard has it (`standard`)."""

    text: str
    substance: Substance
    own: bool
    standard: bool


@dataclass(frozen=True)
class SubstanceTables:
    """Tables 1 to 4: classes by symbol, substances by CAS, all names, and the words that qualify a name.

    `hints` are names of no table with the class they mostly have: to be suggested, never to be computed with.
    """

    classes: dict[str, Substance]
    by_cas: dict[str, tuple[Substance, ...]]
    aliases: tuple[Alias, ...]
    hints: tuple[Alias, ...]
    words: dict[str, tuple[str, ...]]

    @classmethod
    def from_edition(cls, edition: Edition) -> "SubstanceTables":
        """Build from an edition's table `gb18218`.

        Raises BadInput, naming file, row, field and remedy, for a quantity or β that is not positive, a wrong
        CAS check digit, a doubled symbol, number, CAS or name, a β that contradicts tables 3 and 4, or an
        unknown column or word.
        """
        marks = edition.section(ROLE, "computing", ("confidence", "alpha_people"))
        usable = marks.cells["confidence"]
        if not isinstance(usable, list) or not set(usable) <= set(_MARKS):
            raise marks.wrong(
                "confidence", "不是可用标记的列表", f'只能由 {"、".join(_MARKS)} 组成，如 ["high"]'
            )
        classes = _classes(edition, usable)
        named, numbers = _named(edition, classes, usable)
        aliases, further = _aliases(edition, named)
        by_cas = _by_cas(numbers, further)
        _check_gases(edition, named, by_cas)
        return cls(classes, by_cas, tuple(aliases), _hints(edition, classes), _words(edition))


def _classes(edition: Edition, usable: list[str]) -> dict[str, Substance]:
    """Table 2 with the β of table 4, by symbol."""
    basis = edition.table(ROLE)["table"]["basis"]
    classes: dict[str, Substance] = {}
    for row in edition.rows(ROLE, "table2", _TABLE2):
        symbol = row.text("symbol").upper()
        if symbol in classes:
            raise row.wrong("symbol", f"{symbol} 重复", "每个类别只保留一行")
        classes[symbol] = Substance(
            code=f"2-{symbol}",
            name_zh=row.text("name_zh"),
            name_en=row.text("name_en"),
            critical_t=_critical(row, usable),
            beta=_beta(row, usable),
            classes=(symbol,),
            condition="",
            clause=f"{basis} 表2 {symbol}",
            beta_clause=f"{basis} 表4 {symbol}",
        )
    return classes


def _named(
    edition: Edition, classes: dict[str, Substance], usable: list[str]
) -> tuple[dict[str, tuple[Row, Substance]], list[tuple[Row, str, Substance]]]:
    """Table 1 by number, and its CAS numbers with their rows."""
    basis = edition.table(ROLE)["table"]["basis"]
    named: dict[str, tuple[Row, Substance]] = {}
    numbers: list[tuple[Row, str, Substance]] = []
    for row in edition.rows(ROLE, "table1", _TABLE1):
        number = row.text("no")
        if number in named:
            raise row.wrong("no", f"{number} 重复", "每种物质只保留一行，序号不得重复")
        symbols = tuple(part for part in row.text("classes", needed=False).upper().split(";") if part)
        for symbol in symbols:
            if symbol not in classes:
                raise row.wrong("classes", f"表2没有类别 {symbol}", "请改为表2中的符号")
        by_class = row.choice("beta_basis", ("table3", "table4")) == "table4"
        if by_class and Fraction(row.number_of("beta")) not in {classes[symbol].beta for symbol in symbols}:
            raise row.wrong("beta", "与表4中所列类别的β不符", "请核对类别与β")
        substance = Substance(
            code=f"1-{number}",
            name_zh=row.text("name_zh"),
            name_en=row.text("name_en"),
            critical_t=_critical(row, usable),
            beta=_beta(row, usable),
            classes=symbols,
            condition=row.text("condition", needed=False),
            clause=f"{basis} 表1 第{number}项",
            beta_clause=f"{basis} 表4 {'、'.join(symbols)}" if by_class else f"{basis} 表3",
        )
        named[number] = (row, substance)
        own = [cas for cas in row.text("cas", needed=False).split(";") if cas]
        numbers.extend((row, _valid_cas(row, "cas", cas), substance) for cas in own)
    return named, numbers


def _aliases(
    edition: Edition, named: dict[str, tuple[Row, Substance]]
) -> tuple[list[Alias], list[tuple[Row, str, Substance]]]:
    """All names (own ones first) and the further CAS numbers with their rows.

    One name may stand for two substances only where both have a condition: then the name alone matches neither.
    """
    aliases: list[Alias] = []
    numbers: list[tuple[Row, str, Substance]] = []
    taken: dict[str, Substance] = {}

    def add(row: Row, field: str, substance: Substance, *, own: bool, standard: bool) -> None:
        key = name_key(row.text(field))
        other = taken.setdefault(key, substance)
        if not key or (
            other.code != substance.code and (own or not (other.condition and substance.condition))
        ):
            raise row.wrong(field, f"与 {other.name_zh} 重名", "请改名或删去其中一行")
        aliases.append(Alias(row.text(field), substance, own, standard))

    for row, substance in named.values():
        add(row, "name_zh", substance, own=True, standard=True)
        add(row, "name_en", substance, own=True, standard=True)
    for row in edition.rows(ROLE, "aliases", ("no", "kind", "text", "origin")):
        if row.text("no") not in named:
            raise row.wrong("no", f"表1没有第 {row.text('no')} 项", "请改为表1中的序号")
        substance = named[row.text("no")][1]
        standard = row.choice("origin", ("standard", "common")) == "standard"
        if row.choice("kind", ("name", "cas")) == "cas":
            numbers.append((row, _valid_cas(row, "text", row.text("text")), substance))
        else:
            add(row, "text", substance, own=False, standard=standard)
    return aliases, numbers


def _by_cas(
    own: list[tuple[Row, str, Substance]], further: list[tuple[Row, str, Substance]]
) -> dict[str, tuple[Substance, ...]]:
    """Substances by CAS; several share one only where all have a condition that tells them apart."""
    found: dict[str, tuple[Substance, ...]] = {}
    for row, cas, substance in own + further:
        others = found.get(cas, ())
        if substance in others or any(not (other.condition and substance.condition) for other in others):
            field = "cas" if "cas" in row.cells else "text"
            raise row.wrong(field, f"{cas} 与 {others[0].name_zh} 重复", "请核对 CAS 号")
        found[cas] = (*others, substance)
    return found


def _check_gases(
    edition: Edition, named: dict[str, tuple[Row, Substance]], by_cas: dict[str, tuple[Substance, ...]]
) -> None:
    """Table 3 goes before table 4: each of its gases gives its β to table 1, and nothing else does."""
    gases: dict[str, Row] = {}
    for row in edition.rows(ROLE, "table3", ("name_zh", "name_en", "cas", "beta")):
        cas = _valid_cas(row, "cas", row.text("cas"))
        if len(by_cas.get(cas, ())) != 1:
            raise row.wrong("cas", f"{cas} 在表1中不是恰有一种物质", "请核对 CAS 号")
        if by_cas[cas][0].code in gases:
            raise row.wrong("cas", f"{cas} 重复", "每种气体只保留一行")
        gases[by_cas[cas][0].code] = row
    for row, substance in named.values():
        by_name = row.text("beta_basis") == "table3"
        if by_name != (substance.code in gases):
            raise row.wrong("beta_basis", "与表3不符", "表3列名的气体填 table3，其余填 table4")
        if by_name and row.number_of("beta") != gases[substance.code].number_of("beta"):
            raise row.wrong("beta", f"与表3的 {gases[substance.code].text('beta')} 不符", "请核对表1与表3")


def _hints(edition: Edition, classes: dict[str, Substance]) -> tuple[Alias, ...]:
    hints = []
    for row in edition.rows(ROLE, "hints", ("text", "symbol")):
        symbol = row.choice("symbol", tuple(classes))
        hints.append(Alias(row.text("text"), classes[symbol], own=False, standard=False))
    return tuple(hints)


def _words(edition: Edition) -> dict[str, tuple[str, ...]]:
    words: dict[str, list[str]] = {kind: [] for kind in ("diluted", "solution", "anhydrous", "neutral")}
    for row in edition.rows(ROLE, "words", ("kind", "text")):
        words[row.choice("kind", tuple(words))].append(row.text("text"))
    return {kind: tuple(texts) for kind, texts in words.items()}


def _critical(row: Row, usable: list[str]) -> Fraction:
    if row.choice("confidence_critical", _MARKS) not in usable:
        raise row.wrong(
            "confidence_critical", "临界量未经核实，不能用于计算", "核对原文后改写标记，或删去该行"
        )
    return Fraction(row.number_of("critical_t"))


def _beta(row: Row, usable: list[str]) -> Fraction | None:
    beta = Fraction(row.number_of("beta"))
    return beta if row.choice("confidence_beta", _MARKS) in usable else None


def _valid_cas(row: Row, field: str, text: str) -> str:
    cas = cas_number(text)
    if cas is None:
        raise row.wrong(field, f"CAS 号 {text} 的格式或校验位不对", "请核对 CAS 号")
    return cas
