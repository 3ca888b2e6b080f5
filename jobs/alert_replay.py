"""The live passes of the rules done again from what each of them knew: must come to the ledger that is on file."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.alert_exposure import drills_at, expose
from jobs.alert_lane import Lane
from jobs.progress import unwatched
from jobs.replay import DIFFERS, EDITION_CHANGED, EQUAL
from layers.alert_silences import read_silences
from layers.alert_state import read_state
from layers.backtests import ledger_on_file, passes_on_file, steps_of_people
from layers.city import stored_city
from layers.database import snapshot
from layers.editions import edition_on
from layers.history import CLOCK, Moment
from riskmap.alert_rules import AlertRules
from riskmap.alert_state import is_other
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition

_SHOWN = 100
Row = dict[str, Any]


def replay_alerts(owner: Engine, *, progress: Any = None) -> Row:
    """Do every live pass again, from the first one on, and say whether it comes to the live ledger: writes nothing.

    Each pass gets the records, results, roster and silences that it knew, under the edition in force then; what people
    did in between is taken from the ledger. `answer` is `equal`, `differs` (`differences` names what) or
    `edition_changed`: the edition on file is not the one that a pass used.
    """
    tell = progress or unwatched
    with snapshot(owner) as connection:
        passes, people = passes_on_file(connection), steps_of_people(connection)
        told: Row = {"passes": len(passes), "warnings": 0, "messages": 0, "differences": []}
        lane: Lane | None = None
        for n, one in enumerate(passes):
            tell("重放", n / len(passes))
            edition = _edition(connection, one)
            if edition is None:
                return {"answer": EDITION_CHANGED, **told}
            lane = lane or Lane(
                connection, stored_city(connection), AlertRules.from_edition(edition), edition.name
            )
            _again(connection, lane, edition, one, people)
        if lane is None:
            return {"answer": EQUAL, **told}
        lane.heed(people)
        differences = _differences(connection, lane)
    told |= {"warnings": len(lane.warnings), "messages": len(lane.messages)}
    return {"answer": DIFFERS if differences else EQUAL, **told, "differences": differences[:_SHOWN]}


def _edition(connection: Connection, one: Row) -> Edition | None:
    """The edition that a pass used; None where it has changed."""
    day = one["at"].astimezone(CLOCK).date()
    edition = edition_on(connection, day, Moment(None, one["known_rev"]))
    return edition if bytes.fromhex(edition.hash) == bytes(one["edition_hash"]) else None


def _again(connection: Connection, lane: Lane, edition: Edition, one: Row, people: list[Row]) -> None:
    """One pass: what people did before it, what it saw, and what they did before it was written."""
    lane.rules, lane.edition = AlertRules.from_edition(edition), edition.name
    then = Moment(None, one["known_rev"])
    lane.heed(_taken(people, one["known_rev"]))
    exposed = expose(connection, lane.rules, DynamicWeights.from_edition(edition), one["at"], then)
    for fact, place in drills_at(connection, one["at"]):
        exposed.add(fact, place)
    silences = read_silences(connection, one["at"], then)
    lane.look(exposed, silences, one["at"], then, _taken(people, one["rev"]))


def _taken(steps: list[Row], rev: int) -> list[Row]:
    """The steps recorded by a revision, taken off the list."""
    count = next((n for n, step in enumerate(steps) if step["rev"] > rev), len(steps))
    taken, steps[:] = steps[:count], steps[count:]
    return taken


def _differences(connection: Connection, lane: Lane) -> list[Row]:
    """What is not the same in the ledger on file and in the one that came out, by part and key."""
    live = ledger_on_file(connection)
    names = {part: tuple(rows[0]) for part, rows in live.items() if rows}
    again = {"warnings": lane.warnings.values(), "steps": lane.steps, "messages": lane.messages.values()}
    found = []
    for part, rows in again.items():
        was = _lines(live[part], names.get(part))
        now = _lines(rows, names.get(part))
        found += [{"part": part, "live": line, "again": None} for line in sorted(was - now)]
        found += [{"part": part, "live": None, "again": line} for line in sorted(now - was)]
    state = read_state(connection).state
    for one in sorted(state.watches.keys() | lane.state.watches.keys()):
        old, new = state.watches.get(one), lane.state.watches.get(one)
        new = new and new._replace(in_hand=old.in_hand if old else False)
        if is_other(old, new):
            found.append({"part": "watches", "live": str(old), "again": str(new)})
    if state.groups != lane.state.groups:
        found.append({"part": "groups", "live": str(state.groups), "again": str(lane.state.groups)})
    return found


def _lines(rows: Any, names: Sequence[str] | None) -> set[str]:
    """Rows as text of the same fields, times in the city's clock: JSON and the database tell them in other types."""
    return {str({name: _plain(row[name]) for name in sorted(names or row)}) for row in rows}


def _plain(value: Any) -> Any:
    if hasattr(value, "astimezone"):
        return value.astimezone(CLOCK).isoformat()
    if isinstance(value, dict):
        return {name: _plain(value[name]) for name in sorted(value)}
    return list(value) if isinstance(value, list | tuple) else value
