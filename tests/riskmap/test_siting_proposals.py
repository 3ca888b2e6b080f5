"""What a proposal is refused for, field by field, and what is kept of it."""

from decimal import Decimal
from typing import Any

import pytest

from riskmap.errors import BadInput, TooLarge
from tests.proposals import GRANTED, SQUARE, read


@pytest.mark.parametrize(
    ("given", "told_of"),
    [
        ({"kind": "moonbase"}, "kind"),
        ({"kind": None}, "kind"),
        ({"stage": "old"}, "stage"),
        ({"geometry": None}, "geometry"),
        ({"geometry": {"type": "GeometryCollection", "geometries": []}}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [SQUARE[0][:4]]}}, "未闭合"),
        ({"geometry": {"type": "Point", "coordinates": [float("nan"), 28.8]}}, "经纬度"),
        ({"geometry": {"type": "Point", "coordinates": [float("inf"), 28.8]}}, "经纬度"),
        ({"geometry": {"type": "Point", "coordinates": [28.8, 112.3]}}, "经纬度"),
        ({"geometry": {"type": "Point", "coordinates": [10**400, 28.8]}}, "经纬度"),
        ({"name": "\ud800"}, "name"),
        ({"people": 10**400}, "people"),
        ({"geometry": {"type": "Point", "coordinates": ["112", "28"]}}, "经纬度"),
        ({"geometry": {"type": "Point", "coordinates": [[[[112]]]]}}, "坐标"),
        ({"geometry": {"type": "LineString", "coordinates": [[112.3, 28.8]]}}, "两点"),
        ({"inventory": [{"substance": "汽油"}]}, "quantity_t"),
        ({"inventory": [{"quantity_t": 3}]}, "物质"),
        ({"inventory": [{"substance": "汽油", "quantity_t": "NaN"}]}, "quantity_t"),
        ({"inventory": {"substance": "汽油"}}, "inventory"),
        ({"people": -1}, "people"),
        ({"people": True}, "people"),
        ({"dwellings": "many"}, "dwellings"),
        ({"exception": {"authority": "市政府", "text": "", "date": "2026-01-01"}}, "exception"),
        ({"exception": GRANTED | {"date": "2026-06-02"}}, "晚于今天"),
        ({"exception": GRANTED | {"date": "soon"}}, "exception.date"),
        ({"station_class": 4}, "station_class"),
        ({"years": 0}, "years"),
        ({"uses": [{"kind": "school", "pupils": 3}]}, "uses"),
        ({"colour": "red"}, "colour"),
        ({"name": "x" * 300}, "name"),
    ],
)
def test_what_is_wrong_with_a_proposal_is_said(given: dict[str, Any], told_of: str) -> None:
    with pytest.raises(BadInput) as error:
        read(**given)
    assert told_of in error.value.detail + error.value.remedy
    assert error.value.remedy


def test_too_many_vertices_are_counted_before_anything_else() -> None:
    line = [[112.36 + n * 1e-6, float("nan")] for n in range(10_001)]
    with pytest.raises(TooLarge, match="10,000"):
        read(geometry={"type": "LineString", "coordinates": line})


def test_a_proposal_keeps_what_it_was_told() -> None:
    shop = read(kind="market", floor_area_m2=900, people=40, uses=[{"kind": "dwelling", "dwellings": 12}])
    assert [(use.kind, {name: int(value) for name, value in use.measures.items()}) for use in shop.uses] == [
        ("market", {"people": 40, "floor_area_m2": 900}),
        ("dwelling", {"dwellings": 12}),
    ]
    stocked = read(
        kind="lpg_store",
        inventory=[{"substance": "液化石油气", "quantity_t": "50.5"}],
        stage="temporary",
        years=2,
    )
    assert stocked.inventory[0].quantity_t == Decimal("50.5")
    assert stocked.years == 2
