"""The demo year's events: daily readings, alarms, special work, weather, special periods, crowds, incidents."""

from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import numpy as np
import shapely

from jobs.demo_dangers import DAYS, Change
from jobs.demo_incidents import incident_places
from jobs.demo_inputs import Floats, Inputs
from jobs.demo_people import Dwellings, place_weight
from jobs.demo_sites import Sites
from jobs.demo_sources import Source

SHANGHAI = timezone(timedelta(hours=8))
ALARMS = 190
SHARE_HIGH_ALARMS = 0.22
ALARM_HOURS = {"high": (0.3, 9.0), "low": (0.1, 3.0)}
OVER_LIMIT = {"high": (1.5, 2.4), "low": (1.02, 1.4)}
SPECIAL_WORKS = 640
WORKING_KINDS = frozenset(
    ("hazchem_production", "hazchem_store", "lpg_filling", "gas_network", "port", "shipyard", "ammonia_cold_store",
     "confined_space", "construction_site")
)  # fmt: skip
WORK_GRADES = (("special", 0.06), ("first", 0.3), ("second", 0.64))
"""特级, 一级, 二级 of GB 30871-2022"""
WORK_HOURS = (2, 9)
SILENT_SENSORS = 6
SILENT_DAYS = (7, 21)
PERIODS = (
    # first month and day, days
    ((1, 15), 40),  # 岁末年初
    ((3, 3), 10),  # 全国两会
    ((4, 29), 7),  # 五一假期
    ((6, 6), 4),  # 高考
    ((9, 28), 11),  # 国庆假期
)
WEATHER = (
    # unit, months, warnings a year, value at blue … red, chance of yellow, orange, red among them
    ("mm", (4, 5, 6, 7, 8), 14, (50, 75, 110, 180), (0.35, 0.12, 0.0)),
    ("m/s", (3, 4, 5, 7, 8), 7, (13, 17, 21, 27), (0.3, 0.05, 0.0)),
    ("℃", (7, 8), 7, (35, 37, 39, 41), (0.6, 0.2, 0.0)),
    ("m", (11, 12, 1, 2), 8, (900, 450, 180, 60), (0.5, 0.25, 0.0)),
)
SEVERITIES = ("blue", "yellow", "orange", "red")
CITY_WIDE_SHARE = 0.45
FLOOD_DAY = (7, 4)
FLOOD_RAIN_MM = 212.0
"""one city-wide red rainstorm warning in the flood season: the law of the weather is tried on it"""
CROWDS = 20


def event_rows(
    inputs: Inputs,
    sites: Sites,
    homes: Dwellings,
    sources: list[Source],
    sensors: list[dict[str, Any]],
    dangers: list[Change],
    first_day: date,
    rng: np.random.Generator,
) -> dict[date, list[dict[str, Any]]]:
    """Events by the day they begin, in order of time, each with its id; positions in degrees."""
    active = {source.code for source in sources}
    watched = [sensor for sensor in sensors if sensor["source_code"] in active]
    events = _readings(watched, first_day, rng)
    events += _alarms(watched, first_day, rng)
    events += _special_work(sources, first_day, rng)
    events += _weather(inputs, first_day, rng)
    events += _periods(first_day)
    events += _crowds(inputs, sites, homes, first_day, rng)
    events += [
        _event("incident", begin, hours, source_code=code)
        for begin, hours, code in incident_places(events, dangers, sources, _at(first_day), rng)
    ]
    by_day: dict[date, list[dict[str, Any]]] = {}
    for begin, row in sorted(events, key=lambda event: (event[0], event[1]["kind"], event[1]["sensor_code"])):
        rows = by_day.setdefault(begin.date(), [])
        rows.append({"event_id": f"E{begin:%Y%m%d}-{len(rows) + 1:04d}"} | row)
    return by_day


def _event(
    kind: str, begin: datetime, hours: float | None = None, **columns: Any
) -> tuple[datetime, dict[str, Any]]:
    until = "" if hours is None else (begin + timedelta(minutes=round(hours * 60))).isoformat()
    row: dict[str, Any] = {
        "kind": kind, "severity": "", "source_code": "", "sensor_code": "", "value": "", "unit": "",
        "time": begin.isoformat(), "until": until, "synthetic": True, "geometry": None,
    }  # fmt: skip
    return begin, row | columns


def _at(day: date, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), SHANGHAI)


def usual_range(low: float | None, high: float) -> tuple[float, float]:
    """Usual range of a sensor: the middle of its limits, or the low end where there is only an upper one."""
    if low is None:
        return 0.0, 0.35 * high
    return low + 0.25 * (high - low), low + 0.7 * (high - low)


def _readings(sensors: list[dict[str, Any]], first_day: date, rng: np.random.Generator) -> list[Any]:
    """One a day from every sensor at its own minute after eight; a few fall silent for one to three weeks."""
    limits = [(None if one["low"] == "" else float(one["low"]), float(one["high"])) for one in sensors]
    low, high = np.array([usual_range(*both) for both in limits]).T
    value = np.round(low + (high - low) * rng.beta(2, 3, (DAYS, len(sensors))), 2)
    silent = np.zeros(value.shape, dtype=np.bool_)
    for sensor in rng.choice(len(sensors), SILENT_SENSORS, replace=False).tolist():
        start = int(rng.integers(20, DAYS - 25))
        silent[start : start + int(rng.integers(*SILENT_DAYS)), sensor] = True
    minute = rng.integers(0, 60, len(sensors))
    events = []
    for day in range(DAYS):
        stamp = [_at(first_day + timedelta(days=day), 8, int(one)) for one in minute]
        events += [
            _event(
                "reading", stamp[n], source_code=sensor["source_code"], sensor_code=sensor["code"],
                value=float(value[day, n]), unit=sensor["unit"],
            )
            for n, sensor in enumerate(sensors) if not silent[day, n]
        ]  # fmt: skip
    return events


