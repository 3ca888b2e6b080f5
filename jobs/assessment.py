"""The whole account of a city from its records, ready to be kept. Pure: no database, no clock."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.accounts import Account, enterprise_accounts, source_accounts
from jobs.areas import Standing, area_results
from jobs.city import City, Row, arrange
from layers.risk import Inputs
from layers.schema import SCOPE

_COLUMNS = (
    *("kind", "code", *SCOPE, "score", "base", "level", "base_level", "rise_level"),
    *("grade", "confidence", "facts"),
)
_WHOLE = ("score", "base", "level", "base_level", "rise_level", "grade")


@dataclass(frozen=True, slots=True)
class Assessment:
    """Results ready to be kept: one row a score, one row a line of an account."""

    scores: pd.DataFrame
    contributions: pd.DataFrame
    edition_hash: str

    def result_hash(self) -> str:
        """SHA-256 over kind, code, micro-points, level and grade of every score, after the edition's hash."""
        rows = zip(*(self.scores[n] for n in ("kind", "code", "score", "level", "grade")), strict=True)
        lines = sorted("\t".join(["" if v is None else str(v) for v in row]).encode() for row in rows)
        return hashlib.sha256(b"\n".join([self.edition_hash.encode(), *lines]) + b"\n").hexdigest()


def assess_records(inputs: Inputs, city_code: str) -> Assessment:
    """Every score and account of a city of these records."""
    city = arrange(inputs)
    sources, source_lines = source_accounts(inputs, city)
    enterprises, enterprise_lines = enterprise_accounts(inputs, city, sources)
    rows = [*sources, *enterprises, *area_results(inputs, city.ground, _standing(city, sources), city_code)]
    return frames_of(rows, [*source_lines, *enterprise_lines], inputs.edition.hash)


def frames_of(rows: list[Row], lines: list[Account], edition_hash: str) -> Assessment:
    """Rows of results and their accounts as they are kept."""
    scores = pd.DataFrame(rows, columns=_COLUMNS)
    scores["facts"] = [json.dumps(row["facts"], ensure_ascii=False) for row in rows]
    for name in _WHOLE:
        scores[name] = scores[name].astype("Int64")
    scores = scores.astype(object).where(scores.notna(), None)
    return Assessment(scores, _lines_frame(lines, scores), edition_hash)


def _standing(city: City, rows: list[Row]) -> Standing:
    levels = {name: np.array([row[name] for row in rows], np.int64) for name in ("level", "base_level")}
    return Standing.of(city.graded.sources[["code", *SCOPE]].assign(site=city.graded.sites, **levels))


def _lines_frame(accounts: list[Account], scores: pd.DataFrame) -> pd.DataFrame:
    """The lines of all accounts with the scope of what they explain."""
    columns = ["kind", "code", "n", "item", "record", "value", "args"]
    rows = [
        (kind, code, n, line.kind, line.record, line.value, json.dumps(dict(line.args), ensure_ascii=False))
        for kind, code, lines in accounts
        for n, line in enumerate(lines)
    ]
    frame = pd.DataFrame(rows, columns=columns)
    scope = scores[["kind", "code", *SCOPE]]
    return (
        frame.merge(scope, on=["kind", "code"], how="left")
        if len(frame)
        else frame.reindex(columns=[*columns, *SCOPE])
    )
