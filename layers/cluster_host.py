"""What the cluster needs of the machine: PostgreSQL's programs, an account to run them, file locks, processes."""

import fcntl
import os
import pwd
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from riskmap.errors import Unavailable

ROOT = Path("/")


def find_binaries(root: Path = ROOT, major: int | None = None) -> Path:
    """The folder of the newest PostgreSQL that has PostGIS, or of the one with this major version.

    `root` is the root of the file system. Raises Unavailable, with the line that installs it.
    """
    found: dict[int, Path] = {}
    for folder in (root / "usr/lib/postgresql").glob("*/bin"):
        version = folder.parent.name
        control = root / "usr/share/postgresql" / version / "extension/postgis.control"
        programs = [folder / name for name in ("postgres", "initdb", "pg_ctl")]
        if version.isdigit() and control.is_file() and all(program.is_file() for program in programs):
            found[int(version)] = folder
    if major is None:
        if found:
            return found[max(found)]
        raise Unavailable("本机没有 PostGIS", remedy="sudo apt-get install -y postgresql-postgis")
    if major not in found:
        raise Unavailable(
            f"数据由 PostgreSQL {major} 建立，本机没有该版本及其 PostGIS",
            remedy=f"sudo apt-get install -y postgresql-{major}-postgis-3",
        )
    return found[major]


def account_name(uid: int) -> str:
    """The account's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@dataclass(frozen=True, slots=True)
class Owner:
    """The account the server runs as: the caller's, or another for root, which PostgreSQL refuses."""

    uid: int
    gid: int

    @classmethod
    def of(cls, folder: Path) -> "Owner":
        """The account for the data in `folder`: for root whoever owns it already, else postgres or nobody."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        with suppress(FileNotFoundError):
            info = folder.stat()
            if info.st_uid != 0:
                return cls(info.st_uid, info.st_gid)
        for name in ("postgres", "nobody"):
            with suppress(KeyError):
                account = pwd.getpwnam(name)
                return cls(account.pw_uid, account.pw_gid)
        raise Unavailable(
            "没有 postgres 或 nobody 账户", remedy="请以普通用户运行，或安装 postgresql-postgis"
        )

    def popen(
        self, arguments: Sequence[str | Path], *, output: int, lock: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program as this account, away from the caller's terminal, folder and environment.

        `output` takes what it says; it inherits `lock`.
        """
        root = os.geteuid() == 0
        return subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            # The caller's PG* variables and language may reach neither the server nor its messages.
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
            umask=0o077,
            user=self.uid if root else None,
            group=self.gid if root else None,
            extra_groups=[] if root else None,
        )

    def run(
        self, arguments: Sequence[str | Path], *, lock: int | None = None, text: str = ""
    ) -> tuple[int, str]:
        """Run a program to its end with `text` as its input; its exit code and what it said."""
        with self.popen(arguments, output=subprocess.PIPE, lock=lock) as process:
            output, _ = process.communicate(text.encode())
        return process.returncode, output.decode(errors="replace")


def open_lock(path: Path) -> int:
    """Open a lock file, made where missing; no child inherits it unless it is passed on."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"无法使用 {path}：{error.strerror}",
            remedy=f"请用建立它的账户运行，或把 RISKMAP_HOME 设为 {account_name(os.geteuid())} 可写的文件夹",
        ) from error


def try_lock(path: Path) -> int | None:
    """The file's exclusive lock as an open descriptor, or None where another holds it."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def process_ids() -> Iterator[int]:
    """The processes there are."""
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def arguments_of(pid: int) -> list[str]:
    """A process's command line, or its title where it set one; empty for one that is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def parent_of(pid: int) -> int:
    """A process's parent; 0 for one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
