"""What if it happens here: `POST /api/v1/incidents/what-if`, and the page that asks it and shows the answer."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from jobs.incident import substance_names, what_if
from jobs.incident_asked import Asked
from layers.records import fetch
from layers.tiles import extent
from riskmap import __version__
from riskmap.consequence_tables import SKIES, STABILITIES, TERRAINS
from riskmap.errors import BadInput, RiskMapError
from riskmap.incident import COMPASS, EVENTS
from web import assets
from web.api import ERRORS, Record
from web.deps import Lang, Reader, SignedIn
from web.map import ANYWHERE
from web.render import Page, SignedPage
from web.texts import texts

router = APIRouter()
_api = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], responses=ERRORS)

_FIELDS = (
    *("source", "lon", "lat", "substance", "hazard_class", "quantity_t", "event"),
    *("wind_from", "wind_m_s", "sky", "stability", "terrain", "time"),
)
_SCRIPTS = ("symbols", "rules", "dom", "ground", "search", "incident")
_WORD_GROUPS = [
    "incident",
    "map",
    "area_level",
    "source_kind",
    "target_class",
    "resource_kind",
    "layer",
    "level_short",
]
_LONGEST = 200
_CALLED_NOW = 4
_FIRST_ROWS = 12
"""of a list, before somebody asks for all"""
_MOST_GRIDS = 200

_Code = Annotated[str | None, Field(max_length=64)]
_Name = Annotated[str | None, Field(max_length=200)]


class WindGiven(BaseModel):
    """A wind: where it comes from and how fast; the stability, else the sky it follows from, else the hour."""

    model_config = ConfigDict(extra="forbid")
    from_deg: float | Annotated[str, Field(max_length=3)] = Field(
        description="来向 0–360，0 为北；或 N、NNE 等"
    )
    speed_m_s: float = Field(description="10 米高处风速，米/秒", ge=0, le=60, allow_inf_nan=False)
    stability: Literal["A", "B", "C", "D", "E", "F"] | None = Field(None, description="Pasquill 稳定度")
    sky: Literal["day_strong", "day_moderate", "day_slight", "night_overcast", "night_clear"] | None = None


class Imagined(BaseModel):
    """An imagined accident: a position (CGCS2000) or a source; a substance and its amount, else what the source holds."""

    model_config = ConfigDict(extra="forbid")
    lon: float | None = Field(None, description="经度", ge=-180, le=180, allow_inf_nan=False)
    lat: float | None = Field(None, description="纬度", ge=-90, le=90, allow_inf_nan=False)
    source: _Code = Field(None, description="危险源编码")
    substance: _Name = Field(None, description="物质名称，也可以是 CAS 号")
    cas: _Name = Field(None, description="CAS 号")
    hazard_class: _Name = Field(None, description="危险性类别符号，如 W5.3")
    quantity_t: Decimal | None = Field(None, description="数量，吨；不写则取危险源的存量", gt=0, le=1_000_000)
    event: Literal["vce", "fireball", "pool_fire", "explosives", "toxic"] | None = Field(
        None, description="事故类型；不写则为该物质可能发生的全部"
    )
    wind: WindGiven | None = None
    terrain: Literal["rural", "urban"] | None = None
    time: _Code = Field(None, description="时刻，ISO 8601；不写则为现在")

    def asked(self) -> Asked:
        """The same as the job takes it; an empty text is none."""
        wind = self.wind
        return Asked(
            lon=self.lon,
            lat=self.lat,
            source=self.source or None,
            substance=self.substance or None,
            cas=self.cas or None,
            hazard_class=self.hazard_class or None,
            quantity_t=self.quantity_t,
            event=self.event,
            wind_from=wind.from_deg if wind else None,
            wind_m_s=wind.speed_m_s if wind else None,
            stability=wind.stability if wind else None,
            sky=wind.sky if wind else None,
            terrain=self.terrain,
            time=self.time or None,
        )


@_api.post("/what-if")
def imagined(reader: Reader, identity: SignedIn, lang: Lang, scenario: Imagined) -> Record:
    """How far an accident would reach, who is there at that hour, what stands near and whom to call. Writes nothing.

    `rings` are circles, a plume's `footprint` or zones of an approved `study`, with people and targets in each; where a
    method does not hold `radius_m` is null and `why` says so. People, targets, resources and persons are those that the
    asker may see (`complete`). All of it is screening.
    """
    return what_if(reader, identity, scenario.asked(), lang=lang)


router.include_router(_api)


@router.get("/incident", include_in_schema=False)
def incident_page(page: SignedPage, reader: Reader) -> HTMLResponse:
    """The scenario as a form, and the answer to what its address says; what is wrong is told at the form."""
    given = {name: page.request.query_params.get(name, "").strip()[:_LONGEST] for name in _FIELDS}
    answer, problem = None, None
    if any(given.values()):
        try:
            answer = what_if(reader, page.session.identity, _asked(given), lang=page.lang)
        except RiskMapError as error:
            if error.status >= 500:
                raise
            problem = error
    source = fetch(page.connection, "source", given["source"]).items if given["source"] else []
    return page.show(
        "incident.html",
        status_code=problem.status if problem else 200,
        given=given,
        source_name=source[0]["name"] if source else "",
        answer=answer,
        problem=problem,
        **(_told(page, answer) if answer else {}),
        config=_config(page, answer, source, _position(given)),
        events=EVENTS,
        compass=COMPASS,
        skies=SKIES,
        stabilities=STABILITIES,
        terrains=TERRAINS,
        substances=substance_names(page.connection, page.lang),
        styles=[
            *(assets.address(name) for name in ("leaflet_css", "awesome_markers_font_css")),
            *(f"/static/{name}.css?v={__version__}" for name in ("search", "incident")),
        ],
        scripts=[
            *(assets.address(name) for name in ("leaflet", "protomaps")),
            *(f"/static/{name}.js?v={__version__}" for name in _SCRIPTS),
        ],
    )


def _asked(given: dict[str, str]) -> Asked:
    """The scenario of a form's fields. BadInput for a number that is none."""
    words = ("source", "substance", "hazard_class", "event", "stability", "sky", "terrain", "time")
    quantity = _number(given, "quantity_t", "数量")
    return Asked(
        lon=_number(given, "lon", "经度"),
        lat=_number(given, "lat", "纬度"),
        quantity_t=None if quantity is None else Decimal(str(quantity)),
        wind_from=given["wind_from"] or None,
        wind_m_s=_number(given, "wind_m_s", "风速"),
        **{name: given[name] or None for name in words},
    )


