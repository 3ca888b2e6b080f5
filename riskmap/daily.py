"""What is told every day: the figures of the table `daily`, when a day's message is due, and its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from riskmap.editions import Edition, table_or_shipped
from riskmap.sections import Cells, Sections

_SHIPPED = "daily_2026_1"
_SECTIONS = {
    "digest": ("at", "ahead_days"),
    "heartbeat": ("at",),
    "watchdog": ("pass_min", "feed_min"),
}
_DAY = timedelta(days=1)
MOST_CHARS = 200
_MOST_REASON = 40


@dataclass(frozen=True, slots=True)
class Daily:
    """The hours of the two daily messages, how far the digest looks ahead, and when the program itself is in trouble."""

    digest_at: time
    ahead: timedelta
    heartbeat_at: time
    no_pass: timedelta
    no_feed: timedelta

    @classmethod
    def from_edition(cls, edition: Edition | None) -> "Daily":
        """The figures of an edition's table `daily`; the shipped ones where it names none. BadInput as they are read."""
        return cls.from_table(table_or_shipped(edition, "daily", _SHIPPED))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Daily":
        """Build from the content of a table; see `from_edition`."""
        part = Sections(table, _SECTIONS)
        digest, heartbeat, watchdog = (part.section(name) for name in _SECTIONS)
        return cls(
            digest_at=_hour(digest),
            ahead=timedelta(days=digest.whole("ahead_days", 366)),
            heartbeat_at=_hour(heartbeat),
            no_pass=timedelta(minutes=watchdog.whole("pass_min", 1440, least=2)),
            no_feed=timedelta(minutes=watchdog.whole("feed_min", 10_080, least=1)),
        )


def last_due(at: datetime, hour: time) -> datetime:
    """The last time by an instant (of the city's clock) that the hour struck."""
    today = datetime.combine(at.date(), hour, at.tzinfo)
    return today if today <= at else today - _DAY


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of each kind changed in a township since a digest's beginning; `reason`: the heaviest, in words."""

    begun: int = 0
    ended: int = 0
    worse: int = 0
    better: int = 0
    dangers: int = 0
    overdue: int = 0
    due: int = 0
    zones: int = 0
    reason: str = ""
    ledger: int = 0

    @property
    def calm(self) -> bool:
        """Whether nothing changed; what comes due was known before."""
        return not (
            self.begun
            or self.ended
            or self.worse
            or self.better
            or self.dangers
            or self.overdue
            or self.zones
            or self.ledger
        )


_PARTS = (
    ("begun", "新增提示{}条"),
    ("ended", "解除{}条"),
    ("worse", "变差{}处"),
    ("better", "好转{}处"),
    ("dangers", "新增隐患{}条"),
    ("overdue", "新逾期{}条"),
    ("zones", "片区变化{}个"),
    ("ledger", "片区台账新逾期{}项"),
    ("due", "{days}日内到期{}项"),
)


def digest_text(city: str, township: str, since: datetime, counted: Counted, ahead: timedelta) -> str:
    """The one message of a day to a township's leader, at most 200 characters."""
    parts = [text.format(n, days=ahead.days) for name, text in _PARTS if (n := getattr(counted, name))]
    reason = counted.reason[:_MOST_REASON]
    why = f"最要紧的是：{reason}。" if reason else ""
    when = f"昨日{since.hour}时{since.minute:02d}分以来"
    return f"【每日变化·内部】{city[:10]}应急管理局：{township[:12]}{when}，{'，'.join(parts)}。{why}详见“每日变化”页面。"


def _hour(cells: Cells) -> time:
    text = cells.row.text("at")
    try:
        hour = time.fromisoformat(text)
    except ValueError:
        raise cells.row.wrong("at", f"不是时刻：{text}", "写成 07:30") from None
    if len(text) != len("07:30"):
        raise cells.row.wrong("at", f"不是时刻：{text}", "写成 07:30")
    return hour


_AGES = (("data", "风险数据"), ("pass", "预警计算"), ("feed", "监测数据"))
_HOUR_MIN, _DAY_MIN = 60, 1440


def heartbeat_text(
    city: str, at: datetime, ages_min: Mapping[str, int | None], sensors: tuple[int, int], *, well: bool
) -> str:
    """The daily message to the duty desk: whether all works, and how old the data are; `sensors`: in time, of all."""
    parts = [f"{name}{_aged(ages_min.get(key))}" for key, name in _AGES]
    if sensors[1]:
        parts.append(f"监测点{sensors[0]}/{sensors[1]}按时")
    return (
        f"【系统心跳·内部】{city[:10]}安全风险一张图：{'系统正常' if well else '系统在运行，但有异常'}，"
        f"{at:%m月%d日%H:%M}。{'，'.join(parts)}。每日一条；到时没有收到，请查看系统并联系维护人员。"
    )


def lasting(minutes: int) -> str:
    """How long, in Chinese, in the largest unit that there is one of."""
    if minutes < _HOUR_MIN:
        return f"{minutes}分钟"
    return f"{minutes // _HOUR_MIN}小时" if minutes < _DAY_MIN else f"{minutes // _DAY_MIN}天"


def _aged(minutes: int | None) -> str:
    return "尚无" if minutes is None else f"{lasting(minutes)}前"
