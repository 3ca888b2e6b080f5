"""A city of any size in a prepared database: clustered enterprises, sources, homes and dangers, from a fixed seed.

It is written in one revision by plain COPY: what is measured is the risk run, not the import.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, Engine, text

from layers.copying import copy_arrays
from layers.database import writing
from layers.ewkb import of_points, of_shapes
from layers.history import open_revision
from layers.schema import GEOGRAPHIC_SRID, METRIC_SRID
from riskmap.vocabulary import COMMITTEES, SOURCE_KINDS
from tests.benchmarks.ratios import Size

SIDE_M = 60_000.0
TOWNS = np.random.default_rng(1).uniform(5_000, SIDE_M - 5_000, (40, 2))
CORNER_M = np.array([500_000.0, 3_160_000.0])
DAY = date(2026, 1, 1)
GRIDS_OF_VILLAGE, GRIDS_OF_TOWNSHIP = 5, 25
"""along one side"""
INDUSTRIES = ("2614", "5210", "1711", "4520", "6210", "2669", "3311", None)
WORKERS = (None, 3, 8, 25, 40, 320, 1200)
HELD = ("7664-41-7", "7782-50-5", "74-98-6", "71-43-2", "67-56-1")
KINDS = tuple(kind for kind in SOURCE_KINDS if kind != "premises")
ONE_PERCENT = """
    UPDATE {table} SET {change}, rev = :rev, valid_from = :day WHERE code IN (
      SELECT code FROM {table} ORDER BY sha256(code::bytea) LIMIT (SELECT count(*) / 100 FROM {table}))"""
CHANGES = {
    "enterprise": "workers = CASE WHEN workers >= 300 THEN 3 ELSE 1200 END",
    "source": "kind = CASE WHEN kind = 'ferry' THEN 'bridge' ELSE 'ferry' END",
}

Columns = dict[str, Any]


def towns(n: int, rng: np.random.Generator) -> np.ndarray:
    """Points about the forty towns, in metres from the city's corner, to the millimetre."""
    spots = TOWNS[rng.integers(0, len(TOWNS), n)] + rng.normal(0, 1_500, (n, 2))
    return np.clip(spots, 100, SIDE_M - 100).round(3)


