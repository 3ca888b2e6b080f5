"""Near-duplicates: the pairs a person finds by comparing every record with every other one, and no others."""

import math
import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyproj import Geod, Proj
from sqlalchemy import Engine, text

from layers.city import stored_city
from layers.containment import Areas
from layers.database import CITY, Identity, owner_engine, reading, snapshot, writing
from layers.duplicates import near_duplicates, stored_duplicates
from layers.editions import edition_on
from layers.fields import LAYERS
from layers.files import read_table
from layers.intake import Rules, prepare
from layers.placement import place
from layers.staging import compare, stage
from riskmap.errors import BadInput
from tests.import_files import DAY, at, load, load_areas, write

NAMES = (
    "甲 公司",
    "甲公司",
    "（甲）公司",
    "(甲)公司",
    "乙公司",
    "乙公司分公司",
    "ABC加油站",
    "ＡＢＣ 加油站",
    "abc【加油】站",
)
BRACKETS = "()[]{}<>〔〕【】〖〗「」『』《》〈〉"
HEADER = "code,name,lon,lat"
SCALE = Proj("EPSG:4547").get_factors(112.331, 28.831).meridional_scale
"""how much longer a line is on the city's map than on the ground, here"""


def plain(name: str) -> str:
    """The name as a person compares it, written apart from the database's function."""
    folded = unicodedata.normalize("NFKC", name).lower()
    return "".join(sign for sign in folded if sign not in BRACKETS and not sign.isspace())


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """On the ellipsoid, by another library than the one that measures in the database."""
    return float(Geod(ellps="GRS80").inv(*one, *other)[2])


def scattered(seed: int, n: int) -> list[tuple[str, str, float, float]]:
    """Records with few names on little ground, so that many are near and many are not."""
    dice = random.Random(seed)
    return [
        (
            f"{'TU'[i % 2]}{i:03d}",
            dice.choice(NAMES),
            round(112.33 + dice.random() * 0.002, 7),
            round(28.83 + dice.random() * 0.002, 7),
        )
        for i in range(n)
    ]


def brute(rows: list[tuple[str, str, float, float]], near_m: float) -> dict[tuple[str, str], float]:
    return {
        (a[0], b[0]): metres(a[2:], b[2:])
        for a in rows
        for b in rows
        if a[0] < b[0] and plain(a[1]) == plain(b[1]) and metres(a[2:], b[2:]) * SCALE <= near_m
    }


def lines(rows: list[tuple[str, str, float, float]]) -> list[str]:
    return [f'{code},"{name}",{lon},{lat}' for code, name, lon, lat in rows]


