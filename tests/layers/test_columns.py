"""Columns read as a whole: what is plain throughout is read as text by text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import columns
from layers.columns import plain_column, read_column
from layers.fields import Field
from layers.parsing import Unreadable, reader_of
from layers.sheets import cells_of

FIELDS = {
    "code": Field("code", "编码", "Code", length=12),
    "text": Field("name", "名称", "Name", length=12),
    "int": Field("n", "数", "N", "int", low=0, high=500),
    "number": Field("x", "数", "X", "number", low=-10, high=1e6),
    "date": Field("d", "日", "D", "date"),
    "time": Field("t", "时", "T", "time"),
}
LIKELY: dict[str, st.SearchStrategy[str]] = {
    "code": st.text("AZaz09-_./ '#Ａ\u200b+E", max_size=14),
    "text": st.text("甲乙a1 （）·'\u3000\t-", max_size=14),
    "int": st.one_of(st.integers(-5, 600).map(str), st.text("0123456789.-+ ", max_size=12)),
    "number": st.one_of(st.floats(-20, 2e6).map(repr), st.text("0123456789.-+eE ", max_size=18)),
    "date": st.one_of(
        st.dates().map(str), st.text("0123456789-", min_size=10, max_size=10), st.just("2026-02-31")
    ),
    "time": st.one_of(
        st.datetimes().map(lambda at: at.isoformat(sep=" ")[:19] + "+08:00"),
        st.datetimes().map(lambda at: at.isoformat() + "Z"),
        st.just("2026-01-31T24:00:00Z"),
        st.just("2026-01-31T23:59:60Z"),
    ),
}


def one_by_one(field: Field, text: str) -> Any:
    return reader_of(field)(text, field)


@pytest.mark.parametrize("kind", FIELDS)
@given(data=st.data())
def test_a_plain_column_is_read_as_its_texts_are(kind: str, data: st.DataObject) -> None:
    field = FIELDS[kind]
    texts = data.draw(st.lists(LIKELY[kind].filter(bool), min_size=1, max_size=4))
    plain = plain_column(cells_of(texts), field)
    if plain is None:
        return
    assert plain.to_pylist() == [one_by_one(field, text) for text in texts]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("code", "914309000000000017"),
        ("code", "7664-41-7"),
        ("text", "沅江市第17有限责任公司（分厂）"[:12]),
        ("int", "17"),
        ("number", "-0.1"),
        ("number", "112.3612345678"),
        ("date", "2026-02-28"),
        ("time", "2026-02-28T08:00:00.123456+08:00"),
    ],
)
def test_usual_writings_are_plain(kind: str, text: str) -> None:
    field = FIELDS[kind]
    expected = one_by_one(FIELDS[kind] if kind != "code" else Field("code", "", "", length=64), text)
    plain = plain_column(
        cells_of([text, None]), field if kind != "code" else Field("code", "", "", length=64)
    )
    assert plain is not None
    assert plain.to_pylist() == [expected, None]


@pytest.mark.parametrize("few", [0, 10**6])
def test_faults_are_found_either_way(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(columns, "_FEW", few)
    values, wrong = read_column(cells_of(["1", None, "501", "x", "007", " "]), FIELDS["int"], 5)
    assert values.to_pylist() == [1, 5, None, None, 7, 5]
    assert {index: fault.reason for index, fault in wrong.items()} == {2: "大于上限 500", 3: "不是数字"}
    required = Field("n", "数", "N", "int", required=True)
    values, wrong = read_column(cells_of(["1", None]), required)
    assert values.to_pylist() == [1, None]
    assert isinstance(wrong[1], Unreadable)
