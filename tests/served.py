"""The web program on a loopback port, as a process of its own would serve it, and people who sign in to it."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine

import jobs.sign_in
import jobs.users
from jobs.users import add_user
from layers.database import owner_engine
from riskmap.settings import Settings
from web.app import create_app

PASSWORD = "stands-in-no-book-7"
TIMEOUT_S = 30.0


class Served:
    """A running server: its address, its database, its application, and who talks to it until it ends."""

    def __init__(self, url: str, dsn: str, app: FastAPI) -> None:
        self.url = url
        self.dsn = dsn
        self.app = app
        self.clients = ExitStack()

    @property
    def owner(self) -> Engine:
        """The engine by which the application's jobs write."""
        engine: Engine = self.app.state.owner
        return engine

    def client(self, **headers: str) -> httpx.Client:
        """Somebody nobody knows, who reads pages and follows nothing."""
        headers = {"accept": "text/html"} | headers
        client = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, trust_env=False)
        self.clients.callback(client.close)
        return client

    def browser(self, name: str, password: str = PASSWORD) -> "Browser":
        """A browser in which `name` has signed in."""
        client = self.client()
        answer = sign_in(client, name, password)
        assert answer.status_code == 303, answer.text
        return Browser(client)

    def program(self, name: str) -> httpx.Client:
        """A program that holds a bearer token of `name`."""
        form = {"username": name, "password": PASSWORD}
        token = self.client().post("/api/v1/token", data=form).json()["access_token"]
        return self.client(accept="application/json", authorization=f"Bearer {token}")


class Browser:
    """A signed-in browser: its client and the form token of its session."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.csrf = hidden(client.get("/account").text, "csrf")

    @property
    def token(self) -> str:
        """The session's token as the cookie holds it."""
        return self.client.cookies["riskmap_session"]

    def post(self, address: str, **fields: str) -> httpx.Response:
        """Send a form of ours, with its token."""
        return self.client.post(address, data={"csrf": self.csrf} | fields)


def found(answer: httpx.Response) -> Any:
    """The JSON of an answer that went well."""
    assert answer.status_code == 200, answer.text
    return answer.json()


def hidden(page: str, name: str) -> str:
    """The value of a page's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def sign_in(client: httpx.Client, name: str, password: str, **fields: str) -> httpx.Response:
    """Open the sign-in page and send it, filled in."""
    form = {"form": hidden(client.get("/login").text, "form"), "name": name, "password": password}
    return client.post("/login", data=form | fields)


def add_people(dsn: str, township: str, village: str, grid: str, enterprise: str) -> None:
    """One person of every kind, limited to the places given, all with the same password."""
    owner = owner_engine(dsn)
    with quick_hashing():
        for role in ("admin", "city", "planner", "auditor"):
            add_user(owner, role, role, password=PASSWORD)
        for role, code in (("township", township), ("village", village), ("grid", grid)):
            add_user(owner, role, role, area=code, password=PASSWORD)
        add_user(owner, "enterprise", "enterprise", enterprise=enterprise, password=PASSWORD)
        add_user(owner, "committee", "city", committee="hazchem", password=PASSWORD)
    owner.dispose()


@contextmanager
def quick_hashing() -> Iterator[None]:
    """Argon2id with the least work: the tests of the web sign in hundreds of times (tests/jobs has the real cost)."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs.sign_in, "HASHER", quick)
        patch.setattr(jobs.users, "HASHER", quick)
        patch.setattr(jobs.sign_in, "_decoy", cache(jobs.sign_in._decoy.__wrapped__))
        yield


class _Server(uvicorn.Server):
    """Tells when it listens, and ends open streams as the program's own server does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.feed.stop()  # type: ignore[union-attr]
        await super().shutdown(sockets)


@contextmanager
def served(dsn: str, home: Path) -> Iterator[Served]:
    """Serve a database until the block ends."""
    app = create_app(Settings(home=home, database_url=dsn), dsn)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = _Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=5))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert server.ready.wait(TIMEOUT_S)
            running = Served(f"http://127.0.0.1:{listener.getsockname()[1]}", dsn, app)
            with running.clients:
                yield running
        finally:
            server.should_exit = True
            thread.join()
