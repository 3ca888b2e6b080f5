"""Reading one file into a table. Each kind of file has a module with `read(name, path, wish)`; here stands which.

What a large parser reads (workbooks, GeoPackages, shapefiles, archives, Parquet) and all large files are read in a
process apart (`layers.apart`), so that nothing in them can end this one or fill its memory.
"""

import json
import logging
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from layers import apart
from layers.handover import load_table, save_table
from layers.kinds import KINDS, check_head, kind_named
from layers.sheets import LIMITS, Limits, Table, Wish
from riskmap.errors import BadInput, RiskMapError, TooLarge

_SMALL = 2**20
"""up to so many bytes plain text is read here: starting a process would take longer"""
_TABLE, _ERROR = "table.arrow", "error.json"
_ERRORS: dict[str, type[RiskMapError]] = {"BadInput": BadInput, "TooLarge": TooLarge}
_LOG = logging.getLogger(__name__)


def read_table(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    known: frozenset[str] = frozenset(),
    limits: Limits = LIMITS,
) -> Table:
    """Read one file, by its suffix: .xlsx, .csv, .geojson, .json, .gpkg, .shp, .zip or .parquet.

    `sheet` is the sheet of a workbook or the layer of a GeoPackage, `known` are the headers by which a sheet's header
    row is found (`layers.headers.known_headers`). BadInput where the file is not there, not what
    its name says, or broken; TooLarge beyond a limit.
    """
    name = path.name.encode("utf-8", "replace").decode()
    kind = kind_named(name)
    size = _size(path, name)
    most = KINDS[kind].most_bytes(limits)
    if size > most:
        raise TooLarge(
            f"{name} 有 {size / 2**20:.0f} MB，超过 {most // 2**20} MB", remedy="请分成几个文件导入"
        )
    wish = Wish(sheet, encoding, limits, known)
    if KINDS[kind].is_text and size <= _SMALL:
        return read_kind(kind, name, path, wish)
    return _read_apart(kind, name, path, wish)


def read_kind(kind: str, name: str, path: Path, wish: Wish) -> Table:
    """Read a file of that kind in this process, whatever may be in it."""
    with path.open("rb") as file:
        check_head(kind, name, file.read(4096))
    table: Table = import_module(KINDS[kind].module).read(name, path, wish)
    return table


def _size(path: Path, name: str) -> int:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
    except OSError as error:
        raise BadInput(f"无法打开 {name}：{error.strerror}", remedy="请核对路径和权限") from None
    if size == 0:
        raise BadInput(f"{name} 是空文件", remedy="请核对导出的文件")
    return size


# --- in a process apart ----------------------------------------------------------------------------------


def _read_apart(kind: str, name: str, path: Path, wish: Wish) -> Table:
    with TemporaryDirectory(prefix="riskmap-read-") as place:
        folder = Path(place)
        arguments = {
            "kind": kind,
            "name": name,
            "path": str(path.absolute()),
            "wish": {
                "sheet": wish.sheet,
                "encoding": wish.encoding,
                "limits": asdict(wish.limits),
                "known": sorted(wish.known),
            },
            "folder": place,
        }
        modules = ("layers.files", KINDS[kind].module)
        end, said = apart.HELPER.run(modules, "read_into", arguments, folder)
        if said.strip():
            _LOG.info("reading %s: %s", name, said)
        if end is apart.End.DONE and (folder / _ERROR).exists():
            told = json.loads((folder / _ERROR).read_text("utf-8"))
            raise _ERRORS[told["class"]](told["detail"], remedy=told["remedy"])
        if end is apart.End.DONE:
            return load_table(folder / _TABLE)
    if end is apart.End.MEMORY:
        raise TooLarge(f"{name} 展开后超过读取的内存上限", remedy="请分成几个文件导入，或重新导出后重试")
    if end is apart.End.TIME:
        raise TooLarge(f"{name} 读取时间超过上限", remedy="请分成几个文件导入，或重新导出后重试")
    raise BadInput(f"{name} 无法读取，内容可能已损坏", remedy="请在原来的程序中打开并重新导出后重试")


def read_into(kind: str, name: str, path: str, wish: dict[str, Any], folder: str) -> None:
    """In the process apart: read the file, and leave the table or the error in the folder."""
    place = Path(folder)
    limits, known = Limits(**wish["limits"]), frozenset(wish["known"])
    wanted = Wish(wish["sheet"], wish["encoding"], limits, known, scratch=place)
    try:
        save_table(read_kind(kind, name, Path(path), wanted), place / _TABLE)
    except (BadInput, TooLarge) as error:
        told = {"class": type(error).__name__, "detail": error.detail, "remedy": error.remedy}
        (place / _ERROR).write_text(json.dumps(told), "utf-8")
