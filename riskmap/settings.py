"""The settings of one process and of one city: created once in main and passed on, never read at import."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from riskmap.channel_settings import channel_settings
from riskmap.errors import BadInput

_FEWEST_READINGS_DAYS = 31
"""back-tests of rules look back a month, by every reading"""


def _default_home() -> Path:
    """`$XDG_DATA_HOME/riskmap`, for root `/var/lib/riskmap` (its parents let the database's user pass)."""
    if os.geteuid() == 0:
        return Path("/var/lib/riskmap")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "riskmap"


class Settings(BaseSettings):
    """Settings of this process, from `RISKMAP_*`. Every field has a default that works with no network."""

    model_config = SettingsConfigDict(env_prefix="RISKMAP_", frozen=True, extra="ignore")

    database_url: str | None = Field(None, description="any PostgreSQL with PostGIS; none: a private cluster")
    home: Path = Field(default_factory=_default_home, description="this city's data folder")
    city: Path | None = Field(None, description="a city.toml, read at init; none: the demo city")
    secret: str | None = Field(None, description="signs tokens and forms; none: made once and kept in home")
    host: str = Field("127.0.0.1", description="address the web server listens on")
    port: int = Field(8000, ge=1, le=65535, description="port the web server listens on")
    demo_feed: bool = Field(
        True, description="the worker sends made-up readings in a demo city; no: it does not"
    )
    readings_days: int = Field(
        400, ge=0, description="days that all readings of sensors are kept for, at least 31; 0: for ever"
    )
    dask: str | None = Field(None, description="address of a Dask scheduler; none: this machine")

    @field_validator("readings_days")
    @classmethod
    def _a_month_at_least(cls, days: int) -> int:
        if 0 < days < _FEWEST_READINGS_DAYS:
            raise ValueError(f"0, or at least {_FEWEST_READINGS_DAYS}")
        return days


class SitingSettings(BaseModel):
    """What a city says of siting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_list: bool = Field(
        False, description="everybody reads the public list of opinions, signed in or not"
    )


class AlertSettings(BaseModel):
    """What a city says of warnings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_list: bool = Field(
        False, description="everybody reads the approved warnings to the public, signed in or not"
    )


class City(BaseModel):
    """The city this database belongs to: section by section what `city.toml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^[0-9A-Za-z]{2,12}$")
    name: str = Field(min_length=1, max_length=100)
    name_en: str = ""
    metric_crs: str = Field("EPSG:4547", pattern=r"^EPSG:[0-9]{4,6}$")
    edition: str = "2026-1"
    languages: tuple[str, ...] = ("zh", "en")
    public_url: str = Field("", pattern=r"^(https?://[A-Za-z0-9.:\[\]-]{1,253}(/[A-Za-z0-9._~/-]*)?)?$")
    distances: dict[str, float] = {}
    channels: dict[str, dict[str, Any]] = {}
    watchdog: dict[str, str] = {}
    siting: SitingSettings = SitingSettings()
    alerts: AlertSettings = AlertSettings()

    @property
    def metric_srid(self) -> int:
        """The EPSG number of the metric reference system."""
        return int(self.metric_crs.removeprefix("EPSG:"))


def geo_folder() -> Path:
    """The folder of the geographic data that is shipped with the program."""
    return Path(__file__).resolve().parents[1] / "data" / "geo"


def load_city(path: Path | None = None) -> City:
    """The city of a `city.toml`; without a path the demo city 沅江市.

    Raises BadInput, naming file and field, where the file is absent, no TOML or has a wrong field or channel.
    """
    path = path or geo_folder() / "city.toml"
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadInput(f"找不到城市文件 {path}", remedy="请检查 RISKMAP_CITY 指向的路径") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path.name} 不是有效的 TOML：{error}", remedy="请按 data/geo/city.toml 的格式修改"
        ) from None
    fields = {**content.get("city", {}), **{k: v for k, v in content.items() if k != "city"}}
    languages = fields.pop("languages", None)
    if languages:
        fields["languages"] = tuple(languages.get("use", ())) if isinstance(languages, dict) else languages
    try:
        city = City(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{path.name} 的字段 {field}：{first['msg']}", remedy="请改正该字段后重试") from None
    channel_settings(city.channels, path.name)
    strange = sorted(set(city.watchdog) - set(city.channels))
    if strange:
        remedy = '请写成 [watchdog] 渠道名 = "地址"，渠道须在 [channels.*] 中'
        raise BadInput(f"{path.name} 的字段 watchdog.{strange[0]}：没有这个渠道", remedy=remedy)
    return city