@pytest.fixture(scope="module")
def filled(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    owner = owner_engine(module_database)
    folder = tmp_path_factory.mktemp("files")
    load_areas(owner, folder)
    load(owner, folder, "enterprises", HEADER, *lines(scattered(1, 200)))
    yield owner
    owner.dispose()


@pytest.mark.parametrize("near_m", [10.0, 50.0])
def test_stored_pairs_are_those_of_comparing_all_with_all(filled: Engine, near_m: float) -> None:
    expected = brute(scattered(1, 200), near_m)
    assert len(expected) > 10
    with snapshot(filled) as connection:
        page = stored_duplicates(connection, "enterprises", limit=10_000, near_m=near_m)
        assert page.total == len(expected)
        found = {(one["code"], one["other"]): one["distance_m"] for one in page.items}
        assert found.keys() == expected.keys()
        for pair, distance in found.items():
            assert distance == pytest.approx(expected[pair], abs=0.06)
        first = page.items[0]
        assert math.hypot(first["east_m"], first["north_m"]) == pytest.approx(first["distance_m"], abs=0.02)
        assert first["about"]["name"] == first["name"]
        assert [one["distance_m"] for one in page.items] == sorted(one["distance_m"] for one in page.items)
        parts = [stored_duplicates(connection, "enterprises", 7, n, near_m).items for n in (0, 7)]
        assert [*parts[0], *parts[1]] == page.items[:14]


def test_other_names_and_other_layers_propose_nothing(filled: Engine) -> None:
    with snapshot(filled) as connection:
        assert stored_duplicates(connection, "targets").total == 0
        with pytest.raises(BadInput, match="duty"):
            stored_duplicates(connection, "duty")


def test_a_reader_sees_pairs_of_own_records_only(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    load(
        owner,
        tmp_path,
        "resources",
        "code,name,kind,lon,lat",
        f"R1,队,rescue_team,{at(1.9999, 0.2)}",
        f"R2,队,rescue_team,{at(2.0001, 0.2)}",
        f"R3,队,rescue_team,{at(1.9998, 0.2)}",
    )
    with reading(reader, CITY) as connection:
        assert stored_duplicates(connection, "resources").total == 3
    with reading(reader, Identity("t", "township", "430981101")) as connection:
        pairs = [(one["code"], one["other"]) for one in stored_duplicates(connection, "resources").items]
    assert pairs == [("R1", "R3")]


def staged(owner: Engine, folder: Path, rows: list[str], near_m: float | None = None) -> list[dict[str, Any]]:
    """What an import of these rows proposes, staged as the import does it and left unwritten."""
    path = write(folder, "enterprises", HEADER, *rows)
    with writing(owner) as connection:
        rules = Rules(stored_city(connection), lambda: edition_on(connection, DAY))
        incoming, _ = prepare(LAYERS["enterprises"], read_table(path), rules)
        areas = Areas(connection, "area")
        stage(connection, incoming, areas)
        place(connection, "enterprise", {"enterprise"}, areas)
        compare(connection, "enterprise")
        found = near_duplicates(connection, "enterprise", "staged_enterprise", near_m)
        connection.rollback()
    return found


def test_rows_of_a_file_are_compared_with_stored_ones_and_each_other(filled: Engine, tmp_path: Path) -> None:
    stored = scattered(1, 200)
    rows = [(f"V{code[1:]}", name, lon, lat) for code, name, lon, lat in scattered(2, 80)]
    code, _, lon, lat = stored[0]
    rows += [(code, "改了名", lon, lat), (stored[1][0], stored[1][1], 112.40, 28.90)]
    mine = {row[0] for row in rows}
    after = [*rows, *(one for one in stored if one[0] not in mine)]
    expected = {tuple(sorted(pair)) for pair in brute(after, 50.0) if mine & set(pair)}
    found = staged(filled, tmp_path, lines(rows))
    pairs = [tuple(sorted((one["code"], one["other"]))) for one in found]
    assert len(pairs) == len(set(pairs)) > 20
    assert set(pairs) == expected
    places = {row[0]: number for number, row in enumerate(rows, start=2)}
    for one in found:
        assert one["row"] == places[one["code"]]
        assert one["other_row"] == places.get(one["other"])
        assert {"name", "lon", "lat", "other_lon", "other_lat", "distance_m"} <= one.keys()


def test_a_file_that_changes_nothing_proposes_nothing(filled: Engine, tmp_path: Path) -> None:
    assert staged(filled, tmp_path, lines(scattered(1, 200))) == []


def test_layers_without_names_propose_nothing(filled: Engine) -> None:
    with writing(filled) as connection:
        assert near_duplicates(connection, "inventory") == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ＡＢＣ　加油站", "abc加油站", True),
        ("沅江（示例）公司", "沅江(示例) 公司", True),
        ("【甲】厂", "甲厂", True),
        ("甲有限公司", "甲有限责任公司", False),
        ("甲公司", "甲公司分公司", False),
        ("甲-1号罐", "甲-11号罐", False),
    ],
)
def test_names(filled: Engine, one: str, other: str, same: bool) -> None:
    with snapshot(filled) as connection:
        keys = [
            connection.execute(text("SELECT same_name(:name)"), {"name": name}).scalar_one()
            for name in (one, other)
        ]
    assert (keys[0] == keys[1]) is same
    assert keys == [plain(one), plain(other)]
