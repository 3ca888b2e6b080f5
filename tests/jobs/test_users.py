"""Accounts: who may be added where, what the demo's people get, and what a password check costs."""

import json
import stat
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from sqlalchemy import Engine, text

from jobs.sign_in import sign_in
from jobs.users import add_user, demo_users, disable_user, forget_old_sessions, new_password, set_password
from layers.database import owner_engine, writing
from layers.users import session_of
from riskmap.errors import BadInput, NotFound, NotSignedIn, Refused
from tests import town

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
VILLAGE = f"{town.OURS}001"


@pytest.fixture
def city(database: str, owner: Engine) -> Engine:
    """A city of two townships, without anybody."""
    town.build(database)
    return owner


def revisions(owner: Engine, job: str) -> list[Any]:
    with writing(owner) as connection:
        query = text("SELECT actor, reason, detail FROM revision WHERE job = :job ORDER BY rev")
        return list(connection.execute(query, {"job": job}))


def test_passwords_are_kept_as_argon2id_that_costs_memory(city: Engine) -> None:
    told = add_user(city, "who", "city")
    assert told == {
        "name": "who",
        "role": "city",
        "area": None,
        "enterprise": None,
        "committee": None,
        "password": told["password"],
    }
    with writing(city) as connection:
        kept = connection.execute(text("SELECT password_hash FROM account")).scalar_one()
    parameters = extract_parameters(kept)
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2
    assert len({new_password() for _ in range(100)}) == 100
    assert sign_in(city, " ｗｈｏ ", told["password"], address="10.0.0.1").identity.name == "who"


def test_an_unknown_name_takes_as_long_as_a_known_one(city: Engine) -> None:
    add_user(city, "city", "city")
    took: dict[str, list[float]] = {"city": [], "nobody": []}
    for attempt in range(5):
        for name, times in took.items():
            begin = time.perf_counter()
            with pytest.raises(NotSignedIn):
                sign_in(
                    city, name, "wrong", address=f"10.9.{attempt}.1", now=NOW + timedelta(days=2 * attempt)
                )
            times.append(time.perf_counter() - begin)
    known, unknown = (statistics.median(times) for times in took.values())
    assert 0.3 < unknown / known < 3, "without a decoy the unknown name is some thirty times faster"


@pytest.mark.parametrize(
    ("role", "place"),
    [
        ("township", {}),
        ("township", {"area": VILLAGE}),
        ("township", {"area": "999999999"}),
        ("village", {"area": town.OURS}),
        ("grid", {"area": VILLAGE}),
        ("city", {"area": town.OURS}),
        ("city", {"enterprise": "ours-firm"}),
        ("enterprise", {}),
        ("enterprise", {"enterprise": "no-such-firm"}),
        ("enterprise", {"enterprise": "ours-firm", "area": town.OURS}),
        ("city", {"committee": "no-such-committee"}),
        ("township", {"area": town.OURS, "committee": "hazchem"}),
        ("mayor", {}),
    ],
)
def test_a_role_that_does_not_fit_its_place_is_refused_whole(
    city: Engine, role: str, place: dict[str, str]
) -> None:
    with pytest.raises(BadInput) as refused:
        add_user(city, "who", role, **place)
    assert refused.value.remedy
    assert revisions(city, "user-add") == []


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "tab\there"])
def test_a_name_that_cannot_be_typed_is_refused(city: Engine, name: str) -> None:
    with pytest.raises(BadInput):
        add_user(city, name, "city")


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "somebody-here", "x" * 300])
def test_a_weak_password_is_refused(city: Engine, password: str) -> None:
    with pytest.raises(BadInput):
        add_user(city, "somebody-here", "city", password=password)


def test_a_name_is_given_once(city: Engine) -> None:
    add_user(city, "who", "township", area=town.OURS)
    with pytest.raises(Refused):
        add_user(city, "who", "city")
    assert [row.reason for row in revisions(city, "user-add")] == ["新增用户 who，角色 township"]
    for change in (set_password, disable_user):
        with pytest.raises(NotFound):
            change(city, "nobody")


def test_changes_name_who_made_them(city: Engine) -> None:
    add_user(city, "who", "city", actor="chief")
    set_password(city, "who", actor="chief")
    disable_user(city, "who", actor="chief")
    for job in ("user-add", "user-password", "user-disable"):
        ((actor, _, detail),) = revisions(city, job)
        assert (actor, detail) == ("chief", [])


def test_the_demo_has_a_person_of_every_role_told_to_the_owner_alone(city: Engine, tmp_path: Path) -> None:
    path = demo_users(city, tmp_path)
    assert path == tmp_path / "demo-users.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["demo-users.json"]
    people = {one["role"]: one for one in json.loads(path.read_text("utf-8"))}
    assert set(people) == {"admin", "city", "planner", "township", "village", "grid", "enterprise", "auditor"}
    assert people["township"]["area"] == town.OURS
    assert people["village"]["area"] == VILLAGE
    assert people["grid"]["area"] == f"{VILLAGE}001"
    assert people["enterprise"]["enterprise"] == "ours-firm"
    for role in ("admin", "grid"):
        ticket = sign_in(city, people[role]["name"], people[role]["password"], address="10.0.0.1")
        assert ticket.identity.role == role
    assert len({one["password"] for one in people.values()}) == 8


def test_a_second_start_keeps_the_demo_people_and_a_lost_file_makes_new_passwords(
    city: Engine, tmp_path: Path
) -> None:
    before = demo_users(city, tmp_path).read_text("utf-8")
    assert demo_users(city, tmp_path).read_text("utf-8") == before
    assert len(revisions(city, "user-add")) == 1
    (tmp_path / "demo-users.json").unlink()
    after = json.loads(demo_users(city, tmp_path).read_text("utf-8"))
    old = {one["name"]: one["password"] for one in json.loads(before)}
    assert all(one["password"] != old[one["name"]] for one in after)
    with pytest.raises(NotSignedIn):
        sign_in(city, "admin", old["admin"], address="10.0.0.1")


def test_a_city_without_areas_has_its_city_people(owner: Engine, tmp_path: Path) -> None:
    people = json.loads(demo_users(owner, tmp_path).read_text("utf-8"))
    assert {one["role"] for one in people} == {"admin", "city", "planner", "auditor"}


def test_old_sessions_and_guesses_are_forgotten(city: Engine, database: str) -> None:
    password = add_user(city, "who", "city")["password"]
    ticket = sign_in(city, "who", password, address="10.0.0.1")
    with pytest.raises(NotSignedIn):
        sign_in(city, "nobody", "x", address="10.0.0.1")
    with writing(city) as connection:
        connection.execute(text("UPDATE guess SET last_at = last_at - interval '25 hours'"))
        connection.execute(text("UPDATE session SET expires_at = expires_at - interval '13 hours'"))
    sign_in(city, "who", password, address="10.0.0.2")
    forget_old_sessions(city)
    with writing(city) as connection:
        assert connection.execute(text("SELECT count(*) FROM session")).scalar_one() == 1
        assert connection.execute(text("SELECT count(*) FROM guess WHERE failures > 0")).scalar_one() == 0
    other = owner_engine(database)
    assert session_of(other, b"") is None
    other.dispose()
    assert ticket.csrf != ticket.token
