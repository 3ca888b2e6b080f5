"""Who is by day at the demo city's workplaces that stand apart from every dwelling: its workers, and no resident.

Elsewhere the people by day of the dwellings nearby are those who work there; the census stays what it is.
"""

from typing import Any

import numpy as np
import shapely

from jobs.demo_areas import Areas
from jobs.demo_enterprises import Firm
from jobs.demo_history import Days, Plan, record
from jobs.demo_inputs import Inputs
from jobs.demo_people import Dwellings, rescue_minutes
from jobs.demo_sites import Sites
from jobs.demo_terrain import Terrain

APART_M = 120.0
"""well within the least reach of an enterprise's premises, 150 m"""


def workplace_rows(
    inputs: Inputs, terrain: Terrain, areas: Areas, sites: Sites, homes: Dwellings, firms: list[Firm]
) -> dict[str, dict[str, Any]]:
    """By firm its row of layer `population`, at its site; coded as dwellings are, after those of its group."""
    shapes = np.array([firm.shape for firm in firms], dtype=np.object_)
    dwellings = shapely.STRtree(shapely.points(sites.xy[homes.site]))
    near = np.unique(dwellings.query(shapes, predicate="dwithin", distance=APART_M)[0])
    apart = [firms[n] for n in np.setdiff1d(np.arange(len(firms)), near)]
    apart = [firm for firm in apart if firm.row["status"] != "closed"]
    at = sites.xy[[firm.site for firm in apart]]
    minutes, lonlat = rescue_minutes(inputs, terrain, at), inputs.projection.degrees(at)
    numbered = np.bincount(sites.group[homes.site], minlength=len(areas.group_codes))
    rows: dict[str, dict[str, Any]] = {}
    for n, firm in enumerate(apart):
        group = sites.group[firm.site]
        numbered[group] += 1
        rows[firm.code] = {
            "code": f"{areas.group_codes[group]}-{numbered[group]}",
            "people": 0,
            "people_day": firm.row["workers"],
            "vulnerable": False,
            "rescue_min": int(minutes[n]),
            "township_code": areas.township_code(int(sites.cell[firm.site])),
            "synthetic": True,
            "lonlat": lonlat[n],
        }
    return rows


def standing_workplaces(rows: dict[str, dict[str, Any]], plan: Plan, days: Days) -> list[dict[str, Any]]:
    """The workplaces of the first day; in `days` go those of firms that open later, and nobody where one closes."""
    for code, row in rows.items():
        if day := plan.opened.get(code):
            record(days, day, "population", row)
        elif day := plan.closed.get(code):
            record(days, day, "population", row | {"people_day": 0})
    return [row for code, row in rows.items() if code not in plan.opened]
