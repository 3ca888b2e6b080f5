"""Messages go out: by which ways further, every try, links to sign by, replies, and warnings as CAP messages."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add what sending needs to the outbox, and the tables beside it."""
    plain = op.get_bind().execution_options(no_parameters=True)
    plain.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text("utf-8"))
