"""A made-up ledger for the demo's joint-control zones: most have an agreement and a lead unit, some are behind.

It is written once, after the zones of the demo are drawn for the first time; what a zone has follows from its code.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, select

from jobs.imports import Order, import_table
from layers.database import snapshot
from layers.fields import LAYERS
from layers.schema import metadata
from layers.sheets import Table, cells_of
from layers.zones import zone_list

ACTOR, JOB = "demo", "demo_zone_ledger"
_LAYER = "zone_records"
Row = dict[str, Any]


def fill_zone_ledger(owner: Engine, today: date) -> int:
    """Write the made-up ledger where there is none yet; how many records it has, 0 where one is on file."""
    with snapshot(owner) as connection:
        if _filled(connection):
            return 0
        zones = zone_list(connection).items
    rows = [row for zone in zones for row in _records(zone, today)]
    if not rows:
        return 0
    names = [field.name for field in LAYERS[_LAYER].fields]
    columns = {name: cells_of([row.get(name, "") for row in rows]) for name in names}
    table = Table("片区台账", columns, np.arange(2, len(rows) + 2, dtype=np.int32))
    return import_table(owner, _LAYER, table, Order(ACTOR, JOB, "片区台账（合成数据）")).inserted


def _filled(connection: Connection) -> bool:
    return connection.execute(select(metadata.tables["zone_record"].c.code).limit(1)).first() is not None


def _records(zone: Row, today: date) -> Iterator[Row]:
    """What one zone has on file: three in four something, and of these most everything."""
    dice = hashlib.sha256(zone["code"].encode()).digest()
    if dice[0] % 4 == 0:
        return
    signed = today - timedelta(30 + dice[1])
    about = {"zone_code": zone["code"], "synthetic": "true"}

    def record(kind: str, title: str, **values: str) -> Row:
        return {**about, "code": f"{zone['code']}-{kind}", "kind": kind, "title": title, **values}

    yield record(
        "lead", f"{zone['lead_name']}牵头", unit_name=zone["lead_name"] or "", done_on=signed.isoformat()
    )
    yield record(
        "contact", "片区值班电话", unit_name=f"{zone['name']}联防值班室", phone=f"000{dice[2]:03}{dice[3]:03}"
    )
    yield record(
        "agreement",
        f"{zone['name']}联防联控协议",
        done_on=signed.isoformat(),
        due_on=(signed + timedelta(365 * (1 + dice[4] % 3))).isoformat(),
        note="各方互通报警，共用消防水源和器材，联合演练，定期会商。",
    )
    if dice[5] % 3:
        yield record("plan", f"{zone['name']}联合应急预案", done_on=(signed + timedelta(14)).isoformat())
        yield record("resource", "共用移动水炮一门、防化服四套", unit_name=zone["lead_name"] or "")
    if dice[6] % 2:
        yield record("drill", "联合处置演练", done_on=(today - timedelta(dice[7] + 1)).isoformat())
    if dice[8] % 2:
        yield record("minutes", "联席会商", done_on=(today - timedelta(dice[9] % 120 + 1)).isoformat())
