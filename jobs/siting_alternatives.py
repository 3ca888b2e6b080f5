"""Where else it could stand, for an opinion paper: a few cells of the search of the whole city, each with its binding rule."""

import numpy as np
from sqlalchemy import Connection

from jobs.siting import Judged
from jobs.siting_picture import rule_told
from jobs.siting_places import places_called
from jobs.siting_search import NEAR_M, Searched, apart, counts_of, order_of, searched
from layers.siting import Row, Site
from layers.siting_search import people_near
from riskmap.errors import BadInput, TooLarge
from riskmap.sections import MILLI
from riskmap.shapes import Floats
from riskmap.siting_findings import VERDICTS
from riskmap.siting_paper_rules import PaperRules

_APART_MM = 1000.0 * MILLI
"""two that are named stand so far apart"""


def alternatives_at(connection: Connection, judged: Judged, site: Site, rules: PaperRules) -> Row:
    """The best cells of the search that stand apart, the nearest one as good, and how many are refused by which rule.

    What binds every cell alike is told once, in `everywhere`; the other rules rank the cells. `none` says why nothing was
    searched, where the city's outline is not on file or the grid would be too fine.
    """
    try:
        found = searched(connection, judged, rules.cell_m)
    except (BadInput, TooLarge) as error:
        return {"cell_m": rules.cell_m, "cells": 0, "none": error.detail, "items": []}
    people = people_near(connection, found.ground.grid, NEAR_M)
    ranked = found.ranked
    order = order_of(found, people)
    good = order[ranked[order] == ranked.min()] if len(order) else order
    away = _away_mm(found, site)
    chosen = apart(found, good, rules.alternatives, _APART_MM)
    nearest = good[np.lexsort((good, away[good]))[:1]] if len(good) else good
    named = [*nearest.tolist(), *chosen]
    places = places_called(connection, found.ground, named, "zh")
    items = [_item(judged, found, people, away, n) | {"place": places[n]} for n in named]
    refused = found.verdicts >= VERDICTS.index("not_in_principle")
    rule, counted = np.unique(found.worst.rule[refused], return_counts=True)
    by_count = sorted(zip(counted.tolist(), rule.tolist(), strict=True), reverse=True)
    return {
        "cell_m": rules.cell_m,
        "cells": len(order),
        "none": None,
        **counts_of(found),
        "everywhere": [rule_told(judged, name) for name in found.everywhere],
        "refused": [{**rule_told(judged, found.rules[n]), "cells": cells} for cells, n in by_count],
        "items": [{**item, "nearest": n < len(nearest)} for n, item in enumerate(items)],
    }


def _away_mm(found: Searched, site: Site) -> Floats:
    x, y = site.shape.centroid.x, site.shape.centroid.y
    grid = found.ground.grid
    away: Floats = np.hypot(grid.x - x * MILLI, grid.y - y * MILLI)
    return away


def _item(judged: Judged, found: Searched, people: Floats | None, away: Floats, n: int) -> Row:
    lon, lat = found.ground.lonlat([n])[0].tolist()
    spare, other = float(found.spare[n]), int(found.other.rule[n])
    worst = int(found.worst.rule[n])
    against = found.other.severity[n] > 0
    return {
        "lon": round(lon, 6),
        "lat": round(lat, 6),
        "verdict": VERDICTS[int(found.verdicts[n])],
        "binding": rule_told(judged, found.rules[worst]) if worst >= 0 else None,
        "next": rule_told(judged, found.rules[other]) if against and other >= 0 else None,
        "spare_m": round(spare / MILLI, 1) if np.isfinite(spare) else None,
        "people_500m": None if people is None else round(float(people[n]), 1),
        "distance_m": round(float(away[n]) / MILLI),
    }
