"""What a program and its process apart take of memory, in KiB; the program is told apart from whoever started it.

`ru_maxrss` will not do: a process begins with the peak of the one that started it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

GIBIBYTE_KIB = 2**20

_ROOT = Path(__file__).resolve().parents[1]
_MEASURES = """
import json, os, resource, sys
from pathlib import Path
from layers import apart

def kib(name, process="self"):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))

def helpers_kib():
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sum(kib("VmRSS", child) for child in children)

def most_apart_kib():
    apart.HELPER.close()
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
"""


def measured(program: str, *words: str) -> Any:
    """Run a program that prints JSON; it knows `kib(name)`, `helpers_kib()` and `most_apart_kib()`."""
    run = subprocess.run(
        [sys.executable, "-c", _MEASURES + program, *words],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(run.stdout)
