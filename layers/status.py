"""What every screen says about itself: the last revision, the run its levels come from, and whether anyone works."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from layers.database import runner_alive
from layers.risen import anything_risen
from layers.schema import city, edition, head, metadata, run


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the data: last revision, city, current run (None before the first), worker alive, made up or real.

    `approved_by` and `approved_on` are those of the run's edition, None where it is only proposed; `risen` is whether
    anything that the caller sees stands above its inherent risk, None before the first run.
    """

    rev: int
    city_code: str
    city_name: str
    run_id: int | None
    edition: str | None
    approved_by: str | None
    approved_on: date | None
    risen: bool | None
    code_version: str | None
    data_time: datetime | None
    worker: bool
    synthetic: bool


def status_of(connection: Connection) -> Status:
    """The state as the caller's transaction sees it; everyone signed in may know it."""
    area = metadata.tables["area"]
    made_up = select(area.c.code).where(area.c.synthetic, area.c.level.in_(("city", "township"))).exists()
    place = connection.execute(select(city.c.code, city.c.name)).one()
    latest = connection.execute(
        select(
            *(run.c[name] for name in ("run_id", "edition", "code_version", "data_time")),
            edition.c.approved_by,
            edition.c.approved_on,
        )
        .outerjoin(edition, edition.c.name == run.c.edition)
        .where(run.c.current)
        .order_by(run.c.rev.desc())
        .limit(1)
    ).first()
    return Status(
        rev=int(connection.execute(select(head.c.rev)).scalar_one()),
        city_code=place.code,
        city_name=place.name,
        run_id=latest.run_id if latest else None,
        edition=latest.edition if latest else None,
        approved_by=latest.approved_by if latest else None,
        approved_on=latest.approved_on if latest else None,
        risen=anything_risen(connection) if latest else None,
        code_version=latest.code_version if latest else None,
        data_time=latest.data_time if latest else None,
        worker=runner_alive(connection),
        synthetic=connection.execute(select(made_up)).scalar_one(),
    )


def count_runs(connection: Connection) -> int:
    """How many runs the ledger holds."""
    return int(connection.execute(select(func.count()).select_from(run)).scalar_one())


def township_names(connection: Connection) -> dict[str, str]:
    """The townships' names by code: for filters, and to say a place by its name; everyone signed in may know them."""
    area = metadata.tables["area"]
    query = select(area.c.code, area.c.name).where(area.c.level == "township").order_by(area.c.code)
    return {row[0]: row[1] for row in connection.execute(query)}
