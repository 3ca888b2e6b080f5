"""Writing a layer's records to a file: .csv, .xlsx, .geojson or .gpkg, a block at a time, whole or not at all."""

import csv
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
import xlsxwriter

from layers.exports import Block
from layers.outgoing import Cell, Form, Sheet
from layers.sheets import Shapes, cell_text
from riskmap.errors import BadInput, TooLarge

FORMS: Mapping[str, Form] = {
    "csv": Form(texts=True, formulas=True),
    "xlsx": Form(words=True),
    "geojson": Form(shapes=True),
    "gpkg": Form(shapes=True),
}
"""the kinds of file, by suffix without its point"""
SHEET_ROWS = 1_048_575
"""rows that a worksheet holds below its header"""
_CELL_CHARS = 32_767
PLAIN_WORKBOOK = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
"""of XlsxWriter: rows go to disk as they come, and a text is never anything but a text"""
_OTHER_SYSTEMS = {"gcj02": "GCJ-02", "bd09": "BD-09"}
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_LOCAL = 'ENGCRS["{}",EDATUM["{}"],CS[ellipsoidal,2],AXIS["lon",east],AXIS["lat",north],ANGLEUNIT["degree",0.0174532925199433]]'

Blocks = Iterator[Block]


def kind_of(path: Path) -> str:
    """The kind of file that a name asks for. BadInput, listing all, where it is none of ours."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMS:
        raise BadInput(
            f"{path.name}：不支持导出为这种文件", remedy=f"请以 {'、'.join(f'.{one}' for one in FORMS)} 结尾"
        )
    return kind


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A draft beside the target that takes its name when the block ends well; else nothing is left of it.

    BadInput where the folder is not there or may not be written to, or where the target is a folder.
    """
    if not path.parent.is_dir():
        raise BadInput(f"没有文件夹 {path.parent}", remedy="请先建立文件夹，或改写路径")
    if path.is_dir():
        raise BadInput(f"{path} 是文件夹", remedy="请写出文件名")
    draft = path.with_name(f".{secrets.token_hex(6)}.part{path.suffix.lower()}")
    try:
        draft.touch()
        yield draft
        draft.replace(path)
    except OSError as error:
        raise BadInput(
            f"无法写入 {path}：{error.strerror or error}", remedy="请核对权限和剩余空间"
        ) from error
    finally:
        for left in path.parent.glob(f"{draft.name}*"):
            left.unlink(missing_ok=True)


def write_file(path: Path, kind: str, sheet: Sheet, blocks: Blocks, rows: int) -> None:
    """Write `rows` records as blocks. TooLarge where the kind of file cannot hold them."""
    if kind == "xlsx" and rows > SHEET_ROWS:
        raise TooLarge(
            f"共 {rows:,} 行，一张工作表最多 {SHEET_ROWS:,} 行", remedy="请加筛选条件，或导出为 .csv 或 .gpkg"
        )
    _WRITERS[kind](path, sheet, blocks)


def _write_csv(path: Path, sheet: Sheet, blocks: Blocks) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(sheet.headers)
        for block in blocks:
            writer.writerows(zip(*sheet.cells(block), strict=True))


# --- workbook --------------------------------------------------------------------------------------------------


def _write_xlsx(path: Path, sheet: Sheet, blocks: Blocks) -> None:
    with xlsxwriter.Workbook(str(path), PLAIN_WORKBOOK | {"tmpdir": str(path.parent)}) as workbook:
        worksheet = workbook.add_worksheet(sheet.layer.zh)
        plain = workbook.add_format({"num_format": "@"})
        headers = sheet.headers
        write_header(workbook, worksheet, headers)
        rows = chain.from_iterable(zip(*sheet.cells(block), strict=True) for block in blocks)
        for number, cells in enumerate(rows, start=1):
            for column, cell in enumerate(cells):
                if isinstance(cell, str):
                    _check_length(cell, number, headers[column])
                    worksheet.write_string(number, column, cell, plain)
                elif cell is not None:
                    worksheet.write_number(number, column, cell)


def write_header(workbook: Any, worksheet: Any, headers: list[str]) -> None:
    """The header: bold, in view while the rows are scrolled, columns wide enough to read it; their cells are text."""
    bold = workbook.add_format(
        {"bold": True, "bottom": 1, "num_format": "@", "text_wrap": True, "valign": "top"}
    )
    plain = workbook.add_format({"num_format": "@"})
    for column, header in enumerate(headers):
        width = sum(2 if ord(sign) > 255 else 1 for sign in header) + 3
        worksheet.set_column(column, column, min(max(width, 12), 34), plain)
        worksheet.write_string(0, column, header, bold)
    worksheet.freeze_panes(1, 0)


