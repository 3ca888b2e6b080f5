"""What is read apart cannot end, fill, hold or outlive the program."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layers.apart import Bounds, End, Helper
from layers.cluster_host import open_lock
from layers.files import read_table
from tests.every_format import points, records, write_xlsx

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = ("tests.layers.hostile",)


@pytest.fixture
def helper() -> Iterator[Helper]:
    one = Helper()
    yield one
    one.close()


def ends(helper: Helper, function: str, folder: Path, **arguments: Any) -> End:
    return helper.run(HOSTILE, function, {"folder": str(folder), **arguments}, folder)[0]


def test_each_bad_end_is_told_and_the_helper_lives_on(helper: Helper, tmp_path: Path) -> None:
    assert ends(helper, "crash", tmp_path) is End.CRASH
    process = helper._process
    assert ends(helper, "exhaust_memory", tmp_path) is End.MEMORY
    assert ends(helper, "no_such_function", tmp_path) is End.CRASH
    assert ends(helper, "leave", tmp_path) is End.CRASH, "a reader that goes away has not read"
    assert ends(helper, "descriptors", tmp_path) is End.DONE
    assert helper._process is process


@pytest.mark.parametrize("bounds", [Bounds(cpu_s=1), Bounds(wall_s=1)])
def test_an_endless_loop_is_ended(tmp_path: Path, bounds: Bounds) -> None:
    helper = Helper(bounds)
    assert ends(helper, "loop", tmp_path) is End.TIME
    helper.close()


def test_the_network_is_out_of_reach(helper: Helper, tmp_path: Path) -> None:
    allowed = subprocess.run(["unshare", "-n" if os.geteuid() == 0 else "-rn", "true"], check=False)
    if allowed.returncode:
        pytest.skip("this system lets no process leave the network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert ends(helper, "call_home", tmp_path, port=server.getsockname()[1]) is End.CRASH


def test_no_lock_and_no_connection_is_inherited(helper: Helper, tmp_path: Path) -> None:
    lock = open_lock(tmp_path / "lock")
    os.set_inheritable(lock, True)
    with socket.socket() as connection:
        assert ends(helper, "descriptors", tmp_path) is End.DONE
        assert connection.fileno() > 0
    os.close(lock)
    held = (tmp_path / "held").read_text("utf-8")
    assert str(tmp_path / "lock") not in held
    assert held.count("socket:") == 0


def test_a_helper_that_was_killed_is_replaced(helper: Helper, tmp_path: Path) -> None:
    assert ends(helper, "descriptors", tmp_path) is End.DONE
    assert helper._process is not None
    helper._process.kill()
    helper._process.wait()
    assert ends(helper, "descriptors", tmp_path) is End.DONE


def test_many_threads_share_one_helper(tmp_path: Path) -> None:
    paths = [write_xlsx(tmp_path / f"{n}.xlsx", records(n), points(n)) for n in range(1, 9)]
    found: dict[int, int] = {}

    def read(number: int) -> None:
        found[number] = len(read_table(paths[number - 1]).rows)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(1, 9)}


PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from layers import apart
print("started", flush=True)
from layers.files import read_table
table = read_table(Path(sys.argv[1]))
print(json.dumps([len(table.rows), apart.HELPER._process.pid]), flush=True)
if sys.argv[2] == "wait":
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["end", "kill"])
def test_nothing_outlives_the_program(tmp_path: Path, how: str) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", records(3), points(3))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, "utf-8")
    command = [sys.executable, str(program), str(path), "wait" if how == "kill" else "end"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        count, helper = json.loads(process.stdout.readline())
        watched = os.pidfd_open(helper)
        if how == "kill":
            process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=20) == (-signal.SIGKILL if how == "kill" else 0)
        assert process.stdout.read() == "", "the program's own start is not run again in the helper"
    assert count == 3
    assert select.select([watched], [], [], 10)[0], "the helper still runs"
    os.close(watched)
