"""The demo city's hazard sources with their inventories and sensors, from source_kinds.toml."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import shapely

from jobs.demo_areas import Areas
from jobs.demo_enterprises import Firm, rectangle
from jobs.demo_inputs import Inputs
from jobs.demo_people import Dwellings, take_places
from jobs.demo_sites import Sites
from jobs.demo_terrain import Terrain
from riskmap.assessed import FIELDS
from riskmap.credits import OF_SOURCES
from riskmap.editions import load_edition, shipped_editions
from riskmap.sources import Gb18218, Item, grade_source
from riskmap.substances import Catalogue, Match

SENSOR_KINDS = {
    # source kind: (kind, unit, low, high) of what is watched
    "ammonia_cold_store": (("氨气浓度", "ppm", "", 25.0), ("贮氨器压力", "MPa", 0.2, 1.6)),
    "water_works": (("氯气浓度", "ppm", "", 1.0),),
    "lpg_filling": (("可燃气体浓度", "%LEL", "", 25.0), ("储罐液位", "%", 8.0, 85.0)),
    "gas_network": (("可燃气体浓度", "%LEL", "", 25.0), ("储罐压力", "MPa", 0.1, 1.1)),
    "hazchem_production": (("可燃气体浓度", "%LEL", "", 25.0), ("反应温度", "℃", 20.0, 95.0)),
    "hazchem_store": (("有毒气体浓度", "ppm", "", 10.0), ("库内温度", "℃", -5.0, 35.0)),
    "port": (("储罐液位", "%", 5.0, 90.0), ("可燃气体浓度", "%LEL", "", 25.0)),
    "explosives_store": (("库内温度", "℃", -10.0, 30.0),),
    "fireworks_store": (("库内湿度", "%", 35.0, 80.0),),
    "bridge": (("主梁挠度", "mm", "", 60.0),),
}
SENSOR_INTERVAL_S = 86_400
"""the sensors report to the city once a day; alarms come at once"""


@dataclass(frozen=True, slots=True)
class Source:
    """One hazard source: its row, its position in metres, its host if it has one, and what it holds."""

    row: dict[str, Any]
    shape: shapely.Geometry
    host: Firm | None
    inventory: list[dict[str, Any]]

    @property
    def code(self) -> str:
        """Source code."""
        return str(self.row["code"])

    @property
    def kind(self) -> str:
        """Source kind."""
        return str(self.row["kind"])


def make_sources(
    inputs: Inputs,
    terrain: Terrain,
    areas: Areas,
    sites: Sites,
    homes: Dwellings,
    firms: list[Firm],
    first_day: date,
    rng: np.random.Generator,
) -> list[Source]:
    """All sources as they stand on the first day, coded H0001 … in the order of the table."""
    hosts: dict[str, list[Firm]] = {}
    for firm in firms:
        hosts.setdefault(firm.business_format, []).append(firm)
    used: dict[str, int] = {}
    crossings = _Crossings(terrain, rng)
    sources: list[Source] = []
    for kind in inputs.source_kinds:
        for number in range(kind["count"]):
            host = _next_host(hosts, used, kind)
            if host:
                shape, site = _in_host(kind, host, sites, rng), host.site
                name = f"{host.row['name']}{kind['name']}"
            elif kind.get("shape") in ("bridge", "ferry", "road"):
                name, shape = crossings.next(kind)
                site = _nearest_site(sites, shape)
            else:
                site = int(take_places(inputs, sites, homes, kind["place"], 1, rng)[0])
                village = inputs.villages[int(sites.village[site])].name
                name, shape = f"{village}示例{kind['name']}{number + 1:02d}", _around(kind, sites, site, rng)
            if kind["kind"] == "pipeline":
                shape = crossings.pipeline(sites.xy[site], kind["length_m"])
            row = _row(
                f"H{len(sources) + 1:04d}", name, kind, host, areas.township_code(int(sites.cell[site]))
            )
            row["opened_on"] = (first_day - timedelta(days=int(rng.integers(100, 6000)))).isoformat()
            if host and host.row["opened_on"] > row["opened_on"]:
                row["opened_on"] = host.row["opened_on"]
            assessed = kind.get("assessed", ({},))
            row |= assessed[number % len(assessed)]
            sources.append(Source(row, shape, host, _inventory(row["code"], kind, first_day, rng)))
    _date_files(sources, first_day, rng)
    return sources


def _date_files(sources: list[Source], first_day: date, rng: np.random.Generator) -> None:
    """When sources were assessed, and major hazard sources filed: most on time, some overdue or missing; two major once."""
    edition = load_edition(next(iter(shipped_editions().values())))
    catalogue, rules = Catalogue.from_edition(edition), Gb18218.from_edition(edition)
    once = 2
    for source in sources:
        if not source.inventory:
            continue
        items = [
            Item(str(n), Decimal(str(row["quantity_t"])), _matched(catalogue, row))
            for n, row in enumerate(source.inventory)
        ]
        major, lucky = grade_source(items, None, rules).s >= 1, rng.random() < 0.85
        assessed = first_day - timedelta(days=int(rng.integers(30, 1300)))
        if (major and lucky) or (not major and once):
            once -= not major
            source.row["assessed_on"] = assessed.isoformat()
            source.row["filed_on"] = (assessed + timedelta(days=int(rng.integers(10, 60)))).isoformat()
    for number, source in enumerate(sources):
        if source.kind == "hazchem_production" and number % 2:
            source.row["sis_until"] = (first_day + timedelta(days=500 + 37 * number % 300)).isoformat()
        if not source.inventory and any(source.row[name] != "" for name in FIELDS):
            source.row["assessed_on"] = (first_day - timedelta(days=30 + 37 * number % 500)).isoformat()


def _matched(catalogue: Catalogue, row: dict[str, Any]) -> Match:
    return catalogue.match(
        cas=row["cas"] or None, name=row["substance"] or None, hazard_class=row["hazard_class"] or None
    )


def source_row(inputs: Inputs, source: Source) -> dict[str, Any]:
    """The source's row of layer `sources` with its position in degrees."""
    return source.row | {"geometry": inputs.projection.to_degrees(source.shape)}


