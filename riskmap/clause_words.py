"""Clauses on English pages: what laws and standards are called, how a place in them is cited, and what they ask.

The Chinese clause is what counts; the English says which one it is. What has no English here stays as it is written.
"""

import csv
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_TITLES = {
    "危险化学品重大危险源监督管理暂行规定（40号令）": "Interim Provisions on Major Hazard Sources (SAWS order 40)",
    "危险化学品安全管理条例": "Regulations on the Safety Management of Hazardous Chemicals",
    "公路安全保护条例": "Regulations on Highway Safety Protection",
    "铁路安全管理条例": "Regulations on Railway Safety Management",
    "石油天然气管道保护法": "Oil and Natural Gas Pipeline Protection Law",
    "长江保护法": "Yangtze River Protection Law",
    "水污染防治法": "Water Pollution Prevention and Control Law",
    "消防法": "Fire Protection Law",
    "安全生产法": "Work Safety Law",
    "烟花爆竹经营许可实施办法": "Measures for Licensing the Trade in Fireworks",
    "沅江市方案（2019）": "Plan of Yuanjiang City (2019), ",
    "本系统数据权限规则": "rules of rights of this system",
    "本系统建议值": "proposed by this system",
    "住宅及相应服务设施": "dwellings and their services",
    "其他非危险化学品工业企业": "other industry without hazardous chemicals",
    "商业、餐饮等综合商业服务": "shops, restaurants and other services",
    "城镇公园广场": "parks and squares",
    "娱乐康体": "leisure and sports",
    "旅馆住宿业": "hotels",
    "高敏感防护目标": "highly sensitive targets",
    "阈值": "threshold",
    "(总局令65号)": " (SAWS order 65)",
    "(2021起)": " (since 2021)",
}
_LONGEST_FIRST = sorted(_TITLES.items(), key=lambda title: -len(title[0]))
"""a title may stand in a longer one"""
_DIGITS = {sign: n for n, sign in enumerate("零一二三四五六七八九")}
_NUMERAL = "[零一二三四五六七八九十]+"
_PLACES = (
    (re.compile(rf"\s*第({_NUMERAL})条"), lambda found: f", art. {_number(found[1])}"),
    (re.compile(r"\s*第([\d/、-]+)条"), lambda found: f", art. {found[1]}"),
    (re.compile(r"\s*表(\d[\d.]*)\s*第(\d+)项"), lambda found: f", table {found[1]}, no. {found[2]}"),
    (re.compile(r"\s*表\s*([\d.]*)"), lambda found: f", table {found[1]}".rstrip()),
    (re.compile(rf"({_NUMERAL})\.(\d+)"), lambda found: f"section {_number(found[1])}.{found[2]}"),
)
_SIGNS = str.maketrans({"、": ", ", "；": "; ", "（": " (", "）": ")"})


def clause_words(clause: str, lang: str) -> str:
    """A clause as a page of a language names it."""
    if lang != "en":
        return clause
    for title, english in _LONGEST_FIRST:
        clause = clause.replace(title, english)
    for pattern, said in _PLACES:
        clause = pattern.sub(said, clause)
    return re.sub(r"\s+", " ", clause.translate(_SIGNS)).strip()


def demand_words(text: str, lang: str) -> str:
    """What a clause asks (parts joined by ；), or from where to where it measures, as a page of a language says it."""
    if lang != "en":
        return text
    known = _demands()
    return "; ".join(known.get(part, part) for part in text.split("；"))


@cache
def _demands() -> Mapping[str, str]:
    path = Path(__file__).resolve().parent / "words" / "demands_en.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["zh"]: row["en"] for row in csv.DictReader(file)}


def _number(numeral: str) -> int:
    """A number up to 99 in Chinese numerals."""
    tens, ten, units = numeral.rpartition("十")
    return (_DIGITS.get(tens, 1) * 10 if ten else 0) + _DIGITS.get(units, 0)
