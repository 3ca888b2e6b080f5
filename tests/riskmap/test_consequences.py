"""Which distances a source has by what it holds, why it has none, and that more never reaches less far."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.consequence_tables import RESULTS, ConsequenceRules
from riskmap.consequence_words import distance_name, distance_notes, why_none
from riskmap.consequences import (
    ConsequenceDistance,
    Held,
    all_distances,
    consequence_distances,
    distances_m,
)
from riskmap.editions import Edition
from riskmap.errors import BadInput, OutsideValidity
from riskmap.sources import Item
from riskmap.toxics import ammonia_distance_m, lc50, plume_endpoint_m, toxic_probit
from tests.riskmap.standard import catalogue, consequence_rules, edited, inventory, item, vectors

LB_T = 0.45359237e-3


def of(contents: str, kind: str = "hazchem_store", **more: Any) -> dict[str, ConsequenceDistance]:
    """The distances of an inventory written as `氨 12; 汽油 30`."""
    return consequence_distances(
        kind, [Held(one, **more) for one in inventory(contents)], consequence_rules()
    )


def written(quantity_t: float, **as_written: str) -> Held:
    """A record that only its class is known of, with its CAS or name as written."""
    match = catalogue().match(**as_written)
    assert match.substance, match
    return Held(Item("a", quantity_t, match))


# --- which methods apply -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "names"),
    [
        ("液化石油气 20", ["vce_1psi", "fireball"]),
        ("氢 5", ["vce_1psi"]),
        ("汽油 20", ["pool_fire"]),
        ("2,4,6-三硝基甲苯 1", ["overpressure"]),
        ("氯 1", ["toxic_endpoint"]),
        ("二硫化碳 20", ["pool_fire", "toxic_endpoint"]),
        ("W5.3 20", ["pool_fire"]),
        ("W2 20", ["vce_1psi"]),
        ("W1.1 2", ["overpressure"]),
        ("J3 2", ["toxic_endpoint"]),
        ("硝酸钾 900; W11 20; W10 5", []),
        ("液化石油气 20; 氯 1; 汽油 20", ["vce_1psi", "fireball", "pool_fire", "toxic_endpoint"]),
    ],
)
def test_which_distances_a_substance_has(contents: str, names: list[str]) -> None:
    assert list(of(contents)) == names
    assert set(names) <= set(RESULTS)


def test_a_substance_of_a_class_is_known_by_its_cas_or_name() -> None:
    rules = consequence_rules()
    propylene = consequence_distances("port", [written(20, cas="115-07-1", hazard_class="W2")], rules)
    named = consequence_distances("port", [written(20, name="丙烯", hazard_class="W2")], rules)
    assert propylene["vce_1psi"].distance_m == named["vce_1psi"].distance_m
    # EPA's distance goes with the cube root of the heat of combustion, 45,762 beside 46,333 kJ/kg
    lpg = of("液化石油气 20")["vce_1psi"].distance_m
    assert propylene["vce_1psi"].distance_m == pytest.approx((lpg or 0) * 0.99587, abs=0.1)
    diesel = consequence_distances("port", [written(20, name="柴油", hazard_class="W5.4")], rules)
    assert diesel["pool_fire"].distance_m


def test_lpg_reaches_the_published_distances() -> None:
    """50,000 lb of propane: 479.6 m; 50 t in a fireball: 674.2 m, 213.7 m across, 15.78 s."""
    found = of(f"液化石油气 {50_000 * LB_T}")["vce_1psi"]
    assert found.distance_m == pytest.approx(479.6, abs=0.06)
    assert (found.method.code, found.reason, found.at_least_m) == ("epa_tnt", "", None)
    ball = of("液化石油气 50")["fireball"]
    assert ball.distance_m == pytest.approx(674.2, abs=0.06)
    assert dict(ball.facts) == {"diameter_m": 213.7, "duration_s": 15.78}
    assert [ring.threshold for ring in ball.rings] == [5, 12.5, 37.5]


def test_explosives_name_their_method_and_the_edition_chooses_it() -> None:
    """10 t of TNT to 2, 5 and 9 kPa, by GB 6722 and by Kingery-Bulmash."""
    found = of("2,4,6-三硝基甲苯 10")["overpressure"]
    assert (found.method.code, [ring.distance_m for ring in found.rings]) == (
        "gb6722",
        [1268.0, 555.0, 341.6],
    )
    rules = changed(lambda table: table["computing"].update(explosives_method="kingery"))
    held = [Held(one) for one in inventory("2,4,6-三硝基甲苯 10")]
    other = consequence_distances("hazchem_store", held, rules)["overpressure"]
    assert other.method.code == "kingery"
    assert [ring.distance_m for ring in other.rings] == pytest.approx([973.6, 504.3, 316.3], abs=0.11)


def test_pool_is_bounded_by_its_bund() -> None:
    """30 t of petrol: 1 cm deep over 4,054 m², or the 400 m² of a bund: the distance goes with the root of the area."""
    free, held = of("汽油 30")["pool_fire"], of("汽油 30", bund_m2=400.0)["pool_fire"]
    assert dict(free.facts)["area_m2"] == pytest.approx(30_000 / 740 / 0.01, abs=0.1)
    assert dict(held.facts)["area_m2"] == 400
    assert held.distance_m == pytest.approx((free.distance_m or 0) * (400 / 4054.05) ** 0.5, abs=0.1)
    assert ("no_bund" in free.notes, "no_bund" in held.notes) == (True, False)
    wide = of("汽油 30", bund_m2=1e6)["pool_fire"]
    assert wide.distance_m == free.distance_m


# --- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "name", "reason"),
    [
        ("硝化甘油 1", "overpressure", "tnt_unknown"),
        ("W1.1 1", "overpressure", "tnt_unknown"),
        ("W2 10", "vce_1psi", "heat_unknown"),
        ("一甲胺 10", "vce_1psi", "heat_unknown"),
        ("丙烯腈 10", "pool_fire", "burning_unknown"),
        ("丙烯腈 10", "toxic_endpoint", "evaporation_unknown"),
        ("J1 1", "toxic_endpoint", "endpoint_unknown"),
        ("液化石油气 0.2", "vce_1psi", "below_range"),
        ("液化石油气 0.9", "fireball", "below_range"),
        ("汽油 0.005", "pool_fire", "below_range"),
        ("氯 0.00001", "toxic_endpoint", "below_range"),
    ],
)
def test_no_distance_says_why_in_both_languages(contents: str, name: str, reason: str) -> None:
    one = of(contents)[name]
    assert (one.distance_m, one.at_least_m, one.reach_m, one.reason) == (None, None, None, reason)
    assert name not in distances_m(of(contents))
    assert why_none(one.to_json()) != why_none(one.to_json(), "en") != ""
    assert "（" not in why_none(one.to_json(), "en")


@pytest.mark.parametrize(
    ("contents", "name", "at_least"),
    [
        ("液化石油气 1000", "vce_1psi", 1640.3),
        ("液化石油气 150", "fireball", 888.0),
        ("汽油 500", "pool_fire", 346.7),
        ("氯 10", "toxic_endpoint", 10_000),
    ],
)
def test_above_the_range_the_distance_at_its_end_still_counts(
    contents: str, name: str, at_least: float
) -> None:
    one = of(contents)[name]
    assert (one.distance_m, one.reason) == (None, "above_range")
    assert one.at_least_m == pytest.approx(at_least, abs=0.2)
    assert distances_m(of(contents))[name] == one.at_least_m
    assert f"{at_least:,.0f}" in why_none(one.to_json())


def test_a_distance_has_no_reason_and_all_words_are_there() -> None:
    one = of("氯 0.1", kind="filling_station")["toxic_endpoint"]
    assert why_none(one.to_json()) == ""
    assert set(one.notes) == {"dense_gas", "whole_as_gas", "unchecked", "other_code"}
    zh, en = distance_notes(one.to_json()), distance_notes(one.to_json(), "en")
    assert len(zh) == len(en) == 4
    assert all(text.isascii() for text in en)
    assert {distance_name(name, "en") for name in RESULTS} & {
        distance_name(name) for name in RESULTS
    } == set()


def test_kinds_that_other_codes_rule_say_so() -> None:
    assert "other_code" in of("汽油 20", kind="filling_station")["pool_fire"].notes
    assert "other_code" not in of("汽油 20", kind="hazchem_store")["pool_fire"].notes


# --- what counts ---------------------------------------------------------------------------------------------


def test_the_largest_vessel_counts() -> None:
    rules = consequence_rules()
    tanks = [Held(item(f"i{n}", "液化石油气", Decimal(t)), f"V{n}") for n, t in enumerate((20, 50, 30))]
    largest = consequence_distances("lpg_store", tanks, rules)
    assert largest["fireball"].distance_m == of("液化石油气 50")["fireball"].distance_m
    unnamed = consequence_distances("lpg_store", [Held(one.item) for one in tanks], rules)
    assert unnamed["fireball"].reach_m == of("液化石油气 100")["fireball"].distance_m
    one_tank = consequence_distances("lpg_store", [Held(one.item, "V") for one in tanks], rules)
    assert one_tank == unnamed


def test_the_farthest_substance_counts_and_all_are_listed() -> None:
    held = [Held(one) for one in inventory("汽油 20; 甲醇 20; 丙烯腈 20")]
    found = [
        one for one in all_distances("hazchem_store", held, consequence_rules()) if one.name == "pool_fire"
    ]
    assert len(found) == 3
    farthest = consequence_distances("hazchem_store", held, consequence_rules())["pool_fire"]
    assert farthest.name_en.startswith("Gasoline")
    assert farthest.distance_m == max(one.distance_m for one in found if one.distance_m)


def test_unmatched_and_empty_records_have_none() -> None:
    unmatched = Held(Item("a", 5, catalogue().match(name="不存在的东西")))
    nothing = Held(item("b", "氯", Decimal(0)))
    assert all_distances("hazchem_store", [unmatched, nothing], consequence_rules()) == []


SUBSTANCES = (
    "液化石油气",
    "氢",
    "汽油",
    "甲醇",
    "苯",
    "氯",
    "氨",
    "2,4,6-三硝基甲苯",
    "二硫化碳",
    "丙烯腈",
    "W2",
)
TONNES = st.decimals("0.001", 3000, places=3)


@given(st.sampled_from(SUBSTANCES), TONNES, TONNES)
def test_more_of_a_substance_never_reaches_less_far(name: str, one: Decimal, other: Decimal) -> None:
    rules = consequence_rules()
    less, more = (
        distances_m(consequence_distances("port", [Held(item("a", name, amount))], rules))
        for amount in sorted((one, other))
    )
    assert all(more[key] >= distance for key, distance in less.items())


@given(st.lists(st.tuples(st.sampled_from(SUBSTANCES), TONNES), min_size=1, max_size=4))
def test_one_record_more_never_reaches_less_far(parts: list[tuple[str, Decimal]]) -> None:
    rules = consequence_rules()
    held = [Held(item(f"i{n}", name, amount)) for n, (name, amount) in enumerate(parts)]
    before = distances_m(consequence_distances("port", held[:-1], rules))
    after = distances_m(consequence_distances("port", held, rules))
    assert all(after[key] >= distance for key, distance in before.items())
    assert distances_m(consequence_distances("port", held[::-1], rules)) == after


def test_distances_are_whole_decimetres() -> None:
    for name in SUBSTANCES:
        for one in of(f"{name} 3.337").values():
            for distance in (one.distance_m, one.at_least_m, *(ring.distance_m for ring in one.rings)):
                assert distance is None or round(distance * 10) == pytest.approx(distance * 10, abs=1e-6)


def test_json_names_method_reference_and_validity() -> None:
    document = of("液化石油气 20")["vce_1psi"].to_json()
    assert document["screening"] is True
    assert (document["method"], document["quantity_t"]) == ("epa_tnt", 20)
    assert all(document[key] for key in ("method_zh", "method_en", "equation", "reference", "validity"))


# --- toxic releases ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", vectors("lc50"), ids=lambda row: f"{row['name']}-{row['unit']}-{row['minutes']}"
)
def test_half_of_the_people(row: dict[str, str]) -> None:
    """Chlorine in ppm after Withers and Lees; the others as on file, rounded there to 0.1."""
    rules = with_low_marks()
    probit = next(
        one for one in rules.probits.values() if (one.name_en, one.unit) == (row["name"], row["unit"])
    )
    found = lc50(probit, float(row["minutes"]))
    assert found == pytest.approx(float(row["lc50"]), rel=float(row["rel"]), abs=0.1)
    # 0.1 in the concentration is what the rounding takes
    assert toxic_probit(probit, found, float(row["minutes"])) == pytest.approx(5, abs=0.02)


def test_figures_marked_low_are_not_computed_with() -> None:
    rules, low = consequence_rules(), with_low_marks()
    missing = set(low.probits) - set(rules.probits)
    assert {low.probits[key].name_en for key in missing} == {
        "ammonia", "chlorine", "hydrogen chloride", "phosgene"
    }  # fmt: skip
    assert {unit for _, unit in missing} == {"mg_m3"}
    with pytest.raises(BadInput, match="未经核实"):
        ammonia_distance_m(1000, rules, "rural")


def test_ammonia_by_epas_equation_once_somebody_has_checked_it() -> None:
    """1,000 lb/min: 0.0607·1000^0.4923 = 1.82 miles in the country, 0.0443·1000^0.4782 = 1.20 in a town."""
    rules = with_low_marks()
    mass = 10_000 * 0.45359237
    assert ammonia_distance_m(mass, rules, "rural") / 1609.344 == pytest.approx(1.82, abs=0.005)
    assert ammonia_distance_m(mass, rules, "urban") / 1609.344 == pytest.approx(1.205, abs=0.005)
    held = [Held(one) for one in inventory("氨 12")]
    assert consequence_distances("port", held, rules)["toxic_endpoint"].method.code == "epa_ammonia"
    assert of("氨 12")["toxic_endpoint"].method.code == "briggs_plume"


@pytest.mark.parametrize(("mass", "side"), [(0.5, "below"), (2e7, "above")])
def test_ammonia_beyond_what_epa_reports_is_refused(mass: float, side: str) -> None:
    with pytest.raises(OutsideValidity) as refused:
        ammonia_distance_m(mass, with_low_marks(), "rural")
    assert refused.value.facts["side"] == side


def test_endpoint_of_chlorine_by_the_plume() -> None:
    """At the distance found 100 kg in 10 min, F, 1.5 m/s give 8.7 mg/m³: σy·σz = Q/(π·u·C) by hand 4064.6 m²."""
    rules = consequence_rules()
    found = plume_endpoint_m(100, rules.toxics["7782-50-5"], rules)
    sigma_y = 0.04 * found / (1 + 0.0001 * found) ** 0.5
    sigma_z = 0.016 * found / (1 + 0.0003 * found)
    assert sigma_y * sigma_z == pytest.approx(4065, rel=2e-3)


# --- tables --------------------------------------------------------------------------------------------------


def changed(change: Callable[[Any], None]) -> ConsequenceRules:
    return ConsequenceRules.from_edition(edited("consequences", change))


def with_low_marks() -> ConsequenceRules:
    return changed(lambda table: table["computing"].update(confidence=["high", "medium", "low"]))


def test_domino_thresholds() -> None:
    """Cozzani, Gubinelli, Salzano 2006."""
    found = {(one.equipment, one.quantity, one.unit): one.threshold for one in consequence_rules().domino}
    assert found == {
        ("atmospheric", "overpressure", "kPa"): 22,
        ("pressurised", "overpressure", "kPa"): 16,
        ("elongated_toxic", "overpressure", "kPa"): 16,
        ("elongated_flammable", "overpressure", "kPa"): 31,
        ("small", "overpressure", "kPa"): 37,
        ("atmospheric", "radiation", "kW/m²"): 15,
        ("pressurised", "radiation", "kW/m²"): 45,
        ("atmospheric", "fireball_radiation", "kW/m²"): 100,
    }


def set_cell(part: str, field: str, value: str, row: int = 0) -> Callable[[Any], None]:
    return lambda table: table[part][row].update({field: value})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_cell("methods", "method", "guess"), "guess"),
        (set_cell("methods", "least", "1e9"), "上限"),
        (set_cell("methods", "method", "epa_fireball"), "重复"),
        (set_cell("methods", "confidence", "sure"), "confidence"),
        (set_cell("flammables", "cas", "74-98-7"), "校验位"),
        (set_cell("flammables", "combustion_kj_kg", "-3"), "combustion_kj_kg"),
        (set_cell("flammables", "form", "solid"), "form"),
        (set_cell("toxics", "dense", "", 1), "dense"),
        (set_cell("probits", "a", "many"), "不是数"),
        (set_cell("probits", "cas", "7664-41-7"), "重复"),
        (set_cell("kingery", "z_to", "3.0"), "首尾相接"),
        (set_cell("briggs", "stability", "B"), "六类"),
        (set_cell("briggs", "y_a", "nan"), "不是数"),
        (set_cell("kinds", "kind", "zoo"), "zoo"),
        (set_cell("pasquill", "wind_from_m_s", "1"), "从 0 起"),
        (set_cell("pasquill", "wind_from_m_s", "3", 1), "从 0 起"),
        (set_cell("pasquill", "day_strong", "A-G"), "A-G"),
        (lambda table: table["methods"].pop(), "缺少"),
        (lambda table: table["computing"].update(confidence="high"), "confidence"),
        (lambda table: table["computing"].update(radiation_kw_m2=["5.0", "2.0"]), "由小到大"),
        (lambda table: table["computing"].update(explosives_method="guess"), "guess"),
        (lambda table: table["epa_tnt"].pop("yield"), "yield"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(change: Callable[[Any], None], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        changed(change)
    assert says in refused.value.detail
    assert refused.value.remedy


def test_a_gas_that_is_dense_only_while_cold_may_be_called_neutral() -> None:
    """Ammonia is lighter than air by its molar mass; chlorine is not, and an empty cell is refused for it."""
    assert changed(set_cell("toxics", "dense", "")).toxics["7664-41-7"].dense == ""


def test_an_edition_without_the_table_says_so() -> None:
    def drop(edition: Edition) -> Edition:
        tables = {role: table for role, table in edition.tables.items() if role != "consequences"}
        return Edition(**{**vars(edition), "tables": tables})

    with pytest.raises(BadInput, match="consequences"):
        ConsequenceRules.from_edition(drop(edited("risk", lambda _table: None)))


def test_what_rests_on_unchecked_figures_says_so() -> None:
    """EPA's formula of vapour clouds and its heats have the mark medium."""
    assert "unchecked" in of("丙烷 20")["vce_1psi"].notes
    assert "unchecked" not in of("TNT 1")["overpressure"].notes, (
        "by definition, and by a formula that was read"
    )
