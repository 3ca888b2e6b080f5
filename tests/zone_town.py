"""The town with two zones: one across the border of its townships, one of ours alone; codes of theirs are secret."""

from sqlalchemy import Engine, text

from jobs.risk import assess
from jobs.setup import prepare_database
from jobs.users import add_user
from jobs.zones import renew
from layers.database import owner_engine, snapshot, writing
from layers.history import end_on, open_revision
from layers.schema import metadata
from riskmap.settings import load_city
from tests import town
from tests.database import LONG_AGO
from tests.served import PASSWORD, add_people, quick_hashing

LEAD, OURS_2, THEIRS_1, THEIRS_2 = "OURS-1", "OURS-2", "SECRET-1", "SECRET-2"
OWN_1, OWN_2 = "OWN-1", "OWN-2"
_LAT = 28.83
_LON_PER_M = 1 / 97_500  # at this latitude, near enough for distances of 30 m
_SITES = {
    LEAD: (town.OURS, 112.330, 0),
    OURS_2: (town.OURS, 112.330, 30),
    THEIRS_1: (town.THEIRS, 112.330, 60),
    THEIRS_2: (town.THEIRS, 112.330, 90),
    OWN_1: (town.OURS, 112.345, 0),
    OWN_2: (town.OURS, 112.345, 30),
}
NAMES = {
    LEAD: "我方一厂",
    OURS_2: "我方<二>厂",
    THEIRS_1: "对岸一厂",
    THEIRS_2: "对岸二厂",
    OWN_1: "独立一厂",
    OWN_2: "独立二厂",
}


def build_whole(dsn: str) -> None:
    """The town with its zones, a person of every kind, one from over the border, and duties of a zone and a unit."""
    prepare_database(dsn, load_city(), LONG_AGO)
    town.build(dsn)
    ours = town.scope(town.OURS)
    _build(dsn)
    add_people(dsn, town.OURS, ours["village_code"], ours["grid_code"], LEAD)
    across, _ = zone_codes(dsn)
    owner = owner_engine(dsn)
    with quick_hashing():
        add_user(owner, "over", "township", area=town.THEIRS, password=PASSWORD)
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "town", None)
        columns = "code, person, role, object_layer, object_code, phone, valid_from, rev"
        values = {"zone": across, "theirs": THEIRS_1, "rev": rev, "day": town.DAY, **town.scope(town.THEIRS)}
        connection.execute(
            text(
                f"INSERT INTO duty ({columns}, township_code) VALUES"
                " ('D-Z', '片区值守', 'duty_officer', 'zone', :zone, '000-111', :day, :rev, NULL),"
                " ('D-T', '秘密', 'principal', 'enterprise', :theirs, '000-777', :day, :rev, :township_code)"
            ),
            values,
        )
    owner.dispose()


def _build(dsn: str) -> None:
    """Put the enterprises into a town, assess it and draw its zones."""
    owner = owner_engine(dsn)
    for code in _SITES:
        _firm(owner, code)
    assess(owner, actor="test")
    renew(owner, actor="test")
    owner.dispose()


def end(owner: Engine, *codes: str) -> None:
    """Enterprises are no longer there; the zones follow."""
    with writing(owner) as connection:
        open_revision(connection, "test", "town", None)
        end_on(connection, town.DAY)
        enterprise = metadata.tables["enterprise"]
        connection.execute(enterprise.delete().where(enterprise.c.code.in_(codes)))
    renew(owner, actor="test")


def _firm(owner: Engine, code: str) -> None:
    township, lon, east_m = _SITES[code]
    point = f"ST_SetSRID(ST_MakePoint({lon + east_m * _LON_PER_M}, {_LAT}), 4490)"
    row = town.scope(township) | {
        "code": code,
        "enterprise_code": code,
        "declared_township_code": township,
        "name": NAMES[code],
        "industry": "2614",
        "legal_representative": f"{code}的法人",
        "valid_from": town.DAY,
        "geom": text(point),
        "geom_m": text(f"ST_Transform({point}, 4547)"),
    }
    with writing(owner) as connection:
        row["rev"] = open_revision(connection, "test", "town", None)
        connection.execute(metadata.tables["enterprise"].insert().values(row))


SECRETS = (THEIRS_1, THEIRS_2, f"{THEIRS_1}的法人", "秘密", "000-777")
"""what only the other township may read"""


def zone_codes(dsn: str) -> tuple[str, str]:
    """The zone across the border, and the one of ours alone."""
    owner = owner_engine(dsn)
    with snapshot(owner) as connection:
        found: dict[str, str] = dict(
            connection.execute(text("SELECT zone_code, min(code) FROM zone_member GROUP BY 1")).all()
        )
    owner.dispose()
    by_first = {first: zone for zone, first in found.items()}
    return by_first[LEAD], by_first[OWN_1]
