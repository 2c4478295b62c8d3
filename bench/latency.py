"""From an act in WeCom to its row and its message, at a steady rate, with and without a full resync beside it.

`python -m bench latency`: in four corps of one simulator people act BENCH_RATE times a second in all (100), evenly, for
BENCH_SECONDS (30) without a resync, then as long while the first corp, with BENCH_CUSTOMERS relations (50,000), is
resynced again and again; both BENCH_ROUNDS (1) times. Callbacks, limits and processes (a gateway, BENCH_WORKERS (2)
workers, a notifier) are as in `guanxi up`. Every act is about a relation of its own; one without a row fails the run.

- An act begins when its request leaves for the simulator, so that the simulator's part is in all figures.
- Its row is there when the transaction commits that wrote relation and fact and, unless the resync was first, settled
  the request: PostgreSQL's commit timestamp of the fact, which is taken just before the flush to disk.
- Its message is there at the outbox row's `settled_at`: read from the clock when WeCom's answer has come.
"""

import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

from bench.acts import MIX, Act, Acted, Crowd
from bench.cpu import used
from bench.measure import Line
from commands.demo_corp import SimulatedCorp, record_demo_corp, tell_at_once
from commands.following import ring
from commands.stack import Stack
from commands.waiting import wait_for
from shared.db.engine import Row, fetch_all, fetch_one, make_engine
from shared.embedded import EmbeddedServers
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.sync_runs import RESOURCES, cancel_runs, open_runs

CORPS = tuple(f"wwbench00000000{number:02d}" for number in range(4))
RESYNCED = CORPS[0]
ASSOCIATES = {f"sales{n:03d}": (f"导购{n:03d}", 2) for n in range(200)}
FACTS = {"relation_edited": "edit", "relation_started": "add", "relation_lost": "customer_deletes"}
QUIET = {"RESYNC_CRON": "off", "DRIFT_SAMPLE": "0"}
"""No full pass and no drift check of the timetable falls into one window and not into the other."""
LEAST_CUSTOMERS = 2000
WARM_UP_S = 3.0
PATIENCE_S = 600
MONTH_S = 30 * 86_400
MARKS = ("p50", "p95", "p99", "max")

# xmin of a fact never changes; that of an inbox row is of the commit that routed it.
FOUND = """
select t.corp_id, f.type, f.payload ->> 'external_userid' as external_userid, f.payload ->> 'userid' as userid, f.cause,
  pg_xact_commit_timestamp(f.xmin) as recorded_at, i.received_at, pg_xact_commit_timestamp(i.xmin) as routed_at,
  o.settled_at as accepted_at
from fact f join tenant t on t.id = f.tenant_id
left join inbox i on f.caused_by = 'inbox:' || to_char(i.day, 'YYYYMMDD') || '-' || i.id
left join outbox o on o.tenant_id = f.tenant_id and o.fact_id = f.id and o.notice = 'new_customer'
  and o.state in ('sent', 'folded')
where f.recorded_at >= :since and f.type = any(:types)
"""
RECORDED = "select count(*) as n from fact where recorded_at >= :since and type = any(:types)"
DUE = (
    "select (select count(*) from outbox where state = 'due') + (select count(*) from request "
    "where generation > settled_generation and dead_at is null and next_try_at <= now()) as n"
)
LIVE = "select count(*) as n from tenant where state = 'live'"
OPEN_RUNS = "select count(*) as n from sync_run where state in ('walking', 'settling')"
FAILED_RUN = "select resource, last_error from sync_run where state = 'failed'"
WALKED = "select coalesce(sum(rows), 0) as n from sync_block"
NEVER_BEFORE = (
    "select external_userid, userid from relation where tenant_id = :tenant_id and state = 'active' "
    "order by random() limit :count"
)


@dataclass
class Window:
    """What became of the acts of some seconds.

    `waiting` of them had no row when the last one was over: many more than the rate times the median mean that the
    rate is too high, and then the figures grow with `seconds`.
    """

    seconds: float
    acted: list[Acted]
    cpu: str
    waiting: int
    walked: int
    passes_s: list[float]
    rows_ms: list[float] = field(default_factory=list)
    messages_ms: list[float] = field(default_factory=list)
    legs_ms: list[tuple[float, float, float]] = field(default_factory=list)
    by_resync: int = 0


