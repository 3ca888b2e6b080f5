"""Drills of the way that warnings go, warnings marked as parts of one, and when the worker last looked."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the tables; warnings of before were none of a drill."""
    op.execute(
        """
        ALTER TABLE warning ADD COLUMN drill boolean NOT NULL DEFAULT false;
        CREATE TABLE drill (
          code text COLLATE "C" NOT NULL,
          name text NOT NULL,
          author text NOT NULL,
          started_at timestamptz NOT NULL,
          ends_at timestamptz NOT NULL,
          ended_at timestamptz,
          archived_at timestamptz,
          fact jsonb NOT NULL,
          place jsonb NOT NULL,
          rev bigint NOT NULL,
          CONSTRAINT drill_pkey PRIMARY KEY (code));
        CREATE TABLE pulse (
          name text NOT NULL,
          at timestamptz NOT NULL,
          CONSTRAINT pulse_pkey PRIMARY KEY (name));
        """
    )
