"""Events come in without end: they are indexed by time, and what changed among records is found beside them."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Indexes of `event` by place, source and sensor with time; positions only where there is one."""
    op.execute(
        """
        DROP INDEX event_township_code, event_source_code, event_enterprise_code, event_geom, event_geom_m;
        CREATE INDEX event_time ON event (time);
        CREATE INDEX event_township_code ON event (township_code, time);
        CREATE INDEX event_enterprise_code ON event (enterprise_code, time);
        CREATE INDEX event_source_code ON event (source_code, time);
        CREATE INDEX event_sensor_code ON event (sensor_code, time);
        CREATE INDEX event_geom ON event USING gist (geom) WHERE geom IS NOT NULL;
        CREATE INDEX event_geom_m ON event USING gist (geom_m) WHERE geom_m IS NOT NULL;
        CREATE INDEX change_of_records ON change (rev) WHERE layer <> 'event';
        """
    )
