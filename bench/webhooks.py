"""A full outbox drained to a fast webhook sink on this machine, and what endpoints cost when facts are written."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import Engine, text

from bench.measure import Line
from services.customers.model import RelationEdited
from services.notices.store import Caused, record_facts_and_notices
from services.webhooks.model import USUAL_CAUSES
from services.webhooks.store import add_endpoint, new_secret
from shared.corp_file import parse_corp_file
from shared.db.engine import make_engine
from shared.db.migrate import migrate
from shared.embedded import EmbeddedServers
from shared.ids import ExternalUserId, UserId
from shared.settings import child_environment
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault

SECRET_KEY = "a secret key of the benchmark, nothing real"
ROOT = Path(__file__).parents[1]
CORP: dict[str, object] = {"corp_id": "ww0123456789abcdef", "name": "Bench"}
SINK = """
import asyncio
class Sink(asyncio.Protocol):
    def connection_made(self, transport): self.transport, self.kept = transport, b""
    def data_received(self, piece):
        self.kept += piece
        head, blank, body = self.kept.partition(b"\\r\\n\\r\\n")
        if blank and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\\r\\n")[0]):
            self.kept = b""
            self.transport.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
"""Answers what has come, whatever it says; one request at a time on a connection, as clients send them."""
BATCH = 500
WRITES = 300


def measure() -> list[Line]:
    """BENCH_ROWS rows (100,000), with BENCH_PARALLEL calls under way (4)."""
    count, parallel = int(os.environ.get("BENCH_ROWS", "100000")), os.environ.get("BENCH_PARALLEL", "4")
    with (
        tempfile.TemporaryDirectory(prefix="guanxi-bench-") as folder,
        EmbeddedServers(Path(folder) / "home") as servers,
    ):
        engine = make_engine(servers.database_url)
        migrate(engine, now=datetime.now(UTC))
        tenant = _tenant(engine)
        writes = [_writing(engine, tenant)]
        with subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True) as sink:
            assert sink.stdout is not None
            url = f"http://127.0.0.1:{sink.stdout.readline().strip()}/hook"
            _listen(engine, tenant, url)
            writes.append(_writing(engine, tenant))
            _fill(engine, tenant, count)
            env = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url, "SECRET_KEY": SECRET_KEY}
            env |= {"LOG_LEVEL": "warning", "WEBHOOK_PARALLEL": parallel}
            rate, mebibytes = _drained(engine, env, Path(folder))
            sink.terminate()
        engine.dispose()
    return [
        Line("a fact in a commit of its own, no endpoint", writes[0], "µs", 1.0),
        Line("  with an endpoint that hears it", writes[1], "µs", median(writes[1]) / median(writes[0])),
        Line(f"{count:,} rows drained, {parallel} calls at once", (rate,), "rows/s"),
        Line("  most memory of the notifier", (mebibytes,), "MiB"),
    ]


def _tenant(engine: Engine) -> Tenant:
    vault = Vault(SECRET_KEY)
    with engine.begin() as connection:
        id_ = record_corp(connection, vault, parse_corp_file(CORP, source="bench"), now=datetime.now(UTC))
        tenant = load_tenant(connection, vault, id_)
    assert tenant is not None
    return tenant


def _listen(engine: Engine, tenant: Tenant, url: str) -> None:
    with engine.begin() as connection:
        now, secret = datetime.now(UTC), new_secret()
        chosen = {"fact_types": None, "causes": USUAL_CAUSES, "by": "bench"}
        add_endpoint(connection, tenant, url=url, secret=secret, now=now, **chosen)  # type: ignore[arg-type]


def _facts(count: int, now: datetime) -> list[Caused]:
    return [
        Caused(
            RelationEdited(
                occurred_at=now, userid=UserId("LiNa"), external_userid=ExternalUserId(f"wm{n}"), changed=("remark",)
            ),
            "event",
        )
        for n in range(count)
    ]


def _writing(engine: Engine, tenant: Tenant) -> tuple[float, ...]:
    """Microseconds for each of many commits with one fact."""
    taken = []
    for _ in range(WRITES):
        now, started = datetime.now(UTC), time.perf_counter()
        with engine.begin() as connection:
            record_facts_and_notices(connection, tenant, _facts(1, now), now=now, ttl_s=60)
        taken.append((time.perf_counter() - started) * 1e6)
    return tuple(taken)


def _fill(engine: Engine, tenant: Tenant, count: int) -> None:
    now = datetime.now(UTC)
    for _ in range(count // BATCH):
        with engine.begin() as connection:
            record_facts_and_notices(connection, tenant, _facts(BATCH, now), now=now, ttl_s=60)


def _drained(engine: Engine, env: Mapping[str, str], folder: Path) -> tuple[float, float]:
    """Rows a second from the first to the last that was accepted, and the most memory seen, in MiB."""
    command = [sys.executable, str(ROOT / "guanxi.py"), "notifier", "--only", "webhooks"]
    most = 0
    with subprocess.Popen(command, env=child_environment(env), cwd=folder) as notifier:
        watched = psutil.Process(notifier.pid)
        while _number(engine, "select count(*) from outbox where state = 'queued'"):
            most = max(most, watched.memory_info().rss)
            time.sleep(1)
        notifier.terminate()
    sent = _number(engine, "select count(*) from outbox where state = 'sent'")
    seconds = _number(engine, "select extract(epoch from max(settled_at) - min(settled_at)) from outbox")
    if sent != _number(engine, "select count(*) from attempt"):
        raise RuntimeError("some rows were sent twice, or not at all")
    return sent / seconds, most / 2**20


def _number(engine: Engine, sql: str) -> float:
    with engine.connect() as connection:
        return float(connection.execute(text(sql)).scalar_one())
