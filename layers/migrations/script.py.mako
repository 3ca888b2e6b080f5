"""${message}"""

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Say what changes and why."""
    ${upgrades if upgrades else "raise RuntimeError('empty migration')"}
