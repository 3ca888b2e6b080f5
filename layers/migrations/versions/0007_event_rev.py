"""The audit finds the events of a revision among millions: there may be a revision of them every second."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Index events by the revision that wrote them."""
    op.execute("CREATE INDEX event_rev ON event (rev)")
