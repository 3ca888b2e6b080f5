"""What a hostile file might make its reader do; called in the process apart by name."""

import ctypes
import socket
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np


def crash(folder: str) -> None:
    ctypes.string_at(0)


def exhaust_memory(folder: str) -> None:
    held = [np.ones(2**24) for _ in range(100)]
    Path(folder, "held").write_text(str(len(held)), "utf-8")


def leave(folder: str) -> None:
    sys.exit(0)


def loop(folder: str) -> None:
    while True:
        pass


def call_home(folder: str, port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


def descriptors(folder: str) -> None:
    """Tell what this process holds open: files, sockets, locks."""
    targets = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            targets.append(str(entry.readlink()))
    Path(folder, "held").write_text("\n".join(targets), "utf-8")
