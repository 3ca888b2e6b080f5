"""What a run comes to, as columns: a row for every score and a row for every line of an account.

At a million enterprises there are some two million scores and ten million lines, so none of them is an object: what
is alike is told once and repeated. Frames of them are for whoever looks at a small city.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jobs.frames import Array
from jobs.json_columns import texts
from layers.schema import SCOPE
from riskmap.risk import Contribution

_BLOCK = 100_000
"""lines that are told in full at once"""
_NAMES = pa.dictionary(pa.int32(), pa.string())
_SCORES = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "code", *SCOPE)),
        *((name, pa.int64()) for name in ("score", "base")),
        *((name, pa.int16()) for name in ("level", "base_level", "rise_level", "grade")),
        *((name, pa.string()) for name in ("confidence", "facts")),
    ]
)
_LINES = pa.schema(
    [
        ("of", pa.int64()),
        ("n", pa.int32()),
        ("item", _NAMES),
        ("record", _NAMES),
        ("value", pa.int64()),
        ("args", pa.string()),
    ]
)
NO_SCORES, NO_LINES = _SCORES.empty_table(), _LINES.empty_table()
_OF_ACCOUNT = ("kind", "code", *SCOPE)


class Scored(NamedTuple):
    """Scores with their colours, now and without dynamic records, and the colours of what lies between."""

    score: Array
    base: Array
    level: Array
    base_level: Array
    rise_level: Array


@dataclass(frozen=True, slots=True)
class Results:
    """Scores, and the lines of their accounts: column `of` says which row of the scores a line belongs to."""

    scores: pa.Table
    lines: pa.Table

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several one after the other."""
        firsts = np.cumsum([0, *(part.scores.num_rows for part in parts)])
        moved = [
            part.lines.set_column(0, _LINES.field("of"), pc.add(part.lines["of"], int(first)))
            for part, first in zip(parts, firsts[:-1], strict=True)
        ]
        return cls(
            pa.concat_tables([NO_SCORES, *(part.scores for part in parts)]),
            pa.concat_tables([NO_LINES, *moved]),
        )

    def only(self, chosen: Array) -> "Results":
        """The chosen rows (bool, one for each) with their lines."""
        position = np.where(chosen, np.cumsum(chosen) - 1, -1)
        of = position[self.lines["of"].to_numpy()]
        lines = self.lines.set_column(0, _LINES.field("of"), pa.array(of, pa.int64()))
        return Results(self.scores.filter(pa.array(chosen)), lines.filter(pa.array(of >= 0)))


def score_rows(
    kind: str,
    frame: pd.DataFrame,
    scored: Scored | None,
    facts: pa.Array,
    grade: pa.Array | None = None,
    confidence: pa.Array | None = None,
) -> pa.Table:
    """The scores of things of one kind; `frame` has their code and scope, `facts` are JSON. Without a score: nobody."""
    count = len(frame)
    columns: dict[str, Any] = {"kind": pa.repeat(kind, count), "code": frame["code"]}
    columns |= {name: frame[name] for name in SCOPE if name in frame}
    columns |= {} if scored is None else scored._asdict()
    columns |= {"grade": grade, "confidence": confidence, "facts": facts}
    return pa.table(
        [_column(columns.get(field.name), field.type, count) for field in _SCORES], schema=_SCORES
    )


def _column(values: Any, kind: pa.DataType, count: int) -> pa.Array:
    return pa.nulls(count, kind) if values is None else pa.array(values, kind)


def line_rows(
    of: Array, n: Array, item: pa.Array, record: pa.Array, value: Array, args: pa.Array
) -> pa.Table:
    """Lines of accounts; `item` and `record` as dictionaries of few names, `n` counts the lines of an account."""
    columns = (of, n, item, record, value, args)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _LINES, strict=True)], schema=_LINES
    )


def named(names: Any, index: Array | None = None) -> pa.Array:
    """Names by their index (−1: none), or one for each line."""
    names = pa.array(names, pa.string())
    index = np.arange(len(names)) if index is None else index
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=index < 0), names)


