"""Files that people send and no import can take as they are: each a small function that writes one into a folder."""

import io
import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl

from tests.conftest import SOAK

_FIRM = ["code", "name", "opened_on", "workers", "lon", "lat"]
_GOOD = ["E8", "好企业", "2020-01-31", 5, 112.31, 28.81]
_STOCK = ["source_code", "substance", "quantity", "unit"]


@dataclass(frozen=True)
class Bad:
    """One bad file: its layer, how it is written, and what the report has to say of it."""

    layer: str
    write: Callable[[Path], Path]
    says: str
    row: int | None = None
    """the faulty row; None where the file as a whole is refused"""
    field: str = ""


def _csv(folder: Path, header: list[str], *rows: list[Any], name: str = "表.csv") -> Path:
    path = folder / name
    lines = [",".join(str(cell) for cell in row) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _book(folder: Path, header: list[str], *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (header, *rows):
        sheet.append(row)
    book.save(folder / "表.xlsx")
    return folder / "表.xlsx"


def _spellings(text: str) -> set[bytes]:
    """A text as the writer of a workbook may put it, with lxml beside it and without."""
    empty = text.replace("<v />", "<v></v>")
    return {text.encode(), empty.encode(), empty.encode("ascii", "xmlcharrefreplace")}


def repacked(path: Path, replaced: dict[str, bytes], **more: bytes) -> Path:
    """A workbook with texts of its sheet replaced, and with further parts in `xl/`."""
    parts = {f"xl/{name}.bin": data for name, data in more.items()}
    with zipfile.ZipFile(path) as old:
        for name in old.namelist():
            parts[name] = old.read(name)
            for text, new in replaced.items() if "worksheets/" in name else ():
                for spelling in _spellings(text):
                    parts[name] = parts[name].replace(spelling, new)
    with zipfile.ZipFile(path, "w") as new_file:
        for name, data in parts.items():
            new_file.writestr(name, data)
    return path


def _raw(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def _firm(says: str, field: str, **wrong: Any) -> Bad:
    """A good row and one with a wrong cell, as CSV."""
    cells = dict(zip(_FIRM, ["E9", "坏企业", "2020-01-31", 5, 112.32, 28.82], strict=True)) | wrong
    return Bad("enterprises", lambda folder: _csv(folder, _FIRM, _GOOD, list(cells.values())), says, 3, field)


def _stock(says: str, field: str, quantity: str, unit: str = "t") -> Bad:
    rows = [["S1", "氨", "1", "t"], ["S1", "柴油", quantity, unit]]
    return Bad("inventory", lambda folder: _csv(folder, _STOCK, *rows), says, 3, field)


def _shape(wkt: str, says: str) -> Bad:
    def write(folder: Path) -> Path:
        return _csv(
            folder, ["code", "name", "wkt"], ["E8", "好", "POINT (112.31 28.81)"], ["E9", "坏", f'"{wkt}"']
        )

    return Bad("enterprises", write, says, 3, "wkt")


def _formula(text: str, says: str) -> Bad:
    def write(folder: Path) -> Path:
        return _book(folder, _FIRM, _GOOD, ["E9", "坏企业", "2020-01-31", text, 112.32, 28.82])

    return Bad("enterprises", write, says, 3, "workers")


def _many_vertices(folder: Path) -> Path:
    """A polygon of a million vertices (in `make test` a tenth of it) as GeoJSON, beside a good point."""
    count = 1_000_000 if SOAK else 100_000
    turns = (2 * math.pi * n / count for n in range(count))
    ring = [[round(112.3 + math.cos(turn) / 50, 8), round(28.8 + math.sin(turn) / 50, 8)] for turn in turns]
    shapes = [
        {"type": "Point", "coordinates": [112.31, 28.81]},
        {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    ]
    features = [
        {"type": "Feature", "properties": {"code": f"E{n}", "name": "企业"}, "geometry": shape}
        for n, shape in enumerate(shapes, start=8)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))
    (folder / "面.geojson").write_text(text)
    return folder / "面.geojson"


def _macros(folder: Path) -> Path:
    return repacked(_book(folder, _FIRM, _GOOD), {}, vbaProject=b"\xd0\xcf\x11\xe0 macros")


def _merged_number(folder: Path) -> Path:
    path = _book(folder, ["source_code", "substance", "数量（吨）"], ["S1", "氨", 5], ["S1", "氯", None])
    book = openpyxl.load_workbook(path)
    book.worksheets[0].merge_cells("C2:C3")
    book.save(path)
    return path


def _empty_book() -> bytes:
    content = io.BytesIO()
    openpyxl.Workbook().save(content)
    return content.getvalue()


BAD: dict[str, Bad] = {
    "a text document": Bad("enterprises", _raw("名录.docx", b"PK\x03\x04"), "不支持的文件类型"),
    "a PDF named xlsx": Bad("enterprises", _raw("名录.xlsx", b"%PDF-1.7\n%%EOF"), "不是有效的 .xlsx"),
    "a CSV named xlsx": Bad("enterprises", _raw("名录.xlsx", b"code,name\nE1,x\n"), "不是有效的 .xlsx"),
    "an old workbook": Bad("enterprises", _raw("名录.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600), "旧版 .xls"),
    "a workbook named csv": Bad("enterprises", _raw("名录.csv", _empty_book()), "其实是工作簿"),
    "a file without content": Bad("enterprises", _raw("空.csv", b""), "空文件"),
    "an empty sheet": Bad("enterprises", _raw("空.xlsx", _empty_book()), "没有内容"),
    "a header without rows": Bad("enterprises", lambda folder: _csv(folder, _FIRM), "没有数据行"),
    "a doubled header": Bad(
        "enterprises",
        lambda folder: _csv(folder, [*_FIRM, "name"], [*_GOOD, "又一个"]),
        "（B 列）和“name”（G 列）",
    ),
    "two headers of one meaning": Bad(
        "enterprises", lambda folder: _csv(folder, [*_FIRM, "单位名称"], [*_GOOD, "又一个"]), "都是 name"
    ),
    "a header that nobody knows": Bad(
        "enterprises",
        lambda folder: _csv(folder, ["code", "企业民称", "lon", "lat"], ["E8", "x", 1, 2]),
        "缺少",
    ),
    "a column without header": Bad(
        "enterprises",
        lambda folder: _csv(folder, ["code", "", "name", "lon", "lat"], ["E8", 1, "x", 1, 2]),
        "B 列没有表头",
    ),
    "a number merged over rows": Bad("inventory", _merged_number, "跨行合并", 3, "quantity"),
    "a date as text": _firm("不是日期", "opened_on", opened_on="去年五月"),
    "a date as a serial number": _firm("不是日期", "opened_on", opened_on="45658"),
    "a number as words": _firm("不是数字", "workers", workers="约20人"),
    "a formula without a result": _formula("=1+1", "没有保存计算结果"),
    "a formula's error": _formula("#REF!", "错误值"),
    "a formula's error in a CSV": _firm("错误值", "name", name="#N/A"),
    "a value from another workbook": _formula("=[1]Sheet1!A1", "取自另一个工作簿"),
    "macros": Bad("enterprises", _macros, "含有宏"),
    "a macro workbook": Bad("enterprises", _raw("名录.xlsm", b"PK\x03\x04"), "不支持的文件类型"),
    "a bow tie": _shape(
        "POLYGON ((112.3 28.8, 112.31 28.81, 112.31 28.8, 112.3 28.81, 112.3 28.8))", "自相交"
    ),
    "a shape that is cut off": _shape("POLYGON ((112.3 28.8, 112.31", "不是有效的 WKT"),
    "far too many vertices": Bad("enterprises", _many_vertices, "超过 10,000 个顶点", 2, "geometry"),
    "a negative quantity": _stock("不能为负", "quantity", "-5"),
    "an absurd quantity": _stock("大于上限", "quantity", "99999999999"),
    "a quantity in barrels": _stock("未知的单位", "unit", "5", "桶"),
    "a volume without density": _stock("没有该物质的密度", "unit", "5", "m³"),
    "not a number": _firm("不是有限的数", "workers", workers="NaN"),
    "infinity": _firm("坐标不是数字", "lon", lon="Infinity"),
    "an infinite quantity": _stock("不是有限的数", "quantity", "-inf"),
    "a doubled code": _firm("与第 2 行编码重复", "code", code="Ｅ８"),
    "a NUL in a cell": _firm("控制字符", "name", name="坏\0企业"),
    "a NUL in a workbook": Bad(
        "enterprises",
        lambda folder: repacked(_book(folder, _FIRM, _GOOD), {"好企业": b"\0"}),
        "不是 UTF-8 文本",
    ),
    "half a coordinate": _firm("缺一个", "lat", lat=""),
    "the foot of a list": Bad(
        "enterprises", lambda folder: _csv(folder, _FIRM, _GOOD, ["合计", "", "", 5, "", ""]), "像是表尾", 3
    ),
    "a cell too many": Bad(
        "enterprises", lambda folder: _csv(folder, _FIRM, _GOOD, [*_GOOD, "多余"]), "多于表头", 3
    ),
}
"""what it is → the file"""
