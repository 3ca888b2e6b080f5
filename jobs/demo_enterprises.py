"""The demo city's enterprises: 1,500 firms over the seven committees, larger ones with the polygon of their site.

Names say 示例, codes carry region 000000 and an organisation part that begins with DEM, persons are roles:
nothing here can be taken for a real firm or person.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import shapely

from jobs.demo_inputs import Floats, Inputs, Ints
from jobs.demo_people import Dwellings, take_places
from jobs.demo_sites import Sites
from jobs.demo_terrain import Terrain, in_water
from riskmap.credits import OF_ENTERPRISES

CODE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015: no I, O, S, V, Z"""
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11714-1997"""
WRONG_TOWNSHIP = 10
CLOSED_BEFORE = 26
SUSPENDED = 24
DEPARTMENTS = {
    "road_traffic": ("市交通运输局", "市公安局交通警察大队"),
    "construction": ("市住房和城乡建设局", "市住房和城乡建设局质安站"),
    "special_equipment": ("市工业和信息化局", "市市场监督管理局"),
    "hazchem": ("市商务局", "市应急管理局危化股"),
    "pipeline": ("市发展和改革局", "市城市管理和综合执法局"),
    "fire_crowd": ("市文化旅游广电体育局", "市消防救援大队"),
    "general": ("市工业和信息化局", "市应急管理局工贸股"),
}
GENERAL_DEPARTMENT = "市应急管理局"


@dataclass(frozen=True, slots=True)
class Firm:
    """One enterprise: its row, its site in metres (point or polygon), the pool point it stands on."""

    row: dict[str, Any]
    shape: shapely.Geometry
    site: int

    @property
    def code(self) -> str:
        """统一社会信用代码."""
        return str(self.row["code"])

    @property
    def business_format(self) -> str:
        """业态."""
        return str(self.row["business_format"])


def credit_code(number: int) -> str:
    """A made-up 统一社会信用代码 with right check characters (GB 32100-2015, GB 11714-1997)."""
    organisation = f"DEM{number:05d}"
    total = sum(w * int(sign, 36) for w, sign in zip(ORGANISATION_WEIGHTS, organisation, strict=True))
    organisation += "0123456789X"[(11 - total % 11) % 11]
    body = f"91000000{organisation}"
    total = sum(CODE_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + CODE_SIGNS[(31 - total % 31) % 31]


def make_firms(
    inputs: Inputs,
    terrain: Terrain,
    sites: Sites,
    homes: Dwellings,
    first_day: date,
    rng: np.random.Generator,
) -> list[Firm]:
    """All enterprises as they stand on the first day, in the order of their codes."""
    yards = _Yards(terrain, inputs.boundary)
    firms: list[Firm] = []
    serial: dict[tuple[str, str], int] = {}
    for kind in inputs.enterprise_kinds:
        count = int(kind["count"])
        workers = _workers(int(kind["workers_low"]), int(kind["workers_high"]), count, rng)
        chosen = take_places(inputs, sites, homes, kind["place"], count, rng)
        shapes = yards.place(sites, chosen, np.full(count, float(kind["site_m"])), workers, rng)
        for n in range(count):
            site = int(chosen[n])
            township = inputs.townships[int(sites.township[site])]
            key = (township.short_name, kind["business_format"])
            serial[key] = serial.get(key, 0) + 1
            name = f"{key[0]}示例{key[1]}{serial[key]:02d}"
            row = _row(len(firms) + 1, name, kind, int(workers[n]), township.code, first_day, rng)
            park = int(sites.park[site])
            row["park_code"] = terrain.parks[park].facts["code"] if park >= 0 else ""
            firms.append(Firm(row, shapes[n], site))
    _close_some(firms, first_day, rng)
    _misdeclare_some(firms, inputs, rng)
    _certify_some(firms, first_day)
    return firms


def enterprise_row(inputs: Inputs, firm: Firm) -> dict[str, Any]:
    """The firm's row of layer `enterprises` with its position in degrees."""
    return firm.row | {"geometry": inputs.projection.to_degrees(firm.shape)}


def rectangle(centre: Floats, length_m: float, breadth_m: float, heading: float) -> shapely.Geometry:
    """A rectangle in metres around a centre, its length along the heading (radians)."""
    along = np.array([math.cos(heading), math.sin(heading)]) * length_m / 2
    across = np.array([-math.sin(heading), math.cos(heading)]) * breadth_m / 2
    return shapely.polygons([centre - along - across, centre + along - across, centre + along + across,
                             centre - along + across])  # fmt: skip


