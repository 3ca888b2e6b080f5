"""The risk of a joint-control zone, as an account whose lines sum to its score.

    score = lead(scores of the members) + min( most, lead( share · score of each member that can carry on ) )

A member can carry an accident on where its domino zone reaches another site, of the zone or beyond a cut.
"""

from collections.abc import Sequence

import numpy as np

from riskmap.risk import Contribution, lead_shares
from riskmap.shapes import Ints, Marks
from riskmap.weights import RiskWeights
from riskmap.zone_links import DOMINO, Edges
from riskmap.zone_rules import ZoneRules


def carriers(edges: Edges, domino: Ints) -> Marks:
    """Which sites' domino zones (mm) reach another site, by the links on file: a site's nearest one always is."""
    links = edges.links.take(np.flatnonzero(edges.kind == DOMINO))
    out = np.zeros(len(domino), np.bool_)
    for ends in (links.a, links.b):
        out[ends[links.distance <= domino[ends]]] = True
    return out & (domino > 0)


def zone_account(
    weights: RiskWeights,
    rules: ZoneRules,
    records: Sequence[str],
    scores: Sequence[int],
    carries: Sequence[bool],
) -> list[Contribution]:
    """The account of a zone by its members, given in order of code: `layer/code`, score, whether it carries on."""
    shares = lead_shares(scores, weights.share_permille)
    first = max(range(len(scores)), key=lambda i: (scores[i], -i), default=None)
    lines = [
        Contribution("lead_member", record, share, {"score": score, "leads": i == first})
        for i, (record, score, share) in enumerate(zip(records, scores, shares, strict=True))
    ]
    passing = [(record, score) for record, score, on in zip(records, scores, carries, strict=True) if on]
    parts = [(score * rules.domino_permille + 500) // 1000 for _, score in passing]
    passed = lead_shares(parts, weights.share_permille)
    lines += [
        Contribution("domino", record, part, {"score": score, "share_permille": rules.domino_permille})
        for (record, score), part in zip(passing, passed, strict=True)
    ]
    over = sum(passed) - rules.domino_most
    if over > 0:
        lines.append(Contribution("domino_cap", None, -over, {"most": rules.domino_most}))
    return lines
