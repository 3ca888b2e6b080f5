"""The same records through every format and in both languages of headers become the same rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import pytest
import shapely
from sqlalchemy import Engine

from jobs.imports import import_file
from layers.database import owner_engine
from layers.fields import LAYERS
from layers.files import read_table
from riskmap.errors import BadInput
from tests.checked_rows import texts
from tests.database import Databases
from tests.every_format import WRITERS, Records, opened, points, polygons, records, write_gpkg, write_zip
from tests.import_files import counts, evening, rows

COUNT = 500
STORED = "SELECT {}, ST_AsText(geom), ST_AsText(geom_m) FROM {} ORDER BY code"

pytestmark = pytest.mark.filterwarnings("ignore:.*ormalized/laundered field name.*:RuntimeWarning")


def headed(columns: Records, layer: str, language: str, suffix: str) -> Records:
    """The columns under the headers of a language, `name` being the canonical one.

    "People by day" and "People by night" are one name within a shapefile's ten bytes; people_day, people_night are two.
    """
    headers = {f.name: getattr(f, language) for f in LAYERS[layer].fields}
    if suffix == ".zip":
        headers |= {
            name: name
            for name in ("people_day", "people_night")
            if headers.get(name, "").startswith("People")
        }
    return {headers[name]: column for name, column in columns.items()}


def enterprises(count: int) -> Records:
    columns = records(count)
    kept = {name: columns[name] for name in ("code", "name", "synthetic")}
    days = {"opened_on": opened(count), "workers": columns["people_night"]}
    return kept | days | {"park_code": columns["kind"], "actual_controller": columns["name"]}


CASES = {"targets": (records, polygons), "enterprises": (enterprises, points)}


@pytest.mark.parametrize("layer", list(CASES))
def test_the_same_records_through_all_formats_and_both_languages(
    databases: Databases, prepared: str, tmp_path: Path, layer: str
) -> None:
    make, places = CASES[layer]
    columns, shapes = make(COUNT), places(COUNT)
    query = STORED.format(", ".join(columns), LAYERS[layer].table)
    wanted: dict[str, Any] = {}
    for language in ("zh", "en", "name"):
        for suffix, write in WRITERS.items():
            path = write(tmp_path / f"{language}{suffix}", headed(columns, layer, language, suffix), shapes)
            cells = list(texts(read_table(path)).values())[: len(columns)]
            with databases.fresh(prepared) as dsn:
                owner = owner_engine(dsn)
                report = import_file(owner, layer, path, at=evening())
                stored = rows(owner, query)
                owner.dispose()
            assert (counts(report), report.ignored) == ((COUNT, 0, 0, 0), []), path.name
            wanted = wanted or {"cells": cells, "stored": stored}
            assert cells == wanted["cells"], path.name
            assert stored == wanted["stored"], path.name
    assert len(wanted["stored"]) == COUNT


@pytest.mark.parametrize("write", [write_gpkg, write_zip])
def test_a_projected_system_that_the_file_names_is_used_and_told(
    owner: Engine, tmp_path: Path, write: Callable[..., Path]
) -> None:
    columns, shapes = enterprises(3), points(3)
    plain = write(tmp_path / f"plain{'.gpkg' if write is write_gpkg else '.zip'}", columns, shapes)
    assert import_file(owner, "enterprises", plain, at=evening()).notes == []
    degrees = rows(owner, "SELECT ST_AsText(geom, 7) FROM enterprise ORDER BY code")
    metres = [
        bytes(row[0]) for row in rows(owner, "SELECT ST_AsBinary(geom_m) FROM enterprise ORDER BY code")
    ]
    moved = write(plain.with_stem("metres"), columns, list(shapely.from_wkb(metres)), crs="EPSG:4547")
    report = import_file(owner, "enterprises", moved, at=evening(1))
    assert "EPSG:4547" in report.notes[0]
    assert rows(owner, "SELECT ST_AsText(geom, 7) FROM enterprise ORDER BY code") == degrees


def test_a_system_without_a_number_has_to_be_confirmed(owner: Engine, tmp_path: Path) -> None:
    local = "+proj=tmerc +lat_0=0 +lon_0=112.4 +x_0=500000 +ellps=krass +units=m"
    path = write_gpkg(tmp_path / "a.gpkg", enterprises(3), points(3), crs=local)
    with pytest.raises(BadInput, match="需要确认"):
        import_file(owner, "enterprises", path, at=evening())
    assert counts(import_file(owner, "enterprises", path, crs="cgcs2000", at=evening())) == (3, 0, 0, 0)


def test_cut_headers_are_completed_where_only_one_fits(owner: Engine, tmp_path: Path) -> None:
    columns = enterprises(4)
    long = {"所属园区代码": columns.pop("park_code"), "专业监管部门": pa.array(["甲"] * 4)}
    path = write_zip(tmp_path / "a.zip", columns | long, points(4))
    fields = pyogrio.read_info(path.with_suffix(".shp"))["fields"].tolist()
    assert {"所属园区代", "专业监管部"} <= set(fields)
    report = import_file(owner, "enterprises", path, at=evening())
    assert report.ignored == []
    assert rows(owner, "SELECT DISTINCT dept_special FROM enterprise") == [("甲",)]
