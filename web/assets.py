"""Third-party scripts, styles and fonts: installed by npm, served by this program, asked of no other host.

Folium's classes name their files on other hosts. `served` rewrites such a list by name; a name that is not known here
is an error when the program starts, never a request to somebody else.
"""

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from jobs.doctor import ASSETS
from riskmap.errors import Unavailable

router = APIRouter()

_ADDRESS = "/vendor"
_AWESOME = "@fortawesome/fontawesome-free"
NAMED = {
    "leaflet": "leaflet/dist/leaflet.js",
    "leaflet_css": "leaflet/dist/leaflet.css",
    "jquery": "jquery/dist/jquery.min.js",
    "bootstrap": "bootstrap/dist/js/bootstrap.bundle.min.js",
    "bootstrap_css": "bootstrap/dist/css/bootstrap.min.css",
    "awesome_markers": "leaflet.awesome-markers/dist/leaflet.awesome-markers.min.js",
    "awesome_markers_css": "leaflet.awesome-markers/dist/leaflet.awesome-markers.css",
    "awesome_markers_font_css": f"{_AWESOME}/css/all.min.css",
    "protomaps": "protomaps-leaflet/dist/protomaps-leaflet.js",
}
"""Scripts and styles by the names that Folium's classes and ours give them."""
DROPPED = {"glyphicons_css", "awesome_rotate_css"}
"""Named by Folium and used by nothing here."""
_BESIDE = (
    *(f"leaflet/dist/images/{name}" for name in ("layers.png", "layers-2x.png", "marker-icon.png")),
    *(
        f"leaflet.awesome-markers/dist/images/markers-{name}.png"
        for name in ("soft", "soft@2x", "shadow", "shadow@2x")
    ),
    *(f"{_AWESOME}/webfonts/fa-{name}.woff2" for name in ("solid-900", "regular-400", "brands-400")),
    f"{_AWESOME}/webfonts/fa-v4compatibility.woff2",
)
"""What the styles above ask for."""
FILES = frozenset({*NAMED.values(), *_BESIDE})
"""Every file that is served; nothing else below the folder is."""


def address(name: str) -> str:
    """Where this program serves a named script or style. KeyError for a name it does not know."""
    return f"{_ADDRESS}/{NAMED[name]}"


def served(listed: Iterable[tuple[str, str]], without: Collection[str] = ()) -> list[tuple[str, str]]:
    """A Folium class's `default_js` or `default_css` with addresses of ours, `without` some names.

    Unavailable for a name that is not known here: it would have been asked of another host.
    """
    found = []
    for name, url in listed:
        if name in DROPPED or name in without:
            continue
        if name not in NAMED:
            raise Unavailable(
                f"Folium 需要未登记的资源 {name}（{url}）", remedy="请把它加入 package.json 和 web/assets.py"
            )
        found.append((name, address(name)))
    return found


class _Vendor(StaticFiles):
    """The listed files of the packages' folder, and no other."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        self.folder = folder

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file at an address below `/vendor`; none where it is not listed or not installed."""
        full = self.folder / path
        return (str(full), full.stat()) if path in FILES and full.is_file() else ("", None)


@router.get("/vendor/{path:path}", include_in_schema=False)
async def vendor(request: Request, path: str) -> Response:
    """One file of an installed package; unchanged ones are answered with 304."""
    folder = cast("Path | None", request.app.state.assets) or ASSETS
    scope: Scope = {**request.scope, "path": f"/{path}", "root_path": ""}
    response = await _Vendor(folder).get_response(path, scope)
    response.headers["cache-control"] = "public, no-cache"
    return response
