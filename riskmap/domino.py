"""How far an accident can carry on to equipment of a neighbour: the domino zone at escalation thresholds.

The distances are those of `riskmap.consequences`, asked at the thresholds at which equipment is taken to fail
(table `consequences`, domino.csv) instead of those for people. A vapour cloud counts by its TNT equivalent, read back
from its distance to 1 psi. Screening, like all of them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from riskmap.consequence_tables import ConsequenceRules
from riskmap.consequences import Held, consequence_distances
from riskmap.errors import BadInput, OutsideValidity
from riskmap.explosions import blast_distance_m


def domino_distances_m(
    kind: str, held: Iterable[Held], rules: ConsequenceRules, equipment: Sequence[str]
) -> dict[str, float]:
    """By name of the accident how far, in m, it makes equipment of these types fail; names without are left out.

    Raises BadInput where the edition knows none of the types for a quantity.
    """
    held = list(held)
    kpa, radiation, ball = (
        _threshold(rules, equipment, quantity)
        for quantity in ("overpressure", "radiation", "fireball_radiation")
    )
    asked = replace(rules, explosives_kpa=(kpa,), radiation_kw_m2=(radiation,))
    distances = consequence_distances(kind, held, asked)
    by_ball = consequence_distances(kind, held, replace(rules, radiation_kw_m2=(ball,))).get("fireball")
    found: dict[str, float | None] = {
        name: one.reach_m for name, one in distances.items() if name in ("pool_fire", "overpressure")
    }
    found["fireball"] = by_ball.rings[0].distance_m if by_ball and by_ball.rings else None
    cloud = distances.get("vce_1psi")
    if cloud and cloud.reach_m is not None:
        tnt_kg = (cloud.reach_m / rules.methods["epa_tnt"].figures["k_m_kg3"]) ** 3
        found["vce"] = _blast_m(tnt_kg, kpa, rules)
    return {name: distance for name, distance in sorted(found.items()) if distance is not None}


def domino_reach_mm(distances_m: dict[str, float]) -> int:
    """How far a site's domino zone reaches from its border, in mm; 0 where there is none."""
    return max((math.floor(distance * 1000 + 0.5) for distance in distances_m.values()), default=0)


def _threshold(rules: ConsequenceRules, equipment: Sequence[str], quantity: str) -> float:
    """The lowest threshold at which one of these types fails."""
    known = [one.threshold for one in rules.domino if one.quantity == quantity and one.equipment in equipment]
    if not known:
        raise BadInput(
            f"domino.csv 没有设备 {'、'.join(equipment)} 的 {quantity} 阈值",
            remedy="请在联防联控表 [domino] equipment 中改用该文件已有的设备类别，或补上该行",
        )
    return min(known)


def _blast_m(tnt_kg: float, kpa: float, rules: ConsequenceRules) -> float | None:
    try:
        return blast_distance_m(tnt_kg, kpa, rules, rules.explosives_method)
    except OutsideValidity:
        return None
