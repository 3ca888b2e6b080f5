"""The private PostgreSQL cluster of one home: the commands of that home share it, the last one stops it.

Every command holds a shared lock on `<home>/postgres/users.lock` while it works. The first starts the server; the
one that can turn its shared lock into an exclusive one is the last and stops it. The kernel drops a killed
command's lock, so nothing has to be tidied: the next command adopts the server that was left and, being its
last user, stops it. The server runs in a session of its own: Ctrl-C in a terminal reaches the command only.

`using()` ends on every exception, KeyboardInterrupt and SystemExit too. SIGTERM by default ends Python without
unwinding, so a program that is to leave cleanly on it turns it into SystemExit first.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from layers.cluster_host import find_binaries, open_lock, try_lock
from layers.cluster_server import DATABASE, PORT, START_TIMEOUT_S, SUPERUSER, Server
from riskmap.errors import Unavailable
from riskmap.settings import Settings

__all__ = ["Cluster", "database", "find_binaries"]

STOP_TIMEOUT_S = 60
"""After it a fast stop becomes an immediate one: nothing outlives the last command, the log makes up for it."""

ORPHAN_TIMEOUT_S = 5
"""What a killed postmaster left gets this long to end by itself once asked, as PostgreSQL gives its own."""

MOST_STARTS = 3
"""A server killed while it starts is started again; one that dies every time is out of memory, most likely."""

PAUSE_S = 0.02


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The libpq URL of the database of these settings; a private cluster lives as long as it is used."""
    if settings.database_url:
        yield settings.database_url
        return
    with Cluster(settings.home).using() as dsn:
        yield dsn


class Cluster:
    """The cluster of one home. Instances, threads and processes of one home share one server.

    `options` are server settings beside ours, as on the command line of `postgres`.
    """

    def __init__(self, home: Path, options: Mapping[str, str] | None = None) -> None:
        self.server = Server(home.resolve() / "postgres", options or {})

    def dsn(self, user: str = SUPERUSER, database: str = DATABASE) -> str:
        """The libpq URL, `postgresql://…`; SQLAlchemy takes it as `postgresql+psycopg://…`."""
        socket = quote(str(self.server.socket_folder), safe="/")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={socket}&port={PORT}"

    @contextmanager
    def using(self) -> Iterator[str]:
        """Be a user of the cluster, started where it is not running; yields the superuser's URL.

        Raises Unavailable where it cannot be started, with the reason and what to do.
        """
        self._make_folder()
        users = open_lock(self.server.folder / "users.lock")
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self._await_ready()
                yield self.dsn()
            finally:
                self._leave(users)
        finally:
            os.close(users)

    def ensure(self) -> None:
        """Start the server again if it died; for long-running processes, within their `using()`.

        Any thread may call it. It is a short use of its own, so it can leave no server behind that nobody uses.
        """
        with self.using():
            pass

    def _make_folder(self) -> None:
        folder = self.server.folder
        # Other accounts may pass but not look: below lie the data and the socket, both 0700. An ordinary user's
        # server runs as that user, so there the home stays closed.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            for path in (*reversed(folder.parents), folder):
                if not path.exists():
                    path.mkdir(exist_ok=True)
                    path.chmod(mode if path in (folder, folder.parent) else 0o755)
        except OSError as error:
            raise Unavailable(
                f"无法建立文件夹 {error.filename}：{error.strerror}",
                remedy="请把 RISKMAP_HOME 设为可写的文件夹",
            ) from error

    def _await_ready(self) -> None:
        """Start the server, or wait for another command that is starting it or for a killed one's rest to end."""
        begun = time.monotonic()
        starts = 0
        while not self.server.ready():
            lock = try_lock(self.server.lock_path)
            if lock is not None:
                starts += 1
                if starts > MOST_STARTS:
                    os.close(lock)
                    raise Unavailable(
                        f"数据库 {MOST_STARTS} 次启动后随即被终止",
                        remedy=f"请检查内存是否充足，并看 {self.server.log}",
                    )
                try:
                    self.server.start(lock)
                finally:
                    os.close(lock)
                continue
            waited_s = time.monotonic() - begun
            if waited_s > START_TIMEOUT_S:
                raise Unavailable(
                    f"数据库 {START_TIMEOUT_S} 秒内没有就绪", remedy=f"请看 {self.server.log}，或稍后重试"
                )
            self._end_orphans(waited_s)
            time.sleep(PAUSE_S)

    def _end_orphans(self, waited_s: float) -> None:
        """After a killed postmaster its busy children would hold the shared memory until their query ends."""
        if self.server.pid() is None:
            self.server.signal_orphans(signal.SIGKILL if waited_s > ORPHAN_TIMEOUT_S else signal.SIGQUIT)

    def _leave(self, users: int) -> None:
        """Give the shared lock up; as the last user stop the server.

        Where two leave at once the kernel takes each one's shared lock before it looks for others', so one of them
        finds itself alone.
        """
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        self._stop()

    def _stop(self) -> None:
        """Stop whatever runs, a server still starting too, and return when the last process of it is gone."""
        begun = time.monotonic()
        sent: set[tuple[int, signal.Signals]] = set()
        while (lock := try_lock(self.server.lock_path)) is None:
            waited_s = time.monotonic() - begun
            pid = self.server.pid()
            number = signal.SIGINT if waited_s < STOP_TIMEOUT_S else signal.SIGQUIT
            if pid is None:
                self._end_orphans(waited_s)
            elif (pid, number) not in sent:
                os.kill(pid, number)
                sent.add((pid, number))
            if waited_s > 2 * STOP_TIMEOUT_S:
                raise Unavailable(f"数据库未能停止（进程 {pid}）", remedy=f"请看 {self.server.log}")
            time.sleep(PAUSE_S)
        self.server.remove_socket_folder()
        os.close(lock)
