"""Columns that come piece by piece: in memory the pieces and the whole would together take twice what they hold.

The bytes of a column are put one behind the other in a file without a name, and the whole column lies in its pages,
which the system can take away and bring back.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.errors import TooLarge


class Pieces:
    """Columns of text or bytes of one table, whose first piece says how many they are."""

    def __init__(self, name: str, most_bytes: int, folder: Path | None) -> None:
        self._name, self._most_bytes, self._folder = name, most_bytes, folder
        self._only: list[pa.Array] | None = None
        self._columns: list[_Column] = []
        self._files = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()  # columns that were made stay: they have the pages

    def add(self, pieces: Sequence[pa.Array]) -> None:
        """The next piece of every column; TooLarge where they come to more than may be."""
        if self._only is None and not self._columns:
            self._only = list(pieces)  # most tables are one piece and need no file
            return
        if self._only is not None:
            first, self._only = self._only, None
            self._columns = [_Column(piece.type, self._file()) for piece in first]
            self._write(first)
        self._write(pieces)

    def _write(self, pieces: Sequence[pa.Array]) -> None:
        for column, piece in zip(self._columns, pieces, strict=True):
            column.write(piece)
        if sum(column.size for column in self._columns) > self._most_bytes:
            raise TooLarge(
                f"{self._name} 展开后超过 {self._most_bytes // 2**20} MB", remedy="请分成几个文件导入"
            )

    def _file(self) -> IO[bytes]:
        return self._files.enter_context(TemporaryFile(dir=self._folder))

    def columns(self) -> list[pa.Array]:
        """The whole columns."""
        return self._only or [column.whole() for column in self._columns]


class _Column:
    """One column on its way into a file."""

    def __init__(self, kind: pa.DataType, file: IO[bytes]) -> None:
        self.size = 0
        self._kind, self._file = kind, file
        self._ends = [np.zeros(1, np.int32)]
        self._given: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]

    def write(self, piece: pa.Array) -> None:
        """Put a piece behind the others."""
        _, offsets, content = piece.buffers()
        if len(piece) == 0:
            return
        ends = np.frombuffer(offsets, np.int32, len(piece) + 1, piece.offset * 4)
        if content is not None:
            self._file.write(memoryview(content)[ends[0] : ends[-1]])
        self._ends.append(ends[1:] - ends[0] + np.int32(self.size))
        self._given.append(np.asarray(piece.is_valid()))
        self.size += int(ends[-1] - ends[0])

    def whole(self) -> pa.Array:
        """The column, lying in the file's pages."""
        self._file.flush()
        content = mmap(self._file.fileno(), 0, access=ACCESS_READ) if self.size else b""
        _, given = pa.array(np.concatenate(self._given)).buffers()
        ends = np.concatenate(self._ends)
        self._given.clear()
        self._ends.clear()
        return pa.Array.from_buffers(
            self._kind, len(ends) - 1, [given, pa.py_buffer(ends), pa.py_buffer(content)]
        )
