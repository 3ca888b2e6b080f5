"""The colours that are held: one rises at once and falls when its score has been clear of the edge for some hours.

Told beside `level` when a colour is read, from what the runs left; never stored and in no hash.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from layers.history import Moment
from riskmap.vocabulary import AREA_KINDS

_NEWEST = 2**63 - 2
"""every result that is not overtaken reaches farther"""
Row = dict[str, Any]


def add_held(connection: Connection, kind: str, rows: Sequence[Row], then: Moment | None, at: Any) -> None:
    """Put `level_held` (a number, as `level`) and `held_until` on rows of a kind that have a `level`.

    `at` is the instant of the results of a moment; what is shown now is held until now. The time is None where the
    level is not held, and where the score is not clear of the edge yet.
    """
    codes = [row["code"] for row in rows if row.get("level")]
    held = {}
    if codes:
        of = func.held_area_levels if kind in AREA_KINDS else func.held_levels
        known, when = (_NEWEST, func.now()) if then is None else (then.rev, at)
        named = bindparam("codes", codes, ARRAY(Text))
        found = select(of(kind, named, known, when).table_valued("code", "level", "until"))
        held = {code: (level, until) for code, level, until in connection.execute(found)}
    for row in rows:
        if "level" in row:
            level, until = held.get(row["code"], (None, None))
            worse = level is not None and row["level"] is not None and level < row["level"]
            row["level_held"], row["held_until"] = (level, until) if worse else (row["level"], None)
