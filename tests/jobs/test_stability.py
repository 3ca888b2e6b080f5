"""Stability: the quick way scores as a run does, a hand-made colour turns with the weight predicted and no other."""

import copy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobs.assessment import assess_records
from jobs.editions import approve, draft
from jobs.explain import explain
from jobs.imports import import_file
from jobs.levels import Outline
from jobs.risk import assess
from jobs.stability import CHECKED, check_stability, stability_due
from layers.audit import verify
from layers.database import CITY, Identity, reader_engine, reading, snapshot, writing
from layers.history import CLOCK
from layers.risk import Inputs, read_inputs
from layers.stability import check_told, last_check, stability_of
from riskmap.dynamic import DynamicWeights
from riskmap.edition_files import write_edition
from riskmap.editions import Edition
from riskmap.errors import Refused, RiskMapError
from riskmap.shifts import Both, shifted, weights_of
from riskmap.weights import RiskWeights
from tests.riskmap.standard import edition

DEMO_DAY = datetime(2026, 6, 1, 12, tzinfo=CLOCK)
TODAY = datetime.now(CLOCK).date()
SOURCES = "code,name,kind,lon,lat\nF1,一号渡口,ferry,112.36,28.85\nB1,一号桥,bridge,112.5,28.9\nM1,一号矿,mine,112.4,28.95\n"
DANGERS = (
    "code,source_code,grade,title,found_on,due_on,found_by\nD1,B1,general,护栏破损,{found},{due},other\n"
)


def rewritten(*changes: tuple[str, str, str, str, Any]) -> Edition:
    """The shipped edition with figures changed in its tables: table, part, row (empty: a section), field, value."""
    tables = copy.deepcopy(dict(edition().tables))
    for table, part, row, field, value in changes:
        where = tables[table][part]
        if row:
            key = next(iter(where[0]))
            where = next(one for one in where if one[key] == row)
        where[field] = value
    return replace(edition(), tables=tables)


def of(used: Edition) -> Both:
    return Both(RiskWeights.from_table(used.table("risk")), DynamicWeights.from_edition(used))


@pytest.fixture(scope="module")
def demo(demo_owner: Engine) -> Inputs:
    with snapshot(demo_owner) as connection:
        return read_inputs(connection, DEMO_DAY)


@pytest.fixture(scope="module")
def outline(demo: Inputs) -> Outline:
    return Outline(demo, "430981")


CHANGES: list[list[tuple[str, str, str, str, Any]]] = [
    [],
    [("risk", "lead", "", "share_permille", 240)],
    [("risk", "place", "", "vulnerable_permille", 300), ("risk", "worst_placed", "", "village", 160)],
    [("risk", "exposure", "", "scale_people", 240)],
    [("risk", "exposure", "", "high_sensitive_people", 120), ("risk", "exposure", "", "most", 24)],
    [("risk", "reach", "", "metres_per_point", 13)],
    [("risk", "kinds", "ferry", "points", "14.4"), ("risk", "kinds", "premises", "reach_m", "240")],
    [("risk", "kinds", "hazchem_production", "reach_m", "1200"), ("risk", "premises", "", "most", 10)],
    [("risk", "workers", "300", "points", "2.4"), ("risk", "premises", "", "unknown_points", "4.8")],
    [("dynamic", "dangers", "", "overdue", 6), ("dynamic", "silence", "", "per_day", 4)],
    [("dynamic", "dangers", "", "major_overdue", 24), ("dynamic", "alarms", "", "decay_h", 29)],
    [("risk", "edges", "", "ordinary", [10, 30, 50])],
    [("risk", "credits", "standard_2", "points", "3.6"), ("risk", "credit", "", "most", 2)],
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: "+".join(one[3] for one in changes) or "own")
def test_the_quick_way_scores_as_a_run_does(
    demo: Inputs, outline: Outline, changes: list[tuple[str, str, str, str, Any]]
) -> None:
    used = rewritten(*changes)
    run = assess_records(replace(demo, edition=used), "430981").scores
    for calm, score, level in ((False, "score", "level"), (True, "base", "base_level")):
        scored = outline.scored(of(used), calm=calm) or outline.own(calm=calm)
        for kind in CHECKED:
            rows = run[run["kind"] == kind].sort_values("code")
            assert list(rows["code"]) == list(outline.codes[kind]), kind
            assert list(rows[score]) == scored.scores[kind].tolist(), (kind, calm)
            assert list(rows[level]) == scored.levels[kind].tolist(), (kind, calm)
    if not changes:
        assert outline.scored(outline.both) is None


