"""What would lower a colour: on the demo city's worst day, within one's rights, and for every kind of action."""

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.actions import actions_of, applied
from jobs.assessment import assess_records
from jobs.city import City, arrange
from jobs.counterfactual import Answer, lowering
from jobs.dynamic import factors_of
from jobs.nearby import inputs_of
from jobs.remedies import counterfactual
from jobs.results import Assessment
from jobs.risk import assess
from layers.city import stored_city
from layers.database import CITY, Identity, reading, snapshot
from layers.dynamic import read_dynamic
from layers.hazards import Basis
from layers.history import CLOCK, moment, parse_as_of
from layers.records import fetch
from layers.risk import Inputs, last_run, read_inputs, results_at
from riskmap.dynamic import CLEARED, DynamicWeights
from riskmap.errors import BadInput, NotFound
from riskmap.risk import BLUE
from tests.demo_city import UNTIL
from tests.import_files import SOURCE_HEADER, at, load, load_areas

OURS, THEIRS = "430981006", "430981114"
TOWNSHIP = Identity("town", "township", OURS)
SAMPLE, STEP_DAYS = 2, 30


def colour(result: Assessment, kind: str, code: str) -> tuple[int, int, int]:
    """Score, level and level of the rise, of a run."""
    rows = result.scores[(result.scores["kind"] == kind) & (result.scores["code"] == code)]
    return tuple(int(rows.iloc[0][name]) for name in ("score", "level", "rise_level"))  # type: ignore[return-value]


def done(inputs: Inputs, answer: Answer, *, but: int | None = None) -> Inputs:
    """A copy of the records with the actions done, all or all but one."""
    kept = [action for k, action in enumerate(answer.actions) if k != but]
    return applied(inputs, kept, answer.left_t)


# --- the demo's worst day ----------------------------------------------------------------------------------


def raised_by(inputs: Inputs, city: City, owner: Engine, day: date) -> int:
    """What the records of today say that was going on at the end of a day, at all sources together, in micro-points."""
    rules, at_night = DynamicWeights.from_edition(inputs.edition), parse_as_of(day.isoformat())
    with snapshot(owner) as connection:
        records = read_dynamic(connection, at_night, rules)
    found = factors_of(rules, records, city.graded.sources, city.graded.sites, at_night)
    return sum(factor.points for factors in found.values() for factor in factors)


def inputs_on(owner: Engine, day: date) -> Inputs:
    with snapshot(owner) as connection:
        return read_inputs(connection, parse_as_of(day.isoformat()), moment(connection, day.isoformat()))


@pytest.fixture(scope="module")
def worst_day(demo_owner: Engine, soak: bool) -> Inputs:
    """The city as of the day of its history on which what is going on raises its sources most; by the month, soaked by the week."""
    days = [UNTIL - timedelta(days=n) for n in range(1, 365, 7 if soak else STEP_DAYS)]
    last = inputs_on(demo_owner, days[0])
    city = arrange(last)
    return inputs_on(demo_owner, max(days, key=lambda day: raised_by(last, city, demo_owner, day)))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_every_township_of_the_worst_day_has_a_way_down(
    demo_owner: Engine, worst_day: Inputs, soak: bool
) -> None:
    """Applied to a copy, the actions give the stated colour, and one less of them does not."""
    with snapshot(demo_owner) as connection:
        city_code = stored_city(connection).code
    scores = assess_records(worst_day, city_code).scores
    worse = scores[(scores["kind"] == "township") & (scores["level"] < BLUE)].sort_values("score")
    assert len(worse) >= 3
    codes = worse["code"].tolist() if soak else [*worse["code"].iloc[[0]], *worse["code"].iloc[[-1]]]
    for code in codes:
        answer = lowering(worst_day, "township", code)
        assert answer.reached, code
        assert answer.chosen
        before = worse[worse["code"] == code].iloc[0]
        assert (answer.before.score, answer.before.level) == (before["score"], before["level"])
        assert answer.after.level == before["level"] + 1
        found = colour(assess_records(done(worst_day, answer), city_code), "township", code)
        assert found[:2] == tuple(answer.after), code
        if not soak and len(answer.chosen) > 1:
            continue
        for k in range(len(answer.chosen)):
            short = colour(assess_records(done(worst_day, answer, but=k), city_code), "township", code)
            assert short[1] < answer.after.level, f"{code}: {answer.actions[k].record} is not needed"


