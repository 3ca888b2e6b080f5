"""GeoPackages, and for `layers.shapefile` whatever else GDAL reads feature by feature."""

from pathlib import Path

import pyarrow.compute as pc
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import open_arrow

from layers.celltext import Cells
from layers.features import check_doubled, check_extent, table_of_batches
from layers.sheets import Table, Wish
from layers.systems import note_system
from riskmap.errors import BadInput

_BATCH = 20_000


def read(name: str, path: Path, wish: Wish) -> Table:
    """The features of a GeoPackage's layer: the named one, else its only one."""
    try:
        layers = [str(layer) for layer, _ in pyogrio.list_layers(path)]
    except DataSourceError:
        raise BadInput(f"{name} 不是有效的 GeoPackage", remedy="请在原来的程序中重新导出") from None
    if wish.sheet is not None and wish.sheet not in layers:
        raise BadInput(f"{name} 没有图层“{wish.sheet}”", remedy=f"现有：{'、'.join(layers)[:300]}")
    if wish.sheet is None and len(layers) != 1:
        raise BadInput(
            f"{name} 有 {len(layers)} 个图层", remedy=f"请用 --sheet 写明一个：{'、'.join(layers)[:300]}"
        )
    return read_features(name, path, wish, layer=wish.sheet or layers[0], driver="GPKG")


def read_features(
    name: str, path: Path, wish: Wish, *, layer: str | None, driver: str, encoding: str | None = None
) -> Table:
    """All features of one layer, with the reference system the file names.

    Columns of binary data are left out, and told. BadInput where GDAL cannot read it with that driver.
    """
    try:
        info = pyogrio.read_info(path, layer=layer, encoding=encoding, force_feature_count=True)
        if info["driver"] != driver:
            raise BadInput(f"{name} 不是有效的 {driver}", remedy="请在原来的程序中重新导出")
        check_doubled(name, info["fields"].tolist())
        kinds = dict(zip(info["fields"].tolist(), info["ogr_types"], strict=True))
        headers = [header for header, kind in kinds.items() if kind != "OFTBinary"]
        check_extent(name, info["features"], len(headers), wish.limits)
        with open_arrow(
            path,
            layer=layer,
            encoding=encoding,
            columns=headers,
            use_pyarrow=True,
            batch_size=_BATCH,
            datetime_as_string=True,
        ) as (meta, batches):
            shapes = (meta["geometry_name"] or "wkb_geometry") if meta["geometry_type"] else None
            table = table_of_batches(name, headers, batches, wish, shapes)
    except (DataLayerError, DataSourceError, OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{name} 无法读取：{str(error)[:100]}", remedy="请在原来的程序中打开并重新导出"
        ) from None
    for header, kind in kinds.items():
        if kind == "OFTDateTime":
            table.columns[header] = _instants(table.columns[header])
        elif kind == "OFTBinary":
            table.notes.append(f"列“{header}”是二进制数据，没有读取")
    note_system(table, info["crs"])
    return table


def _instants(texts: Cells) -> Cells:
    """GDAL's way of writing date and time turned into that of all other files."""
    for written, ours in (
        (r"T", " "),
        (r"\.0+($|[+Z-])", r"\1"),
        (r"(\.[0-9]{3})($|[+Z-])", r"\1000\2"),
        (r"Z$", "+00:00"),
        (r" 00:00:00$", ""),
    ):
        texts = pc.replace_substring_regex(texts, written, ours)
    return texts
