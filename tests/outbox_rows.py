"""Rows of the outbox as a pass writes them, and a city whose channels are servers of this machine."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from jobs.channels import Surroundings
from jobs.delivering import Delivering
from layers.database import owner_engine, writing
from layers.history import open_revision
from layers.outbox import put_messages
from layers.schema import SCOPE
from riskmap.settings import City
from tests.opened_channels import SECRET, SECRETLY
from web.channels import open_channels


def city_with(**channels: dict[str, Any]) -> City:
    return City(code="430981", name="沅江市", channels=channels)


def webhook(url: str) -> dict[str, Any]:
    return {"kind": "webhook", "url": url, "secret": SECRETLY, "timeout_s": 5}


def mail(port: int) -> dict[str, Any]:
    return {"kind": "mail", "host": "127.0.0.1", "port": port, "tls": "none", "sender": "risk@city.example"}


def sms(url: str, **more: Any) -> dict[str, Any]:
    return {"kind": "sms", "url": url, "token": SECRETLY, **more}


def delivering(owner: Engine, city: City, home: Path) -> Delivering:
    """What sends, through the city's channels as the program opens them."""
    return Delivering(owner, city, open_channels(city, Surroundings(home, {"THE_SECRET": SECRET})))


def message(person: str, channel: str, **values: Any) -> dict[str, Any]:
    """A message that waits to go to somebody by a channel."""
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "warning_id": 1,
        "person": person,
        "channel": channel,
        "reason": "first",
        "n": 1,
        **dict.fromkeys(SCOPE),
        "audience": "leader@township",
        "address": "",
        "text": "【风险提示·内部】沅江市应急管理局，预警级别红色：请核实。",
        "also": [],
        "state": "waiting",
        "made_at": now,
        "next_at": now,
        "done_at": None,
        "warn": 1,
    }
    return usual | values | {"further": json.dumps(values.get("further", []))}


def put(dsn: str, messages: Sequence[dict[str, Any]]) -> None:
    """Put messages into the outbox as one revision."""
    owner = owner_engine(dsn)
    with writing(owner) as connection:
        put_messages(connection, messages, open_revision(connection, "test", "alerts", None))
    owner.dispose()
