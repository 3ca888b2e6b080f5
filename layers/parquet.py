"""Parquet and GeoParquet: row group by row group, the shapes as WKB, the reference system from the file's own words."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet, types

from layers.features import check_extent, table_of_batches
from layers.sheets import Table, Wish
from layers.systems import note_system
from riskmap.errors import BadInput

_BATCH = 20_000
_THRIFT_BYTES, _THRIFT_ITEMS = 64 * 2**20, 1_000_000
"""of the file's own description of itself"""
_PANDAS_INDEX = re.compile(r"__index_level_[0-9]+__")
_SHAPES = ("geometry", "geom", "wkb")
"""binary columns of these names hold shapes also where the file says nothing of shapes"""


def read(name: str, path: Path, wish: Wish) -> Table:
    """The rows of a Parquet file, numbered from 1; BadInput where it cannot be read or has columns that are no cells."""
    try:
        with parquet.ParquetFile(
            path,
            memory_map=True,
            pre_buffer=False,
            thrift_string_size_limit=_THRIFT_BYTES,
            thrift_container_size_limit=_THRIFT_ITEMS,
        ) as file:
            return _read_table(name, file, wish)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise BadInput(
            f"{name} 不是有效的 Parquet 文件：{str(error)[:100]}", remedy="请在原来的程序中重新导出"
        ) from None


def _read_table(name: str, file: parquet.ParquetFile, wish: Wish) -> Table:
    schema = file.schema_arrow
    check_extent(name, file.metadata.num_rows, len(schema), wish.limits)
    shapes, described = _described_shapes(name, schema)
    left_out = _covering(described)
    headers, binary = [], []
    for field in schema:
        if field.name == shapes or field.name in left_out or _PANDAS_INDEX.fullmatch(field.name):
            continue
        if _is_binary(field.type):
            binary.append(field.name)
        else:
            headers.append(field.name)
    wanted = [*headers, *([shapes] if shapes else [])]
    batches = file.iter_batches(batch_size=_BATCH, columns=wanted, use_threads=False)
    table = table_of_batches(name, headers, batches, wish, shapes)
    table.notes += [f"列“{header}”是二进制数据，没有读取" for header in binary]
    if described is not None:
        note_system(table, described.get("crs", "OGC:CRS84") or "")
        if described.get("crs", "") is None:
            table.crs = "未知（文件写明未知）"
    return table


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def _described_shapes(name: str, schema: pa.Schema) -> tuple[str | None, dict[str, Any] | None]:
    """The column of shapes, and what GeoParquet's metadata says of it where the file has any."""
    written = (schema.metadata or {}).get(b"geo")
    if written is None:
        found = [header for header in _SHAPES if header in schema.names]
        return next((header for header in found if _is_binary(schema.field(header).type)), None), None
    try:
        geo = json.loads(written)
        column = geo["primary_column"]
        described = geo["columns"][column]
        encoding = described["encoding"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(f"{name} 的 geo 说明无效", remedy="请按 GeoParquet 重新导出") from None
    if encoding != "WKB" or column not in schema.names or not _is_binary(schema.field(column).type):
        raise BadInput(
            f"{name} 的几何列“{column}”是 {str(encoding)[:40]} 编码", remedy="请以 WKB 编码导出 GeoParquet"
        )
    return column, described


def _covering(described: dict[str, Any] | None) -> set[str]:
    """The columns of bounding boxes that belong to the shapes."""
    try:
        return {path[0] for box in (described or {})["covering"].values() for path in box.values()}
    except (KeyError, TypeError, AttributeError, IndexError):
        return set()
