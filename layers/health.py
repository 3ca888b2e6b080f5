"""What the database says about itself: versions, clock, roles, row rights. Sentences name what is wrong."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from layers.schema import metadata
from layers.siting_paper_tables import siting_notice
from layers.siting_papers import list_is_public

WEB_ROLE = "riskmap_web"
READER_ROLES = (
    "riskmap_city",
    "riskmap_township",
    "riskmap_village",
    "riskmap_grid",
    "riskmap_enterprise",
    "riskmap_committee",
)

# The tables and views of ours that a role may read: an extension's own (spatial_ref_sys) are nobody's secret.
_READABLE = """
SELECT c.relname, c.relkind IN ('v', 'm') AS is_view, c.relrowsecurity,
  coalesce('security_invoker=true' = ANY(c.reloptions), false) AS invoker,
  EXISTS (SELECT FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname
          AND p.roles && ARRAY[CAST(:role AS name), 'public']) AS has_policy
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND has_table_privilege(:role, c.oid, :privilege)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class Session:
    """Whom a connection is for the database: who signed in, as whom it acts."""

    signed_in: str
    acting: str
    signed_in_passes_policies: bool
    acting_passes_policies: bool


def versions(connection: Connection) -> tuple[str, str | None]:
    """The versions of PostgreSQL and of PostGIS, None where it is not enabled."""
    postgis = text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")
    return (
        str(connection.execute(text("SHOW server_version")).scalar_one()),
        connection.execute(postgis).scalar_one_or_none(),
    )


def clock(connection: Connection) -> datetime:
    """The database's clock."""
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def overlaps_leakproof(connection: Connection) -> bool:
    """Whether `&&` may use the spatial index beside a row policy."""
    query = (
        "SELECT proleakproof FROM pg_proc WHERE oid = 'geometry_overlaps(geometry, geometry)'::regprocedure"
    )
    return bool(connection.execute(text(query)).scalar_one())


def session(connection: Connection) -> Session:
    """Whom this connection is for the database."""
    row = connection.execute(
        text(
            "SELECT s.rolname, c.rolname, s.rolsuper OR s.rolbypassrls, c.rolsuper OR c.rolbypassrls"
            " FROM pg_roles s, pg_roles c WHERE s.rolname = session_user AND c.rolname = current_user"
        )
    ).one()
    return Session(*row)


def rights_faults(connection: Connection) -> list[str]:
    """What is wrong with roles and row rights; empty where each role reads its rows and no others.

    The last check is a trial: as the web's role and without an identity, no table may show a row.
    """
    roles = {
        row.rolname: row
        for row in connection.execute(
            text("SELECT rolname, rolsuper OR rolbypassrls AS passes FROM pg_roles")
        )
    }
    missing = [role for role in (WEB_ROLE, *READER_ROLES) if role not in roles]
    if missing:
        return [f"缺少角色 {'、'.join(missing)}"]
    faults = [f"角色 {role} 不受行级权限约束" for role in (WEB_ROLE, *READER_ROLES) if roles[role].passes]
    for role in (WEB_ROLE, *READER_ROLES):
        for row in connection.execute(text(_READABLE), {"role": role, "privilege": "SELECT"}):
            if not (row.invoker if row.is_view else row.relrowsecurity):
                faults.append(f"{role} 可读 {row.relname}，而它没有行级权限")
            elif role != WEB_ROLE and not row.is_view and not row.has_policy:
                faults.append(f"{row.relname} 没有针对 {role} 的策略")
        writable = {"role": role, "privilege": "INSERT, UPDATE, DELETE, TRUNCATE"}
        faults += [f"{role} 可写 {row.relname}" for row in connection.execute(text(_READABLE), writable)]
    return faults + _unprotected(connection) + _visible_without_identity(connection)


def _unprotected(connection: Connection) -> list[str]:
    """Tables with a township's rows that have no policy for townships."""
    policies = text("SELECT tablename FROM pg_policies WHERE 'riskmap_township' = ANY(roles)")
    protected = set(connection.execute(policies).scalars())
    ours = [table.name for table in metadata.sorted_tables if "township_code" in table.columns]
    return [f"{name} 没有针对乡镇的策略" for name in ours if name not in protected]


def _visible_without_identity(connection: Connection) -> list[str]:
    readable = connection.execute(text(_READABLE), {"role": WEB_ROLE, "privilege": "SELECT"}).all()
    public = {siting_notice.name} if list_is_public(connection) else set()  # the city's own choice
    quote = connection.dialect.identifier_preparer.quote
    with connection.begin_nested() as savepoint:
        connection.execute(text(f"SET LOCAL ROLE {WEB_ROLE}"))
        seen = [
            row.relname
            for row in readable
            if row.relname not in public
            and connection.execute(text(f"SELECT EXISTS (SELECT FROM {quote(row.relname)})")).scalar_one()
        ]
        savepoint.rollback()
    return [f"没有登录身份也能看到 {name} 的行" for name in seen]
