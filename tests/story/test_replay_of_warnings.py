"""Days of a city in which everything happens that moves warnings: the live passes done again come to the live ledger.

In `make test` one city and about a week; in the soak many cities and a month each.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.alert_replay import replay_alerts
from jobs.alerts import run_alerts
from jobs.risk import assess
from jobs.warning_steps import add_silence, end_silence, take_step
from jobs.zones import renew
from layers.alert_ledger import warning_page
from layers.database import CITY, reading
from riskmap.errors import RiskMapError
from tests.conftest import SOAK
from tests.database import Databases
from tests.import_files import SOURCE_HEADER, at, rows
from tests.lived_city import DANGER, DESK, DUTY, LEADER, WEST, Lived, set_up

CITIES, STEPS = (12, 150) if SOAK else (1, 18)
PAUSES_MIN = (1, 6, 12, 31, 65, 250, 700, 1500)
ENDED = f"{DANGER},status,closed_on"


class Life:
    """One city whose days are thrown by dice."""

    def __init__(self, city: Lived, seed: int) -> None:
        self.city = city
        self.dice = np.random.default_rng(seed)
        self.minute = 0.0
        self.passes = 0
        self._count = 0
        self._dangers: list[str] = []
        self._silences: list[dict[str, Any]] = []

    def live(self, steps: int) -> None:
        """Something happens, a pass, and so on: first each thing in turn, then whatever comes."""
        acts: list[Callable[[], None]] = [
            self.alarm, self.danger, self.step, self.stock, self.silence, self.danger, self.clear, self.step, self.post,
            self.neighbour, self.speak, self.close, self.step,
        ]  # fmt: skip
        for n in range(steps):
            act = acts[n] if n < len(acts) else acts[int(self.dice.integers(len(acts)))]
            act()
            self.minute += float(self.dice.choice(PAUSES_MIN))
            told = run_alerts(self.city.owner, actor="test", at=self._now())
            self.passes += told["rev"] is not None

    def alarm(self) -> None:
        """The sensor alarms."""
        self.city.event(self._code("A"), "alarm", self.minute, str(self.dice.choice(["high", "low"])))

    def clear(self) -> None:
        """And is normal again."""
        self.city.event(self._code("C"), "alarm_cleared", self.minute)

    def danger(self) -> None:
        """A danger is found that is overdue, or will be in some days."""
        due = (self._now() + timedelta(days=int(self.dice.integers(-20, 5)))).date()
        self._dangers.append(self._code("D"))
        grade = self.dice.choice(["major", "general"])
        self.city.put("dangers", DANGER, f"{self._dangers[-1]},S1,{grade},缺陷,other,2026-02-01,{due}")

    def close(self) -> None:
        """A danger is closed."""
        code = self._dangers.pop() if self._dangers else "D1"
        day = self._now().date()
        self.city.put("dangers", ENDED, f"{code},S1,major,缺陷,other,2026-02-01,2026-02-20,closed,{day}")

    def stock(self) -> None:
        """The tank holds another amount: levels are computed anew."""
        tonnes = self.dice.choice([5, 20, 60, 900, 4000])
        self.city.put("inventory", "source_code,substance,quantity_t", f"S1,液化石油气,{tonnes}")
        self._assess()

    def neighbour(self) -> None:
        """A tank at the border comes, or moves along it."""
        row = round(float(self.dice.uniform(0.1, 0.6)), 2)
        self.city.put("sources", SOURCE_HEADER, f"S2,边界气站,lpg_store,,{at(1.97, row)}")
        self.city.put("inventory", "source_code,substance,quantity_t", "S2,液化石油气,3000")
        self._assess()

    def post(self) -> None:
        """Somebody else leads the township, or is away."""
        name, away = self.dice.choice(["甲镇长", "甲副镇长"]), self.dice.random() < 0.5
        day = self._now().date()
        days = f"{day},{day + timedelta(days=1)}" if away else ","
        header = f"{DUTY},absent_from,absent_to"
        self.city.put("duty", header, f"U0,{name},leader,area,{WEST},101,{days}")

    def silence(self) -> None:
        """Warnings of a kind are silenced for a time."""
        kind = str(self.dice.choice(["overdue", "event", "level"]))
        matchers = {"kind": [kind]}
        hours = float(self.dice.integers(4, 160))
        begun = add_silence(self.city.owner, DESK, reason="检修", hours=hours, matchers=matchers)
        self._silences.append(begun)

    def speak(self) -> None:
        """A silence is cut short that lasts still."""
        lasting = [one for one in self._silences if one["until"] > self._now()]
        if lasting:
            end_silence(self.city.owner, DESK, lasting[-1]["code"])
            self._silences.remove(lasting[-1])

    def step(self) -> None:
        """Somebody signs, deals with, reports or lifts what is open."""
        with reading(self.city.reader, CITY) as connection:
            found = warning_page(connection, open_only=True).items
        for one in found[: int(self.dice.integers(1, 5))]:
            for action in ("sign", "handle", "report", "lift")[: int(self.dice.integers(1, 5))]:
                who = LEADER if self.dice.random() < 0.5 else DESK
                when = self._now() + timedelta(seconds=1)
                try:
                    take_step(self.city.owner, self.city.reader, who, one["id"], action, "已处置", at=when)
                except RiskMapError:
                    break  # signed already, or not theirs

    def _code(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count + 10}"

    def _now(self) -> datetime:
        return self.city.begin + timedelta(minutes=self.minute)

    def _assess(self) -> None:
        assess(self.city.owner, actor="test")
        renew(self.city.owner, actor="test")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(CITIES))
def test_days_of_live_passes_done_again_come_to_the_live_ledger(
    databases: Databases, prepared: str, tmp_path: Path, seed: int
) -> None:
    with databases.fresh(prepared) as dsn:
        city = Lived(dsn, tmp_path)
        try:
            set_up(city.owner, tmp_path)
            life = Life(city, seed)
            life.live(STEPS)
            found = replay_alerts(city.owner)
            assert found["differences"] == []
            assert found["answer"] == "equal"
            assert found["passes"] == life.passes >= STEPS // 3
            counted = "SELECT (SELECT count(*) FROM warning), (SELECT count(DISTINCT (warning_id, person, reason, n)) FROM delivery)"
            ((warnings, messages),) = rows(city.owner, counted)
            assert warnings == found["warnings"]
            assert messages <= found["messages"]
            told = {row[0] for row in rows(city.owner, "SELECT DISTINCT reason FROM delivery")}
            assert told >= {"first", "cleared", "repeat"}
            assert life.minute > 2 * 24 * 60
        finally:
            city.close()
