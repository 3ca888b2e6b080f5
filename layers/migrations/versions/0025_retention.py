"""Which revisions old readings were taken from, with count and digest of what each still holds."""

from alembic import op

revision = "0025"
down_revision = "0020"


def upgrade() -> None:
    """Create the table."""
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
        """
    )
