"""The worker: one scheduler among any number of processes, woken by changes, the clock and a person's request.

It also looks after the file drop, sends what waits in the outbox, and sends the demo city's readings.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine

from jobs import demo_feed
from jobs.alert_lookout import Lookout
from jobs.backtests import shadow
from jobs.cap_warnings import tell_in_cap
from jobs.channel_watch import watch_channels
from jobs.delivering import Delivering
from jobs.drop import Drop, patrol
from jobs.previews import forget_old_uploads
from jobs.retention import prune
from jobs.risk import assess, is_stale
from jobs.signing import forget_old_links, take_replies
from jobs.stability import check_stability, stability_due
from jobs.users import forget_old_sessions
from jobs.warning_proofs import take_outcomes
from jobs.zones import is_stale as zones_stale
from jobs.zones import renew
from layers.feed import heed, take_runner_lock
from layers.history import CLOCK
from riskmap.channels import Dialling, Replying
from riskmap.errors import Busy, RiskMapError

_LOG = logging.getLogger("riskmap.work")
_PATROL_S = 30
_DROP_S = 3
_COLOURS_S = 60
_SHADOW_S = 300
_WAIT_S = 2.0
_REPLIES_S = 5
_CHANNELS_S = 60
_TASKS = ("drop", "colours", "shadow", "demo_feed", "replies", "outcomes", "channels", "retention")
_SCHEDULED = {"coalesce": True, "max_instances": 2, "misfire_grace_time": None}
"""A turn that comes while the last one is still at work finds it so and ends (`_alone`); none is skipped for being late."""


class _Stopped(Exception):
    """The worker is to end; what is half done is given up."""


class Worker:
    """Holds the runner's lock and the scheduler while it lasts; any number may wait, one works.

    `revive` brings a private database server back after it died; a foreign one is waited for. With `feeds_demo` the
    sensors of a demo city go on reporting, by the time of `clock`. Messages go out by `delivering`, where it is given.
    All readings are kept for `readings_days` (0: for ever).
    """

    def __init__(
        self,
        dsn: str,
        owner: Engine,
        revive: Callable[[], None],
        *,
        home: Path,
        drop: Drop,
        delivering: Delivering | None = None,
        feeds_demo: bool = False,
        readings_days: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(CLOCK),
    ) -> None:
        self._dsn = dsn
        self._owner = owner
        self._revive = revive
        self._home = home
        self._drop = drop
        self._delivering = delivering
        self._feeds_demo = feeds_demo
        self._readings_days = readings_days
        self._clock = clock
        self._lookout = Lookout(owner)
        self._under_way = {task: threading.Lock() for task in _TASKS}
        self._woken = threading.Event()
        self._alarmed = threading.Event()
        self._stop = threading.Event()

    def stop(self) -> None:
        """End `run()` at the next turn; a run under way finishes or is rolled back whole."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop()`: wait for the lock, hold it, listen; start over when the database went away."""
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._dsn, autocommit=True) as connection:
                    self._hold(connection)
            except psycopg.OperationalError as error:
                _LOG.warning("database away: %s", error.__class__.__name__)
                self._try_revive()
                self._stop.wait(_WAIT_S)

    def _try_revive(self) -> None:
        try:
            self._revive()
        except RiskMapError as error:
            _LOG.warning("%s", error.detail)

    def _hold(self, connection: psycopg.Connection) -> None:
        """Take the runner's lock (it dies with this connection) and wake the patrol at every notice."""
        while not take_runner_lock(connection):
            if self._stop.wait(_WAIT_S):
                return
        scheduler = BackgroundScheduler(timezone=CLOCK, job_defaults=_SCHEDULED)
        scheduler.add_job(self._look_into_drop, "interval", seconds=_DROP_S, id="drop")
        scheduler.add_job(self._weigh_colours, "interval", seconds=_COLOURS_S, id="colours")
        scheduler.add_job(self._try_drafts, "interval", seconds=_SHADOW_S, id="shadow")
        scheduler.add_job(self._midnight, "cron", hour=0, minute=0, id="midnight")
        scheduler.add_job(self._let_readings_go, "cron", hour=2, minute=30, id="retention")
        if self._feeds_demo:
            scheduler.add_job(
                self._feed_demo,
                "interval",
                seconds=demo_feed.PACE_S,
                id="demo_feed",
                next_run_time=datetime.now(UTC),
            )
        over = threading.Event()
        tasks = {"patrol": self._patrol, "lookout": self._watch_out}
        if self._delivering:
            tasks["delivering"] = self._delivering.run
            scheduler.add_job(self._look_for_replies, "interval", seconds=_REPLIES_S, id="replies")
            scheduler.add_job(self._watch_channels, "interval", seconds=_CHANNELS_S, id="channels")
        threads = [threading.Thread(target=task, args=(over,), name=name) for name, task in tasks.items()]
        heed(connection)
        scheduler.start()
        for thread in threads:
            thread.start()
        try:
            while not self._stop.is_set():
                for _ in connection.notifies(timeout=_WAIT_S, stop_after=1):
                    self._wake()
        finally:
            scheduler.remove_all_jobs()  # none is to begin while a run finishes, or once the process ends
            over.set()
            self._wake()
            for thread in threads:
                thread.join()
            scheduler.shutdown(wait=True)

    def _wake(self) -> None:
        """Something was written, or all is to end."""
        self._woken.set()
        self._alarmed.set()
        if self._delivering:
            self._delivering.wake()

    def _patrol(self, over: threading.Event) -> None:
        """Recompute what changed since the last run, when woken and twice a minute: risks, then the zones by them. A
        failure is logged and tried again.

        However often it is woken during a run, it looks once more.
        """
        while not over.is_set():
            self._catch_up()
            self._safely(self._tell_in_cap)
            self._woken.wait(_PATROL_S)
            self._woken.clear()

    def _watch_out(self, over: threading.Event) -> None:
        """Ask the rules of warnings, when woken and twice a minute. Beside the patrol: alarms do not wait for a run."""
        while not over.is_set():
            self._safely(self._look_out)
            self._alarmed.wait(_PATROL_S)
            self._alarmed.clear()

    def _look_out(self) -> bool:
        """Warn of what is so now; where another writes meanwhile, it is looked at once more."""
        try:
            return self._lookout.look(actor="scheduler") is not None
        except Busy:
            self._alarmed.set()
        return False

    def _tell_in_cap(self) -> bool:
        """Warnings that were told become messages for other systems."""
        return tell_in_cap(self._owner, actor="scheduler") > 0

    def _catch_up(self) -> None:
        """Recompute risks, then the zones by them, where that comes to another result."""
        self._safely(self._renew_risks)
        self._safely(self._renew_zones)

    def _renew_risks(self) -> bool:
        return is_stale(self._owner) and bool(assess(self._owner, actor="scheduler"))

    def _renew_zones(self) -> bool:
        return zones_stale(self._owner) and bool(renew(self._owner, actor="scheduler"))

    def _look_into_drop(self) -> None:
        """Take in what other programs have put down."""
        self._alone("drop", lambda: patrol(self._owner, self._drop))

    def _look_for_replies(self) -> None:
        """Take in what people answered to short messages, and how calls ended that a machine made.

        Each gateway by itself: one that is down keeps none of the others from being heard.
        """

        def take(name: str, channel: Replying) -> int:
            return take_replies(self._owner, name, channel.replies())

        def note(name: str, channel: Dialling) -> int:
            return take_outcomes(self._owner, name, channel.outcomes())

        def look() -> None:
            for name, channel in self._delivering.replying() if self._delivering else ():
                self._safely(partial(take, name, channel))

        def hear() -> None:
            for name, channel in self._delivering.dialling() if self._delivering else ():
                self._safely(partial(note, name, channel))

        self._alone("replies", look)
        self._alone("outcomes", hear)

    def _watch_channels(self) -> None:
        """Tell the desk of a channel that fails."""
        self._alone("channels", lambda: watch_channels(self._owner))

    def _feed_demo(self) -> None:
        """Send what the sensors of a demo city have to report; nothing in any other."""
        self._alone("demo_feed", lambda: demo_feed.feed(self._owner, self._clock()))

    def _weigh_colours(self) -> None:
        """Once a day and for new rules: which colours hang on a single weight. Given up when the worker is to stop."""

        def check() -> None:
            if stability_due(self._owner):
                with suppress(_Stopped):
                    check_stability(self._owner, actor="scheduler", progress=self._go_on)

        self._alone("colours", check)

    def _try_drafts(self) -> None:
        """Once a day: drafts of other rules of warnings beside the live ones. Given up when the worker is to stop."""

        def try_drafts() -> None:
            with suppress(_Stopped):
                shadow(self._owner, actor="scheduler", progress=self._go_on)

        self._alone("shadow", try_drafts)

    def _let_readings_go(self) -> None:
        """Once a night: readings that are old enough. Given up when the worker is to stop."""

        def let_go() -> None:
            with suppress(_Stopped):
                prune(self._owner, self._readings_days, actor="scheduler", progress=self._go_on)

        self._alone("retention", let_go)

    def _alone(self, task: str, work: Callable[[], object]) -> bool:
        """Do a task unless it is under way already; whether it was done."""
        if not self._under_way[task].acquire(blocking=False):
            return False
        try:
            self._safely(work)
        finally:
            self._under_way[task].release()
        return True

    def _go_on(self, _label: str, _share: float) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _midnight(self) -> None:
        """A new day: dynamic factors step, sessions end, files that were only looked at go."""
        self._safely(lambda: assess(self._owner, actor="scheduler"))
        self._safely(lambda: forget_old_sessions(self._owner))
        self._safely(lambda: forget_old_links(self._owner))
        self._safely(lambda: forget_old_uploads(self._home))

    @staticmethod
    def _safely(task: Callable[[], object]) -> bool:
        """Do it; whether it was done and says that it did something."""
        try:
            return bool(task())
        except Exception:  # noqa: BLE001 - a failed job is told and tried again, the worker goes on
            _LOG.exception("job failed; it is tried again at the next turn")
            return False
