"""Doubtful records as people mend them: which enterprise, why, on which record, what to fill in; worst first.

A cause is kept as a code in the facts of a score, by the run (`jobs.quality`). The order is a measure of what mending
could do to the map: first the letter, as D makes a level a lower bound and C puts what it rests on in doubt, while B
can change no colour; then the score, which holds the hazard and the people exposed to it: the higher, the more a
mended record can move. Both stand in one index (`score_doubtful`), so a page of a list is read without sorting the
city. Sources that belong to no enterprise stand for themselves.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import JSONB

from layers.duty import SLOTS
from layers.records import PREMISES_SUFFIX, Page, points
from layers.schema import metadata, score
from riskmap.confidence import LETTERS
from riskmap.vocabulary import LEVELS

OUTSIDE = "outside"
"""Stands for a township's code where records lie in none."""

PERSON_FIELDS = tuple(f"{what}_{slot}" for slot in SLOTS for what in ("dept", "person"))
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "no_inventory": ("inventory", ("cas", "substance", "quantity_t", "as_of")),
    "unmatched_substance": ("inventory", ("cas", "substance", "quantity_t")),
    "stale_inventory": ("inventory", ("quantity_t", "as_of")),
    "misplaced": ("", ("lon", "lat", "wkt", "township_code")),
    "outside_areas": ("", ("lon", "lat", "wkt")),
    "shared_position": ("", ("lon", "lat", "wkt")),
    "no_industry": ("enterprise", ("industry",)),
    "no_legal_representative": ("enterprise", ("legal_representative",)),
    "no_responsible_person": ("enterprise", PERSON_FIELDS),
    "people_unknown": ("population", ("people",)),
    "wrong_code": ("enterprise", ("code",)),
}
"""cause: the layer it is mended in (empty: the layer of the record itself) and the fields to fill in there"""
OWN = frozenset({"no_industry", "no_legal_representative", "no_responsible_person", "wrong_code"})
"""causes that stand on an enterprise's own record; others stand on its sources or its premises"""

_ENTERPRISE, _SOURCE = metadata.tables["enterprise"], metadata.tables["source"]
_CAUSES = score.c.facts["confidence_causes"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is limited to; `township` may be OUTSIDE."""

    township: str | None = None
    cause: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many enterprises are doubtful: in all, by cause and by township, each with the other filter applied."""

    total: int
    by_cause: dict[str, int]
    by_township: dict[str, int]


def counts(connection: Connection, wanted: Wanted) -> Counts:
    """Count what the caller may see; the text does not limit it."""
    causes = _CAUSES.label("causes")
    query = select(score.c.township_code, causes, func.count()).where(_doubtful())
    total, by_cause, by_township = 0, Counter[str](), Counter[str]()
    for township, held, n in connection.execute(query.group_by(score.c.township_code, causes)):
        here = township or OUTSIDE
        if wanted.township in (None, here):
            by_cause.update(dict.fromkeys(held, n))
        if wanted.cause is None or wanted.cause in held:
            by_township[here] += n
            total += n if wanted.township in (None, here) else 0
    ordered = {cause: by_cause[cause] for cause in LETTERS if by_cause[cause]}
    return Counts(total, ordered, dict(by_township.most_common()))


def listing(
    connection: Connection, wanted: Wanted, limit: int, offset: int = 0, *, total: int | None = None
) -> Page:
    """Doubtful enterprises (and sources without one), what matters most first; `total` where it is known already.

    `{"kind", "code", "name", "township_code", "confidence", "base_score", "base_level", "synthetic", "causes": [{"cause",
    "letter", "record", "name", "layer", "fields"}]}`; `record` is None where it lies in a township that the caller
    does not see.
    """
    query = _chosen(wanted)
    found = connection.execute(_worst_first(query).limit(limit).offset(offset)).mappings().all()
    if total is None:
        total = int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())
    beneath = _beneath(connection, [row["code"] for row in found if row["kind"] == "enterprise"])
    return Page([_item(row, beneath.get(row["code"], [])) for row in found], total)


def faulty_scores(connection: Connection, township: str | None, limit: int) -> list[Row]:
    """The doubtful sources, premises and enterprises of a township (None: all that the caller sees), worst first.

    `{"kind", "code", "causes", "unmatched"}`
    """
    query = select(
        score.c.kind, score.c.code, _CAUSES.label("causes"), score.c.facts["unmatched"].label("unmatched")
    ).where(score.c.kind.in_(("enterprise", "source")), score.c.confidence > "A", _in_township(township))
    return [dict(row) for row in connection.execute(_worst_first(query).limit(limit)).mappings()]


