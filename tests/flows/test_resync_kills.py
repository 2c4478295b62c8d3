"""kill -9 of the worker at fifty moments of one full pass: nothing is lost, told twice or read all over again (G3)."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from commands.stack import ROOT, without_proxies
from commands.waiting import wait_for
from shared.clock import SystemClock
from shared.db.engine import fetch_all
from shared.runtime import Runtime
from shared.settings import Settings, child_environment
from shared.sync_runs import open_runs
from shared.tenants import load_tenants
from shared.vault import Vault
from tests.flows.conftest import ASSOCIATES, OUTLETS

CUSTOMERS, FOLLOWERS = 20_000, 3
KILLS = 50
EDITS, DELETIONS, ADDITIONS = 200, 100, 100
DAY_S, HOUR_S = 86_400, 3_600
SETTINGS = {"LEASE_S": "1", "RESYNC_PARALLEL": "1", "LOG_LEVEL": "error", "DRIFT_SAMPLE": "0", "RESYNC_CRON": "off"}


@dataclass
class Shop:
    """A corp in WeCom and here, and one worker process at a time."""

    corp: SimulatedCorp
    runtime: Runtime
    env: dict[str, str]
    log: Path
    dice: random.Random = field(default_factory=lambda: random.Random(5))
    worker: "subprocess.Popen[bytes] | None" = None
    told_until: int = 0

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, str(ROOT / "guanxi.py"), "worker", "--health-bind", "127.0.0.1:0"]
            self.worker = subprocess.Popen(command, env=self.env, stdout=log, stderr=log, cwd=self.log.parent)

    def kill(self) -> None:
        assert self.worker is not None
        assert self.worker.poll() is None, self.log.read_text()[-2000:]
        self.worker.kill()
        self.worker.wait()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.runtime.engine.begin() as connection:
            return [dict(row) for row in fetch_all(connection, sql)]

    def calls(self) -> Counter[str]:
        return Counter({path: sum(codes.values()) for path, codes in self.corp.get("/sim/calls").items()})

    def open_resync(self) -> None:
        with self.runtime.engine.begin() as connection:
            (tenant,) = load_tenants(connection, self.runtime.vault)
            assert len(open_runs(connection, tenant.id, now=self.runtime.clock.now())) == 4

    def is_quiet(self) -> bool:
        return not self.rows(
            "select 1 from sync_run where state in ('walking', 'settling') union all "
            "select 1 from request where generation > settled_generation"
        )

    def change(self, label: str) -> Counter[tuple[str, str, str | None]]:
        """What people did an hour ago and no event told; the facts that must come of it, each once."""
        at = int(self.runtime.clock.now().timestamp()) - HOUR_S
        pairs = sorted((p["external_userid"], p["userid"]) for p in self.corp.pairs() if p["state"] == "active")
        # One change a customer: otherwise an edit may come with an end, which tells only of the end.
        chosen = self.dice.sample(sorted(dict(pairs).items()), EDITS + DELETIONS)
        userids = self.dice.choices(sorted(ASSOCIATES), k=ADDITIONS)
        added = [(f"wmNew{label}{n:04d}", userid) for n, userid in enumerate(userids)]
        acts = [{"do": "edit", "remark": f"{label}{n}"} | _pair(one) for n, one in enumerate(chosen[:EDITS])]
        acts += [{"do": "member_deletes"} | _pair(one) for one in chosen[EDITS:]]
        acts += [{"do": "add", "name": f"新客户{n}"} | _pair(one) for n, one in enumerate(added)]
        self.corp.act([{**act, "at": at, "silent": True} for act in acts])
        kinds = ["relation_edited"] * EDITS + ["relation_deleted"] * DELETIONS + ["relation_started"] * ADDITIONS
        return Counter((kind, *one) for kind, one in zip(kinds, [*chosen, *added], strict=True))

    def facts(self) -> Counter[tuple[str, str, str | None]]:
        """What was told of relations since this was asked last."""
        found = self.rows(
            f"select id, type, subject_key, payload ->> 'userid' as userid from fact "
            f"where id > {self.told_until} and type like 'relation%'"
        )
        self.told_until = max((row["id"] for row in found), default=self.told_until)
        return Counter((row["type"], row["subject_key"], row["userid"]) for row in found)

    def assert_relations_equal(self) -> None:
        states = {"active": "active", "ended_by_associate": "gone"}
        here = {
            (r["external_userid"], r["userid"]): (states.get(r["state"], r["state"]), r["remark"])
            for r in self.rows("select external_userid, userid, state, remark from relation")
        }
        there = {(p["external_userid"], p["userid"]): (p["state"], p["remark"]) for p in self.corp.pairs()}
        assert here == there


def _pair(pair: tuple[str, str]) -> dict[str, str]:
    return {"external_userid": pair[0], "userid": pair[1]}


@pytest.fixture
def shop(
    engine: Engine, database_url: str, redis_url: str, simulator_url: str, vault: Vault, tmp_path: Path
) -> Iterator[Shop]:
    """A live corp of 200 associates with 20,000 customers, each of whom follows three."""
    secret = "a secret key of the tests, long enough"
    values = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WECOM_BASE_URL": simulator_url,
        "HOME": str(tmp_path),
    }
    env = without_proxies(child_environment({**values, **SETTINGS, "SECRET_KEY": secret}))
    settings = Settings(_env_file=None, wecom_base_url=simulator_url)
    runtime = Runtime(settings, SystemClock(), engine, Redis.from_url(redis_url), vault)
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.post("/sim/limits", {"per_minute": 0, "per_hour": 0})
    corp.create([], associates=ASSOCIATES, outlets=OUTLETS)
    wish = {"count": CUSTOMERS, "userids": list(ASSOCIATES), "followers_each": FOLLOWERS}
    corp.post(f"/sim/corps/{CORP_ID}/customers/bulk", {**wish, "createtime": int(time.time()) - DAY_S})
    made = Shop(corp, runtime, env, tmp_path / "worker.log")
    record_demo_corp(runtime)
    made.start()
    wait_for(lambda: bool(made.rows("select 1 from tenant where state = 'live'")), "the first sync", patience_s=300)
    wait_for(made.is_quiet, "all that is due", patience_s=120)
    made.facts()
    yield made
    with suppress(ProcessLookupError):
        if made.worker is not None:
            os.kill(made.worker.pid, 9)


@pytest.mark.long
def test_fifty_kills_of_one_resync_of_20000_customers(shop: Shop) -> None:
    """It resumes, with at most a tenth more calls than an undisturbed one, and ends in the same state (G3)."""
    expected = shop.change("甲")
    before = shop.calls()
    shop.open_resync()
    wait_for(shop.is_quiet, "the undisturbed resync", patience_s=300)
    used = shop.calls() - before
    assert shop.facts() == expected
    shop.assert_relations_equal()

    expected = shop.change("乙")
    before, moments = shop.calls(), sorted(shop.dice.sample(range(1, used.total()), KILLS))
    shop.corp.post("/sim/faults", {"path": "*", "latency_ms": 20})
    shop.open_resync()
    phases = Counter(_kill_at(shop, before.total() + moment) for moment in moments)
    shop.corp.post("/sim/faults", {"clear": True})
    wait_for(shop.is_quiet, "the resync that was disturbed", patience_s=300)
    spent = shop.calls() - before
    sys.stdout.write(f"{spent.total()} calls, undisturbed {used.total()}; kills by phase {dict(phases)}\n")
    runs = shop.rows("select resource, state, kind from sync_run order by id desc limit 4")
    assert {row["state"] for row in runs} == {"done"}, runs
    assert shop.facts() == expected
    shop.assert_relations_equal()
    assert spent.total() <= 1.1 * used.total(), f"kills by phase {dict(phases)}, calls too many {spent - used}"
    assert not shop.rows("select 1 from request where dead_at is not null")


def _kill_at(shop: Shop, calls: int) -> str:
    """Kill the worker within some milliseconds after that many calls, start the next; where the pass was then."""
    wait_for(lambda: shop.calls().total() >= calls or shop.is_quiet(), f"call {calls}", patience_s=60)
    time.sleep(shop.dice.uniform(0, 0.05))
    shop.kill()
    (row,) = shop.rows(
        "select coalesce((select min(b.kind) from sync_block b where b.tenant_id = r.tenant_id and b.run_id = r.id "
        "and not b.done), r.phase) as phase, r.state from sync_run r "
        "where r.resource = 'external_contact' order by r.id desc limit 1"
    )
    shop.start()
    return str(row["phase"] if row["state"] == "walking" else row["state"])
