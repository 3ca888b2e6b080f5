"""Events get a past as every other layer has one, so that a wrong import of events can be taken back."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; its trigger, view and policies follow with the SQL files of this release."""
    op.execute(
        """
        CREATE TABLE event_past (LIKE event);
        ALTER TABLE event_past
          ADD COLUMN rev_to BIGINT NOT NULL,
          ADD COLUMN valid_to DATE NOT NULL,
          ADD COLUMN gone BOOLEAN NOT NULL DEFAULT false;
        CREATE INDEX event_past_code_rev ON event_past (code, rev);
        CREATE INDEX event_past_geom ON event_past USING gist (geom) WHERE geom IS NOT NULL;
        CREATE INDEX event_past_geom_m ON event_past USING gist (geom_m) WHERE geom_m IS NOT NULL;
        """
    )
