"""How stable the colours are: the newest check, and whose colour a single weight turns."""

from typing import Any

import pandas as pd
from sqlalchemy import Connection, MetaData, select, text

from layers.copying import copy_in
from layers.history import Moment, results_of
from layers.records import iso
from layers.schema import SCOPE, flip, run, score, stability

SCALES = ("level", "base_level")
"""the colours that are checked: with and without what is going on"""


def last_check(connection: Connection) -> dict[str, Any] | None:
    """The newest check as its row with the revision and instant of its run, or None where there was none."""
    query = select(stability, run.c.rev.label("run_rev"), run.c.data_time).join(
        run, run.c.run_id == stability.c.run_id
    )
    row = connection.execute(query.order_by(stability.c.rev.desc()).limit(1)).mappings().first()
    return dict(row) if row else None


def check_told(check: dict[str, Any]) -> dict[str, Any]:
    """A check as the interface tells it."""
    return {
        "run_id": check["run_id"],
        "data_time": iso(check["data_time"]),
        "edition": check["edition"],
        "checked_at": iso(check["at"]),
        "weights": check["weights"],
        "duration_s": check["duration_s"],
        **check["counts"],
    }


def levels_of_kind(connection: Connection, kind: str, run_rev: int, scale: str) -> dict[str, int]:
    """The colours that a run left on one of the `SCALES`, by code; 0 where there is none."""
    rows = results_of("score", Moment(None, run_rev))
    found = connection.execute(select(rows.c.code, rows.c[scale].label("level")).where(rows.c.kind == kind))
    return {row.code: row.level or 0 for row in found}


def write_check(connection: Connection, values: dict[str, Any], flips: pd.DataFrame) -> None:
    """Keep a check; `flips` (kind, code, flips as JSON text) replaces what the last one found."""
    connection.execute(stability.insert().values(values))
    connection.execute(flip.delete())
    connection.execute(text("CREATE TEMP TABLE found_flip (LIKE flip) ON COMMIT DROP"))
    copy_in(connection, "found_flip", flips.assign(rev=values["rev"]))
    found = flip.to_metadata(MetaData(), name="found_flip")
    own = select(found.c.kind, found.c.code, *(score.c[name] for name in SCOPE), found.c.flips, found.c.rev)
    own = own.join(score, (score.c.kind == found.c.kind) & (score.c.code == found.c.code))
    connection.execute(flip.insert().from_select(["kind", "code", *SCOPE, "flips", "rev"], own))


def stability_of(connection: Connection, kind: str, code: str) -> dict[str, Any] | None:
    """Whether a thing's colours are stable, and else which weights turn them: `level` (now) and `base_level` apart.

    A scale is None where its colour has changed since the check; the whole is where the edition has, or where the
    score is not the reader's to see.
    """
    check = last_check(connection)
    used = select(run.c.edition).where(run.c.current).order_by(run.c.rev.desc()).limit(1)
    if check is None or connection.execute(used).scalar_one() != check["edition"]:
        return None
    then = results_of("score", Moment(None, check["run_rev"]))
    now, before = (
        connection.execute(
            select(rows.c.level, rows.c.base_level).where(rows.c.kind == kind, rows.c.code == code)
        ).first()
        for rows in (score, then)
    )
    if now is None or before is None or now.level is None:
        return None
    query = select(flip.c.flips).where(flip.c.kind == kind, flip.c.code == code)
    flips = connection.execute(query).scalar_one_or_none() or {}
    told = check_told(check)
    return {
        **{
            scale: {"stable": scale not in flips, "flips_with": flips.get(scale, [])}
            if getattr(now, scale) == getattr(before, scale)
            else None
            for scale in SCALES
        },
        **{name: told[name] for name in ("weights", "edition", "run_id", "data_time", "checked_at")},
    }