def test_where_no_action_helps_none_is_told_with_what_remains(
    demo_owner: Engine, demo_reader: Engine, worst_day: Inputs
) -> None:
    """A crowded place is what it is: its kind's points stay."""
    assess(demo_owner, actor="test")
    with reading(demo_reader, CITY) as connection:
        sources = fetch(connection, "source").items
    stuck = [row for row in sources if row["level"] != "blue" and row["kind"] in ("crowded_place", "bridge")]
    assert stuck, "the demo has kinds that are yellow by themselves"
    answer = counterfactual(demo_owner, demo_reader, CITY, "source", stuck[0]["code"], goal="blue")
    assert not answer["reached"]
    assert answer["proven"]
    assert answer["actions"] == []
    assert sum(line["value"] for line in answer["remains"]) == pytest.approx(answer["score_after"])
    assert "kind_points" in {line["kind"] for line in answer["remains"]}


@pytest.mark.parametrize("kind", ["city", "township", "village", "grid", "overlay", "enterprise", "source"])
def test_every_kind_is_told_its_way_down(demo_owner: Engine, demo_reader: Engine, kind: str) -> None:
    """What is told was computed again by the job itself; the gains of single lines are no more than the score."""
    with reading(demo_reader, CITY) as connection:
        rows = [
            row for row in fetch(connection, kind, worst="base").items if row["level"] not in ("blue", None)
        ]
    if not rows:
        pytest.skip(f"no {kind} of this demo is worse than blue")
    row = rows[0]
    answer = counterfactual(demo_owner, demo_reader, CITY, kind, row["code"])
    assert (answer["level"], answer["score"]) == (row["level"], row["score"])
    assert answer["reached"] == bool(answer["actions"])
    assert answer["level_after"] != answer["level"] or not answer["reached"]
    assert all(one["label"] and one["reason"] for one in (*answer["actions"], *answer["remains"]))
    gains = [line["gain"] for line in answer["contributions"] if line["gain"] is not None]
    assert gains
    assert all(0 <= gain <= answer["score"] for gain in gains)
    tried = counterfactual(demo_owner, demo_reader, CITY, kind, row["code"], done=[])["tried"]
    assert tried == {"records": [], "level_after": row["level"], "score_after": row["score"]}


@pytest.mark.parametrize("kind", ["township", "village", "grid", "overlay", "enterprise", "source"])
def test_a_part_of_the_city_gives_the_answer_of_the_whole(demo_owner: Engine, kind: str) -> None:
    """What is read for one thing is enough: score, colour, actions and what they come to are those of all records."""
    with snapshot(demo_owner) as connection:
        run = last_run(connection)
        assert run is not None
        basis = Basis.of_run(run)
        whole = read_inputs(connection, run["data_time"], basis.records)
        results = results_at(connection, run["rev"])
    codes = sorted(row["code"] for row in results if row["kind"] == kind and row["level"] < BLUE)
    for code in random.Random(kind).sample(codes, min(len(codes), 3)):
        with snapshot(demo_owner, scratch=True) as connection:
            part = inputs_of(connection, basis, whole.at, whole.edition, kind, code)
        if kind != "overlay":
            assert len(part.enterprises) < len(whole.enterprises) / 2
        told, expected = (lowering(inputs, kind, code) for inputs in (part, whole))
        for answer in (told, expected):
            assert answer.before.level < BLUE
        assert (told.before, told.after, told.reached) == (expected.before, expected.after, expected.reached)
        assert [one.record for one in told.actions] == [one.record for one in expected.actions], code
        assert told.left_t == expected.left_t


