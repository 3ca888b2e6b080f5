"""The demo city in the database: its first day, then every day of its year as a revision recorded on that day.

A load that was cut off goes on where it stopped: the days already recorded are in the audit, and the same seed
and last day make the same files again.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from jobs.demo_city import make_city
from jobs.demo_history import first_day_of
from jobs.imports import import_day
from layers.audit import reasons
from layers.database import snapshot
from layers.history import CLOCK
from layers.risk import level_counts

JOB = "demo"
_RECORDED_AT = time(20, 0)
"""the evening on which a day's records are entered"""


def load_demo(
    owner: Engine, home: Path, *, seed: int, until: date, progress: Callable[[str, float], None]
) -> bool:
    """Load the demo city's first day and year; False where it was complete already.

    `until` is the day of the set-up: the history ends the day before. A load that is complete keeps its seed.
    """
    with snapshot(owner) as connection:
        recorded = recorded_days(connection)
    first = min(recorded) if recorded else first_day_of(until)
    last = first + timedelta(days=(until - first_day_of(until)).days - 1)
    if last in recorded:
        return False
    progress("生成演示城市", 0.02)
    folder = home / "demo" / f"{seed}-{first.isoformat()}"
    make_city(seed, folder, last + timedelta(days=1))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    for n, day in enumerate(days):
        if day not in recorded:
            files = folder if day == first else folder / "history" / day.isoformat()
            import_day(owner, files, at=_evening(day), actor=JOB, job=JOB, reason=day.isoformat())
        progress(f"装载 {day}", 0.05 + 0.9 * n / len(days))
    return True


def start_of_demo(until: date) -> datetime:
    """When the demo's database begins: the morning of its first day."""
    return datetime.combine(first_day_of(until), time(8), CLOCK)


def _evening(day: date) -> datetime:
    return datetime.combine(day, _RECORDED_AT, CLOCK)


def recorded_days(connection: Connection) -> set[date]:
    """The days of the demo's year that are on file; none where the demo never was."""
    return {date.fromisoformat(reason) for reason in reasons(connection, JOB)}


def summary(owner: Engine) -> list[str]:
    """What the city holds and how its levels stand, a line each."""
    names = {
        "source": "危险源",
        "enterprise": "企业",
        "grid": "网格",
        "village": "村（社区）",
        "township": "镇街",
    }
    words = {1: "红", 2: "橙", 3: "黄", 4: "蓝", None: "未评"}
    with snapshot(owner) as connection:
        counts = {name: level_counts(connection, name) for name in ("base_level", "rise_level")}
    lines = []
    for kind, name in names.items():
        base, rise = (counts[scale].get(kind, {}) for scale in ("base_level", "rise_level"))
        if base:
            told = "，".join(f"{words[n]} {base[n]}" for n in words if n in base)
            moved = "，".join(f"{words[n]} {rise[n]}" for n in (1, 2, 3) if n in rise)
            lines.append(f"{name} {sum(base.values())}：固有风险 {told}；动态上升 {moved or '无'}")
    return lines
