"""A small city with every layer filled, by imports, with values that break careless files."""

import csv
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from jobs.imports import import_file
from tests.import_files import evening

RING = "112.3 28.8, 112.32 28.8, 112.32 28.82, 112.3 28.82, 112.3 28.8"
CLOCKWISE = "((112.3 28.8, 112.3 28.82, 112.32 28.82, 112.32 28.8, 112.3 28.8), (112.305 28.805, 112.31 28.805, 112.31 28.81, 112.305 28.805))"
TOWNSHIP, OTHER = "430981101", "430981102"

Rows = list[dict[str, Any]]
CITY: dict[str, Rows] = {
    "areas": [
        {
            "code": TOWNSHIP,
            "name": '甲"镇", 一',
            "level": "township",
            "wkt": f"POLYGON (({RING}))",
            "people": "1234.5",
        },
        {"code": OTHER, "name": "乙镇", "level": "township"},
        {"code": f"{TOWNSHIP}201", "name": "''=村", "level": "village", "wkt": f"POLYGON {CLOCKWISE}"},
        {
            "code": "OV;1".replace(";", "-"),
            "name": "+园区",
            "level": "overlay",
            "members": f"{TOWNSHIP};{OTHER}",
        },
    ],
    "enterprises": [
        {
            "code": "91430900MA4L16JG5X",
            "name": '\'=HYPERLINK("http://x","y")',
            "status": "suspended",
            "opened_on": "1999-12-31",
            "industry": "0261",
            "committee": "hazchem",
            "workers": "0",
            "township_code": OTHER,
            "legal_representative": "'-张某",
            "actual_controller": "'@SUM(A1)",
            "dept_industry": "＝全角",
            "person_industry": "_x0041_ 𠮷 é \u00e9",
            "lon": "112.312345678",
            "lat": "28.801000001",
        },
        {
            "code": "E2",
            "name": "二;，,\t换\n行",
            "township_code": TOWNSHIP,
            "wkt": f"MULTIPOLYGON ({CLOCKWISE})",
        },
        {
            "code": "007",
            "name": "true",
            "industry": "5010",
            "lon": "112.31",
            "lat": "28.81",
            "synthetic": "true",
        },
    ],
    "sources": [
        {
            "code": "1-2",
            "name": "1e5",
            "kind": "hazchem_store",
            "enterprise_code": "91430900MA4L16JG5X",
            "unit_type": "storage",
            "wkt": "LINESTRING (112.31 28.81, 112.311234567 28.812)",
        },
        {
            "code": "+S2",
            "name": "2026-01-01",
            "kind": "ferry",
            "closed_on": "2026-02-28",
            "status": "closed",
            "lon": "112.31",
            "lat": "28.81",
        },
        {
            "code": "S3",
            "name": "面",
            "kind": "other",
            "enterprise_code": "007",
            "wkt": f"POLYGON {CLOCKWISE}",
        },
    ],
    "inventory": [
        {
            "source_code": "1-2",
            "cas": "7664-41-7",
            "quantity_t": "12.345678901234567890123",
            "as_of": "2026-01-31",
        },
        {"source_code": "1-2", "substance": "-某某混合物", "quantity_t": "0.0000001", "unit_code": "01"},
        {"source_code": "+S2", "hazard_class": "W5.1", "quantity_t": "1000000000"},
        {"source_code": "S3", "substance": "氨", "quantity_t": "0.1"},
    ],
    "targets": [
        {
            "code": "T1",
            "name": "小学",
            "target_class": "high_sensitive",
            "kind": "school",
            "people_day": "0.1",
            "status": "planned",
            "lon": "112.31",
            "lat": "28.81",
        },
        {
            "code": "T2",
            "name": "线",
            "target_class": "general_1",
            "wkt": "MULTILINESTRING ((112.3 28.8, 112.31 28.8), (112.3 28.81, 112.31 28.82))",
        },
    ],
    "population": [
        {"people": "3", "vulnerable": "true", "rescue_min": "15", "lon": "112.31", "lat": "28.81"},
        {
            "people": "1234567.1234567891",
            "people_day": "0",
            "vulnerable": "false",
            "lon": "112.31",
            "lat": "28.81",
        },
        {"code": "P9", "people": "0.30000000000000004", "wkt": f"POLYGON (({RING}))"},
    ],
    "sensors": [
        {
            "code": "N1",
            "source_code": "1-2",
            "kind": "液位",
            "unit": "%",
            "low": "-5.5",
            "high": "1e12",
            "interval_s": "60",
        }
    ],
    "dangers": [
        {
            "code": "D1",
            "source_code": "1-2",
            "grade": "major",
            "title": "=cmd|' /C calc'!A0",
            "found_on": "2026-01-31",
            "found_by": "self",
            "due_on": "2026-03-01",
            "extended_to": "2026-04-01",
            "listed_on": "2026-02-01",
            "status": "rectifying",
        },
        {
            "code": "D2",
            "place": "@某处",
            "grade": "general",
            "title": "x" * 400,
            "found_on": "2026-02-01",
            "lon": "112.31",
            "lat": "28.81",
        },
        {
            "code": "D3",
            "enterprise_code": "007",
            "grade": "general",
            "title": "\u2018引\u2019号",
            "found_on": "2026-02-01",
            "closed_on": "2026-02-02",
            "status": "closed",
        },
    ],
    "events": [
        {
            "event_id": "e1",
            "kind": "reading",
            "source_code": "1-2",
            "sensor_code": "N1",
            "value": "-0.1",
            "unit": "%",
            "time": "2026-02-28T23:59:59.123456+08:00",
        },
        {
            "event_id": "e2",
            "kind": "weather",
            "severity": "橙",
            "time": "2026-02-28T01:00:00Z",
            "until": "2026-03-01 08:00",
            "wkt": f"POLYGON (({RING}))",
        },
    ],
    "resources": [
        {
            "code": "R1",
            "name": "站",
            "kind": "fire_station",
            "capacity": "2 辆",
            "phone": "+86-0000",
            "lon": "112.31",
            "lat": "28.81",
        }
    ],
    "duty": [
        {
            "code": "Z1",
            "person": "甲",
            "role": "principal",
            "object_layer": "source",
            "object_code": "1-2",
            "from_on": "2026-01-01",
            "phone": "000",
        },
        {
            "code": "Z2",
            "person": "乙",
            "role": "leader",
            "object_layer": "area",
            "object_code": TOWNSHIP,
            "to_on": "2027-01-01",
            "deputy_code": "Z1",
        },
    ],
    "zones_external": [
        {
            "code": "X1",
            "name": "影响区",
            "source_code": "1-2",
            "kind": "toxic",
            "threshold": "≥5",
            "wkt": f"POLYGON (({RING}))",
        }
    ],
    "zone_records": [
        {
            "code": "J1",
            "zone_code": "Z0123456789",
            "kind": "agreement",
            "title": "=1+1 协议",
            "done_on": "2026-01-31",
            "due_on": "2028-02-29",
            "unit_code": "91430900MA4L16JG5X",
            "unit_name": "0012",
            "phone": "0000",
            "run_id": "7",
            "note": "甲\n乙",
        }
    ],
    "lines": [
        {
            "code": "L1",
            "name": "路",
            "kind": "road",
            "rank": "3",
            "wkt": "LINESTRING (112.3 28.8, 112.31 28.8)",
        },
        {"code": "L2", "name": "湖", "kind": "lake", "wkt": f"POLYGON {CLOCKWISE}"},
    ],
}
"""by layer, in an order in which each can be imported"""


def build(owner: Engine, folder: Path) -> None:
    """Import every layer."""
    for layer, rows in CITY.items():
        report = import_file(owner, layer, sheet(folder, layer, rows), at=evening())
        assert report.inserted == len(rows), report.to_json()


def sheet(folder: Path, layer: str, rows: Rows) -> Path:
    """A layer's rows as a file with canonical headers."""
    path = folder / f"{layer}.csv"
    headers = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, headers)
        writer.writeheader()
        writer.writerows(rows)
    return path
