"""The small cities of `zone_cities` as records in a database, brought up to date day by day through the import."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from jobs.zones import renew
from layers.database import snapshot
from layers.history import CLOCK
from tests.import_files import load
from tests.zone_cities import City, Site

CORNER_X, CORNER_Y = 637_000.0, 3_186_000.0
"""of the cities, in metres of the demo city's system"""
FIRST = dt.date(2026, 3, 1)
STATE = {
    "zone": "code",
    "zone_member": "zone_code, code",
    "zone_line": "zone_code, n",
    "zone_edge": "kind, a, b",
    "zone_reach": "code",
    "zone_event": "run_id, n",
    "zone_event_site": "run_id, n, role, code, what",
}
_FIRM = "code,name,industry,business_format,workers,wkt,status,closed_on"
_TONNES_A_METRE = 0.01
Rows = list[dict[str, Any]]


def morning(day: int) -> dt.datetime:
    """The morning of a day of a history; 0 is its first."""
    return dt.datetime.combine(FIRST + dt.timedelta(days=day), dt.time(8), CLOCK)


def wkt(site: Site, *, within: bool = False) -> str:
    """Where a site stands, or the middle of it."""
    if not site.width or within:
        return f'"POINT ({CORNER_X + site.x:.3f} {CORNER_Y + site.y:.3f})"'
    west, south, east, north = site.outline.bounds
    xs, ys = (west, east, east, west, west), (south, south, north, north, south)
    corners = ", ".join(f"{CORNER_X + x:.3f} {CORNER_Y + y:.3f}" for x, y in zip(xs, ys, strict=True))
    return f'"POLYGON (({corners}))"'


class Town:
    """A city on file: `move` brings the records to another state of it, in this or another order of rows."""

    def __init__(self, owner: Engine, folder: Path, dice: np.random.Generator | None = None) -> None:
        self.owner, self.folder, self.dice = owner, folder, dice
        self.city: City = {}

    def move(self, city: City, day: int) -> set[str]:
        """Import what the city is now; the codes of the sites that are not as they were."""
        changed = {code for code in {*self.city, *city} if self.city.get(code) != city.get(code)}
        written = sorted(changed) if self.dice is None else list(city) + sorted(set(self.city) - set(city))
        if self.dice is not None:
            self.dice.shuffle(written)
        options: dict[str, Any] = {"at": morning(day), "crs": "EPSG:4547"}
        rows = [self._firm(code, city, day) for code in written]
        if changed:
            load(self.owner, self.folder, "enterprises", _FIRM, *rows, **options)
        holds = {code: city[code].domino_m if code in city else 0 for code in changed}
        held = {code: self.city[code].domino_m if code in self.city else 0 for code in changed}
        tanks = sorted(code for code in changed if holds[code] or held[code])
        if tanks:
            load(
                *(self.owner, self.folder, "sources", "code,name,kind,enterprise_code,status,closed_on,wkt"),
                *(self._tank(code, city, day) for code in tanks),
                **options,
            )
            stock = [f"T{code},丙烷,{holds[code] * _TONNES_A_METRE:.1f}" for code in tanks if holds[code]]
            if stock:
                header = "source_code,substance,quantity_t"
                load(self.owner, self.folder, "inventory", header, *stock, at=morning(day))
        self.city = dict(city)
        return changed

    def renew(self, day: int, *, full: bool = False) -> dict[str, Any]:
        """Run the zones job of a day."""
        return renew(self.owner, actor="test", at=morning(day), full=full)

    def _firm(self, code: str, city: City, day: int) -> str:
        site, status = self._open_or_not(code, city, day)
        workers = "" if site.workers < 0 else site.workers
        return f"{code},厂{code},{site.industry or ''},{site.form or ''},{workers},{wkt(site)},{status}"

    def _tank(self, code: str, city: City, day: int) -> str:
        site, status = self._open_or_not(code, city, day)
        if code in city and not site.domino_m:
            status = f"closed,{morning(day).date()}"
        return f"T{code},罐{code},lpg_store,{code},{status},{wkt(site, within=True)}"

    def _open_or_not(self, code: str, city: City, day: int) -> tuple[Site, str]:
        if code in city:
            return city[code], "active,"
        return self.city[code], f"closed,{morning(day).date()}"


def table(owner: Engine, name: str) -> Rows:
    """The rows of a table of zones in order of their key, without revisions."""
    order = STATE[name]
    with snapshot(owner) as connection:
        found = connection.execute(text(f"SELECT * FROM {name} ORDER BY {order}")).mappings()
        return [{key: value for key, value in row.items() if key != "rev"} for row in found]


def state(owner: Engine) -> dict[str, Rows]:
    """All that the zones job has left."""
    return {name: table(owner, name) for name in STATE}


def asked(owner: Engine, query: str, **values: Any) -> Iterator[Any]:
    """Rows of a query, as the owner sees them."""
    with snapshot(owner) as connection:
        yield from connection.execute(text(query), values).all()
