"""How soon new friends are welcomed, with and without a full resync and 10,000 reminders beside it.

`python -m bench welcome`: in a corp of BENCH_CUSTOMERS relations (50,000) and 1,000 associates, BENCH_RATE customers a
second (10) add an associate, evenly, for BENCH_SECONDS (30): alone; then while the corp is resynced again and again and
BENCH_REMINDERS (10,000) messages to associates, put into the outbox at the start, go out. Processes are as in `guanxi
up`, with one worker for the rest and one for welcomes.

- "callback to try": from the gateway's arrival time of the callback to the first try of send_welcome_msg.
- "callback to accepted": to WeCom's yes. The simulator's own time is in it.
- Every welcome must be sent, and the simulator must have seen each once, or the run fails.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.cpu import used
from bench.measure import Line
from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from commands.following import ring
from commands.stack import Stack
from commands.waiting import wait_for
from services.customers.model import RelationLost
from services.notices.store import Caused, record_facts_and_notices
from services.welcomes.model import Draft
from services.welcomes.store import make_rule
from shared.db.engine import Row, fetch_all
from shared.ids import ExternalUserId, UserId
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.sync_runs import RESOURCES, cancel_runs, open_runs
from shared.tenants import Tenant, load_tenants

ASSOCIATES = {f"sales{n:04d}": (f"导购{n:04d}", 2) for n in range(1000)}
QUIET = {"RESYNC_CRON": "off", "DRIFT_SAMPLE": "0"}
PATIENCE_S = 900
MONTH_S = 30 * 86_400
MARKS = ("p50", "p95", "p99", "max")
RULE = Draft(
    name="all", enabled=True, userids=(), department_ids=(), states=(), weekdays=(), from_time=None, until_time=None,
    priority=0, text="{customer|您}好，我是{associate}", attachments=(),
)  # fmt: skip
LOG = "select id, state, received_at, first_try_at, settled_at from welcome where id > :after order by id"
OPEN_RUNS = "select 1 as one from sync_run where state in ('walking', 'settling')"
SENT = "select 1 as one from outbox where state = 'sent'"
DUE = "select 1 as one from outbox where state = 'due'"


@dataclass
class Stage:
    runtime: Runtime
    corp: SimulatedCorp
    tenant: Tenant
    rate: float
    added: int = 0

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        with self.runtime.engine.begin() as connection:
            return list(fetch_all(connection, sql, **parameters))

    def seen(self) -> int:
        """How many welcomes the simulator took."""
        found = self.corp.get(f"/sim/corps/{CORP_ID}/look/welcomes")
        rows: list[dict[str, Any]] = found if isinstance(found, list) else found["welcomes"]
        return sum(1 for one in rows if one["said"])


def measure() -> list[Line]:
    seconds, reminders = float(os.environ.get("BENCH_SECONDS", "30")), int(os.environ.get("BENCH_REMINDERS", "10000"))
    with _stage() as stage:
        _welcomed(stage, 3, nullcontext, "warming up")
        alone = _welcomed(stage, seconds, nullcontext, "alone")
        beside = _welcomed(stage, seconds, lambda: _busy(stage, reminders), "beside a resync and reminders")
    return [*_lines("callback to try", alone[0], beside[0]), *_lines("callback to accepted", alone[1], beside[1])]


def _lines(what: str, alone: list[float], beside: list[float]) -> Iterator[Line]:
    for name, before, after in zip(MARKS, _marks(alone), _marks(beside), strict=True):
        yield Line(f"{what}, {name}", (before,), "ms", 1.0)
        yield Line("  beside a resync and reminders", (after,), "ms", after / before)


def _marks(values: list[float]) -> tuple[float, float, float, float]:
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98], max(values)


@contextmanager
def _stage() -> Iterator[Stage]:
    customers = int(os.environ.get("BENCH_CUSTOMERS", "50000"))
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(home=Path(folder), gateway_bind="127.0.0.1:0", database_url=None, redis_url=None)
        with Stack(settings, simulator=True, extra=QUIET) as stack:
            assert stack.simulator_url is not None
            runtime, corp = stack.open_runtime(), SimulatedCorp(stack.simulator_url)
            corp.create([stack.addresses["gateway"]], associates=ASSOCIATES, outlets={1: "总部", 2: "一店"})
            told = {"count": customers, "userids": list(ASSOCIATES), "createtime": int(time.time()) - MONTH_S}
            corp.post(f"/sim/corps/{CORP_ID}/customers/bulk", told)
            record_demo_corp(runtime)
            with runtime.engine.begin() as connection:
                (tenant,) = load_tenants(connection, runtime.vault)
                make_rule(connection, tenant.id, RULE, by="bench", now=runtime.clock.now())
            stage = Stage(runtime, corp, tenant, float(os.environ.get("BENCH_RATE", "10")))
            live = "select 1 as one from tenant where state = 'live'"
            wait_for(lambda: bool(stage.rows(live)), "the first sync", patience_s=PATIENCE_S)
            yield stage
            runtime.engine.dispose()


def _welcomed(
    stage: Stage, seconds: float, beside: Callable[[], AbstractContextManager[None]], name: str
) -> tuple[list[float], list[float]]:
    """Milliseconds from each callback to the first try and to WeCom's yes."""
    (newest,) = stage.rows("select coalesce(max(id), 0) as id from welcome")
    sent = len(stage.rows(SENT))
    with beside():
        cpu = used()
        count = _add(stage, seconds)
        cpu_text, told = used().since(cpu), len(stage.rows(SENT)) - sent
        wait_for(lambda: len(_settled(stage, newest["id"])) >= count, "the welcomes", patience_s=60)
    rows = _settled(stage, newest["id"])
    stage.added += count
    states = {row["state"] for row in rows}
    if len(rows) != count or states != {"sent"} or stage.seen() != stage.added:
        raise RuntimeError(f"{len(rows)} of {count} welcomes, {states}, the simulator saw {stage.seen()}")
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    sys.stdout.write(f"{name}: {count} new friends, {told} messages meanwhile; {cpu_text}; load {loads}\n")
    return (
        [(row["first_try_at"] - row["received_at"]).total_seconds() * 1000 for row in rows],
        [(row["settled_at"] - row["received_at"]).total_seconds() * 1000 for row in rows],
    )


