"""Twenty edits over twenty days: what `show --as-of` says of each day is what was known on that day."""

import datetime as dt
import json
from pathlib import Path

from sqlalchemy import Engine

from jobs.imports import import_file
from layers.audit import verify
from layers.database import CITY, reading, writing
from layers.history import CLOCK, moment
from layers.records import fetch

START = dt.date(2026, 3, 1)


def at(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(15), CLOCK)


def write(folder: Path, layer: str, header: str, *rows: str) -> Path:
    path = folder / f"{layer}.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def area(code: str, name: str, level: str, west: float) -> dict[str, object]:
    ring = [[west, 28.8], [west + 0.1, 28.8], [west + 0.1, 28.9], [west, 28.9], [west, 28.8]]
    return {
        "type": "Feature",
        "properties": {"code": code, "name": name, "level": level},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def test_each_day_is_told_as_it_was_known(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    areas = tmp_path / "areas.geojson"
    features = [area("430981006", "甲街道", "township", 112.3), area("430981114", "乙镇", "township", 112.4)]
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    import_file(owner, "areas", areas, at=at(START - dt.timedelta(days=2)))
    known: dict[dt.date, dict[str, tuple[str, str | None, str]]] = {}
    firms: dict[str, tuple[str, str | None, str]] = {}
    for n in range(20):
        day = START + dt.timedelta(days=n)
        code = f"E{n % 7}"
        west, township = (112.35, "430981006") if n % 3 else (112.45, "430981114")
        status = "closed" if n in (9, 15) else "active"
        firms = {**firms, code: (f"企业{n}", township, status)}
        known[day] = firms
        row = f"{code},企业{n},{status},{west},28.85"
        import_file(
            owner, "enterprises", write(tmp_path, "enterprises", "code,name,status,lon,lat", row), at=at(day)
        )
    with reading(reader, CITY) as connection:
        assert fetch(connection, "enterprise", then=moment(connection, "2026-02-28")).items == []
        for day, expected in known.items():
            then = moment(connection, day.isoformat())
            rows = fetch(connection, "enterprise", then=then).items
            assert {r["code"]: (r["name"], r["township_code"], r["status"]) for r in rows} == expected, day
        noon = moment(connection, "2026-03-05T12:00:00+08:00")
        rows = fetch(connection, "enterprise", then=noon).items
        assert len(rows) == 4, "the edit of 15:00 is not known at noon"
        now = {r["code"]: r["name"] for r in fetch(connection, "enterprise").items}
        assert now == {code: firm[0] for code, firm in known[max(known)].items()}
    with writing(owner) as connection:
        assert verify(connection) == []
