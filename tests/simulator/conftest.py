"""A simulator process for the session, a fresh corp for each test, and a receiver of callbacks."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from wechatpy.enterprise.crypto import WeChatCrypto

CORP, SECRET, AGENT = "wwsimtest0001", "secret-one", 1000002
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


@dataclass
class Sim:
    """A client of the simulator: `sim` is the control API, `get` and `post` are WeCom's."""

    url: str
    token: str = ""
    http: requests.Session = field(default_factory=requests.Session)

    def sim(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        method = "GET" if body is None else "POST"
        answer = self.http.request(method, f"{self.url}/sim/{path}", json=body, timeout=60)
        assert answer.status_code == status, answer.text
        return answer.json()

    def corp(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.sim(f"corps/{CORP}/{path}", body, status=status)

    def act(self, do: str, *, status: int = 200, **rest: Any) -> Any:
        return self.corp("act", {"do": do, **rest}, status=status)

    def sign_in(self, *, secret: str = SECRET) -> str:
        query = {"corpid": CORP, "corpsecret": secret}
        self.token = self.http.get(f"{self.url}/cgi-bin/gettoken", params=query, timeout=10).json()["access_token"]
        return self.token

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, query, None)

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, {}, body)

    def _call(self, method: str, path: str, query: dict[str, Any], body: Any) -> Any:
        query = {"access_token": self.token, **query}
        answer = self.http.request(method, f"{self.url}/cgi-bin/{path}", params=query, json=body, timeout=10)
        assert answer.status_code == 200
        return answer.json()


@dataclass
class Inbox:
    """What a receiver got: (query, body) pairs; `answers` are the (status, text) to give, then 200 with no text."""

    url: str
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)

    def plaintexts(self, receiveid: str = CORP) -> list[str]:
        crypto = WeChatCrypto(TOKEN, AES_KEY, receiveid)
        return [
            crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
            for query, body in self.got
        ]


@pytest.fixture(scope="session")
def start_simulator() -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "simulator", "--bind", "127.0.0.1:0", *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(child)
        assert child.stdout is not None
        return child, child.stdout.readline().split()[-1]

    yield start
    for child in started:
        child.terminate()
        child.wait(10)


@pytest.fixture(scope="session")
def simulator_url(start_simulator: Callable[..., tuple[subprocess.Popen[str], str]]) -> str:
    return start_simulator()[1]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    class Receive(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            box.got.append((dict(parse_qsl(urlsplit(self.path).query)), body))
            status, text = box.answers.pop(0) if box.answers else (200, "")
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
    server.daemon_threads = True
    box = Inbox(f"http://127.0.0.1:{server.server_address[1]}/cb/one")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield box
    server.shutdown()
    server.server_close()


@pytest.fixture
def sim(simulator_url: str) -> Sim:
    """An emptied simulator with one corp, two apps, and the members LiNa, ZhaoMin and Wang."""
    client = Sim(simulator_url)
    client.sim("reset", {})
    configure(client, receivers=[])
    client.corp("departments", [{"id": 2, "name": "门店"}, {"id": 3, "name": "一组", "parentid": 2, "order": 5}])
    members = [
        {"userid": "LiNa", "name": "李娜", "department": [2, 3], "is_leader_in_dept": [1, 0], "direct_leader": "Wang"},
        {"userid": "ZhaoMin", "name": "赵敏", "department": [3]},
        {"userid": "Wang", "name": "王伟"},
    ]
    client.corp("members", members)
    client.sign_in()
    return client


@pytest.fixture
def pushed(sim: Sim, inbox: Inbox) -> Callable[[], list[str]]:
    """The corp now sends callbacks to `inbox`; call it to wait for them and read them."""
    configure(sim, receivers=[{"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY}])

    def read() -> list[str]:
        assert sim.sim("callbacks/flush", {})["flushed"]
        return inbox.plaintexts()

    return read


def configure(client: Sim, *, receivers: list[dict[str, Any]]) -> None:
    apps = [
        {"name": "Guanxi", "secret": SECRET, "agent_id": AGENT},
        {"name": "Other", "secret": "secret-two", "agent_id": AGENT + 1, "customer_contact": False},
    ]
    client.sim("corps", {"corp_id": CORP, "apps": apps, "receivers": receivers})
