"""The dead man's switch: the web server, which lives when the worker is dead, looks after it and tells the desk itself.

It shows every trouble on all pages, and writes by channels of its own, which the worker has no part in: those of
`[watchdog]` in city.toml, else a file for each message in the folder `watchdog` of the home. What was told is kept there,
so that a server that is started anew does not tell it again.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from jobs.channels import Surroundings
from jobs.watching import vitals_of
from layers.history import CLOCK
from riskmap.channels import Channel, Delivered, Message, message_key
from riskmap.settings import City
from riskmap.watchdog import Known, News, kind_of, said, troubles, watched
from web.channel_files import FileDrop
from web.channels import open_channels

FOLDER = "watchdog"
_LOOK_S = 20.0
_HOUR_MIN = 60
_KNOWN = "known.json"
_LOG = logging.getLogger("riskmap.watchdog")


class Watchdog:
    """Looks every few seconds while it runs; `shown` is what pages say: by cause the minutes it is about."""

    def __init__(self, reader: Engine, home: Path) -> None:
        self.shown: dict[str, int] = {}
        self._reader = reader
        self._folder = home / FOLDER
        self._home = home
        self._channels: list[tuple[Channel, str]] = []
        self._city: City | None = None
        self._known: dict[str, Known] | None = None
        self._untold: list[tuple[News, int]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()

    def look(self, now: datetime | None = None) -> None:
        """Look once: what is in trouble now is shown; what is news goes to the desk, again and again until it went out."""
        now = now or datetime.now(UTC)
        vitals, figures, city = vitals_of(self._reader, now)
        if city is not None and city != self._city:
            self._city, self._channels = city, self._opened(city)
        self.shown = troubles(vitals, figures, now)
        known = self._read() if self._known is None else self._known
        self._known, news = watched(known, self.shown, now)
        self._untold += [(one, self.shown.get(one.cause, 0)) for one in news]
        self._untold = [one for one in self._untold if not self._tell(*one)]
        if not self._untold and self._known != known:
            self._keep()

    def _run(self) -> None:
        while not self._over.wait(_LOOK_S):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - it watches over faults and must not end by one
                _LOG.exception("the watch failed; it looks again")

    def _opened(self, city: City) -> list[tuple[Channel, str]]:
        named = open_channels(city, Surroundings(self._home))
        return [(named[name], address) for name, address in city.watchdog.items() if name in named]

    def _tell(self, news: News, minutes: int) -> bool:
        """Whether it went out by any channel of its own."""
        channels = self._channels or [(FileDrop(FOLDER, self._folder, lambda: datetime.now(UTC)), "")]
        told = [channel.send(self._message(news, minutes, channel, address)) for channel, address in channels]
        return any(isinstance(one, Delivered) for one in told)

    def _message(self, news: News, minutes: int, channel: Channel, address: str) -> Message:
        city = self._city.name if self._city else ""
        since = f"{news.since.astimezone(CLOCK):%m月%d日%H:%M}"
        what = said(news.cause, minutes)
        text = (
            f"【系统自检·内部】{city}安全风险一张图：“{what}”已恢复（自{since}起）。"
            if news.over
            else f"【系统自检·内部】{city}安全风险一张图：{what}，自{since}起。请立即检查；恢复前请用电话值守。"
        )
        reason = "over" if news.over else "trouble"
        key = message_key("0", address, channel.name, f"{reason} {news.cause}", int(news.since.timestamp()))
        return Message(key, address, "系统自检", text, "blue" if news.over else "red", "heartbeat")

    def _read(self) -> dict[str, Known]:
        try:
            kept: Mapping[str, Any] = json.loads((self._folder / _KNOWN).read_text("utf-8"))
            return {cause: Known(datetime.fromisoformat(one[0]), bool(one[1])) for cause, one in kept.items()}
        except (OSError, ValueError, LookupError, AttributeError, TypeError):
            return {}

    def _keep(self) -> None:
        kept = {cause: [one.since.isoformat(), one.told] for cause, one in (self._known or {}).items()}
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        draft = self._folder / f".{_KNOWN}"
        draft.write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
        draft.replace(self._folder / _KNOWN)


def lines_of(shown: Mapping[str, int], say: Callable[..., str]) -> list[str]:
    """What the strip of a page says: each trouble in the reader's words; those that have a banner of their own are left out."""
    return [
        say(f"watch.{kind_of(cause)}", time=_length(minutes, say), name=cause.partition(" ")[2])
        for cause, minutes in shown.items()
        if kind_of(cause) not in {"database", "worker"}
    ]


def _length(minutes: int, say: Callable[..., str]) -> str:
    """How long, in the largest unit that tells it in two figures or so."""
    if minutes < 2 * _HOUR_MIN:
        return f"{minutes} {say('alerts.unit.minute')}"
    hours = minutes // _HOUR_MIN
    return f"{hours} {say('alerts.unit.hour')}" if hours < 48 else f"{hours // 24} {say('alerts.unit.day')}"
