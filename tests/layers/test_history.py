"""History: what was known when, against a plain list of everything ever said."""

import datetime as dt
import os
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Subquery, delete, func, select, text, update
from sqlalchemy.exc import DatabaseError

from layers.audit import head_hash, verify
from layers.database import writing
from layers.history import CLOCK, as_known, as_of, correct, end_on, open_revision, parse_as_of, rev_at
from layers.schema import metadata
from riskmap.errors import BadInput

SOAK = bool(os.environ.get("RISKMAP_SOAK"))
ENTERPRISE = metadata.tables["enterprise"]
DAY = dt.date(2026, 1, 1)


def enterprise(code: str, rev: int, name: str = "厂", valid_from: dt.date = DAY) -> dict[str, object]:
    return {
        "code": code,
        "name": name,
        "geom": "SRID=4490;POINT(112.36 28.85)",
        "geom_m": "SRID=4547;POINT(350000 3190000)",
        "township_code": "430981006",
        "valid_from": valid_from,
        "rev": rev,
    }


@dataclass(frozen=True)
class Said:
    """One statement of the brute-force history: from `valid_from` on this is the name (None: no record)."""

    rev: int
    code: str
    valid_from: dt.date
    name: str | None


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "end"]),
        st.sampled_from("AB"),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.soak
@pytest.mark.parametrize("layer", ["enterprise", "event"])
@settings(
    max_examples=300 if SOAK else 12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps)
def test_as_of_agrees_with_everything_ever_said(
    owner: Engine, layer: str, steps: list[tuple[str, str, int, int]]
) -> None:
    said: list[Said] = []
    first_rev = _head(owner)
    alive: set[str] = set()
    prefix = f"T{first_rev}-"
    for verb, letter, day, name in steps:
        code, on = prefix + letter, DAY + dt.timedelta(days=day)
        if code not in alive if verb == "end" else code in alive and layer == "event":
            continue  # nothing to end, or an event told twice: it never changes
        with writing(owner) as connection:
            rev = open_revision(connection, "test", "edit", None)
            _apply(connection, layer, verb, code, rev, str(name), on, exists=code in alive)
        said.append(Said(rev, code, on, None if verb == "end" else str(name)))
        alive = alive - {code} if verb == "end" else alive | {code}
    with writing(owner) as connection:
        for rev in range(first_rev, _head(owner) + 1):
            for day in range(-1, 11):
                on = DAY + dt.timedelta(days=day)
                found = _told(connection, layer, as_of(layer, on, rev), prefix)
                assert found == _expected(said, on, rev), (rev, on, said)
            assert _told(connection, layer, as_known(layer, rev), prefix) == _last_words(said, rev)
        assert verify(connection) == []


SAYS = {"enterprise": "name", "event": "unit"}
"""the column of a layer that a statement is about"""


def _told(connection: Connection, layer: str, rows: Subquery, prefix: str) -> dict[str, str]:
    query = select(rows.c.code, rows.c[SAYS[layer]]).where(rows.c.code.startswith(prefix))
    found = [tuple(row) for row in connection.execute(query)]
    assert len(dict(found)) == len(found), "a record is told once"
    return dict(found)