def test_every_figure_of_both_tables_is_a_weight_or_said_not_to_be() -> None:
    """Counted from the files, not from the code: edges, limits, counts and words are left out, zeros cannot move."""
    tables = edition().tables
    risk, dynamic = tables["risk"], tables["dynamic"]
    expected = {f"risk.lead.{name}" for name in risk["lead"]}
    expected |= {f"risk.worst_placed.{name}" for name in risk["worst_placed"] if name != "townships"}
    expected |= {
        "risk.place.vulnerable_permille",
        "risk.place.slow_rescue_permille",
        "risk.reach.metres_per_point",
    }
    expected |= {f"risk.exposure.{name}" for name in risk["exposure"]}
    expected |= {f"risk.premises.{name}" for name in risk["premises"]}
    for part, key in (("kinds", "kind"), ("industries", "code")):
        for row in risk[part]:
            expected |= {f"risk.{part}.{row[key]}.points", f"risk.{part}.{row[key]}.reach_m"}
            if row.get("workers_from"):
                expected.add(f"risk.{part}.{row[key]}.workers_points")
    expected |= {f"risk.workers.{row['workers_from']}.points" for row in risk["workers"]}
    expected |= {f"risk.credits.{row['credit']}.points" for row in risk["credits"]} | {"risk.credit.most"}
    expected |= {f"dynamic.dangers.{name}" for name, points in dynamic["dangers"].items() if points}
    expected |= {"dynamic.alarms.decay_h", "dynamic.silence.per_day", "dynamic.silence.most"}
    for row in dynamic["events"]:
        if row["points"] != "0":
            expected.add(f"dynamic.events.{' '.join(filter(None, (row['kind'], row['severity'])))}.points")
    weights = weights_of(of(edition()))
    assert {weight.key for weight in weights} == expected
    assert len(weights) == len(expected)


def test_a_weight_moves_alone_and_by_a_fifth() -> None:
    both = of(edition())
    for weight in weights_of(both):
        for permille in (200, -200):
            moved = {one.key: one.value for one in weights_of(shifted(both, weight, permille))}
            assert moved.pop(weight.key) == pytest.approx(weight.value * (1 + permille / 1000), abs=0.5)
            assert moved == {one.key: one.value for one in weights_of(both) if one.key != weight.key}


@pytest.fixture
def edge(owner: Engine, tmp_path: Path) -> Engine:
    """A ferry of 17 points, a mine of 10, and a bridge of 15 with an overdue danger of 5: nobody lives near them."""
    used = rewritten(
        ("risk", "kinds", "ferry", "points", "17"),
        ("risk", "kinds", "mine", "points", "10"),
        ("risk", "kinds", "bridge", "points", "15"),
    )
    write_edition(replace(used, name="edge"), tmp_path / "edge")
    draft(owner, tmp_path / "edge", actor="test")
    approve(owner, "edge", by="市政府", effective_from=TODAY, actor="test")
    due = TODAY - timedelta(days=3)
    for layer, content in (
        ("sources", SOURCES),
        ("dangers", DANGERS.format(found=due - timedelta(days=9), due=due)),
    ):
        (tmp_path / f"{layer}.csv").write_text(content, "utf-8")
        import_file(owner, layer, tmp_path / f"{layer}.csv")
    assess(owner, actor="test")
    return owner


def told(owner: Engine, code: str) -> dict[str, Any]:
    with snapshot(owner) as connection:
        found = stability_of(connection, "source", code)
    assert found is not None
    return found


def flips(owner: Engine, code: str, scale: str = "level") -> list[tuple[str, int, str]]:
    return [(one["weight"], one["percent"], one["to"]) for one in told(owner, code)[scale]["flips_with"]]


def test_a_colour_turns_with_the_weight_predicted_and_no_other(edge: Engine) -> None:
    made = check_stability(edge, actor="test")
    # 17 × 1.2 = 20.4: over the edge of 20
    assert flips(edge, "F1") == [("risk.kinds.ferry.points", 20, "yellow")]
    # 15 + 5 = 20 is yellow at its very edge: a fifth less of either is blue
    assert flips(edge, "B1") == [
        ("risk.kinds.bridge.points", -20, "blue"),
        ("dynamic.dangers.overdue", -20, "blue"),
    ]
    # without the danger it is 15 points: nothing by a fifth reaches an edge
    assert flips(edge, "B1", "base_level") == []
    assert flips(edge, "F1", "base_level") == flips(edge, "F1")
    assert flips(edge, "M1") == []
    assert told(edge, "M1")["level"]["stable"] is True
    assert told(edge, "F1")["level"]["stable"] is False
    assert made["kinds"]["source"] == {"total": 3, "level": 1, "base_level": 2}
    nobody = {"total": 0, "level": 0, "base_level": 0}
    assert made["kinds"]["city"] == nobody, "nobody lives here: the city has no colour"
    assert {one["weight"]: (one["level"], one["base_level"]) for one in made["moved"]} == {
        "risk.kinds.ferry.points": (1, 1),
        "risk.kinds.bridge.points": (1, 0),
        "dynamic.dangers.overdue": (1, 0),
    }
    with snapshot(edge) as connection:
        assert verify(connection) == []


