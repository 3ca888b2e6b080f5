"""How the program is, read by whoever watches it from outside the worker."""

from datetime import datetime

from sqlalchemy import Engine

from jobs.daily import figures_on
from layers.channel_view import channel_states
from layers.city import stored_city
from layers.database import CITY, reading, runner_alive
from layers.history import CLOCK
from layers.pulses import ALERTS, last_beat
from layers.sensors import pulse
from riskmap.daily import Daily
from riskmap.errors import RiskMapError
from riskmap.sending import kinds_of
from riskmap.settings import City
from riskmap.watchdog import Vitals


def vitals_of(reader: Engine, now: datetime) -> tuple[Vitals, Daily, City | None]:
    """How it is now, by which figures, and the city; no city where the database cannot be reached."""
    try:
        with reading(reader, CITY) as connection:
            city, seen = stored_city(connection), pulse(connection, now)
            states = channel_states(connection, list(kinds_of(city.channels)), now)
            vitals = Vitals(
                database=True,
                worker=runner_alive(connection),
                passed_at=last_beat(connection, ALERTS),
                sensors=seen.sensors,
                fed_at=seen.last,
                failing=tuple(one.name for one in states if one.failing),
            )
            return vitals, figures_on(connection, now.astimezone(CLOCK)), city
    except RiskMapError:
        return Vitals(database=False), Daily.from_edition(None), None