def test_a_township_is_told_of_neighbours_without_detail(demo_owner: Engine, demo_reader: Engine) -> None:
    """Its worst source stands in the township beside it."""
    whole = counterfactual(demo_owner, demo_reader, CITY, "township", OURS, goal="yellow")
    own = counterfactual(demo_owner, demo_reader, TOWNSHIP, "township", OURS, goal="yellow")
    assert own["score_after"] == whole["score_after"]
    assert len(own["actions"]) == len(whole["actions"])
    hidden = [one for one in own["actions"] if one["kind"] == "neighbour"]
    assert hidden
    assert all(one["record"] is one["source"] is one["gain"] is None for one in hidden)
    with reading(demo_reader, TOWNSHIP) as connection:
        ours = {row["code"] for row in fetch(connection, "source").items}
    told = str(own)
    foreign = [one for one in whole["actions"] if one["source"].partition("/")[2] not in ours]
    assert foreign
    for one in foreign:
        assert one["record"] not in told
        assert one["label"] not in told
    with pytest.raises(NotFound):
        counterfactual(demo_owner, demo_reader, TOWNSHIP, "township", THEIRS)


def test_a_goal_that_is_no_better_is_refused(demo_owner: Engine, demo_reader: Engine) -> None:
    with reading(demo_reader, CITY) as connection:
        row = next(one for one in fetch(connection, "township").items if one["level"] == "yellow")
    for wrong in ({"goal": "orange"}, {"goal": "green"}, {"of": "grade"}):
        with pytest.raises(BadInput):
            counterfactual(demo_owner, demo_reader, CITY, "township", row["code"], **wrong)


# --- every kind of action, in a small city -----------------------------------------------------------------

DAY = datetime(2026, 3, 10, 12, tzinfo=CLOCK)
EVENTS = "event_id,kind,severity,source_code,sensor_code,time,until"


@dataclass(frozen=True)
class Small:
    """A city in which one of everything is going on."""

    owner: Engine
    folder: Path

    def inputs(self) -> Inputs:
        with snapshot(self.owner) as connection:
            return read_inputs(connection, DAY)


@pytest.fixture
def small(owner: Engine, tmp_path: Path) -> Small:
    load_areas(owner, tmp_path)
    load(owner, tmp_path, "enterprises", "code,name,lon,lat", f"E1,甲,{at(0.2, 0.2)}")
    load(
        owner,
        tmp_path,
        "sources",
        SOURCE_HEADER,
        f"S1,甲罐,lpg_store,E1,{at(0.2, 0.2)}",
        f"S2,渡口,ferry,,{at(0.4, 0.2)}",
    )
    load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S1,液化石油气,60")
    load(
        owner,
        tmp_path,
        "population",
        "code,people,lon,lat",
        f"P1,900,{at(0.21, 0.2)}",
        f"P2,300,{at(0.4, 0.21)}",
    )
    load(
        owner,
        tmp_path,
        "sensors",
        "code,source_code,kind,unit,interval_s",
        "N1,S1,level,m,86400",
        "N2,S1,gas,ppm,",
    )
    load(
        owner,
        tmp_path,
        "dangers",
        "code,source_code,enterprise_code,grade,title,found_by,found_on,due_on",
        "D1,S1,,major,阀门渗漏,other,2026-03-01,2026-03-05",
        "D2,,E1,general,通道堵塞,other,2026-03-01,2026-03-05",
        "D3,S1,,general,标识缺失,self,2026-03-09,2026-03-20",
    )
    hours = "2026-03-10T08:00:00+08:00"
    load(
        owner,
        tmp_path,
        "events",
        EVENTS,
        f"A1,alarm,high,,N2,{hours},",
        f"W1,special_work,first,S1,,{hours},2026-03-10T18:00:00+08:00",
        f"M1,commitment_missing,,S1,,{hours},",
        f"K1,check_missing,,S2,,{hours},",
        f"X1,weather,red,,,{hours},2026-03-11T08:00:00+08:00",
        f"Y1,special_period,,,,{hours},2026-03-12T08:00:00+08:00",
        "A0,alarm,low,S2,,2026-03-10T01:00:00+08:00,2026-03-10T02:00:00+08:00",
    )
    return Small(owner, tmp_path)


