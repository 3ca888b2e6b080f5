"""The quality page: what it lists is what is on file, in an order that can be argued for, for those it belongs to."""

import io
import re
from pathlib import Path

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from jobs.risk import assess
from layers.database import owner_engine, snapshot
from tests import town
from tests.served import Served
from web.texts import translate


@pytest.fixture(scope="module")
def city(demo_site: Served) -> httpx.Client:
    return demo_site.browser("city").client


def test_smoke(city: httpx.Client, demo_site: Served) -> None:
    page = city.get("/quality")
    assert page.status_code == 200, page.text[-600:]
    print(re.sub(r"<[^>]+>", "", page.text)[:3000])
    d = city.get("/quality/duplicates")
    assert d.status_code == 200
    print(re.sub(r"<[^>]+>", "", d.text)[:1500])
    print(demo_site.program("city").get("/api/v1/quality?limit=2").json())
    b = city.get(f"/quality/workbook?township={town.OURS}")
    assert b.status_code == 200, b.text
    book = load_workbook(io.BytesIO(b.content))
    for s in book:
        print(s.title, s.max_row, [c.value for c in s[1]], [c.value for c in s[2]] if s.max_row > 1 else "")