def told_lines(accounts: Mapping[int, Sequence[Contribution]], first: Array) -> pa.Table:
    """Lines that are objects, by the row that they belong to; `first` is the number of each row's first line of them.

    Accounts may share one list: it is put into words once.
    """
    if not accounts:
        return NO_LINES
    lists = {id(lines): lines for lines in accounts.values()}
    position = {key: k for k, key in enumerate(lists)}
    which = np.array([position[id(lines)] for lines in accounts.values()], np.int64)
    told = [line for lines in lists.values() for line in lines]
    length = np.array([len(lines) for lines in lists.values()], np.int64)
    within = spread(length[which])
    lines = pa.array((np.cumsum(length) - length)[which].repeat(length[which]) + within)
    rows = np.fromiter(accounts, np.int64, len(accounts)).repeat(length[which])
    return line_rows(
        rows,
        first[rows] + within,
        pa.array([line.kind for line in told], pa.string()).dictionary_encode().take(lines),
        pa.array([line.record for line in told], pa.string()).dictionary_encode().take(lines),
        np.array([line.value for line in told], np.int64)[lines],
        texts(dict(line.args) for line in told).take(lines),
    )


def spread(lengths: Array) -> Array:
    """0, 1, 2 … for each of some lengths, one after the other."""
    begins = np.cumsum(lengths) - lengths
    counted: Array = np.arange(lengths.sum()) - begins.repeat(lengths)
    return counted


@dataclass(frozen=True)
class Assessment:
    """Results ready to be kept."""

    results: Results
    edition_hash: str

    def result_hash(self) -> str:
        """SHA-256 over kind, code, micro-points, level and grade of every score, after the edition's hash."""
        scores = self.results.scores
        columns = [
            scores[n].cast(pa.string()).fill_null("") for n in ("kind", "code", "score", "level", "grade")
        ]
        lines = pc.binary_join_element_wise(*columns, "\t").combine_chunks()
        ordered = lines.take(pc.array_sort_indices(lines.cast(pa.binary()))).to_pylist()
        content = "\n".join([self.edition_hash, *ordered]) + "\n"
        return hashlib.sha256(content.encode()).hexdigest()

    def level_counts(self) -> dict[str, dict[int | None, int]]:
        """How many things of each kind have each level, as `layers.risk.level_counts` tells it of the current ones."""
        counts: dict[str, dict[int | None, int]] = {}
        for row in self.results.scores.group_by(["kind", "level"]).aggregate([([], "count_all")]).to_pylist():
            counts.setdefault(row["kind"], {})[row["level"]] = row["count_all"]
        return counts

    def score_blocks(self) -> Iterator[pa.RecordBatch]:
        """The columns of `score` but rev, block by block."""
        yield from self.results.scores.to_batches(max_chunksize=_BLOCK)

    def contribution_blocks(self) -> Iterator[pa.RecordBatch]:
        """The columns of `contribution` but rev, block by block: each line with the scope of what it explains."""
        accounts = self.results.scores.select(_OF_ACCOUNT).combine_chunks()
        for block in self.results.lines.to_batches(max_chunksize=_BLOCK):
            owners = accounts.take(block["of"]).combine_chunks()
            columns = {name: owners[name].combine_chunks() for name in _OF_ACCOUNT}
            columns |= {name: block[name] for name in ("n", "value", "args")}
            columns |= {name: block[name].dictionary_decode() for name in ("item", "record")}
            yield pa.record_batch(columns)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row for every score."""
        return _frame(self.results.scores)

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """A row for every line."""
        blocks = list(self.contribution_blocks())
        names = ["kind", "code", "n", "item", "record", "value", "args", *SCOPE]
        return _frame(pa.Table.from_batches(blocks).select(names)) if blocks else pd.DataFrame(columns=names)


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(integer_object_nulls=True).astype(object)
    return frame.where(frame.notna(), None)


def assessment_of(parts: Iterable[pa.Table | Results], edition_hash: str) -> Assessment:
    """Scores with and without accounts, one after the other."""
    all_parts = [part if isinstance(part, Results) else Results(part, NO_LINES) for part in parts]
    return Assessment(Results.joined(all_parts), edition_hash)
