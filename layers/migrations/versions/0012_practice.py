"""Sources are assessed by other methods than GB 18218, too; good practice is on file with the day it is proven until."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the factors of the methods and what earns a credit, now and in the past."""
    for past in ("", "_past"):
        op.execute(
            f"""
            ALTER TABLE source{past}
              ADD COLUMN lec_l TEXT,
              ADD COLUMN lec_e TEXT,
              ADD COLUMN lec_c TEXT,
              ADD COLUMN ls_l INTEGER,
              ADD COLUMN ls_s INTEGER,
              ADD COLUMN diagnosis_score NUMERIC,
              ADD COLUMN sis_until DATE;
            ALTER TABLE enterprise{past}
              ADD COLUMN standard_level TEXT,
              ADD COLUMN standard_until DATE,
              ADD COLUMN fire_brigade_until DATE,
              ADD COLUMN safety_engineer_until DATE;
            """
        )
