"""Where a private cluster can live, as whom, and what it says where it cannot."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from layers.cluster import Cluster, find_binaries
from riskmap.errors import Unavailable
from tests.clusters import REPOSITORY, keep, processes, rows


@pytest.fixture
def home(cluster_home: Path) -> Path:
    return cluster_home


def test_stale_pid_of_a_stranger(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.using():
        assert cluster.server.data is not None
        pid_file = cluster.server.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    # after a crash and a restart of the machine: the file is still there and somebody has the number
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    os.chown(pid_file, cluster.server.owner.uid, cluster.server.owner.gid)
    with cluster.using() as dsn:
        assert rows(dsn, "SELECT 1") == [(1,)]
        assert cluster.server.pid() != os.getpid()


def test_home_too_long_for_a_socket(home: Path) -> None:
    cluster = Cluster(home / ("long" * 25))
    with cluster.using() as dsn:
        folder = cluster.server.socket_folder
        assert rows(dsn, "SELECT 1") == [(1,)]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == cluster.server.owner.uid
    assert not folder.exists()
    folder.symlink_to(home)
    try:
        with pytest.raises(Unavailable, match="属于他人"), cluster.using():
            pass
    finally:
        folder.unlink()


def test_home_with_a_quoted_name(home: Path) -> None:
    with Cluster(home / "it's a & 50% «home»").using() as dsn:
        assert rows(dsn, "SELECT 1") == [(1,)]


AS_NOBODY = """
import json, os, pwd, sys
from pathlib import Path
import encodings.idna, psycopg
from layers.cluster import Cluster
from layers.cluster_host import arguments_of

if os.geteuid() == 0:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
os.umask(0o077)
cluster = Cluster(Path(sys.argv[1]))
with cluster.using() as dsn, psycopg.connect(dsn) as connection:
    count = connection.execute("SELECT count(*) FROM pg_database").fetchone()
    server = Path(f"/proc/{cluster.server.pid()}").stat().st_uid
    print(json.dumps({"me": os.getuid(), "server": server, "databases": count[0]}))
"""


def test_ordinary_user(home: Path) -> None:
    # Loads everything as the caller first: a Python below a closed folder is of no use to an ordinary user.
    home.parent.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(home)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said["me"] == said["server"] != 0
    assert said["databases"] == 4
    assert not processes(home)
    if os.geteuid() == 0:
        # and root afterwards runs the server as the owner of the data
        cluster = Cluster(home)
        with cluster.using() as dsn:
            assert cluster.server.owner.uid == said["me"]
            assert rows(dsn, "SELECT 1") == [(1,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_closed_parent_is_named(home: Path) -> None:
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Unavailable) as caught, Cluster(closed / "home").using():
        pass
    assert f"进不了文件夹 {closed}" in caught.value.detail
    assert f"chmod o+x {closed}" in caught.value.remedy


def test_postgis_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        find_binaries(tmp_path)
    assert caught.value.detail == "本机没有 PostGIS"
    assert caught.value.remedy == "sudo apt-get install -y postgresql-postgis"
    for version in ("14", "15", "16"):
        folder = tmp_path / "usr/lib/postgresql" / version / "bin"
        folder.mkdir(parents=True)
        for program in ("postgres", "initdb", "pg_ctl"):
            (folder / program).touch()
    with pytest.raises(Unavailable):  # servers, but none with PostGIS
        find_binaries(tmp_path)
    for version in ("14", "15"):
        extension = tmp_path / "usr/share/postgresql" / version / "extension"
        extension.mkdir(parents=True)
        (extension / "postgis.control").touch()
    assert find_binaries(tmp_path).parent.name == "15"
    assert find_binaries(tmp_path, 14).parent.name == "14"
    with pytest.raises(Unavailable, match="PostgreSQL 16"):
        find_binaries(tmp_path, 16)


@pytest.mark.parametrize(
    ("folder", "version", "reason"),
    [
        ("9", "9", "由 PostgreSQL 9 建立"),
        (find_binaries().parent.name, "9", "的版本是 9"),
        ("15", "", "的版本是 空"),
    ],
)
def test_data_of_another_version(home: Path, folder: str, version: str, reason: str) -> None:
    data = home / "postgres" / folder
    data.mkdir(parents=True)
    if version:
        (data / "PG_VERSION").write_text(f"{version}\n")
    (data / "precious").write_text("data")
    with pytest.raises(Unavailable, match=reason), Cluster(home).using():
        pass
    assert (data / "precious").read_text() == "data"


def test_failed_start_says_why_and_harms_nothing(home: Path) -> None:
    with Cluster(home).using() as dsn:
        keep(dsn, 2)
    with (
        pytest.raises(Unavailable, match="shared_buffers") as caught,
        Cluster(home, {"shared_buffers": "x"}).using(),
    ):
        pass
    assert "server.log" in caught.value.remedy
    assert not processes(home)
    with Cluster(home).using() as dsn:
        assert rows(dsn, "SELECT n FROM kept ORDER BY n") == [(1,), (2,)]


def test_full_disk_is_told(home: Path) -> None:
    said = 'FATAL:  could not write lock file "postmaster.pid": No space left on device'
    failure = Cluster(home).server._failure(said, "数据库未能启动")
    assert failure.detail == f"数据库未能启动：{said}"
    assert failure.remedy.startswith("磁盘已满")


def test_failed_first_start_leaves_no_half_data(home: Path) -> None:
    with pytest.raises(Unavailable), Cluster(home, {"shared_buffers": "x"}).using():
        pass
    with Cluster(home).using() as dsn:
        assert rows(dsn, "SELECT 1") == [(1,)]


def test_home_that_cannot_be_made(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(Unavailable, match="无法建立文件夹"), Cluster(home).using():
        pass
