"""What reading a large file takes: under 1 GiB for the program and its process apart together."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests.every_format import points, records, write_xlsx
from tests.memory import GIBIBYTE_KIB, measured

pytestmark = pytest.mark.soak

SIZES = {True: 1_000_000, False: 50_000}

PROGRAM = """
from layers.files import read_table
from riskmap.errors import TooLarge
try:
    told = len(read_table(Path(sys.argv[1])).rows)
except TooLarge as error:
    told = error.detail
print(json.dumps([told, kib("VmHWM"), most_apart_kib()]))
"""


def columns(count: int) -> pa.Table:
    """Twelve columns of text, numbers, days and gaps."""
    few = pa.table(records(1_000))
    repeated = pa.concat_tables([few] * (count // 1_000))
    doubled = {f"{name}_{number}": repeated[name] for number in (1, 2) for name in few.column_names}
    return pa.table({name: doubled[name] for name in list(doubled)[:12]})


def write_big_csv(path: Path, count: int) -> None:
    csv.write_csv(columns(count), path)


def write_big_parquet(path: Path, count: int) -> None:
    parquet.write_table(columns(count), path, row_group_size=count)


def write_big_workbook(path: Path, count: int) -> None:
    """A tenth of the rows: openpyxl writes slowly."""
    write_xlsx(path, records(count // 10), points(count // 10))


@pytest.mark.parametrize(
    ("suffix", "write", "share"),
    [(".csv", write_big_csv, 1), (".parquet", write_big_parquet, 1), (".xlsx", write_big_workbook, 10)],
)
def test_a_large_file_stays_under_a_gibibyte(
    tmp_path: Path, suffix: str, write: Callable[[Path, int], None], share: int, *, soak: bool
) -> None:
    path = tmp_path / f"a{suffix}"
    write(path, SIZES[soak])
    told, own_kib, apart_kib = measured(PROGRAM, str(path))
    print(suffix, path.stat().st_size, told, own_kib, apart_kib)
    assert told == SIZES[soak] // share
    assert own_kib + apart_kib < GIBIBYTE_KIB
