"""Whom to call in a joint-control zone: who answers for it, for its members and their sources, and for the ground."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from layers.duty import SLOTS, on_call
from layers.reading import among
from layers.schema import metadata

Row = dict[str, Any]
_ORDER = ("zone", "enterprise", "source", "village", "township", "supervisor")


def persons_of(connection: Connection, zone: Row, day: date) -> list[Row]:
    """The persons the caller may see, the zone's own first, then units, sources, villages, townships and supervisors.

    One line a person, phone and role: `{"role", "person", "phone", "department", "of": [name…]}`. `zone` is as
    `layers.zones.zone_detail` tells it. The three supervisors of 四.4 have no phone on file.
    """
    members = zone["member_records"]
    firms = _firms(connection, [one["code"] for one in members if one["layer"] == "enterprise"])
    objects = {
        "zone": [zone["code"]],
        "enterprise": [*firms],
        "source": _sources(connection, members),
        "area": [*zone["villages"], *zone["townships"]],
    }
    rows = [
        {**one, "of": one["object_name"] or zone["name"], "department": None, "group": _group(one)}
        for one in on_call(connection, objects, day)
    ]
    rows += [
        {
            "role": f"{slot}_officer",
            "person": firm[f"person_{slot}"],
            "phone": None,
            "department": firm[f"dept_{slot}"],
            "of": firm["name"],
            "group": "supervisor",
        }
        for firm in firms.values()
        for slot in SLOTS
        if firm[f"person_{slot}"]
    ]
    rows.sort(key=lambda one: (_ORDER.index(one["group"]), one["role"]))
    told: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = (row["role"], row["person"], row["phone"], row["department"])
        known = told.setdefault(
            key, {name: row[name] for name in ("role", "person", "phone", "department")} | {"of": []}
        )
        if row["of"] not in known["of"]:
            known["of"].append(row["of"])
    return list(told.values())


def heads_of(connection: Connection, zone: Row) -> dict[str, str]:
    """The legal representatives of a zone's members by code, as far as the caller may see them."""
    codes = [one["code"] for one in zone["member_records"] if one["layer"] == "enterprise"]
    return {code: firm["legal_representative"] for code, firm in _firms(connection, codes).items()}


def _group(row: Row) -> str:
    """An area's group is its level, anything else's the layer."""
    return str(row["level"] or "township") if row["object_layer"] == "area" else str(row["object_layer"])


def _firms(connection: Connection, codes: list[str]) -> dict[str, Row]:
    firm = metadata.tables["enterprise"]
    names = (
        "code",
        "name",
        "legal_representative",
        *(f"{what}_{slot}" for slot in SLOTS for what in ("person", "dept")),
    )
    query = select(*(firm.c[name] for name in names)).where(firm.c.code == among(codes)).order_by(firm.c.code)
    return {row["code"]: dict(row) for row in connection.execute(query).mappings()}


def _sources(connection: Connection, members: list[Row]) -> list[str]:
    """The members that are sources, and the open sources of those that are enterprises."""
    source = metadata.tables["source"]
    codes = [one["code"] for one in members]
    query = select(source.c.code).where(
        source.c.enterprise_code == among(codes), source.c.status.is_distinct_from("closed")
    )
    alone = [one["code"] for one in members if one["layer"] == "source"]
    return [*alone, *connection.execute(query.order_by(source.c.code)).scalars()]
