"""A corp with customers in a real database, and worker processes that are killed while they are at work on it."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
import psutil

from commands.ports import Ports
from commands.stack import ROOT, answers
from commands.waiting import wait_for
from services.persons.store import OWN, VALUE
from shared.clock import monotonic
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, run
from shared.runtime import Runtime
from shared.settings import child_environment
from shared.tenants import Tenant, load_tenant, record_corp

QUICK = {
    "LEASE_S": "3", "FILES_LEASE_S": "3", "POOL_TELL_AFTER_S": "1", "SWEEP_INTERVAL_S": "0.2", "LOG_LEVEL": "warning",
    "RESYNC_CRON": "off", "DRIFT_SAMPLE": "0", "WECOM_BASE_URL": "http://127.0.0.1:9",
}  # fmt: skip
"""Whatever is taken over from the dead is taken over soon. Nothing here calls WeCom."""
LEVELS = ("gold", "silver", "bronze", "none")
DIFFERENT = 100
"""Sealed phone numbers that customers share: sealing one for each takes longer than the test."""
POLL_S = 0.002
CARD = """
insert into customer_card (tenant_id, customer_id, created_at, standing, friend_userids, seen_by, tag_ids, chat_ids,
  add_ways, add_states, stage_ids, gender, level, has_phone, has_email, blacklisted, score, points, purchase_count,
  purchase_amount, fields)
select :tenant_id, id, created_at, 'none', '{}', '{}', '{}', '{}', '{}', '{}', '{}', 'unknown',
  (cast(:levels as text[]))[1 + id % 4], true, false, false, 0, 0, 0, 0, '{}'
