"""The account of a zone, how far accidents carry on, and hulls."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from riskmap.consequences import Held, consequence_distances
from riskmap.domino import domino_distances_m, domino_reach_mm
from riskmap.errors import BadInput
from riskmap.hulls import hulls_of
from riskmap.shapes import Shapes
from riskmap.weights import RiskWeights
from riskmap.zone_risk import ITEMS, ZoneLines, carriers, zone_accounts
from riskmap.zones import zones_of
from tests.riskmap.standard import consequence_rules, edition, inventory
from tests.zone_cities import RULES, Site, random_city, sites_of, slow_edges

WEIGHTS = RiskWeights.from_table(edition().table("risk"))
POINT = 1_000_000


def account(scores: list[int], carries: list[bool]) -> list[tuple[str, str | None, int]]:
    lines = _lines([scores], [carries])
    records = [f"enterprises/E{k}" if k >= 0 else None for k in lines.member.tolist()]
    items = [ITEMS[k] for k in lines.item.tolist()]
    return list(zip(items, records, lines.value.tolist(), strict=True))


def _lines(scores: list[list[int]], carries: list[list[bool]]) -> ZoneLines:
    start = np.cumsum([0, *map(len, scores)])
    return zone_accounts(
        WEIGHTS, RULES, start, np.concatenate(scores).astype(np.int64), np.concatenate(carries).astype(bool)
    )


@given(st.lists(st.lists(st.tuples(st.integers(0, 90_000_000), st.booleans()), min_size=1), min_size=1))
def test_many_zones_are_told_as_each_alone(zones: list[list[tuple[int, bool]]]) -> None:
    scores, carries = ([[one[k] for one in zone] for zone in zones] for k in (0, 1))
    whole = _lines(scores, carries)  # type: ignore[arg-type]
    assert sorted(whole.zone.tolist()) == whole.zone.tolist()
    told = {n: whole.value[whole.zone == n].tolist() for n in range(len(zones))}
    for n, (score, on) in enumerate(zip(scores, carries, strict=True)):
        alone = _lines([score], [on])  # type: ignore[list-item]
        assert told[n] == alone.value.tolist()
        assert whole.leads[whole.zone == n].tolist() == alone.leads.tolist()
        assert whole.totals(len(zones))[n] == sum(told[n])


def test_the_heaviest_member_counts_in_full_the_others_a_fifth() -> None:
    assert account([10 * POINT, 40 * POINT, 20 * POINT], [False] * 3) == [
        ("lead_member", "enterprises/E0", 2 * POINT),
        ("lead_member", "enterprises/E1", 40 * POINT),
        ("lead_member", "enterprises/E2", 4 * POINT),
    ]


def test_who_can_carry_an_accident_on_adds_a_share_up_to_the_most() -> None:
    lines = account([10 * POINT, 40 * POINT], [True, True])
    assert lines[2:] == [("domino", "enterprises/E0", 300_000), ("domino", "enterprises/E1", 6 * POINT)]
    many = account([50 * POINT] * 20, [True] * 20)
    assert many[-1] == ("domino_cap", None, -(7_500_000 + 19 * 1_500_000 - 20 * POINT))


SCORES = st.lists(st.integers(0, 100 * POINT), min_size=2, max_size=30)


@given(SCORES, st.integers(0, 2**30), st.integers(0, 20 * POINT))
def test_more_risk_and_one_more_carrier_lower_no_zone(scores: list[int], bits: int, more: int) -> None:
    carries = [bool(bits >> k & 1) for k in range(len(scores))]

    def score(values: list[int], on: list[bool]) -> int:
        return int(_lines([values], [on]).totals(1)[0])

    before = score(scores, carries)
    assert before >= max(scores)
    assert score([scores[0] + more, *scores[1:]], carries) >= before
    assert score(scores, [True, *carries[1:]]) >= before


@pytest.mark.parametrize("seed", range(4))
def test_carriers_are_those_whose_domino_zone_reaches_someone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    city = random_city(rng, 120, 2_500)
    sites = sites_of(city)
    reached = set()
    for kind, a, b in slow_edges(city):
        for one, other in ((a, b), (b, a)):
            distance = city[one].outline.distance(city[other].outline)
            if kind == "domino" and city[one].domino_m and distance <= city[one].domino_m:
                reached.add(one)
    for listed in (1, 8):
        zones = zones_of(sites, replace(RULES, listed=listed))
        found = carriers(zones.edges, sites.domino)
        assert {sites.codes[i] for i in np.flatnonzero(found).tolist()} == reached


# --- domino zones --------------------------------------------------------------------------------------------


def domino_of(contents: str, equipment: tuple[str, ...] = RULES.domino_equipment) -> dict[str, float]:
    held = [Held(one) for one in inventory(contents)]
    return domino_distances_m("hazchem_store", held, consequence_rules(), equipment)


def test_a_domino_zone_is_narrower_than_that_of_people() -> None:
    for contents in ("液化石油气 20", "汽油 20", "2,4,6-三硝基甲苯 1"):
        held = [Held(one) for one in inventory(contents)]
        people = consequence_distances("hazchem_store", held, consequence_rules())
        distances = domino_of(contents)
        assert distances
        for name, distance in distances.items():
            assert 0 < distance < (people["vce_1psi" if name == "vce" else name].distance_m or 0)
        assert domino_reach_mm(distances) == round(max(distances.values()) * 1000)


def test_explosives_are_asked_at_16_kpa_and_pools_at_15_kw() -> None:
    # GB 6722, formula 3, by hand: 14/Z³ + 4.3/Z² + 1.1/Z = 0.16 at Z = 11.15 m/kg^(1/3)
    z = domino_of("2,4,6-三硝基甲苯 1")["overpressure"] / 10
    assert 14 / z**3 + 4.3 / z**2 + 1.1 / z == pytest.approx(0.16, rel=1e-3)
    held = [Held(one) for one in inventory("汽油 20")]
    people = consequence_distances("hazchem_store", held, consequence_rules())["pool_fire"]
    assert domino_of("汽油 20")["pool_fire"] == pytest.approx(
        (people.distance_m or 0) * (5 / 15) ** 0.5, abs=0.1
    )


def test_poison_and_what_is_not_on_file_carry_nothing_on() -> None:
    assert domino_of("氯 1") == {}
    assert domino_reach_mm({}) == 0


def test_equipment_that_no_table_knows_is_refused() -> None:
    with pytest.raises(BadInput, match="balloon"):
        domino_of("汽油 20", ("balloon",))


# --- hulls ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 100_000), st.sampled_from([3, 50, 10_000]))
def test_hulls_are_those_of_shapely(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    n, groups = 60, 7
    xy, group = rng.integers(0, side, (n, 2)), rng.integers(-1, groups, n)
    found = hulls_of(Shapes.points(xy), group, groups)
    for g in range(groups):
        corners = found.xy[found.start[g] : found.start[g + 1]] / 1000
        expected = shapely.convex_hull(shapely.multipoints(xy[group == g].astype(np.float64)))
        if len(corners) >= 3:
            ring = shapely.Polygon(corners)
            assert ring.equals(expected)
            assert ring.exterior.is_ccw
            assert len(corners) == len(shapely.get_coordinates(expected)) - 1
        else:
            assert sorted(map(tuple, corners)) == sorted(set(map(tuple, shapely.get_coordinates(expected))))


def test_hulls_hold_whole_sites() -> None:
    sites = sites_of({"A": Site(0, 0, width=100, height=50), "B": Site(300, 0), "C": Site(900, 0)})
    found = hulls_of(sites.shapes, np.array([0, 0, -1]), 1)
    hull = shapely.Polygon(found.xy / 1000)
    assert hull.equals(shapely.Polygon([(-50, -25), (50, -25), (300, 0), (50, 25), (-50, 25)]))
