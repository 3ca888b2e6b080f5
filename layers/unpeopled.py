"""Sources that reach nobody on file: a danger there moves their own score and no place, until somebody enters who is there.

A score is hazard and exposure; where it is the hazard alone there is none to be exposed. Told so it is one look at the
results of the sources, half a second for a million of them, on a page of its own.
"""

from typing import Any

from sqlalchemy import BigInteger, Connection, and_, func, select

from layers.quality import OUTSIDE
from layers.records import Page, points
from layers.schema import metadata, score
from riskmap.vocabulary import LEVELS

EXPOSURE = frozenset({"exposure_grid", "exposure_target"})
"""the items of lines that tell of people and targets around"""
_ENTERPRISE, _SOURCE = metadata.tables["enterprise"], metadata.tables["source"]


def unpeopled(connection: Connection, township: str | None, limit: int, offset: int = 0) -> Page:
    """Sources and premises of enterprises with nobody in reach, by inherent score, of a township or all one may see.

    `{"kind", "code", "name", "township_code", "base_score", "base_level", "synthetic"}`; premises are told as their
    enterprise.
    """
    nobody = score.c.score == score.c.facts["hazard"].astext.cast(BigInteger)
    found = select(
        score.c.code, score.c.enterprise_code, score.c.township_code, score.c.base, score.c.base_level
    )
    found = found.add_columns(func.count().over().label("total")).where(
        and_(score.c.kind == "source", nobody)
    )
    if township:
        here = score.c.township_code
        found = found.where(here.is_(None) if township == OUTSIDE else here == township)
    shown = found.order_by(score.c.base.desc(), score.c.code).limit(limit).offset(offset).subquery()
    query = (
        select(
            func.coalesce(_SOURCE.c.code, _ENTERPRISE.c.code).label("code"),
            func.coalesce(_SOURCE.c.name, _ENTERPRISE.c.name).label("name"),
            func.coalesce(_SOURCE.c.synthetic, _ENTERPRISE.c.synthetic, False).label("synthetic"),
            _SOURCE.c.code.is_not(None).label("registered"),
            *(shown.c[name] for name in ("township_code", "base", "base_level", "total")),
        )
        .select_from(shown)
        .outerjoin(_SOURCE, _SOURCE.c.code == shown.c.code)
        .outerjoin(_ENTERPRISE, _ENTERPRISE.c.code == shown.c.enterprise_code)
        .order_by(shown.c.base.desc(), shown.c.code)
    )
    rows = connection.execute(query).mappings().all()
    return Page([_item(row) for row in rows], rows[0]["total"] if rows else 0)


def _item(row: Any) -> dict[str, Any]:
    return {
        "kind": "source" if row["registered"] else "enterprise",
        **{name: row[name] for name in ("code", "name", "township_code", "synthetic")},
        "base_score": points(row["base"]),
        "base_level": LEVELS.get(row["base_level"]),
    }
