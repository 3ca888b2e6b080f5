"""What people call the values of choice fields: the words of the screens, for files that people fill in and read."""

from collections.abc import Mapping
from functools import cache

from layers.fields import LAYERS, Field
from layers.proposal_fields import PROPOSALS
from riskmap.vocabulary import words

LANGUAGES = ("zh", "en")
_GROUPS: Mapping[str, str] = {
    "areas.level": "area_level",
    "enterprises.status": "status",
    "enterprises.committee": "committee",
    "enterprises.standard_level": "standard_level",
    "sources.kind": "source_kind",
    "sources.status": "status",
    "sources.unit_type": "unit_type",
    "sources.lec_l": "lec_l",
    "sources.lec_e": "lec_e",
    "sources.lec_c": "lec_c",
    "targets.target_class": "target_class",
    "targets.status": "status",
    "dangers.found_by": "found_by",
    "dangers.grade": "danger_grade",
    "resources.kind": "resource_kind",
    "duty.role": "duty_role",
    "duty.object_layer": "object_layer",
    "zones_external.kind": "hazard",
    "zone_records.kind": "zone_record_kind",
    "lines.kind": "line_kind",
    "proposals.kind": "source_kind development_kind",
    "proposals.stage": "siting_stage",
}
"""layer.field → the groups of its words in `riskmap/words/`"""


@cache
def choice_words(field: Field, lang: str) -> Mapping[str, str]:
    """The words of a field's choices in a language by code, in the field's order."""
    groups = next((groups for name, groups in _GROUPS.items() if field == _field(name)), "")
    known = {code: word for group in groups.split() for code, word in words(lang)[group].items()}
    return {code: known.get(code, code) for code in field.choices}


def _field(name: str) -> Field:
    layer, _, field = name.partition(".")
    return (PROPOSALS if layer == PROPOSALS.name else LAYERS[layer]).field(field)


def yes_no(lang: str) -> tuple[str, str]:
    """The words for yes and no."""
    answer = words(lang)["answer"]
    return answer["yes"], answer["no"]
