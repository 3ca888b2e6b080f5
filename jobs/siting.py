"""May it stand here (选址准入): one proposal, judged by every rule of the edition in force. Writes nothing."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import shapely
from sqlalchemy import Connection, Engine

from jobs.siting_planned import Planned, by_object, nearer_planned, planned_for, sources_among
from layers.database import Identity, reading
from layers.editions import edition_on
from layers.history import CLOCK, head_rev
from layers.records import iso
from layers.siting import (
    Row,
    Site,
    mm_between,
    nearest,
    on_file,
    share_near,
    site_of,
    sources_about,
    studies_about,
)
from layers.zone_ground import geojson_of
from riskmap.clause_words import clause_words, demand_words
from riskmap.consequence_tables import ROLE as CONSEQUENCES
from riskmap.consequence_tables import ConsequenceRules
from riskmap.consequences import Held, consequence_distances
from riskmap.editions import Edition
from riskmap.siting_access import access
from riskmap.siting_distances import (
    Bound,
    bound_by_sources,
    bound_rows,
    facts_of,
    findings,
    looked_mm,
    own_objects,
    without_object,
)
from riskmap.siting_findings import Finding, binding, in_order, verdict, verdict_of
from riskmap.siting_matrix import Sensitivity
from riskmap.siting_papers import PaperAsked, split_asked
from riskmap.siting_proposals import Proposal, read_proposal
from riskmap.siting_rules import SitingRules
from riskmap.siting_words import told, why
from riskmap.siting_zones import (
    CLAUSE_DATE,
    RULE,
    Account,
    Radius,
    Reaching,
    of_source,
    of_study,
    reached,
    zone_bounds,
)
from riskmap.sources import Gb18218, Item, grade_source
from riskmap.substances import Catalogue
from riskmap.vocabulary import words


class Judged(NamedTuple):
    """What is known of a proposal before anyone asks where it stands: the rows that bind it, whatever the place."""

    proposal: Proposal
    rules: SitingRules
    edition: Edition
    bounds: list[Bound]
    fixed: list[Finding]
    """what is found at any place alike"""
    sensitive: list[Sensitivity]
    accounts: list[Account]
    """how far its own accidents would reach"""
    asked: PaperAsked = PaperAsked()
    """what a paper on it tells besides, with the paper that it would replace"""
    planned: Sequence[Planned] = ()
    """filed proposals that it has to reckon with"""


def verdict_on(reader: Engine, identity: Identity, given: Any, *, lang: str = "zh") -> Row:
    """The verdict on a proposal, with what this identity may see; the keys are told in the documentation.

    BadInput, naming the field, for a proposal that is wrong; TooLarge for a site that is.
    """
    started = time.perf_counter()
    at = datetime.now(CLOCK).replace(microsecond=0)
    with reading(reader, identity) as connection:
        answer = verdict_at(connection, identity, given, at, lang=lang)
    return {**answer, "duration_s": round(time.perf_counter() - started, 3)}


def verdict_at(
    connection: Connection,
    identity: Identity,
    given: Any,
    at: datetime,
    *,
    edition: Edition | None = None,
    lang: str = "zh",
) -> Row:
    """The verdict by what a transaction sees, at an instant; see `verdict_on`. `edition`: that day's, if it is at hand."""
    judged = judge(connection, given, at.date(), edition=edition, identity=identity)
    site = site_of(connection, judged.proposal.geometry, most_m2=judged.rules.area_m2)
    return verdict_of_judged(connection, identity, judged, site, at, lang=lang)


def verdict_of_judged(
    connection: Connection, identity: Identity, judged: Judged, site: Site, at: datetime, *, lang: str = "zh"
) -> Row:
    """The verdict on a proposal that was read and placed; see `verdict_on`."""
    site = replace(site, own=judged.proposal.enterprise_code)
    found = [*judged.fixed, *_around(connection, site, judged)]
    return {
        **_answer(judged, in_order(found), lang),
        "site": {
            "lon": site.lon,
            "lat": site.lat,
            "area_m2": site.area_m2,
            "metric_crs": f"EPSG:{site.srid}",
            "areas": list(site.areas.values()),
        },
        "complete": identity.sees_city,
        "data": {"rev": head_rev(connection), "time": iso(at)},
    }


