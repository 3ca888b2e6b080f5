"""When a rule applies: season, hours of the day and dated periods, in the city's own time (UTC+8, no summer time)."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from riskmap.editions import Row

_CITY_AHEAD = timedelta(hours=8)
_LEAP_YEAR = 2000
DAY_S = 86_400


class Window(NamedTuple):
    """What must all hold; an empty part always does. Season and hours may run over the end of year or day.

    `season` are month × 100 + day, both ends included; `hours` seconds of the day, the end excluded.
    """

    season: tuple[int, int] | None = None
    hours: tuple[int, int] | None = None
    dates: tuple[tuple[date, date], ...] = ()

    def holds(self, at_s: int) -> bool:
        """Whether an instant (seconds since 1970, UTC) lies in it."""
        local = datetime.fromtimestamp(at_s, UTC) + _CITY_AHEAD
        day = local.date()
        if self.season and not _between(self.season, local.month * 100 + local.day, last=0):
            return False
        second = local.hour * 3600 + local.minute * 60 + local.second
        if self.hours and not _between(self.hours, second, last=-1):
            return False
        return not self.dates or any(first <= day <= last for first, last in self.dates)


ALWAYS = Window()


def window_of(row: Row) -> Window:
    """Read from the fields `season` (06-01/09-30), `hours` (22:00/06:00) and `dates` (2026-02-15/2026-02-23;…).

    Raises BadInput, naming file, row and field.
    """
    return Window(_season(row), _hours(row), _dates(row))


def _between(span: tuple[int, int], value: int, *, last: int) -> bool:
    first, end = span[0], span[1] + last
    return first <= value <= end if first <= end else value >= first or value <= end


def _halves(row: Row, field: str, text: str, example: str) -> tuple[str, str]:
    first, slash, last = text.partition("/")
    if not slash:
        raise row.wrong(field, f"不是起止：{text}", f"请写成 {example} 的形式")
    return first.strip(), last.strip()


def _season(row: Row) -> tuple[int, int] | None:
    text = row.text("season", needed=False)
    if not text:
        return None
    try:
        first, last = (
            date.fromisoformat(f"{_LEAP_YEAR}-{half}") for half in _halves(row, "season", text, "06-01/09-30")
        )
    except ValueError:
        raise row.wrong("season", f"不是月日：{text}", "请写成 06-01/09-30 的形式") from None
    return first.month * 100 + first.day, last.month * 100 + last.day


def _hours(row: Row) -> tuple[int, int] | None:
    text = row.text("hours", needed=False)
    if not text:
        return None
    first, last = (_second(row, half, text) for half in _halves(row, "hours", text, "22:00/06:00"))
    if first == last:
        raise row.wrong("hours", f"起止相同：{text}", "全天请留空")
    return first, last


def _second(row: Row, half: str, text: str) -> int:
    hour, colon, minute = half.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and len(minute) == 2):
        raise row.wrong("hours", f"不是时刻：{text}", "请写成 22:00/06:00 的形式")
    second = int(hour) * 3600 + int(minute) * 60
    if int(minute) > 59 or second > DAY_S:
        raise row.wrong("hours", f"不是时刻：{text}", "请写 00:00 至 24:00")
    return second


def _dates(row: Row) -> tuple[tuple[date, date], ...]:
    spans = []
    for text in filter(None, (part.strip() for part in row.text("dates", needed=False).split(";"))):
        try:
            first, last = (
                date.fromisoformat(half) for half in _halves(row, "dates", text, "2026-02-15/2026-02-23")
            )
        except ValueError:
            raise row.wrong("dates", f"不是日期：{text}", "请写成 2026-02-15/2026-02-23 的形式") from None
        if last < first:
            raise row.wrong("dates", f"止日早于起日：{text}", "请改正")
        spans.append((first, last))
    return tuple(spans)
