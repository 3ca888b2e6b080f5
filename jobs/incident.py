"""What if it happens here (假设事故): how far it reaches, who is there at this hour, whom to call. Writes nothing."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.incident_asked import Asked, held_by, instant_of, one_of, place_of, source_of
from layers.database import Identity, reading
from layers.duty import SLOTS, on_call
from layers.editions import edition_on
from layers.history import CLOCK, head_rev
from layers.incident import (
    Place,
    Reach,
    circle,
    farthest_m,
    go_by_index,
    grid_names,
    neighbours,
    outlines,
    people_in,
    resources_near,
    ring,
    sources_in,
    studies_of,
    target_sums,
    targets_near,
    together,
)
from layers.records import fetch, iso
from layers.zone_incident import members_at, neighbours_at, zones_at
from riskmap.consequence_tables import ROLE, TERRAINS, ConsequenceRules
from riskmap.consequences import OF_STUDY
from riskmap.editions import Edition
from riskmap.errors import Refused
from riskmap.exposure import people_count
from riskmap.incident import EVENTS, Figures, Wind, Zone, call_order, wind_of, zones_of
from riskmap.incident_words import sky_name, study_json, terrain_name, told, zone_json
from riskmap.plume import placed
from riskmap.substances import Catalogue

Row = dict[str, Any]


def what_if(reader: Engine, identity: Identity, asked: Asked, *, lang: str = "zh") -> Row:
    """The answer to an imagined accident, with what this identity may see; `rings`, `people` and so on as in the docs.

    BadInput where something is missing, NotFound for a source that is not there to see, Refused under an edition
    without consequences.
    """
    started = time.perf_counter()
    at = instant_of(asked.time).replace(microsecond=0)
    with reading(reader, identity) as connection:
        edition = edition_on(connection, at.date())
        rules, figures = _rules(edition), Figures.of(edition)
        go_by_index(connection)
        source = source_of(connection, asked.source)
        place = place_of(connection, asked, source)
        held, unmatched = held_by(connection, asked, source, edition)
        wind = wind_of(
            rules,
            figures,
            from_deg=asked.wind_from,
            speed_m_s=asked.wind_m_s,
            stability=asked.stability,
            sky=asked.sky,
            hour=at.hour,
        )
        terrain = one_of("地形", asked.terrain, TERRAINS)
        event = one_of("事故类型", asked.event, tuple(EVENTS))
        kind = source["kind"] if source else "other"
        zones = zones_of(kind, held, rules, event=event, wind=wind, terrain=terrain)
        studies = studies_of(connection, source["code"]) if source else []
        rings, shapes = _rings(place, zones, studies, wind, figures, lang)
        scene = _Scene(connection, identity, place, shapes, figures, at, figures.is_day(at.hour))
        notes = _notes(scene, rules, zones, wind, terrain, unmatched, lang)
        around = _around(scene, rings, source, notes, lang)
    return {
        "scenario": {
            "lon": place.lon,
            "lat": place.lat,
            "source": {name: source[name] for name in ("code", "name", "kind")} if source else None,
            "event": event,
            "wind": wind._asdict() if wind else None,
            "terrain": terrain or rules.release.terrain,
            "time": iso(at),
            "hour": "day" if scene.by_day else "night",
            "edition": edition.name,
            "areas": list(place.areas.values()),
        },
        "rings": rings,
        **around,
        "notes": notes,
        "screening": True,
        "screening_note": told("screening", lang),
        "duration_s": round(time.perf_counter() - started, 3),
    }


def substance_names(connection: Connection, lang: str = "zh") -> list[str]:
    """Names of substances that a method is on file for and that are understood as written; none without the table."""
    edition = edition_on(connection, datetime.now(CLOCK).date())
    if ROLE not in edition.tables:
        return []
    rules, catalogue = _rules(edition), Catalogue.from_edition(edition)
    tables = (rules.flammables, rules.toxics, rules.explosives)
    written = [one.name_en if lang == "en" else one.name_zh for table in tables for one in table.values()]
    names = dict.fromkeys(name.split("（")[0] for name in written)
    return [name for name in names if catalogue.match(name=name).substance is not None]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What every question about the surroundings needs."""

    connection: Connection
    identity: Identity
    place: Place
    shapes: dict[str, Reach]
    figures: Figures
    at: datetime
    by_day: bool

    @property
    def whole(self) -> Reach | None:
        return together(self.place, list(self.shapes.values()))


def _rules(edition: Edition) -> ConsequenceRules:
    if ROLE not in edition.tables:
        raise Refused(
            f"现行规则版本 {edition.name} 没有后果计算表（consequences），不能推演",
            remedy='请由管理员建立在 [tables] 中写明 consequences = "consequences_2026_1" 的新版本并启用',
        )
    return ConsequenceRules.from_edition(edition)