def judge(
    connection: Connection,
    given: Any,
    today: date,
    *,
    edition: Edition | None = None,
    shape_needed: bool = True,
    identity: Identity | None = None,
) -> Judged:
    """A proposal read under the edition in force (read here, unless it is given), with every row that binds it.

    `identity`: who asks, and knows of filed proposals as far as it may; None: nobody, to whom none is one.
    """
    edition = edition or edition_on(connection, today)
    rules = SitingRules.from_edition(edition)
    given, asked = split_asked(given)
    proposal = read_proposal(given, vertices=rules.vertices, today=today, shape_needed=shape_needed)
    held, unmatched = _held(proposal, edition)
    facts = facts_of(rules, proposal, _major(proposal, held, unmatched, edition))
    sensitive = rules.matrix.sensitivities(proposal.judged_uses, proposal.existing, proposal.years)
    own: set[str] = set()
    for use in proposal.uses:
        known = rules.matrix.sensitivity(use)
        own |= own_objects(rules, use.kind, known.word if known else None)
    accounts = _accounts(proposal.kind, held, edition)
    zones, unknown = zone_bounds(rules, accounts)
    bounds = [*bound_rows(rules, facts), *bound_by_sources(rules, own), *zones]
    fixed = [access(rules, proposal), *without_object(rules, proposal, facts), *unknown]
    fixed += _stock_gaps(rules, proposal, unmatched, edition)
    planned: list[Planned] = []
    if identity is not None:
        asked, planned = planned_for(connection, identity, rules, proposal, asked, today)
        fixed += limits(identity, rules)
    return Judged(proposal, rules, edition, bounds, fixed, sensitive, accounts, asked, planned)


def _held(proposal: Proposal, edition: Edition) -> tuple[list[Held], list[str]]:
    """What is to be kept, as substances; and the names that mean none."""
    catalogue = Catalogue.from_edition(edition)
    held, unmatched = [], []
    for number, one in enumerate(proposal.inventory):
        match = catalogue.match(
            cas=one.cas or None, name=one.substance or None, hazard_class=one.hazard_class or None
        )
        if match.substance is None:
            unmatched.append(one.label)
        else:
            held.append(Held(Item(f"proposed-{number}", one.quantity_t, match, one.label)))
    return held, unmatched


def _major(proposal: Proposal, held: list[Held], unmatched: list[str], edition: Edition) -> bool | None:
    """Whether it would be a major hazard source (S ≥ 1, GB 18218); None where what it holds is not known whole."""
    if not proposal.inventory:
        return None
    s = Fraction(0)
    if held:
        rules = Gb18218.from_edition(edition)
        s = grade_source([one.item for one in held], None, rules, unit_type=None).s or s
    return True if s >= 1 else None if unmatched else False


def _accounts(kind: str, held: list[Held], edition: Edition) -> list[Account]:
    if not held or CONSEQUENCES not in edition.tables:
        return []
    rules = ConsequenceRules.from_edition(edition)
    return [one.to_json() for one in consequence_distances(kind, held, rules).values()]


def _stock_gaps(
    rules: SitingRules, proposal: Proposal, unmatched: list[str], edition: Edition
) -> list[Finding]:
    """Where nothing can be said of consequences: no inventory of a kind that has one, names that mean no substance."""
    gaps = []
    if proposal.kind in rules.stocked and not proposal.inventory:
        gaps.append("no_inventory")
    if unmatched:
        gaps.append("unmatched")
    if proposal.inventory and CONSEQUENCES not in edition.tables:
        gaps.append("no_consequence_rules")
    names = (("unmatched", unmatched),) if unmatched else ()
    text = "GB 36894-2018", "须知危险物质的种类和存量，才能算出后果距离", CLAUSE_DATE
    return [Finding(RULE, "not_on_file", gap, *text, facts=names) for gap in gaps]


