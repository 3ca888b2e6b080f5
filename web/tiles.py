"""What the map asks while it is used: vector tiles, what lies under a click, what is nearest, names and codes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection, Engine
from starlette.responses import Response

from jobs.splits import Splits
from jobs.themes import matching_codes
from layers.history import Moment
from layers.search import MAPPED, identify, nearest, search
from layers.tiles import Tile, read_tile, tile_tag
from riskmap.errors import BadInput
from riskmap.themes import Theme
from web.deps import Owner, Past, Rows, SignedIn, Splitting, Themed

router = APIRouter(tags=["map"])

_VECTOR_TILE = "application/vnd.mapbox-vector-tile"
_FARTHEST_M = 50_000

Longitude = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, description="经度（CGCS2000）")]
Latitude = Annotated[float, Query(ge=-85, le=85, allow_inf_nan=False, description="纬度（CGCS2000）")]


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.mvt",
    response_class=Response,
    responses={200: {"content": {_VECTOR_TILE: {}}}, 304: {"description": "unchanged"}},
)
def tile(
    then: Past,
    request: Request,
    identity: SignedIn,
    owner: Owner,
    rows: Rows,
    splits: Splitting,
    theme: Themed,
    layer: str,
    z: int,
    x: int,
    y: int,
) -> Response:
    """A Mapbox vector tile of the rows the reader may see. The tag changes with the data and the reader's rights.

    Of a theme only the sources and enterprises that have a part in it; records of a past day as they stood then.
    """
    wanted = Tile(layer, z, x, y, _codes(owner, rows, splits, theme, layer, then), then)
    tag = f'W/"{tile_tag(rows, identity, wanted)}"'
    headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "Cookie, Authorization"}
    if tag in (one.strip() for one in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(read_tile(rows, wanted), media_type=_VECTOR_TILE, headers=headers)


@router.get("/identify")
def identified(
    then: Past,
    owner: Owner,
    rows: Rows,
    splits: Splitting,
    theme: Themed,
    lon: Longitude,
    lat: Latitude,
    z: Annotated[float, Query(ge=0, le=24, allow_inf_nan=False, description="地图级别")],
    layers: Annotated[str, Query(max_length=100, description="图层，逗号分隔")] = ",".join(MAPPED),
    scale: Annotated[
        str, Query(alias="map", pattern="^(rise|base)$", description="base 固有，rise 动态")
    ] = "base",
) -> dict[str, Any]:
    """The records within a finger's width of a position, by distance, and the areas and zones that hold it.

    With `as_of` records are those of that day; areas and zones are always told as they are now.
    """
    wanted = _layers(layers)
    drawn = {layer: _codes(owner, rows, splits, theme, layer, then) for layer in wanted}
    only = {layer: codes for layer, codes in drawn.items() if codes is not None}
    return identify(rows, lon, lat, z, wanted, scale=scale, codes=only, then=then)


@router.get("/nearest")
def near(
    then: Past,
    rows: Rows,
    lon: Longitude,
    lat: Latitude,
    layer: Annotated[str, Query(max_length=20)],
    max_m: Annotated[float, Query(gt=0, le=_FARTHEST_M)] = 10_000,
    limit: Annotated[int, Query(ge=1, le=100)] = 5,
) -> dict[str, Any]:
    """The records of one layer nearest to a position, with their distance in metres."""
    return {"items": nearest(rows, layer, lon, lat, max_m=max_m, limit=limit, then=then)}


@router.get("/search")
def found(
    rows: Rows,
    q: Annotated[str, Query(max_length=200, description="名称的一部分，或编码的开头")],
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
) -> dict[str, Any]:
    """Records and areas by name or code, the closest match first."""
    return search(rows, q, limit)


def _codes(
    owner: Engine, rows: Connection, splits: Splits, theme: Theme, layer: str, then: Moment | None
) -> tuple[str, ...] | None:
    """Which records of a layer a theme leaves on the map; None: all."""
    if not theme.narrow or layer not in ("source", "enterprise"):
        return None
    return matching_codes(owner, rows, splits, layer, theme, then)


def _layers(listed: str) -> list[str]:
    wanted = [name for name in listed.split(",") if name]
    for name in wanted:
        if name not in MAPPED:
            raise BadInput(f"没有图层“{name}”", remedy="可用：" + "、".join(MAPPED))
    return wanted