def _rings(
    place: Place, zones: list[Zone], studies: list[Row], wind: Wind | None, figures: Figures, lang: str
) -> tuple[list[Row], dict[str, Reach]]:
    """The zones as they are told, studies first, and by name the shapes of those that can be drawn."""
    studied = {name for one in studies for name in OF_STUDY[one["kind"]]}
    rings, shapes = [], {}
    for study in studies:
        rings.append(study_json(study, lang))
        shapes[rings[-1]["name"]] = Reach(None, study["shape"])
    for zone in zones:
        noted = replace(zone, notes=(*zone.notes, "study_first")) if EVENTS[zone.event] in studied else zone
        rings.append(zone_json(noted, figures, lang))
        if zone.footprint is not None and wind is not None and len(zone.footprint.ring_m):
            laid = placed(zone.footprint.ring_m, place.x_m, place.y_m, wind.from_deg)
            shapes[zone.name] = ring(laid)
        elif zone.drawn_m is not None:
            shapes[zone.name] = circle(zone.drawn_m)
    return rings, shapes


def _notes(
    scene: _Scene,
    rules: ConsequenceRules,
    zones: list[Zone],
    wind: Wind | None,
    terrain: str | None,
    unmatched: list[str],
    lang: str,
) -> list[str]:
    notes = [] if scene.identity.sees_city else [told("own_rows", lang)]
    if wind is not None and wind.by == "hour" and wind.sky is not None:
        notes.append(told("weather_hour", lang, sky=sky_name(wind.sky, lang), stability=wind.stability))
    if any(zone.footprint is not None for zone in zones):
        ground = terrain_name(terrain or rules.release.terrain, lang)
        notes.append(told("release", lang, minutes=rules.release.minutes, terrain=ground))
    if not zones:
        notes.insert(0, told("no_method", lang))
    if unmatched:
        notes.append(told("unmatched", lang, names="、".join(unmatched)))
    return notes


def _around(scene: _Scene, rings: list[Row], source: Row | None, notes: list[str], lang: str) -> Row:
    """People, targets, sources, resources and persons; each ring is told its own numbers."""
    figures, whole = scene.figures, scene.whole
    names = list(scene.shapes)
    every = [*scene.shapes.values(), *([whole] if whole else [])]
    drawn = outlines(scene.connection, scene.place, every)
    found, layer = people_in(scene.connection, scene.place, every, by_day=scene.by_day)
    sums = target_sums(scene.connection, scene.place, every)
    total = len(names)
    for one in rings:
        n = names.index(one["name"]) if one["name"] in scene.shapes else None
        one |= {"geometry": None if n is None else drawn[n], **_counted(n, found, sums, scene.by_day)}
    counted = _counted(total if whole else None, found, sums, scene.by_day)
    grids = _grids(scene.connection, found or {}, names)
    by_hour = told("by_day" if scene.by_day else "by_night", lang, **_hours(figures))
    notes.insert(
        0, told("nobody", lang) if found is None else told("by_grid", lang) if layer == "grid" else by_hour
    )
    targets = targets_near(
        scene.connection,
        scene.place,
        every[:total],
        limit=figures.targets,
        nearest=figures.near_targets,
        near_m=figures.near_m,
    )
    for one in targets:
        one["inside"] = [names[n] for n in one["inside"]]
    joint = _joint_control(scene, source, names, lang)
    own_area = scene.identity.database_role in {"riskmap_township", "riskmap_village", "riskmap_grid"}
    return {
        **{name: counted[name] for name in ("people", "people_exact")},
        "people_layer": layer,
        "complete": scene.identity.sees_city,
        "grids": grids,
        "targets": targets,
        "targets_inside": {name: counted[name] for name in ("targets", "target_people")},
        **joint,
        "sources": sources_in(
            scene.connection,
            scene.place,
            whole,
            leave_out=source["code"] if source else None,
            limit=figures.sources,
        ),
        "neighbours": neighbours(scene.connection, farthest_m(scene.place, whole))
        if own_area and whole
        else [],
        "resources": resources_near(
            scene.connection, scene.place, whole, each=figures.resources_each, max_m=figures.resources_m
        ),
        "resources_note": told("straight_line", lang),
        "calls": _calls(scene, source, grids, [one["code"] for one in joint["zones"]]),
        "geometry": drawn[total] if whole else None,
    }


