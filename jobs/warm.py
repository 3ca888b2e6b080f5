"""Kernels compiled before they are needed: the first run of a new home does not wait for them.

`python -m jobs.warm` does it in a process of its own, beside the load of the first data, into NUMBA_CACHE_DIR.
"""

from jobs.assessment import assess_records
from layers.risk import no_records
from riskmap.editions import load_edition, shipped_editions


def compile_kernels() -> None:
    """Run the model once over a city without a record: every kernel is compiled, or read from its cache."""
    newest = max(shipped_editions())
    assess_records(no_records(load_edition(shipped_editions()[newest])), "")


if __name__ == "__main__":
    compile_kernels()
