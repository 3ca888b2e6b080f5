"""One PostgreSQL server over one folder: made, started, watched and ended. Who shares it is `cluster.py`'s.

The folder `<home>/postgres` holds `<major>/` (the data), `socket/`, `server.log` and two lock files. The server
and every process it forks inherit the open, locked `server.lock`: as long as one of them lives the lock is held,
and the moment the last is gone it is free. That says more than a process id can: it survives reused ids, zombies
nobody waits for, and a second container that sees the same folder but not the same processes.
"""

import os
import shlex
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from layers.cluster_host import (
    Owner,
    account_name,
    arguments_of,
    find_binaries,
    parent_of,
    process_ids,
)
from riskmap.errors import Unavailable

SUPERUSER = "riskmap"
DATABASE = "riskmap"
PORT = 5432
"""Part of the socket's name only: the server listens on no network."""

SOCKET_PATH_BYTES = 107
"""sockaddr_un.sun_path holds 108 bytes with the closing zero."""

START_TIMEOUT_S = 300
"""After a crash a start first replays up to max_wal_size of log."""

_SMALL_SHARED_MEMORY_BYTES = 512 << 20

_CURES = {
    "No space left on device": "磁盘已满，请腾出空间后重试",
    "Disk quota exceeded": "磁盘配额已满，请腾出空间后重试",
    "Read-only file system": "文件系统只读，请改用可写的 RISKMAP_HOME",
    "ermission denied": "请把数据文件夹改回数据库账户所有、权限 0700",
    "Cannot allocate memory": "内存不足，请关闭其他程序后重试",
}


