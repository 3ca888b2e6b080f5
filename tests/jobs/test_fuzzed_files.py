"""Damaged files of every format: each gives a table or a reason, whether read alone or imported; nothing else happens."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.imports import ImportReport, import_file
from layers.files import read_table
from layers.sheets import Table
from riskmap.errors import BadInput, Refused, TooLarge
from tests.every_format import WRITERS, points, polygons, records, write_shp
from tests.import_files import evening, rows

KINDS = [*WRITERS, ".shp"]
SOAK_ROUNDS, SOAK_IMPORTS = 2_000, 2_000

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings("ignore:.*ormalized/laundered field name.*:RuntimeWarning"),
]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The bytes with bits flipped, a piece cut, doubled, moved or overwritten, or the end missing."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        if not data:
            break
        start = rng.randrange(len(data))
        end = min(len(data), start + rng.choice((1, 4, 16, 200, 4000)))
        way = rng.randrange(6)
        if way == 0:
            data[start] ^= 1 << rng.randrange(8)
        elif way == 1:
            data[start:end] = rng.choice((b"\x00", b"\xff", b"<", b"\x80", b"9")) * (end - start)
        elif way == 2:
            del data[start:end]
        elif way == 3:
            place = rng.randrange(len(data))
            data[place:place] = data[start:end]
        elif way == 4:
            data[start:end] = rng.randbytes(end - start)
        elif rng.random() < 0.2:
            del data[start:]
    return bytes(data)


def damaged_files(folder: Path, suffix: str, count: int) -> Iterator[Path]:
    """Damaged files of a kind, one after the other in the same place; of a shapefile any of its files is."""
    for number, shapes in enumerate((points(40), polygons(40))):
        rng = random.Random(number)
        whole = folder / f"whole{number}{suffix}"
        write = {**WRITERS, ".shp": write_shp}[suffix]
        write(whole, records(40), shapes)
        parts = [whole.with_suffix(one) for one in (".shp", ".dbf", ".shx", ".prj", ".cpg")]
        parts = parts if suffix == ".shp" else [whole]
        contents = {part: part.read_bytes() for part in parts}
        for _ in range(count // 2):
            hit = rng.choice(parts)
            for part, content in contents.items():
                target = folder / f"damaged{part.suffix}"
                target.write_bytes(damaged(content, rng) if part == hit else content)
            yield folder / f"damaged{suffix}"


def tried(work: Callable[[], Any]) -> Any:
    """What the work gives, or the error a person would be told."""
    try:
        return work()
    except (BadInput, TooLarge, Refused) as error:
        return error


@pytest.mark.parametrize("suffix", KINDS)
def test_a_damaged_file_gives_a_table_or_a_reason(tmp_path: Path, suffix: str, *, soak: bool) -> None:
    outcomes: Counter[str] = Counter()
    for path in damaged_files(tmp_path, suffix, SOAK_ROUNDS if soak else 20):
        found = tried(partial(read_table, path))
        outcomes[type(found).__name__] += 1
        if isinstance(found, Table):
            assert all(len(column) == len(found.rows) for column in found.columns.values())
            assert found.wkb is None or len(found.wkb) == len(found.rows)
        else:
            assert "damaged" in found.detail
            assert found.remedy
    print(suffix, dict(outcomes))
    assert outcomes["BadInput"] > 0


@pytest.mark.parametrize("suffix", KINDS)
def test_a_damaged_file_is_never_half_imported(
    owner: Engine, tmp_path: Path, suffix: str, *, soak: bool
) -> None:
    before = rows(owner, "SELECT max(rev) FROM revision")
    outcomes: Counter[str] = Counter()
    for path in damaged_files(tmp_path, suffix, SOAK_IMPORTS if soak else 6):
        found = tried(partial(import_file, owner, "targets", path, dry_run=True, at=evening()))
        outcomes[type(found).__name__] += 1
        if isinstance(found, Refused):
            assert found.facts["report"]["rejected"]
        elif isinstance(found, ImportReport):
            assert found.rows_read > 0
        else:
            assert found.remedy
    print(suffix, dict(outcomes))
    assert rows(owner, "SELECT max(rev) FROM revision") == before
    assert rows(owner, "SELECT count(*) FROM target") == [(0,)]
