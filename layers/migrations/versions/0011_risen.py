"""What has risen above its inherent risk is found among any number of scores that have not."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the index to the scores; its partitions get theirs."""
    op.execute("CREATE INDEX score_risen ON score (kind, township_code) WHERE score > base")