@dataclass
class Stage:
    """The running system, and those who act."""

    runtime: Runtime
    crowd: Crowd
    rate: float

    def number(self, sql: str, **parameters: object) -> int:
        with self.runtime.engine.begin() as connection:
            row = fetch_one(connection, sql, **parameters)
        return int(row["n"]) if row else 0

    def tenant_id(self, corp_id: str) -> TenantId:
        return TenantId(self.number("select id as n from tenant where corp_id = :corp_id", corp_id=corp_id))


def measure() -> list[Line]:
    rate, seconds = float(os.environ.get("BENCH_RATE", "100")), float(os.environ.get("BENCH_SECONDS", "30"))
    customers, rounds = int(os.environ.get("BENCH_CUSTOMERS", "50000")), int(os.environ.get("BENCH_ROUNDS", "1"))
    needed = int(rate / len(CORPS) * (2 * seconds * rounds + WARM_UP_S)) + len(MIX)
    alone: list[Window] = []
    beside: list[Window] = []
    with _stage(rate, customers=customers, needed=needed) as stage:
        _measured(stage, WARM_UP_S, nullcontext)
        for _ in range(rounds):
            alone.append(_measured(stage, seconds, nullcontext))
            beside.append(_measured(stage, seconds, lambda: _resyncing(stage)))
    for name, windows in (("no resync", alone), ("beside a resync", beside)):
        for window in windows:
            sys.stdout.write(_described(name, window))
    rows = _lines("act to row", alone, beside, lambda window: window.rows_ms)
    messages = _lines("add to accepted message", alone, beside, lambda window: window.messages_ms)
    return [*rows, *messages]


def _described(name: str, window: Window) -> str:
    received, routed, recorded = (median(leg) for leg in zip(*window.legs_ms, strict=True))
    answered = _marks([one.took_s * 1000 for one in window.acted])
    passes = ", ".join(f"{took_s:.1f}" for took_s in window.passes_s) or "none"
    return (
        f"{name}: {len(window.acted) / window.seconds:.0f} acts/s, {window.waiting} without a row when the last was "
        f"over; {window.cpu}\n"
        f"  medians: received after {received:.0f} ms, routed {routed:.0f}, recorded {recorded:.0f} later; "
        f"the simulator answered an act in {answered[0]:.0f} ms (p99 {answered[2]:.0f})\n"
        f"  passes that ended, s: {passes}; {window.walked:,} relations walked; {window.by_resync} rows from a pass\n"
    )


def _lines(
    what: str, alone: Sequence[Window], beside: Sequence[Window], values: Callable[[Window], list[float]]
) -> Iterator[Line]:
    """Two lines for each mark; the ratio is that of the medians over the rounds."""
    base, loaded = ([_marks(values(window)) for window in windows] for windows in (alone, beside))
    for name, before, after in zip(MARKS, zip(*base, strict=True), zip(*loaded, strict=True), strict=True):
        yield Line(f"{what}, {name}", before, "ms", 1.0)
        yield Line("  beside a full resync", after, "ms", median(after) / median(before))


def _marks(values: Sequence[float]) -> tuple[float, float, float, float]:
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98], max(values)


@contextmanager
def _stage(rate: float, *, customers: int, needed: int) -> Iterator[Stage]:
    """Four live corps; each has at least `needed` relations."""
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(home=Path(folder), gateway_bind="127.0.0.1:0", database_url=None, redis_url=None)
        _keep_commit_times(settings.home)
        workers = int(os.environ.get("BENCH_WORKERS", "2"))
        with Stack(settings, simulator=True, workers=workers, extra=QUIET) as stack:
            assert stack.simulator_url is not None
            runtime = stack.open_runtime()
            for corp_id in CORPS:
                corp = SimulatedCorp(stack.simulator_url, corp_id)
                corp.create([stack.addresses["gateway"]], associates=ASSOCIATES, outlets={1: "总部", 2: "一店"})
                count = max(needed, customers if corp_id == RESYNCED else LEAST_CUSTOMERS)
                told = {"count": count, "userids": list(ASSOCIATES), "createtime": int(time.time()) - MONTH_S}
                corp.post(f"/sim/corps/{corp_id}/customers/bulk", told)
                record_demo_corp(runtime, corp_id=corp_id)
            tell_at_once(runtime)
            known: dict[str, Iterator[tuple[str, str]]] = {}
            stage = Stage(runtime, Crowd(stack.simulator_url, known, tuple(ASSOCIATES)), rate)
            wait_for(lambda: stage.number(LIVE) == len(CORPS), "the first syncs", patience_s=PATIENCE_S)
            known.update((corp_id, iter(_known(stage, corp_id, needed))) for corp_id in CORPS)
            yield stage
            runtime.engine.dispose()


