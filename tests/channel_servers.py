"""The other side of channels, on this machine: an HTTP server that answers as it is told, a mail server, a certificate."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What is to be answered; `raw` replaces the whole answer, `before` happens first."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    before: Callable[[], object] | None = None


@dataclass
class HttpServer:
    """A server that answers every request with `reply`, keeps what came and hands it on."""

    url: str
    reply: Reply = field(default_factory=Reply)
    got: list[Request] = field(default_factory=list)
    hand_on: Callable[[Request], object] = lambda request: None


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # what knocks at once would else be turned away and come a second later


@contextmanager
def http_server() -> Iterator[HttpServer]:
    """One on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            told.got.append(request)
            told.hand_on(request)
            reply = told.reply
            if reply.before is not None:
                reply.before()
            try:
                if reply.raw is not None:
                    self.wfile.write(reply.raw)
                    return
                self.send_response(reply.status)
                for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:  # the other side has cut it off, as it should
                self.close_connection = True

        do_GET = do_POST = _answer  # noqa: N815 - the names that the server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told = HttpServer(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def dripping_server(first: bytes = b"", drip: bytes = b"x") -> Iterator[int]:
    """A server that never comes to an end: a byte now and then, for as long as anybody listens; its port."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.sendall(first)
                    while not over.wait(0.02):
                        connection.sendall(drip)
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            with socket.create_connection(listener.getsockname()):
                pass
            thread.join()


def closed_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# --- mail ------------------------------------------------------------------------------------------------


@dataclass
class MailServer:
    """A mail server that answers a receiver and a letter as it is told, and keeps the letters it took."""

    port: int
    to_receiver: str = "250 OK"
    to_letter: str = "250 OK"
    letters: list[bytes] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_receiver.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.to_receiver

    async def handle_DATA(self, server: SMTP, session: object, envelope: Envelope) -> str:  # noqa: N802
        if self.to_letter.startswith("2"):
            self.letters.append(envelope.original_content or b"")
            self.receivers += envelope.rcpt_tos
        return self.to_letter


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """One on a free port of loopback; options are aiosmtpd's."""
    server = MailServer(closed_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


# --- certificates ----------------------------------------------------------------------------------------


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    ours, secret = folder / "own.pem", folder / "own.key"
    ours.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return ours, secret
