"""五.2 by kind and stage: one veto (一票否决) is enough, “in principle not” unless an exception is on record."""

from dataclasses import replace

from riskmap.siting_findings import Finding
from riskmap.siting_proposals import Proposal
from riskmap.siting_rules import SitingRules

RULE = "access"
_PLAN, _PLAN_DATE = "沅江市方案（2019）五.2", "2019"


def access(rules: SitingRules, proposal: Proposal) -> Finding:
    """What the policy says of the kind. A recorded exception lifts “in principle not”, never a veto."""
    known = rules.access.get(proposal.kind)
    if known is None:
        return Finding(RULE, "admissible", "not_named", _PLAN, "该类别未列入禁止或限制范围", _PLAN_DATE)
    outcome = known.outcomes[proposal.stage]
    found = Finding(
        RULE,
        outcome,
        "named_extension" if proposal.stage == "extension" else "named",
        known.clause,
        known.text_zh,
        known.basis_date,
        confidence=known.confidence,
    )
    exception = proposal.exception
    if outcome == "not_in_principle" and exception is not None:
        facts = {"authority": exception.authority, "text": exception.text, "date": exception.date.isoformat()}
        return replace(found, outcome="admissible", reason="exception", facts=(("exception", facts),))
    return found
