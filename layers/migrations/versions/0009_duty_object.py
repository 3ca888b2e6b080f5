"""Whom to call is asked by what they answer for: an index over the objects of duty."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the index to the duties that hold now."""
    op.execute("CREATE INDEX duty_object ON duty (object_layer, object_code)")
