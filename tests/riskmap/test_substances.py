"""Matching by CAS, name and class: what must be found, and what must never be guessed."""

import csv
import json
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.names import cas_number, name_key, split_brackets, tidy
from riskmap.substances import REASONS
from tests.riskmap.standard import catalogue, vectors


@pytest.mark.parametrize("row", vectors("names"), ids=lambda row: "|".join(list(row.values())[:3]))
def test_names_as_people_write_them(row: dict[str, str]) -> None:
    match = catalogue().match(cas=row["cas"], name=row["name"], hazard_class=row["hazard_class"])
    assert (match.substance.code if match.substance else "", match.reason) == (row["matched"], row["reason"])
    assert bool(match.reason_text) == bool(match.remedy) == (match.substance is None)


@pytest.mark.parametrize("row", vectors("critical"), ids=lambda row: row["substance"])
def test_quantities_and_betas_keyed_a_second_time(row: dict[str, str]) -> None:
    by_cas, by_name = catalogue().match(cas=row["cas"]), catalogue().match(name=row["substance"])
    assert by_cas.substance is not None
    assert by_cas.substance == by_name.substance
    assert (by_cas.by, by_name.by) == ("cas", "name")
    assert by_cas.substance.critical_t == Fraction(row["critical_t"])
    assert by_cas.substance.beta == Fraction(row["beta"])


