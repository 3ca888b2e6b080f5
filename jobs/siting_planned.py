"""Planned and approved neighbours (在批在建): filed proposals that were not refused and still hold, as a later one meets them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import shapely
from sqlalchemy import Connection

from layers.database import Identity
from layers.siting import Row, Site, mm_between
from layers.siting_papers import latest_of_project, planned_about, planned_on
from layers.zone_ground import geojson_of
from riskmap.sections import MILLI
from riskmap.siting_distances import is_object
from riskmap.siting_findings import Near
from riskmap.siting_papers import PaperAsked
from riskmap.siting_proposals import Proposal
from riskmap.siting_rules import SitingObject, SitingRules
from riskmap.vocabulary import DEVELOPMENT_KINDS

LAYER, STATUS = "siting_paper", "planned"


class Planned(NamedTuple):
    """What a filed proposal is to a later one: its number and name, its uses with their classes, its own distances.

    `told` is the number where it may be told, else empty.
    """

    number: str
    told: str
    name: str
    kind: str
    uses: tuple[tuple[str, str | None], ...]
    consequences: list[Row]
    shape: shapely.Geometry

    def is_one(self, wanted: SitingObject) -> bool:
        """Whether it would count among the records of an object."""
        return any(is_object(wanted, kind, target_class) for kind, target_class in self.uses)

    def as_source(self) -> Row:
        """It as a source whose accidents may reach the site."""
        told = {"code": self.told, "name": self.name, "kind": self.kind, "status": STATUS}
        return {**told, "layer": LAYER, "consequences": self.consequences, "shape": self.shape}


def planned_for(
    connection: Connection,
    identity: Identity,
    rules: SitingRules,
    proposal: Proposal,
    asked: PaperAsked,
    day: date,
) -> tuple[PaperAsked, list[Planned]]:
    """The filed proposals that this one has to reckon with; and what is asked, with the paper that it would replace.

    Its own enterprise's, and the paper that it replaces (the one named, else the newest of its project code), are none.
    Who sees the whole city sees the papers; an area knows what and where those in and about it are, as far as zones are
    looked for, without their numbers; to others they are none.
    """
    own = proposal.enterprise_code
    if identity.sees_city:
        replaces = asked.replaces or latest_of_project(connection, asked.project_code) or ""
        asked = asked._replace(replaces=replaces)
        rows = planned_on(connection, day, own=own, leave_out=replaces)
    elif identity.knows_neighbours:
        rows = planned_about(
            connection,
            day,
            own=own,
            leave_out=asked.replaces,
            project_code=asked.project_code,
            within_m=rules.zones_mm / MILLI,
        )
    else:
        rows = []
    return asked, [
        Planned(
            row["number"],
            row["number"] if identity.sees_city else "",
            row["name"],
            row["kind"],
            tuple((use["kind"], use["class"]) for use in row["uses"]),
            row["consequences"],
            row["shape"],
        )
        for row in rows
    ]


def nearer_planned(
    connection: Connection,
    site: Site,
    filed: Mapping[str, Sequence[Planned]],
    looked: Mapping[SitingObject, int],
    near: Mapping[str, Near],
) -> dict[str, Near]:
    """By object the nearest filed proposal (`filed`, by object) within so many mm, with the shortest way to it, where
    nothing that is known to be `near` is as near.
    """
    distances = {
        one.number: mm_between(site.shape, one.shape) for standing in filed.values() for one in standing
    }
    found: dict[str, Planned] = {}
    for wanted, far in looked.items():
        first = min(filed[wanted.code], key=lambda one: (distances[one.number], one.number), default=None)
        if first is None or distances[first.number] > far:
            continue
        if wanted.code not in near or distances[first.number] < near[wanted.code].distance_mm:
            found[wanted.code] = first
    if not found:
        return {}
    ways = [shapely.shortest_line(site.shape, one.shape) for one in found.values()]
    lines = geojson_of(connection, np.array(ways, object))
    return {
        code: Near(LAYER, one.told, one.name, one.kind, distances[one.number], line, STATUS)
        for (code, one), line in zip(found.items(), lines, strict=True)
    }


def sources_among(planned: Iterable[Planned]) -> list[Row]:
    """Those that would be hazard sources with consequence distances."""
    return [one.as_source() for one in planned if one.consequences and one.kind not in DEVELOPMENT_KINDS]


def by_object(planned: Sequence[Planned], objects: Iterable[SitingObject]) -> dict[str, list[Planned]]:
    """By object the filed proposals that are one."""
    return {wanted.code: [one for one in planned if one.is_one(wanted)] for wanted in objects}
