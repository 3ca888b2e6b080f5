"""Failed sign-ins are counted apart from the accounts, so that unknown names and addresses lock alike."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table of guesses; the counters on the account it replaces go."""
    op.execute(
        """
        CREATE TABLE guess (
          subject BYTEA NOT NULL PRIMARY KEY,
          failures INTEGER NOT NULL,
          last_at TIMESTAMP WITH TIME ZONE NOT NULL,
          locked_until TIMESTAMP WITH TIME ZONE
        );
        CREATE INDEX guess_last_at ON guess (last_at);
        ALTER TABLE account DROP COLUMN failures, DROP COLUMN locked_until;
        """
    )