def _apply(
    connection: Connection,
    layer: str,
    verb: str,
    code: str,
    rev: int,
    name: str,
    on: dt.date,
    *,
    exists: bool,
) -> None:
    table = metadata.tables[layer]
    if verb == "end":
        end_on(connection, on)
        connection.execute(delete(table).where(table.c.code == code))
    elif layer == "event":
        about = {"kind": "reading", "time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "unit": name}
        connection.execute(table.insert().values(code=code, rev=rev, valid_from=on, **about))
    elif exists:
        values = {"name": name, "rev": rev, "valid_from": on}
        connection.execute(update(ENTERPRISE).where(ENTERPRISE.c.code == code).values(values))
    else:
        connection.execute(ENTERPRISE.insert().values(enterprise(code, rev, name, on)))


def _expected(said: list[Said], on: dt.date, rev: int) -> dict[str, str]:
    """The newest statement known at `rev` that reaches the day, for each code."""
    newest: dict[str, Said] = {}
    for statement in said:
        if statement.rev <= rev and statement.valid_from <= on:
            newest[statement.code] = statement
    return {code: s.name for code, s in newest.items() if s.name is not None}


def _last_words(said: list[Said], rev: int) -> dict[str, str]:
    return _expected(said, dt.date.max, rev)


def _head(owner: Engine) -> int:
    with writing(owner) as connection:
        return head_hash(connection)[0]


def test_a_write_outside_its_revision_is_refused(owner: Engine) -> None:
    with pytest.raises(DatabaseError, match="outside its revision"), writing(owner) as connection:
        connection.execute(ENTERPRISE.insert().values(enterprise("E1", 7)))
    with pytest.raises(DatabaseError, match="second INSERT"), writing(owner) as connection:
        rev = open_revision(connection, "test", "edit", None)
        connection.execute(ENTERPRISE.insert().values(enterprise("E1", rev)))
        connection.execute(ENTERPRISE.insert().values(enterprise("E2", rev)))


def test_a_closed_period_is_corrected_without_touching_what_holds_now(owner: Engine) -> None:
    with writing(owner) as connection:
        first = open_revision(connection, "test", "edit", None)
        connection.execute(ENTERPRISE.insert().values(enterprise("E1", first, "旧名")))
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "correct", "更正一月份名称")
        values = {"name": "一月的名称", "valid_from": DAY}
        correct(connection, "enterprise", "E1", dt.date(2026, 2, 1), values, rev)
    with writing(owner) as connection:
        assert _name(connection, dt.date(2026, 1, 15), rev) == "一月的名称"
        assert _name(connection, dt.date(2026, 2, 15), rev) == "旧名"
        assert _name(connection, dt.date(2026, 1, 15), first) == "旧名"
        assert verify(connection) == []


def _name(connection: Connection, on: dt.date, rev: int) -> str | None:
    rows = as_of("enterprise", on, rev)
    return connection.execute(select(rows.c.name)).scalar_one_or_none()


def test_tampering_is_found(owner: Engine) -> None:
    for name in ("甲", "乙"):
        with writing(owner) as connection:
            rev = open_revision(connection, "test", "edit", name)
            connection.execute(ENTERPRISE.insert().values(enterprise(name, rev, name)))
    with writing(owner) as connection:
        assert verify(connection) == []
    with writing(owner) as connection:
        connection.execute(text("ALTER TABLE enterprise DISABLE TRIGGER USER"))
        connection.execute(update(ENTERPRISE).where(ENTERPRISE.c.code == "甲").values(name="丙"))
        connection.execute(text("ALTER TABLE enterprise ENABLE TRIGGER USER"))
    with writing(owner) as connection:
        faults = verify(connection)
        assert len(faults) == 1
        assert "enterprise" in faults[0]
    with writing(owner) as connection:
        connection.execute(text("UPDATE revision SET actor = 'somebody else' WHERE reason = '甲'"))
    with writing(owner) as connection:
        assert any("封印" in fault for fault in verify(connection))


def test_history_may_be_loaded_but_never_reordered(owner: Engine) -> None:
    past = dt.datetime(2025, 5, 1, 8, tzinfo=CLOCK)
    with writing(owner) as connection:
        started = connection.execute(select(func.max(metadata.tables["revision"].c.at))).scalar_one()
        rev = open_revision(connection, "test", "load", None, at=past)
    with writing(owner) as connection:
        at = connection.execute(text("SELECT at FROM revision WHERE rev = :rev"), {"rev": rev}).scalar_one()
        assert at == max(past, started)
        later = open_revision(connection, "test", "load", None, at=dt.datetime(2999, 1, 1, tzinfo=CLOCK))
        at = connection.execute(text("SELECT at FROM revision WHERE rev = :rev"), {"rev": later}).scalar_one()
        assert at <= dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
        assert rev_at(connection, dt.datetime(2000, 1, 1, tzinfo=CLOCK)) == 0


def test_as_of_text_is_the_end_of_a_day_or_an_instant() -> None:
    assert parse_as_of("2026-01-31") == dt.datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=CLOCK)
    assert parse_as_of("2026-01-31T08:00:00+08:00") == dt.datetime(2026, 1, 31, 8, tzinfo=CLOCK)
    assert parse_as_of("2026-01-31T08:00:00") == dt.datetime(2026, 1, 31, 8, tzinfo=CLOCK)
    for nonsense in ("", "yesterday", "2026-02-30", "31.01.2026"):
        with pytest.raises(BadInput):
            parse_as_of(nonsense)
