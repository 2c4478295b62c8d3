"""A bulk job against WeCom's own limits: how much of the allowed rate it uses, and what a restart of everything costs.

`python -m bench bulk` tags BENCH_RELATIONS relations (100,000) of 200 associates by BENCH_WORKERS workers (2). At 30 %
every process and both servers are killed and started again. It fails when a relation was tagged twice, or not at all.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import Line
from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from commands.stack import Stack
from commands.waiting import wait_for
from services.bulk.store import ask_job, load_job
from services.customers.choice import Choice
from services.intents.model import Source
from shared.db.engine import fetch_one
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.tenants import load_tenants

MARK = "externalcontact/mark_tag"
ALLOWED_PER_S = 10_000 / 60
"""Calls of one API for one corp. Source: WeCom server API, frequency limits (page 90454)."""
ASSOCIATES = {f"sales{n:03d}": (f"导购{n:03d}", 2) for n in range(200)}
PATIENCE_S = 7200
MONTH_S = 30 * 86_400
AT = 0.3
WARM_S = 5.0
"""Left out of the rate: the budgets give a burst first."""
IN_FLIGHT = 16


def measure() -> list[Line]:
    relations = int(os.environ.get("BENCH_RELATIONS", "100000"))
    workers = int(os.environ.get("BENCH_WORKERS", "2"))
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(home=Path(folder), gateway_bind="127.0.0.1:0")
        with Stack(settings, simulator=True, workers=workers, extra={"LOG_LEVEL": "warning"}) as stack:
            assert stack.simulator_url is not None
            corp = SimulatedCorp(stack.simulator_url)
            tag = _make_corp(corp, relations)
            runtime = stack.open_runtime()
            record_demo_corp(runtime)
            wait_for(lambda: _state(runtime) == "live", "the first sync", patience_s=PATIENCE_S)
            tenant_id = _tenant(runtime)
            job_id = _ask(runtime, tenant_id, tag)
            before_s = _rate(corp, until=lambda: _marks(corp) >= AT * relations)
            _restart(stack)
            after_s = _rate(corp, until=lambda: _marks(corp) >= relations * 0.98)
            wait_for(lambda: _done(runtime, tenant_id, job_id), "the job", patience_s=PATIENCE_S)
            _check(runtime, corp, tag, relations)
    allowed = Line("allowed by WeCom", (ALLOWED_PER_S,), "calls/s", 1.0)
    rates = {"until all is killed at 30 %": before_s, "afterwards": after_s}
    return [allowed, *(Line(name, (rate,), "calls/s", rate / ALLOWED_PER_S) for name, rate in rates.items())]


def _make_corp(corp: SimulatedCorp, relations: int) -> str:
    corp.create([], associates=ASSOCIATES, outlets={1: "总部", 2: "一店"})
    began = int(time.time()) - MONTH_S
    told = {"count": relations, "followers_each": 1, "createtime": began, "userids": list(ASSOCIATES)}
    corp.post(f"/sim/corps/{CORP_ID}/customers/bulk", told)
    made = corp.act({"do": "create_tag_group", "group_name": "等级", "tags": ["金卡"]})
    return str(made["tag_ids"][0])


def _ask(runtime: Runtime, tenant_id: TenantId, tag: str) -> int:
    with runtime.engine.begin() as connection:
        return ask_job(
            connection,
            tenant_id,
            add=[tag],
            remove=[],
            choice=Choice(),
            author="bench",
            source=Source.PERSON,
            reason=None,
            now=runtime.clock.now(),
        )


def _tenant(runtime: Runtime) -> TenantId:
    with runtime.engine.begin() as connection:
        return load_tenants(connection, runtime.vault)[0].id


def _state(runtime: Runtime) -> str:
    with runtime.engine.begin() as connection:
        return load_tenants(connection, runtime.vault)[0].state


def _done(runtime: Runtime, tenant_id: TenantId, job_id: int) -> bool:
    with runtime.engine.begin() as connection:
        job = load_job(connection, tenant_id, job_id)
    return job is not None and job.finished_at is not None


def _marks(corp: SimulatedCorp) -> int:
    return sum(corp.get("/sim/calls").get(MARK, {}).values())


def _rate(corp: SimulatedCorp, *, until: Callable[[], bool]) -> float:
    """Calls a second, from some seconds after the next one until then."""
    count = _marks(corp)
    wait_for(lambda: _marks(corp) > count, "the first push", patience_s=PATIENCE_S)
    time.sleep(WARM_S)
    started, first = time.monotonic(), _marks(corp)
    wait_for(until, "the pushes", patience_s=PATIENCE_S)
    return (_marks(corp) - first) / (time.monotonic() - started)


def _restart(stack: Stack) -> None:
    for name in list(stack.supervisor.pids()):
        if name != "simulator":
            stack.supervisor.kill(name)
    stack.servers.kill_postgres()
    stack.servers.kill_valkey()
    stack.keep_alive()


def _check(runtime: Runtime, corp: SimulatedCorp, tag: str, relations: int) -> None:
    codes = corp.get("/sim/calls")[MARK]
    sys.stdout.write(f"answers to {MARK}: {codes}\n")
    tagged = sum(tag in pair["tags"] for pair in corp.pairs())
    with runtime.engine.begin() as connection:
        row = fetch_one(
            connection,
            "select count(*) as n, count(*) filter (where state = 'confirmed') as confirmed, max(pushes) as pushes, "
            "(select count(*) from relation where :tag = any(corp_tag_ids)) as here from intent",
            tag=tag,
        )
    assert row is not None
    sys.stdout.write(f"intents: {dict(row)}; tagged in WeCom: {tagged}\n")
    assert (tagged, row["here"], row["confirmed"], row["n"]) == (relations,) * 4
    assert set(codes) == {"0"}, f"WeCom refused some: {codes}"
    assert relations <= codes["0"] <= relations + IN_FLIGHT, f"{codes['0']} calls for {relations} relations"