def _joint_control(scene: _Scene, source: Row | None, names: list[str], lang: str) -> Row:
    """The joint-control zones of the place and of the source, and their members: who must act together."""
    sites = [source[name] for name in ("enterprise_code", "code") if source[name]] if source else []
    zones = zones_at(scene.connection, scene.place, sites)
    codes = [one["code"] for one in zones]
    members = members_at(scene.connection, scene.place, list(scene.shapes.values()), codes)
    for one in members:
        one["inside"] = [names[n] for n in one["inside"]]
    own_rows = not scene.identity.sees_city and codes
    return {
        "zones": zones,
        "zone_members": members,
        "zone_neighbours": neighbours_at(scene.connection, codes, head_rev(scene.connection))
        if own_rows
        else [],
        "zone_members_note": told("zones" if zones else "no_zone", lang),
    }


def _hours(figures: Figures) -> Row:
    return {"day_from": figures.day_from, "day_to": figures.day_to}


def _counted(
    n: int | None, found: dict[tuple[int, str | None], float] | None, sums: dict[int, Row], by_day: bool
) -> Row:
    """People and targets of one shape; None where nothing is drawn or nobody is on file."""
    if n is None:
        return dict.fromkeys(("people", "people_exact", "targets", "target_people"))
    told_sums = sums.get(n, {"targets": 0, "day": 0, "night": 0})
    people = None if found is None else sum(number for (shape, _), number in found.items() if shape == n)
    return {
        "people": None if people is None else int(people_count(people)),
        "people_exact": None if people is None else round(people, 6),
        "targets": told_sums["targets"],
        "target_people": round(told_sums["day" if by_day else "night"]),
    }


def _grids(connection: Connection, found: dict[tuple[int, str | None], float], names: list[str]) -> list[Row]:
    """Grid units with people in reach, the fullest first; the last shape is all of them together."""
    total = len(names)
    codes = {code for shape, code in found if shape == total}
    known = grid_names(connection, [code for code in codes if code])
    rows = []
    for code in codes:
        about = known.get(code or "", {})
        people = found[total, code]
        rows.append(
            {
                "code": code,
                **{key: about.get(key) for key in ("name", "village", "township", "township_code")},
                "people": int(people_count(people)),
                "people_exact": round(people, 6),
                "rings": {
                    name: round(found[n, code], 6) for n, name in enumerate(names) if (n, code) in found
                },
            }
        )
    return sorted(rows, key=lambda row: (-row["people_exact"], row["code"] or ""))


def _calls(scene: _Scene, source: Row | None, grids: list[Row], zones: list[str]) -> list[Row]:
    """Who answers for the place, from the source up to the city, then for the other townships and grid units in reach.

    Persons of a joint-control zone come with those of its members.

    One line a person and role; `objects` says for what, the first being the nearest.
    """
    areas = [one["code"] for one in scene.place.areas.values() if one["kind"] != "overlay"]
    enterprise = source["enterprise_code"] if source else None
    near = {
        "area": set(areas),
        "source": {source["code"]} if source else set(),
        "enterprise": {enterprise} if enterprise else set(),
        "zone": set(zones),
    }
    people = {one["code"]: one["people"] for one in grids if one["code"]}
    fullest = list(people)[: scene.figures.calls]
    reached = {one["township_code"] for one in grids if one["township_code"]}
    asked = {
        **{layer: sorted(codes) for layer, codes in near.items()},
        "area": [*{*areas, *reached, *fullest}],
    }
    rows = on_call(scene.connection, asked, scene.at.date())
    rows += _supervisors(scene.connection, enterprise)

    def rank(row: Row) -> tuple[Any, ...]:
        order = call_order(row["object_layer"], row["level"], row["role"])
        if row["object_code"] in near[row["object_layer"]]:
            return 0, 0, *order
        return 1 + (row["level"] == "grid"), -people.get(row["object_code"], 0), *order

    calls: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=rank):
        answers = {"layer": row["object_layer"], "code": row["object_code"], "name": row["object_name"]}
        answers |= {"level": row["level"], "people": people.get(row["object_code"])}
        key = (row["person"], row["phone"], row["role"], row["level"])
        told_once = {name: row[name] for name in ("role", "person", "phone", "deputy", "deputy_phone")}
        known = calls.setdefault(key, {**told_once, "department": row.get("department"), "objects": []})
        known["objects"].append(answers)
    return list(calls.values())[: scene.figures.calls]


def _supervisors(connection: Connection, enterprise_code: str | None) -> Iterable[Row]:
    """The three persons who supervise an enterprise (四.4): names and departments, their phones are not on file."""
    found = fetch(connection, "enterprise", enterprise_code).items if enterprise_code else []
    return [
        {
            "object_layer": "enterprise",
            "object_code": row["code"],
            "object_name": row["name"],
            "role": f"{slot}_officer",
            "person": row[f"person_{slot}"],
            "department": row[f"dept_{slot}"],
            **dict.fromkeys(("level", "phone", "deputy", "deputy_phone")),
        }
        for row in found
        for slot in SLOTS
        if row[f"person_{slot}"]
    ]
