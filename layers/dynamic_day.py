"""The dynamic records of a whole day, read once: what `layers.dynamic.read_dynamic` tells of any instant of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
from sqlalchemy import Connection

from layers.backtests import signs_of_day
from layers.dynamic import Records, read_dynamic, read_events
from layers.history import Moment
from riskmap.dynamic import DAY, PUBLIC_WARNING, DynamicWeights


@dataclass(frozen=True, slots=True)
class DayOfRecords:
    """Dangers are told by the day; events and signs of sensors are those of any instant of it."""

    begin: datetime
    decay: timedelta
    records: Records
    signs: list[Mapping[str, Any]]
    """as `signs_of_day` has them, of the sensors in their order"""

    @classmethod
    def read(
        cls, connection: Connection, begin: datetime, end: datetime, weights: DynamicWeights, then: Moment
    ) -> Self:
        """Everything of the time from one instant until another, which must be of one day, as of a moment."""
        records = read_dynamic(connection, begin, weights, then)
        events = read_events(connection, end, weights, then, since=begin)
        signs = signs_of_day(connection, then, begin, end)
        return cls(begin, weights.decay, replace(records, events=events), signs)

    def at(self, at: datetime) -> Records:
        """The records in force at an instant, or still going down, and the events that begin within a day."""
        events, sensors = self.records.events, self.records.sensors
        faded = {PUBLIC_WARNING: at}  # what has no points has nothing to go down
        counts = [
            time <= at + DAY and (until is None or until > faded.get(kind, at - self.decay))
            for kind, time, until in zip(events["kind"], events["time"], events["until"], strict=True)
        ]
        chosen = events[np.array(counts, bool)].reset_index(drop=True)
        last = [
            max((sign for sign in row["signs"] or () if sign <= at), default=row["last"])
            for row in self.signs
        ]
        return replace(self.records, events=chosen, sensors=sensors.assign(last=np.array(last, object)))
