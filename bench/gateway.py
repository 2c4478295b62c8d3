"""Durable accepts per second: this gateway against the plain receiver, interleaved, on one PostgreSQL."""

import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median, quantiles

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import Engine, text

from bench.load import Outcome, send_all
from bench.measure import Line
from bench.plain_app import SCHEMA
from shared.corp_file import parse_corp_file
from shared.db.engine import make_engine
from shared.db.migrate import migrate
from shared.embedded import EmbeddedServers
from shared.tenants import record_corp
from shared.vault import Vault

ROUNDS, SECONDS, CONNECTIONS = 9, 2.0, 64
PREPARED_PLAIN, PREPARED_OURS = 10_000, 30_000
ROOT = Path(__file__).parents[1]
CORP, TOKEN = "ww0123456789abcdef", "QDG6eK"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
SECRET_KEY = "a secret key of the benchmark, nothing real"
PATH = f"/callback/{CORP}/main"
_numbers = count()
START_S = 30.0


def measure() -> list[Line]:
    plain: list[Outcome] = []
    ours: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedServers(Path(folder) / "home") as servers:
        engine = _prepare(servers)
        with _plain(servers) as plain_address, _gateway(servers, Path(folder)) as our_address:
            for _ in range(ROUNDS):
                plain.append(_run(engine, plain_address, "plain_event", PREPARED_PLAIN))
                ours.append(_run(engine, our_address, "inbox", PREPARED_OURS))
        engine.dispose()
    base = median(outcome.per_second for outcome in plain)
    return [
        Line("Flask + wechatpy + gunicorn, a commit per event", _rates(plain), "events/s", 1.0),
        Line("guanxi gateway", _rates(ours), "events/s", median(_rates(ours)) / base),
        Line("  p99 of the plain app", _p99s(plain), "ms"),
        Line("  p99 of the gateway", _p99s(ours), "ms"),
    ]


def _rates(outcomes: list[Outcome]) -> tuple[float, ...]:
    return tuple(outcome.per_second for outcome in outcomes)


def _p99s(outcomes: list[Outcome]) -> tuple[float, ...]:
    return tuple(quantiles(outcome.latencies_s, n=100)[98] * 1000 for outcome in outcomes)


def _run(engine: Engine, address: tuple[str, int], table: str, prepared: int) -> Outcome:
    """One side alone for some seconds; every 2xx must be a row of its own afterwards."""
    requests = [_request(number) for number in _take(prepared)]
    before = _rows(engine, table)
    send_all(address, [_request(number) for number in _take(CONNECTIONS * 4)], connections=CONNECTIONS, seconds=SECONDS)
    before += CONNECTIONS * 4
    outcome = send_all(address, requests, connections=CONNECTIONS, seconds=SECONDS)
    stored = _rows(engine, table) - before
    if outcome.ok_count != stored or len(outcome.statuses) != 1:
        raise RuntimeError(f"{table}: answers {outcome.statuses}, but {stored} rows")
    return outcome


def _take(number: int) -> Iterator[int]:
    return (next(_numbers) for _ in range(number))


def _rows(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def _request(number: int) -> bytes:
    """A customer event that differs from all others, sealed and signed, as bytes for the wire."""
    key = base64.b64decode(AES_KEY + "=")
    message = (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
        f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[change_external_contact]]></Event><ChangeType><![CDATA[add_external_contact]]></ChangeType>"
        f"<UserID><![CDATA[associate]]></UserID><ExternalUserID><![CDATA[wm{number:030d}]]></ExternalUserID></xml>"
    ).encode()
    plain = os.urandom(16) + len(message).to_bytes(4, "big") + message + CORP.encode()
    pad = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = base64.b64encode(encryptor.update(plain + bytes([pad]) * pad)).decode()
    stamp, nonce = str(int(time.time())), str(number)
    signature = hashlib.sha1("".join(sorted([TOKEN, stamp, nonce, sealed])).encode()).hexdigest()
    body = f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    return (
        f"POST {PATH}?msg_signature={signature}&timestamp={stamp}&nonce={nonce} HTTP/1.1\r\nHost: bench\r\n"
        f"Content-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _prepare(servers: EmbeddedServers) -> Engine:
    engine = make_engine(servers.database_url)
    now = datetime.now(UTC)
    migrate(engine, now=now)
    receiver = {"kind": "app", "token": TOKEN, "encoding_aes_key": AES_KEY}
    corp = parse_corp_file({"corp_id": CORP, "name": "Bench", "receivers": {"main": receiver}}, source="bench")
    with engine.begin() as connection:
        record_corp(connection, Vault(SECRET_KEY), corp, now=now)
        connection.execute(text(SCHEMA))
    return engine


@contextmanager
def _plain(servers: EmbeddedServers) -> Iterator[tuple[str, int]]:
    """gunicorn as its documents advise for threads: a worker per core, connections kept alive."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keys = {"token": TOKEN, "encoding_aes_key": AES_KEY, "corp_id": CORP}
    configuration = json.dumps({"database_url": servers.database_url.replace("+psycopg", ""), **keys})
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(f"from bench.plain_app import create_app\napplication = create_app({configuration!r})\n")
        file.flush()
        command = ["-m", "gunicorn", "--worker-class=gthread", f"--workers={os.cpu_count()}", "--threads=32"]
        command += ["--keep-alive=75", "--log-level=error", f"--bind=127.0.0.1:{port}", f"--pythonpath={ROOT}"]
        command += [f"--chdir={Path(file.name).parent}", f"{Path(file.name).stem}:application"]
        with _running(command, {}):
            _wait_for(port)
            yield ("127.0.0.1", port)


@contextmanager
def _gateway(servers: EmbeddedServers, folder: Path) -> Iterator[tuple[str, int]]:
    settings = {
        "GUANXI_DATABASE_URL": servers.database_url,
        "GUANXI_REDIS_URL": servers.redis_url,
        "GUANXI_HOME": str(folder / "gateway"),
        "GUANXI_SECRET_KEY": SECRET_KEY,
        "GUANXI_GATEWAY_WORKERS": str(os.cpu_count()),
        "GUANXI_LOG_FORMAT": "json",
    }
    start = "from callback_gateway.command import command; command()"
    log = folder / "gateway.log"
    with _running(["-c", start, "--bind=127.0.0.1:0"], settings, log=log):
        deadline = time.monotonic() + START_S
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the gateway does not start: {log.read_text()}")
            time.sleep(0.1)
        _wait_for(int(found[1]))
        yield ("127.0.0.1", int(found[1]))


@contextmanager
def _running(command: list[str], settings: dict[str, str], *, log: Path | None = None) -> Iterator[None]:
    with (log or Path(os.devnull)).open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env={**os.environ, **settings}, stdout=output, stderr=output
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1.0)  # the first requests are a warm-up in any case
                return
        time.sleep(0.1)
    raise RuntimeError("a server does not start")
