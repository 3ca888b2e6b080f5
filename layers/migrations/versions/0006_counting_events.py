"""Events that count are found among any number of readings: those new since a run, and those in force."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the indexes that leave readings out."""
    op.execute(
        """
        CREATE INDEX event_counting_rev ON event (rev) WHERE kind <> 'reading';
        CREATE INDEX event_counting_until ON event (until) WHERE kind <> 'reading';
        CREATE INDEX event_past_counting_rev_to ON event_past (rev_to) WHERE kind <> 'reading';
        """
    )
