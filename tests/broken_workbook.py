"""A township's roster of 1,000 enterprises as people make it, with faults planted at places that a seed chooses.

Title, a line of who filled it in, a header over two rows with merged cells, a serial column, a remark column; in it
37 faulty rows of 12 kinds. A few of them have a second fault behind the first, which is only found once the first is
mended. What was planted stays here: `Planted` is the answer that a test compares the report with, and what stood in a
cell before is given back cell by cell, as a clerk looks it up in his files.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl

ROWS, FAULTS, KINDS, DOUBLE = 1_000, 37, 12, 4
FIRST = 5
"""the sheet's row of the first enterprise: two rows of title and two of header stand above"""
_COLUMNS = {
    "code": "B",
    "name": "C",
    "opened_on": "D",
    "workers": "E",
    "lon": "F",
    "lat": "G",
    "legal_representative": "H",
}

KIND: dict[str, tuple[str, str]] = {
    "no_code": ("code", "必填"),
    "scientific_code": ("code", "科学计数"),
    "no_name": ("name", "必填"),
    "error_value": ("name", "错误值"),
    "long_name": ("name", "超过 200 个字"),
    "no_such_day": ("opened_on", "没有这一天"),
    "no_date": ("opened_on", "不是日期"),
    "words": ("workers", "不是数字"),
    "negative": ("workers", "不能为负"),
    "absurd": ("workers", "大于上限"),
    "half": ("workers", "须为整数"),
    "formula": ("workers", "没有保存计算结果"),
    "no_number": ("lon", "坐标不是数字"),
    "no_lat": ("lat", "经度和纬度缺一个"),
    "off_the_globe": ("lon", "不在地球上"),
    "doubled_code": ("code", "编码重复"),
}
"""kind of fault → the field it is told of and what its reason says; of two in one row the one written first here wins"""
_ORDER = list(KIND)


@dataclass
class Planted:
    """What is wrong: by row of the sheet the kind that is to be told, and the kind behind it."""

    told: dict[int, str] = field(default_factory=dict)
    behind: dict[int, str] = field(default_factory=dict)
    right: list[dict[str, Any]] = field(default_factory=list)

    def truth(self, row: int, name: str) -> Any:
        """What should stand in a cell."""
        return self.right[row - FIRST][name]


def _enterprise(number: int, chance: random.Random) -> dict[str, Any]:
    trade = chance.choice(("化工", "气体", "加油站", "冷链物流", "建材", "烟花爆竹", "水产加工"))
    founded = date(2001, 1, 1) + timedelta(days=chance.randrange(9_000))
    return {
        "code": f"91430981MA4T{number:06d}",
        "name": f"沅江市第{number + 1}{trade}有限公司",
        "opened_on": chance.choice((founded, founded.isoformat(), f"{founded:%Y年%m月%d日}")),
        "workers": chance.choice((chance.randrange(1, 400), str(chance.randrange(1, 99)), "１２")),
        "lon": round(112.30 + chance.random() / 10, 6),
        "lat": round(28.80 + chance.random() / 10, 6),
        "legal_representative": f"{chance.choice('赵钱孙李周吴郑王')}某",
    }


def _wrong(kind: str, chance: random.Random, others: list[str]) -> Any:
    """What stands in the cell instead."""
    return {
        "no_code": None,
        "scientific_code": "9.1430981E+17",
        "no_name": chance.choice((None, "  ")),
        "error_value": chance.choice(("#REF!", "#N/A")),
        "long_name": "沅江" * 150,
        "no_such_day": chance.choice(("2025-02-30", "2023年2月29日")),
        "no_date": chance.choice(("去年五月", "45658天", "05/2019")),
        "words": chance.choice(("约二十人", "20人左右")),
        "negative": -chance.randrange(1, 50),
        "absurd": 10 ** chance.randrange(7, 12),
        "half": 12.5,
        "formula": "=SUM(1,2)",
        "no_number": chance.choice(("东经112度", "待测")),
        "no_lat": None,
        "off_the_globe": chance.choice((1112.35, -1123.5)),
        "doubled_code": chance.choice(others),
    }[kind]


def build(path: Path, seed: int) -> Planted:
    """Write the workbook; what was planted."""
    chance = random.Random(seed)
    planted = Planted(right=[_enterprise(number, chance) for number in range(ROWS)])
    kinds = sorted(chance.sample(_ORDER, KINDS), key=_ORDER.index)
    drawn = kinds + chance.choices(kinds, k=FAULTS - KINDS)
    # A doubled code is the later row's fault, so the first rows stay whole for it to point at.
    rows = chance.sample(range(FIRST + 20, FIRST + ROWS), FAULTS)
    planted.told = dict(zip(rows, drawn, strict=True))
    for row in chance.sample(rows, FAULTS):
        if len(planted.behind) < DOUBLE:
            mine = KIND[planted.told[row]][0]
            later = [kind for kind in kinds[kinds.index(planted.told[row]) + 1 :] if KIND[kind][0] != mine]
            if later:
                planted.behind[row] = chance.choice(later)
    sheet_rows = [dict(record) for record in planted.right]
    whole = [planted.right[number]["code"] for number in range(20)]
    for faults in (planted.behind, planted.told):
        for row, kind in faults.items():
            sheet_rows[row - FIRST][KIND[kind][0]] = _wrong(kind, chance, whole)
    _write(path, sheet_rows)
    return planted


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["沅江市危险化学品及相关企业名录（2026年）"])
    sheet.append(["填报单位：某镇应急办", None, None, None, None, "填报日期：2026-11-01"])
    sheet.append(
        ["序号", "统一社会\n信用代码", "单位名称", "成立日期", "从业人数（人）", "坐标", None, "法人", "备注"]
    )
    sheet.append([None, None, None, None, None, "东经", "北纬"])
    for cells in ("A1:I1", "F3:G3", *(f"{letter}3:{letter}4" for letter in "ABCDEHI")):
        sheet.merge_cells(cells)
    for number, record in enumerate(records):
        sheet.append([number + 1, *(record[name] for name in _COLUMNS), None])
    book.save(path)


def correct(path: Path, planted: Planted, told: list[tuple[int, str]]) -> None:
    """What a clerk does with a report: look up each row and field that it names and write what is right."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    for row, name in told:
        sheet[f"{_COLUMNS[name]}{row}"] = planted.truth(row, name)
    book.save(path)
