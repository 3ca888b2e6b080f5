"""The doctor: is everything there that the program needs, and what to do where it is not. It changes no data."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from jobs.channels import Surroundings, check_settings
from jobs.demo_feed import Feeds, feeds
from jobs.drop import REPORT_SUFFIX, Drop
from jobs.zones import zones_late
from layers.audit import head_hash, verify
from layers.channel_view import ChannelState, channel_states
from layers.checks import tidy_value
from layers.city import stored_city
from layers.cluster import database
from layers.database import host_of, owner_engine, reader_engine, snapshot
from layers.health import clock, overlaps_leakproof, rights_faults, session, versions
from layers.history import CLOCK
from layers.retention import Room, room_of_events
from layers.versions import database_version, newest_version
from layers.zone_state import last_zone_run, waiting_since
from riskmap.errors import RiskMapError
from riskmap.sending import kinds_of
from riskmap.settings import City, Settings

CLOCK_SKEW = timedelta(seconds=5)
DISK_RED_BYTES = 500 << 20
"""Less leaves no room for the log of one full run."""
DISK_YELLOW_BYTES = 2 << 30
"""The server's own log may grow to this (max_wal_size)."""

ASSETS = Path(__file__).resolve().parents[1] / "node_modules"

Light = Literal["green", "yellow", "red"]
_MARKS: dict[Light, str] = {"green": "✓", "yellow": "!", "red": "✗"}


@dataclass(frozen=True, slots=True)
class Check:
    """One line: green works, yellow works with a loss, red does not work; red and yellow say what to do."""

    name: str
    ok: Light
    message: str
    remedy: str = ""

    @property
    def mark(self) -> str:
        """The sign before the line."""
        return _MARKS[self.ok]


@dataclass(frozen=True, slots=True)
class Report:
    """All checks, and the URL of the database they were made on (None: there was none to reach)."""

    checks: list[Check] = field(default_factory=list)
    dsn: str | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing is red."""
        return all(check.ok != "red" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The document of `doctor --json`."""
        return {"healthy": self.healthy, "dsn": self.dsn, "checks": [asdict(check) for check in self.checks]}


def run_checks(settings: Settings, assets: Path = ASSETS) -> Report:
    """Check the database of these settings and the machine; `assets` is the folder of the front-end packages.

    Raises nothing for what is wrong with them: it is in the report.
    """
    checks: list[Check] = []
    dsn = None
    try:
        with database(settings) as dsn:
            for check in _database_checks(dsn, settings):
                checks.append(check)  # noqa: PERF402 - what was found before a failure stays in the report
    except RiskMapError as error:
        checks.append(Check("database", "red", error.detail, error.remedy))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        checks.append(Check("database", "red", f"数据库拒绝检查：{reason}", "请运行 riskmap migrate 后再查"))
    home = [check_disk(settings.home), check_drop(settings.home)]
    return Report([*checks, check_zone(), *home, check_assets(assets)], dsn)


def _database_checks(dsn: str, settings: Settings) -> Iterator[Check]:
    with _disposed(owner_engine(dsn)) as owner, snapshot(owner) as connection:
        postgres, postgis = versions(connection)
        yield Check("database", "green", f"PostgreSQL {postgres}，{unquote(host_of(dsn))}")
        yield check_clock(connection)
        if postgis is None:
            yield Check(
                "postgis", "red", "数据库没有启用 PostGIS", "请安装 postgresql-postgis，再运行 riskmap init"
            )
            return
        yield Check("postgis", "green", f"PostGIS {postgis}")
        schema = check_schema(connection)
        yield schema
        if schema.ok == "red":
            return
        yield check_rights(connection)
        yield check_leakproof(connection)
        yield check_audit(connection)
        yield check_feeds(feeds(connection, datetime.now(UTC), wanted=settings.demo_feed))
        yield check_readings(room_of_events(connection), settings.readings_days)
        yield check_zones(connection)
        city = stored_city(connection)
        yield from check_channels(city, Surroundings(settings.home))
        yield from check_sending(channel_states(connection, list(kinds_of(city.channels)), datetime.now(UTC)))
    with _disposed(reader_engine(dsn, private=settings.database_url is None)) as reader:
        yield check_web_role(reader)