def _alarms(sensors: list[dict[str, Any]], first_day: date, rng: np.random.Generator) -> list[Any]:
    """Alarms of sensors over their limit until acknowledged and normal again; a few sensors ring often."""
    temper = rng.lognormal(0, 1.0, len(sensors))
    events = []
    for index in rng.choice(len(sensors), ALARMS, p=temper / temper.sum()).tolist():
        sensor = sensors[index]
        severity = "high" if rng.random() < SHARE_HIGH_ALARMS else "low"
        over = rng.uniform(*OVER_LIMIT[severity])
        begin = _at(
            first_day + timedelta(days=int(rng.integers(DAYS))), int(rng.integers(24)), int(rng.integers(60))
        )
        hours = rng.uniform(*ALARM_HOURS[severity])
        events.append(
            _event(
                "alarm", begin, hours, severity=severity, source_code=sensor["source_code"],
                sensor_code=sensor["code"], value=round(float(sensor["high"]) * over, 2), unit=sensor["unit"],
            )
        )  # fmt: skip
    return events


def _special_work(sources: list[Source], first_day: date, rng: np.random.Generator) -> list[Any]:
    """Tickets for hot work, confined spaces and the like, in working hours."""
    places = [source for source in sources if source.kind in WORKING_KINDS]
    grades, chances = [grade for grade, _ in WORK_GRADES], [chance for _, chance in WORK_GRADES]
    events = []
    for index in rng.integers(len(places), size=SPECIAL_WORKS).tolist():
        day = first_day + timedelta(days=int(rng.integers(DAYS)))
        begin = _at(day, int(rng.integers(8, 16)), 30 * int(rng.integers(2)))
        grade = grades[int(rng.choice(len(grades), p=chances))]
        hours = float(rng.integers(*WORK_HOURS))
        events.append(_event("special_work", begin, hours, severity=grade, source_code=places[index].code))
    return events


def _weather(inputs: Inputs, first_day: date, rng: np.random.Generator) -> list[Any]:
    """Weather warnings in their season, over the whole city or a part, and one red rainstorm."""
    days = [first_day + timedelta(days=day) for day in range(DAYS)]
    whole = shapely.box(*_rounded(shapely.bounds(inputs.projection.to_degrees(inputs.boundary))))
    events = []
    for unit, months, count, values, worse in WEATHER:
        season = [day for day in days if day.month in months]
        for index in rng.choice(len(season), count, replace=False).tolist():
            step = int(np.searchsorted(-np.array(worse), -rng.random()))
            area = whole if rng.random() < CITY_WIDE_SHARE else _part_of(whole, rng)
            value = round(values[step] * rng.uniform(1.0, 1.2), 1)
            begin = _at(season[index], int(rng.integers(24)))
            events.append(
                _event(
                    "weather", begin, float(rng.integers(6, 36)), severity=SEVERITIES[step], value=value,
                    unit=unit, geometry=area,
                )
            )  # fmt: skip
    flood = next(day for day in days if (day.month, day.day) == FLOOD_DAY)
    events.append(
        _event(
            "weather", _at(flood, 5), 31.0, severity="red", value=FLOOD_RAIN_MM, unit="mm", geometry=whole
        )
    )  # fmt: skip
    return events


def _part_of(whole: shapely.Geometry, rng: np.random.Generator) -> shapely.Geometry:
    left, bottom, right, top = shapely.bounds(whole)
    x, y = np.sort(rng.uniform(left, right, 2)), np.sort(rng.uniform(bottom, top, 2))
    return shapely.box(*_rounded(np.array([x[0] - 0.05, y[0] - 0.04, x[1] + 0.05, y[1] + 0.04])))


def _rounded(bounds: Floats) -> Floats:
    return np.round(bounds, 4)


def _periods(first_day: date) -> list[Any]:
    """Special periods that begin in the year; one under way on the first day begins there."""
    last_day = first_day + timedelta(days=DAYS - 1)
    events = []
    for year in (first_day.year - 1, first_day.year, first_day.year + 1):
        for (month, day), length in PERIODS:
            begin, end = date(year, month, day), date(year, month, day) + timedelta(days=length)
            if begin <= last_day and end > first_day:
                begin = max(begin, first_day)
                events.append(_event("special_period", _at(begin), (end - begin).days * 24.0))
    return events


def _crowds(
    inputs: Inputs, sites: Sites, homes: Dwellings, first_day: date, rng: np.random.Generator
) -> list[Any]:
    """Gatherings in the towns: temple fairs, dragon boats, openings."""
    weight = place_weight(sites, homes, "town")
    site = rng.choice(len(weight), CROWDS, p=weight / weight.sum())
    lonlat = inputs.projection.degrees(sites.xy[site])
    events = []
    for number in range(CROWDS):
        begin = _at(first_day + timedelta(days=int(rng.integers(DAYS))), int(rng.integers(9, 20)))
        people = float(rng.integers(3, 90) * 100)
        events.append(
            _event(
                "crowd", begin, float(rng.integers(2, 7)), value=people, unit="人",
                geometry=shapely.points(lonlat[number]),
            )
        )  # fmt: skip
    return events
