"""What an edition says of warnings, typed and checked: its table `alerts`.

A rule says which facts warn, where, when, how urgently and whom. Of the rules that fit a fact the one with the
narrowest scope counts (enterprise before area before industry before all), then the most urgent: so a city may be
stricter, or quieter, for one enterprise. Editions of before the table was written use the shipped one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from riskmap.alert_facts import KINDS, SIDES, Fact
from riskmap.alert_texts import Templates
from riskmap.alert_windows import Window, window_of
from riskmap.editions import Edition, Row, shipped_table, table_or_shipped
from riskmap.sections import Cells, Sections
from riskmap.sending import Sending, sending_of
from riskmap.vocabulary import LEVELS, ROLES_OF_DUTY

ROLE = "alerts"
SHIPPED = "alerts_2026_1"
FORMS = ("risk_notice", "urge", "monitor")
"""风险提示, 督办提醒, 监测报警提示: what the program itself sends, to named officials only"""
PLACES = ("grid", "village", "township", "city", "enterprise", "source", "zone")
"""whose people an audience names: `leader@township`"""
COLUMNS = (
    *("rule", "name_zh", "name_en", "kind", "side", "level", "limit", "step", "on"),
    *("industry", "area", "enterprise", "season", "hours", "dates"),
    *("raise_min", "clear_min", "repeat_h", "warn", "audience", "form"),
)
MAY_LACK = ("side", "level", "limit", "step", "industry", "area", "enterprise", "season", "hours", "dates")
"""columns of a rule that may say nothing"""
_MINUTE_S, _HOUR_S = 60, 3600
_MONTH_MIN = 31 * 24 * 60
_MOST_LIMIT = 100_000
_LEVEL_OF = {word: level for level, word in LEVELS.items()}
_NOBODY = "none"
_SECTIONS = {
    "signing": ("sign_min", "forgotten_min", "signatures", "link_h"),
    "calling": ("levels", "again_min", "times", "within_min"),
    "grouping": ("wait_s", "interval_s"),
    "silence": ("longest_h",),
    "escalation": ("chain",),
    "sending": (*LEVELS.values(), "give_up_min"),
}


class AlertRule(NamedTuple):
    """One rule: what it asks of a fact, and what follows.

    `level` 0, `limit` None and empty scopes ask nothing. `on_change`: only what came or became worse warns, not what
    was so when the rule began. `warn` is the warning level 1 (red) to 4 (blue), 0: it keeps quiet.
    """

    code: str
    name_zh: str
    name_en: str
    kind: str
    side: str
    level: int
    limit: int | None
    step: int
    on_change: bool
    industry: str
    area: str
    enterprise: str
    window: Window
    raise_s: int
    clear_s: int
    repeat_s: int
    warn: int
    audience: tuple[str, ...]
    form: str

    def asks_for(self, fact: Fact) -> bool:
        """Whether the fact is of the rule's kind, scope and threshold, whatever the time."""
        return (
            fact.kind == self.kind
            and (not self.side or fact.side == self.side)
            and (not self.level or 0 < fact.level <= self.level)
            and self._within_limit(fact.amount)
            and fact.enterprise == (self.enterprise or fact.enterprise)
            and fact.area.startswith(self.area)
            and fact.industry.startswith(self.industry)
        )

    @property
    def rank(self) -> tuple[bool, int, int, int, str]:
        """The smallest counts: narrowest scope, most urgent, then by code."""
        return (
            not self.enterprise,
            -len(self.area),
            -len(self.industry),
            self.warn or len(LEVELS) + 1,
            self.code,
        )

    def _within_limit(self, amount: int) -> bool:
        if self.limit is None:
            return True
        return amount <= self.limit if KINDS[self.kind].falls else amount >= self.limit


class Found(NamedTuple):
    """What the rules say of a fact: the rule that counts, or that one would if its time had come."""

    rule: AlertRule | None
    later: bool = False


class Colours(NamedTuple):
    """A figure for each warning level."""

    red: int
    orange: int
    yellow: int
    blue: int

    def of(self, warn: int) -> int:
        """The figure of a warning level 1 to 4."""
        return self[warn - 1]


