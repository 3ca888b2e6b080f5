"""The code words that stand in the data: levels, states, kinds, classes and roles, in one place.

What people call them stands beside, in `riskmap/words/<language>.toml`: screens, templates and imports say the same.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

AREA_LEVELS = ("city", "township", "village", "grid", "overlay")
STATUSES = ("active", "suspended", "closed")
COMMITTEES = (
    "road_traffic",
    "construction",
    "special_equipment",
    "hazchem",
    "pipeline",
    "fire_crowd",
    "general",
)
SOURCE_KINDS = (
    "hazchem_production",
    "hazchem_store",
    "lpg_filling",
    "lpg_store",
    "gas_network",
    "filling_station",
    "fireworks_production",
    "fireworks_store",
    "fireworks_retail",
    "mine",
    "goaf",
    "tailings",
    "explosives_store",
    "ammonia_cold_store",
    "water_works",
    "pipeline",
    "port",
    "shipyard",
    "ferry",
    "bridge",
    "road_section",
    "construction_site",
    "crowded_place",
    "self_built_house",
    "shop_dwelling",
    "confined_space",
    "dust_workshop",
    "small_place",
    "premises",
    "other",
)
DEVELOPMENT_KINDS = (
    "dwelling",
    "hotel",
    "school",
    "hospital",
    "care_home",
    "market",
    "workplace",
    "road",
    "railway",
    "open_air",
)
"""what a proposal may be besides a source: people come to it"""
TARGET_CLASSES = ("high_sensitive", "important", "general_1", "general_2", "general_3")
ROLES_OF_DUTY = (
    "leader",
    "grid_officer",
    "inspector",
    "duty_officer",
    "industry_officer",
    "special_officer",
    "general_officer",
    "principal",
    "technical",
    "operator",
)

METHODS = ("lec", "ls", "diagnosis")
"""assessments that a source may have besides GB 18218: LEC, the LS matrix, the diagnosis score of 100"""
LEC_L = ("10", "6", "3", "1", "0.5", "0.2", "0.1")
LEC_E = ("10", "6", "3", "2", "1", "0.5")
LEC_C = ("100", "40", "15", "7", "3", "1")
"""the values that the LEC method has for likelihood, exposure and consequence (Graham and Kinney), and no others"""
STANDARD_LEVELS = ("1", "2", "3")
"""of work-safety standardisation (应急〔2021〕83号)"""
CREDITS = ("standard_1", "standard_2", "standard_3", "sis", "fire_brigade", "safety_engineer")
RED_FIGURES = ("s", "r", "people_500m", "workers", "assessed")
"""figures of a source that a “directly red” condition may ask for; `assessed`: the most points of its assessments"""
RESOURCE_KINDS = ("fire_station", "rescue_team", "hospital", "material_store", "water_source", "shelter")
LINE_KINDS = ("river", "lake", "dyke", "road", "railway", "ferry_route", "boundary")
ZONE_RECORD_KINDS = ("agreement", "confirm", "lead", "contact", "plan", "drill", "resource", "minutes")
"""what a joint-control zone's ledger holds"""
OBJECTS_OF_DUTY = ("area", "enterprise", "source", "zone", "danger")

LEVELS = {1: "red", 2: "orange", 3: "yellow", 4: "blue"}
"""重大、较大、一般、低风险 (安委办〔2016〕11号): 1 is the worst"""

AREA_KINDS = ("grid", "village", "township", "city", "overlay")
SCORE_KINDS = ("source", "enterprise", "place", *AREA_KINDS)
USER_ROLES = ("admin", "city", "planner", "township", "village", "grid", "enterprise", "auditor")

_WORDS = Path(__file__).resolve().parent / "words"


@cache
def words(lang: str) -> Mapping[str, Mapping[str, str]]:
    """What people call the codes of the data in a language (`zh`, `en`): by group and code."""
    found: dict[str, dict[str, str]] = tomllib.loads((_WORDS / f"{lang}.toml").read_text("utf-8"))
    return found
