"""Opinion papers 选址安全审查意见书: everything that is said of one proposal, at one revision, filed under a number."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.siting import Judged, judge, verdict_of_judged
from jobs.siting_alternatives import alternatives_at
from jobs.siting_effects import effects_of_judged
from jobs.siting_ground import ground_of_paper
from layers.city import stored_city
from layers.database import Identity, snapshot, writing
from layers.history import CLOCK, open_revision
from layers.records import iso
from layers.siting import Row, Site, site_of
from layers.siting_papers import keep_paper, next_serial, paper_named
from layers.status import status_of
from riskmap import __version__
from riskmap.errors import Forbidden, Refused
from riskmap.siting_paper_rules import PaperRules
from riskmap.siting_papers import (
    FORMAT,
    canonical,
    conditions_of,
    digest,
    number_of,
    turning_of,
)

MAY_FILE = ("admin", "city", "planner")
"""roles in whose name an opinion is filed, as long as they see the whole city"""


def may_file(identity: Identity) -> bool:
    """Whether somebody may file opinion papers."""
    return identity.role in MAY_FILE and identity.sees_city


def file_paper(owner: Engine, identity: Identity, given: Any, *, at: datetime | None = None) -> Row:
    """Judge a proposal and file the opinion under a new number; the verdict as it was filed, with `archive_number`.

    `given` is a proposal with a part `paper` (applicant, project_code, replaces, note). A paper of a project that has one
    cites it and takes its place. Forbidden for roles that may not, Refused where the paper to replace is replaced
    already, BadInput and TooLarge as for a verdict.
    """
    if not may_file(identity):
        raise Forbidden(
            "只有能看到全市数据的管理员、市级和规划用户可以出具意见书", remedy="请由规划或市级用户办理"
        )
    now = (at or datetime.now(CLOCK)).astimezone(CLOCK).replace(microsecond=0)
    with snapshot(owner) as connection:
        judged, site, content = _content(connection, identity, given, now)
    with writing(owner) as connection:
        serial = next_serial(connection, now.year)  # the queue: whoever files at once is seen from here on
        old = _replaced(connection, judged.asked.replaces)
        number = number_of(content["city"]["code"], now.year, serial)
        version = old["version"] + 1 if old else 1
        verdict = {**content["verdict"], "archive_number": number}
        content |= {"number": number, "version": version, "verdict": verdict}
        content |= {"made_by": identity.name, "replaces": judged.asked.replaces or None}
        text = canonical(content)
        sha256 = digest(text)
        rev = open_revision(connection, identity.name, "siting", f"选址意见书 {number} SHA-256 {sha256}")
        own = {"number": number, "rev": rev, "sha256": bytes.fromhex(sha256), "data": text}
        paper, notice = _rows(judged, content)
        keep_paper(connection, paper | own, site, notice | {k: own[k] for k in ("number", "rev", "sha256")})
    filed = {name: content[name] for name in ("number", "version", "replaces", "valid_until", "made_at")}
    return {**verdict, "effects": content["effects"], "paper": {**filed, "sha256": sha256}}


def _replaced(connection: Connection, number: str) -> Row | None:
    """The paper that is cited; Refused where another has its place already."""
    if not number:
        return None
    old = paper_named(connection, number)
    if old["replaced_by"]:
        raise Refused(
            f"意见书 {number} 已由 {old['replaced_by']} 替代",
            remedy=f"请改为引用 {old['replaced_by']}",
        )
    return old


def _content(
    connection: Connection, identity: Identity, given: Any, now: datetime
) -> tuple[Judged, Site, Row]:
    """Everything a paper tells but its number, by what one transaction sees."""
    judged = judge(connection, given, now.date(), identity=identity)
    rules = PaperRules.from_edition(judged.edition)
    site = site_of(connection, judged.proposal.geometry, most_m2=judged.rules.area_m2)
    city = stored_city(connection)
    verdict = verdict_of_judged(connection, identity, judged, site, now)
    effects = effects_of_judged(connection, judged, site, now)
    content = {
        "format": FORMAT,
        "synthetic": status_of(connection).synthetic,
        "program": __version__,
        "city": {"code": city.code, "name": city.name, "name_en": city.name_en},
        "made_at": iso(now),
        "valid_until": iso(rules.valid_until(now.date())),
        "valid_months": rules.valid_months,
        "asked": {key: value for key, value in judged.asked._asdict().items() if key != "replaces"},
        "proposal": dict(judged.proposal.given),
        "verdict": verdict,
        "consequences": judged.accounts,
        "effects": effects,
        "alternatives": alternatives_at(connection, judged, site, rules),
        **ground_of_paper(connection, judged, site, rules),
        "conditions": conditions_of(rules, verdict, effects),
        "turning": turning_of(verdict["rules"]),
        "voids": [one._asdict() for one in rules.voids],
        "departments": [{"name": d.name._asdict(), "matter": d.matter._asdict()} for d in rules.departments],
        "inputs": {
            **verdict["data"],
            **verdict["editions"],
            "paper_rules": rules.edition,
            "result_hash": effects["result_hash"],
        },
    }
    return judged, site, content


def _rows(judged: Judged, content: Mapping[str, Any]) -> tuple[Row, Row]:
    """The paper's row and the public one, but for what both have."""
    proposal, verdict = judged.proposal, content["verdict"]
    first = next((row for row in verdict["rules"] if row["rule"] == verdict["binding"]), None)
    made_at = datetime.fromisoformat(content["made_at"])
    areas = {one["kind"]: one["name"] for one in verdict["site"]["areas"]}
    both = {
        "replaces": content["replaces"],
        "name": proposal.name,
        "kind": proposal.kind,
        "stage": proposal.stage,
        "verdict": verdict["verdict"],
        "valid_until": date.fromisoformat(content["valid_until"]),
        "edition": judged.edition.name,
    }
    classes = {one.kind: one.word for one in judged.sensitive}
    paper = both | {
        "year": made_at.year,
        "serial": int(content["number"].rsplit("-", 1)[1]),
        "version": content["version"],
        "applicant": content["asked"]["applicant"],
        "project_code": content["asked"]["project_code"],
        "made_at": made_at,
        "made_by": content["made_by"],
        "enterprise_code": proposal.enterprise_code,
        "uses": [{"kind": use.kind, "class": classes.get(use.kind)} for use in proposal.uses],
        "consequences": judged.accounts,
    }
    notice = both | {
        "township": areas.get("township"),
        "area_m2": verdict["site"]["area_m2"],
        "clause": first["clause"] if first else None,
        "filed_on": made_at.date(),
    }
    return paper, notice
