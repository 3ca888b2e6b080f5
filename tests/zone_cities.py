"""Small cities for zones: sites with industries and formats, changed by random edits; and zones made the slow way."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
import shapely

from riskmap.editions import shipped_table
from riskmap.shapes import POINT, SHELL, Shapes
from riskmap.zone_links import KINDS, ZoneSites
from riskmap.zone_rules import Bounds, ZoneRules

RULES = ZoneRules.from_table(shipped_table("zones_2026_1"))
WIDE = replace(RULES, bounds=Bounds(10**9, 10**6, 10**9, 10**6))
INDUSTRIES = ("2614", "2619", "C2662", "5122", "59", "2011", None)
FORMATS = ("下店上宅", "沿河码头", "五金市场", "化工生产", None)


@dataclass(frozen=True)
class Site:
    """A site: a point in m, or a rectangle of this width and height about it."""

    x: float
    y: float
    industry: str | None = None
    form: str | None = None
    workers: int = -1
    domino_m: int = 0
    score: int = 1
    width: float = 0.0
    height: float = 0.0

    @property
    def outline(self) -> shapely.Geometry:
        if not self.width:
            return shapely.Point(self.x, self.y)
        return shapely.box(
            self.x - self.width / 2,
            self.y - self.height / 2,
            self.x + self.width / 2,
            self.y + self.height / 2,
        )


City = dict[str, Site]


def sites_of(city: City) -> ZoneSites:
    """The city as zones take it, in order of code."""
    codes = sorted(city)
    rows = [city[code] for code in codes]
    xy, parts, kinds = [], [0], []
    for row in rows:
        corners = shapely.get_coordinates(row.outline)
        xy.append(corners)
        parts.append(parts[-1] + len(corners))
        kinds.append(SHELL if row.width else POINT)
    vertices = np.concatenate(xy) if xy else np.zeros((0, 2))
    return ZoneSites(
        codes,
        Shapes.from_parts(vertices, parts, kinds, np.arange(len(rows) + 1)),
        [row.industry for row in rows],
        [row.form for row in rows],
        np.array([row.workers for row in rows], np.int64),
        np.array([row.domino_m * 1000 for row in rows], np.int64),
        np.array([row.score for row in rows], np.int64),
    )


def random_city(rng: np.random.Generator, n: int, side_m: float, *, shapes: bool = True) -> City:
    """Sites about a few centres and here and there; some at one spot, some wide, some with a domino zone."""
    centres = rng.uniform(0, side_m, (max(1, n // 15), 2))
    city: City = {}
    for k in range(n):
        x, y = rng.uniform(0, side_m, 2)
        if rng.random() < 0.7:
            x, y = centres[rng.integers(len(centres))] + rng.normal(0, 60, 2)
        if city and rng.random() < 0.05:
            twin = city[sorted(city)[rng.integers(len(city))]]
            x, y = twin.x, twin.y
        wide = shapes and rng.random() < 0.2
        city[f"E{k:05d}"] = Site(
            round(float(x), 3),
            round(float(y), 3),
            INDUSTRIES[rng.integers(len(INDUSTRIES))],
            FORMATS[rng.integers(len(FORMATS))],
            int(rng.choice([-1, 5, 50, 400])),
            int(rng.integers(50, 400)) if rng.random() < 0.1 else 0,
            int(rng.integers(0, 60_000_000)),
            float(rng.integers(10, 150)) if wide else 0.0,
            float(rng.integers(10, 150)) if wide else 0.0,
        )
    return city


def limits_m(a: Site, b: Site) -> Iterator[tuple[str, str, float]]:
    """Kind, way and distance in m within which two sites are linked, by the words of the edition's table."""
    for way, one in (("", a), ("", b)):
        if one.domino_m:
            yield "domino", way, one.domino_m
    yield "adjacent", "", max(adjacent_m(a), adjacent_m(b))
    digits = ["".join(c for c in site.industry or "" if c.isdigit()) for site in (a, b)]
    if len(digits[0]) >= 3 and digits[0][:3] == digits[1][:3]:
        yield "similar", "industry", max(RULES.nearby(site.industry).similar_mm for site in (a, b)) / 1000
    forms = [RULES.format_of(site.form) for site in (a, b)]
    if forms[0] >= 0 and forms[0] == forms[1]:
        yield "similar", "format", RULES.formats[forms[0]].similar_mm / 1000


def adjacent_m(site: Site) -> float:
    more = {-1: 0, 5: 0, 50: 10, 400: 30}[site.workers]
    return RULES.nearby(site.industry).adjacent_mm / 1000 + more


def slow_edges(city: City) -> set[tuple[str, str, str]]:
    """All links of a first run, pair by pair, with distances by Shapely."""
    found = set()
    outlines = {code: site.outline for code, site in city.items()}
    for a, b in itertools.combinations(sorted(city), 2):
        distance = shapely.distance(outlines[a], outlines[b])
        for kind, _, limit in limits_m(city[a], city[b]):
            if distance <= limit * (1 + 1e-12):
                found.add((kind, a, b))
    return found


def slow_zones(codes: Sequence[str], edges: set[tuple[str, str, str]]) -> list[list[str]]:
    """Connected components of two sites and more, by networkx."""
    graph = nx.Graph()
    graph.add_nodes_from(codes)
    graph.add_edges_from((a, b) for _, a, b in edges)
    return sorted(sorted(part) for part in nx.connected_components(graph) if len(part) > 1)


def named(edges: object, codes: Sequence[str]) -> set[tuple[str, str, str]]:
    """Edges as (kind, code, code)."""
    links = edges.links  # type: ignore[attr-defined]
    kinds = [KINDS[k] for k in edges.kind]  # type: ignore[attr-defined]
    return {
        (kind, codes[a], codes[b])
        for kind, a, b in zip(kinds, links.a.tolist(), links.b.tolist(), strict=True)
    }


def edited(rng: np.random.Generator, city: City, side_m: float) -> City:
    """The city after one random edit: opened, closed, moved a little or far, of another industry."""
    after = dict(city)
    what = rng.choice(["open", "close", "nudge", "move", "industry", "domino"])
    code = sorted(after)[rng.integers(len(after))]
    x, y = (round(float(v), 3) for v in rng.uniform(0, side_m, 2))
    site = after[code]
    if what == "open":
        after[f"N{rng.integers(10**9):09d}"] = replace(site, x=x, y=y)
    elif what == "close":
        del after[code]
    elif what == "nudge":
        turn = rng.uniform(0, 2 * math.pi)
        after[code] = replace(
            site, x=round(site.x + 40 * math.cos(turn), 3), y=round(site.y + 40 * math.sin(turn), 3)
        )
    elif what == "move":
        after[code] = replace(site, x=x, y=y)
    elif what == "industry":
        after[code] = replace(site, industry=INDUSTRIES[rng.integers(len(INDUSTRIES))])
    else:
        after[code] = replace(site, domino_m=int(rng.integers(0, 400)))
    return after
