"""The first schema: layers with their past, revisions, results, editions, accounts."""

from pathlib import Path

from alembic import context, op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table as it was in the first release, with the city's own metric reference system."""
    metric_srid = int(context.config.attributes["metric_srid"])
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    plain = op.get_bind().execution_options(no_parameters=True)
    plain.exec_driver_sql(statements.replace(":METRIC_SRID", str(metric_srid)))
