"""One PostgreSQL server over one folder: made, started, watched and ended. Who shares it is `cluster.py`'s matter.

The folder `<home>/postgres` holds `<major>/` (the data), `socket/`, `server.log` and two lock files. The server and
every process it forks inherit the open, locked `server.lock`: as long as one of them lives the lock is held, and
the moment the last is gone it is free. That says more than a process id can: it survives reused ids, zombies nobody
waits for, and a second container that sees the same folder but not the same processes.
"""

import fcntl
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from riskmap.errors import Unavailable

SUPERUSER = "riskmap"
DATABASE = "riskmap"
PORT = 5432
"""Part of the socket's name only: no server of ours listens on TCP."""

SOCKET_PATH_BYTES = 107
"""sockaddr_un.sun_path holds 108 bytes with the closing zero."""

START_TIMEOUT_S = 300
"""A start after a crash replays up to max_wal_size of log first."""

SMALL_SHARED_MEMORY_BYTES = 512 << 20


def find_binaries(root: Path = Path("/"), major: int | None = None) -> Path:
    """The folder of the newest PostgreSQL with PostGIS, or of the one with this major version.

    `root` is the root of the file system. Raises Unavailable, with the line that installs it.
    """
    found: dict[int, Path] = {}
    for folder in (root / "usr/lib/postgresql").glob("*/bin"):
        version = folder.parent.name
        control = root / "usr/share/postgresql" / version / "extension/postgis.control"
        tools = (folder / name for name in ("postgres", "initdb", "pg_ctl"))
        if version.isdigit() and control.is_file() and all(tool.is_file() for tool in tools):
            found[int(version)] = folder
    if major is None and found:
        return found[max(found)]
    if major in found:
        return found[major]
    if major is None:
        raise Unavailable("本机没有 PostGIS", remedy="sudo apt-get install -y postgresql-postgis")
    raise Unavailable(
        f"数据由 PostgreSQL {major} 建立，本机没有该版本及其 PostGIS",
        remedy=f"sudo apt-get install -y postgresql-{major}-postgis-3",
    )


@dataclass(frozen=True, slots=True)
class Owner:
    """The account the server runs as: the caller's, or, because PostgreSQL refuses root, another for root."""

    uid: int
    gid: int

    @classmethod
    def of(cls, data: Path) -> "Owner":
        """The account for the server over `data`: for root whoever owns it already, else postgres or nobody."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        with suppress(FileNotFoundError):
            info = data.stat()
            if info.st_uid != 0:
                return cls(info.st_uid, info.st_gid)
        for name in ("postgres", "nobody"):
            with suppress(KeyError):
                account = pwd.getpwnam(name)
                return cls(account.pw_uid, account.pw_gid)
        raise Unavailable(
            "本机没有 postgres 或 nobody 账户", remedy="请以普通用户运行，或安装 postgresql-postgis"
        )

    @property
    def name(self) -> str:
        """The account's name, for messages."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def popen(
        self, arguments: Sequence[str | Path], *, output: int, lock: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program as this account, away from the caller's terminal, folder, environment and Ctrl-C."""
        # Nothing of the caller's PG* variables or language may reach the server or its messages.
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        files = () if lock is None else (lock,)
        if os.geteuid() != 0:
            return subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd="/",
                env=environment, start_new_session=True, pass_fds=files, umask=0o077,
            )  # fmt: skip
        return subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd="/",
            env=environment, start_new_session=True, pass_fds=files, umask=0o077,
            user=self.uid, group=self.gid, extra_groups=[],
        )  # fmt: skip

    def run(
        self, arguments: Sequence[str | Path], *, lock: int | None = None, text: str = ""
    ) -> tuple[int, str]:
        """Run a program to its end; its exit code and what it said."""
        with self.popen(arguments, output=subprocess.PIPE, lock=lock) as process:
            output, _ = process.communicate(text.encode())
        return process.returncode, output.decode(errors="replace")


def try_lock(path: Path) -> int | None:
    """The file's exclusive lock as an open descriptor, or None where another holds it."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def open_lock(path: Path) -> int:
    """Open, and make where missing, a lock file; no child inherits it unless it is passed on by name."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"无法使用 {path}：{error.strerror}",
            remedy=f"请用建立该文件夹的账户运行，或把 RISKMAP_HOME 设为 {account_name()} 可写的文件夹",
        ) from error


