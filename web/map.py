"""The map: Folium's page without one foreign address, with layers of vector tiles drawn by protomaps-leaflet."""

from typing import Annotated, Any

import folium
from branca.element import Figure, MacroElement
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from folium.elements import JSCSSMixin
from folium.template import Template

from layers.editions import edition_table
from layers.tiles import AREA_LEVELS, extent, holds_anything
from riskmap import __version__
from riskmap.vocabulary import LEVELS
from web import assets
from web.headers import nonce_of
from web.health import told_of
from web.render import Page, SignedPage
from web.texts import texts

router = APIRouter(include_in_schema=False)
router.include_router(assets.router)

SHOWN_AT_FIRST = ("area", "overlay", "source", "enterprise")
LAYERS = ("area", "overlay", "zone", "source", "enterprise", "target", "resource")
"""The switches of the legend."""
ANYWHERE = (73.0, 18.0, 135.0, 54.0)
"""West, south, east, north of a map that has nothing to show yet."""
_SCRIPTS = (
    *("symbols", "rules", "dom", "warnings", "live", "which", "search", "theme_scale", "themes", "past"),
    *("legend", "account", "consequences", "remedies", "panel", "map"),
)
_WORD_GROUPS = (
    "map alerts warning_level themes past remedies app account_group consequence list scale level level_short grade status"
    " area_level layer committee target_class source_kind resource_kind zone_link zone_responsible zones"
)
"""The words that the scripts use."""


class OfflineMap(folium.Map):
    """Folium's map with every script and style from this program."""

    default_js = assets.served(folium.Map.default_js)
    # Bootstrap's style is imported by map.css, in a layer below the house's own style instead of over it.
    default_css = assets.served(folium.Map.default_css, without={"bootstrap_css"})


def _ours(names: tuple[str, ...], kind: str, *before: str) -> list[tuple[str, str]]:
    """Files of `web/static`, after packages that they need."""
    own = [(f"{name}_{kind}", f"/static/{name}.{kind}?v={__version__}") for name in names]
    return [*((name, assets.address(name)) for name in before), *own]


class RiskLayers(JSCSSMixin, MacroElement):
    """Our layers, panel, search and legend as one Folium element; `config` is what the scripts are told."""

    default_js = _ours(_SCRIPTS, "js", "protomaps")
    default_css = _ours(("map", "search", "themes", "past"), "css")
    _template = Template(
        "{% macro script(this, kwargs) %}"
        "RiskMap.start({{ this._parent.get_name() }}, {{ this.config|tojson }});"
        "{% endmacro %}"
    )

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "RiskLayers"
        self.config = config


@router.get("/")
def map_page(
    page: SignedPage,
    show: str = "",
    which: Annotated[str, Query(alias="map", pattern="^(rise|base)?$")] = "",
) -> HTMLResponse:
    """The map, opened on the reader's own area; `show=source/CODE` opens with that record in the panel.

    `map=base` is 固有风险四色图, `map=rise` 动态态势图; without it the one looked at last, at first 动态态势图.
    """
    identity = page.session.identity
    west, south, east, north = extent(page.connection, identity.area_code) or ANYWHERE
    layer, _, code = show.partition("/")
    groups = tuple(f"{group}." for group in _WORD_GROUPS.split())
    told = told_of(page.status)
    config = {
        "map": which or None,
        "status": told,
        "bounds": [[south, west], [north, east]],
        "own": identity.area_code,
        "on": SHOWN_AT_FIRST,
        "area_levels": AREA_LEVELS,
        "show": {"layer": layer, "code": code} if code else None,
        "texts": {key: text for key, text in texts(page.lang).items() if key.startswith(groups)},
    }
    return page.show(
        "map.html",
        drawn=_folium_parts(config, nonce_of(page.request)),
        layers=LAYERS,
        edges=_rise_edges(page),
        levels=LEVELS,
        empty=not holds_anything(page.connection),
        of_city=identity.sees_city,
    )


def _rise_edges(page: Page) -> dict[str, str]:
    """Where yellow, orange and red begin on the scale of what has risen, by the edition of the run shown."""
    if page.status.edition is None:
        return {}
    edges = edition_table(page.connection, page.status.edition, "risk")["edges"]["rise"]
    return dict(zip(("yellow", "orange", "red"), map(str, edges), strict=True))


def _folium_parts(config: dict[str, Any], nonce: str) -> dict[str, str]:
    """Head, body and script of a Folium map; its inline elements carry the page's nonce."""
    (south, west), (north, east) = config["bounds"]
    drawn = OfflineMap(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        zoom_start=11,
        maxZoom=18,
        minZoom=5,
        zoom_control=False,
        attributionControl=False,
        prefer_canvas=True,
    )
    drawn.add_child(RiskLayers(config))
    figure = drawn.get_root()
    assert isinstance(figure, Figure)
    figure.render()
    head = figure.header.render()
    for tag in ("style", "script"):
        head = head.replace(f"<{tag}>", f'<{tag} nonce="{nonce}">')
    # a person who enlarges the panel's text with two fingers is not to be stopped
    head = head.replace(", maximum-scale=1.0, user-scalable=no", "")
    return {"head": head, "body": figure.html.render(), "script": figure.script.render()}
