"""Keys, pauses and pace: what holds for every channel, whatever is on its other side."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.channels import LONGEST_PAUSE_S, Message, Pace, message_key, pause_s

PART = st.text(min_size=0, max_size=70)
PARTS = st.tuples(PART, PART, PART, PART, st.integers(1, 10**6))


@given(PARTS, PARTS)
def test_a_key_is_safe_everywhere_and_one_message_only(
    one: tuple[str, str, str, str, int], other: tuple[str, str, str, str, int]
) -> None:
    keys = [message_key(*one), message_key(*other)]
    assert (keys[0] == keys[1]) == (one == other)
    for key in keys:
        assert Message(key, "", "", "").key == key
        assert key.isascii()
        assert not set(key) & set("/\\<>@ \r\n:")
        assert len(f"{key}.json.part") < 255


@pytest.mark.parametrize("key", ["", "a/b", "a b", "a\r\nBcc: x", "预警", "x" * 200])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Message(key, "", "", "")


def test_pauses_double_up_to_a_bound_and_scatter() -> None:
    first = [pause_s(1, f"k{n}") for n in range(200)]
    assert all(1.0 <= one <= 2.0 for one in first)
    assert max(first) - min(first) > 0.8
    assert pause_s(3, "k") == pause_s(3, "k")
    longest = [pause_s(n, "k") for n in (8, 9, 20, 10_000)]
    assert all(LONGEST_PAUSE_S / 2 <= one <= LONGEST_PAUSE_S for one in longest[1:])
    assert all(later > 0.99 * sooner for sooner, later in pairwise(pause_s(n, "k2") for n in (1, 3, 5, 7)))


def test_a_pause_is_never_shorter_than_was_asked() -> None:
    assert pause_s(1, "k", 600.0) == 600.0
    assert pause_s(9, "k", 1.0) > 1.0


@given(st.lists(st.floats(0, 40), min_size=1, max_size=120))
def test_never_more_than_twenty_in_any_minute(waits: list[float]) -> None:
    now = 0.0
    pace = Pace(20, 60.0, lambda: now)
    gone = []
    for wait in waits:
        now += wait / 10
        asked = pace.take()
        if asked == 0:
            gone.append(now)
        else:
            now += asked
            assert pace.take() == 0
            gone.append(now)
    assert all(later - sooner >= 60 - 1e-6 for sooner, later in zip(gone, gone[20:], strict=False))