def account_name() -> str:
    """The name of the account this process runs as."""
    return Owner(os.geteuid(), os.getegid()).name


class Server:
    """The server over `folder`. All that changes something asks for `server.lock` to be held by the caller."""

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        self.folder = folder
        self.lock_path = folder / "server.lock"
        self.log = folder / "server.log"
        self._options = options
        self._mark = sha256(os.fsencode(folder)).hexdigest()[:12]
        self.name = f"riskmap-{self._mark}"

    @property
    def major(self) -> int | None:
        """The version of the data that is there, None where there is none yet."""
        return max((int(p.name) for p in self.folder.glob("[0-9]*") if p.name.isdigit()), default=None)

    @property
    def data(self) -> Path | None:
        """The data folder that is there, None where there is none yet."""
        return None if self.major is None else self.folder / str(self.major)

    @property
    def owner(self) -> Owner:
        """The account the server runs as."""
        return Owner.of(self.data or self.folder)

    @property
    def socket_folder(self) -> Path:
        """The folder of the socket: beside the data, or a short one under /tmp where that path is too long.

        Never by TMPDIR or XDG_RUNTIME_DIR: every command of this home has to come to the same folder.
        """
        near = self.folder / "socket"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}")) < SOCKET_PATH_BYTES:
            return near
        return Path("/tmp") / f"riskmap-{self.owner.uid}-{self._mark}"  # noqa: S108

    def pid(self) -> int | None:
        """The living postmaster's process id; a stale file, a zombie or a stranger with the id is None."""
        lines = self._pid_lines()
        if not lines or not lines[0].isdigit():
            return None
        return int(lines[0]) if self._is_postmaster(int(lines[0])) else None

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
                f"数据文件夹 {self.data} 不属于 {account_name()}",
                remedy="请用建立它的账户运行，或换一个 RISKMAP_HOME",
            ) from error

    def _is_postmaster(self, pid: int) -> bool:
        arguments = _arguments(pid)
        return len(arguments) > 2 and arguments[1:3] == ["-D", str(self.data)] and "postgres" in arguments[0]

    def signal_orphans(self, number: signal.Signals) -> None:
        """Signal what a killed postmaster left: processes with this cluster's name and another parent."""
        for pid in _process_ids():
            title = _arguments(pid)
            if (
                title
                and title[0].startswith(f"postgres: {self.name}: ")
                and not self._is_postmaster(_parent(pid))
            ):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def start(self, lock: int) -> None:
        """Make the data where there is none and start the server, which inherits `lock`.

        Raises Unavailable with the reason and what to do; data is never removed.
        """
        binaries = find_binaries(major=self.major)
        self._check_way(self.owner)
        if self.data is None:
            self._make_data(binaries, lock)
        data = self.data
        assert data is not None
        self._check_version(data)
        # Whoever wrote these is gone, or the lock would not be ours. PostgreSQL itself would only look whether
        # any process has the id, and refuse because of a zombie or a stranger.
        (data / "postmaster.pid").unlink(missing_ok=True)
        self._make_socket_folder()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        settings = [part for key, value in self._settings().items() for part in ("-c", f"{key}={value}")]
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            process = self.owner.popen(
                [binaries / "pg_ctl", "start", "-s", "-w", "-t", str(START_TIMEOUT_S), "-D", data]
                + ["-o", shlex.join(["-k", str(self.socket_folder), *settings])],
                output=log,
                lock=lock,
            )
        finally:
            os.close(log)
        with process:
            process.communicate()
        if process.returncode and not self.ready():
            raise self._failure(self.log.read_text(errors="replace"), "数据库未能启动")

    def _make_data(self, binaries: Path, lock: int) -> None:
        """Make a complete data folder under another name, then rename it: half of one is never taken for one."""
        major = int(binaries.parent.name)
        for rest in self.folder.glob(".data-*"):
            shutil.rmtree(rest)
        owner = self.owner
        draft = Path(tempfile.mkdtemp(prefix=".data-", dir=self.folder))
        os.chown(draft, owner.uid, owner.gid)
        kinds = [
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
        ]
        steps: list[tuple[list[str | Path], str]] = [
            ([binaries / "initdb", "-D", draft, "-U", SUPERUSER, "--no-sync", *kinds], ""),
            ([binaries / "postgres", "--single", "-D", draft, "-c", "exit_on_error=true", "postgres"],
             f"CREATE DATABASE {DATABASE}\n"),
        ]  # fmt: skip
        if self._options.get("fsync") != "off":
            steps.append(([binaries / "initdb", "--sync-only", "-D", draft], ""))
        for arguments, text in steps:
            code, said = owner.run(arguments, lock=lock, text=text)
            if code:
                shutil.rmtree(draft)
                raise self._failure(said, "未能建立数据库")
        draft.rename(self.folder / str(major))
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _check_version(self, data: Path) -> None:
        version = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "?"
        if version != data.name:
            raise Unavailable(
                f"数据文件夹 {data} 的版本是 {version}，应为 {data.name}",
                remedy="请移走该文件夹，从备份恢复：riskmap restore",
            )

    def _check_way(self, owner: Owner) -> None:
        """Raise Unavailable, naming the folder, where the server's account cannot come to its data."""

        def passes(folder: Path) -> bool:
            return owner.run(["/usr/bin/test", "-x", folder])[0] == 0

        if os.geteuid() == 0 and not passes(self.folder):
            closed = next(p for p in [*reversed(self.folder.parents), self.folder] if not passes(p))
            raise Unavailable(
                f"数据库账户 {owner.name} 进不了文件夹 {closed}",
                remedy=f"chmod o+x {shlex.quote(str(closed))}，或把 RISKMAP_HOME 设在别处，如 /var/lib/riskmap",
            )

    def _make_socket_folder(self) -> None:
        """An empty 0700 folder of the server's account, and no one else's that lies there already."""
        folder, owner = self.socket_folder, self.owner
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        info = folder.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid not in (owner.uid, os.geteuid()):
            raise Unavailable(f"{folder} 属于他人", remedy="请移走它，或把 RISKMAP_HOME 设为较短的路径")
        os.chown(folder, owner.uid, owner.gid)
        folder.chmod(0o700)
        for rest in folder.iterdir():
            rest.unlink()

    def _settings(self) -> dict[str, str]:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        shared = os.statvfs("/dev/shm")  # noqa: S108
        small = shared.f_bavail * shared.f_frsize < SMALL_SHARED_MEMORY_BYTES
        return {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "cluster_name": self.name,
            "timezone": "UTC",
            "log_timezone": "Asia/Shanghai",
            "datestyle": "ISO, YMD",
            "jit": "off",  # it dominates short spatial queries
            "shared_buffers": f"{min(max(memory_mb // 16, 128), 1024)}MB",
            "effective_cache_size": f"{max(memory_mb // 2, 256)}MB",
            "work_mem": "64MB",
            "maintenance_work_mem": "256MB",
            "max_wal_size": "2GB",
            "random_page_cost": "1.1",
            "log_checkpoints": "off",
            # A container's /dev/shm is often 64 MB, less than one parallel hash join of 64 MB work_mem takes.
            "dynamic_shared_memory_type": "mmap" if small else "posix",
            **self._options,
        }

    def _failure(self, said: str, what: str) -> Unavailable:
        lines = [line for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "rror:"))]
        reason = (telling or lines or ["没有留下说明"])[-1]
        remedy = f"请看 {self.log}"
        for words, cure in _CURES.items():
            if words in said:
                remedy = f"{cure}（{self.folder}）"
        return Unavailable(f"{what}：{reason}", remedy=remedy)


_CURES = {
    "No space left on device": "磁盘已满，请腾出空间后重试",
    "Disk quota exceeded": "磁盘配额已满，请腾出空间后重试",
    "Read-only file system": "文件系统只读，请改用可写的 RISKMAP_HOME",
    "ermission denied": "数据文件夹的权限不对，请改回数据库账户所有、0700",
    "Cannot allocate memory": "内存不足，请关闭其他程序后重试",
}


def _process_ids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _arguments(pid: int) -> list[str]:
    """A process's command line; empty for one that is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def _parent(pid: int) -> int:
    """A process's parent; 0 for one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
