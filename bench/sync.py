"""Full passes: the first sync and an unchanged resync, against a bare walk and a row-by-row sync, in one run.

`python -m bench sync` measures a corp of BENCH_CUSTOMERS customers (20,000) with BENCH_FOLLOWERS friends
each (3), walked by BENCH_WORKERS workers (2).
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from bench import plain_walk
from bench.measure import Line
from commands.demo_corp import CORP_ID, SECRET, SimulatedCorp, record_demo_corp
from commands.stack import Stack
from commands.waiting import wait_for
from shared.db.engine import fetch_one, make_engine
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.sync_runs import open_runs

BATCH = "externalcontact/batch/get_by_user"
ASSOCIATES = {f"sales{n:03d}": (f"导购{n:03d}", 2) for n in range(200)}
UNLIMITED = {
    "WECOM_PER_MINUTE": "10000000",
    "WECOM_PER_HOUR": "100000000",
    "WECOM_ADDRESS_PER_MINUTE": "10000000",
    "WECOM_ADDRESS_PER_HOUR": "100000000",
    "LOG_LEVEL": "warning",
}
PATIENCE_S = 3600


@dataclass(frozen=True)
class Measured:
    """One pass: how long, how many calls of its main API and in all, and the largest memory of a worker."""

    seconds: float
    batch_calls: int
    calls: int
    memory_mib: int


def measure() -> list[Line]:
    customers = int(os.environ.get("BENCH_CUSTOMERS", "20000"))
    followers = int(os.environ.get("BENCH_FOLLOWERS", "3"))
    workers = int(os.environ.get("BENCH_WORKERS", "2"))
    relations = customers * followers
    with _system(customers, followers, workers) as (stack, corp):
        runtime = stack.open_runtime()
        base_url = corp.simulator_url
        bare_s = _timed(lambda: plain_walk.walk_only(base_url, CORP_ID, SECRET))
        plain_s = _plain(stack, base_url, relations)
        first = _measured(stack, corp, lambda: _first(runtime))
        unchanged = _measured(stack, corp, lambda: _resync(runtime))
        size = _number(runtime.engine, "select pg_database_size(current_database()) / 1048576 as n")
    out = sys.stdout.write
    out(f"{customers:,} customers, {relations:,} relations, {workers} workers, database {size:,} MiB\n")
    for name, one in (("first sync", first), ("unchanged resync", unchanged)):
        out(
            f"{name}: {one.seconds:.1f} s, {customers / one.seconds:,.0f} customers/s, {one.batch_calls:,} pages, "
            f"{one.calls:,} calls in all, a worker's memory at most {one.memory_mib} MiB\n"
        )
    out(f"unchanged resync / bare walk: {unchanged.seconds / bare_s:.2f}\n")
    return [
        Line("bare walk, stores nothing", (relations / bare_s,), "relations/s"),
        Line("sequential, row by row", (relations / plain_s,), "relations/s", 1.0),
        Line("first sync", (relations / first.seconds,), "relations/s", plain_s / first.seconds),
        Line("unchanged resync", (relations / unchanged.seconds,), "relations/s", plain_s / unchanged.seconds),
    ]


@contextmanager
def _system(customers: int, followers: int, workers: int) -> Iterator[tuple[Stack, SimulatedCorp]]:
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(home=Path(folder), gateway_bind="127.0.0.1:0")
        with Stack(settings, simulator=True, workers=workers, extra=UNLIMITED) as stack:
            assert stack.simulator_url is not None
            corp = SimulatedCorp(stack.simulator_url)
            corp.post("/sim/limits", {"per_minute": 0, "per_hour": 0, "ip_per_minute": 0, "ip_per_hour": 0})
            corp.create([], associates=ASSOCIATES, outlets={1: "总部", 2: "一店"})
            told = {"count": customers, "userids": list(ASSOCIATES), "followers_each": followers, "mobiles": 0.2}
            corp.post(f"/sim/corps/{CORP_ID}/customers/bulk", told)
            yield stack, corp


def _timed(work: object) -> float:
    assert callable(work)
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _plain(stack: Stack, base_url: str, relations: int) -> float:
    engine = make_engine(stack.database_url)
    found: list[int] = []
    took = _timed(lambda: found.append(plain_walk.walk_and_store(engine, base_url, CORP_ID, SECRET)))
    plain_walk.Base.metadata.drop_all(engine)
    engine.dispose()
    assert found[0] >= relations * 0.99
    return took


def _measured(stack: Stack, corp: SimulatedCorp, work: object) -> Measured:
    before = corp.get("/sim/calls")
    seconds = _timed(work)
    after = corp.get("/sim/calls")
    pages = _calls(after, BATCH) - _calls(before, BATCH)
    calls = sum(_calls(after, path) - _calls(before, path) for path in after)
    return Measured(seconds, pages, calls, _worker_memory_mib(stack))


def _calls(counts: dict[str, dict[str, int]], path: str) -> int:
    return sum(counts.get(path, {}).values())


def _worker_memory_mib(stack: Stack) -> int:
    """The largest memory that a worker has had so far."""
    peaks = []
    for name, pid in stack.supervisor.pids().items():
        if name.startswith("worker"):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:")]
    return max(peaks)


def _first(runtime: Runtime) -> None:
    record_demo_corp(runtime)
    live = "select count(*) as n from tenant where state = 'live'"
    wait_for(lambda: _number(runtime.engine, live) == 1, "the first sync", patience_s=PATIENCE_S)


def _resync(runtime: Runtime) -> None:
    with runtime.engine.begin() as connection:
        row = fetch_one(connection, "select id from tenant")
        assert row is not None
        open_runs(connection, row["id"], resources=("external_contact",), now=runtime.clock.now())
    going_on = "select count(*) as n from sync_run where state = 'walking'"
    wait_for(lambda: _number(runtime.engine, going_on) == 0, "the resync", patience_s=PATIENCE_S)
    short = "select count(*) as n from sync_run where state <> 'done'"
    assert _number(runtime.engine, short) == 0


def _number(engine: Engine, sql: str) -> int:
    with engine.begin() as connection:
        row = fetch_one(connection, sql)
    return int(row["n"]) if row else 0