class Calling(NamedTuple):
    """叫应: who is called by voice, and how often before the next one is; see `riskmap.calling`."""

    levels: tuple[int, ...]
    again_s: int
    times: int
    within_s: int


@dataclass(frozen=True)
class AlertRules:
    """Everything that warnings are decided by; build it with `from_edition` or `from_table`."""

    rules: tuple[AlertRule, ...]
    events: Mapping[tuple[str, str], int]
    sign_s: Colours
    forgotten_s: Colours
    signatures: Colours
    link_s: int
    calling: Calling
    wait_s: Colours
    interval_s: Colours
    longest_silence_s: int
    chain: tuple[str, ...]
    sending: Sending
    give_up_s: Colours
    templates: Templates

    @classmethod
    def from_edition(cls, edition: Edition) -> "AlertRules":
        """Build from an edition's table `alerts`.

        Raises BadInput, naming file, row and field, for a missing or unknown key, a figure out of its bounds, a code
        that is doubled, an unknown kind, role or place, or a message that may grow too long or says what none may.
        """
        return cls.from_table(table_or_shipped(edition, ROLE, SHIPPED))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "AlertRules":
        """Build from the content of a table; see `from_edition`."""
        part = Sections({"sending": shipped_table(SHIPPED)["sending"], **table}, _SECTIONS)
        signing, calling = part.section("signing"), part.section("calling")
        grouping, sending = part.section("grouping"), part.section("sending")
        return cls(
            rules=_rules(part),
            events=_events(part),
            sign_s=_colours(signing, "sign_min", _MINUTE_S),
            forgotten_s=_colours(signing, "forgotten_min", _MINUTE_S),
            signatures=_colours(signing, "signatures", 1, least=1, most=5),
            link_s=signing.whole("link_h", 168, least=1) * _HOUR_S,
            calling=_calling(calling),
            wait_s=_colours(grouping, "wait_s", 1, least=0, most=86_400),
            interval_s=_colours(grouping, "interval_s", 1, least=0, most=86_400),
            longest_silence_s=part.section("silence").whole("longest_h", 24 * 366, least=1) * _HOUR_S,
            chain=_audience(part.section("escalation").row, "chain"),
            sending=sending_of(sending.row, tuple(LEVELS.values())),
            give_up_s=_colours(sending, "give_up_min", _MINUTE_S),
            templates=Templates.from_table(table),
        )

    def find(self, fact: Fact, at_s: int) -> Found:
        """The rule that counts for a fact at an instant."""
        later = False
        for rule in self._by_kind.get(fact.kind, ()):
            if rule.asks_for(fact):
                if rule.window.holds(at_s):
                    return Found(rule)
                later = True
        return Found(None, later)

    def least_bad(self, kind: str) -> int:
        """The least bad level 1 to 4 that any rule of a kind asks for; 0 where there is no such rule."""
        return max((rule.level or len(LEVELS) for rule in self.rules if rule.kind == kind), default=0)

    def farthest(self, side: str) -> int:
        """Within how many mm the rules ask for sources on a side of a township's border; 0 where they ask for none."""
        asked = (rule for rule in self.rules if rule.kind == "near" and rule.side in {"", side})
        return max((rule.limit or 0 for rule in asked), default=0)

    @property
    def farthest_mm(self) -> int:
        """Within how many mm the rules ask for sources on any side."""
        return max(self.farthest(side) for side in SIDES)

    @cached_property
    def asked(self) -> tuple[Any, ...]:
        """What the rules ask to be exposed: rules that ask for the same are shown the same facts."""
        levels = (self.least_bad(kind) for kind in ("level", "rise", "zone", "near"))
        return (*levels, *(self.farthest(side) for side in SIDES), *sorted(self.events.items()))

    @cached_property
    def by_code(self) -> dict[str, AlertRule]:
        """The rules by their codes."""
        return {rule.code: rule for rule in self.rules}

    @cached_property
    def _by_kind(self) -> dict[str, list[AlertRule]]:
        found: dict[str, list[AlertRule]] = {}
        for rule in sorted(self.rules, key=lambda rule: rule.rank):
            found.setdefault(rule.kind, []).append(rule)
        return found


def _rules(part: Sections) -> tuple[AlertRule, ...]:
    rows = part.rows("rules", COLUMNS, key="rule", may_lack=MAY_LACK)
    return tuple(_rule(cells) for cells in rows)


