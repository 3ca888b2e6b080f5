"""A code that was merged, used anew and merged again keeps both merges."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """What is said of a code belongs to the first merge after it, so that one is part of the key."""
    op.execute(
        "ALTER TABLE merged DROP CONSTRAINT merged_pkey,"
        " ADD CONSTRAINT merged_pkey PRIMARY KEY (layer, code, rev, before)"
    )
