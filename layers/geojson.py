"""GeoJSON: a FeatureCollection of RFC 7946, with the `crs` member that older programs write."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from layers.sheets import Cells, Limits, Shapes, Table, Wish, cell_text, cells_of
from riskmap.errors import BadInput, TooLarge


def read(name: str, path: Path, wish: Wish) -> Table:
    """The features of a collection, numbered from 1; BadInput where it is none."""
    limits = wish.limits
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput(f"{name} 不是 UTF-8 文本", remedy="GeoJSON 只能是 UTF-8 编码") from None
    except RecursionError:
        raise BadInput(f"{name} 嵌套过深", remedy="请重新导出") from None
    except ValueError as error:
        raise BadInput(f"{name} 不是有效的 JSON：{error}", remedy="请重新导出") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise BadInput(f"{name} 不是 GeoJSON 的 FeatureCollection", remedy="请导出为 FeatureCollection")
    if not features:
        raise BadInput(f"{name} 没有要素", remedy="请核对导出的文件")
    if len(features) > limits.rows:
        raise TooLarge(f"{name} 超过 {limits.rows:,} 个要素", remedy="请分成几个文件导入")
    for number, feature in enumerate(features, start=1):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise BadInput(f"{name} 第 {number} 个不是 Feature", remedy="请重新导出")
    table = Table(name, _properties(name, features, limits), np.arange(1, len(features) + 1, dtype=np.int32))
    table.crs = _named_crs(document.get("crs"))
    shapes, table.shape_faults = _shapes([feature.get("geometry") for feature in features])
    table.wkb = pa.array(shapely.to_wkb(shapes), pa.binary())
    return table


def _properties(name: str, features: list[dict[str, Any]], limits: Limits) -> dict[str, Cells]:
    rows = [feature.get("properties") or {} for feature in features]
    if not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{name} 的 properties 不是对象", remedy="请重新导出")
    headers = list(dict.fromkeys(key for row in rows for key in row))
    if len(headers) > limits.columns or len(headers) * len(rows) > limits.cells:
        raise TooLarge(f"{name} 的属性过多（{len(headers)} 项）", remedy="请只保留需要的属性")
    return {header: cells_of(cell_text(row.get(header)) for row in rows) for header in headers}


def _named_crs(member: Any) -> str | None:
    """The system of the `crs` member that RFC 7946 dropped and many programs still write; None for the usual one."""
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else str(member)
    usual = ("CRS84", "EPSG::4326", "EPSG::4490", "EPSG:4326", "EPSG:4490")
    return None if name.endswith(usual) else name[:80]


def _shapes(geometries: list[Any]) -> tuple[Shapes, dict[int, str]]:
    """Shapely geometries of GeoJSON ones: plain points at once, others one text each."""
    shapes = np.full(len(geometries), None, dtype=np.object_)
    faults: dict[int, str] = {}
    points: list[int] = []
    places: list[tuple[float, float]] = []
    others: list[int] = []
    for index, geometry in enumerate(geometries):
        if geometry is None:
            continue
        coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
        if isinstance(coordinates, list) and geometry.get("type") == "Point" and len(coordinates) >= 2:
            if all(type(number) in {int, float} and abs(number) < 1e300 for number in coordinates[:2]):
                points.append(index)
                places.append((coordinates[0], coordinates[1]))
                continue
            faults[index] = "坐标不是有限的数"
        else:
            others.append(index)
    if points:
        shapes[points] = shapely.points(np.array(places, dtype=np.float64))
    if others:
        texts = np.array([json.dumps(geometries[index]) for index in others], dtype=np.object_)
        with np.errstate(all="ignore"):
            read = shapely.from_geojson(texts, on_invalid="ignore")
        shapes[others] = read
        faults.update(
            (index, "几何无法读取") for index, shape in zip(others, read, strict=True) if shape is None
        )
    return shapes, faults
