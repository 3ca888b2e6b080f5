"""Back-tests of rules that were kept: by the digest of exactly these rules."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the table."""
    op.execute(
        """
        CREATE TABLE backtest (
          rules_hash bytea NOT NULL,
          rev bigint NOT NULL,
          at timestamptz NOT NULL,
          actor text NOT NULL,
          from_on date NOT NULL,
          to_on date NOT NULL,
          code_version text NOT NULL,
          content jsonb NOT NULL,
          CONSTRAINT backtest_pkey PRIMARY KEY (rules_hash, rev)
        );
        """
    )
