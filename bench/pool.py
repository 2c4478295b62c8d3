"""The pool shared out: 100,000 whom nobody has added yet to 137 associates, over a filter, as the worker does it.

`python -m bench pool` makes a town of BENCH_SIZE customers (1,000,000; bench/town.py), a fifth of them in the pool;
BENCH_HOME keeps it for other benchmarks, but what was dealt out stays dealt out. It fails when the shares differ by
more than one.
"""

import os
import time
from collections.abc import Mapping

from sqlalchemy import Engine

from bench.finding import peak_mib, town
from bench.measure import Line
from bench.town import NOW
from services.finding.selection import Selection
from services.finding.store import select_found
from services.pool.batches import ask_batch, deal
from services.pool.model import Act
from shared.db.engine import fetch_all, transact
from shared.ids import TenantId, UserId
from shared.tenants import Tenant

CUSTOMERS, ASSOCIATES = 100_000, 137
WAITING: Mapping[str, object] = {
    "groups": [{"conditions": [{"field": "pool_status", "op": "equals", "value": "unassigned"}]}]
}


def measure() -> list[Line]:
    with town(int(os.environ.get("BENCH_SIZE", "1000000"))) as (engine, tenant, made):
        began = time.perf_counter()
        batch_id = _ask(engine, tenant)
        asked_s = time.perf_counter() - began
        while transact(engine, lambda c: deal(c, tenant.id, batch_id, now=NOW)) is not None:
            pass
        took_s = time.perf_counter() - began
        count, least, most = _shares(engine, tenant.id, batch_id)
        assert most - least <= 1, f"shares of {least} to {most}"
        return [
            *made,
            Line(f"{count:,} to {ASSOCIATES}: asked for", (1000 * asked_s,), "ms"),
            Line(f"{count:,} to {ASSOCIATES}: all dealt out", (took_s,), "s"),
            Line("smallest and largest share", (least, most), "customers"),
            Line("most memory of this process", (peak_mib(),), "MiB"),
        ]


def _ask(engine: Engine, tenant: Tenant) -> int:
    with engine.begin() as connection:
        found = select_found(connection, tenant, WAITING, region="CN", now=NOW)
        some = Selection(f"{found.sql} order by k.customer_id limit {CUSTOMERS}", found.parameters)
        userids = [UserId(f"sales{n}") for n in range(1, ASSOCIATES + 1)]
        return ask_batch(connection, tenant, some, userids, how="random", act=Act("batch", "bench", NOW)).id


def _shares(engine: Engine, tenant_id: TenantId, batch_id: int) -> tuple[int, int, int]:
    with engine.begin() as connection:
        rows = fetch_all(
            connection,
            "select count(*) as n from pool_change where tenant_id = :tenant_id and batch_id = :batch_id "
            "group by to_userid",
            tenant_id=tenant_id,
            batch_id=batch_id,
        )
    sizes = [row["n"] for row in rows]
    assert len(sizes) == ASSOCIATES
    return sum(sizes), min(sizes), max(sizes)