def fill(owner: Engine, size: Size) -> None:
    """Write the whole city."""
    rng, k = np.random.default_rng(11), round(size.polygons**0.5)
    firms = towns(size.enterprises, rng)
    firm_codes = np.array([f"9143{n:014d}" for n in range(size.enterprises)], object)
    layers = {
        "area": _areas(k),
        "population": _homes(k, rng),
        "enterprise": _enterprises(firms, firm_codes, k, rng),
        "source": _sources(size.sources, firms, firm_codes, k, rng),
        "danger": _dangers(size.enterprises // 100, firm_codes, rng),
    }
    with writing(owner) as connection:
        rev = open_revision(connection, "bench", "import", None)
        for table, columns in layers.items():
            _copy(connection, table, columns, rev)
        connection.execute(text(HOLDINGS), {"rev": rev, "day": DAY, "held": list(HELD)})
        connection.execute(text("ANALYZE"))


HOLDINGS = """
    INSERT INTO inventory (code, source_code, cas, quantity_t, township_code, village_code, grid_code, valid_from, rev)
    SELECT 'I' || s.code, s.code, (CAST(:held AS text[]))[1 + n % 5], 1 + n % 400, township_code, village_code,
      grid_code, :day, :rev
    FROM (SELECT *, row_number() OVER (ORDER BY code) AS n FROM source) s WHERE n % 2 = 0
"""


def change_one_percent(owner: Engine) -> None:
    """Other workers at one enterprise of a hundred, another kind of one source of a hundred."""
    with writing(owner) as connection:
        rev = open_revision(connection, "bench", "import", None)
        for table, change in CHANGES.items():
            connection.execute(text(ONE_PERCENT.format(table=table, change=change)), {"rev": rev, "day": DAY})


def _copy(connection: Connection, table: str, columns: Columns, rev: int) -> None:
    count = len(columns["code"])
    columns |= {"valid_from": pa.array([DAY] * count, pa.date32()), "rev": np.full(count, rev, np.int64)}
    batch = pa.table({name: pa.array(column) for name, column in columns.items()})
    copy_arrays(connection, table, batch.to_batches(max_chunksize=50_000))


def _standing(spots: np.ndarray, k: int) -> Columns:
    """The codes of the areas that points lie in, and their positions."""
    at = np.minimum((spots / (SIDE_M / k)).astype(np.int64), k - 1)
    return _codes(at) | {
        "geom": of_points(np.array([112.0, 28.0]) + spots / 100_000, GEOGRAPHIC_SRID),
        "geom_m": of_points(CORNER_M + spots, METRIC_SRID),
    }


def _codes(at: np.ndarray) -> Columns:
    names: Columns = {}
    for name, side in (
        ("township_code", GRIDS_OF_TOWNSHIP),
        ("village_code", GRIDS_OF_VILLAGE),
        ("grid_code", 1),
    ):
        letter, cell = name[0].upper(), at // side
        names[name] = [f"{letter}{x:03d}{y:03d}" for x, y in cell.tolist()]
    return names


def _areas(k: int) -> Columns:
    parts: list[Columns] = []
    for level, side in (("township", GRIDS_OF_TOWNSHIP), ("village", GRIDS_OF_VILLAGE), ("grid", 1)):
        count = -(-k // side)
        at = (
            np.stack(np.meshgrid(np.arange(count), np.arange(count), indexing="ij"), -1).reshape(-1, 2) * side
        )
        low, high = at * (SIDE_M / k), np.minimum(at + side, k) * (SIDE_M / k)
        codes = _codes(at)
        own = codes[f"{level}_code"]
        if level == "township":
            codes |= {"village_code": [None] * len(own), "grid_code": [None] * len(own)}
        if level == "village":
            codes |= {"grid_code": [None] * len(own)}
        parts.append(
            codes
            | {"code": own, "name": [f"区域{code}" for code in own], "level": [level] * len(own)}
            | {"geom": shapely.box(*(low / 100_000).T, *(high / 100_000).T)}
            | {"geom_m": shapely.box(*(CORNER_M + low).T, *(CORNER_M + high).T)}
        )
    joined: Columns = {
        name: [value for part in parts for value in part[name]] for name in parts[0] if "geom" not in name
    }
    for name, srid in (("geom", GEOGRAPHIC_SRID), ("geom_m", METRIC_SRID)):
        joined[name] = of_shapes(np.concatenate([part[name] for part in parts]), srid)
    return joined


def _homes(k: int, rng: np.random.Generator) -> Columns:
    """The people of each grid unit at one spot of it."""
    at = np.stack(np.meshgrid(np.arange(k), np.arange(k), indexing="ij"), -1).reshape(-1, 2)
    spots = ((at + rng.uniform(0.1, 0.9, at.shape)) * (SIDE_M / k)).round(3)
    people = rng.gamma(1.0, 40.0, len(spots)).round(0)
    return _standing(spots, k) | {"code": [f"P{n:07d}" for n in range(len(spots))], "people": people}


def _pick(rng: np.random.Generator, values: tuple[Any, ...]) -> Callable[[int], list[Any]]:
    return lambda n: np.array(values, object)[rng.integers(0, len(values), n)].tolist()


def _enterprises(spots: np.ndarray, codes: np.ndarray, k: int, rng: np.random.Generator) -> Columns:
    n, where = len(spots), _standing(spots, k)
    persons = {
        f"{what}_{slot}": ("某某", None) for what in ("dept", "person") for slot in ("industry", "special")
    }
    told = {name: _pick(rng, values)(n) for name, values in persons.items()}
    return (
        where
        | told
        | {
            "code": codes,
            "enterprise_code": codes,
            "name": [f"某某市第{n}号有限公司" for n in range(n)],
            "industry": _pick(rng, INDUSTRIES)(n),
            "workers": pa.array(_pick(rng, WORKERS)(n), pa.int32()),
            "committee": _pick(rng, COMMITTEES)(n),
            "legal_representative": _pick(rng, ("某某", None))(n),
            "declared_township_code": where["township_code"],
        }
    )


def _sources(n: int, firms: np.ndarray, codes: np.ndarray, k: int, rng: np.random.Generator) -> Columns:
    """Half of them within an enterprise, where it stands."""
    owner = rng.integers(0, len(firms), n)
    owned = np.arange(n) % 2 == 0
    spots = np.where(owned[:, None], firms[owner], towns(n, rng))
    return _standing(spots, k) | {
        "code": [f"S{n:06d}" for n in range(n)],
        "name": [f"危险源{n}" for n in range(n)],
        "kind": _pick(rng, KINDS)(n),
        "enterprise_code": [code if own else None for code, own in zip(codes[owner], owned, strict=True)],
        "committee": _pick(rng, COMMITTEES)(n),
    }


def _dangers(n: int, codes: np.ndarray, rng: np.random.Generator) -> Columns:
    return {
        "code": [f"D{n:06d}" for n in range(n)],
        "enterprise_code": codes[rng.choice(len(codes), n, replace=False)],
        "grade": ["general"] * n,
        "title": ["线路老化"] * n,
        "found_by": ["other"] * n,
        "found_on": pa.array([DAY] * n, pa.date32()),
    }
