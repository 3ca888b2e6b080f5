"""Which ways a message takes: by colour, in order, and only where there is an address."""

from typing import Any

import pytest

from riskmap.alert_rules import AlertRules
from riskmap.errors import BadInput
from riskmap.sending import kinds_of, proving
from tests.warning_times import TABLE

BOTH = {"phone": "00000000001", "email": "a@city.example"}
CHANNELS = {
    "drop": {"kind": "file"},
    "pages": {"kind": "in_app"},
    "letters": {"kind": "mail"},
    "texts": {"kind": "sms"},
    "more_texts": {"kind": "sms"},
    "dial": {"kind": "voice"},
}


def rules(**section: Any) -> AlertRules:
    return AlertRules.from_table({**TABLE, "sending": {**TABLE["sending"], **section}})


def test_ways_follow_the_order_of_kinds_then_of_names() -> None:
    sending, channels = rules().sending, kinds_of(CHANNELS)
    phone, email = BOTH["phone"], BOTH["email"]
    assert sending.ways(channels, 1, BOTH) == [
        ("more_texts", phone),
        ("texts", phone),
        ("letters", email),
        ("drop", phone),
    ]
    assert sending.ways(channels, 2, {"phone": "", "email": email}) == [("letters", email), ("drop", "")]
    assert sending.ways(channels, 3, BOTH) == sending.ways({}, 1, BOTH) == []


def test_the_order_is_the_city_s_to_write_and_is_checked() -> None:
    assert rules(yellow=["file"]).sending.ways(kinds_of(CHANNELS), 3, BOTH) == [("drop", BOTH["phone"])]
    for wrong in (["pigeon"], ["sms", "sms"], ["voice"], "sms"):
        with pytest.raises(BadInput, match="red"):
            rules(red=wrong)
    without = {name: part for name, part in TABLE.items() if name != "sending"}
    assert AlertRules.from_table(without).give_up_s == rules().give_up_s


def test_pages_prove_a_delivery_only_where_nothing_else_was_tried() -> None:
    def row(person: str, channel: str, state: str) -> dict[str, str]:
        return {"person": person, "channel": channel, "state": state}

    alone, page, out = row("甲", "in_app", "delivered"), row("乙", "in_app", "delivered"), "texts"
    assert proving([alone, page, row("乙", out, "waiting")]) == [alone]
    arrived = row("乙", out, "delivered")
    assert proving([alone, page, row("乙", "letters", "failed"), arrived]) == [alone, arrived]
