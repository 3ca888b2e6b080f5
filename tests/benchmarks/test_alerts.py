"""A whole pass over very many open facts, reading and writing included, beside what it may take."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

import jobs.alerts
from jobs.alert_exposure import Exposed, Place
from jobs.alerts import run_alerts
from layers.database import owner_engine
from riskmap.alert_facts import Fact
from tests.benchmarks.ratios import Size
from tests.import_files import evening

pytestmark = pytest.mark.bench

MAY_TAKE_S, OF_FACTS = 10.0, 100_000
"""two cores, 100 k open facts, 10 k of them warnings"""


def exposed(count: int, worse: int) -> Exposed:
    """So many sources in 30 townships and 400 zones, some of them red and all others orange."""
    out = Exposed()
    for n in range(count):
        township = f"4309811{n % 30:02d}"
        said = {"name": f"源{n}", "place": "甲镇甲村", "kind": "lpg_store", "people": n % 900}
        fact = Fact(
            *("level", "sources", f"S{n}"),
            township=township,
            level=1 if n < worse else 2,
            area=f"{township}201",
            industry="4511",
            enterprise=f"E{n % 5000}",
            zone=f"Z{n % 400}" if n % 3 else "",
            x_mm=n * 10,
            y_mm=n * 7,
            said=said,
        )
        out.add(fact, Place(township, enterprise=f"E{n % 5000}", source=f"S{n}"))
    return out


def test_a_pass(
    size: Size,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    compare: Callable[[str, Size, float, str, float, float], None],
) -> None:
    """The first pass knows nothing; in the second a tenth becomes worse and is told; the third has nothing to say."""
    owner, count = owner_engine(database), size.polygons
    may_s = MAY_TAKE_S * count / OF_FACTS
    for minute, (what, worse) in enumerate(
        (("first", 0), ("a tenth worse", count // 10), ("no news", count // 10))
    ):
        now = exposed(count, worse)
        monkeypatch.setattr(jobs.alerts, "expose", lambda *_, now=now: now)
        start, worked = time.perf_counter(), time.process_time()
        told = run_alerts(owner, actor="bench", at=evening() + timedelta(minutes=minute))
        took_s, worked_s = time.perf_counter() - start, time.process_time() - worked
        assert told["counts"]["open"] == worse
        promised = 1.0 if size.name == "L" else 0.0
        compare(f"alerts, {what} (CPU {worked_s:.1f} s)", size, took_s, "what it may take", may_s, promised)
    owner.dispose()