def _settled(stage: Stage, after: int) -> list[Row]:
    return [row for row in stage.rows(LOG, after=after) if row["state"] != "sending"]


def _add(stage: Stage, seconds: float) -> int:
    """New friends at a steady rate; how many."""
    started, count, userids = time.monotonic(), int(stage.rate * seconds), list(ASSOCIATES)
    for number in range(count):
        time.sleep(max(0.0, started + number / stage.rate - time.monotonic()))
        stage.corp.act({"do": "add", "userid": userids[number % len(userids)], "welcome": True})
    return count


@contextmanager
def _busy(stage: Stage, reminders: int) -> Iterator[None]:
    """Full resyncs one after the other, and messages to associates that are all due at once."""
    stopping, runtime, tenant_id = threading.Event(), stage.runtime, stage.tenant.id

    def resync() -> int:
        passes = 0
        while not stopping.is_set():
            with runtime.engine.begin() as connection:
                open_runs(connection, tenant_id, now=runtime.clock.now())
            ring(runtime)
            wait_for(lambda: not stage.rows(OPEN_RUNS) or stopping.is_set(), "the resync", patience_s=PATIENCE_S)
            passes += 1
        return passes

    with ThreadPoolExecutor(1) as pool:
        going_on = pool.submit(resync)
        try:
            _remind(stage, reminders)
            yield
        finally:
            stopping.set()
            with runtime.engine.begin() as connection:
                cancel_runs(connection, tenant_id, resources=RESOURCES, now=runtime.clock.now())
        sys.stdout.write(
            f"passes that ended or were under way: {going_on.result()}; {len(stage.rows(DUE))} messages left\n"
        )


def _remind(stage: Stage, count: int) -> None:
    now, userids = stage.runtime.clock.now(), list(ASSOCIATES)
    facts = [
        RelationLost(
            occurred_at=now,
            userid=UserId(userids[n % len(userids)]),
            external_userid=ExternalUserId(f"wmLost{n}"),
            evidenced=True,
        )
        for n in range(count)
    ]
    for first in range(0, count, 1000):
        caused = [Caused(one, "event") for one in facts[first : first + 1000]]
        with stage.runtime.engine.begin() as connection:
            record_facts_and_notices(connection, stage.tenant, caused, now=now, ttl_s=86_400)