@contextmanager
def _disposed(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


def check_clock(connection: Connection) -> Check:
    """The database's clock beside this machine's: warnings are timed by both."""
    before = datetime.now(UTC)
    there = clock(connection)
    here = before + (datetime.now(UTC) - before) / 2
    return compare_clocks(there, here)


def compare_clocks(there: datetime, here: datetime) -> Check:
    """The database's time beside this machine's, read at the same moment."""
    skew = abs(there - here)
    if skew >= CLOCK_SKEW:
        message = f"数据库时钟与本机相差 {skew.total_seconds():.0f} 秒"
        return Check("clock", "red", message, "请为两台机器启用网络校时（NTP）")
    return Check("clock", "green", "数据库时钟与本机一致")


def check_schema(connection: Connection) -> Check:
    """Whether the tables are those of this program, and whose city they hold."""
    there, wanted = database_version(connection), newest_version()
    if there is None:
        return Check("schema", "red", "数据库还没有建立", "请运行 riskmap init")
    if there != wanted:
        message = f"数据库结构为 {there}，程序需要 {wanted}"
        return Check("schema", "red", message, "请运行 riskmap migrate；若数据库较新，请更新程序")
    try:
        city = stored_city(connection)
    except RiskMapError as error:
        return Check("schema", "red", error.detail, error.remedy)
    return Check("schema", "green", f"{city.name}（{city.code}，{city.metric_crs}），结构 {there}")


def check_rights(connection: Connection) -> Check:
    """Whether every role is there and sees its rows only."""
    faults = rights_faults(connection)
    if faults:
        return Check("rights", "red", _some(faults), "请运行 riskmap migrate 重建角色和策略")
    return Check("rights", "green", "角色和行级权限齐全，没有登录身份看不到任何行")


def check_leakproof(connection: Connection) -> Check:
    """Whether a township's map query keeps the spatial index (measured: 4.6 ms against 58 ms)."""
    if overlaps_leakproof(connection):
        return Check("leakproof", "green", "乡镇查询使用空间索引")
    remedy = "请数据库管理员执行 ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF"
    return Check("leakproof", "yellow", "乡镇查询不能使用空间索引，地图会变慢", remedy)


def check_audit(connection: Connection) -> Check:
    """Whether all history is as it was written."""
    faults = verify(connection)
    if faults:
        remedy = "请保留现场，与异地备份中的封印核对，再从备份恢复"
        return Check("audit", "red", _some(faults), remedy)
    rev, seal = head_hash(connection)
    return Check("audit", "green", f"审计链完整，第 {rev} 号修订，封印 {seal[:16]}")


def check_feeds(found: Feeds) -> Check:
    """Whether the sensors report in time, and the demo feed goes on where there is one."""
    if found.demo == "stopped" and found.demo_newest:
        message = f"演示数据流停在 {found.demo_newest.astimezone(CLOCK):%Y-%m-%d %H:%M}"
        remedy = "请运行 riskmap work（make demo 会自动运行）；不需要时设置 RISKMAP_DEMO_FEED=0"
        return Check("feeds", "yellow", message, remedy)
    seen = found.pulse
    if not seen.sensors:
        return Check("feeds", "green", "未配置外部数据源")
    last = f"，最近一次 {seen.last.astimezone(CLOCK):%Y-%m-%d %H:%M}" if seen.last else ""
    if seen.live < seen.sensors:
        message = f"监测点：{seen.sensors} 个中有 {seen.sensors - seen.live} 个逾期未报{last}"
        return Check("feeds", "yellow", message, "请检查这些监测点的采集网关和上报程序")
    return Check("feeds", "green", f"监测点：{seen.sensors} 个均按时上报{last}")


def check_readings(room: Room, days: int) -> Check:
    """How much room the events take, and how long readings are kept."""
    since = f"，自 {room.oldest.astimezone(CLOCK):%Y-%m-%d} 起" if room.oldest else ""
    told = f"事件约 {room.rows:,} 条{since}，占 {room.bytes / (1 << 20):,.0f} MB"
    kept = f"读数全部保留 {days} 天，之后每个监测点每天留首末两条" if days else "读数永久保留"
    return Check("readings", "green", f"{told}；{kept}")


def check_zones(connection: Connection) -> Check:
    """Whether the joint-control zones follow the levels: where their job fails again and again they stand still."""
    if zones_late(connection, datetime.now(UTC)):
        since = waiting_since(connection)
        message = (
            f"联防联控片区没有随风险更新，自 {since.astimezone(CLOCK):%Y-%m-%d %H:%M} 起" if since else ""
        )
        remedy = "请运行 riskmap zones 查看原因；riskmap work 运行时会自动重试"
        return Check("zones", "yellow", message, remedy)
    last = last_zone_run(connection)
    told = f"：第 {last['run_id']} 次划定，{last['counts']['zones']} 个" if last else "还没有划定"
    return Check("zones", "green", f"联防联控片区{told}")


def check_channels(city: City, around: Surroundings) -> Iterator[Check]:
    """By which channels people are told: a line for each, without sending anything."""
    if not city.channels:
        yield Check("channels", "green", "未配置通知渠道，消息只在页面显示")
    for found in check_settings(city, around):
        told = f"通知渠道 {found.name}（{found.kind}）"
        if found.fault:
            yield Check(f"channel {found.name}", "red", f"{told}：{found.fault}", found.remedy)
        elif found.loss:
            yield Check(f"channel {found.name}", "yellow", f"{told}：{found.loss}", "请改正后再查")
        else:
            yield Check(f"channel {found.name}", "green", told)


def check_sending(states: list[ChannelState]) -> Iterator[Check]:
    """What became of the messages that were sent: a line for each channel that fails or lets messages wait."""
    for one in states:
        told = f"通知渠道 {one.name}：{one.queue.waiting} 条消息等待发送"
        if one.failing:
            message = f"{told}，连续失败 {one.health.failures} 次：{one.health.reason}"
            yield Check(f"sending {one.name}", "red", message, "请检查该渠道；网页“通知渠道”列出每次尝试")
        elif one.health.state == "doubtful":
            message = f"{told}，最近一次失败：{one.health.reason}"
            yield Check(f"sending {one.name}", "yellow", message, "会自动再试；请留意网页“通知渠道”")


def check_web_role(reader: Engine) -> Check:
    """Whether the pages' connection is bound by row rights, and stays so whatever it is made to run."""
    with reader.connect() as connection:
        who = session(connection)
    if who.acting_passes_policies:
        return Check(
            "web_role", "red", f"网页以 {who.acting} 身份读取，不受行级权限约束", "请运行 riskmap migrate"
        )
    if who.signed_in_passes_policies:
        message = f"网页以 {who.acting} 身份读取，但连接账户 {who.signed_in} 是超级用户"
        return Check("web_role", "yellow", message, "请让网页用普通账户连接数据库")
    return Check("web_role", "green", f"网页以 {who.acting} 身份读取，受行级权限约束")


def check_zone() -> Check:
    """Whether China's time zone is known here: every date of a record is one of it."""
    try:
        ZoneInfo("Asia/Shanghai")
    except ZoneInfoNotFoundError:
        return Check("zone", "red", "本机没有时区 Asia/Shanghai", "请安装 Python 包 tzdata")
    return Check("zone", "green", "时区 Asia/Shanghai")


def check_disk(home: Path) -> Check:
    """The room left where the home is, or will be."""
    there = next(path for path in (home, *home.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free
    message = f"{there} 剩余 {free / (1 << 30):.1f} GB"
    if free < DISK_YELLOW_BYTES:
        return Check(
            "disk", "red" if free < DISK_RED_BYTES else "yellow", message, "请清理磁盘或更换 RISKMAP_HOME"
        )
    return Check("disk", "green", message)


def check_drop(home: Path) -> Check:
    """Whether files lie in the drop that could not be imported."""
    drop = Drop.of(home)
    waiting, bad = len(drop.waiting()), drop.bad()
    if bad:
        message = f"文件投递：{len(bad)} 个文件未能导入，最近的是 {tidy_value(bad[-1].name)}"
        remedy = f"原因见 {bad[-1].parent} 中的 *{REPORT_SUFFIX}；改正后重新放入 drop/in，并移走原文件"
        return Check("drop", "yellow", message, remedy)
    return Check("drop", "green", f"文件投递：{waiting} 个待导入，没有失败的")


def check_assets(assets: Path) -> Check:
    """Whether the scripts and styles of the map are installed in the versions the program names."""
    remedy = "请运行 make setup"
    wanted = assets.parent / "package.json"
    if not wanted.is_file():
        return Check("assets", "red", f"找不到 {wanted}", remedy)
    faults = []
    for name, version in json.loads(wanted.read_text("utf-8"))["dependencies"].items():
        stated = assets / name / "package.json"
        if not stated.is_file():
            faults.append(f"{name} 未安装")
        elif (found := json.loads(stated.read_text("utf-8"))["version"]) != version:
            faults.append(f"{name} 为 {found}，应为 {version}")
    if faults:
        return Check("assets", "red", f"地图资源：{_some(faults)}", remedy)
    return Check("assets", "green", "地图资源齐全，不依赖外网")


def _some(faults: list[str]) -> str:
    """The first few of a list of faults, and how many there are."""
    more = f" 等 {len(faults)} 项" if len(faults) > 3 else ""
    return "；".join(faults[:3]) + more
