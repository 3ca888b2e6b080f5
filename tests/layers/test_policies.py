"""Row rights: deny by default, one policy a role, enforced by the database for every table there is."""

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from layers.database import CITY, Identity, owner_engine, reader_engine, reading, writing
from layers.fields import TABLES
from layers.history import open_revision
from layers.schema import metadata
from riskmap.errors import Forbidden, NotSignedIn

OURS, THEIRS = "430981006", "430981114"
TOWNSHIP = Identity("town", "township", OURS)
SCOPED = [
    TOWNSHIP,
    Identity("village", "village", OURS + "001"),
    Identity("grid", "grid", OURS + "001001"),
    Identity("firm", "enterprise", enterprise_code="ours"),
    Identity("committee", "city", committee="hazchem"),
]
RESTRICTED = [name for name in TABLES if name not in ("area", "line")]
RESULTS = ["score", "score_past", "contribution", "contribution_past"]


def scope(whose: str) -> dict[str, str]:
    township = OURS if whose == "ours" else THEIRS
    return {
        "township_code": township,
        "village_code": township + "001",
        "grid_code": township + "001001",
        "enterprise_code": whose,
        "committee": "hazchem" if whose == "ours" else "general",
    }


FILLERS: dict[str, object] = {
    "geom": "SRID=4490;POINT(112.36 28.85)",
    "geom_m": "SRID=4547;POINT(350000 3190000)",
    "time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "found_on": dt.date(2026, 1, 1),
    "valid_from": dt.date(2026, 1, 1),
    "valid_to": dt.date(2026, 2, 1),
    "people": 3,
    "quantity_t": 1,
    "rev_to": 99,
    "n": 1,
    "value": 1,
    "rev": 1,
}


def fill(connection: Connection) -> None:
    """A row of ours and a row of theirs in every restricted table, the past included."""
    rev = open_revision(connection, "test", "fill", None)
    names = [*RESTRICTED, *(f"{n}_past" for n in RESTRICTED), *RESULTS]
    for name in names:
        table = metadata.tables[name]
        rows = []
        for whose in ("ours", "theirs"):
            row: dict[str, object] = {
                c.name: FILLERS.get(c.name, "x") for c in table.columns if not c.nullable
            }
            row |= {"code": whose, "rev": rev, **scope(whose)}
            row |= {"kind": "source"} if name in RESULTS else {}
            row |= {"facts": {}} if "facts" in table.c else {}
            row |= {"args": {}} if "args" in table.c else {}
            row |= {"gone": False} if "gone" in table.c else {}
            rows.append({c: v for c, v in row.items() if c in table.c})
        connection.execute(table.insert().values(rows))


@pytest.fixture(scope="module")
def reader(module_database: str) -> Iterator[Engine]:
    owner = owner_engine(module_database)
    with writing(owner) as connection:
        fill(connection)
    owner.dispose()
    engine = reader_engine(module_database)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("identity", SCOPED, ids=lambda i: i.role if not i.committee else "committee")
def test_a_scoped_role_sees_its_own_rows_only(reader: Engine, identity: Identity) -> None:
    with reading(reader, identity) as connection:
        for name in [*RESTRICTED, *(f"{n}_past" for n in RESTRICTED), *RESULTS]:
            codes = connection.execute(text(f"SELECT code FROM {name}")).scalars().all()
            assert codes == ["ours"], name
        for name in [*RESTRICTED, "score", "contribution"]:
            codes = connection.execute(text(f"SELECT DISTINCT code FROM {name}_all")).scalars().all()
            assert codes == ["ours"], name
        assert set(connection.execute(text("SELECT code FROM change")).scalars()) == {"ours"}
        with pytest.raises(DatabaseError, match="permission denied"):
            connection.execute(text("SELECT * FROM revision"))


def test_the_city_sees_everything_but_accounts(reader: Engine) -> None:
    with reading(reader, CITY) as connection:
        for name in [*RESTRICTED, *RESULTS]:
            codes = connection.execute(text(f"SELECT code FROM {name} ORDER BY code")).scalars().all()
            assert codes == ["ours", "theirs"], name
        with pytest.raises(DatabaseError, match="permission denied"):
            connection.execute(text("SELECT * FROM account"))


def test_without_identity_not_one_row(reader: Engine) -> None:
    with pytest.raises(NotSignedIn), reading(reader, None):
        pass
    with reader.connect() as connection:
        for name in [*RESTRICTED, *RESULTS, "area", "colour", "city", "run", "head"]:
            assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0, name


@pytest.mark.parametrize("role", ["township", "village", "grid", "enterprise"])
def test_an_identity_without_its_scope_sees_nothing(reader: Engine, role: str) -> None:
    with reading(reader, Identity("nobody", role)) as connection:
        assert connection.execute(text("SELECT count(*) FROM enterprise_all")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM score")).scalar_one() == 0


def test_an_unknown_role_has_no_rows_to_read(reader: Engine) -> None:
    with pytest.raises(Forbidden), reading(reader, Identity("x", "guest")):
        pass


def test_a_scope_never_leaks_into_the_next_request(reader: Engine) -> None:
    for identity, seen in [
        (CITY, 2),
        (TOWNSHIP, 1),
        (Identity("b", "township", THEIRS), 1),
        (Identity("c", "township"), 0),
    ]:
        with reading(reader, identity) as connection:
            assert connection.execute(text("SELECT count(*) FROM enterprise")).scalar_one() == seen


def test_readers_cannot_write(reader: Engine) -> None:
    for statement in (
        "UPDATE enterprise SET name = 'x'",
        "DELETE FROM source",
        "INSERT INTO change (rev, layer, code, op) VALUES (1, 'a', 'b', 'I')",
        "UPDATE head SET rev = 0",
        "SELECT open_revision('a', 'b', 'c')",
        "SELECT * FROM broken_revisions()",
        "CREATE TABLE mine (a int)",
    ):
        with pytest.raises(DatabaseError, match=r"permission denied|read-only"), reader.begin() as connection:
            connection.execute(text("SET LOCAL ROLE riskmap_city"))
            connection.execute(text(statement))


def test_every_table_has_row_security(module_database: str) -> None:
    unprotected = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND NOT relrowsecurity AND NOT relispartition AND relname NOT IN ('spatial_ref_sys', 'alembic_version')"""
    granted_partitions = """SELECT table_name FROM information_schema.role_table_grants g
        JOIN pg_class c ON c.relname = g.table_name WHERE c.relispartition AND g.grantee LIKE 'riskmap\\_%'
        AND g.grantee <> current_user"""
    engine = owner_engine(module_database)
    with writing(engine) as connection:
        assert connection.execute(text(unprotected)).scalars().all() == []
        assert connection.execute(text(granted_partitions)).scalars().all() == []
    engine.dispose()
