"""Stands between the client and the simulator: calls fail, pages are small, and things happen while a read is away."""

import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PAGE_SIZES = (("externalcontact/batch/get_by_user", "limit"), ("groupchat/list", "limit"), ("list_id", "limit"))
LISTS = ("follow_user", "external_userid", "external_contact_list", "info", "group_chat_list", "tag_group", "userlist")
BAD_CURSOR = 50100


@dataclass(frozen=True)
class Trouble:
    """What befalls one call, `after` so many others. `code`: an errcode; else `how`. `about`: part of its address."""

    after: int
    how: str
    code: int = 0
    about: str = ""


@dataclass
class Relay:
    """One address for all clients of a test session; `page_size` is what WeCom makes of larger wishes."""

    simulator: tuple[str, int]
    page_size: int = 5
    meanwhile: Callable[[], None] = lambda: None
    kill: Callable[[], None] = lambda: None
    _troubles: list[Trouble] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _aside: threading.local = field(default_factory=threading.local)
    calls: int = 0
    errors: list[BaseException] = field(default_factory=list)
    busy: bool = False

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, daemon=True, name="relay").start()

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self._server.getsockname()[:2])

    def close(self) -> None:
        self._server.close()

    def arm(self, trouble: Trouble) -> None:
        with self._lock:
            self._troubles.append(trouble)

    def disarm(self) -> None:
        with self._lock:
            self._troubles.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        upstream = socket.create_connection(self.simulator)
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, upstream:
            try:
                while request := _read(client):
                    self._relay(client, upstream, *request)
            except OSError:
                return

    def _relay(self, client: socket.socket, upstream: socket.socket, head: bytes, body: bytes) -> None:
        address = head.split(b" ", 2)[1].decode()
        path = address.partition("?")[0].removeprefix("/cgi-bin/")
        trouble = self._next(path, address)
        how = trouble.how if trouble else ""
        if how == "kill":
            self.kill()
        if how == "cut before":
            raise OSError
        if how == "errcode" and trouble is not None:
            client.sendall(_answer(_refusal(trouble.code)))
            return
        if how == "meanwhile before":
            self._leave_time()
        upstream.sendall(self._smaller(path, head, body))
        answered = _read(upstream)
        if answered is None:
            raise OSError
        if how == "meanwhile after":
            self._leave_time()
        if how == "cut after":
            raise OSError
        client.sendall(_spoilt(*answered, how=how))

    def _next(self, path: str, address: str) -> Trouble | None:
        """Calls that are made while another one waits are let through."""
        with self._lock:
            self.calls += 1
            if self.busy or path == "gettoken":
                return None
            meant = [one for one in self._troubles if one.about in address]
            due = [one for one in meant if not one.after]
            self._troubles = [one for one in self._troubles if one.about not in address]
            self._troubles += [replace(one, after=one.after - 1) for one in meant if one.after]
            self._troubles += due[1:]
            found = due[0] if due else None
            if found and found.code == BAD_CURSOR and not path.endswith("get_by_user"):
                return None
            return found

    def _leave_time(self) -> None:
        self.busy = True
        try:
            self.meanwhile()
        except BaseException as error:  # the test's thread raises it
            self.errors.append(error)
        finally:
            self.busy = False

    def _smaller(self, path: str, head: bytes, body: bytes) -> bytes:
        for name, key in PAGE_SIZES:
            if path.endswith(name) and body:
                asked = json.loads(body)
                asked[key] = min(asked.get(key, self.page_size), self.page_size)
                body = json.dumps(asked).encode()
                head = LENGTH.sub(b"\r\nContent-Length: %d" % len(body), head)
        return head + body


def _read(wire: socket.socket) -> tuple[bytes, bytes] | None:
    """The head with its blank line, and the body; None when the other side has closed."""
    found = b""
    while b"\r\n\r\n" not in found:
        chunk = wire.recv(65_536)
        if not chunk:
            return None
        found += chunk
    head, _, body = found.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    while length and len(body) < int(length[1]):
        body += wire.recv(65_536)
    return head + b"\r\n\r\n", body


def _answer(body: bytes, content_type: str = "application/json") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        content_type.encode(),
        len(body),
        body,
    )


def _refusal(code: int) -> bytes:
    """Errors often carry the list fields, empty (customer_contact_api.md 0.2)."""
    return json.dumps({"errcode": code, "errmsg": "hint: [1]", **{name: [] for name in LISTS}}).encode()


def _spoilt(head: bytes, body: bytes, *, how: str) -> bytes:
    match how:
        case "html":
            return _answer(b"<html>busy</html>", "text/html")
        case "half":
            return _answer(body[: len(body) // 2])
        case "no lists":
            return _answer(json.dumps({"errcode": 0, "errmsg": "ok"}).encode())
        case "null rows":
            kept = json.loads(body)
            return _answer(json.dumps({k: [None, *v] if isinstance(v, list) else v for k, v in kept.items()}).encode())
        case _:
            return head + body
