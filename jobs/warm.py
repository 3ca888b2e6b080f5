"""Kernels compiled before they are needed: the first run of a new home does not wait for them.

`python -m jobs.warm` does it in a process of its own, beside the load of the first data, into NUMBA_CACHE_DIR.
"""

import numpy as np

from jobs.assessment import assess_records
from layers.risk import no_records
from riskmap.editions import load_edition, shipped_editions
from riskmap.shapes import Shapes
from riskmap.zone_changes import zones_after
from riskmap.zone_links import ZoneSites
from riskmap.zone_rules import ZoneRules
from riskmap.zones import zones_of


def compile_kernels() -> None:
    """Run the model once over a city without a record, and zones over three sites: every kernel is compiled, or read
    from its cache.
    """
    edition = load_edition(shipped_editions()[max(shipped_editions())])
    assess_records(no_records(edition), "")
    rules, number = ZoneRules.from_edition(edition), np.full(3, 100_000, np.int64)
    sites = ZoneSites(
        *(["A", "B", "C"], Shapes.points([(0, 0), (20, 0), (90, 0)]), ["2614"] * 3, ["market"] * 3),
        *(number, number, number),
    )
    zones_after(sites, rules, zones_of(sites, rules), {"A": ("moved",)})


if __name__ == "__main__":
    compile_kernels()
