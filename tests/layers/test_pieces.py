"""Columns that come piece by piece are what they would be at once, in a file or not."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.pieces import Pieces
from riskmap.errors import TooLarge

CELLS = st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)))
MOST_BYTES = 1_000


def columns_of(parts: Iterable[Sequence[pa.Array]], folder: Path | None = None) -> list[pa.Array]:
    with Pieces("名册", MOST_BYTES, folder) as pieces:
        for part in parts:
            pieces.add(part)
        return pieces.columns()


@given(st.lists(CELLS, min_size=1, max_size=4), st.integers(0, 2))
def test_the_whole_is_its_pieces(texts: list[list[str | None]], cut: int) -> None:
    """Also of pieces that begin within a larger array."""
    text, wkb = columns_of(
        (pa.array([*["外"] * cut, *part], pa.string()).slice(cut), pa.array([b"\0"] * len(part), pa.binary()))
        for part in texts
    )
    text.validate(full=True)
    wkb.validate(full=True)
    together = [one for part in texts for one in part]
    assert text.to_pylist() == together
    assert text.null_count == together.count(None)
    assert wkb.to_pylist() == [b"\0"] * len(together)


def test_pieces_leave_no_file_behind_and_are_bounded(tmp_path: Path) -> None:
    (column,) = columns_of([[pa.array(["x" * 600])], [pa.array(["y" * 400])]], tmp_path)
    assert [len(text) for text in column.to_pylist()] == [600, 400]
    with pytest.raises(TooLarge, match="名册 展开后超过"):
        columns_of([[pa.array(["x" * 600])], [pa.array(["y" * 401])]], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_columns_of_nothing() -> None:
    part = [pa.nulls(3, pa.string()), pa.array([], pa.string())]
    assert [column.to_pylist() for column in columns_of([part, part])] == [[None] * 6, []]
