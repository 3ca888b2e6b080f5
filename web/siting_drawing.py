"""The map of an opinion paper as a drawing: the site, what stands about it by number, the ways that rules measured."""

from collections.abc import Iterable
from typing import Any

from web.zone_drawing import HEIGHT, WIDTH, Plane, ground_of

Row = dict[str, Any]
_MARGIN = 12.0
_AGAINST = ("veto", "not_in_principle", "study_required")


def drawing_of_site(told: Row, rules: Iterable[Row]) -> Row:
    """What the paper's template draws: `told` is the part `map` of its data, `rules` those of its verdict."""
    plane = Plane(tuple(told["box"]))
    site = told["site"]
    spot = plane.at(*site["coordinates"][:2]) if site["type"] == "Point" else None
    marked = [
        {"layer": one["layer"], "n": n, "at": plane.at(one["lon"], one["lat"])}
        for n, one in enumerate(told["marked"], 1)
    ]
    ways = [
        plane.path(row["line"])
        for row in rules
        if row["outcome"] in _AGAINST and row["line"] and _has_length(row["line"])
    ]
    return {
        **ground_of(plane, told["ground"]),
        "spot": spot,
        "outline": "" if spot else plane.path(site),
        "closed": site["type"].endswith("Polygon"),
        "ways": list(dict.fromkeys(ways)),
        "marked": [one for one in marked if _shown(one["at"])],
    }


def _shown(at: tuple[float, float]) -> bool:
    return _MARGIN <= at[0] <= WIDTH - _MARGIN and _MARGIN <= at[1] <= HEIGHT - _MARGIN


def _has_length(line: Row) -> bool:
    first, *_, last = line["coordinates"]
    return list(first) != list(last)
