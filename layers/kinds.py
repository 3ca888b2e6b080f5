"""The kinds of files that can be imported: their suffixes, limits and readers, and how their first bytes look."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from layers.sheets import Limits
from riskmap.errors import BadInput


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: what people call it, the module that reads it, and its first bytes where they are fixed."""

    word: str
    module: str
    most_bytes: Callable[[Limits], int]
    magic: bytes = b""

    @property
    def is_text(self) -> bool:
        """Whether a person could read it in an editor."""
        return not self.magic


def _file_bytes(limits: Limits) -> int:
    return limits.file_bytes


_WORKBOOK = Kind("工作簿", "layers.workbook", lambda limits: limits.workbook_bytes, b"PK\x03\x04")
_GEOJSON = Kind("GeoJSON", "layers.geojson", lambda limits: limits.json_bytes)

KINDS = {
    ".xlsx": _WORKBOOK,
    ".csv": Kind("CSV", "layers.delimited", _file_bytes),
    ".geojson": _GEOJSON,
    ".json": _GEOJSON,
    ".gpkg": Kind("GeoPackage", "layers.spatial", _file_bytes, b"SQLite format 3\x00"),
    ".shp": Kind("shapefile", "layers.shapefile", _file_bytes, b"\x00\x00\x27\x0a"),
    ".zip": Kind("zip 压缩包", "layers.archives", _file_bytes, b"PK\x03\x04"),
    ".parquet": Kind("Parquet", "layers.parquet", _file_bytes, b"PAR1"),
}
SUFFIXES = tuple(suffix for suffix in KINDS if suffix != ".json")
"""as people are told them; .json is read, too, but most such files are no GeoJSON"""
ACCEPTED = " ".join(SUFFIXES)

BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""what Python's zipfile raises over damaged archives"""

_REMEDIES = {
    ".xls": "旧版 .xls 请用 Excel 或 WPS 另存为 .xlsx",
    ".et": "请用 WPS 另存为 .xlsx",
    ".xlsm": "含宏的工作簿请另存为 .xlsx（不含宏）",
    ".xlsb": "请用 Excel 另存为 .xlsx",
    ".dbf": "请选择同名的 .shp，或把 .shp .dbf .shx .prj 打包成 .zip",
    ".shx": "请选择同名的 .shp，或把 .shp .dbf .shx .prj 打包成 .zip",
    ".rar": "请改用 .zip 压缩",
    ".7z": "请改用 .zip 压缩",
}


def kind_named(name: str) -> str:
    """The kind of a file by the end of its name: a key of KINDS. BadInput for any other."""
    stem, dot, end = name.rpartition(".")
    suffix = (dot + end).lower() if stem or dot else ""
    if suffix not in KINDS:
        remedy = _REMEDIES.get(suffix, f"请另存为 {ACCEPTED} 之一后重试")
        raise BadInput(f"{name}：不支持的文件类型", remedy=remedy)
    return suffix


def check_head(kind: str, name: str, head: bytes) -> None:
    """BadInput where the first bytes are those of another kind, naming which."""
    found, word = _kind_of(head)
    if found is None and word:
        raise BadInput(f"{name} {word}", remedy="请去掉密码，用 Excel 或 WPS 另存为 .xlsx")
    if found is None and not KINDS[kind].is_text:
        raise BadInput(
            f"{name} 不是有效的 {kind} {KINDS[kind].word}", remedy="请核对文件，或在原来的程序中重新导出"
        )
    if found == ".zip" and kind == ".xlsx":
        return  # its parts may stand in any order: the reader will see
    if found is not None and KINDS[found] is not KINDS[kind]:
        raise BadInput(f"{name} 其实是{word}", remedy=f"请把扩展名改为 {found} 后重试")


def _kind_of(head: bytes) -> tuple[str | None, str]:
    """The kind that the first bytes show, and its word; (None, "") where they show none."""
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return None, "是旧版 .xls 或已加密的工作簿"
    if head.startswith(b"PK\x05\x06"):
        return None, ""
    if head.startswith(b"PK\x03\x04"):
        first = head[30:90]  # the name of the first part, where the format has it
        office = first.startswith((b"[Content_Types].xml", b"_rels/", b"xl/", b"docProps/"))
        return (".xlsx", _WORKBOOK.word) if office else (".zip", KINDS[".zip"].word)
    for kind in (".gpkg", ".shp", ".parquet"):
        if head.startswith(KINDS[kind].magic):
            return kind, KINDS[kind].word
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{") and b'"type"' in head:
        return ".geojson", _GEOJSON.word
    return None, ""
