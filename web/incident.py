"""What if it happens here: `POST /api/v1/incidents/what-if`, and the page that asks it and shows the answer."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from jobs.incident import what_if
from jobs.incident_asked import Asked
from web.api import ERRORS, Record
from web.deps import Lang, Reader, SignedIn

router = APIRouter()
_api = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], responses=ERRORS)

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
