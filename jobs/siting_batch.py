"""Many proposals at once: a file of them judged one after the other at one revision, and the workbook of the verdicts."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from jobs.siting import verdict_at
from layers.checks import Fault
from layers.city import stored_city
from layers.database import Identity, reading
from layers.editions import edition_on
from layers.files import read_table
from layers.headers import known_headers
from layers.history import CLOCK
from layers.intake import Rules
from layers.mapping import Mapping, read_mapping
from layers.proposal_fields import PROPOSALS
from layers.proposals import proposals_of
from layers.siting_workbook import write_verdicts
from riskmap.errors import BadInput, TooLarge

Row = dict[str, Any]


class Judged(NamedTuple):
    """One proposal with its verdict: the row it begins in, what was proposed, the answer."""

    row: int
    given: Row
    answer: Row


class Batch:
    """A file of proposals while it is judged: iterate `judge`, then ask for the report and the workbook."""

    def __init__(self, reader: Engine, identity: Identity, *, lang: str = "zh") -> None:
        self._reader, self._identity, self._lang = reader, identity, lang
        self.rows_read = 0
        self.judged: list[Judged] = []
        self.faults: list[Fault] = []
        self.notes: list[str] = []

    def judge(
        self,
        path: Path,
        *,
        crs: str | None = None,
        mapping: Path | None = None,
        sheet: str | None = None,
        encoding: str | None = None,
        most: int | None = None,
    ) -> Iterator[float]:
        """Read the file and judge its proposals; yields the share that is done.

        BadInput where the file cannot be used, TooLarge where it has more than `most` proposals. What is wrong in one
        row is its fault, and the others are judged.
        """
        theirs = _mapping(mapping)
        known = known_headers(PROPOSALS, theirs.columns.values() if theirs else ())
        table = read_table(path, sheet=sheet, encoding=encoding, known=known)
        at = datetime.now(CLOCK).replace(microsecond=0)
        with reading(self._reader, self._identity) as connection:
            edition = edition_on(connection, at.date())
            rules = Rules(stored_city(connection), lambda: edition)
            found = proposals_of(table, rules, crs=crs, mapping=theirs)
            self.rows_read, self.faults, self.notes = found.rows_read, list(found.faults), found.notes
            number = len(found.proposals)
            if most is not None and number > most:
                raise TooLarge(
                    f"{path.name} 有 {number:,} 个项目，一次最多 {most:,} 个",
                    remedy="请分成几个文件，或用 riskmap siting batch",
                )
            for n, one in enumerate(found.proposals, start=1):
                try:
                    answer = verdict_at(
                        connection, self._identity, one.content, at, edition=edition, lang=self._lang
                    )
                    self.judged.append(Judged(one.row, one.content, answer))
                except (BadInput, TooLarge) as error:
                    self.faults.append(
                        Fault(one.row, str(error.facts.get("field", "")), None, error.detail, error.remedy)
                    )
                yield n / number
        self.faults.sort(key=lambda fault: fault.row)

    def report(self) -> Row:
        """How many rows and proposals there were, the verdicts by word, one line a proposal, one a faulty row."""
        counts: dict[str, int] = {}
        for one in self.judged:
            counts[one.answer["verdict"]] = counts.get(one.answer["verdict"], 0) + 1
        return {
            "rows_read": self.rows_read,
            "judged": len(self.judged),
            "verdicts": counts,
            "items": [summary(one) for one in self.judged],
            "rejected": [fault.to_json() for fault in self.faults],
            "notes": self.notes,
        }

    def write(self, path: Path) -> None:
        """The workbook: a line for each verdict, the rules that speak against it, the rows that were not judged."""
        rules = [
            {"row": one.row, "name": one.given.get("name"), **rule}
            for one in self.judged
            for rule in one.answer["rules"]
            if rule["outcome"] != "admissible"
        ]
        lines = [summary(one) for one in self.judged]
        about = self.judged[0].answer if self.judged else None
        write_verdicts(path, lines, rules, [fault.to_json() for fault in self.faults], about, self._lang)


def summary(one: Judged) -> Row:
    """A verdict in one line: what, where, the outcome, the rule that decides and what it measured."""
    answer, given = one.answer, one.given
    first = next((rule for rule in answer["rules"] if rule["rule"] == answer["binding"]), None)
    areas = {area["kind"]: area["name"] for area in answer["site"]["areas"]}
    near = (first or {}).get("object") or {}
    return {
        "row": one.row,
        "project_code": given.get("paper", {}).get("project_code"),
        "name": given.get("name"),
        "kind": given["kind"],
        "stage": answer["proposal"]["stage"],
        "township": areas.get("township"),
        "lon": answer["site"]["lon"],
        "lat": answer["site"]["lat"],
        "area_m2": answer["site"]["area_m2"],
        "verdict": answer["verdict"],
        "verdict_text": answer["verdict_text"],
        "binding": answer["binding"],
        "clause": first["clause_text"] if first else None,
        "why": first["why"] if first else None,
        "object": near.get("name") or (first or {}).get("object_zh"),
        "measured": first["measured"] if first else None,
        "limit": first["limit"] if first else None,
        "margin": first["margin"] if first else None,
        "rules_total": answer["rules_total"],
        "gaps": len(answer["gaps"]),
    }


def _mapping(path: Path | None) -> Mapping | None:
    return read_mapping(path, PROPOSALS) if path is not None else None
