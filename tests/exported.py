"""A city to export from, and what its files say."""

import csv
from pathlib import Path
from typing import Any

from jobs.exports import ExportReport, export_layer
from layers.database import CITY, owner_engine, reader_engine
from layers.exports import Wanted


class City:
    """A database with both engines."""

    def __init__(self, dsn: str) -> None:
        self.owner, self.reader = owner_engine(dsn), reader_engine(dsn)

    def out(self, layer: str, path: Path, **more: Any) -> ExportReport:
        wanted = Wanted(**{k: more.pop(k) for k in Wanted.__dataclass_fields__ if k in more})
        return export_layer(self.owner, self.reader, more.pop("identity", CITY), layer, path, wanted, **more)

    def close(self) -> None:
        self.owner.dispose()
        self.reader.dispose()


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