def test_the_check_stands_beside_the_level_while_it_holds(
    edge: Engine, reader: Engine, tmp_path: Path
) -> None:
    before = explain(edge, reader, CITY, "source", "F1")
    assert before["stability"] is None
    check_stability(edge, actor="test")
    after = explain(edge, reader, CITY, "source", "F1")
    assert after["stability"]["level"]["stable"] is False
    (turned,) = after["stability"]["level"]["flips_with"]
    assert turned["label"] == "危险源类别“渡口渡船”：分值"
    english = explain(edge, reader, CITY, "source", "F1", lang="en")["stability"]["level"]["flips_with"][0][
        "label"
    ]
    assert english.isascii()
    same = ("score", "level", "contributions", "base_level", "rise_level")
    assert {name: before[name] for name in same} == {name: after[name] for name in same}
    assert explain(edge, reader, CITY, "source", "F1", as_of=TODAY.isoformat())["stability"] is None
    assert not stability_due(edge)
    closed = "code,source_code,grade,title,found_on,found_by,status,closed_on\n"
    closed += f"D1,B1,general,护栏破损,{TODAY - timedelta(days=12)},other,closed,{TODAY}\n"
    (tmp_path / "closed.csv").write_text(closed, "utf-8")
    import_file(edge, "dangers", tmp_path / "closed.csv")
    assess(edge, actor="test")
    with snapshot(edge) as connection:
        bridge, ferry = (stability_of(connection, "source", code) for code in ("B1", "F1"))
    assert bridge is not None
    assert ferry is not None
    assert bridge["level"] is None, "its colour is another one now"
    assert bridge["base_level"]["stable"] is True, "its baseline is what it was"
    assert ferry["level"]["stable"] is False


def test_a_check_is_due_daily_and_with_new_rules(edge: Engine, tmp_path: Path) -> None:
    assert stability_due(edge)
    check_stability(edge, actor="test")
    assert not stability_due(edge)
    write_edition(
        replace(rewritten(("risk", "kinds", "ferry", "points", "9")), name="next"), tmp_path / "next"
    )
    draft(edge, tmp_path / "next", actor="test")
    approve(edge, "next", by="市政府", effective_from=TODAY, actor="test")
    assert not stability_due(edge), "the map still shows the old edition"
    assess(edge, actor="test")
    assert stability_due(edge)
    with snapshot(edge) as connection:
        assert stability_of(connection, "source", "M1") is None, "said of other rules"
    with writing(edge) as connection:
        connection.execute(text("UPDATE stability SET at = at - interval '1 day'"))
    check_stability(edge, actor="test")
    with writing(edge) as connection:
        connection.execute(text("UPDATE stability SET at = at - interval '2 days'"))
    assert stability_due(edge)


def test_a_city_never_computed_is_not_checked(owner: Engine) -> None:
    assert not stability_due(owner)
    with pytest.raises(Refused):
        check_stability(owner, actor="test")


def test_colours_that_do_not_come_out_again_are_not_judged(edge: Engine) -> None:
    with writing(edge) as connection:
        connection.execute(text("UPDATE score SET level = 1 WHERE code = 'M1'"))
    with pytest.raises(RiskMapError, match="source"):
        check_stability(edge, actor="test")


def test_the_whole_demo_city_is_checked(checked_demo: str) -> None:
    reader = reader_engine(checked_demo)
    with reading(reader, CITY) as connection:
        check = last_check(connection)
    assert check is not None
    made = check_told(check)
    assert made["weights"] > 250
    for kind in CHECKED:
        counted = made["kinds"][kind]
        assert 0 <= counted["level"] <= counted["total"]
        assert 0 <= counted["base_level"] <= counted["total"]
    assert made["kinds"]["source"]["base_level"] > made["kinds"]["source"]["total"] // 2
    town = Identity("town", "township", "430981006")
    with reading(reader, town) as connection:
        seen = connection.execute(text("SELECT DISTINCT township_code FROM flip")).scalars().all()
    reader.dispose()
    assert seen == ["430981006"], "a township is told of its own records only"
