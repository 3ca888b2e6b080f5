"""Frames of records as arrays: rows by the names of their columns, positions of codes."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]


def index_of(codes: Iterable[Any], known: Array) -> Array:
    """Position of each code among the known ones, all different; −1 for none."""
    return pd.Index(known, dtype=object).get_indexer(pd.Index(codes, dtype=object)).astype(np.int64)


def values_at(values: Iterable[Any], at: Array) -> Array:
    """The values at these positions as objects; None for −1."""
    found: Array = np.array([*values, None], object)[at]
    return found


def grouped(group: Array, count: int) -> tuple[Array, Array]:
    """Positions by group (−1: in none) and in their order, and where each of `count` groups begins, the end behind."""
    order = np.argsort(group, kind="stable")[np.count_nonzero(group < 0) :]
    return order, np.searchsorted(group[order], np.arange(count + 1))


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame by the names of its columns."""
    return frame.itertuples(index=False)


def as_objects(values: Iterable[Any]) -> Array:
    """Values of any kind, tuples among them, as a column of objects."""
    return pd.Series(list(values), dtype=object).to_numpy(object, copy=True)


def with_rows(frame: pd.DataFrame, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A frame of objects with further rows behind it, whatever of them the frame has columns for; None for the rest."""
    columns = {}
    for name in frame.columns:
        column = np.empty(len(frame) + len(rows), object)
        column[: len(frame)] = frame[name].to_numpy(object)
        for n, row in enumerate(rows, start=len(frame)):
            column[n] = row.get(name)
        columns[name] = column
    return pd.DataFrame(columns, dtype=object)
