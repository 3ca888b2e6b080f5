"""What the places of a search are called: the village and township they lie in, how far from its middle, in which direction."""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import Connection

from layers.siting import Row
from layers.siting_search import Ground, named_areas
from riskmap.sections import MILLI
from riskmap.siting_words import place_words


def places_called(
    connection: Connection, ground: Ground, cells: Iterable[int], lang: str
) -> dict[int, Row | None]:
    """Of some cells what each is called; None where no area has an outline.

    `distance_m` and `bearing` (degrees clockwise from north) are those from a point in the middle of the village, of
    the township where villages have no outlines.
    """
    wanted = sorted(set(cells))
    areas = named_areas(connection) if wanted else None
    if areas is None:
        return dict.fromkeys(wanted)
    x, y = (of[wanted] / MILLI for of in (ground.grid.x, ground.grid.y))
    nearest = areas.nearest(x, y)
    middles = areas.middles()[nearest]
    east, north = x - middles[:, 0], y - middles[:, 1]
    away, bearing = np.hypot(east, north), np.degrees(np.arctan2(east, north)) % 360
    told = zip(wanted, nearest.tolist(), away.tolist(), bearing.tolist(), strict=True)
    return {
        cell: _called(areas.villages[n], areas.townships[n], distance_m, degrees, lang)
        for cell, n, distance_m, degrees in told
    }


def _called(village: str | None, township: str | None, distance_m: float, degrees: float, lang: str) -> Row:
    return {
        "village": village,
        "township": township,
        "distance_m": round(distance_m),
        "bearing": round(degrees) % 360,
        "text": place_words(village, township, distance_m, degrees, lang),
    }
