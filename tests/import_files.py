"""Small files, squares and counts for the tests of importing."""

import datetime as dt
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from jobs.imports import ImportReport, import_file
from layers.database import snapshot
from layers.history import CLOCK

DAY = dt.date(2026, 3, 1)


WEST, SOUTH, STEP = 112.30, 28.80, 0.02


def evening(days: int = 0) -> dt.datetime:
    return dt.datetime.combine(DAY + dt.timedelta(days=days), dt.time(20), CLOCK)


def write(folder: Path, layer: str, header: str, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{layer}.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def square(column: float, row: float, size: float = 1) -> str:
    """A square of the test's chessboard as WKT."""
    w, s = WEST + column * STEP, SOUTH + row * STEP
    e, n = w + size * STEP, s + size * STEP
    return f'"POLYGON (({w} {s}, {e} {s}, {e} {n}, {w} {n}, {w} {s}))"'


def at(column: float, row: float) -> str:
    return f"{WEST + column * STEP:.6f},{SOUTH + row * STEP:.6f}"


AREAS = (
    f"430981101,甲镇,township,,{square(0, 0, 2)}",
    f"430981101201,甲村,village,,{square(0, 0)}",
    f"430981101201001,甲村一组,grid,,{square(0, 0, 0.5)}",
    f"430981101201002,甲村二组,grid,,{square(0.5, 0, 0.5)}",
    f"430981102,乙镇,township,430981,{square(2, 0, 2)}",
    "430981103,丙镇,township,,",
    "430981103201,丙村,village,430981103,",
)


AREA_HEADER = "code,name,level,parent_code,wkt"


def load(owner: Engine, folder: Path, layer: str, header: str, *rows: str, **more: Any) -> ImportReport:
    more.setdefault("at", evening())
    return import_file(owner, layer, write(folder, layer, header, *rows), **more)


def load_areas(owner: Engine, folder: Path) -> None:
    assert load(owner, folder, "areas", AREA_HEADER, *AREAS).inserted == len(AREAS)


def rows(owner: Engine, query: str) -> list[tuple[Any, ...]]:
    with snapshot(owner) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.inserted, report.updated, report.unchanged, len(report.rejected)


FIRM_HEADER = "code,name,township_code,lon,lat"


SOURCE_HEADER = "code,name,kind,enterprise_code,lon,lat"


def load_chain(owner: Engine, folder: Path) -> None:
    """An enterprise with a source, and one record of every layer that names them."""
    load(owner, folder, "enterprises", "code,name,committee,lon,lat", f"E1,甲,hazchem,{at(0.2, 0.2)}")
    load(owner, folder, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,E1,{at(0.2, 0.2)}")
    load(owner, folder, "inventory", "source_code,substance,quantity_t", "S1,氨,5")
    load(owner, folder, "sensors", "code,source_code,kind,unit", "N1,S1,level,m")
    load(owner, folder, "dangers", "code,source_code,grade,title,found_on", "D1,S1,major,x,2026-02-01")
    load(owner, folder, "dangers", "code,enterprise_code,grade,title,found_on", "D2,E1,general,x,2026-02-01")
    load(owner, folder, "events", "event_id,kind,source_code,time", "e1,alarm,S1,2026-03-01")
    load(
        owner,
        folder,
        "duty",
        "code,person,role,object_layer,object_code",
        "Z1,甲,principal,source,S1",
        "Z2,乙,leader,danger,D1",
    )


CHAIN = "SELECT '{0}', grid_code, enterprise_code, committee FROM {0} ORDER BY code"


def chain(owner: Engine, *tables: str) -> set[tuple[Any, ...]]:
    return {row[1:] for table in tables for row in rows(owner, CHAIN.format(table))}


DEPENDANTS = ("source", "inventory", "sensor", "danger", "event", "duty")
