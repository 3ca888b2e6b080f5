"""What is doubtful is read worst first: an index over the scores that are not of confidence A."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the index to the scores; its partitions get theirs."""
    op.execute(
        "CREATE INDEX score_doubtful ON score (confidence DESC, score DESC NULLS LAST, code)"
        " WHERE confidence > 'A' AND (kind = 'enterprise' OR enterprise_code IS NULL)"
    )
