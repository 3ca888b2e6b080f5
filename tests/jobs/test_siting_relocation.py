"""What would leave with a source equals what does leave: it is really removed, and the whole scratch city computed anew."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from jobs.risk import assess
from jobs.siting_relocation import relocations
from layers.database import CITY, Identity, owner_engine, snapshot, writing
from layers.history import CLOCK, open_revision
from layers.schema import metadata, score
from riskmap.errors import Forbidden
from tests.database import Databases
from tests.siting_city import put, template_of

NOW = datetime.now(CLOCK).replace(microsecond=0)


def peopled(owner: Engine) -> None:
    """Two stores among homes, one of them beside a school, and one far from anybody."""
    for n, (east, north) in enumerate([(-2900, 3000), (-3200, 2900), (-2950, 2700)]):
        put(owner, "population", f"P-{n}", f"POINT({east} {north})", people=Decimal(900 + 100 * n))
    for code, east, tonnes in (("S-store", -3100, 60), ("S-far", 3500, 500)):
        put(owner, "source", code, f"POINT({east} 2800)", name=code, kind="hazchem_store")
        put(
            owner,
            "inventory",
            f"I-{code}",
            None,
            source_code=code,
            substance="液氯",
            quantity_t=Decimal(tonnes),
        )
    put(owner, "target", "T-near", "POINT(-3000 2850)", name="近校", target_class="high_sensitive")


def scores_of(owner: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    with snapshot(owner) as connection:
        rows = connection.execute(select(score.c.kind, score.c.code, score.c.base, score.c.base_level))
        return {(row.kind, row.code): (row.base, row.base_level) for row in rows}


def test_what_would_leave_is_what_leaves(databases: Databases) -> None:
    with databases.fresh(template_of(databases)) as dsn:
        owner = owner_engine(dsn)
        peopled(owner)
        told = relocations(owner, CITY, at=NOW)
        assert [one["code"] for one in told["items"]] == ["S-store", "S-tank"]
        first = told["items"][0]
        assert (first["homes"], first["people"], first["targets"]) == (3, 3000.0, 1)
        assert first["nearest_targets"][0]["name"] == "近校"
        assess(owner, actor="test", at=NOW, full=True)
        before = scores_of(owner)
        with writing(owner) as connection:
            open_revision(connection, "test", "siting city", None)
            for layer, code in (("inventory", "I-S-store"), ("source", "S-store")):
                table = metadata.tables[layer]
                connection.execute(delete(table).where(table.c.code == code))
        assess(owner, actor="test", at=NOW, full=True)
        after = scores_of(owner)
        again = relocations(owner, CITY, at=NOW)
        owner.dispose()
    for one in first["areas"]:
        key = one["kind"], one["code"]
        assert (one["score"] * 1e6, one["score_after"] * 1e6) == pytest.approx(
            (before[key][0], after[key][0])
        )
        assert before[key][0] > after[key][0]
    people = {"P-0": 900, "P-1": 1000, "P-2": 1100, "P-homes": 60}
    left = sum((before["place", code][0] - after["place", code][0]) * n for code, n in people.items())
    assert first["risk_removed"] == pytest.approx(left / 1e6, abs=0.001)
    assert [one["code"] for one in again["items"]] == ["S-tank"]


def test_nobody_near_no_list_and_no_part_of_the_city(metre_city: Engine) -> None:
    answer: dict[str, Any] = relocations(metre_city, CITY, at=NOW)
    assert (answer["items"], answer["looked_at"]) == ([], 1)
    with pytest.raises(Forbidden):
        relocations(metre_city, Identity("t", "township", "430981100"))
