"""The demo city 沅江市: one seed in, a folder of files out that `riskmap import` accepts as they are.

Real: the boundary, the names and codes of city, townships and villages, the census totals. Made up and marked
`synthetic`: everything else. Read this file as the table of contents; each step has a module of its own.
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from jobs import demo_areas, demo_duty, demo_enterprises, demo_events, demo_history, demo_people, demo_sources
from jobs.demo_dangers import danger_changes
from jobs.demo_files import write_csv, write_geojson
from jobs.demo_inputs import Floats, Inputs, read_inputs
from jobs.demo_mosaic import make_mosaic, town_radius_m
from jobs.demo_sites import make_sites
from jobs.demo_terrain import Terrain, Way, draw_terrain, streets, village_roads
from jobs.demo_workplaces import standing_workplaces, workplace_rows
from layers.fields import LAYERS

STREET_TOWN_PEOPLE = 3_000
"""smaller towns are drawn without streets"""


def make_city(seed: int, folder: Path, until: date) -> None:
    """Write the demo city's files: first-day state in `folder`, the rest of the year in `folder/history`.

    The year is the 365 days that end the day before `until`. The same seed and day give the same bytes.
    Raises BadInput where a file of data/geo is missing.
    """
    inputs = read_inputs()
    first_day = demo_history.first_day_of(until)
    dice = _Dice(seed)
    terrain = draw_terrain(inputs, dice.next())
    mosaic = make_mosaic(inputs, terrain, dice.next())
    areas = demo_areas.divide(inputs, terrain, mosaic, dice.next())
    lanes = _lanes(inputs, terrain, mosaic.xy[areas.village_seat], areas, dice.next())
    canals = [way for way in terrain.waters if way.shape.area == 0]
    ways = [*terrain.roads, *terrain.dykes, *canals, *lanes]
    sites = make_sites(terrain, mosaic, areas, ways, dice.next())
    homes = demo_people.settle(inputs, mosaic, areas, sites, dice.next())
    firms = demo_enterprises.make_firms(inputs, terrain, sites, homes, first_day, dice.next())
    sources = demo_sources.make_sources(inputs, terrain, areas, sites, homes, firms, first_day, dice.next())
    sensors = demo_sources.sensor_rows(sources)
    targets = demo_people.target_rows(inputs, sites, homes, dice.next())
    resources = demo_people.resource_rows(inputs, areas, sites, homes, targets, dice.next())
    plan = demo_history.Plan(firms, sources, first_day, dice.next())
    dangers = danger_changes(inputs, areas, plan.steady_firms, plan.steady_sources, first_day, dice.next())
    events = demo_events.event_rows(
        inputs, sites, homes, plan.steady_sources, sensors, dangers, first_day, dice.next()
    )
    year = demo_history.make_year(inputs, firms, sources, plan, dangers, events, first_day, dice.next())

    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, "areas", demo_areas.area_rows(inputs, mosaic, areas, terrain, homes.group_people))
    _write(folder, "lines", _line_rows(inputs, terrain, lanes))
    people = demo_people.population_rows(inputs, terrain, areas, sites, homes, dice.next())
    workplaces = workplace_rows(inputs, terrain, areas, sites, homes, firms)
    _write(folder, "population", people + standing_workplaces(workplaces, plan, year.days))
    _write(folder, "enterprises", year.enterprises)
    _write(folder, "sources", year.sources)
    _write(folder, "inventory", year.inventory)
    _write(folder, "sensors", sensors)
    _write(folder, "targets", targets)
    _write(folder, "resources", resources)
    duty = demo_duty.duty_rows(inputs, areas, sources, first_day)
    _write(folder, "duty", [row for row in duty if row["object_code"] not in plan.source_opened])
    for row in duty:
        if opened := plan.source_opened.get(row["object_code"]):  # its persons are named when a source opens
            year.days[opened].setdefault("duty", []).append(row | {"from_on": opened.isoformat()})
    _write(folder, "dangers", year.dangers)
    _write(folder, "events", year.events)
    for day, layers in year.days.items():
        for layer, rows in layers.items():
            path = folder / "history" / day.isoformat() / f"{layer}.csv"
            write_csv(path, _columns(layer, rows), rows)


class _Dice:
    """One random generator for each step, so that a change in one step leaves the others as they were."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._step = 0

    def next(self) -> np.random.Generator:
        """The generator of the next step."""
        self._step += 1
        return np.random.default_rng([self._seed, self._step])


SPATIAL_FILES = ("areas", "lines", "enterprises", "sources")


def _write(folder: Path, layer: str, rows: list[dict[str, Any]]) -> None:
    columns = _columns(layer, rows)
    if layer in SPATIAL_FILES:
        write_geojson(folder / f"{layer}.geojson", layer, [c for c in columns if c != "geometry"], rows)
    else:
        write_csv(folder / f"{layer}.csv", columns, rows)


def _columns(layer: str, rows: list[dict[str, Any]]) -> list[str]:
    """The layer's columns in the order of its template, as far as the demo fills them, then the position."""
    known = rows[0].keys() if rows else ()
    fields = [field.name for field in LAYERS[layer].fields if not rows or field.name in known]
    return fields + [position for position in ("lonlat", "geometry") if position in known]


def _lanes(
    inputs: Inputs, terrain: Terrain, seats: Floats, areas: demo_areas.Areas, rng: np.random.Generator
) -> list[Way]:
    """Village roads and the streets of towns and parks."""
    lanes = village_roads(terrain, seats, areas.village_township, [one.name for one in inputs.villages])
    for township in inputs.townships:
        if township.urban_people >= STREET_TOWN_PEOPLE:
            reach = 1.2 * town_radius_m(township.urban_people)
            lanes += streets(terrain, township.seat, reach, township.short_name, rng)
    for park in terrain.parks:
        middle, reach = park.shape.centroid, 0.5 * float(np.sqrt(park.shape.area))
        lanes += streets(terrain, (middle.x, middle.y), reach, park.name, rng)
    return lanes


def _line_rows(inputs: Inputs, terrain: Terrain, lanes: list[Way]) -> list[dict[str, Any]]:
    ways = [*terrain.waters, *terrain.dykes, *terrain.roads, *terrain.ferries, *lanes]
    return [
        {
            "code": f"L{number:04d}", "name": way.name, "kind": way.kind, "rank": way.rank, "township_code": "",
            "synthetic": True, "geometry": inputs.projection.to_degrees(way.shape),
        }
        for number, way in enumerate(ways, start=1)
    ]  # fmt: skip
