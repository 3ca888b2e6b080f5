"""Zip archives: exactly one table in them, a shapefile with its companions or one file of another kind.

What is read is unpacked into the folder of the process apart under names of our own, so no name in an archive can
place a file anywhere. Names that are not UTF-8 are GBK, as Chinese Windows writes them.
"""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from layers.files import read_kind
from layers.kinds import BROKEN_ZIP, KINDS
from layers.shapefile import COMPANIONS
from layers.sheets import Limits, Table, Wish
from riskmap.errors import BadInput, TooLarge

_ENTRIES = 2_000
_RATIO, _SUSPECT_BYTES = 250, 16 * 2**20
"""a part this large that shrank this much is no table"""
_ARCHIVES = {".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz"}
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1


def read(name: str, path: Path, wish: Wish) -> Table:
    """The one table of an archive; BadInput where there is none, more than one, or something that has no place in it."""
    try:
        with zipfile.ZipFile(path) as packed:
            entries = _entries(name, packed, wish.limits)
            chosen = _chosen(name, entries)
            assert wish.scratch is not None
            kind = chosen.suffix.lower()
            left = wish.limits.unpacked_bytes
            for entry, part in entries.items():
                if entry == chosen or (kind == ".shp" and _goes_with(entry, chosen)):
                    target = wish.scratch / f"unpacked{entry.suffix.lower()}"
                    left -= _unpack(name, packed, part, target, left)
    except BROKEN_ZIP:
        raise BadInput(f"{name} 不是有效的 .zip 压缩包", remedy="请重新压缩") from None
    target = wish.scratch / f"unpacked{kind}"
    most = KINDS[kind].most_bytes(wish.limits)
    if target.stat().st_size > most:
        raise TooLarge(f"{name}［{chosen.name}］超过 {most // 2**20} MB", remedy="请分成几个文件导入")
    return read_kind(kind, f"{name}［{chosen.name}］", target, wish)


def _entries(name: str, packed: zipfile.ZipFile, limits: Limits) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files in it by their path, without what systems put in unasked."""
    parts = packed.infolist()
    if len(parts) > _ENTRIES:
        raise TooLarge(f"{name} 里有 {len(parts):,} 个文件", remedy="请只压缩要导入的文件")
    entries: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for part in parts:
        entry = PurePosixPath(_name_of(part).replace("\\", "/"))
        if part.is_dir() or entry.parts[:1] == ("__MACOSX",) or entry.name.startswith("."):
            continue
        if entry.is_absolute() or ".." in entry.parts or ":" in str(entry):
            raise BadInput(f"{name} 里有指向别处的路径", remedy="请重新压缩，只放要导入的文件")
        if stat.S_ISLNK(part.external_attr >> 16):
            raise BadInput(f"{name} 里有符号链接 {entry.name}", remedy="请放入文件本身后重新压缩")
        if part.flag_bits & _ENCRYPTED:
            raise BadInput(f"{name} 已加密", remedy="请去掉密码后重新压缩")
        if entry.suffix.lower() in _ARCHIVES:
            raise BadInput(f"{name} 里还有压缩包 {entry.name}", remedy="请解开后只压缩一层")
        if part.file_size > _SUSPECT_BYTES and part.file_size > _RATIO * part.compress_size:
            raise TooLarge(f"{name} 里的 {entry.name} 压缩比异常", remedy="请核对文件；确需导入时请先解压")
        entries[entry] = part
    if sum(part.file_size for part in entries.values()) > limits.unpacked_bytes:
        raise TooLarge(f"{name} 解压后超过 {limits.unpacked_bytes // 2**20} MB", remedy="请分成几个文件导入")
    return entries


def _name_of(part: zipfile.ZipInfo) -> str:
    if part.flag_bits & _UTF8_NAME:
        return part.filename
    try:
        content = part.filename.encode("cp437")
    except UnicodeEncodeError:
        return part.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return part.filename


def _chosen(name: str, entries: dict[PurePosixPath, zipfile.ZipInfo]) -> PurePosixPath:
    tables = [entry for entry in entries if entry.suffix.lower() in KINDS]
    if not tables:
        raise BadInput(f"{name} 里没有可以导入的文件", remedy="请放入一个 shapefile、表格或 GeoPackage")
    if len(tables) > 1:
        raise BadInput(
            f"{name} 里有 {len(tables)} 个可以导入的文件",
            remedy=f"请只留一个：{'、'.join(entry.name for entry in tables)[:300]}",
        )
    return tables[0]


def _goes_with(entry: PurePosixPath, chosen: PurePosixPath) -> bool:
    """Whether it is a companion of the chosen shapefile."""
    return (
        entry.parent == chosen.parent
        and entry.stem.casefold() == chosen.stem.casefold()
        and entry.suffix.lower() in COMPANIONS
    )


def _unpack(name: str, packed: zipfile.ZipFile, part: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Unpack one part, no more of it than it says and than may be; its size."""
    if part.file_size > most:
        raise TooLarge(f"{name} 解压后过大", remedy="请分成几个文件导入")
    with packed.open(part) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 2**20)  # a part ends at the size it states
    return part.file_size