class Server:
    """The server over `folder`. `start` wants `server.lock` held by its caller; the rest may be asked any time."""

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        self.folder = folder
        self.lock_path = folder / "server.lock"
        self.log = folder / "server.log"
        self._options = options
        self._mark = sha256(os.fsencode(folder)).hexdigest()[:12]
        self._name = f"riskmap-{self._mark}"

    @property
    def data(self) -> Path | None:
        """The data folder, named by its major version; None where there is none yet."""
        versions = [path for path in self.folder.glob("[0-9]*") if path.name.isdigit()]
        return max(versions, key=lambda path: int(path.name), default=None)

    @property
    def owner(self) -> Owner:
        """The account the server runs as."""
        return Owner.of(self.data or self.folder)

    @property
    def socket_folder(self) -> Path:
        """The folder of the socket: beside the data, or a short one where that path would be too long.

        Never by TMPDIR or XDG_RUNTIME_DIR: every command of this home has to come to the same folder.
        """
        near = self.folder / "socket"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}")) < SOCKET_PATH_BYTES:
            return near
        return Path("/tmp") / f"riskmap-{self.owner.uid}-{self._mark}"  # noqa: S108 - made 0700, checked

    def pid(self) -> int | None:
        """The living postmaster's process id; a stale file, a zombie or a stranger with that id is None."""
        lines = self._pid_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        return pid if self._is_postmaster(pid) else None

    def ready(self) -> bool:
        """Whether the server lives and takes connections."""
        lines = self._pid_lines()
        return len(lines) > 7 and lines[7].strip() == "ready" and self.pid() is not None

    def _pid_lines(self) -> list[str]:
        if self.data is None:
            return []
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []
        except PermissionError as error:
            raise Unavailable(
                f"数据文件夹 {self.data} 不属于 {account_name(os.geteuid())}",
                remedy="请用建立它的账户运行，或换一个 RISKMAP_HOME",
            ) from error

    def _is_postmaster(self, pid: int) -> bool:
        arguments = arguments_of(pid)
        return arguments[1:3] == ["-D", str(self.data)] and Path(arguments[0]).name == "postgres"

    def signal_orphans(self, number: signal.Signals) -> None:
        """Signal what a killed postmaster left: processes with this cluster's name and another parent."""
        for pid in process_ids():
            title = arguments_of(pid)
            if not title or not title[0].startswith(f"postgres: {self._name}: "):
                continue
            if not self._is_postmaster(parent_of(pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def start(self, lock: int) -> None:
        """Make the data where there is none and start the server, which inherits `lock`.

        Raises Unavailable where the server refuses, with the reason and what to do; returns where it was killed
        while starting, which is told by `ready`. Data is never removed.
        """
        self._check_way()
        if self.data is None:
            self._make_data(find_binaries(), lock)
        data = self.data
        assert data is not None
        _check_version(data)
        # Whoever wrote it is gone, or the lock would not be ours. PostgreSQL would only look whether any process
        # has that id, and refuse because of a zombie or a stranger.
        (data / "postmaster.pid").unlink(missing_ok=True)
        self._make_socket_folder()
        settings = [part for key, value in self._settings().items() for part in ("-c", f"{key}={value}")]
        server = shlex.join(["-k", str(self.socket_folder), *settings])
        pg_ctl = find_binaries(major=int(data.name)) / "pg_ctl"
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        wait = ["-s", "-w", "-t", str(START_TIMEOUT_S)]
        try:
            process = self.owner.popen(
                [pg_ctl, "start", *wait, "-D", data, "-o", server], output=log, lock=lock
            )
        finally:
            os.close(log)
        with process:
            process.communicate()
        said = self.log.read_text(errors="replace")
        if process.returncode and _telling(said):
            raise self._failure(said, "数据库未能启动")

    def _make_data(self, binaries: Path, lock: int) -> None:
        """Make a complete data folder under another name, then rename it: half of one is never taken for one."""
        for rest in self.folder.glob(".data-*"):
            shutil.rmtree(rest)
        owner = self.owner
        draft = Path(tempfile.mkdtemp(prefix=".data-", dir=self.folder))
        os.chown(draft, owner.uid, owner.gid)
        kinds = ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-sync"]
        # Who may open the socket's folder is the superuser; nobody else reaches the server at all.
        rights = ["-U", SUPERUSER, "--auth-local=trust", "--auth-host=reject"]
        single: list[str | Path] = [
            binaries / "postgres",
            "--single",
            "-D",
            draft,
            "-c",
            "exit_on_error=true",
            "postgres",
        ]
        steps: list[tuple[list[str | Path], str]] = [
            ([binaries / "initdb", "-D", draft, *rights, *kinds], ""),
            (single, f"CREATE DATABASE {DATABASE}\n"),
        ]
        if self._options.get("fsync") != "off":
            steps.append(([binaries / "initdb", "--sync-only", "-D", draft], ""))
        for arguments, text in steps:
            code, said = owner.run(arguments, lock=lock, text=text)
            if code:
                shutil.rmtree(draft)
                raise self._failure(said, "未能建立数据库")
        draft.rename(self.folder / binaries.parent.name)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _check_way(self) -> None:
        """Raise Unavailable, naming the folder, where the server's account cannot come to its data."""
        if os.geteuid() != 0:
            return
        owner = self.owner

        def passes(folder: Path) -> bool:
            return owner.run(["/usr/bin/test", "-x", folder])[0] == 0

        if not passes(self.folder):
            closed = next(path for path in (*reversed(self.folder.parents), self.folder) if not passes(path))
            raise Unavailable(
                f"数据库账户 {account_name(owner.uid)} 进不了文件夹 {closed}",
                remedy=f"chmod o+x {shlex.quote(str(closed))}，或把 RISKMAP_HOME 设在别处，如 /var/lib/riskmap",
            )

    def _make_socket_folder(self) -> None:
        """An empty 0700 folder of the server's account; one of somebody else's is refused."""
        folder, owner = self.socket_folder, self.owner
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not self._owns(folder):
            raise Unavailable(f"{folder} 属于他人", remedy="请移走它，或把 RISKMAP_HOME 设为较短的路径")
        os.chown(folder, owner.uid, owner.gid)
        folder.chmod(0o700)
        for rest in folder.iterdir():
            rest.unlink()

    def _owns(self, folder: Path) -> bool:
        info = folder.lstat()
        return stat.S_ISDIR(info.st_mode) and info.st_uid in (self.owner.uid, os.geteuid())

    def remove_socket_folder(self) -> None:
        """After a stop: nothing stays outside the home."""
        folder = self.socket_folder
        if folder.parent != self.folder and os.path.lexists(folder) and self._owns(folder):
            folder.rmdir()

    def _settings(self) -> dict[str, str]:
        """What the server is started with; everything else is PostgreSQL's default, fsync and autovacuum too."""
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        shared = os.statvfs("/dev/shm")  # noqa: S108 - its size is asked, nothing is written
        small = shared.f_bavail * shared.f_frsize < _SMALL_SHARED_MEMORY_BYTES
        return {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "cluster_name": self._name,
            "timezone": "UTC",
            "log_timezone": "Asia/Shanghai",
            "datestyle": "ISO, MDY",
            "jit": "off",  # it dominates short spatial queries
            "shared_buffers": f"{min(max(memory_mb // 16, 128), 1024)}MB",
            "effective_cache_size": f"{max(memory_mb // 2, 256)}MB",
            "work_mem": "64MB",
            "maintenance_work_mem": "256MB",
            "max_wal_size": "2GB",
            "random_page_cost": "1.1",
            "log_checkpoints": "off",
            # A container's /dev/shm is often 64 MB, less than one parallel hash join takes.
            "dynamic_shared_memory_type": "mmap" if small else "posix",
            **self._options,
        }

    def _failure(self, said: str, what: str) -> Unavailable:
        reason = (_telling(said) or ["进程被终止"])[-1]
        cures = [cure for words, cure in _CURES.items() if words in said]
        return Unavailable(f"{what}：{reason}", remedy=cures[0] if cures else f"请看 {self.log}")


def _telling(said: str) -> list[str]:
    """The lines that name a reason; none where a program was killed. "The database system is …" is for clients."""
    lines = [line for line in said.splitlines() if "the database system is" not in line]
    return [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "rror:"))]


def _check_version(data: Path) -> None:
    stated = data / "PG_VERSION"
    version = stated.read_text().strip() if stated.exists() else ""
    if version != data.name:
        raise Unavailable(
            f"数据文件夹 {data} 的版本是 {version or '空'}，应为 {data.name}",
            remedy="请移走该文件夹，再从备份恢复：riskmap restore",
        )
