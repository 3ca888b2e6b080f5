"""kill -9 of the worker while messages go out: each arrives, twice at most what was under way, with the same key."""

import multiprocessing
import random
import re
from collections import Counter
from contextlib import ExitStack
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobs.delivering import AT_ONCE
from jobs.risk import assess
from riskmap.channels import message_key
from tests.channel_servers import HttpServer, MailServer, http_server, mail_server
from tests.import_files import rows
from tests.outbox_rows import city_with, mail, message, put, webhook
from tests.worker_process import work

MESSAGES, KILLS, KILLS_IN_SOAK = 1000, 10, 200
_KILLS_FOR_EACH_THOUSAND = 20
PATIENCE_S = 60


def arrived(hook: HttpServer, letters: MailServer) -> Counter[str]:
    """By key how often it came."""
    ids = [str(message_from_bytes(one)["Message-ID"]) for one in list(letters.letters)]
    came = [re.sub(r"^<|@city\.example>$", "", one.strip()) for one in ids]
    return Counter(came + [one.headers["idempotency-key"] for one in list(hook.got)])


def series(dsn: str, owner: Engine, home: Path, kills: int, dice: random.Random, first: int) -> int:
    """A thousand messages and so many kills; how many of the messages came twice."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.worker_process"])
    with ExitStack() as stack:
        hook, letters = stack.enter_context(http_server()), stack.enter_context(mail_server())
        city = city_with(letters=mail(letters.port), hook=webhook(hook.url))
        people = [f"p{n}" for n in range(first, first + MESSAGES)]
        ways = {one: ("letters", "hook")[n % 2] for n, one in enumerate(people)}
        put(dsn, [message(one, way, address=f"{one}@people.example") for one, way in ways.items()])

        def came() -> int:
            return len(hook.got) + len(letters.letters)

        def all_gone() -> bool:
            return rows(owner, "SELECT count(*) FROM delivery WHERE state = 'waiting'") == [(0,)]

        for left in range(kills, -1, -1):
            before = came()
            worker = context.Process(target=work, args=(dsn, home, city))
            worker.start()
            while came() == before and not all_gone():
                worker.join(0.01)
            if left:
                worker.join(dice.uniform(0, 0.6 * (MESSAGES - before) / MESSAGES / left))
            while not left and not all_gone():
                worker.join(0.02)
            assert worker.is_alive()
            worker.kill()
            worker.join(PATIENCE_S)
            assert worker.exitcode == -9
        keys = arrived(hook, letters)
    wanted = {message_key("1", one, way, "first", 1) for one, way in ways.items()}
    assert set(keys) == wanted
    return sum(keys.values()) - len(wanted)


@pytest.mark.timeout(3000)
def test_every_message_arrives_whatever_is_killed(
    database: str, owner: Engine, tmp_path: Path, soak: bool
) -> None:
    assess(owner, actor="test")  # else each worker would begin with it, and be killed in it
    dice = random.Random(6)
    kills = KILLS_IN_SOAK if soak else KILLS
    each = min(kills, _KILLS_FOR_EACH_THOUSAND)
    twice = sum(series(database, owner, tmp_path, each, dice, n * MESSAGES) for n in range(kills // each))
    print(f"\n{kills} kills, {kills // each * MESSAGES} messages, {twice} came twice")
    assert twice <= kills * 2 * AT_ONCE
    ours = "FROM delivery WHERE channel IN ('letters', 'hook')"  # the worker tells the desk of itself, too
    assert rows(owner, f"SELECT state, min(attempts), max(attempts) {ours} GROUP BY state") == [
        ("delivered", 1, 1)
    ]
    tries = rows(owner, f"SELECT count(*) FROM attempt WHERE delivery_id IN (SELECT delivery_id {ours})")
    assert tries == [(kills // each * MESSAGES,)]
