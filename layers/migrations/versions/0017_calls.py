"""Duty has superiors, absences and accounts; calls about warnings (叫应) are rows, from the list to what came of them."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns to the duty layer, now and in the past, and the table of calls."""
    for past in ("", "_past"):
        op.execute(
            f"""
            ALTER TABLE duty{past}
              ADD COLUMN superior_code text COLLATE "C",
              ADD COLUMN absent_from date,
              ADD COLUMN absent_to date,
              ADD COLUMN account text
            """
        )
    op.execute(
        """
        CREATE TABLE call (
          warning_id bigint NOT NULL,
          n integer NOT NULL,
          township_code text COLLATE "C",
          village_code text COLLATE "C",
          grid_code text COLLATE "C",
          enterprise_code text COLLATE "C",
          committee text COLLATE "C",
          duty_code text COLLATE "C" NOT NULL,
          rank text NOT NULL,
          person text NOT NULL,
          phone text NOT NULL,
          channel text NOT NULL,
          due_at timestamptz NOT NULL,
          made_at timestamptz,
          result text,
          answered_by text NOT NULL DEFAULT '',
          repeated text NOT NULL DEFAULT '',
          noted_by text NOT NULL DEFAULT '',
          rev bigint NOT NULL,
          CONSTRAINT call_pkey PRIMARY KEY (warning_id, n));
        CREATE INDEX call_listed ON call (due_at) WHERE result IS NULL;
        CREATE INDEX delivery_also ON delivery USING gin (also);
        """
    )
