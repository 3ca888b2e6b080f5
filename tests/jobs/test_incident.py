"""An imagined accident as it is asked: what takes part, at which hour, under which edition, with whose rights."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobs.incident import substance_names, what_if
from jobs.incident_asked import Asked
from jobs.zones import renew
from layers.database import CITY, Identity, reading, snapshot, writing
from layers.history import head_rev, open_revision
from riskmap.errors import BadInput, NotFound, Refused

OURS, THEIRS = "430981006", "430981114"
TOWNSHIP = Identity("town", "township", OURS)
DAY, NIGHT = "2026-06-01T12:00", "2026-06-01T23:30+08:00"
HERE: dict[str, Any] = {"lon": 112.36, "lat": 28.85}
CHLORINE: dict[str, Any] = {
    "substance": "液氯",
    "quantity_t": Decimal(1),
    "wind_from": "NE",
    "wind_m_s": 3.0,
    "stability": "D",
}
KEYS = {"rings", "people", "grids", "targets", "zone_members", "resources", "calls"}


def ask(reader: Engine, identity: Identity = CITY, **asked: Any) -> dict[str, Any]:
    return what_if(reader, identity, Asked(**{"time": DAY, **asked}))


@pytest.fixture(scope="module")
def stocked(demo_owner: Engine) -> dict[str, Any]:
    """A source that holds ammonia and nothing else, with its code, name and tonnes."""
    query = text(
        "SELECT s.code, s.name, i.quantity_t FROM source s JOIN inventory i ON i.source_code = s.code"
        " WHERE i.substance LIKE '%氨%' AND s.enterprise_code IS NOT NULL AND s.township_code <> :theirs"
        " AND (SELECT count(*) FROM inventory WHERE source_code = s.code) = 1"
        " ORDER BY s.code LIMIT 1"
    )
    with snapshot(demo_owner) as connection:
        return dict(connection.execute(query, {"theirs": THEIRS}).mappings().one())


def test_the_answer_has_all_its_parts_and_writes_nothing(demo_reader: Engine, demo_owner: Engine) -> None:
    with snapshot(demo_owner) as connection:
        before = head_rev(connection)
    answer = ask(demo_reader, **HERE, **CHLORINE)
    assert answer.keys() >= KEYS
    (ring,) = answer["rings"]
    assert ring["name"] == "toxic_endpoint"
    assert ring["radius_m"] > 100
    assert ring["geometry"]["type"] == "Polygon"
    assert ring["people"] == answer["people"] > 0
    assert sum(one["people_exact"] for one in answer["grids"]) == pytest.approx(answer["people_exact"])
    assert [one["people_exact"] for one in answer["grids"]] == sorted(
        (one["people_exact"] for one in answer["grids"]), reverse=True
    )
    assert answer["targets_inside"]["targets"] == sum(bool(one["inside"]) for one in answer["targets"])
    assert answer["zone_members_note"]
    assert {one["kind"] for one in answer["resources"]} >= {"fire_station", "hospital"}
    assert answer["complete"] is True
    assert answer["screening"] is True
    with snapshot(demo_owner) as connection:
        assert head_rev(connection) == before


def test_the_hour_says_who_is_there(demo_reader: Engine) -> None:
    by_day, by_night = (ask(demo_reader, **HERE, **CHLORINE, time=at) for at in (DAY, NIGHT))
    assert (by_day["scenario"]["hour"], by_night["scenario"]["hour"]) == ("day", "night")
    assert by_day["rings"][0]["radius_m"] == by_night["rings"][0]["radius_m"]
    assert by_day["people"] != by_night["people"]
    inside = [one for one in by_day["targets"] if one["inside"]]
    assert by_day["targets_inside"]["target_people"] == sum(one["people_day"] or 0 for one in inside)
    assert by_night["targets_inside"]["target_people"] == sum(one["people_night"] or 0 for one in inside)
    assert ask(demo_reader, **HERE, **CHLORINE, time="2026-06-01T15:30Z")["scenario"]["hour"] == "night"


def test_a_source_brings_place_stock_and_people_to_call(demo_reader: Engine, stocked: dict[str, Any]) -> None:
    answer = ask(demo_reader, source=stocked["code"])
    scene = answer["scenario"]
    assert scene["source"]["code"] == stocked["code"]
    assert {one["kind"] for one in scene["areas"]} >= {"grid", "village", "township", "city"}
    toxic = next(one for one in answer["rings"] if one["event"] == "toxic")
    assert toxic["quantity_t"] == float(stocked["quantity_t"])
    roles = [one["role"] for one in answer["calls"] if one["objects"][0]["layer"] == "source"]
    assert roles == ["operator", "technical", "principal"]
    assert answer["calls"][0]["phone"]
    levels = [one["objects"][0]["level"] for one in answer["calls"]]
    assert levels.index("grid") < levels.index("village") < levels.index("township") < levels.index("city")
    assert stocked["code"] not in {one["code"] for one in answer["sources"]}


def test_an_amount_goes_before_the_stock(demo_reader: Engine, stocked: dict[str, Any]) -> None:
    wind: dict[str, Any] = {"wind_from": 0, "wind_m_s": 4.0, "stability": "D"}
    small, large = (
        ask(demo_reader, source=stocked["code"], substance="氨", quantity_t=Decimal(tonnes), **wind)
        for tonnes in (1, 20)
    )
    assert [one["quantity_t"] for one in small["rings"]] == [1.0]
    assert small["rings"][0]["radius_m"] < large["rings"][0]["radius_m"]
    elsewhere = ask(demo_reader, source=stocked["code"], **HERE)
    assert (elsewhere["scenario"]["lon"], elsewhere["scenario"]["lat"]) == (112.36, 28.85)


def test_a_cas_number_is_as_good_as_a_name(demo_reader: Engine) -> None:
    by_name = ask(demo_reader, **HERE, **CHLORINE)
    numbers: tuple[dict[str, Any], ...] = (
        {"substance": "7782-50-5"},
        {"substance": None, "cas": "7782-50-5"},
    )
    for number in numbers:
        assert ask(demo_reader, **HERE, **{**CHLORINE, **number})["rings"] == by_name["rings"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "事故地点"),
        ({"lon": 112.36}, "同时填写"),
        (HERE, "没有说明物质"),
        ({**HERE, "substance": "液氯"}, "没有说明数量"),
        ({**HERE, "substance": "柴油", "quantity_t": Decimal(5)}, "表1中没有"),
        ({**HERE, "substance": "液氯", "quantity_t": Decimal(0)}, "数量"),
        ({**HERE, "substance": "液氯", "quantity_t": Decimal(1), "event": "flood"}, "事故类型"),
        ({**HERE, "substance": "液氯", "quantity_t": Decimal(1), "event": "vce"}, "vce"),
        ({**HERE, "substance": "液氯", "quantity_t": Decimal(1), "terrain": "sea"}, "地形"),
        ({**HERE, "substance": "液氯", "quantity_t": Decimal(1), "time": "noon"}, "时间"),
        ({**HERE, "substance": "液氯", "quantity_t": Decimal(1), "wind_from": "N"}, "风速"),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_a_remedy(
    demo_reader: Engine, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        ask(demo_reader, **asked)
    assert refused.value.remedy


def test_a_source_that_holds_nothing_known_still_says_whom_to_call(
    demo_owner: Engine, demo_reader: Engine
) -> None:
    query = text(
        "SELECT code FROM source s WHERE NOT EXISTS (SELECT FROM inventory WHERE source_code = s.code) ORDER BY 1 LIMIT 1"
    )
    with snapshot(demo_owner) as connection:
        bare = connection.execute(query).scalar_one()
    answer = ask(demo_reader, source=bare)
    assert answer["rings"] == []
    assert (answer["people"], answer["geometry"]) == (None, None)
    assert answer["resources"]
    assert answer["calls"]
    assert "不画范围" in answer["notes"][1]
    with pytest.raises(BadInput, match="存量"):
        ask(demo_reader, source=bare, substance="液氯")


def test_a_township_sees_the_rings_of_any_place_and_the_people_of_its_own(
    demo_owner: Engine, demo_reader: Engine, stocked: dict[str, Any]
) -> None:
    with snapshot(demo_owner) as connection:
        foreign, lon, lat = connection.execute(
            text(
                "SELECT code, ST_X(ST_PointOnSurface(geom)), ST_Y(ST_PointOnSurface(geom)) FROM source"
                " WHERE township_code = :theirs ORDER BY code LIMIT 1"
            ),
            {"theirs": THEIRS},
        ).one()
    for code in (foreign, "no-such-source"):
        with pytest.raises(NotFound, match="无权查看"):
            ask(demo_reader, TOWNSHIP, source=code)
    theirs = ask(demo_reader, TOWNSHIP, lon=lon, lat=lat, **CHLORINE)
    assert (
        theirs["rings"][0]["radius_m"]
        == ask(demo_reader, lon=lon, lat=lat, **CHLORINE)["rings"][0]["radius_m"]
    )
    assert theirs["complete"] is False
    assert theirs["calls"] == []
    own = ask(demo_reader, TOWNSHIP, **HERE, substance="液化石油气", quantity_t=Decimal(90))
    everyone = ask(demo_reader, **HERE, substance="液化石油气", quantity_t=Decimal(90))
    assert 0 < own["people"] <= everyone["people"]
    assert {one["township_code"] for one in own["grids"]} == {OURS}
    assert {one["code"] for one in own["grids"]} == {
        one["code"] for one in everyone["grids"] if one["township_code"] == OURS
    }
    allowed = {"kind", "level", "hazard", "distance_m", "bearing", "name"}
    assert all(set(one) == allowed for one in own["neighbours"])
    assert all("辖区" not in note for note in everyone["notes"])
    assert any("辖区" in note for note in own["notes"])


def test_a_study_goes_before_what_is_computed(
    demo_owner: Engine, demo_reader: Engine, stocked: dict[str, Any]
) -> None:
    with writing(demo_owner) as connection:
        rev = open_revision(connection, "test", "study", None)
        connection.execute(
            text(
                "INSERT INTO zone_external (code, name, source_code, kind, threshold, study, geom, geom_m, township_code,"
                " valid_from, rev) SELECT 'Q1', '毒性个人风险', s.code, 'toxic', '1e-5', '定量风险评价',"
                " ST_Transform(ST_Buffer(s.geom_m, 700), 4490), ST_Buffer(s.geom_m, 700), township_code,"
                " '2026-01-01', :rev FROM source s WHERE code = :code"
            ),
            {"rev": rev, "code": stocked["code"]},
        )
    answer = ask(demo_reader, source=stocked["code"])
    study, toxic = answer["rings"][0], next(one for one in answer["rings"] if one["event"] == "toxic")
    assert (study["name"], study["shape"], study["screening"]) == ("study_Q1", "study", False)
    assert study["geometry"]
    assert study["people"] is not None
    assert any("正式评估" in note for note in toxic["notes"])


def test_an_edition_without_consequences_is_refused_with_a_remedy(
    demo_owner: Engine, demo_reader: Engine
) -> None:
    kept = "UPDATE edition SET content = {} WHERE name = '2026-1'"
    with snapshot(demo_owner) as connection:
        content = connection.execute(
            text("SELECT content::text FROM edition WHERE name = '2026-1'")
        ).scalar_one()
    with demo_owner.begin() as connection:
        connection.execute(text(kept.format("content #- '{tables,consequences}'")))
    try:
        with pytest.raises(Refused, match="consequences") as refused:
            ask(demo_reader, **HERE, **CHLORINE)
        assert "consequences_2026_1" in refused.value.remedy
        with reading(demo_reader, CITY) as rows:
            assert substance_names(rows) == []
    finally:
        with demo_owner.begin() as connection:
            connection.execute(text(kept.format("CAST(:content AS jsonb)")), {"content": content})
    with reading(demo_reader, CITY) as rows:
        assert {"氯", "甲醇", "2,4,6-三硝基甲苯"} <= set(substance_names(rows))
        assert "chlorine" in substance_names(rows, "en")


def test_an_answer_takes_less_than_two_seconds(demo_reader: Engine) -> None:
    """The widest there is: a cloud that may go anywhere for 10 km and more. Twice: the first one warms the server."""
    for _ in range(2):
        answer = ask(demo_reader, **HERE, substance="氨", quantity_t=Decimal(100))
    assert answer["rings"][0]["at_least_m"] == 10_000.0
    assert answer["duration_s"] < 2.0


@pytest.fixture(scope="module")
def zone(demo_owner: Engine) -> dict[str, Any]:
    """A joint-control zone across a township's border: its code, a source of one of its members, all members' codes."""
    renew(demo_owner, actor="test")
    query = text(
        "SELECT z.code, min(s.code) AS source, array_agg(DISTINCT m.code) AS members, min(m.township_code) AS ours,"
        " max(m.township_code) AS theirs FROM zone z JOIN zone_member m ON m.zone_code = z.code"
        " LEFT JOIN source s ON s.enterprise_code = m.code"
        " GROUP BY z.code HAVING count(DISTINCT m.township_code) > 1 AND count(s.code) > 0 ORDER BY z.code LIMIT 1"
    )
    with snapshot(demo_owner) as connection:
        return dict(connection.execute(query).mappings().one())


def test_members_of_the_zone_are_told_with_the_incident(demo_reader: Engine, zone: dict[str, Any]) -> None:
    answer = ask(demo_reader, source=zone["source"])
    assert zone["code"] in {one["code"] for one in answer["zones"]}
    members = [one for one in answer["zone_members"] if one["zone_code"] == zone["code"]]
    assert sorted(one["code"] for one in members) == sorted(zone["members"])
    assert sum(one["leads"] for one in members) == 1
    assert [one["distance_m"] for one in members] == sorted(one["distance_m"] for one in members)
    assert answer["zone_neighbours"] == []


def test_a_township_is_told_its_own_members_and_the_others_as_a_neighbour(
    demo_reader: Engine, demo_owner: Engine, zone: dict[str, Any]
) -> None:
    with snapshot(demo_owner) as connection:
        lon, lat = connection.execute(
            text(
                "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM zone WHERE code = :code) x"
            ),
            {"code": zone["code"]},
        ).one()
    for mine in (zone["ours"], zone["theirs"]):
        answer = ask(demo_reader, Identity("town", "township", mine), lon=lon, lat=lat, **CHLORINE)
        own = [one["code"] for one in answer["zone_members"] if one["zone_code"] == zone["code"]]
        others = [one for one in answer["zone_neighbours"] if one["zone_code"] == zone["code"]]
        assert len(own) + len(others) == len(zone["members"])
        assert own
        assert set(others[0]) == {"zone_code", "kind", "level", "hazard", "distance_m", "bearing", "name"}
        assert not any(code in str(others) for code in zone["members"])


def test_a_place_in_no_zone_says_so(demo_reader: Engine, zone: dict[str, Any]) -> None:
    answer = ask(demo_reader, **HERE, **CHLORINE)
    assert zone["code"] not in {one["code"] for one in answer["zones"]}
    if not answer["zones"]:
        assert "不在任何" in answer["zone_members_note"]
