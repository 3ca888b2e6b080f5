"""Work on files that may be hostile, in processes of their own: a crash, an endless loop or a memory bomb ends those.

A helper process is started at the first use. It holds the libraries ready, and for each task forks a child that has
bounds on memory and time, no network, and answers by files in a folder that the caller owns. The helper inherits
nothing of its parent but one socket (no lock, no database connection) and ends, with its children, when that closes:
also when the parent is killed.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum, auto
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

_OUT_OF_MEMORY, _FAILED = 3, 4
"""exit codes of a child"""
_SAID = "said.txt"
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    # One thread each and plain malloc: pools of memory taken in advance would count against the bound.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "PROJ_NETWORK": "OFF",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one child may use."""

    memory_bytes: int = 704 * 2**20
    """private memory, the libraries' (about 130 MB, most of it never touched) included"""
    cpu_s: int = 90
    wall_s: int = 180


class End(Enum):
    """How a task ended."""

    DONE = auto()
    MEMORY = auto()
    TIME = auto()
    CRASH = auto()


class Helper:
    """The process that forks a child for each task; usable from any thread."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self, modules: tuple[str, ...], function: str, arguments: dict[str, Any], folder: Path
    ) -> tuple[End, str]:
        """Call `function(**arguments)` of the first module in a child that may write into `folder`.

        `modules` are loaded before the child is made. How it ended, and the end of what it said on standard error.
        """
        task = {
            "modules": modules,
            "function": function,
            "arguments": arguments,
            "folder": str(folder),
            "bounds": asdict(self._bounds),
        }
        with self._send(json.dumps(task).encode()) as answer:
            answer.settimeout(self._bounds.wall_s + 10)
            try:
                status = answer.recv(16)
            except TimeoutError:
                self.close()
                return End.TIME, ""
        said = ""
        with suppress(OSError):
            said = (folder / _SAID).read_bytes()[-4000:].decode("utf-8", "replace")
        return _end_of(status, said), said

    def close(self) -> None:
        """End the helper and its children; the next task starts another."""
        with self._lock:
            self._stop()

    def _send(self, task: bytes) -> socket.socket:
        """Give a task to the helper; the socket on which the child's exit status will come."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            try:
                socket.send_fds(self._start(), [task], [theirs.fileno()])
            except OSError:  # it was ended from outside since the last task
                self._stop()
                socket.send_fds(self._start(), [task], [theirs.fileno()])
        return ours

    def _start(self) -> socket.socket:
        if self._socket is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            paths = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" is the current folder
            program = f"import sys; sys.path[:] = {paths!r}; from layers.apart import serve; serve()"
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", program],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=_ENVIRONMENT,
                    umask=0o077,
                    start_new_session=True,  # Ctrl-C is the parent's business
                )
            self._socket = ours
        return self._socket

    def _stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
            self._process = None


HELPER = Helper()
atexit.register(HELPER.close)


def _end_of(status: bytes, said: str) -> End:
    """`status` is the exit status as the system gives it, empty where the helper itself has ended."""
    if not status:
        return End.CRASH
    code = os.waitstatus_to_exitcode(int(status))
    if code == 0:
        return End.DONE
    if code in {-signal.SIGALRM, -signal.SIGXCPU}:
        return End.TIME
    if code == _OUT_OF_MEMORY or "memory allocation of" in said or "bad_alloc" in said:
        return End.MEMORY
    return End.CRASH


# --- the helper's side -----------------------------------------------------------------------------------


def serve() -> None:
    """The helper's life: fork a child for each task that comes, report how each ended. Standard input is the socket."""
    _leave_network()
    sys.meta_path.insert(0, _WithoutPandas())
    control = socket.socket(fileno=0)
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno())
    answers: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if wake in ready:
                wake.recv(4096)
                _report(answers)
            if control in ready:
                message, descriptors, _, _ = socket.recv_fds(control, 2**18, 1)
                if not message:
                    os.killpg(0, signal.SIGKILL)  # the parent has gone: so do we and every child
                answer = socket.socket(fileno=descriptors[0])
                task = json.loads(message)
                for module in task["modules"]:  # once, for all children to come
                    importlib.import_module(module)
                child = os.fork()
                if child == 0:
                    for held in (wake, waker, answer, *answers.values()):
                        held.close()
                    _work(task)
                answers[child] = answer


class _WithoutPandas(MetaPathFinder):
    """Arrow and pyogrio load pandas where they find it: 60 MB and half a second that no reader needs."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:  # noqa: ARG002
        """Deny the two."""
        if fullname in {"pandas", "geopandas"}:
            raise ModuleNotFoundError(name=fullname)


def _leave_network() -> None:
    """Into a network of its own, which has none; where the system does not allow it, things stay as they are."""
    flags = _NEW_NETWORK if os.geteuid() == 0 else _NEW_USER | _NEW_NETWORK
    ctypes.CDLL(None, use_errno=True).unshare(flags)


def _report(answers: dict[int, socket.socket]) -> None:
    with suppress(ChildProcessError):
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            with answers.pop(child) as answer, suppress(OSError):
                answer.send(str(status).encode())


def _work(task: dict[str, Any]) -> None:
    """The child's life; it never returns."""
    code = _FAILED
    try:
        said = os.open(Path(task["folder"]) / _SAID, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(said, 2)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)  # the control socket was here
        bounds = Bounds(**task["bounds"])
        resource.setrlimit(resource.RLIMIT_DATA, (bounds.memory_bytes, bounds.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (bounds.cpu_s, bounds.cpu_s + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**31, 2**31))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(bounds.wall_s)  # no handler: it ends the process, whatever that is doing
        gc.disable()  # a life of one task: what refers to itself goes with it
        getattr(sys.modules[task["modules"][0]], task["function"])(**task["arguments"])
        code = 0
    except MemoryError:
        code = _OUT_OF_MEMORY
    except BaseException:  # noqa: BLE001 - a panic of a Rust library is one, too
        with suppress(BaseException):
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(code)
