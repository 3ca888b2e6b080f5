"""The levels of the demo city: sums that add up, explanations that sum, runs that repeat, rights that hold."""

import random
from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from jobs.explain import explain
from jobs.risk import assess, is_stale
from layers.database import CITY, Identity, reading, snapshot, writing
from layers.history import end_on, open_revision
from layers.records import fetch
from layers.risk import last_run, runs
from layers.schema import metadata
from riskmap.errors import BadInput, NotFound

SAMPLE = 12
OURS, THEIRS = "430981006", "430981114"
TOWNSHIP = Identity("town", "township", OURS)


@pytest.fixture(scope="module")
def city(demo_reader: Engine) -> dict[str, list[dict[str, Any]]]:
    kinds = ("source", "enterprise", "grid", "village", "township", "city", "overlay")
    with reading(demo_reader, CITY) as connection:
        return {kind: fetch(connection, kind).items for kind in kinds}


def test_the_demo_city_is_whole(city: dict[str, list[dict[str, Any]]]) -> None:
    counts = {kind: len(rows) for kind, rows in city.items()}
    assert counts["township"] == 14
    assert counts["village"] == 195
    assert counts["grid"] == 3000
    assert city["city"][0]["people"] == 567_159
    assert 1400 <= counts["enterprise"] <= 1600
    assert 110 <= counts["source"] <= 130
    for kind in ("source", "grid", "village", "township"):
        assert len({row["level"] for row in city[kind]} - {None}) >= 3, f"{kind} shows too few colours"


def test_every_stored_account_sums_to_its_score(demo_owner: Engine) -> None:
    query = """SELECT s.kind, s.code FROM score s LEFT JOIN contribution c USING (kind, code)
        WHERE s.kind IN ('source', 'enterprise') GROUP BY s.kind, s.code, s.score
        HAVING s.score <> coalesce(sum(c.value), 0) OR count(c.*) = 0"""
    with snapshot(demo_owner) as connection:
        assert connection.execute(text(query)).all() == []
        assert connection.execute(text("SELECT count(*) FROM contribution")).scalar_one() > 5000


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "kind", ["source", "premises", "enterprise", "grid", "village", "township", "overlay", "city"]
)
def test_everything_is_explained_to_the_last_point(
    demo_owner: Engine, demo_reader: Engine, city: dict[str, list[dict[str, Any]]], kind: str, *, soak: bool
) -> None:
    """Some of each kind by their seed; in the soak all there are."""
    rows = city["enterprise" if kind == "premises" else kind]
    codes = [row["code"] for row in rows if row["score"] is not None]
    assert codes
    chosen = codes if soak else random.Random(kind).sample(codes, min(SAMPLE, len(codes)))
    for code in chosen:
        if kind == "premises":
            answer = explain(demo_owner, demo_reader, CITY, "source", f"{code}-P")
        else:
            answer = explain(demo_owner, demo_reader, CITY, kind, code)
        total = sum(round(line["value"] * 1e6) for line in answer["contributions"])
        assert total == round(answer["score"] * 1e6), code
        assert all(line["label"] and line["reason"] for line in answer["contributions"])


def test_burdens_people_and_counts_add_up(city: dict[str, list[dict[str, Any]]]) -> None:
    for part, whole, parent in (
        ("grid", "village", "village_code"),
        ("village", "township", "township_code"),
    ):
        for name in ("burden", "residents_and_day", "sources", "enterprises"):
            sums: defaultdict[str, float] = defaultdict(float)
            for row in city[part]:
                sums[row[parent]] += row[name]
            assert {row["code"]: pytest.approx(row[name]) for row in city[whole]} == dict(sums), name
    assert city["city"][0]["burden"] == sum(row["burden"] for row in city["township"])


@pytest.mark.parametrize(
    ("score", "hazard", "reach"),
    [("score", "hazard", "reach_now_m"), ("base", "hazard_base", "distances_m,reach")],
)
def test_a_place_agrees_with_a_plain_sum(demo_owner: Engine, score: str, hazard: str, reach: str) -> None:
    """One township's places again, by PostGIS distances and plain arithmetic over every source there is."""
    query = f"""
      WITH site AS (
        SELECT s.code, (s.facts ->> '{hazard}')::float8 AS h, (s.facts #>> '{{{reach}}}')::float8 AS r,
          CASE WHEN ST_Dimension(e.geom_m) = 2 AND r.geom_m IS NOT NULL THEN ST_Union(e.geom_m, r.geom_m)
               ELSE coalesce(r.geom_m, e.geom_m) END AS geom
        FROM score s LEFT JOIN source r ON r.code = s.code
        LEFT JOIN enterprise e ON e.code = coalesce(r.enterprise_code, left(s.code, -2)) WHERE s.kind = 'source')
      SELECT p.code, sc.{score}, p.vulnerable, p.rescue_min,
             array_agg(site.h * (1 - (ST_Distance(site.geom, p.geom_m) / site.r) ^ 2) ^ 2) AS pulls
      FROM population p JOIN score sc ON sc.kind = 'place' AND sc.code = p.code
      JOIN site ON ST_DWithin(site.geom, p.geom_m, site.r) AND ST_Distance(site.geom, p.geom_m) < site.r
      WHERE p.township_code = :township GROUP BY p.code, sc.{score}, p.vulnerable, p.rescue_min"""
    with snapshot(demo_owner) as connection:
        rows = connection.execute(text(query), {"township": THEIRS}).all()
    assert len(rows) > 100
    for code, points, vulnerable, rescue, pulls in rows:
        v = 1 + 0.25 * bool(vulnerable) + 0.15 * (rescue is not None and rescue > 20)
        lead = 0.8 * max(pulls) + 0.2 * sum(pulls)
        assert points == pytest.approx(v * lead, abs=len(pulls) + 1), code


