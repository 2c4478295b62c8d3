"""Full passes: the first sync and an unchanged resync, against a bare walk and a row-by-row sync, in one run.

`python -m bench sync` measures a corp of BENCH_CUSTOMERS customers (20,000) with BENCH_FOLLOWERS friends each (3),
walked by BENCH_WORKERS workers (2). Before a last resync, BENCH_MISSING (100) relations end without an event.
BENCH_LATENCY_MS makes each call of WeCom's take so much longer, BENCH_AT_ONCE allows so many at once (10), and
BENCH_PLAIN=0 leaves out the sync row by row: a million takes it most of an hour.
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
from shared.db.engine import fetch_all, fetch_one, make_engine
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
PAGE, CONSTANT = 100, 20
MONTH_S = 30 * 86_400


@dataclass(frozen=True)
class Measured:
    """One pass: how long, how many calls of its main API and in all, and the most memory that each process has had."""

    seconds: float
    batch_calls: int
    calls: int
    memory: str


@dataclass(frozen=True)
class Wish:
    """What to measure, from the environment."""

    customers: int
    followers: int
    workers: int
    missing: int
    latency_ms: int
    at_once: int
    plain: bool

    @property
    def relations(self) -> int:
        return self.customers * self.followers

    @property
    def most_calls(self) -> int:
        """Of a resync that finds `missing` relations gone: a call a page, two per hundred associates, a read each."""
        return self.relations // PAGE + 2 * len(ASSOCIATES) // PAGE + self.missing + CONSTANT


def measure() -> list[Line]:
    wish = _wish()
    with _system(wish) as (stack, corp):
        runtime = stack.open_runtime()
        plain_s = _plain(stack, corp.simulator_url, wish.relations) if wish.plain else None
        if wish.latency_ms:
            corp.post("/sim/faults", {"path": "*", "latency_ms": wish.latency_ms})
        bare_s = _timed(lambda: plain_walk.walk_only(corp.simulator_url, CORP_ID, SECRET))
        passes = {"first sync": _measured(stack, corp, lambda: _first(runtime))}
        passes["cards after it"] = _measured(stack, corp, lambda: _cards(runtime))
        passes["unchanged resync"] = _measured(stack, corp, lambda: _resync(runtime))
        _end_unheard(corp, runtime, wish.missing)
        passes[f"resync, {wish.missing:,} gone"] = last = _measured(stack, corp, lambda: _resync(runtime))
        size = _number(runtime.engine, "select pg_database_size(current_database()) / 1048576 as n")
        gone = _number(runtime.engine, "select count(*) as n from relation where state <> 'active'")
    assert gone == wish.missing, f"{gone} relations ended, not {wish.missing}"
    assert last.calls <= wish.most_calls, f"{last.calls} calls, more than {wish.most_calls}"
    _tell(wish, passes, size)
    lines = [
        Line(name, (wish.relations / one.seconds,), "relations/s", _ratio(plain_s, one.seconds))
        for name, one in passes.items()
    ]
    sys.stdout.write(f"unchanged resync / bare walk: {passes['unchanged resync'].seconds / bare_s:.2f}\n")
    bare = Line("bare walk, stores nothing", (wish.relations / bare_s,), "relations/s", _ratio(plain_s, bare_s))
    if plain_s is None:
        return [bare, *lines]
    return [bare, Line("sequential, row by row", (wish.relations / plain_s,), "relations/s", 1.0), *lines]


def _wish() -> Wish:
    def number(name: str, default: int) -> int:
        return int(os.environ.get(f"BENCH_{name}", default))

    return Wish(
        number("CUSTOMERS", 20_000),
        number("FOLLOWERS", 3),
        number("WORKERS", 2),
        number("MISSING", 100),
        number("LATENCY_MS", 0),
        number("AT_ONCE", 10),
        plain=bool(number("PLAIN", 1)),
    )


def _ratio(plain_s: float | None, seconds: float) -> float | None:
    return None if plain_s is None else plain_s / seconds


def _tell(wish: Wish, passes: dict[str, Measured], size_mib: int) -> None:
    out = sys.stdout.write
    out(
        f"{wish.customers:,} customers, {wish.relations:,} relations, {wish.workers} workers, "
        f"{wish.latency_ms} ms a call, {wish.at_once} at once, database {size_mib:,} MiB\n"
    )
    for name, one in passes.items():
        out(
            f"{name}: {one.seconds:.1f} s, {wish.customers / one.seconds:,.0f} customers/s, {one.batch_calls:,} pages, "
            f"{one.calls:,} calls in all; most memory, MiB: {one.memory}\n"
        )
    out(f"the last resync may use {wish.most_calls:,} calls\n")


def _end_unheard(corp: SimulatedCorp, runtime: Runtime, number: int) -> None:
    """So many associates delete a customer, and no event tells of it."""
    with runtime.engine.begin() as connection:
        some = "select userid, external_userid from relation where state = 'active' limit :n"
        pairs = [dict(row) for row in fetch_all(connection, some, n=number)]
    corp.act([{"do": "member_deletes", **pair, "silent": True} for pair in pairs])


@contextmanager
def _system(wish: Wish) -> Iterator[tuple[Stack, SimulatedCorp]]:
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(home=Path(folder), gateway_bind="127.0.0.1:0")
        extra = {**UNLIMITED, "WECOM_AT_ONCE": str(wish.at_once)}
        with Stack(settings, simulator=True, workers=wish.workers, extra=extra) as stack:
            assert stack.simulator_url is not None
            corp = SimulatedCorp(stack.simulator_url)
            corp.post("/sim/limits", {"per_minute": 0, "per_hour": 0, "ip_per_minute": 0, "ip_per_hour": 0})
            corp.create([], associates=ASSOCIATES, outlets={1: "总部", 2: "一店"})
            began = int(time.time()) - MONTH_S  # younger ones may be missing from reads
            told = {"count": wish.customers, "followers_each": wish.followers, "mobiles": 0.2, "createtime": began}
            corp.post(f"/sim/corps/{CORP_ID}/customers/bulk", {**told, "userids": list(ASSOCIATES)})
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
    return Measured(seconds, pages, calls, _memory(stack))


def _calls(counts: dict[str, dict[str, int]], path: str) -> int:
    return sum(counts.get(path, {}).values())


def _memory(stack: Stack) -> str:
    """The largest memory that each process has had so far."""
    peaks = []
    for name, pid in sorted(stack.supervisor.pids().items()):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        peaks += [f"{name} {int(line.split()[1]) // 1024}" for line in lines if line.startswith("VmHWM:")]
    return ", ".join(peaks)


def _first(runtime: Runtime) -> None:
    record_demo_corp(runtime)
    live = "select count(*) as n from tenant where state = 'live'"
    wait_for(lambda: _number(runtime.engine, live) == 1, "the first sync", patience_s=PATIENCE_S)


def _cards(runtime: Runtime) -> None:
    due = "select count(*) as n from card_due"
    wait_for(lambda: _number(runtime.engine, due) == 0, "the customers' cards", patience_s=PATIENCE_S)


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