def _keep_commit_times(home: Path) -> None:
    """Have PostgreSQL remember when each transaction committed; it reads this when it starts the next time."""
    with EmbeddedServers(home, valkey=False) as servers:
        engine = make_engine(servers.database_url, pool_size=1)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("alter system set track_commit_timestamp = on")
        engine.dispose()


def _known(stage: Stage, corp_id: str, count: int) -> list[tuple[str, str]]:
    with stage.runtime.engine.begin() as connection:
        rows = fetch_all(connection, NEVER_BEFORE, tenant_id=stage.tenant_id(corp_id), count=count)
    return [(row["external_userid"], row["userid"]) for row in rows]


def _measured(stage: Stage, seconds: float, beside: Callable[[], AbstractContextManager[list[float] | None]]) -> Window:
    """Act for some seconds, then wait until all that follows is done."""
    since, walked = datetime.now(UTC), stage.number(WALKED)

    def recorded() -> int:
        return stage.number(RECORDED, since=since, types=list(FACTS))

    with beside() as ended:
        cpu = used()
        acted = stage.crowd.act(rate=stage.rate, seconds=seconds)
        after = used()
        window = Window(
            after.at - cpu.at,
            acted,
            cpu=after.since(cpu),
            waiting=len(acted) - recorded(),
            walked=stage.number(WALKED) - walked,
            passes_s=list(ended or ()),
        )
    wait_for(lambda: recorded() >= len(acted), "the rows", patience_s=PATIENCE_S)
    wait_for(lambda: stage.number(DUE) == 0, "the messages", patience_s=PATIENCE_S)
    with stage.runtime.engine.begin() as connection:
        _fill(window, fetch_all(connection, FOUND, since=since, types=list(FACTS)))
    return window


def _fill(window: Window, found: Sequence[Row]) -> None:
    """
    Raises:
        RuntimeError: an act has no row, or an add no message, or either has two.
    """
    times = {one.act: one.at for one in window.acted}
    rows = Counter[Act]()
    for row in found:
        act = Act(row["corp_id"], FACTS[row["type"]], row["external_userid"], row["userid"])
        acted_at = times[act]
        rows[act] += 1
        recorded_at = row["recorded_at"].timestamp()
        window.rows_ms.append((recorded_at - acted_at) * 1000)
        if row["received_at"] is not None:
            moments = (acted_at, row["received_at"].timestamp(), row["routed_at"].timestamp(), recorded_at)
            legs = [(after - before) * 1000 for before, after in pairwise(moments)]
            window.legs_ms.append((legs[0], legs[1], legs[2]))
        window.by_resync += row["cause"] == "resync"
        if row["accepted_at"] is not None:
            window.messages_ms.append((row["accepted_at"].timestamp() - acted_at) * 1000)
    adds = sum(act.do == "add" for act in times)
    if rows != Counter(times.keys()) or len(window.messages_ms) != adds:
        problem = f"{len(found)} rows of {len(times)} acts, {len(window.messages_ms)} messages of {adds} adds"
        raise RuntimeError(problem)


@contextmanager
def _resyncing(stage: Stage) -> Iterator[list[float]]:
    """Full resyncs of one corp, one after the other; yields the growing list of how long each took, in seconds."""
    tenant_id, stopping = stage.tenant_id(RESYNCED), threading.Event()
    took_s: list[float] = []

    def resync() -> None:
        while not stopping.is_set():
            started = time.monotonic()
            with stage.runtime.engine.begin() as connection:
                open_runs(connection, tenant_id, now=stage.runtime.clock.now())
            ring(stage.runtime)
            wait_for(lambda: stage.number(OPEN_RUNS) == 0, "the resync", patience_s=PATIENCE_S)
            took_s.append(time.monotonic() - started)

    with ThreadPoolExecutor(1) as pool:
        going_on = pool.submit(resync)
        try:
            yield took_s
        finally:
            stopping.set()
            with stage.runtime.engine.begin() as connection:
                cancel_runs(connection, tenant_id, resources=RESOURCES, now=stage.runtime.clock.now())
        going_on.result()
    with stage.runtime.engine.begin() as connection:
        failed = fetch_one(connection, FAILED_RUN)
    if failed:
        raise RuntimeError("a resync of {resource} failed: {last_error}".format(**failed))