def test_every_row_of_tables_1_and_2(shared: Path) -> None:
    """Against the tables beside the clone: found by name, alias, English name and CAS, with the same Q and β."""
    with (shared / "standards" / "gb18218_2018.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len([row for row in rows if row["table"] == "1"]) == 85
    assert len([row for row in rows if row["table"] == "2"]) == 24
    for row in rows:
        if row["table"] == "2":
            found = [catalogue().match(hazard_class=row["no_or_symbol"])]
        else:
            found = [catalogue().match(name=row["name_zh"]), catalogue().match(name=row["name_en"])]
            unshared = [cas for cas in row["cas_no"].split(";") if cas not in {"", "9004-70-0", "6484-52-2"}]
            found += [catalogue().match(cas=cas) for cas in unshared]
            found += [catalogue().match(cas=cas, name=row["name_zh"]) for cas in row["cas_no"].split(";")]
        for match in found:
            assert match.substance is not None, (row, match)
            assert match.substance.code == f"{row['table']}-{row['no_or_symbol']}"
            assert match.substance.critical_t == Fraction(row["critical_quantity_t"])
            unchecked = row["conf_beta"] == "low"
            assert match.substance.beta == (None if unchecked else Fraction(row["beta"])), row
            assert ("beta_unknown" in match.notes) == unchecked
        for alias in filter(None, row["alias_zh"].split(";")):
            match = catalogue().match(name=alias)
            certain = {one.code for one in match.suggestions if one.score == 100}
            own = f"1-{row['no_or_symbol']}"
            assert own in certain if match.substance is None else match.substance.code == own


def test_named_gases_give_their_beta_before_the_class(shared: Path) -> None:
    rules = json.loads((shared / "standards" / "gb18218_2018_rules.json").read_text("utf-8"))
    for name, _, cas, beta in rules["beta_table3"]:
        match = catalogue().match(cas=cas, name=name, hazard_class="W5.4")
        assert match.substance is not None
        assert (match.substance.beta, match.substance.beta_clause) == (beta, "GB 18218-2018 表3")
    for symbol, beta in rules["beta_table4"].items():
        match = catalogue().match(hazard_class=symbol)
        assert match.substance is not None
        assert match.substance.beta == Fraction(str(beta))


def test_several_classes_take_the_lowest_quantity_and_the_largest_beta() -> None:
    match = catalogue().match(name="某农药", hazard_class="W5.4；J1, W11")
    assert match.substance is not None
    assert [match.substance.critical_t, match.substance.beta] == [5, 4]
    assert match.substance.classes == ("J1", "W5.4", "W11")
    lowest_and_largest_apart = catalogue().match(hazard_class="J3 W1.3 J2").substance
    assert lowest_and_largest_apart is not None
    assert [lowest_and_largest_apart.critical_t, lowest_and_largest_apart.beta] == [50, 2]


def test_a_beta_nobody_has_checked_waits_for_the_class() -> None:
    bare, told = catalogue().match(cas="7783-07-5"), catalogue().match(cas="7783-07-5", hazard_class="J1")
    assert bare.substance is not None
    assert told.substance is not None
    assert [bare.substance.critical_t, bare.substance.beta, bare.notes] == [1, None, ("beta_unknown",)]
    assert [told.substance.beta, told.notes, told.key] == [4, ("beta_by_class",), bare.key]


def test_unmatched_rows_suggest_what_may_have_been_meant() -> None:
    def suggested(**row: str) -> dict[str, int]:
        return {one.code: one.score for one in catalogue().match(**row).suggestions}

    assert suggested(cas="7782-50-5", name="氨") == {"1-12": 100, "1-1": 100}
    assert suggested(name="硝酸铵") == {"1-43": 100, "1-44": 100}
    assert suggested(cas="7664-41-7", name="氨水") == {"1-1": 100}
    assert suggested(name="液化石油汽").get("1-52", 0) >= 70
    assert suggested(name="Epichlorhydrin").get("1-21", 0) >= 90
    assert suggested(name="0号柴油") == {"2-W5.4": 67}
    assert suggested(name="Nitrogen Tetroxide").get("1-3", 0) >= 75
    assert suggested(name="花岗岩") == {}


def test_a_match_says_how_it_came_about() -> None:
    assert catalogue().match(name="液氨").notes == ()
    assert catalogue().match(name="LNG").notes == ("common_name",)
    assert catalogue().match(cas="7664-41-7", name="R-999").notes == ("name_unknown",)
    assert catalogue().match(cas="7697-37-2").notes == ("condition_assumed",)
    assert catalogue().match(name="硝酸铵", hazard_class="W1.1").notes == ("class_narrowed",)


def test_keys_join_equal_substances_and_keep_others_apart() -> None:
    match = catalogue().match
    assert match(name="液氨").key == match(cas="7664-41-7").key == match(name="Ammonia").key
    assert match(name="柴油", hazard_class="W5.4").key != match(name="煤油", hazard_class="W5.4").key
    assert match(name="花岗岩").key == match(name=" 花 岗 岩").key != match(name="大理石").key


def test_cas_check_digit() -> None:
    """Every other last digit is refused; the rule is reckoned here a second way."""
    for cas in ("7732-18-5", "7664-41-7", "107-07-3", "50-00-0", "86290-81-5"):
        for digit in "0123456789":
            assert (cas_number(cas[:-1] + digit) == cas) == (digit == cas[-1])
        digits = [int(d) for d in cas if d.isdigit()]
        assert sum(n * d for n, d in enumerate(digits[::-1])) % 10 == digits[-1]
    for wrong in ("", "7664-41", "7664-41-77", "氨", "00-11-11", "1-00-0", "1975-01-04"):
        assert cas_number(wrong) is None


@given(st.sampled_from(vectors("critical")), st.integers(0, 3), st.booleans(), st.sampled_from(" 　\t"))
def test_width_case_and_blanks_never_matter(row: dict[str, str], blanks: int, wide: bool, blank: str) -> None:
    def widened(text: str) -> str:
        return "".join(chr(ord(c) + 0xFEE0) if wide and "!" <= c <= "~" else c for c in text)

    written = blank * blanks + widened(row["substance"].upper()) + blank
    assert catalogue().match(name=written).substance == catalogue().match(cas=widened(row["cas"])).substance


@given(st.text(max_size=30), st.text(max_size=15), st.text(max_size=8))
def test_any_text_gets_an_answer(name: str, cas: str, hazard_class: str) -> None:
    match = catalogue().match(cas=cas, name=name, hazard_class=hazard_class)
    assert (match.substance is None) == (match.reason in REASONS)


@given(st.text("()[]【】（）ab", max_size=12))
def test_brackets_are_split_whatever_they_are(text: str) -> None:
    outside, inside = split_brackets(tidy(text))
    letters = sum(c in "ab" for c in text)
    assert sum(c in "ab" for c in outside) + sum(c in "ab" for part, _ in inside for c in part) == letters


def test_keys_keep_the_signs_of_a_limit() -> None:
    assert name_key("硝酸铵(含可燃物>0.2%)") != name_key("硝酸铵(含可燃物≤0.2%)")


def test_real_inventories(shared: Path) -> None:
    """538 real facilities: table 1 is met by CAS, solutions and mixtures are not, nothing else is matched."""
    facilities = json.loads((shared / "data" / "us_rmp_facilities_louisiana.geojson").read_text("utf-8"))
    listed = {(c["cas"], c["name"]) for f in facilities["features"] for c in f["properties"]["chem_json"]}
    with (shared / "standards" / "gb18218_2018.csv").open(encoding="utf-8-sig", newline="") as lines:
        named = {cas for row in csv.DictReader(lines) for cas in row["cas_no"].split(";") if cas}
    matched, diluted, unmatched = set(), set(), []
    for cas, name in sorted(listed):
        match = catalogue().match(cas=cas, name=name)
        if match.reason == "diluted":
            diluted.add(name)
        elif match.substance is None:
            unmatched.append(f"{cas} {name}: {match.reason}")
            assert cas not in named
        else:
            matched.add(cas)
            assert match.by == "cas"
    print(*unmatched, sep="\n")
    assert len(listed) == 93
    assert diluted == {
        "Ammonia (conc 20% or greater)",
        "Formaldehyde (solution)",
        "Hydrochloric acid (conc 37% or greater)",
        "Hydrogen fluoride/Hydrofluoric acid (conc 50% or greater) [Hydrofluoric acid]",
        "Oleum (Fuming Sulfuric acid)  [Sulfuric acid, mixture with sulfur trioxide]",
    }
    only_as_solutions = {"50-00-0", "7664-39-3"}
    assert matched == {cas for cas, _ in listed} & named - only_as_solutions
    assert (len(matched), len(unmatched)) == (28, 60)


def test_a_hundred_thousand_rows_take_seconds() -> None:
    rows = [("7664-41-7", "液氨", None), (None, "柴油", "W5.4"), (None, "花岗岩", None)]
    start = time.perf_counter()
    for number in range(100_000):
        cas, name, hazard_class = rows[number % 3]
        catalogue().match(
            cas=cas, name=name if number % 100 else f"{name}{number}", hazard_class=hazard_class
        )
    assert time.perf_counter() - start < 5
