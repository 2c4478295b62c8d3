"""Catches what WeCom sends, as it comes over the wire; a test decides when, whether and how often it arrives."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from commands.demo_corp import AES_KEY
from simulator import crypto

ENCRYPTED = re.compile(rb"<Encrypt><!\[CDATA\[(.*?)\]\]></Encrypt>")
VERSION = re.compile(r"<(?:Last|Cur)MemVer>.*?</\w+>")
FIELD = re.compile(r"<(\w+)>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>", re.DOTALL)


@dataclass(frozen=True)
class Letter:
    """One push: address and body as sent, and what is in it."""

    path: str
    query: str = field(repr=False)
    body: bytes = field(repr=False)
    text: str = field(repr=False, default="")

    @property
    def fields(self) -> dict[str, str]:
        return {name: plain or bare for name, plain, bare in FIELD.findall(self.text.removeprefix("<xml>"))}

    @property
    def corp_id(self) -> str:
        return self.path.split("/")[2]

    def __str__(self) -> str:
        told = self.fields
        shown = (told.get(name) for name in ("ChangeType", "UpdateDetail", "UserID", "ExternalUserID", "ChatId", "Id"))
        return " ".join(["@", told.get("CreateTime", "?"), *(one for one in shown if one), "to", self.path[10:]])


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for identity, name in names.items():
        text = text.replace(identity, name)
    return VERSION.sub("", text)


class PostOffice:
    """Answers every push with 200 and keeps it."""

    def __init__(self) -> None:
        self._kept: list[Letter] = []
        self._lock = threading.Lock()
        office = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                path, _, query = self.path.partition("?")
                office.keep(path, query, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # Whoever closes it waits for so long.
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True, name="post").start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def keep(self, path: str, query: str, body: bytes) -> None:
        sealed = ENCRYPTED.search(body)
        assert sealed
        text = crypto.decrypt(sealed[1].decode(), key=crypto.aes_key(AES_KEY), receiveid=path.split("/")[2])
        with self._lock:
            self._kept.append(Letter(path, query, body, text))

    def collect(self, names: Mapping[str, str] | None = None) -> list[Letter]:
        """What has come since; in an order of its own, for the wire's and WeCom's own ids differ from run to run."""
        with self._lock:
            kept, self._kept = self._kept, []
        return sorted(kept, key=lambda one: (_renamed(one.text, names or {}), one.path))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
