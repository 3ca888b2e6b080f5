"""A map beside a form on which somebody draws an outline: what its script needs, and what came of it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from layers.tiles import extent
from riskmap import __version__
from riskmap.errors import BadInput
from web import assets
from web.map import ANYWHERE
from web.render import Page

MOST_OUTLINE = 60_000
"""characters of an outline in a form"""
_SCRIPTS = ("symbols", "rules", "dom", "ground", "outline")
_TEXTS = ("draw", "draw_more", "draw_done")


def outline_config(page: Page, shown: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What `outline.js` is told: the outlines that are there already (`code`, `polygon`)."""
    west, south, east, north = extent(page.connection, None) or ANYWHERE
    return {
        "bounds": [[south, west], [north, east]],
        "shown": [{"code": one["code"], "polygon": one["polygon"]} for one in shown if one["polygon"]],
        "texts": {key: page.text(f"silences.{key}") for key in _TEXTS},
    }


def outline_files() -> dict[str, list[str]]:
    """The styles and scripts of the map."""
    return {
        "styles": [assets.address("leaflet_css")],
        "scripts": [
            *(assets.address(name) for name in ("leaflet", "protomaps")),
            *(f"/static/{name}.js?v={__version__}" for name in _SCRIPTS),
        ],
    }


def drawn_outline(polygon: str) -> dict[str, Any] | None:
    """The drawn outline; None where nothing was drawn. BadInput for what is no GeoJSON."""
    if not polygon.strip():
        return None
    try:
        found = json.loads(polygon)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInput("范围不是有效的多边形", remedy="请在地图上重新画出范围", field="polygon")
    return found
