"""Frames of records as arrays: rows by the names of their columns, positions of codes."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]


def index_of(codes: Iterable[Any], known: Array) -> Array:
    """Position of each code among the known ones in order; −1 for none."""
    given = np.array(["" if code is None else code for code in codes], object)
    if not len(known):
        return np.full(len(given), -1, np.int64)
    at = np.searchsorted(known.astype(str), given.astype(str))
    at[at == len(known)] = 0
    return np.where(known[at] == given, at, -1).astype(np.int64)


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame by the names of its columns."""
    return frame.itertuples(index=False)
