"""The demo city's files: CSV in UTF-8 and GeoJSON, fixed formatting, so that one seed gives the same bytes."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from jobs.demo_inputs import LONLAT_DECIMALS


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Rows with exactly these columns; a `lonlat` becomes lon and lat, a `geometry` becomes `wkt`."""
    header = [name for one in columns for name in (("lon", "lat") if one == "lonlat" else (one,))]
    header = ["wkt" if name == "geometry" else name for name in header]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(_cells(row, columns) for row in rows)


def write_geojson(path: Path, name: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Rows with a `geometry` in degrees as a FeatureCollection (RFC 7946), one feature a line."""
    shapes = np.array([row["geometry"] for row in rows], dtype=np.object_)
    texts = shapely.to_geojson(shapes)
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"type":"FeatureCollection","name":"{name}","features":[\n')
        lines = (
            f'{{"type":"Feature","properties":{_json(_properties(row, columns))},"geometry":{text}}}'
            for row, text in zip(rows, texts, strict=True)
        )
        file.write(",\n".join(lines))
        file.write("\n]}\n")


def _properties(row: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Empty text is unknown: null."""
    return {name: (None if row[name] == "" else row[name]) for name in columns}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cells(row: dict[str, Any], columns: Sequence[str]) -> list[Any]:
    cells: list[Any] = []
    for name in columns:
        value = row[name]
        if name == "lonlat":
            cells += [f"{value[0]:.{LONLAT_DECIMALS}f}", f"{value[1]:.{LONLAT_DECIMALS}f}"]
        elif isinstance(value, bool):
            cells.append("true" if value else "false")
        elif name == "geometry":
            cells.append(shapely.to_wkt(value, rounding_precision=LONLAT_DECIMALS) if value else "")
        else:
            cells.append(value)
    return cells