def test_the_worst_placed_thousand_by_hand(demo_owner: Engine, city: dict[str, list[dict[str, Any]]]) -> None:
    query = """SELECT s.score, greatest(p.people, coalesce(p.people_day, 0)) FROM score s
        JOIN population p ON p.code = s.code WHERE s.kind = 'place' AND p.township_code = :township
        ORDER BY s.score DESC, s.code"""
    expected = {row["code"]: row["score"] for row in city["township"]}
    with snapshot(demo_owner) as connection:
        for township, stored in expected.items():
            rows = connection.execute(text(query), {"township": township}).all()
            left, total = 1000.0, 0.0
            for score, people in rows:
                taken = min(left, people)
                total += taken * score
                left -= taken
            assert stored == pytest.approx(total / 1000 / 1e6, abs=2e-6), township
    highest = sorted(expected.values())[-3:]
    assert city["city"][0]["score"] == pytest.approx(np.mean(highest), abs=2e-6)


def test_a_run_repeats_itself(demo_owner: Engine) -> None:
    first = assess(demo_owner, actor="test")
    second = assess(demo_owner, actor="test")
    assert second["result_hash"] == first["result_hash"]
    assert second["changed"]["by_kind"] == {}
    assert not is_stale(demo_owner)
    with snapshot(demo_owner) as connection:
        newest = runs(connection, limit=2)
        assert [bytes(run["result_hash"]).hex() for run in newest] == [first["result_hash"]] * 2


def test_a_township_sees_neighbours_only_as_neighbours(demo_owner: Engine, demo_reader: Engine) -> None:
    answer = explain(demo_owner, demo_reader, TOWNSHIP, "township", OURS)
    whole = explain(demo_owner, demo_reader, CITY, "township", OURS)
    assert sum(round(line["value"] * 1e6) for line in answer["contributions"]) == round(whole["score"] * 1e6)
    neighbours = [line for line in answer["contributions"] if line["kind"] == "neighbour"]
    assert neighbours, "the demo has sources on both sides of this border"
    assert all(line["record"] is None for line in neighbours)
    with reading(demo_reader, CITY) as connection:
        foreign = [r["code"] for r in fetch(connection, "source").items if r["township_code"] != OURS]
        foreign += [r["code"] for r in fetch(connection, "enterprise").items if r["township_code"] != OURS]
    told = str(answer)
    assert not [code for code in foreign if code in told]
    for kind, code in (("township", THEIRS), ("city", "430981"), ("source", foreign[0])):
        with pytest.raises(NotFound):
            explain(demo_owner, demo_reader, TOWNSHIP, kind, code)
    with pytest.raises(BadInput):
        explain(demo_owner, demo_reader, CITY, "target", "x")


def test_as_of_notes_a_run_and_leaves_the_levels_alone(demo_owner: Engine) -> None:
    with snapshot(demo_owner) as connection:
        before = last_run(connection)
        scores = connection.execute(text("SELECT sum(score), max(rev) FROM score")).one()
    then = assess(demo_owner, actor="test", as_of="2025-12-31")
    again = assess(demo_owner, actor="test", as_of="2025-12-31")
    assert then["result_hash"] == again["result_hash"]
    with snapshot(demo_owner) as connection:
        assert last_run(connection) == before
        assert connection.execute(text("SELECT sum(score), max(rev) FROM score")).one() == scores


def test_closing_a_source_lowers_and_keeps_the_past(demo_owner: Engine, demo_reader: Engine) -> None:
    with reading(demo_reader, CITY) as connection:
        worst = max(fetch(connection, "source").items, key=lambda row: row["score"] or 0)
        before = {row["code"]: row["score"] for row in fetch(connection, "grid").items}
    source = metadata.tables["source"]
    with writing(demo_owner) as connection:
        open_revision(connection, "test", "edit", "关闭")
        end_on(connection, date(2026, 6, 2))
        connection.execute(source.delete().where(source.c.code == worst["code"]))
    assert is_stale(demo_owner)
    assess(demo_owner, actor="test")
    with reading(demo_reader, CITY) as connection:
        after = {row["code"]: row["score"] for row in fetch(connection, "grid").items}
        assert all(after[code] <= before[code] for code in before)
        assert any(after[code] < before[code] for code in before)
        assert fetch(connection, "source", worst["code"]).items == []
        gone = "SELECT count(*) FROM score_past WHERE kind = 'source' AND code = :code"
        assert connection.execute(text(gone), {"code": worst["code"]}).scalar_one() == 1
