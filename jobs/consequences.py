"""How far an accident at each source would reach: zones of a real study where one is on file, else screening distances."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from jobs.grading import Graded
from layers.risk import Inputs
from riskmap.consequence_tables import ROLE, ConsequenceRules
from riskmap.consequences import OF_STUDY, Held, consequence_distances, distances_m


class Consequences(NamedTuple):
    """Of one source: distances in m by name, and the accounts of those that were computed, as JSON."""

    distances_m: dict[str, float]
    computed: list[dict[str, Any]]


NOTHING = Consequences({}, [])


def rules_of(inputs: Inputs) -> ConsequenceRules | None:
    """The edition's rules; None where it has none. Who asks many times for few sources reads them once."""
    return ConsequenceRules.from_edition(inputs.edition) if ROLE in inputs.edition.tables else None


def consequences_of(
    inputs: Inputs, graded: Graded, rules: ConsequenceRules | None
) -> dict[int, Consequences]:
    """By the position of the source; nothing of those that hold nothing known and have no study."""
    zones = _studied(inputs.zones, graded)
    if rules is None:
        return {n: Consequences(near, []) for n, near in zones.items()}
    vessels = dict(zip(inputs.inventory["code"], inputs.inventory["unit_code"], strict=True))
    codes, kinds = (graded.sources[name].to_numpy(object) for name in ("code", "kind"))
    found = {}
    for n in graded.single.tolist():
        held = [Held(item, vessels[item.code] or "") for item in graded.held.get(codes[n], ())]
        if not held and n not in zones:
            continue
        computed = consequence_distances(kinds[n], held, rules)
        studied = zones.get(n, {})
        replaced = {name for hazard in studied for name in OF_STUDY[hazard.removeprefix("study_")]}
        near = {name: value for name, value in distances_m(computed).items() if name not in replaced}
        told = [one.to_json() for name, one in computed.items() if name not in replaced]
        found[n] = Consequences(near | studied, told)
    return found


def _studied(zones: pd.DataFrame, graded: Graded) -> dict[int, dict[str, float]]:
    """By source: how far the zones of its study reach from its site, by kind of hazard (`study_fire`, …)."""
    if not len(zones):
        return {}
    index = {code: n for n, code in enumerate(graded.sources["code"])}
    zones = zones[zones["source_code"].isin(index)]
    owner = zones["source_code"].map(index).to_numpy(np.int64)
    found: dict[int, dict[str, float]] = {}
    for n, kind, zone in zip(owner.tolist(), zones["kind"], zones["geom"], strict=True):
        corners = shapely.points(shapely.get_coordinates(zone))
        reach = round(float(shapely.distance(corners, graded.sites[n]).max()), 1)
        name = f"study_{kind}"
        known = found.setdefault(n, {})
        known[name] = max(known.get(name, 0.0), reach)
    return found
