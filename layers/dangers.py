"""Hidden dangers as a ledger: where each was found, by when it is to be put right, and whether that day has passed."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, FromClause, and_, case, func, or_, select

from layers.records import Page
from layers.schema import metadata

STATES = ("open", "overdue", "closed")
_ENDED = ("closed", "cancelled")
_TODAY = func.date(func.timezone("Asia/Shanghai", func.now()))
"""the city's own day"""
_DANGER, _SOURCE, _ENTERPRISE, _AREA = (
    metadata.tables[name] for name in ("danger", "source", "enterprise", "area")
)
_DUE = func.coalesce(_DANGER.c.extended_to, _DANGER.c.due_on)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the ledger is limited to: a township, a state of `STATES`, a grade, a part of the title or code."""

    township: str | None = None
    state: str | None = None
    grade: str | None = None
    text: str | None = None


def ledger(connection: Connection, wanted: Wanted, limit: int, offset: int = 0) -> Page:
    """Dangers as the caller may see them: the open ones first, major before general, overdue before the latest found.

    Beside the layer's own columns `where` (name of source, enterprise or area, else the place as written), `due` (extension included),
    `overdue_days` (None where not overdue) and `is_open`.
    """
    condition = matching(wanted)
    overdue = _TODAY - _DUE
    query = (
        select(
            *(
                _DANGER.c[n]
                for n in ("code", "title", "grade", "status", "found_on", "closed_on", "township_code")
            ),
            _DANGER.c.synthetic,
            func.coalesce(_SOURCE.c.name, _ENTERPRISE.c.name, _AREA.c.name, _DANGER.c.place).label("where"),
            _DUE.label("due"),
            case((_overdue(), overdue)).label("overdue_days"),
            is_open().label("is_open"),
        )
        .select_from(
            _DANGER.outerjoin(_SOURCE, _SOURCE.c.code == _DANGER.c.source_code)
            .outerjoin(_ENTERPRISE, _ENTERPRISE.c.code == _DANGER.c.enterprise_code)
            .outerjoin(_AREA, _AREA.c.code == _DANGER.c.place)
        )
        .where(condition)
        .order_by(
            is_open().desc(),
            _DANGER.c.grade.desc(),
            _overdue().desc(),
            _DANGER.c.found_on.desc(),
            _DANGER.c.code,
        )
    )
    items = [dict(row) for row in connection.execute(query.limit(limit).offset(offset)).mappings()]
    total = connection.execute(select(func.count()).select_from(_DANGER).where(condition)).scalar_one()
    return Page(items, int(total))


def counts(connection: Connection, township: str | None = None) -> dict[str, int]:
    """How many dangers are open, and of these major and overdue, as far as the caller sees."""
    query = select(
        func.count().label("open"),
        func.count().filter(_DANGER.c.grade == "major").label("major"),
        func.count().filter(_overdue()).label("overdue"),
    ).where(matching(Wanted(township=township, state="open")))
    return dict(connection.execute(query).mappings().one())


def matching(wanted: Wanted, rows: FromClause = _DANGER) -> ColumnElement[bool]:
    """Whether a danger (of `rows`: the layer now or as of a moment) is one that is wanted."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.township:
        conditions.append(rows.c.township_code == wanted.township)
    if wanted.state:
        conditions.append({"open": is_open(), "overdue": _overdue(), "closed": ~is_open()}[wanted.state])
    if wanted.grade:
        conditions.append(rows.c.grade == wanted.grade)
    if wanted.text:
        conditions.append(
            or_(rows.c.title.icontains(wanted.text, autoescape=True), rows.c.code == wanted.text)
        )
    return and_(True, *conditions)


def due_between(first: date, end: date) -> ColumnElement[bool]:
    """Open, and to be put right from a day on until before another one."""
    return and_(is_open(), first <= _DUE, end > _DUE)


def is_open() -> ColumnElement[bool]:
    """Not closed and not withdrawn."""
    return and_(_DANGER.c.closed_on.is_(None), func.coalesce(_DANGER.c.status, "").not_in(_ENDED))


def _overdue() -> ColumnElement[bool]:
    """Open after its day, the extended one where there is one; the day itself is in time."""
    return and_(is_open(), _DUE < _TODAY)
