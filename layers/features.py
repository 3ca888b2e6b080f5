"""Tables from typed Arrow columns piece by piece: what the readers of databases and of Parquet have in common."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from layers.celltext import Unreadable, texts_of
from layers.pieces import Pieces
from layers.sheets import Limits, Table, Wish
from riskmap.errors import BadInput, TooLarge

_COLLECTION = 7
_HARMLESS_BYTES = 9_000
"""a shape within a shape takes nine bytes, and a thousand of them do no harm"""


def check_extent(name: str, rows: int, columns: int, limits: Limits) -> None:
    """TooLarge where the file states more rows or columns than may be."""
    if rows > limits.rows or columns > limits.columns or rows * columns > limits.cells:
        raise TooLarge(
            f"{name} 有 {rows:,} 行 {columns:,} 列，超过上限",
            remedy=f"请分成几个文件（至多 {limits.rows:,} 行、{limits.columns} 列、{limits.cells:,} 个单元格）",
        )


def check_doubled(name: str, headers: Sequence[str]) -> None:
    """BadInput where two columns have one name."""
    doubled = {header for header in headers if list(headers).count(header) > 1}
    if doubled:
        raise BadInput(f"{name} 的列名重复：{'、'.join(sorted(doubled))}", remedy="请删去或改名其中一列")


def table_of_batches(
    name: str, headers: Sequence[str], batches: Iterable[pa.RecordBatch], wish: Wish, shapes: str | None
) -> Table:
    """A table of the columns `headers` of all batches, rows numbered from 1; `shapes` names the column of WKB.

    BadInput for a column that cannot be text or is none, a doubled header, or no row; TooLarge beyond a limit.
    """
    check_doubled(name, headers)
    faults: dict[int, str] = {}
    count = 0
    with Pieces(name, wish.limits.unpacked_bytes, wish.scratch) as pieces:
        for batch in batches:
            count += batch.num_rows
            check_extent(name, count, len(headers), wish.limits)
            piece = [_texts(name, header, batch.column(header)) for header in headers]
            if shapes is not None:
                wkb = batch.column(shapes).cast(pa.binary())
                piece.append(_shallow(wkb, count - batch.num_rows, faults))
            pieces.add(piece)
        columns = pieces.columns()
    if count == 0:
        raise BadInput(f"{name} 没有数据行", remedy="请核对导出的文件")
    wkb = None if shapes is None else columns.pop()
    rows = np.arange(1, count + 1, dtype=np.int32)
    return Table(name, dict(zip(headers, columns, strict=True)), rows, wkb, faults)


def _shallow(wkb: pa.Array, before: int, faults: dict[int, str]) -> pa.Array:
    """The shapes without those that hold shapes within shapes without end, which would end whoever reads them later.

    They are read here, where that harms nobody. Short ones cannot hold enough of them.
    """
    long = np.flatnonzero(np.asarray(pc.greater(pc.binary_length(wkb), _HARMLESS_BYTES).fill_null(False)))
    if not len(long):
        return wkb
    shapes = shapely.from_wkb(
        np.array(wkb.take(pa.array(long)).to_pylist(), dtype=np.object_), on_invalid="ignore"
    )
    kinds = shapely.get_type_id(shapes)
    wrong = long[(kinds < 0) | (kinds == _COLLECTION)]
    faults.update((before + int(index), "几何无法读取，或是几何集合") for index in wrong)
    kept = np.ones(len(wkb), dtype=np.bool_)
    kept[wrong] = False
    return pc.if_else(pa.array(kept), wkb, pa.scalar(None, pa.binary()))


def _texts(name: str, header: str, column: pa.Array) -> pa.Array:
    try:
        column.validate(full=True)
        return texts_of(column)
    except Unreadable as error:
        raise BadInput(
            f"{name} 的列“{header}”是 {error} 类型，不能读作文字",
            remedy="请在导出前去掉该列，或改为文字、数字、日期",
        ) from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(
            f"{name} 的列“{header}”无法读取：{str(error)[:100]}", remedy="请在原来的程序中重新导出"
        ) from None