def _doubtful() -> ColumnElement[bool]:
    """Enterprises, and sources of nobody; the premises of an enterprise are told with it."""
    standing = or_(score.c.kind == "enterprise", score.c.enterprise_code.is_(None))
    return and_(score.c.kind.in_(("enterprise", "source")), standing, score.c.confidence > "A")


def _in_township(township: str | None) -> ColumnElement[bool]:
    if township == OUTSIDE:
        return score.c.township_code.is_(None)
    return score.c.township_code == township if township else true()


def _chosen(wanted: Wanted) -> Select[Any]:
    query = (
        select(
            score.c.kind,
            score.c.code,
            func.coalesce(_ENTERPRISE.c.name, _SOURCE.c.name).label("name"),
            score.c.township_code,
            score.c.confidence,
            score.c.base,
            score.c.base_level,
            func.coalesce(_ENTERPRISE.c.synthetic, _SOURCE.c.synthetic, False).label("synthetic"),
            _CAUSES.label("causes"),
        )
        .outerjoin(_ENTERPRISE, and_(score.c.kind == "enterprise", _ENTERPRISE.c.code == score.c.code))
        .outerjoin(_SOURCE, and_(score.c.kind == "source", _SOURCE.c.code == score.c.code))
        .where(_doubtful(), _in_township(wanted.township))
    )
    if wanted.cause:
        query = query.where(score.c.facts["confidence_causes"].cast(JSONB).has_key(wanted.cause))
    if wanted.text:
        called = [
            select(table.c.code).where(
                or_(*(text.icontains(wanted.text, autoescape=True) for text in (table.c.name, table.c.code)))
            )
            for table in (_ENTERPRISE, _SOURCE)
        ]
        query = query.where(score.c.code.in_(union_all(*called)))
    return query


def _worst_first(query: Select[Any]) -> Select[Any]:
    return query.order_by(score.c.confidence.desc(), score.c.score.desc().nulls_last(), score.c.code)


def _beneath(connection: Connection, codes: list[str]) -> dict[str, list[Row]]:
    """By enterprise the causes of its sources and premises, for the few enterprises of a page: one query."""
    registered = select(_SOURCE.c.code).where(_SOURCE.c.enterprise_code.in_(codes))
    premises = [code + PREMISES_SUFFIX for code in codes]
    query = (
        select(score.c.code, score.c.enterprise_code, _SOURCE.c.name, _CAUSES.label("causes"))
        .outerjoin(_SOURCE, _SOURCE.c.code == score.c.code)
        .where(
            score.c.kind == "source",
            score.c.confidence > "A",
            or_(score.c.code.in_(premises), score.c.code.in_(registered)),
        )
        .order_by(score.c.code)
    )
    found: dict[str, list[Row]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["enterprise_code"], []).append(dict(row))
    return found


def _item(row: Any, beneath: Iterable[Row]) -> Row:
    told = dict(row)
    own, base = told.pop("causes"), told.pop("base")
    causes = list(_told(told, own, beneath))
    hidden = set(own) - {one["cause"] for one in causes}
    causes += [_cause(cause, None, None, None) for cause in hidden]
    causes.sort(key=lambda one: (list(LETTERS).index(one["cause"]), one["record"] or ""))
    level = {"base_score": points(base), "base_level": LEVELS.get(row["base_level"])}
    return told | level | {"causes": causes}


def _told(row: Row, own: Iterable[str], beneath: Iterable[Row]) -> Iterator[Row]:
    """Each cause with the record it stands on; what an enterprise only has from its sources stands on these."""
    stands = own if row["kind"] == "source" else [cause for cause in own if cause in OWN]
    for cause in stands:
        yield _cause(cause, row["kind"], row["code"], row["name"])
    for source in beneath:
        for cause in source["causes"]:
            if source["name"] is None:  # its premises: implicit, so what is to be mended is the enterprise
                yield _cause(cause, "enterprise", row["code"], row["name"])
            else:
                yield _cause(cause, "source", source["code"], source["name"])


def _cause(cause: str, layer: str | None, code: str | None, name: str | None) -> Row:
    """One cause told; without a record where that lies in a township the caller does not see."""
    mended_in, fields = FIELDS[cause]
    return {
        "cause": cause,
        "letter": LETTERS[cause],
        "record": f"{layer}/{code}" if layer else None,
        "name": name,
        "layer": mended_in or layer,
        "fields": list(fields),
    }
