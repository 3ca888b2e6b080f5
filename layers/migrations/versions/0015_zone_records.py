"""The ledger of joint-control zones: agreements, plans, drills, minutes, lead units and contacts, as a layer."""

from alembic import op

revision = "0015"
down_revision = "0014"

_COLUMNS = """
    code text COLLATE "C" NOT NULL,
    zone_code text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    done_on date,
    due_on date,
    unit_code text COLLATE "C",
    unit_name text,
    phone text,
    run_id integer,
    note text,
    synthetic boolean,
    township_code text COLLATE "C",
    village_code text COLLATE "C",
    grid_code text COLLATE "C",
    enterprise_code text COLLATE "C",
    committee text COLLATE "C",
    valid_from date NOT NULL,
    rev bigint NOT NULL
"""


def upgrade() -> None:
    """Add the layer, now and in the past."""
    op.execute(
        f"""
        CREATE TABLE zone_record ({_COLUMNS}, CONSTRAINT zone_record_pkey PRIMARY KEY (code));
        CREATE INDEX zone_record_township_code ON zone_record (township_code);
        CREATE INDEX zone_record_enterprise_code ON zone_record (enterprise_code);
        CREATE TABLE zone_record_past ({_COLUMNS},
          rev_to bigint NOT NULL,
          valid_to date NOT NULL,
          gone boolean NOT NULL DEFAULT false);
        CREATE INDEX zone_record_past_code_rev ON zone_record_past (code, rev);
        """
    )
