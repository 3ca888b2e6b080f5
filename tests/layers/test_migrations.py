"""The schema built by migrations is the schema the program speaks of; applying it again changes nothing."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from jobs.setup import prepare_database
from layers.alert_tables import watch
from layers.audit import verify
from layers.database import owner_engine, writing
from layers.migrate import migrate
from layers.schema import METRIC_SRID, metadata
from layers.versions import database_version, newest_version
from layers.zone_tables import KEYS
from riskmap.settings import load_city
from tests.database import LONG_AGO
from tests.import_files import load

_SCHEMA = """
SELECT 'column', table_name || '.' || column_name || ' ' || udt_name || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'function', p.oid::regprocedure::text || md5(pg_get_functiondef(p.oid))
  FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL SELECT 'policy', tablename || policyname || roles::text || coalesce(qual, '') FROM pg_policies
UNION ALL SELECT 'grant', table_name || grantee || privilege_type FROM information_schema.role_table_grants
  WHERE table_schema = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass || tgname FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2
"""


def test_migrations_end_at_the_schema(owner: Engine) -> None:
    with writing(owner) as connection:
        assert database_version(connection) == newest_version()
        options = {
            "include_object": lambda o, name, kind, reflected, _: (
                kind != "table" or not reflected or name in metadata.tables
            ),
            "compare_type": False,
        }
        context = MigrationContext.configure(connection, opts=options)
        differences = [d for d in compare_metadata(context, metadata) if "alembic" not in str(d)]
        assert differences == []
        assert set(KEYS) <= set(metadata.tables)
        assert watch.name in metadata.tables


def test_applying_the_schema_again_changes_nothing(owner: Engine) -> None:
    with writing(owner) as connection:
        before = connection.execute(text(_SCHEMA)).all()
        migrate(connection, METRIC_SRID)
        assert connection.execute(text(_SCHEMA)).all() == before
        assert len(before) > 300


def test_preparing_twice_writes_one_revision(bare_database: str) -> None:
    city = load_city()
    assert prepare_database(bare_database, city, LONG_AGO)
    assert not prepare_database(bare_database, city, LONG_AGO)
    engine = owner_engine(bare_database)
    with writing(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM revision")).scalar_one() == 1
    engine.dispose()


def test_columns_that_come_later_leave_every_seal_whole(owner: Engine, tmp_path: Path) -> None:
    """What was written before a layer had a column is compared over the columns it had then."""
    header = "code,name,kind,lon,lat"
    load(owner, tmp_path, "resources", header, "R1,甲站,fire_station,112.36,28.85")
    with writing(owner) as connection:
        for table in ("resource", "resource_past"):
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN later text"))
        migrate(connection, METRIC_SRID)
    load(owner, tmp_path, "resources", header, "R1,乙站,fire_station,112.36,28.85")
    with writing(owner) as connection:
        assert verify(connection) == []
        connection.execute(text("UPDATE resource_past SET name = '丙站'"))
        assert len(verify(connection)) == 1
        first = (
            "SELECT columns_at_first(t), attnum FROM unnest(ARRAY['source', 'enterprise']) t, pg_attribute"
        )
        found = connection.execute(text(first + " WHERE attrelid = t::regclass AND attname = 'rev'")).all()
    assert len(found) == 2
    assert all(known == columns for known, columns in found)
