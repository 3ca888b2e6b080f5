"""The risk of a joint-control zone, as an account whose lines sum to its score.

    score = lead(scores of the members) + min( most, lead( share · score of each member that can carry on ) )

A member can carry an accident on where its domino zone reaches another site, of the zone or beyond a cut.
"""

from typing import NamedTuple

import numpy as np

from riskmap.risk import leads
from riskmap.shapes import Ints, Marks
from riskmap.weights import RiskWeights
from riskmap.zone_links import DOMINO, Edges
from riskmap.zone_rules import ZoneRules

ITEMS = ("lead_member", "domino", "domino_cap")
"""the lines of an account, in their order: each member's share, what members carry on, what is over the most of it"""


def carriers(edges: Edges, domino: Ints) -> Marks:
    """Which sites' domino zones (mm) reach another site, by the links on file: a site's nearest one always is."""
    links = edges.links.take(np.flatnonzero(edges.kind == DOMINO))
    out = np.zeros(len(domino), np.bool_)
    for ends in (links.a, links.b):
        out[ends[links.distance <= domino[ends]]] = True
    return out & (domino > 0)


class ZoneLines(NamedTuple):
    """The accounts of many zones, line by line, a zone after the other.

    `zone` and `member` are positions (member −1: a rule of the whole zone), `item` one in `ITEMS`, `value` micro-points;
    `leads`: the member's score counts in full.
    """

    zone: Ints
    item: Ints
    member: Ints
    value: Ints
    leads: Marks

    def totals(self, count: int) -> Ints:
        """The score of each zone."""
        found = np.zeros(count, np.int64)
        np.add.at(found, self.zone, self.value)
        return found


def zone_accounts(
    weights: RiskWeights, rules: ZoneRules, start: Ints, scores: Ints, carries: Marks
) -> ZoneLines:
    """The accounts of zones by their members' scores and whether each carries on.

    Zone z has the members `start[z] : start[z + 1]`, one at least, in order of code.
    """
    zone = np.repeat(np.arange(len(start) - 1), np.diff(start))
    shares, leading = leads(scores, start, weights.share_permille)
    passing = np.flatnonzero(carries)
    of, begin = np.unique(zone[passing], return_index=True)
    begin = np.append(begin, len(passing))
    parts = (scores[passing] * rules.domino_permille + 500) // 1000
    passed, _ = leads(parts, begin, weights.share_permille)
    over = (np.add.reduceat(passed, begin[:-1]) if len(of) else passed) - rules.domino_most
    capped = np.flatnonzero(over > 0)
    none = np.full(len(capped), -1, np.int64)
    members = np.concatenate([np.arange(len(zone)), passing, none])
    zones = np.concatenate([zone, zone[passing], of[capped]])
    item = np.repeat(np.arange(len(ITEMS)), [len(zone), len(passing), len(capped)])
    order = np.lexsort((members, item, zones))
    value = np.concatenate([shares, passed, -over[capped]])
    counts_whole = np.concatenate([leading, np.zeros(len(members) - len(zone), np.bool_)])
    return ZoneLines(zones[order], item[order], members[order], value[order], counts_whole[order])
