"""The whole worker as a process that can be killed: forked from one that has loaded everything, it begins at once."""

from pathlib import Path

from jobs.drop import Drop
from jobs.work import Worker
from layers.database import owner_engine
from riskmap.settings import City
from tests.outbox_rows import delivering


def work(dsn: str, home: Path, city: City) -> None:
    """Work until killed."""
    owner = owner_engine(dsn)
    drop = Drop.of(home)
    drop.make()
    Worker(dsn, owner, lambda: None, home=home, drop=drop, delivering=delivering(owner, city, home)).run()