KINDS = {
    "danger/D1": "close_danger", "danger/D2": "close_danger", "event/A1": "end_alarm", "event/W1": "end_work",
    "event/M1": "publish_commitment", "event/K1": "finish_check", "inventory/S1/1-52/": "cut_inventory",
    "sensor/N1": "restore_sensor",
}  # fmt: skip


def test_what_can_be_ended_is_an_action_and_weather_is_not(small: Small) -> None:
    """An own danger in date costs nothing, an alarm that is over goes down by itself."""
    inputs = small.inputs()
    city = arrange(inputs)
    actions = actions_of(inputs, city)
    assert {action.record: action.kind for action in actions} == KINDS
    after = arrange(applied(inputs, [one for one in actions if one.kind != "cut_inventory"], {}))
    left = {line.record for lines in after.dynamic.values() for line in lines if line.args["points"]}
    assert left == {"event/X1", "event/Y1", "event/A0"}
    emptied = arrange(applied(inputs, actions, {}))
    assert emptied.ground.base.points[1] < city.ground.base.points[1]


@pytest.mark.parametrize(
    ("kind", "code"),
    [("source", "S1"), ("enterprise", "E1"), ("village", "430981101201"), ("township", "430981101")],
)
@pytest.mark.parametrize("of", ["level", "base_level", "rise_level"])
def test_each_colour_is_lowered_by_what_can_lower_it(small: Small, kind: str, code: str, of: str) -> None:
    inputs = small.inputs()
    before = assess_records(inputs, "430981").scores
    row = before[(before["kind"] == kind) & (before["code"] == code)].iloc[0]
    answer = lowering(inputs, kind, code, of=of)
    assert answer.before.level == row[of]
    kinds = {action.kind for action in answer.actions}
    if of == "base_level":
        assert kinds <= {"cut_inventory"}
    if of == "rise_level":
        assert "cut_inventory" not in kinds
    after = assess_records(done(inputs, answer), "430981").scores
    found = after[(after["kind"] == kind) & (after["code"] == code)].iloc[0]
    value = {
        "level": found["score"],
        "base_level": found["base"],
        "rise_level": found["score"] - found["base"],
    }
    assert (value[of], found[of]) == tuple(answer.after)
    assert (found[of] >= answer.goal) == answer.reached


def test_an_incident_is_lifted_or_nothing_helps(small: Small) -> None:
    """Its township is red whatever else is done; with it the level of the score is what is left."""
    load(
        small.owner, small.folder, "events", "event_id,kind,source_code,time,lon,lat",
        f"Z1,incident,S1,2026-03-10T09:00:00+08:00,{at(0.2, 0.2)}",
    )  # fmt: skip
    answer = lowering(small.inputs(), "township", "430981101")
    assert answer.before.level == 1
    assert answer.reached
    assert "event/Z1" in {action.record for action in answer.actions}
    found = colour(assess_records(done(small.inputs(), answer), "430981"), "township", "430981101")
    assert found[:2] == tuple(answer.after)


def test_a_sensor_heard_again_is_no_action(small: Small) -> None:
    load(
        small.owner, small.folder, "events", EVENTS,
        "R1,reading,,,N1,2026-03-10T11:00:00+08:00,", f"C1,{CLEARED},,,N2,2026-03-10T10:00:00+08:00,",
    )  # fmt: skip
    inputs = small.inputs()
    records = {action.record for action in actions_of(inputs, arrange(inputs))}
    assert not records & {"sensor/N1", "event/A1"}


def test_the_answer_has_every_key(demo_owner: Engine, demo_reader: Engine) -> None:
    answer: dict[str, Any] = counterfactual(demo_owner, demo_reader, CITY, "township", OURS)
    assert set(answer) == {
        *(
            "code",
            "name",
            "kind",
            "run_id",
            "edition",
            "data_time",
            "of",
            "level",
            "score",
            "goal",
            "reached",
        ),
        *(
            "level_after",
            "score_after",
            "proven",
            "irreducible",
            "actions",
            "remains",
            "contributions",
            "tried",
        ),
    }
    line = {"kind", "record", "label", "value", "reason", "group", "since", "until", "source"}
    assert line | {"gain"} == set(answer["contributions"][0])
