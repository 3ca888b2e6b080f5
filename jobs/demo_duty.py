"""Who answers for what in the demo city, by role: no real name and no number that could ring."""

from datetime import date
from typing import Any

from jobs.demo_areas import Areas
from jobs.demo_inputs import Inputs
from jobs.demo_sources import Source
from jobs.users import DEMO_TOWNSHIP

GROUPS_PER_OFFICER = 5
NAMED_ROLES = (("principal", "主要负责人"), ("technical", "技术负责人"), ("operator", "操作负责人"))
"""the three 包保 persons of a source that holds dangerous substances (应急厅〔2021〕12号)"""


def duty_rows(inputs: Inputs, areas: Areas, sources: list[Source], first_day: date) -> list[dict[str, Any]]:
    """Layer `duty`: leaders, duty and grid officers of areas, the three named persons of sources."""
    held: list[tuple[str, str, str, str]] = []
    city = inputs.city
    held.append(("市政府联点领导01", "leader", "area", city.code))
    held += [(f"市应急管理局值班员{n:02d}", "duty_officer", "area", city.code) for n in range(1, 5)]
    held.append(("市应急管理局综合监管员01", "general_officer", "area", city.code))
    behind: dict[str, tuple[str, str]] = {}
    for number, township in enumerate(inputs.townships, start=1):
        head, from_city, officer_01 = (
            f"{township.name}主要负责人",
            f"市领导联点{number:02d}",
            f"{township.name}值班员01",
        )
        behind[head] = (officer_01, from_city)
        held.append((head, "leader", "area", township.code))
        held.append((from_city, "leader", "area", township.code))
        held.append((officer_01, "duty_officer", "area", township.code))
        held.append((f"{township.name}安全监督员01", "inspector", "area", township.code))
    serial: dict[str, int] = {}
    for village in inputs.villages:
        held.append((f"{village.name}负责人", "leader", "area", village.code))
    officer: dict[tuple[str, int], str] = {}
    for group_code in areas.group_codes:
        round_of = (group_code[:12], (int(group_code[12:]) - 1) // GROUPS_PER_OFFICER)
        if round_of not in officer:
            serial[group_code[:9]] = serial.get(group_code[:9], 0) + 1
            township = next(one for one in inputs.townships if one.code == group_code[:9])
            officer[round_of] = f"{township.name}网格员{serial[group_code[:9]]:03d}"
        held.append((officer[round_of], "grid_officer", "area", group_code))
    for source in sources:
        if source.inventory and source.host:
            held += [
                (f"{source.host.row['name']}{zh}", role, "source", source.code) for role, zh in NAMED_ROLES
            ]
    seat = next(one.name for one in inputs.townships if one.code == DEMO_TOWNSHIP)
    accounts = {f"{seat}主要负责人": "township", "市应急管理局值班员01": "city"}
    return _rows(held, behind, accounts, first_day)


def _rows(
    held: list[tuple[str, str, str, str]],
    behind: dict[str, tuple[str, str]],
    accounts: dict[str, str],
    first_day: date,
) -> list[dict[str, Any]]:
    """One row a duty; a person keeps one telephone number, which begins with 000 and so belongs to nobody.

    `behind`: who is the deputy and who the superior of some persons; `accounts`: with which sign-in of the demo they act.
    """
    phones: dict[str, str] = {}
    first = {person: f"Z{number:05d}" for number, (person, *_) in reversed(list(enumerate(held, start=1)))}
    rows: list[dict[str, Any]] = []
    for number, (person, role, layer, code) in enumerate(held, start=1):
        phone = phones.setdefault(person, f"000{len(phones) + 1:08d}")
        deputy, superior = (first.get(name, "") for name in behind.get(person, ("", "")))
        rows.append(
            {
                "code": f"Z{number:05d}", "person": person, "role": role, "object_layer": layer,
                "object_code": code, "phone": phone, "from_on": first_day.isoformat(), "to_on": "",
                "deputy_code": deputy, "superior_code": superior, "absent_from": "", "absent_to": "",
                "account": accounts.get(person, ""), "synthetic": True,
            }
        )  # fmt: skip
    return rows
