"""A receiver of webhooks: a real HTTP server that keeps what it got and answers as told."""

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Reply:
    """`hold`: the answer waits until somebody sets it. `reset`: instead of an answer. `raw`: bytes instead of one."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: threading.Event | None = None
    reset: bool = False
    raw: bytes | None = None


class Sink(ThreadingHTTPServer):
    """Answers with the replies in turn, then with `usual`. A request counts as got before it is answered."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Got] = []
        self.connections = 0
        self.replies: list[Reply] = []
        self.usual = Reply()
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_reply(self, got: Got) -> Reply:
        with self.lock:
            self.got.append(got)
            return self.replies.pop(0) if self.replies else self.usual

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def ids(self) -> list[str]:
        with self.lock:
            return [one.id for one in self.got]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that are killed are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        reply = self.server.next_reply(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        if reply.hold is not None:
            while not reply.hold.wait(0.05) and not self.server.closing.is_set():
                pass
        if reply.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
