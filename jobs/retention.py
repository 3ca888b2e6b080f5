"""Old readings go in small batches, each a revision of its own; what results, warnings and the audit rest on stays."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from jobs.progress import unwatched
from layers.database import snapshot, writing
from layers.history import CLOCK, open_revision
from layers.retention import any_spare, last_pruned, next_revisions, prune_readings


def prune(owner: Engine, days: int, *, actor: str, at: datetime | None = None, progress: Any = None) -> int:
    """Take the readings that arrived more than so many days ago and that no answer needs; how many went. 0 days: none.

    Of every sensor's day the first and the last sign stay, so silences, levels, replays and past days come to what
    they were. A batch is one transaction; whoever watches may end it between two (`progress` raises).
    """
    if not days:
        return 0
    now = (at or datetime.now(CLOCK)).astimezone(CLOCK)
    before = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    reason = f"监测读数保留 {days} 天：{before:%Y-%m-%d} 以前每个监测点每天只留首末两条"
    gone = 0
    with snapshot(owner) as connection:
        beyond = last_pruned(connection)
    while True:
        (progress or unwatched)("清理旧读数", 0.0)
        with writing(owner) as connection:
            revs = next_revisions(connection, before, beyond)
            if not revs:
                return gone
            if any_spare(connection, revs):
                open_revision(connection, actor, "retention", reason, at)
                gone += prune_readings(connection, revs)
        beyond = revs[-1]