class _Yards:
    """Site polygons that keep out of the water, inside the city and apart from each other."""

    def __init__(self, terrain: Terrain, boundary: shapely.Geometry) -> None:
        self.terrain = terrain
        self.boundary = boundary
        self.taken: list[tuple[float, float, float]] = []

    def place(
        self, sites: Sites, chosen: Ints, side_m: Floats, workers: Ints, rng: np.random.Generator
    ) -> list[shapely.Geometry]:
        """For each chosen point a rectangle of about `side_m`, or the point itself where 0 or nothing fits."""
        size = side_m * rng.uniform(0.75, 1.25, len(chosen)) * (1 + 0.25 * (workers > 100))
        stretch = np.sqrt(rng.uniform(1.0, 2.0, len(chosen)))
        shapes = []
        for n, site in enumerate(chosen.tolist()):
            shape = shapely.points(sites.xy[site]) if size[n] == 0 else None
            shape = shape or self._fitted(
                sites.xy[site], sites.heading[site], float(size[n]), float(stretch[n])
            )
            shapes.append(shape)
        return shapes

    def _fitted(self, centre: Floats, heading: float, size: float, stretch: float) -> shapely.Geometry:
        for shrink in (1.0, 0.7, 0.5):
            yard = rectangle(centre, shrink * size * stretch, shrink * size / stretch, heading)
            reach = shrink * size * stretch * 0.75
            corners = shapely.get_coordinates(shapely.segmentize(yard, 25.0))
            apart = all(math.hypot(centre[0] - x, centre[1] - y) > reach + r for x, y, r in self.taken)
            if apart and not in_water(self.terrain, corners).any() and shapely.contains(self.boundary, yard):
                self.taken.append((float(centre[0]), float(centre[1]), reach))
                return yard
        return shapely.points(centre)


def _workers(low: int, high: int, count: int, rng: np.random.Generator) -> Ints:
    """Many small firms, few large ones; the largest first."""
    drawn = low + (high - low) * rng.beta(0.8, 2.6, count)
    return np.sort(np.round(drawn).astype(np.int64))[::-1]


def _row(
    number: int,
    name: str,
    kind: dict[str, str],
    workers: int,
    township_code: str,
    first_day: date,
    rng: np.random.Generator,
) -> dict[str, Any]:
    industry, special = DEPARTMENTS[kind["committee"]]
    officer = rng.integers(1, 10, 3)
    return {
        "code": credit_code(number),
        "name": name,
        "status": "active",
        "opened_on": (first_day - timedelta(days=int(rng.integers(200, 9000)))).isoformat(),
        "closed_on": "",
        "industry": kind["industry"],
        "business_format": kind["business_format"],
        "committee": kind["committee"],
        "workers": workers,
        "township_code": township_code,
        "park_code": "",
        "legal_representative": f"示例企业{number:04d}法定代表人",
        "actual_controller": f"示例企业{number:04d}实际控制人",
        "dept_industry": industry,
        "person_industry": f"{industry}行业监管员{officer[0]:02d}",
        "dept_special": special,
        "person_special": f"{special}专业监管员{officer[1]:02d}",
        "dept_general": GENERAL_DEPARTMENT,
        "person_general": f"{GENERAL_DEPARTMENT}综合监管员{officer[2]:02d}",
        **dict.fromkeys(OF_ENTERPRISES, ""),
        "synthetic": True,
    }


def _certify_some(firms: list[Firm], first_day: date) -> None:
    """Of the larger industrial firms a part is standardised, some certificates run out in the year or have; few more."""
    larger = [firm.row for firm in firms if firm.row["workers"] >= 60 and firm.row["industry"] < "51"]
    for number, row in enumerate(larger):
        if number % 3:
            row["standard_level"] = "2" if number % 7 == 1 else "3"
            row["standard_until"] = (first_day + timedelta(days=211 * number % 1100 - 90)).isoformat()
        if number % 11 == 2:
            row["safety_engineer_until"] = (first_day + timedelta(days=400 + 53 * number % 600)).isoformat()
    for row in (firm.row for firm in firms if firm.row["workers"] >= 500 and firm.row["industry"] < "51"):
        row["fire_brigade_until"] = (first_day + timedelta(days=700)).isoformat()


def _close_some(firms: list[Firm], first_day: date, rng: np.random.Generator) -> None:
    """Some point-sized firms closed before the first day or stand suspended; hosts of sources stay open."""
    small = [firm for firm in firms if shapely.get_type_id(firm.shape) == shapely.GeometryType.POINT]
    chosen = rng.choice(len(small), CLOSED_BEFORE + SUSPENDED, replace=False)
    for number, index in enumerate(chosen.tolist()):
        row = small[index].row
        if row["committee"] == "hazchem":
            continue
        row["status"] = "closed" if number < CLOSED_BEFORE else "suspended"
        if number < CLOSED_BEFORE:
            row["closed_on"] = (first_day - timedelta(days=int(rng.integers(5, 190)))).isoformat()


def _misdeclare_some(firms: list[Firm], inputs: Inputs, rng: np.random.Generator) -> None:
    """A few declare a township they do not lie in: the import is to list them, not to move them."""
    for index in rng.choice(len(firms), WRONG_TOWNSHIP, replace=False).tolist():
        row = firms[index].row
        others = [one.code for one in inputs.townships if one.code != row["township_code"]]
        row["township_code"] = others[int(rng.integers(len(others)))]
