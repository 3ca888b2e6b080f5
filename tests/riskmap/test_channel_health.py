"""The state of a channel by the attempts that were made through it."""

from datetime import UTC, datetime, timedelta

import pytest

from riskmap.channel_health import Attempt, Outcome, channel_health

NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
OUTCOMES: dict[str, Outcome] = {"d": "delivered", "t": "try_again", "n": "never"}


def attempts(story: str, reasons: str = "") -> list[Attempt]:
    """One a minute, the last one now; `d`elivered, `t`ry again, `n`ever."""
    return [
        Attempt(
            "sms", NOW - timedelta(minutes=len(story) - 1 - n), OUTCOMES[sign], (reasons or story)[n], 0.5
        )
        for n, sign in enumerate(story)
    ]


@pytest.mark.parametrize(
    ("story", "reasons", "state", "failures"),
    [
        ("", "", "unused", 0),
        ("d", "", "works", 0),
        ("tttttttd", "", "works", 0),
        ("ttd", "", "works", 0),
        ("dt", "", "doubtful", 1),
        ("t", "", "doubtful", 1),
        ("dttt", "", "doubtful", 3),
        ("dtttttt", "", "failing", 6),
        ("ttt", "", "failing", 3),
        ("nnn", "", "failing", 3),
        ("nnn", "abc", "doubtful", 3),
        ("ntn", "abc", "failing", 3),
    ],
)
def test_states(story: str, reasons: str, state: str, failures: int) -> None:
    (found,) = channel_health(["sms"], reversed(attempts(story, reasons)), NOW)
    assert (found.state, found.failures, found.attempts) == (state, failures, len(story))


def test_what_it_rests_on() -> None:
    mail, sms = channel_health(["mail", "sms"], [*attempts("tdt"), Attempt("gone", NOW, "never")], NOW)
    assert (mail.channel, mail.state, mail.last_delivered) == ("mail", "unused", None)
    assert sms.last_delivered == NOW - timedelta(minutes=1)
    assert (sms.last_failed, sms.reason, sms.slowest_s) == (NOW, "t", 0.5)
