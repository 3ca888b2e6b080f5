"""Planned and approved neighbours (在批在建): filed proposals that were not refused and still hold, as a later one meets them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import numpy as np
import shapely
from sqlalchemy import Connection

from layers.siting import Row, Site, mm_between
from layers.siting_papers import latest_of_project, planned_on
from layers.zone_ground import geojson_of
from riskmap.siting_distances import is_object
from riskmap.siting_findings import Near
from riskmap.siting_papers import PaperAsked
from riskmap.siting_proposals import Proposal
from riskmap.siting_rules import SitingObject
from riskmap.vocabulary import DEVELOPMENT_KINDS

LAYER, STATUS = "siting_paper", "planned"


class Planned(NamedTuple):
    """What a filed proposal is to a later one: its number and name, its uses with their classes, its own distances."""

    number: str
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
        told = {"code": self.number, "name": self.name, "kind": self.kind, "status": STATUS}
        return {**told, "layer": LAYER, "consequences": self.consequences, "shape": self.shape}


def planned_for(
    connection: Connection, proposal: Proposal, asked: PaperAsked, day: date
) -> tuple[PaperAsked, list[Planned]]:
    """The filed proposals that this one has to reckon with; and what is asked, with the paper that it would replace.

    Its own enterprise's, and the paper that it replaces (the one named, else the newest of its project code), are none.
    """
    asked = asked._replace(replaces=asked.replaces or latest_of_project(connection, asked.project_code) or "")
    rows = planned_on(connection, day, own=proposal.enterprise_code, leave_out=asked.replaces)
    return asked, [
        Planned(
            row["number"],
            row["name"],
            row["kind"],
            tuple((use["kind"], use["class"]) for use in row["uses"]),
            row["consequences"],
            row["shape"],
        )
        for row in rows
    ]


def nearest_planned(
    connection: Connection, site: Site, planned: Iterable[Planned], looked: Mapping[SitingObject, int]
) -> dict[str, Near]:
    """By object the nearest filed proposal that is one and stands within so many mm, with the shortest way to it."""
    found: dict[str, tuple[int, str, Planned]] = {}
    for one in planned:
        distance = mm_between(site.shape, one.shape)
        for wanted, far in looked.items():
            known = found.get(wanted.code)
            if (
                distance <= far
                and one.is_one(wanted)
                and (known is None or (distance, one.number) < known[:2])
            ):
                found[wanted.code] = (distance, one.number, one)
    if not found:
        return {}
    ways = [shapely.shortest_line(site.shape, one.shape) for *_, one in found.values()]
    lines = geojson_of(connection, np.array(ways, object))
    return {
        code: Near(LAYER, one.number, one.name, one.kind, distance, line, STATUS)
        for (code, (distance, _, one)), line in zip(found.items(), lines, strict=True)
    }


def sources_among(planned: Iterable[Planned]) -> list[Row]:
    """Those that would be hazard sources with consequence distances."""
    return [one.as_source() for one in planned if one.consequences and one.kind not in DEVELOPMENT_KINDS]


def shapes_by_object(
    planned: Iterable[Planned], objects: Iterable[SitingObject]
) -> dict[str, list[shapely.Geometry]]:
    """By object the shapes of the filed proposals that are one."""
    standing = list(planned)
    return {wanted.code: [one.shape for one in standing if one.is_one(wanted)] for wanted in objects}