def _position(given: dict[str, str]) -> Record | None:
    """The position that was given, where the map can show it; None else."""
    try:
        lon, lat = _number(given, "lon", ""), _number(given, "lat", "")
    except BadInput:
        return None
    there = lon is not None and lat is not None and abs(lon) <= 180 and abs(lat) <= 85
    return {"lon": lon, "lat": lat} if there else None


def _number(given: dict[str, str], name: str, called: str) -> float | None:
    try:
        number = float(given[name]) if given[name] else None
    except ValueError:
        number = float("nan")
    if number is not None and not abs(number) < float("inf"):
        raise BadInput(f"{called}“{given[name]}”不是数", remedy="请填写数字，如 2.5")
    return number


def _told(page: Page, answer: Record) -> Record:
    """What the page says beside the answer itself: numbers of the rings, amounts, the first to call."""
    drawn = [one for one in answer["rings"] if one["geometry"]]
    wind = answer["scenario"]["wind"]
    told = page.text("incident.wind_unknown")
    if wind:
        direction = page.word("compass", COMPASS[round(wind["from_deg"] / 360 * len(COMPASS)) % len(COMPASS)])
        told = page.text(
            "incident.wind_told",
            direction=direction,
            speed=f"{wind['speed_m_s']:g}",
            stability=wind["stability"],
        )
    amounts = {(one["substance"], f"{one['quantity_t']:,g}") for one in answer["rings"] if one["quantity_t"]}
    return {
        "numbers": {one["name"]: {"n": n, "event": one["event"]} for n, one in enumerate(drawn, start=1)},
        "amounts": sorted(amounts),
        "wind_told": told,
        "at_least": any(one["reason"] == "above_range" for one in drawn),
        "station": next((one for one in answer["resources"] if one["kind"] == "fire_station"), None),
        "now": [one for one in answer["calls"] if one["phone"]][:_CALLED_NOW],
        "first": _FIRST_ROWS,
        "most_grids": _MOST_GRIDS,
        "ring_notes": list(dict.fromkeys(note for one in answer["rings"] for note in one["notes"])),
    }


def _config(page: Page, answer: Record | None, source: list[Record], given: Record | None) -> Record:
    """What the scripts are told: where the map opens, the words, and what is drawn."""
    west, south, east, north = extent(page.connection, page.session.identity.area_code) or ANYWHERE
    groups = tuple(f"{group}." for group in _WORD_GROUPS)
    at = answer["scenario"] if answer else given or (source[0] if source else None)
    hour = f"people_{answer['scenario']['hour']}" if answer else ""
    rings = [one for one in answer["rings"] if one["geometry"]] if answer else []
    return {
        "bounds": [[south, west], [north, east]],
        "place": [at["lat"], at["lon"]] if at else None,
        "compass": COMPASS,
        "rings": [
            {name: one[name] for name in ("event", "shape", "geometry")}
            | {"n": n, "certain": one["radius_m"] is not None or one["shape"] == "study"}
            for n, one in enumerate(rings, start=1)
        ],
        "targets": [
            {name: one[name] for name in ("name", "lat", "lon", "distance_m")}
            | {"inside": bool(one["inside"]), "people": one[hour] or 0}
            for one in (answer["targets"] if answer else ())
        ],
        "resources": [
            {name: one[name] for name in ("name", "lat", "lon", "distance_m")}
            for one in (answer["resources"] if answer else ())
        ],
        "texts": {key: text for key, text in texts(page.lang).items() if key.startswith(groups)},
    }
