"""Results computed for moments of the past, kept for who asks again: no knowledge, so not in the server's log either."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the moments, and their scores and accounts."""
    op.execute(
        """
        CREATE UNLOGGED TABLE computed (
            computed_id bigint PRIMARY KEY,
            known_rev bigint NOT NULL,
            data_time timestamptz NOT NULL,
            edition text NOT NULL,
            edition_hash bytea NOT NULL,
            code_version text NOT NULL
        );
        CREATE UNLOGGED TABLE computed_score (
            computed_id bigint NOT NULL,
            kind text NOT NULL,
            code text COLLATE "C" NOT NULL,
            township_code text COLLATE "C",
            village_code text COLLATE "C",
            grid_code text COLLATE "C",
            enterprise_code text COLLATE "C",
            committee text COLLATE "C",
            score bigint,
            base bigint,
            level smallint,
            base_level smallint,
            rise_level smallint,
            grade smallint,
            confidence text,
            facts jsonb NOT NULL DEFAULT '{}',
            PRIMARY KEY (computed_id, kind, code)
        );
        CREATE UNLOGGED TABLE computed_contribution (
            computed_id bigint NOT NULL,
            kind text NOT NULL,
            code text COLLATE "C" NOT NULL,
            n integer NOT NULL,
            township_code text COLLATE "C",
            village_code text COLLATE "C",
            grid_code text COLLATE "C",
            enterprise_code text COLLATE "C",
            committee text COLLATE "C",
            item text NOT NULL,
            record text COLLATE "C",
            value bigint NOT NULL,
            args jsonb NOT NULL DEFAULT '{}',
            PRIMARY KEY (computed_id, kind, code, n)
        );
        """
    )
