"""Which revisions old readings were taken from, with count and digest of what each still holds; what was merged into what."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the tables. Merges of before are in their revisions' reasons."""
    op.execute(
        """
        CREATE TABLE pruned (
          rev bigint NOT NULL,
          pruned_rev bigint NOT NULL,
          gone bigint NOT NULL,
          rows bigint NOT NULL,
          sha256 text NOT NULL,
          CONSTRAINT pruned_pkey PRIMARY KEY (rev, pruned_rev));
        CREATE INDEX pruned_in ON pruned (pruned_rev);
        CREATE TABLE merged (
          layer text NOT NULL,
          code text COLLATE "C" NOT NULL,
          rev bigint NOT NULL,
          before bigint NOT NULL,
          into_code text COLLATE "C" NOT NULL,
          township_code text COLLATE "C",
          village_code text COLLATE "C",
          grid_code text COLLATE "C",
          enterprise_code text COLLATE "C",
          committee text COLLATE "C",
          CONSTRAINT merged_pkey PRIMARY KEY (layer, code, rev));
        CREATE INDEX merged_into ON merged (layer, into_code);
        """
    )
