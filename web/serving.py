"""Long-running commands: the web server, the worker, and both together for the demo; they end clean on a signal."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import uvicorn

from jobs.channels import Surroundings
from jobs.delivering import Delivering
from jobs.demo import load_demo, start_of_demo, summary
from jobs.demo_zone_ledger import fill_zone_ledger
from jobs.drop import Drop
from jobs.risk import assess, is_stale
from jobs.setup import prepare_database
from jobs.users import demo_users
from jobs.work import Worker
from jobs.zones import is_stale as zones_stale
from jobs.zones import renew
from layers.cluster import Cluster, database
from layers.database import runner_alive, snapshot
from layers.history import CLOCK
from riskmap.errors import Refused, RiskMapError
from riskmap.settings import Settings, load_city
from web.app import create_app
from web.channels import open_channels
from web.console import progress, say
from web.opening import Opened, opened

_CHECK_S = 2.0
_LEAVE_S = 10


def run_server(settings: Settings) -> None:
    """Serve the pages until Ctrl-C or SIGTERM; the private database is kept alive meanwhile."""
    _refuse_taken_port(settings)
    with opened(settings) as city, _kept_alive(settings):
        _serve(city)


def run_worker(settings: Settings) -> None:
    """Run the scheduler until Ctrl-C or SIGTERM."""
    with opened(settings) as city:
        channels = open_channels(city.city, Surroundings(settings.home))
        worker = Worker(
            city.dsn,
            city.owner,
            _revival(settings),
            home=settings.home,
            drop=Drop.of(settings.home),
            delivering=Delivering(city.owner, city.city, channels),
            feeds_demo=settings.demo_feed,
            readings_days=settings.readings_days,
        )
        over = threading.Event()

        def work() -> None:
            try:
                worker.run()
            finally:
                over.set()

        threading.Thread(target=work, name="worker").start()
        try:
            # not join: a signal in the middle of it makes Python take the thread for ended (bpo-45274)
            while not over.wait(_CHECK_S):
                pass
        except (KeyboardInterrupt, SystemExit):
            return
        finally:
            worker.stop()
            over.wait(_LEAVE_S)


def run_demo(settings: Settings, *, seed: int, once: bool) -> None:
    """The demo city from an empty home to a served map; a second start keeps the data."""
    if not once:
        _refuse_taken_port(settings)
    with database(settings) as dsn:
        today = datetime.now(CLOCK).date()
        prepare_database(dsn, load_city(settings.city), start_of_demo(today))
        with opened(settings) as city, progress() as bar, _kernels_beside(settings):
            load_demo(city.owner, settings.home, seed=seed, until=today, progress=bar)
            demo_users(city.owner, settings.home)
        with opened(settings) as city, progress() as bar:
            if is_stale(city.owner):
                assess(city.owner, actor="demo", progress=bar)
            if zones_stale(city.owner):
                renew(city.owner, actor="demo", progress=bar)
            fill_zone_ledger(city.owner, today)
        with opened(settings) as city:
            _summarise(city)
            if once:
                return
            with _kept_alive(settings), _worker_beside(city):
                say(f"演示用户和密码：{settings.home / 'demo-users.json'}")
                _serve(city)


@contextmanager
def _kernels_beside(settings: Settings) -> Iterator[None]:
    """In a new home kernels are compiled in a process of their own while the data are loaded."""
    if (settings.home / "numba").exists():
        yield
        return
    child = subprocess.Popen([sys.executable, "-m", "jobs.warm"])
    try:
        yield
        child.wait()
    finally:
        child.kill()
        child.wait()


def _summarise(city: Opened) -> None:
    for line in summary(city.owner):
        say(line)


class _Server(uvicorn.Server):
    """Tells the address once somebody listens there, and ends the open streams before it waits for the rest."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            say(f"地图：http://{self.config.host}:{self.config.port}  （Ctrl-C 停止）")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Event streams never end by themselves: without this every stop would wait for its timeout."""
        self.config.app.state.feed.stop()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def _serve(city: Opened) -> None:
    settings = city.settings
    config = uvicorn.Config(
        create_app(settings, city.dsn),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    # uvicorn raises the signal that stopped it once more: by then everything is closed
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        _Server(config).run()


def _refuse_taken_port(settings: Settings) -> None:
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Refused(
                f"不能在 {settings.host}:{settings.port} 上监听：{error.strerror}",
                remedy="请换一个端口，例如 make demo PORT=8010 或 riskmap serve --port 8010",
            ) from None


def _revival(settings: Settings) -> Callable[[], None]:
    """What brings the database back: a private server is started again, a foreign one can only be waited for."""
    return (lambda: None) if settings.database_url else Cluster(settings.home).ensure


@contextmanager
def _meanwhile(look: Callable[[], None]) -> Iterator[None]:
    """Look after something every few seconds, in a thread of its own."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_CHECK_S):
            look()

    thread = threading.Thread(target=watch, name="watch")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _kept_alive(settings: Settings) -> Iterator[None]:
    """Meanwhile a killed private server is started again within seconds; the reason of a failure goes to the log."""
    revive = _revival(settings)

    def look() -> None:
        try:
            revive()
        except RiskMapError as error:
            print(f"数据库：{error.detail}", file=sys.stderr)

    with _meanwhile(look):
        yield


def _start_worker() -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C is for the server, which ends the worker; a killed server ends it as well."""
    command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "web", "work"]
    return subprocess.Popen(command, start_new_session=True)


@contextmanager
def _worker_beside(city: Opened) -> Iterator[None]:
    """A worker process beside the server, started again whenever it ends before the server does.

    The server waits for it a little: a page must not open with the alarm that nobody works.
    """
    child = [_start_worker()]

    def look() -> None:
        if child[0].poll() is not None:
            child[0] = _start_worker()

    try:
        with _meanwhile(look):
            _await_worker(city)
            yield
    finally:
        child[0].terminate()
        try:
            child[0].wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            child[0].kill()
            child[0].wait()


def _await_worker(city: Opened) -> None:
    """Return once a worker holds the runner's lock, or after a few seconds all the same."""
    ends = time.monotonic() + _LEAVE_S
    while time.monotonic() < ends:
        with snapshot(city.owner) as connection:
            if runner_alive(connection):
                return
        time.sleep(0.1)