def _check_length(cell: str, row: int, header: str) -> None:
    if len(cell) > _CELL_CHARS:
        raise TooLarge(
            f"第 {row + 1} 行的“{header}”有 {len(cell):,} 个字符，工作表的单元格最多 {_CELL_CHARS:,} 个",
            remedy="请导出为 .geojson、.gpkg 或 .csv",
        )


# --- GeoJSON ---------------------------------------------------------------------------------------------------


def _write_geojson(path: Path, sheet: Sheet, blocks: Blocks) -> None:
    """RFC 7946; in another system than longitude and latitude the file says so by the `crs` member of old."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f'{{"type":"FeatureCollection",{_crs_member(sheet)}"features":[')
        before = "\n"
        for block in blocks:
            columns = [
                _members(header, cells)
                for header, cells in zip(sheet.headers, sheet.cells(block), strict=True)
            ]
            geometries = _geometries(sheet.shapes(block), len(block))
            properties = map(",".join, zip(*columns, strict=True))
            for members, geometry in zip(properties, geometries, strict=True):
                file.write(f'{before}{{"type":"Feature","properties":{{{members}}},"geometry":{geometry}}}')
                before = ",\n"
        file.write("\n]}\n")


def _crs_member(sheet: Sheet) -> str:
    declared = sheet.declared
    if declared.epsg in {4326, 4490}:
        return ""
    name = _OTHER_SYSTEMS.get(declared.name, f"urn:ogc:def:crs:EPSG::{declared.epsg}")
    return f'"crs":{{"type":"name","properties":{{"name":"{name}"}}}},'


def _members(header: str, cells: list[Cell]) -> list[str]:
    """One property of every feature as JSON text."""
    name = _JSON.encode(header)
    empty = f"{name}:null"
    return [empty if cell is None else f"{name}:{_JSON.encode(cell)}" for cell in cells]


def _geometries(shapes: Shapes | None, count: int) -> list[str]:
    if shapes is None:
        return ["null"] * count
    return ["null" if text is None else text for text in shapely.to_geojson(shapes)]


# --- GeoPackage --------------------------------------------------------------------------------------------------


def _write_gpkg(path: Path, sheet: Sheet, blocks: Blocks) -> None:
    path.unlink()  # GDAL makes its file itself; an empty one is no database
    placed = sheet.layer.position != "none"
    first = next(blocks, None)
    written = False
    for block in chain([first or Block.empty(sheet.layer)], blocks):
        columns = [_typed(kind, cells) for kind, cells in zip(sheet.kinds, sheet.cells(block), strict=True)]
        pyogrio.raw.write(
            path,
            _binary(sheet.shapes(block)) if placed else None,
            [values for values, _ in columns],
            np.array(sheet.headers, dtype=np.object_),
            field_mask=[mask for _, mask in columns],
            layer=sheet.layer.name,
            driver="GPKG",
            geometry_type="Unknown" if placed else None,
            crs=_named_system(sheet) if placed else None,
            append=written,
        )
        written = True


def _binary(shapes: Shapes | None) -> Shapes:
    return np.asarray(shapely.to_wkb(shapes), dtype=np.object_)


def _named_system(sheet: Sheet) -> str:
    """The number of the system, else a name that belongs to no number: nobody takes its degrees for plain ones."""
    declared = sheet.declared
    if declared.epsg is not None:
        return f"EPSG:{declared.epsg}"
    return _LOCAL.format(*[_OTHER_SYSTEMS[declared.name]] * 2)


def _typed(kind: str, cells: list[Cell]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """A column as an array of its kind, and which of its cells are empty where the array cannot say so."""
    empty = np.array([cell is None for cell in cells], dtype=np.bool_)
    if kind == "int":
        return np.array([cell or 0 for cell in cells], dtype=np.int64), empty
    if kind == "bool":
        return np.array([bool(cell) for cell in cells], dtype=np.bool_), empty
    if kind == "number":
        return np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64), None  # type: ignore[arg-type]
    if kind == "date":
        return np.array(["NaT" if cell is None else cell for cell in cells], dtype="datetime64[D]"), None
    texts = np.full(len(cells), None, dtype=np.object_)
    texts[:] = [
        ";".join(cell) if isinstance(cell, list) else None if cell is None else cell_text(cell)
        for cell in cells
    ]
    return texts, None


_WRITERS: Mapping[str, Callable[[Path, Sheet, Blocks], None]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "geojson": _write_geojson,
    "gpkg": _write_gpkg,
}