def _events(part: Sections) -> dict[tuple[str, str], int]:
    levels: dict[tuple[str, str], int] = {}
    for cells in part.rows("events", ("kind", "severity", "level"), key=("kind", "severity")):
        event = cells.row.text("kind"), cells.row.text("severity", needed=False)
        levels[event] = _LEVEL_OF[cells.row.choice("level", tuple(_LEVEL_OF))]
    return levels


def _rule(cells: Cells) -> AlertRule:
    row = cells.row
    kind = row.choice("kind", tuple(KINDS))
    amount = KINDS[kind]
    warn = row.choice("warn", (*_LEVEL_OF, _NOBODY))
    return AlertRule(
        code=row.text("rule"),
        name_zh=row.text("name_zh"),
        name_en=row.text("name_en"),
        kind=kind,
        side=row.choice("side", SIDES) if row.text("side", needed=False) else "",
        level=_LEVEL_OF[row.choice("level", tuple(_LEVEL_OF))] if row.text("level", needed=False) else 0,
        limit=_amount(cells, "limit", amount.amount, amount.unit),
        step=_amount(cells, "step", amount.amount, amount.unit) or 0,
        on_change=row.choice("on", ("change", "state")) == "change",
        industry=row.text("industry", needed=False),
        area=row.text("area", needed=False),
        enterprise=row.text("enterprise", needed=False),
        window=window_of(row),
        raise_s=cells.whole("raise_min", _MONTH_MIN) * _MINUTE_S,
        clear_s=cells.whole("clear_min", _MONTH_MIN) * _MINUTE_S,
        repeat_s=cells.whole("repeat_h", 24 * 366) * _HOUR_S,
        warn=_LEVEL_OF.get(warn, 0),
        audience=_audience(row, "audience") if warn != _NOBODY else (),
        form=row.choice("form", FORMS),
    )


def _amount(cells: Cells, field: str, measured: str, unit: int) -> int | None:
    if not cells.row.text(field, needed=False):
        return None
    if not measured:
        raise cells.row.wrong(field, "这类事实没有数量", "请留空，或用 level")
    return cells.whole(field, _MOST_LIMIT) * unit


def _audience(row: Row, field: str) -> tuple[str, ...]:
    """Roles with whose they are: `leader@township;duty_officer@city`, or a list of such."""
    given = row.cells[field]
    names = given if isinstance(given, list) else row.text(field).split(";")
    for name in names:
        role, _, place = str(name).partition("@")
        if role not in ROLES_OF_DUTY or place not in PLACES:
            allowed = f"{'、'.join(ROLES_OF_DUTY)} @ {'、'.join(PLACES)}"
            raise row.wrong(field, f"不是职责@对象：{name}", f"可用：{allowed}")
    if not names or len(set(names)) != len(names):
        raise row.wrong(field, "为空或重复", "每个职责@对象写一次")
    return tuple(names)


def _colours(cells: Cells, field: str, unit: int, *, least: int = 1, most: int = _MONTH_MIN) -> Colours:
    given = cells.row.cells[field]
    if not isinstance(given, list) or len(given) != len(LEVELS):
        raise cells.row.wrong(field, "须为四个数", "依次填写红、橙、黄、蓝")
    figures = [
        Cells(Row(cells.row.file, cells.row.number, {field: one})).whole(field, most, least=least) * unit
        for one in given
    ]
    return Colours(*figures)


def _calling(cells: Cells) -> Calling:
    levels = cells.row.cells["levels"]
    if not isinstance(levels, list) or not all(word in _LEVEL_OF for word in levels):
        raise cells.row.wrong("levels", "须为预警级别的列表", f"可用：{'、'.join(_LEVEL_OF)}")
    again_s, within_s = (
        cells.whole(field, 1440, least=1) * _MINUTE_S for field in ("again_min", "within_min")
    )
    times = cells.whole("times", 10, least=2)
    if within_s <= again_s:
        raise cells.row.wrong("within_min", "不大于 again_min", "全部呼叫的时间应长于第一次等待")
    return Calling(tuple(_LEVEL_OF[word] for word in levels), again_s, times, within_s)
