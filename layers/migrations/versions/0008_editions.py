"""Editions keep their past and how they were approved; whose colour depends on a single weight is kept."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Everything on file came with the program so far: there was no other way to write an edition."""
    op.execute(
        """
        ALTER TABLE edition
          ADD COLUMN shipped BOOLEAN NOT NULL DEFAULT false,
          ADD COLUMN reason TEXT,
          ADD COLUMN comparison JSONB;
        UPDATE edition SET shipped = true;
        CREATE TABLE edition_past (LIKE edition INCLUDING DEFAULTS);
        ALTER TABLE edition_past ADD COLUMN rev_to BIGINT NOT NULL, ADD PRIMARY KEY (name, rev);
        CREATE TABLE stability (
          rev BIGINT PRIMARY KEY,
          at TIMESTAMPTZ NOT NULL,
          run_id BIGINT NOT NULL,
          edition TEXT NOT NULL,
          edition_hash BYTEA NOT NULL,
          weights INTEGER NOT NULL,
          duration_s DOUBLE PRECISION,
          counts JSONB NOT NULL
        );
        CREATE TABLE flip (
          kind TEXT,
          code TEXT COLLATE "C",
          township_code TEXT COLLATE "C",
          village_code TEXT COLLATE "C",
          grid_code TEXT COLLATE "C",
          enterprise_code TEXT COLLATE "C",
          committee TEXT COLLATE "C",
          flips JSONB NOT NULL,
          rev BIGINT NOT NULL,
          PRIMARY KEY (kind, code)
        );
        """
    )