def sensor_rows(sources: list[Source]) -> list[dict[str, Any]]:
    """Layer `sensors`: what is watched at the sources that hold something."""
    rows = []
    for source in sources:
        for number, (kind, unit, low, high) in enumerate(SENSOR_KINDS.get(source.kind, ()), start=1):
            rows.append(
                {
                    "code": f"{source.code}-S{number}", "source_code": source.code, "kind": kind, "unit": unit,
                    "low": low, "high": high, "interval_s": SENSOR_INTERVAL_S, "synthetic": True,
                }
            )  # fmt: skip
    return rows


def _next_host(hosts: dict[str, list[Firm]], used: dict[str, int], kind: dict[str, Any]) -> Firm | None:
    """The next enterprise of the wanted format, largest first, in turn."""
    if "host" not in kind:
        return None
    turn = used.get(kind["host"], 0)
    used[kind["host"]] = turn + 1
    candidates = [firm for firm in hosts[kind["host"]] if firm.row["status"] == "active"]
    return candidates[turn % len(candidates)]


def _row(code: str, name: str, kind: dict[str, Any], host: Firm | None, township_code: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "kind": kind["kind"],
        "status": "active",
        "opened_on": "",
        "closed_on": "",
        "enterprise_code": host.code if host else "",
        "unit_type": kind.get("unit_type", ""),
        "assessed_on": "",
        **dict.fromkeys((*FIELDS, *OF_SOURCES), ""),
        "filed_on": "",
        "township_code": township_code,
        "synthetic": True,
    }


def _in_host(kind: dict[str, Any], host: Firm, sites: Sites, rng: np.random.Generator) -> shapely.Geometry:
    """A yard or a point inside the host's site, off its middle so that two sources do not coincide."""
    if shapely.get_type_id(host.shape) == shapely.GeometryType.POINT:
        return _around(kind, sites, host.site, rng)
    outline = shapely.get_coordinates(host.shape)
    middle = outline[:4].mean(axis=0)
    corner = outline[int(rng.integers(4))]
    centre = middle + (corner - middle) * rng.uniform(0.25, 0.5)
    if kind.get("shape") != "area":
        return shapely.points(centre)
    room_m = float(np.min(np.linalg.norm(np.diff(outline[:3], axis=0), axis=1))) * 0.42
    side_m = min(float(kind["side_m"]), room_m)
    return rectangle(centre, side_m, side_m * 0.8, float(sites.heading[host.site]))