from customer where tenant_id = :tenant_id on conflict do nothing
"""


class Job(Protocol):
    """Long work of a worker. `longest_s`: a kill comes within so long after the work was seen under way.

    `in_peace`: so many times it is done first with no kill, to compare the others with.
    """

    longest_s: float
    in_peace: int

    def begin(self) -> None:
        """Ask for it, again when it was done before; no worker has begun."""

    def is_under_way(self, since: datetime) -> bool:
        """Whether a process that was started after `since` is at it just now."""

    def is_over(self) -> bool: ...

    def check(self) -> None:
        """What must be so once it is over."""


@dataclass
class Town:
    runtime: Runtime
    tenant: Tenant
    env: dict[str, str]
    log: Path
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    ports: Ports = field(default_factory=Ports)
    ready: dict[int, Callable[[], bool]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    def rows(self, sql: str, **given: object) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, tenant_id=self.tenant.id, **given)]

    def one(self, sql: str, **given: object) -> Any:
        return self.rows(sql, **given)[0][0]

    def run(self, sql: str, **given: object) -> int:
        with self.runtime.engine.begin() as connection:
            return run(connection, sql, tenant_id=self.tenant.id, now=self.now, **given)

    def add_customers(self, count: int, *, cards: bool = False) -> list[int]:
        """With a level by their id, and a card that shows it."""
        seal = self.tenant.cipher.encrypt
        phones = [seal(f"+8613{n:09d}".encode(), VALUE) for n in range(DIFFERENT)]
        before = self.one("select coalesce(max(id), 0) from customer")
        self.run(
            "insert into customer (tenant_id, created_at, updated_at) select :tenant_id, :now, :now "
            "from generate_series(1, :count)",
            count=count,
        )
        for n, level in enumerate(LEVELS):
            self.run(
                "update customer set own = :own where tenant_id = :tenant_id and id > :before and id % 4 = :n",
                own=seal(orjson.dumps({"level": level}), OWN), before=before, n=n,
            )  # fmt: skip
        self.run(
            "insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at) "
            "select :tenant_id, 'phone', sha256(convert_to(id::text, 'UTF8')), id, "
            "(cast(:sealed as bytea[]))[1 + id % :different], false, 'import', :now from customer where id > :before",
            sealed=phones, different=DIFFERENT, before=before,
        )  # fmt: skip
        if cards:
            self.run(CARD, levels=list(LEVELS))
        self.run("delete from card_due")
        self.run("analyze customer, customer_card, identity")
        return [one for (one,) in self.rows("select id from customer where id > :before order by id", before=before)]

    def facts(self, type_: str, caused_by: str) -> list[dict[str, Any]]:
        found = self.rows(
            "select payload from fact where type = :type and caused_by = :by order by id", type=type_, by=caused_by
        )
        return [one for (one,) in found]

    def holds(self, tables: Sequence[str], since: datetime) -> bool:
        """Whether a worker that was started after `since` has written to one of the tables and not committed."""
        held = (
            "select 1 from pg_locks l join pg_class c on c.oid = l.relation join pg_stat_activity a on a.pid = l.pid "
            "where l.mode = 'RowExclusiveLock' and a.application_name in ('guanxi-worker', 'guanxi-files') "
            "and a.datname = current_database() and a.backend_start > :since "
            "and c.relname ~ cast(:names as text) limit 1"
        )
        return bool(self.rows(held, since=since, names=f"^({'|'.join(tables)})(_p[0-9]+)?$"))

    def start(self) -> datetime:
        """One more worker; when."""
        at: datetime = self.one("select clock_timestamp()")
        bind = f"127.0.0.1:{self.ports.take()}"
        with self.log.open("ab") as log:
            command = [sys.executable, str(ROOT / "guanxi.py"), "worker", "--health-bind", bind]
            self.workers.append(subprocess.Popen(command, env=self.env, stdout=log, stderr=log, cwd=self.log.parent))
        self.ready[self.workers[-1].pid] = answers(f"http://{bind}/healthz")
        return at

    def wait_for_workers(self) -> None:
        """Until all of them have begun to look."""
        for worker in self.workers:
            wait_for(self.ready[worker.pid], "a worker", patience_s=60)

    def kill(self, which: int = 0) -> None:
        """kill -9, without a last word."""
        worker = self.workers.pop(which)
        assert worker.poll() is None, self.log.read_text()[-2000:]
        worker.kill()
        worker.wait()

    def end(self) -> None:
        """Workers and what they have started."""
        for worker in self.workers:
            for process in [*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid)]:
                process.kill()
            worker.wait()
        self.workers.clear()
        self.ports.release()


def make_town(runtime: Runtime, folder: Path, **settings: str) -> Town:
    with runtime.engine.begin() as connection:
        corp = CorpFile(corp_id="ww0000000000000001", name="Example Retail")
        made = load_tenant(
            connection, runtime.vault, record_corp(connection, runtime.vault, corp, now=runtime.clock.now())
        )
        run(connection, "update tenant set state = 'live', live_at = :now", now=runtime.clock.now())
    assert made is not None
    env = child_environment({**QUICK, **settings, "HOME": str(folder)})
    return Town(runtime, made, env, folder / "worker.log")


def kill_often(town: Town, job: Job, *, kills: int) -> Counter[str]:
    """Kill the only worker at random moments of its work, begin the work again when it is over; how often."""
    seen, since = Counter[str](), town.start()
    for _ in range(job.in_peace):
        job.begin()
        wait_for(job.is_over, "the work that nobody disturbs", patience_s=120)
        job.check()
    job.begin()
    while seen["kills"] < kills:
        _wait(lambda since=since: job.is_under_way(since) or job.is_over())  # type: ignore[misc]
        if not job.is_over():
            time.sleep(town.dice.uniform(0, job.longest_s))
        if job.is_over():
            job.check()
            job.begin()
            seen["done meanwhile"] += 1
            continue
        town.kill()
        seen["kills"] += 1
        since = town.start()
    wait_for(job.is_over, "the work that was disturbed", patience_s=120)
    job.check()
    sys.stdout.write(f"{type(job).__name__}: {dict(seen)}\n")
    return seen


def kill_one_of_two(town: Town, job: Job, *, kills: int) -> None:
    """Two workers all the time; either is killed while one of them is at work."""
    since, done = town.start(), 0
    town.start()
    town.wait_for_workers()
    job.begin()
    while done < kills:
        _wait(lambda since=since: job.is_under_way(since) or job.is_over())  # type: ignore[misc]
        if job.is_over():
            job.check()
            job.begin()
            continue
        time.sleep(town.dice.uniform(0, job.longest_s))
        town.kill(town.dice.randrange(2))
        town.start()
        town.wait_for_workers()
        done += 1
    wait_for(job.is_over, "the work that was disturbed", patience_s=120)
    job.check()


def _wait(happened: Any, *, patience_s: float = 60) -> None:
    deadline = monotonic() + patience_s
    while not happened():
        assert monotonic() < deadline, "nobody began"
        time.sleep(POLL_S)
