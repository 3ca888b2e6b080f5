"""Opinion papers on proposed sites: each as it was filed, and what of each is public."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the tables, in the metric reference system that the city has."""
    plain = op.get_bind().execution_options(no_parameters=True)
    srid = plain.exec_driver_sql("SELECT Find_SRID('public', 'enterprise', 'geom_m')").scalar_one()
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    plain.exec_driver_sql(statements.replace(":METRIC_SRID", str(srid)))
