"""What zones are called: unlike, by place and format, never by a name that was given before."""

from riskmap.zone_names import is_of, stem_of, unlike


def test_a_taken_name_is_numbered_and_no_number_is_used_again() -> None:
    stems = [("Z3", "甲镇乙村"), ("Z1", "甲镇乙村"), ("Z2", "甲镇乙村市场")]
    assert unlike(stems, ()) == {"Z3": "甲镇乙村片区", "Z1": "甲镇乙村2号片区", "Z2": "甲镇乙村市场片区"}
    ever = {"甲镇乙村片区", "甲镇乙村2号片区", "甲镇乙村3号片区"}
    assert unlike([("Z4", "甲镇乙村")], ever) == {"Z4": "甲镇乙村4号片区"}


def test_a_zone_is_called_by_its_place_and_format_or_by_its_first_member() -> None:
    assert stem_of("甲镇乙村", "市场", "某厂") == "甲镇乙村市场"
    assert stem_of("甲镇", "", "某厂") == "甲镇"
    assert stem_of("", "市场", "某厂") == "某厂"


def test_a_name_is_of_its_whole_stem_alone() -> None:
    assert all(is_of(name, "甲镇") for name in ("甲镇片区", "甲镇2号片区", "甲镇12号片区"))
    assert not any(is_of(name, "甲镇") for name in ("甲镇乙村片区", "甲镇乙村2号片区", "甲镇市场片区"))
