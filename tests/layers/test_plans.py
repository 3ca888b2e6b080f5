"""No role reads a whole spatial table for a tile, a click or its neighbours: the plans as the server tells them."""

import json
import re
from typing import Any

import psycopg
import pytest

from layers.database import CITY, Identity
from layers.tiles import LAYERS, Tile
from tests.crowd import CENTRE_OF_OURS, RECORDS, ROLES, tile_of

SPATIAL = "enterprise|source|target|area|line|population|resource"
AT = {"lon": CENTRE_OF_OURS[0], "lat": CENTRE_OF_OURS[1]}
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        f"tile_{layer} z{z}": (
            f"SELECT tile_{layer}(%(z)s, %(x)s, %(y)s, %(query)s::json)",
            dict(zip(("z", "x", "y"), (z, *tile_of(*CENTRE_OF_OURS, z)), strict=True))
            | {"query": json.dumps(Tile(layer, z, *tile_of(*CENTRE_OF_OURS, z)).query)},
        )
        for layer in LAYERS
        for z in (12, 15)
    },
    "areas_at": ("SELECT * FROM areas_at(%(lon)s, %(lat)s)", AT),
    **{
        f"nearest {layer}": (
            "SELECT * FROM nearest(%(layer)s, %(lon)s, %(lat)s, 60, 30)",
            {**AT, "layer": layer},
        )
        for layer in RECORDS
    },
    **{
        f"in_squares {layer}": (
            "SELECT * FROM in_squares(%(layer)s, %(lon)s, %(lat)s, 12, 8, 0.03, 30)",
            {**AT, "layer": layer},
        )
        for layer in RECORDS
    },
}


def plans(dsn: str, identity: Identity, statement: str, values: dict[str, Any]) -> str:
    """Every plan that a statement ran, those inside its functions too, as the server itself tells them."""
    told: list[str] = []
    with psycopg.connect(dsn) as connection:
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        connection.execute(
            "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;"
            " SET auto_explain.log_level = 'notice'; SET jit = off"
        )
        setting, value = identity.scope
        connection.execute("SELECT set_config(%s, %s, true)", [setting, value])
        connection.execute(f"SET LOCAL ROLE {identity.database_role}")
        told.clear()
        connection.execute(statement, values).fetchall()
        connection.rollback()
    return "\n".join(told)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_no_role_reads_a_whole_spatial_table(crowd_dsn: str, role: str, question: str) -> None:
    told = plans(crowd_dsn, ROLES[role], *QUESTIONS[question])
    assert re.search(r"Index Scan", told), told
    assert re.findall(rf"Seq Scan on (?:{SPATIAL})\b.*", told) == [], told


@pytest.mark.parametrize("role", ["township", "village", "grid"])
def test_neighbours_are_found_by_the_spatial_index(crowd_dsn: str, role: str) -> None:
    told = plans(crowd_dsn, ROLES[role], "SELECT * FROM neighbour(600)", {})
    assert "source_geom_m" in told, told
    assert re.findall(rf"Seq Scan on (?:{SPATIAL})\b.*", told) == [], told


def test_the_search_for_plans_can_fail(crowd_dsn: str) -> None:
    assert "Seq Scan on source" in plans(crowd_dsn, CITY, "SELECT count(*) FROM source WHERE name = 'x'", {})
