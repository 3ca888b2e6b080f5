"""Sources are assessed by other methods than GB 18218, too."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the factors of the methods, now and in the past."""
    for table in ("source", "source_past"):
        op.execute(
            f"""
            ALTER TABLE {table}
              ADD COLUMN lec_l TEXT,
              ADD COLUMN lec_e TEXT,
              ADD COLUMN lec_c TEXT,
              ADD COLUMN ls_l INTEGER,
              ADD COLUMN ls_s INTEGER,
              ADD COLUMN diagnosis_score NUMERIC;
            """
        )
