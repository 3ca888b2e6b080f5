"""A table as an Arrow file: how the process that read it hands it over, without a copy through either's memory."""

import json
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from mmap import ACCESS_READ, MADV_DONTNEED, mmap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from layers.header_rows import Header
from layers.parsing import Unreadable
from layers.sheets import Table
from riskmap.errors import BadInput

_NO_FACTS = {"columns", "rows", "wkb", "put_down"}
_FACTS = b"riskmap"
_BLOCK = 20_000
"""rows that are looked through at once"""


def save_table(table: Table, path: Path) -> None:
    """Write the table as one record batch; its columns are taken out of it, as memory for both may be missing."""
    headers = list(table.columns)
    names = [f"c{number}" for number in range(len(headers))]
    arrays = [table.columns.pop(header) for header in headers]
    arrays.append(pa.array(table.rows))
    names.append("rows")
    if table.wkb is not None:
        arrays.append(table.wkb)
        names.append("wkb")
    facts = {f.name: _plain(getattr(table, f.name)) for f in fields(Table) if f.name not in _NO_FACTS}
    batch = pa.record_batch(arrays, names)
    schema = batch.schema.with_metadata({_FACTS: json.dumps({"headers": headers, "facts": facts}).encode()})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))


def load_table(path: Path) -> Table:
    """The table of such a file, lying in the file's pages; the file may be removed meanwhile.

    It comes from a process that read something hostile: nothing in it is trusted. BadInput where it is broken.
    """
    try:
        with path.open("rb") as file:
            pages = mmap(file.fileno(), 0, access=ACCESS_READ)
        with pa.ipc.open_file(pa.py_buffer(pages)) as reader:
            batch = reader.get_batch(0)
        put_down = partial(pages.madvise, MADV_DONTNEED)
        _validate(batch, put_down)
        told = json.loads(batch.schema.metadata[_FACTS])
        columns = {header: batch.column(f"c{number}") for number, header in enumerate(told["headers"])}
        if any(column.type != pa.string() for column in columns.values()):
            raise TypeError(batch.schema)
        table = Table("", columns, np.asarray(batch.column("rows")).astype(np.int32, copy=False))
        table.put_down = put_down
        if "wkb" in batch.schema.names:
            table.wkb = batch.column("wkb").cast(pa.binary())
        for name, value in told["facts"].items():
            setattr(table, name, _whole(value))
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput("读取结果已损坏", remedy="请重试") from error
    return table


def _validate(batch: pa.RecordBatch, put_down: Callable[[], None]) -> None:
    """Look through all values piece by piece, so that the file is never in memory as a whole; ValueError where one is wrong."""
    batch.validate()
    for column in batch.columns:
        nulls = 0
        for start in range(0, len(column), _BLOCK):
            part = column.slice(start, _BLOCK)
            part.validate(full=True)
            nulls += part.null_count
            put_down()
        if nulls != column.null_count:  # of a part it is counted anew
            raise ValueError(batch.schema)


def _plain(value: Any) -> Any:
    """JSON has no numbers as keys and knows no classes: a dict becomes the list of its pairs, the two of ours their parts."""
    if isinstance(value, dict):
        return {"pairs": [[key, _plain(one)] for key, one in value.items()]}
    if isinstance(value, Header):
        return {"header": [value.text, value.sub, value.letters]}
    return {"unreadable": [value.reason, value.remedy]} if isinstance(value, Unreadable) else value


def _whole(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, parts),) = value.items()
    if kind == "pairs":
        return {key: _whole(one) for key, one in parts}
    return {"header": Header, "unreadable": Unreadable}[kind](*parts)