def _around(kind: dict[str, Any], sites: Sites, site: int, rng: np.random.Generator) -> shapely.Geometry:
    if kind.get("shape") != "area":
        return shapely.points(sites.xy[site])
    side_m = float(kind["side_m"])
    return rectangle(sites.xy[site], side_m, side_m * rng.uniform(0.6, 1.0), float(sites.heading[site]))


def _inventory(
    source_code: str, kind: dict[str, Any], first_day: date, rng: np.random.Generator
) -> list[dict[str, Any]]:
    rows = []
    for what, value, low, high, unit_code in kind.get("inventory", ()):
        step = 0.1 if high < 3 else 0.5 if high < 40 else 1.0
        quantity_t = round(round((low + (high - low) * rng.random()) / step) * step, 1)
        row = {"source_code": source_code, "cas": "", "substance": "", "hazard_class": ""}
        rows.append(
            row
            | {what: value, "quantity_t": quantity_t, "unit_code": unit_code}
            | {
                "as_of": (first_day - timedelta(days=int(rng.integers(1, 330)))).isoformat(),
                "synthetic": True,
            }
        )
    return rows


def _nearest_site(sites: Sites, shape: shapely.Geometry) -> int:
    middle = shapely.centroid(shape)
    return int(np.argmin(np.hypot(sites.xy[:, 0] - middle.x, sites.xy[:, 1] - middle.y)))


class _Crossings:
    """Bridges where main roads cross rivers, ferry routes, and stretches of road, each given out once."""

    def __init__(self, terrain: Terrain, rng: np.random.Generator) -> None:
        self.rng = rng
        self.roads = terrain.roads
        self.bridges: list[tuple[str, shapely.Geometry]] = []
        for river in terrain.waters:
            for road in terrain.roads if river.kind == "river" and river.shape.area > 0 else ():
                for number, part in enumerate(
                    shapely.get_parts(shapely.intersection(road.shape, river.shape))
                ):
                    if 80 < part.length < 1500:
                        self.bridges.append((f"{road.name}跨{river.name}大桥{number + 1}", part))
        self.ferries = [(way.name, way.shape) for way in terrain.ferries]
        self.turn = 0

    def next(self, kind: dict[str, Any]) -> tuple[str, shapely.Geometry]:
        """Name and line of the next bridge, ferry or accident-prone stretch."""
        match kind["shape"]:
            case "bridge":
                return self.bridges.pop(0)
            case "ferry":
                return self.ferries.pop(0)
        road = self.roads[self.turn % len(self.roads)]
        self.turn += 1
        return f"{road.name}事故多发路段{self.turn}", self._stretch(road.shape, float(kind["length_m"]))

    def pipeline(self, near: Any, length_m: float) -> shapely.Geometry:
        """A buried line of that length that starts near a point and runs beside the nearest main road."""
        road = min(self.roads, key=lambda one: shapely.distance(one.shape, shapely.points(near))).shape
        line = max(shapely.get_parts(road), key=shapely.length)
        start = min(
            float(shapely.line_locate_point(line, shapely.points(near))), max(0.0, line.length - length_m)
        )
        return shapely.offset_curve(_cut(line, start, start + length_m), 40.0)

    def _stretch(self, road: shapely.Geometry, length_m: float) -> shapely.Geometry:
        line = max(shapely.get_parts(road), key=shapely.length)
        start = self.rng.uniform(0.1, 0.9) * max(0.0, line.length - length_m)
        return _cut(line, start, start + length_m)


def _cut(line: shapely.Geometry, start_m: float, end_m: float) -> shapely.Geometry:
    """The part of a line between two distances along it."""
    along = np.linspace(start_m, min(end_m, line.length), 20)
    return shapely.linestrings(shapely.get_coordinates(shapely.line_interpolate_point(line, along)))