def _around(connection: Connection, site: Site, judged: Judged) -> list[Finding]:
    """What the place says: distances of every row that binds, and zones of sources that reach it."""
    looked = looked_mm(judged.rules, judged.bounds)
    filed = by_object(judged.planned, looked)
    near = nearest(connection, site, looked)
    near |= nearer_planned(connection, site, filed, looked, near)
    missing = on_file(connection, [one for one in looked if one.code not in near])
    known = {one.code: missing.get(one.code, True) or bool(filed[one.code]) for one in looked}
    found = findings(judged.bounds, near, known)
    if judged.sensitive:
        found += reached(judged.rules, _reaching(connection, site, judged), judged.sensitive)
    return found


def _reaching(connection: Connection, site: Site, judged: Judged) -> Iterable[Reaching]:
    """The zone systems that may reach the site: studies on file, then the distances of each source, on file or planned."""
    rules = judged.rules
    for row in studies_about(connection, site):
        yield of_study(rules, row, row["share"])
    standing = sources_about(connection, site, rules.zones_mm, rules.unknown_mm)
    rows = [
        (row, mm_between(site.shape, row["shape"])) for row in (*standing, *sources_among(judged.planned))
    ]
    near = [(row, distance) for row, distance in rows if distance <= rules.zones_mm]
    ways = [shapely.shortest_line(site.shape, row["shape"]) for row, _ in near]
    lines = geojson_of(connection, np.array(ways, object)) if ways else []
    for (row, distance), line in zip(near, lines, strict=True):

        def share(radius: Radius, row: Row = row, distance: int = distance) -> float:
            return share_near(site.shape, row["shape"], radius.mm, distance)

        yield from of_source(rules, {**row, "line": line}, distance, share)


def limits(identity: Identity, rules: SitingRules) -> list[Finding]:
    """Who does not see the whole city cannot be told that nothing speaks against it, and is told what was not looked at."""
    if identity.sees_city:
        return []
    reason = "own_rows" if identity.knows_neighbours else "own_rows_alone"
    text = "本系统数据权限规则", "权限外的记录未参与核对，不得判为未发现否决情形", rules.since
    return [Finding("coverage", "study_required", reason, *text)]


def _answer(judged: Judged, found: list[Finding], lang: str) -> Row:
    outcome = verdict(found)
    rows = [
        one.to_json()
        | {"outcome_text": words(lang)["siting_outcome"][one.outcome], "why": why(one, lang)}
        | {"clause_text": clause_words(one.clause, lang), "basis_text": demand_words(one.basis, lang)}
        for one in found
    ]
    first = binding(found)
    proposal, edition = judged.proposal, judged.edition
    return {
        "verdict": outcome,
        "verdict_text": words(lang)["siting_outcome"][outcome],
        "proposal": {**proposal.given, "stage": proposal.stage},
        "binding": first.rule if first else None,
        "rules": rows[: judged.rules.rows],
        "rules_total": len(rows),
        "gaps": [row["rule"] for row in rows if row["outcome"] in {"not_on_file", "no_data"}],
        "sensitivity": [_class(judged.rules, one, lang) for one in judged.sensitive],
        "counts": _counts(found),
        "editions": {
            "edition": edition.name,
            "edition_hash": edition.hash,
            "siting": judged.rules.edition,
            "siting_title": judged.rules.title,
        },
        "archive_number": None,
        "note": told("decides", lang),
        "screening": True,
    }


def _class(rules: SitingRules, one: Sensitivity, lang: str) -> Mapping[str, Any]:
    name = rules.matrix.names[one.word][1 if lang == "en" else 0]
    return {
        "kind": one.kind,
        "level": one.level,
        "class": one.word,
        "class_text": name,
        "assumed": one.assumed,
    }


def _counts(found: Iterable[Finding]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found:
        word = verdict_of(one.outcome)
        counts[word] = counts.get(word, 0) + 1
    return counts
