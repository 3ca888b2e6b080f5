"""Shapefiles: a .shp beside its .dbf and .shx, whose texts are in no stated encoding more often than not.

GDAL reads them as Latin-1, which keeps every byte; the encoding is found afterwards: the declared one, that of the
.cpg, that of the .dbf's header if it names a Chinese one, else UTF-8 or GB 18030, the first in which all is text.
A field's name has 10 bytes, so longer ones are cut, in GBK perhaps within a character.
"""

import codecs
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from layers.celltext import Cells
from layers.sheets import Table, Wish, cells_of
from layers.spatial import read_features
from riskmap.errors import BadInput, TooLarge

COMPANIONS = (".shp", ".dbf", ".shx", ".prj", ".cpg")
_NEEDED = {".dbf", ".shx"}
_BYTES = "latin-1"
_NAME_BYTES = 10
_SHORTEST_CUT = 8
"""bytes of a name that was cut before a character of three"""
_CODE_PAGES = {0x4D: "gb18030", 0x4E: "cp949", 0x4F: "big5", 0x7A: "gb18030", 0x13: "cp932", 0x7B: "cp932"}
"""by the language byte of the header; Western ones are ignored, programs write them unasked"""


def read(name: str, path: Path, wish: Wish) -> Table:
    """The features of a shapefile; BadInput where a needed file is not beside it or the texts are in no known encoding."""
    beside = _companions(path)
    missing = sorted(_NEEDED - beside.keys())
    if missing:
        raise BadInput(
            f"{name} 旁边没有同名的 {' '.join(missing)} 文件",
            remedy="请把 .shp .dbf .shx .prj 放在同一文件夹，或一起打包成 .zip 导入",
        )
    for companion in beside.values():
        if companion.stat().st_size > wish.limits.file_bytes:
            raise TooLarge(f"{name} 的 {companion.suffix} 过大", remedy="请分成几个文件导入")
    table = read_features(name, path, wish, layer=None, driver="ESRI Shapefile", encoding="ISO-8859-1")
    with beside[".dbf"].open("rb") as file:
        header = file.read(32)
    stated = (
        wish.encoding or _code_page(beside.get(".cpg")) or _CODE_PAGES.get(header[29] if header[29:] else 0)
    )
    _decode(table, [stated] if stated else ["utf-8", "gb18030"])
    return table


def _companions(path: Path) -> dict[str, Path]:
    """The files of the same name, by suffix, whatever its case."""
    stem = path.stem.casefold()
    return {
        other.suffix.lower(): other
        for other in path.parent.iterdir()
        if other.stem.casefold() == stem and other.suffix.lower() in COMPANIONS
    }


def _code_page(path: Path | None) -> str | None:
    """The encoding a .cpg names, None where it names none that is known."""
    if path is None:
        return None
    with path.open("rb") as file:
        written = file.read(40).decode("ascii", "ignore").strip().lower()
    number = written.removeprefix("ansi").removeprefix("cp").strip(" _-")
    if written in {"gbk", "gb2312", "gb18030"} or number in {"936", "54936"}:
        return "gb18030"
    for candidate in (written, f"cp{number}"):
        with suppress(LookupError, ValueError):
            return codecs.lookup(candidate).name
    return None


def _decode(table: Table, encodings: list[str]) -> None:
    """Turn headers and cells, which hold bytes, into text."""
    for encoding in encodings:
        try:
            headers = {header: _decoded(header, encoding, _NAME_BYTES) for header in table.columns}
            cells = [_decoded_cells(column, encoding) for column in table.columns.values()]
        except LookupError:
            raise BadInput(f"未知的文本编码 {encoding}", remedy="请写 utf-8 或 gbk") from None
        except UnicodeDecodeError:
            continue
        if len(set(headers.values())) < len(headers):
            raise BadInput(f"{table.name} 的列名在 10 个字节处截断后重复", remedy="请在导出前缩短列名")
        table.cut = [text for bare, text in headers.items() if len(bare) >= _SHORTEST_CUT]
        table.columns = dict(zip(headers.values(), cells, strict=True))
        return
    raise BadInput(
        f"{table.name} 的文字不是 {' 或 '.join(encodings)} 编码", remedy="请用 --encoding 写明编码，如 gbk"
    )


def _decoded_cells(column: Cells, encoding: str) -> Cells:
    if pc.all(pc.string_is_ascii(column), min_count=0).as_py():
        return column
    kinds = column.dictionary_encode()
    widest = pc.max(pc.utf8_length(column)).as_py()
    texts = cells_of(_decoded(text, encoding, widest) for text in kinds.dictionary.to_pylist())
    return texts.take(kinds.indices) if isinstance(kinds, pa.DictionaryArray) else texts


def _decoded(text: str, encoding: str, width: int) -> str:
    """The text of the bytes; a last character that was cut where the field ends is left out."""
    content = text.encode(_BYTES)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if len(content) >= width and error.end == len(content) and error.start > 0:
            return content[: error.start].decode(encoding)
        raise
