"""A real gateway process on a free port, and callers that speak the platform's encryption."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from sqlalchemy import Engine, text

from shared.corp_file import parse_corp_file
from shared.db.engine import fetch_all, make_engine
from shared.embedded import EmbeddedServers
from shared.inbox import BODY
from shared.tenants import load_receivers, record_corp
from shared.vault import Vault
from tests.callback_gateway.sealing import AES_KEY, TOKEN, Sender

ROOT = Path(__file__).parents[2]
SECRET_KEY = "a secret key of the tests, long enough"
CORP = "ww7f3ac19e0b52d846"
PATIENCE_S = 20.0
START = "from callback_gateway.command import command; command()"
_numbers = itertools.count()
KEYS = {"token": TOKEN, "encoding_aes_key": AES_KEY}
RECEIVERS: dict[str, dict[str, Any]] = {
    "app": {"kind": "app", **KEYS},
    "vectors": {"kind": "app", "receiveids": ["wx5823bf96d3bd56c7"], **KEYS},
    "directory": {"kind": "directory", **KEYS},
    "suite": {"kind": "suite", "suite_id": "ww2b9d0e64fa17c385", "provider_corp_id": "wwprovider", **KEYS},
    "robot": {"kind": "robot", **KEYS},
    "account": {"kind": "official_account", "app_id": "wx0account", **KEYS},
    "account_plain": {"kind": "official_account", "mode": "plaintext", "token": TOKEN},
    "account_both": {"kind": "official_account", "mode": "compatible", "app_id": "wx0account", **KEYS},
}


def until(found: Callable[[], Any]) -> Any:
    """Poll with bounded patience; the first true value."""
    for _ in range(int(PATIENCE_S / 0.05)):
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it never came true")


@dataclass
class Gateway:
    """A running `guanxi gateway` and what it wrote to its log."""

    process: subprocess.Popen[bytes]
    log: Path
    address: str = ""
    http: requests.Session = field(default_factory=requests.Session)

    def url(self, receiver: str) -> str:
        return f"{self.address}/callback/{CORP}/{receiver}"

    def sender(self, receiver: str, receiveid: str = CORP, **changes: str) -> Sender:
        return Sender(self.http, self.url(receiver), receiveid=receiveid, **changes)

    def metric(self, name: str, **labels: str) -> float:
        inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
        line = f"{name}{{{inside}}}" if inside else name
        text = self.http.get(f"{self.address}/metrics").text
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def kill(self) -> None:
        """kill -9 of every process of it."""
        for process in (*psutil.Process(self.process.pid).children(recursive=True), self.process):
            process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=PATIENCE_S)


StartGateway = Callable[..., Gateway]


@pytest.fixture
def database_url(servers: EmbeddedServers, template: str, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, dropped over a fresh connection: these tests restart the server."""
    name = f"gateway_{os.getpid()}_{next(_numbers)}"

    def administrate(statement: str) -> None:
        admin = make_engine(servers.database_url)
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        admin.dispose()

    administrate(f"create database {name} template {template} strategy file_copy")
    yield servers.database_url.replace("/guanxi?", f"/{name}?")
    servers.ensure_running()
    administrate(f"drop database {name} with (force)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """What processes use: these tests restart the server."""
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def corp(engine: Engine, vault: Vault, clock: Any) -> Callable[..., None]:
    """Stores the corp with the receivers above, changed as asked."""

    def record(**receivers: dict[str, Any]) -> None:
        content = {"corp_id": CORP, "name": "Example", "receivers": {**RECEIVERS, **receivers}}
        with engine.begin() as connection:
            record_corp(connection, vault, parse_corp_file(content, source="test"), now=clock.now())

    record()
    return record


@pytest.fixture
def start_gateway(
    corp: Callable[..., None], database_url: str, redis_url: str, home: Path, tmp_path: Path
) -> Iterator[StartGateway]:
    started: list[Gateway] = []

    def start(*, options: Sequence[str] = (), preexec: Callable[[], None] | None = None, **settings: object) -> Gateway:
        values = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "HOME": home, "SECRET_KEY": SECRET_KEY}
        values |= {name.upper(): value for name, value in settings.items()}
        log = tmp_path / f"gateway-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", START, "--bind=127.0.0.1:0", *options],
                cwd=ROOT,
                env={**os.environ, **{f"GUANXI_{name}": str(value) for name, value in values.items()}},
                stdout=output,
                stderr=output,
                preexec_fn=preexec,  # noqa: PLW1509 - only sets a limit
            )
        gateway = Gateway(process, log)
        started.append(gateway)
        gateway.address = until(lambda: _address_in(gateway))
        until(lambda: _is_answering(gateway))
        return gateway

    yield start
    for gateway in started:
        if gateway.process.poll() is None:
            gateway.kill()


def _address_in(gateway: Gateway) -> str | None:
    assert gateway.process.poll() is None, gateway.log.read_text()
    found = re.search(r"address=(http://[0-9.:]+)", gateway.log.read_text())
    return found[1] if found else None


def _is_answering(gateway: Gateway) -> bool:
    try:
        return requests.get(f"{gateway.address}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway()


@pytest.fixture
def inbox(engine: Engine, vault: Vault) -> Callable[[], list[bytes]]:
    """The decrypted bodies in the inbox, in the order of their ids."""

    def read() -> list[bytes]:
        with engine.connect() as connection:
            ciphers = {receiver.id: receiver.cipher for receiver in load_receivers(connection, vault)}
            rows = fetch_all(connection, "select receiver_id, body from inbox order by id")
        return [ciphers[row["receiver_id"]].decrypt(row["body"], BODY) for row in rows]

    return read
