"""A file for each message in a folder that another program empties: exactly once, whatever dies when. And the log.

A message is written whole into the hidden folder `.staged`, its key is noted in `.known`, and one rename puts it where
others look. Killed before the note, all of it is done again; killed after it, the file is either still staged, and the
rename follows, or it is not, and then it was out: also where it has been fetched and removed since.
"""

import json
import logging
import os
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from riskmap.channels import Delivered, Delivery, Message, TryAgain
from web.channel_webhook import document_of

REMEMBERED = timedelta(days=60)
"""how long a key is known: longer than any message is tried"""
_LINK = re.compile(r"https?://\S+")
_LOG = logging.getLogger("riskmap.channels")


class FileDrop:
    """The channel of one folder."""

    def __init__(self, name: str, folder: Path, now: Callable[[], datetime]) -> None:
        self.name = name
        self._folder = folder
        self._staged = folder / ".staged"
        self._known = folder / ".known"
        self._now = now
        self._tidied: date | None = None

    def send(self, message: Message) -> Delivery:
        """Delivered once `<key>.json` lies in the folder, or once did."""
        try:
            self._make()
            self._put(message)
        except OSError as error:
            return TryAgain(f"文件夹不能写入：{error.strerror}")
        return Delivered()

    def _make(self) -> None:
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for folder in (self._staged, self._known):
            folder.mkdir(exist_ok=True)
        today = self._now().date()
        if self._tidied != today:
            self._forget_old()
            self._tidied = today

    def _put(self, message: Message) -> None:
        staged, known = self._staged / message.key, self._known / message.key
        if not known.exists():
            self._write(staged, message)
            known.touch()
            _settle(self._known)
        if staged.exists():
            staged.rename(self._folder / f"{message.key}.json")
            _settle(self._folder)

    def _write(self, path: Path, message: Message) -> None:
        content = json.dumps(document_of(message), ensure_ascii=False, indent=1)
        with path.open("w", encoding="utf-8") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        _settle(self._staged)

    def _forget_old(self) -> None:
        """The notes of long ago go, so that a folder used for years stays small."""
        before = (self._now() - REMEMBERED).timestamp()
        with os.scandir(self._known) as entries:
            old = [entry.path for entry in entries if entry.stat().st_mtime < before]
        for path in old:
            Path(path).unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """What was done in a folder outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class LogChannel:
    """The program's own log: what was said, to nobody's address and without the links that sign for a person."""

    def __init__(self, name: str) -> None:
        self.name = name

    def send(self, message: Message) -> Delivery:
        """Always delivered."""
        text = " ".join(_LINK.sub("[链接]", message.marked_text).split())
        _LOG.info("%s %s %s %s", message.key, message.kind, message.level or "-", text)
        return Delivered()
