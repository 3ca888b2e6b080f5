"""What joint-control zones are made of, as it is read: enterprises, sources, inventories, scores; and what changed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import pandas as pd
from sqlalchemy import Connection, FromClause, and_, or_, select

from layers.duty import SLOTS
from layers.history import Moment, rows_of
from layers.reading import among, read_frame
from layers.records import PREMISES_SUFFIX
from layers.risk import frame_of
from layers.schema import SCOPE, metadata, score
from layers.touched import changed_records, sources_of, values_of

_FIRM = (
    *("name", "industry", "business_format", "workers"),
    *(*(f"dept_{slot}" for slot in SLOTS), *SCOPE, "geom_m"),
)
_SOURCE = ("name", "kind", *SCOPE, "geom_m")
_HELD = ("source_code", "cas", "substance", "hazard_class", "quantity_t", "unit_code")
PEOPLE = ("population", "area")
"""tables whose records tell who lives in a zone, and where it lies"""


@dataclass(frozen=True, slots=True)
class SiteRecords:
    """Open enterprises and sources with what the sources hold, each in order of code."""

    enterprises: pd.DataFrame
    sources: pd.DataFrame
    inventory: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Edited:
    """What was written or came of age since a run: codes of sites (None: too many to tell), tables of `PEOPLE`."""

    sites: set[str] | None
    people: bool


def read_site_records(
    connection: Connection,
    day: date,
    then: Moment | None = None,
    *,
    sites: Collection[str] | None = None,
    holding: Collection[str] | None = None,
) -> SiteRecords:
    """The records that are open on a day, now or as of a moment; those of some sites, or of all (None).

    `holding`: the sites whose inventories are read, None for all.
    """

    def standing(rows: FromClause) -> pd.DataFrame:
        own = rows.c.code == among(sites or ())
        of_sites = or_(rows.c.enterprise_code == among(sites or ()), own)
        return frame_of(
            connection,
            rows,
            _FIRM if "industry" in rows.c else _SOURCE,
            open_on=day,
            only=None if sites is None else lambda _: own if "industry" in rows.c else of_sites,
        )

    sources = standing(rows_of("source", then))
    inventory = rows_of("inventory", then)
    held = None
    if holding is not None:
        theirs = sources["enterprise_code"].isin(list(holding)) | sources["code"].isin(list(holding))
        codes = {*sources["code"][theirs], *(f"{code}{PREMISES_SUFFIX}" for code in holding)}
        held = inventory.c.source_code == among(codes)
    return SiteRecords(
        standing(rows_of("enterprise", then)),
        sources,
        frame_of(connection, inventory, _HELD, only=None if held is None else lambda _: held),
    )


def edited_since(connection: Connection, known_rev: int, days: tuple[date, date]) -> Edited:
    """What changed after a revision, or opened or closed by itself between two days (after the first, by the last)."""
    changed = changed_records(connection, known_rev)
    if changed is None:
        return Edited(None, people=True)
    firms = changed.get("enterprise", set()) | _of_age(connection, "enterprise", days)
    sources = changed.get("source", set()) | _of_age(connection, "source", days)
    sources |= values_of(connection, "inventory", changed.get("inventory", ()), known_rev, "source_code")
    sources |= sources_of(connection, firms, known_rev)
    owners = values_of(connection, "source", sources, known_rev, "enterprise_code")
    own_premises = {code.removesuffix(PREMISES_SUFFIX) for code in sources if code.endswith(PREMISES_SUFFIX)}
    people = not changed.keys().isdisjoint(PEOPLE)
    return Edited(firms | sources | owners | own_premises, people)


def _of_age(connection: Connection, table: str, days: tuple[date, date]) -> set[str]:
    rows = metadata.tables[table]
    spans = [and_(rows.c[name] > min(days), rows.c[name] <= max(days)) for name in ("opened_on", "closed_on")]
    return set(connection.execute(select(rows.c.code).where(or_(*spans))).scalars())


def read_scores(connection: Connection) -> pd.DataFrame:
    """Current scores of enterprises, and of registered sources, for those that have none: kind, code, score, base, level."""
    columns = (score.c.kind, score.c.code, score.c.score, score.c.base, score.c.level)
    registered = and_(score.c.kind == "source", ~score.c.code.endswith(PREMISES_SUFFIX))
    return read_frame(connection, select(*columns).where(or_(score.c.kind == "enterprise", registered)))
