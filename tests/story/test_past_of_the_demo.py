"""Days of the demo's year looked at again: ten runs come to their hashes, and what they explain sums.

In `make test` two of the days; in the soak ten, with more of everything explained.
"""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobs.explain import explain
from jobs.past import past_of
from jobs.replay import replay
from jobs.risk import assess
from layers.database import CITY, reading
from layers.records import fetch
from tests.demo_city import UNTIL
from tests.import_files import load

KINDS = ("source", "enterprise", "grid", "village", "township", "overlay", "city")


@pytest.fixture(scope="module")
def days(soak: bool) -> list[str]:
    """Random days of the year before the set-up, the last one among them."""
    chosen = random.Random(6).sample(range(2, 365), 9 if soak else 1)
    return [(UNTIL - timedelta(days=n)).isoformat() for n in (1, *chosen)]


@pytest.mark.timeout(3600)
def test_past_runs_done_again_come_to_their_hashes(
    demo_owner: Engine, days: list[str], tmp_path: Path
) -> None:
    made = [assess(demo_owner, actor="test", as_of=day) for day in days]
    assert len({run["result_hash"] for run in made}) == len(days), "no two days are alike"
    with_people = "code,people,people_day,lon,lat"
    load(demo_owner, tmp_path, "population", with_people, "LATE,900,,112.36,28.84", at=None)
    made.append(assess(demo_owner, actor="test"))
    for run in made:
        answer = replay(demo_owner, run["run_id"])
        assert (answer["answer"], answer["replayed_hash"]) == ("equal", run["result_hash"])


@pytest.mark.timeout(3600)
def test_what_is_explained_of_a_past_day_sums(
    demo_owner: Engine, demo_reader: Engine, days: list[str], *, soak: bool
) -> None:
    for day in days:
        then = past_of(demo_owner, day)
        for kind in KINDS:
            with reading(demo_reader, CITY) as connection:
                rows = fetch(connection, kind, then=then).items
            codes = [row["code"] for row in rows if row["score"] is not None]
            for code in random.Random(day).sample(codes, min(len(codes), 4 if soak else 1)):
                answer = explain(demo_owner, demo_reader, CITY, kind, code, as_of=day)
                total = sum(round(line["value"] * 1e6) for line in answer["contributions"])
                assert total == round(answer["score"] * 1e6), (day, kind, code)
