"""Themes of the demo city: every part is the sum of the lines of `explain` that it names, and rights go before it."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.explain import explain
from jobs.risk import assess
from jobs.splits import Splits
from jobs.themes import LEVELS, choices, themes
from layers.database import CITY, Identity, reading
from layers.records import fetch
from riskmap.errors import BadInput, NotFound
from riskmap.themes import NEIGHBOUR, NONE, Theme
from riskmap.vocabulary import COMMITTEES
from tests.import_files import load

OURS, THEIRS = "430981006", "430981114"
TOWNSHIP = Identity("town", "township", OURS)
HOLIDAY = "period-of-the-test"
OF_KIND = {
    "ferry": "road_traffic",
    "mine": "general",
    "shop_dwelling": "fire_crowd",
    "bridge": "road_traffic",
}
"""the committee of some kinds whose sources have no enterprise, by the city's table"""
Row = dict[str, Any]


@pytest.fixture(scope="module")
def city(demo_owner: Engine, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The demo city in a special period."""
    period = f"{HOLIDAY},special_period,2026-05-30T00:00:00+08:00,2099-01-01T00:00:00+08:00"
    load(demo_owner, tmp_path_factory.mktemp("events"), "events", "event_id,kind,time,until", period, at=None)
    assess(demo_owner, actor="test")
    return demo_owner


class Asked:
    """Everything asked of one city by one reader, splits kept."""

    def __init__(self, owner: Engine, reader: Engine, identity: Identity = CITY) -> None:
        self.owner, self.reader, self.identity = owner, reader, identity
        self.splits = Splits()
        self.whole: dict[tuple[str, str], dict[str, Any]] = {}

    def parts(self, level: str, theme: Theme, **more: Any) -> dict[str, Any]:
        return themes(self.owner, self.reader, self.identity, self.splits, level, theme, **more)

    def account(self, level: str, code: str, **more: Any) -> dict[str, Any]:
        return explain(self.owner, self.reader, self.identity, level, code, **more)


@pytest.fixture(scope="module")
def asked(city: Engine, demo_reader: Engine) -> Asked:
    return Asked(city, demo_reader)


@pytest.fixture(scope="module")
def ours(city: Engine, demo_reader: Engine) -> Asked:
    return Asked(city, demo_reader, TOWNSHIP)


def micro(points: float) -> int:
    return round(points * 1_000_000)


@pytest.fixture(scope="module")
def known(city: Engine, demo_reader: Engine) -> dict[str, Row]:
    """What is on file of every source, its premises among them: committee, industry, kind, as records tell them."""
    with reading(demo_reader, CITY) as connection:
        firms = {row["code"]: row for row in fetch(connection, "enterprise").items}
        sources = fetch(connection, "source").items
    found = {f"{code}-P": firm | {"kind": "premises"} for code, firm in firms.items()}
    for row in sources:
        firm = firms.get(row["enterprise_code"], {"committee": None, "industry": None})
        found[row["code"]] = {
            "committee": firm["committee"],
            "industry": firm["industry"],
            "kind": row["kind"],
        }
    return found


def by_hand(asked: Asked, level: str, code: str, theme: Theme, known: dict[str, Row]) -> int:
    """The part of a theme from the whole account: line by line, by what is on file of the line's source."""
    total = 0
    if (level, code) not in asked.whole:
        asked.whole[level, code] = asked.account(level, code)
    for line in asked.whole[level, code]["contributions"]:
        source = line["source"] or line["record"].removeprefix("source/")
        row, dynamic = known[source], line["group"] == "dynamic"
        committee = row["committee"] or OF_KIND.get(row["kind"])
        digits = (row["industry"] or "").strip("ABCDEFGHIJKLMNOPQRST")
        matches = (
            theme.committee in (None, committee)
            and (theme.industry is None or digits.startswith(theme.industry))
            and theme.kind in (None, row["kind"])
            and (
                theme.period is None
                or theme.period == ("dynamic" if dynamic else "base")
                or line["record"] == f"event/{theme.period}"
            )
        )
        total += micro(line["value"]) if matches else 0
    return total


def dice_of(asked: Asked, level: str, dice: random.Random) -> Theme:
    """A random theme: some of the dimensions, each with a value that weighs at the level's highest thing."""
    code = asked.parts(level, Theme())["items"][0]["code"]
    told = asked.parts(level, Theme(), code=code)
    values = {name: [row["value"] for row in rows[:3]] for name, rows in told["breakdown"].items()}
    values["hazard"] = [row["value"] for row in told["overlapping"]["hazard"]]
    values["period"] = ["base", "dynamic", HOLIDAY]
    return Theme(**{name: dice.choice(some) for name, some in values.items() if dice.random() < 0.4})


@pytest.mark.parametrize("level", LEVELS)
def test_parts_are_the_filtered_lines_of_explain(asked: Asked, level: str) -> None:
    dice, told, positive = random.Random(level), 0, 0
    for _ in range(5):
        theme = dice_of(asked, level, dice)
        parts = {row["code"]: row for row in asked.parts(level, theme)["items"]}
        most = max(parts, key=lambda code: parts[code]["part"] or 0)
        for code in {most, dice.choice(sorted(parts))}:
            account = asked.account(level, code, theme=theme)
            sums = sum(micro(line["value"]) for line in account["contributions"])
            assert micro(parts[code]["part"]) == micro(account["part"]) == sums, (theme, code)
            assert parts[code]["score"] == account["score"]
            whole = asked.parts(level, theme, code=code)
            assert account["breakdown"] == whole["breakdown"]
            assert account["overlapping"] == whole["overlapping"]
            told += 1
            positive += sums > 0
    assert told >= 5
    assert positive >= 2


@pytest.mark.parametrize("level", ["township", "village", "overlay"])
def test_parts_are_what_the_records_on_file_say(asked: Asked, known: dict[str, Row], level: str) -> None:
    positive = 0
    for theme in (
        Theme(committee="hazchem"),
        Theme(kind="lpg_store", period="base"),
        Theme(industry="26"),
        Theme(period=HOLIDAY),
        Theme(committee="road_traffic", period="dynamic"),
    ):
        for row in asked.parts(level, theme)["items"][:2]:
            assert micro(row["part"]) == by_hand(asked, level, row["code"], theme, known), (theme, row)
            positive += row["part"] > 0
    assert positive >= 5


def test_breakdowns_add_up_and_hazards_do_not(asked: Asked) -> None:
    for level in LEVELS:
        code = asked.parts(level, Theme())["items"][0]["code"]
        for theme in (Theme(), Theme(hazard="toxic"), Theme(committee="hazchem", period="base")):
            told = asked.parts(level, theme, code=code)
            assert [row["code"] for row in told["items"]] == [code]
            assert told["breakdown"].keys() == {"committee", "industry", "kind", "period"}
            for name, rows in told["breakdown"].items():
                assert sum(micro(row["part"]) for row in rows) == micro(told["of"]["part"]), (level, name)
                assert all(row["label"] for row in rows)
                for row in rows[:2]:  # what a bar says is what choosing it gives
                    if getattr(theme, name) is None:
                        chosen = asked.parts(level, theme._replace(**{name: row["value"]}), code=code)
                        assert chosen["of"]["part"] == row["part"], (level, name, row)
    hazards = asked.parts("city", Theme(), code="430981")["overlapping"]["hazard"]
    assert sum(row["part"] for row in hazards) > asked.parts("city", Theme())["of"]["score"]


def test_a_theme_and_all_else_are_the_score(asked: Asked) -> None:
    for level in ("city", "township", "village", "grid", "overlay", "source", "enterprise"):
        sums: defaultdict[str, int] = defaultdict(int)
        for committee in COMMITTEES:
            for period in ("base", "dynamic"):
                for row in asked.parts(level, Theme(committee=committee, period=period))["items"]:
                    sums[row["code"]] += micro(row["part"])
        whole = asked.parts(level, Theme())["items"]
        assert len(whole) > 2 or level == "city"
        assert {row["code"]: micro(row["score"]) for row in whole} == sums


def test_the_special_period_is_a_part_of_what_is_dynamic(asked: Asked) -> None:
    values = choices(asked.owner, asked.reader, CITY, asked.splits)
    assert [one["value"] for one in values["period"]] == ["base", "dynamic", HOLIDAY]
    assert "2026-05-30" in values["period"][-1]["label"]
    assert {one["value"] for one in values["industry"]} >= {"26", NONE}
    holiday, dynamic = (
        {row["code"]: row["part"] for row in asked.parts("source", Theme(period=period))["items"]}
        for period in (HOLIDAY, "dynamic")
    )
    assert all(0 < part <= dynamic[code] for code, part in holiday.items())
    assert any(part < dynamic[code] for code, part in holiday.items())


def test_lists_are_ranked_and_paged(asked: Asked) -> None:
    whole = asked.parts("grid", Theme(hazard="fire"))
    parts = [row["part"] for row in whole["items"]]
    assert parts == sorted(parts, reverse=True)
    assert whole["total"] == len(parts) == 3000
    page = asked.parts("grid", Theme(hazard="fire"), limit=10, offset=20)
    assert page["items"] == whole["items"][20:30]
    assert all(row["share"] == pytest.approx(row["part"] / row["score"], abs=1e-6) for row in page["items"])


def test_past_days_have_their_own_parts(asked: Asked) -> None:
    theme = Theme(committee="hazchem", period="dynamic")
    then = asked.parts("village", theme, as_of="2026-03-15")
    assert then["data_time"].startswith("2026-03-15")
    assert then["computed"]
    for row in then["items"][:3]:
        assert row["part"] > 0
        account = asked.account("village", row["code"], theme=theme, as_of="2026-03-15")
        assert (account["part"], account["score"]) == (row["part"], row["score"])
    now = asked.parts("village", theme)
    assert [row["part"] for row in now["items"]] != [row["part"] for row in then["items"]]


# --- rights ----------------------------------------------------------------------------------------------------


def test_others_areas_are_named_and_no_more(asked: Asked, ours: Asked) -> None:
    theme = Theme(hazard="fire")
    everyone = {row["code"]: row for row in asked.parts("village", theme)["items"]}
    for level in ("city", "township", "village", "grid"):
        rows = ours.parts(level, theme)["items"]
        foreign = [row for row in rows if not row["code"].startswith(OURS)]
        assert foreign
        assert all(row["part"] is row["score"] is row["share"] is None for row in foreign)
        assert all(row["name"] for row in rows)
    told = ours.parts("village", theme)
    assert told["of"]["code"] == OURS
    own = {row["code"]: row for row in told["items"] if row["code"].startswith(OURS)}
    assert {code: row["part"] for code, row in own.items()} == {code: everyone[code]["part"] for code in own}
    hidden = ours.parts("village", theme, code=next(code for code in everyone if code.startswith(THEIRS)))
    assert hidden["of"]["part"] is None
    assert not any(hidden["breakdown"].values())
    for level in ("source", "enterprise"):
        codes = {row["code"] for row in ours.parts(level, theme)["items"]}
        assert codes < {row["code"] for row in asked.parts(level, theme)["items"]}


def test_of_a_neighbours_source_only_kind_and_hazard_are_told(asked: Asked, ours: Asked) -> None:
    """What lies beyond the border stands under `neighbour`: neither committee nor industry nor what goes on there."""
    crossing = 0
    for row in ours.parts("village", Theme(committee=NEIGHBOUR))["items"]:
        if not row["part"] or crossing == 3:
            continue
        crossing += 1
        code = row["code"]
        lines = ours.account("village", code)["contributions"]
        assert micro(row["part"]) == sum(micro(one["value"]) for one in lines if one["kind"] == "neighbour")
        told = ours.parts("village", Theme(), code=code)
        for name in ("committee", "industry", "period"):
            parts = {one["value"]: one["part"] for one in told["breakdown"][name]}
            assert parts[NEIGHBOUR] == row["part"]
            assert sum(map(micro, parts.values())) == micro(told["of"]["score"])
        city_kinds = asked.parts("village", Theme(), code=code)["breakdown"]["kind"]
        assert told["breakdown"]["kind"] == city_kinds
        for theme in (
            Theme(committee=NEIGHBOUR),
            Theme(committee="hazchem"),
            Theme(period="dynamic"),
            Theme(kind="lpg_store"),
        ):
            part = ours.parts("village", theme, code=code)["of"]["part"]
            account = ours.account("village", code, theme=theme)
            assert account["part"] == part
            assert account["breakdown"] == ours.parts("village", theme, code=code)["breakdown"]
        dynamic = ours.account("village", code, theme=Theme(period="dynamic"))
        assert all(one["kind"] != "neighbour" for one in dynamic["contributions"])
    assert crossing > 0


def test_an_event_of_nobodys_township_is_no_period_of_ones_own(ours: Asked) -> None:
    assert [one["value"] for one in choices(ours.owner, ours.reader, TOWNSHIP, ours.splits)["period"]] == [
        "base",
        "dynamic",
    ]
    with pytest.raises(BadInput):
        ours.parts("village", Theme(period=HOLIDAY))


# --- what there is not -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "theme"),
    [
        ("planet", Theme()),
        ("place", Theme()),
        ("village", Theme(committee="navy")),
        ("village", Theme(hazard="boredom")),
        ("village", Theme(kind="castle")),
        ("village", Theme(industry="C26")),
        ("village", Theme(industry="26317")),
        ("village", Theme(period="never")),
    ],
)
def test_unknown_values_are_refused_with_a_remedy(asked: Asked, level: str, theme: Theme) -> None:
    with pytest.raises(BadInput) as refused:
        asked.parts(level, theme)
    assert refused.value.remedy


def test_an_unknown_code_is_not_found(asked: Asked, ours: Asked) -> None:
    with pytest.raises(NotFound):
        asked.parts("village", Theme(), code="430981999")
    theirs = next(
        r["code"]
        for r in asked.parts("source", Theme())["items"]
        if r["code"] not in {one["code"] for one in ours.parts("source", Theme())["items"]}
    )
    with pytest.raises(NotFound):
        ours.parts("source", Theme(), code=theirs)


def test_before_the_first_run_there_is_nothing(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "sources", "code,name,kind,lon,lat", "S1,甲,ferry,112.3,28.8")
    empty = themes(owner, reader, CITY, Splits(), "township", Theme(committee="hazchem"))
    assert (empty["items"], empty["data_time"], empty["of"]["part"]) == ([], None, None)
    assess(owner, actor="test")
    told = themes(owner, reader, CITY, Splits(), "source", Theme(committee="road_traffic"))
    assert [row["share"] for row in told["items"]] == [1.0]
    assert told["of"]["part"] is None, "nobody lives here, so the city has no score"
