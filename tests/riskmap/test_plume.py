"""The plume: Briggs' coefficients, the mass that it carries, and footprints against a grid computed point by point."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.consequence_tables import STABILITIES, TERRAINS
from riskmap.errors import BadInput
from riskmap.plume import Plume, briggs_sigmas, placed, stability_of
from tests.riskmap.standard import consequence_rules, vectors


def plume(**given: Any) -> Plume:
    usual: dict[str, Any] = {"rate_kg_s": 1.0, "wind_m_s": 2.0, "stability": "D", "terrain": "rural"}
    return Plume.of(consequence_rules(), **{**usual, **given})


# --- coefficients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", vectors("sigmas"), ids=lambda row: f"{row['terrain']}-{row['stability']}{row['axis']}-{row['x_m']}"
)
def test_coefficients_of_briggs(row: dict[str, str]) -> None:
    coefficients = consequence_rules().briggs[row["terrain"], row["stability"]]
    sigma = briggs_sigmas(float(row["x_m"]), coefficients)["yz".index(row["axis"])]
    assert float(sigma) == pytest.approx(float(row["sigma_m"]), rel=float(row["rel"]))


@pytest.mark.parametrize(
    "row", vectors("pasquill_gifford"), ids=lambda row: f"{row['stability']}-{row['x_m']}"
)
def test_open_country_is_near_the_curves_of_pasquill_and_gifford(row: dict[str, str]) -> None:
    """Briggs fitted them; Martin 1976 fitted them too, σz of class A beyond 100 m differently on purpose.

    His σz has the figures of PNNL's FRAMES (Nsig.for), in km instead of m; his σy is a·x^0.894 with a of 213, 156, 104,
    68, 50.5 and 34 m (x in km), as the course notes of the University of Washington (cee490, dispcoef) give it.
    """
    coefficients = consequence_rules().briggs["rural", row["stability"]]
    sigma_y, sigma_z = briggs_sigmas(float(row["x_m"]), coefficients)
    assert float(sigma_y) == pytest.approx(float(row["sigma_y_m"]), rel=0.25)
    if row["stability"] != "A" or row["x_m"] == "100":
        assert float(sigma_z) == pytest.approx(float(row["sigma_z_m"]), rel=0.45)


def test_a_town_lifts_more_than_the_country_and_the_sun_stirs_more_than_the_night() -> None:
    x = np.geomspace(100, 10_000, 50)
    sigmas = {key: np.stack(briggs_sigmas(x, one)) for key, one in consequence_rules().briggs.items()}
    assert len(sigmas) == 12
    for stability in STABILITIES:
        assert (sigmas["urban", stability][1] > sigmas["rural", stability][1]).all()
    for terrain in TERRAINS:
        for calmer, wilder in zip(STABILITIES[1:], STABILITIES, strict=False):
            assert (sigmas[terrain, calmer] <= sigmas[terrain, wilder] + 1e-9).all()


# --- concentration -----------------------------------------------------------------------------------------


def test_published_case_of_ccps() -> None:
    """CCPS p. 97 (0.1 kg/s, 2 m/s, F, 500 m): ours as on file; the published one with its own σ is 12 % lower."""
    found = float(plume(rate_kg_s=0.1, stability="F").concentration_mg_m3(500, 0, 0))
    assert found == pytest.approx(117.21754974531351, abs=6e-4)
    assert found == pytest.approx(103.46728323, rel=0.15)


@pytest.mark.parametrize("terrain", TERRAINS)
@pytest.mark.parametrize("stability", STABILITIES)
@pytest.mark.parametrize("height_m", [0.0, 30.0])
def test_what_is_released_passes_every_plane_across_the_wind(
    terrain: str, stability: str, height_m: float
) -> None:
    """∬ u·C dy dz over the half space above ground is the rate, whatever the distance."""
    one = plume(rate_kg_s=5000.0, wind_m_s=3.0, terrain=terrain, stability=stability, height_m=height_m)
    for x in (100.0, 1_000.0, 10_000.0):
        y = np.linspace(-15_000, 15_000, 24_001) if x > 5_000 else np.linspace(-3_000, 3_000, 12_001)
        z = np.concatenate([np.linspace(0, 400, 801), np.geomspace(401, 60_000, 600)])
        flux = np.trapezoid(one.concentration_mg_m3(x, y, height_m or 0.0), y)  # the shape across
        across = flux / float(one.concentration_mg_m3(x, 0, height_m or 0.0))
        up = np.trapezoid(one.concentration_mg_m3(x, 0, z), z)
        assert across * up * 3.0 / 1e6 == pytest.approx(5000.0, rel=2e-3)


def test_concentration_is_even_across_the_wind_and_reflected_at_the_ground() -> None:
    one = plume(height_m=20.0)
    left, right = one.concentration_mg_m3(700, [60.0, -60.0], 3.0)
    assert left == right > 0
    raised = one.concentration_mg_m3(200, 0, [0.0, 20.0])
    assert raised[1] > raised[0] > 0


def test_twice_the_wind_is_half_the_concentration_and_twice_the_rate_twice() -> None:
    base = float(plume().concentration_mg_m3(800, 10, 2))
    assert float(plume(wind_m_s=4.0).concentration_mg_m3(800, 10, 2)) == pytest.approx(base / 2, abs=1e-3)
    assert float(plume(rate_kg_s=2.0).concentration_mg_m3(800, 10, 2)) == pytest.approx(base * 2, abs=2e-3)


def test_where_the_method_does_not_hold_there_is_no_figure() -> None:
    found = plume().concentration_mg_m3([-50, 0, 50, 99.9, 100, 10_000, 10_001], 0)
    assert found[:2].tolist() == [0, 0]
    assert np.isnan(found[[2, 3, 6]]).all()
    assert found[4] > found[5] > 0


def test_figures_are_rounded_to_their_unit() -> None:
    found = plume().concentration_mg_m3([333.3, 1234.5], 7.0)
    assert found.tolist() == np.round(found, 3).tolist()
    shape = plume().footprint(50.0)
    assert shape.ring_m.tolist() == np.round(shape.ring_m, 1).tolist()


# --- footprints --------------------------------------------------------------------------------------------

CASES = [
    {"rate_kg_s": 1.0, "stability": "D"},
    {"rate_kg_s": 5.0, "stability": "F", "wind_m_s": 1.5, "terrain": "urban"},
    {"rate_kg_s": 20.0, "stability": "A"},
    {"rate_kg_s": 3.0, "stability": "C", "height_m": 40.0},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_footprint_is_where_a_grid_is_above_the_threshold(case: dict[str, Any]) -> None:
    one = plume(**case)
    shape = one.footprint(60.0)
    assert not shape.cut_off
    area = shapely.Polygon(shape.ring_m)
    assert area.is_valid
    x, y = np.meshgrid(
        np.linspace(100, 1.2 * shape.farthest_m, 400),
        np.linspace(-1.3 * shape.half_width_m, 1.3 * shape.half_width_m, 301),
    )
    above = one.concentration_mg_m3(x, y) >= 60.0
    inside = shapely.contains_xy(area, x, y)
    near_edge = shapely.distance(area.exterior, shapely.points(x, y)) < 0.01 * shape.half_width_m + 0.2
    assert above.any()
    assert (above == inside)[~near_edge].all()
    assert x[above].max() == pytest.approx(shape.farthest_m, rel=0.004)
    assert np.abs(y[above]).max() == pytest.approx(shape.half_width_m, rel=0.02)


def test_ring_is_closed_and_begins_at_the_source() -> None:
    ring = plume().footprint(60.0).ring_m
    assert ring[0].tolist() == ring[-1].tolist() == [0, 0]
    assert ring[:, 0].min() == 0
    high = plume(rate_kg_s=3.0, stability="E", height_m=60.0).footprint(20.0)
    assert high.ring_m[:, 0].min() > 100  # a high release touches the ground far from its foot


def test_the_edge_of_the_footprint_has_the_threshold() -> None:
    one = plume(rate_kg_s=2.0)
    shape = one.footprint(25.0)
    edge = shape.ring_m[(shape.ring_m[:, 0] > 100) & (shape.ring_m[:, 1] > 5)]
    assert one.concentration_mg_m3(edge[:, 0], edge[:, 1]) == pytest.approx(25.0, rel=0.02)
    assert float(one.concentration_mg_m3(shape.farthest_m, 0)) == pytest.approx(25.0, rel=1e-3)


def test_a_footprint_that_goes_on_says_so_and_one_that_never_begins_is_empty() -> None:
    far = plume(rate_kg_s=50.0, stability="F").footprint(1.0)
    assert (far.cut_off, far.farthest_m) == (True, 10_000)
    near = plume(rate_kg_s=0.001).footprint(1000.0)
    assert (near.cut_off, near.farthest_m, near.half_width_m, len(near.ring_m)) == (False, 0, 0, 0)
    one = plume(rate_kg_s=50.0, stability="F")
    at_end = float(one.concentration_mg_m3(10_000, 0))
    assert one.farthest_m(at_end * 0.999) == (10_000, True)
    assert one.farthest_m(at_end * 1.01)[1] is False
    at_start = float(one.concentration_mg_m3(100, 0))
    assert one.farthest_m(at_start * 1.001) == (0, False)
    assert one.farthest_m(at_start * 0.99)[0] >= 100


@settings(max_examples=40)
@given(st.floats(0.01, 100), st.floats(0.01, 100), st.sampled_from(STABILITIES), st.sampled_from(TERRAINS))
def test_more_released_reaches_no_less_far(one: float, other: float, stability: str, terrain: str) -> None:
    less, more = sorted((one, other))
    far = [
        plume(rate_kg_s=rate, stability=stability, terrain=terrain).farthest_m(30.0)[0]
        for rate in (less, more)
    ]
    assert far[0] <= far[1]


@pytest.mark.parametrize(
    ("wind_from", "expected"),
    [(0, [500, 900]), (90, [400, 1000]), (180, [500, 1100]), (270, [600, 1000])],
)
def test_a_footprint_is_laid_downwind_on_the_map(wind_from: float, expected: list[float]) -> None:
    """Wind from the north carries to the south; what is to the left of the wind stays to its left."""
    tip, left = placed(np.array([[100.0, 0.0], [0.0, 10.0]]), 500.0, 1000.0, wind_from)
    assert tip.tolist() == expected
    downwind, leftwards = tip - (500, 1000), left - (500, 1000)
    assert np.cross([*downwind, 0], [*leftwards, 0])[2] == pytest.approx(1000)


@pytest.mark.parametrize(
    ("wind", "sky", "expected"),
    [
        (0.0, "day_strong", "A"),
        (1.99, "day_moderate", "B"),  # A-B
        (1.5, "night_clear", "F"),
        (2.0, "day_strong", "B"),  # A-B
        (2.99, "night_overcast", "E"),
        (3.0, "night_overcast", "D"),
        (3.0, "day_moderate", "C"),  # B-C
        (5.0, "day_moderate", "D"),  # C-D
        (5.99, "night_clear", "D"),
        (6.0, "day_strong", "C"),
        (20.0, "day_slight", "D"),
    ],
)
def test_stability_by_wind_and_sky(wind: float, sky: str, expected: str) -> None:
    assert stability_of(consequence_rules(), wind, sky) == expected


@pytest.mark.parametrize(("wind", "sky"), [(-0.1, "day_slight"), (math.nan, "day_slight"), (3.0, "fog")])
def test_no_stability_without_wind_and_sky(wind: float, sky: str) -> None:
    with pytest.raises(BadInput, match="稳定度"):
        stability_of(consequence_rules(), wind, sky)


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"wind_m_s": 0.99}, "风速"),
        ({"wind_m_s": 0.0}, "风速"),
        ({"wind_m_s": math.nan}, "风速"),
        ({"wind_m_s": math.inf}, "风速"),
        ({"rate_kg_s": 0.0}, "速率"),
        ({"rate_kg_s": math.inf}, "速率"),
        ({"height_m": -1.0}, "高度"),
        ({"stability": "G"}, "稳定度"),
        ({"terrain": "sea"}, "地形"),
    ],
)
def test_what_is_no_plume_is_refused(given: dict[str, Any], word: str) -> None:
    with pytest.raises(BadInput, match=word) as refused:
        plume(**given)
    assert refused.value.remedy


def test_the_least_wind_is_still_one() -> None:
    assert plume(wind_m_s=1.0).farthest_m(30.0)[0] > plume(wind_m_s=1.1).farthest_m(30.0)[0] > 0


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan, math.inf])
def test_a_threshold_must_be_one(threshold: float) -> None:
    with pytest.raises(BadInput, match="阈值"):
        plume().footprint(threshold)


def test_a_dense_gas_says_so() -> None:
    assert plume(relative_density=2.45).footprint(60.0).density == "dense"
    assert plume(relative_density=0.59, cold=True).density == "dense"
    assert plume(relative_density=0.97).density == "neutral"
    assert plume().density == "unknown"
