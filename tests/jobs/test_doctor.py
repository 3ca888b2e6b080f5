"""The doctor on real databases: well, and with one thing broken at a time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

import jobs.doctor
from jobs.doctor import Check, Report, check_assets, check_disk, compare_clocks, run_checks
from layers.database import owner_engine
from layers.health import rights_faults
from riskmap.settings import Settings

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """A folder with the one package its program names."""
    (tmp_path / "package.json").write_text('{"dependencies": {"@scope/leaflet": "1.9.4"}}')
    package = tmp_path / "node_modules/@scope/leaflet"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "1.9.4"}')
    return tmp_path / "node_modules"


@pytest.fixture
def owner(database: str) -> Iterator[Connection]:
    engine = owner_engine(database)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def examine(dsn: str, assets: Path) -> dict[str, Check]:
    report = run_checks(Settings(home=assets, database_url=dsn), assets)
    assert report.dsn == dsn
    return {check.name: check for check in report.checks}


def test_a_well_city(database: str, assets: Path) -> None:
    report = run_checks(Settings(home=assets, database_url=database), assets)
    document = json.loads(json.dumps(report.to_json()))
    assert document["healthy"] is True
    assert document["dsn"] == database
    assert [check["name"] for check in document["checks"]] == [
        "database", "clock", "postgis", "schema", "rights", "leakproof", "audit", "feeds", "readings", "zones", "channel log",
        "channel drop", "channel in_app",
        "web_role", "zone", "disk", "drop", "assets",
    ]  # fmt: skip
    assert {check["name"] for check in document["checks"] if check["ok"] == "red"} == set()
    assert all(check.remedy for check in report.checks if check.ok != "green")
    assert "沅江市" in next(check.message for check in report.checks if check.name == "schema")


@pytest.mark.parametrize(
    ("name", "harm", "light", "word"),
    [
        ("schema", "UPDATE alembic_version SET version_num = '0001'", "red", "0001"),
        ("schema", "DELETE FROM city", "red", "初始化"),
        ("rights", "DROP POLICY township ON source", "red", "source 没有针对 riskmap_township 的策略"),
        ("rights", "ALTER TABLE danger DISABLE ROW LEVEL SECURITY", "red", "可读 danger"),
        ("rights", "GRANT UPDATE ON score TO riskmap_grid", "red", "riskmap_grid 可写 score"),
        ("rights", "CREATE VIEW v AS TABLE source; GRANT SELECT ON v TO riskmap_web", "red", "可读 v"),
        ("rights", "CREATE POLICY p ON city TO riskmap_web USING (true)", "red", "没有登录身份也能看到 city"),
        ("rights", "CREATE TABLE t (a int); GRANT SELECT ON t TO PUBLIC", "red", "可读 t"),
        ("leakproof", "ALTER FUNCTION geometry_overlaps(geometry, geometry) NOT LEAKPROOF", "yellow", "空间索引"),
        ("audit", "UPDATE revision SET actor = 'nobody'", "red", "封印不符"),
        ("database", "DROP FUNCTION broken_revisions()", "red", "broken_revisions"),
        ("postgis", "DROP SCHEMA public CASCADE; CREATE SCHEMA public", "red", "没有启用 PostGIS"),
    ],
)  # fmt: skip
def test_one_thing_broken(database: str, assets: Path, name: str, harm: str, light: str, word: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(harm.encode())
    checks = examine(database, assets)
    assert checks[name].ok == light
    assert word in checks[name].message
    assert checks[name].remedy
    others = {check.name for check in checks.values() if check.ok == "red"} - {name}
    assert not others, "one fault is told once"


def test_roles_above_the_policies(owner: Connection) -> None:
    # roles belong to the whole server: what is done to them here is never committed
    assert rights_faults(owner) == []
    owner.execute(text("ALTER ROLE riskmap_web BYPASSRLS"))
    faults = rights_faults(owner)
    assert faults[0] == "角色 riskmap_web 不受行级权限约束"
    assert any("没有登录身份也能看到 city 的行" in fault for fault in faults)
    owner.rollback()
    owner.execute(text("ALTER ROLE riskmap_grid RENAME TO riskmap_gone"))
    assert rights_faults(owner) == ["缺少角色 riskmap_grid"]
    owner.rollback()


def test_database_not_set_up(bare_database: str, assets: Path) -> None:
    with psycopg.connect(bare_database) as connection:
        connection.execute("CREATE EXTENSION postgis")
    checks = examine(bare_database, assets)
    assert checks["postgis"].ok == "green"
    assert checks["schema"].ok == "red"
    assert checks["schema"].remedy == "请运行 riskmap init"
    assert "rights" not in checks


@pytest.mark.parametrize("url", ["postgresql://someone:secret@/city?host=/nowhere", "no url at all"])
def test_database_away(url: str, assets: Path) -> None:
    report = run_checks(Settings(home=assets, database_url=url), assets)
    assert not report.healthy
    lights = {check.name: check.ok for check in report.checks}
    assert lights == {"database": "red", "zone": "green", "disk": "green", "drop": "green", "assets": "green"}
    assert not any("secret" in check.message for check in report.checks)


@pytest.mark.parametrize("sign", [1, -1])
def test_clocks(sign: int) -> None:
    assert compare_clocks(NOON + sign * timedelta(seconds=4.999), NOON).ok == "green"
    assert compare_clocks(NOON + sign * timedelta(seconds=5), NOON).ok == "red"
    assert "7200 秒" in compare_clocks(NOON + sign * timedelta(hours=2), NOON).message


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "not" / "yet"
    monkeypatch.setattr(jobs.doctor, "DISK_RED_BYTES", 0)
    monkeypatch.setattr(jobs.doctor, "DISK_YELLOW_BYTES", 0)
    assert check_disk(home).ok == "green"
    assert check_disk(home).message.startswith(f"{tmp_path} 剩余 ")
    monkeypatch.setattr(jobs.doctor, "DISK_YELLOW_BYTES", 1 << 62)
    assert check_disk(home).ok == "yellow"
    monkeypatch.setattr(jobs.doctor, "DISK_RED_BYTES", 1 << 62)
    assert check_disk(home).ok == "red"


def test_assets(assets: Path) -> None:
    assert check_assets(assets).ok == "green"
    stated = assets / "@scope/leaflet/package.json"
    stated.write_text('{"version": "1.9.3"}')
    assert check_assets(assets).message == "地图资源：@scope/leaflet 为 1.9.3，应为 1.9.4"
    stated.unlink()
    assert check_assets(assets).message == "地图资源：@scope/leaflet 未安装"
    assert check_assets(assets).remedy == "请运行 make setup"
    (assets.parent / "package.json").unlink()
    assert check_assets(assets).ok == "red"


def test_yellow_is_healthy_red_is_not() -> None:
    yellow, red = Check("a", "yellow", "", ""), Check("b", "red", "", "")
    assert Report([yellow]).healthy
    assert not Report([yellow, red]).healthy
