"""The desk that gathers requests: who waits together is written together, and fails alone."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.events import EventDesk, Posting
from jobs.imports import ImportReport
from layers.database import owner_engine, writing
from layers.history import open_revision
from riskmap.errors import Busy, Refused, Unavailable
from tests.events import EVENT_REVISIONS, count, events_on_file, posting, reading, told

WAIT_S = 30


@contextmanager
def opened(owner: Engine, **how: Any) -> Iterator[EventDesk]:
    desk = EventDesk(owner, **how)
    desk.start()
    try:
        yield desk
    finally:
        desk.stop()


@contextmanager
def another_writes(owner: Engine) -> Iterator[None]:
    """Somebody else holds the writers' queue until the block ends."""
    with writing(owner) as connection:
        open_revision(connection, "test", "edit", None)
        yield


def post_first(desk: EventDesk) -> Future[ImportReport]:
    """Post a request and return once it is being written."""
    first = desk.post(posting(reading("first")))
    with desk._changed:
        assert desk._changed.wait_for(lambda: not desk.waiting, WAIT_S)
    return first


def test_what_comes_meanwhile_is_written_together(owner: Engine) -> None:
    with opened(owner, pace_s=0) as desk, another_writes(owner):
        first = post_first(desk)
        more = [desk.post(posting(reading(f"n{n}"), reading(f"m{n}"))) for n in range(40)]
        wrong = desk.post(posting(reading("wrong", value="x")))
        assert desk.waiting == 81
    assert told(first.result(WAIT_S)) == (1, 1, 0, [])
    assert [told(one.result(WAIT_S)) for one in more] == [(2, 2, 0, [])] * 40
    with pytest.raises(Refused) as refused:
        wrong.result(WAIT_S)
    assert refused.value.facts["report"]["rejected"][0]["field"] == "value"
    assert count(owner, EVENT_REVISIONS) == 2


def test_a_full_queue_says_so_and_forgets_nothing(owner: Engine) -> None:
    with opened(owner, pace_s=0, most_waiting=3) as desk, another_writes(owner):
        first = post_first(desk)
        second = desk.post(posting(reading("b"), reading("c")))
        with pytest.raises(Busy) as busy:
            desk.post(posting(reading("d"), reading("e")))
        assert busy.value.facts["retry_after_s"] > 0
        third = desk.post(posting(reading("f")))
    assert [one.result(WAIT_S).inserted for one in (first, second, third)] == [1, 2, 1]
    assert [row["code"] for row in events_on_file(owner)] == ["b", "c", "f", "first"]


def test_the_pace_holds_revisions_back_and_closing_does_not(owner: Engine) -> None:
    with opened(owner, pace_s=3600) as desk:
        assert desk.post(posting(reading("a"))).result(WAIT_S).inserted == 1
        later = [desk.post(posting(reading(f"n{n}"))) for n in range(5)]
    assert [one.result(WAIT_S).inserted for one in later] == [1] * 5
    assert count(owner, EVENT_REVISIONS) == 2
    with pytest.raises(Unavailable):
        desk.post(posting(reading("z")))


def test_who_gave_up_is_not_written_and_a_fault_of_ours_stays_with_its_request(owner: Engine) -> None:
    broken = Posting("gateway", [reading("x")], faults={0: "no fault"})  # type: ignore[dict-item]
    with opened(owner, pace_s=0) as desk, another_writes(owner):
        first = post_first(desk)
        gone, bad, good = (
            desk.post(one) for one in (posting(reading("gone")), broken, posting(reading("good")))
        )
        assert gone.cancel()
    assert (first.result(WAIT_S).inserted, good.result(WAIT_S).inserted) == (1, 1)
    with pytest.raises(TypeError):
        bad.result(WAIT_S)
    assert [row["code"] for row in events_on_file(owner)] == ["first", "good"]


def test_without_a_database_every_request_hears_it() -> None:
    nowhere = owner_engine("postgresql://nobody@127.0.0.1:1/nothing")
    with opened(nowhere, pace_s=0) as desk:
        outcomes = [desk.post(posting(reading(f"n{n}"))) for n in range(3)]
        for one in outcomes:
            with pytest.raises(Unavailable):
                one.result(WAIT_S)
    nowhere.dispose()
