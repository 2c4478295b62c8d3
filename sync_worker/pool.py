"""The thread of a worker process that looks after the pool: rows say what is due, and each step is one commit.

It joins people whom WeCom showed, deals batches out, lets rules look at records, takes back what leavers had and what
was neglected, and has associates told. A process that is killed leaves whole steps only; two at once take different
rows.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from services.bulk_changes.store import is_any_running
from services.joining.recognise import join_next
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause, Fact
from services.pool.batches import deal, running_batches
from services.pool.leaving import return_of_leavers, tenants_with_leavers
from services.pool.matches import tenants_with_sure
from services.pool.ruling import apply_rules, return_neglected, tenants_with_due, tenants_with_returns
from services.pool.telling import tell_given, tenants_to_tell
from shared.audit import Origin, record_audit
from shared.clock import monotonic
from shared.db.engine import transact
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.tenants import Tenant, load_tenant
from sync_worker.looking import Looking, each_alone

LONGEST_S = 5.0
"""So long one kind of work goes on before the others have their turn."""


class Step(Protocol):
    def __call__(self, connection: Connection, tenant_id: TenantId) -> int: ...


class PoolKeeper:
    """Looks when it is told to, and goes on until nothing is due."""

    def __init__(self, runtime: Runtime, *, notify: Callable[[], None]) -> None:
        self._runtime, self._notify = runtime, notify
        self._looking = Looking("pool", self._keep, every_s=None)
        self.look, self.stop = self._looking.look, self._looking.stop

    def _keep(self) -> int:
        steps = keep_pool(self._runtime, stopping=lambda: self._looking.stopping)
        if steps:
            self._notify()
        return steps


def keep_pool(runtime: Runtime, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Do what is due, of each kind for some seconds at most; the number of steps that found something."""
    steps = 0
    for kind in KINDS:
        until = monotonic() + LONGEST_S
        while not stopping() and monotonic() < until and (done := kind(runtime)):
            steps += done
    return steps


def _record(
    connection: Connection, runtime: Runtime, tenant: Tenant, facts: Sequence[Fact], *, cause: Cause, by: str
) -> None:
    caused = [Caused(fact, cause, by) for fact in facts]
    ttl_s = runtime.settings.message_ttl_s
    record_facts_and_notices(connection, tenant, caused, now=runtime.clock.now(), ttl_s=ttl_s)


def _tenant(connection: Connection, runtime: Runtime, tenant_id: TenantId) -> Tenant:
    tenant = load_tenant(connection, runtime.vault, tenant_id)
    assert tenant is not None
    return tenant


def _join(runtime: Runtime) -> int:
    def join(connection: Connection, tenant_id: TenantId) -> int:
        tenant, now = _tenant(connection, runtime, tenant_id), runtime.clock.now()
        settled = join_next(connection, tenant, now=now)
        if settled is None:
            return 0
        if settled.joined is not None:
            record_audit(connection, tenant, settled.joined.changes, Origin("system", None, now))
        by = settled.row["caused_by"] or f"pool_match:{settled.row['id']}"
        _record(connection, runtime, tenant, settled.facts, cause=settled.row["cause"], by=by)
        return 1

    return _each(runtime, tenants_with_sure, join)


def _deal(runtime: Runtime) -> int:
    with runtime.engine.begin() as connection:
        batches = running_batches(connection)

    def deal_one(connection: Connection, tenant_id: TenantId, batch_id: int) -> int:
        facts = deal(connection, tenant_id, batch_id, now=runtime.clock.now())
        if facts is None:
            return 0
        tenant = _tenant(connection, runtime, tenant_id)
        _record(connection, runtime, tenant, facts, cause="api", by=f"pool_batch:{batch_id}")
        return 1

    def work(one: tuple[TenantId, int]) -> int:
        return transact(runtime.engine, partial(deal_one, tenant_id=one[0], batch_id=one[1]))

    return each_alone(batches, work, what="pool batches", tenant_of=lambda one: one[0])


def _apply(runtime: Runtime) -> int:
    def apply(connection: Connection, tenant_id: TenantId) -> int:
        tenant = _tenant(connection, runtime, tenant_id)
        looked, facts = apply_rules(connection, tenant, now=runtime.clock.now())
        _record(connection, runtime, tenant, facts, cause="rule", by="pool")
        return looked

    return _each(runtime, lambda c: tenants_with_due(c, now=runtime.clock.now()), apply)


def _leavers(runtime: Runtime) -> int:
    grace = timedelta(seconds=runtime.settings.pool_leaver_grace_s)

    def back(connection: Connection, tenant_id: TenantId) -> int:
        facts = return_of_leavers(connection, tenant_id, grace=grace, now=runtime.clock.now())
        _record(connection, runtime, _tenant(connection, runtime, tenant_id), facts, cause="rule", by="departure")
        return len(facts)

    return _each(runtime, tenants_with_leavers, back)


def _neglected(runtime: Runtime) -> int:
    with runtime.engine.begin() as connection:
        rules = tenants_with_returns(connection, now=runtime.clock.now())

    def back(connection: Connection, tenant_id: TenantId, rule_id: int) -> int:
        facts = return_neglected(connection, tenant_id, rule_id, now=runtime.clock.now())
        tenant = _tenant(connection, runtime, tenant_id)
        _record(connection, runtime, tenant, facts, cause="rule", by=f"pool_rule:{rule_id}")
        return len(facts)

    def work(one: tuple[TenantId, int]) -> int:
        return transact(runtime.engine, partial(back, tenant_id=one[0], rule_id=one[1]))

    return each_alone(rules, work, what="pool rules", tenant_of=lambda one: one[0])


def _tell(runtime: Runtime) -> int:
    after = timedelta(seconds=runtime.settings.pool_tell_after_s)

    def tell(connection: Connection, tenant_id: TenantId) -> int:
        now, tenant = runtime.clock.now(), _tenant(connection, runtime, tenant_id)
        giving = is_any_running(connection, tenant_id, "pool")
        told = tell_given(connection, tenant_id, after=after, now=now, more_to_come=giving)
        caused = [Caused(one.fact, one.cause, one.caused_by) for one in told]
        record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=runtime.settings.message_ttl_s)
        return len(told)

    return _each(runtime, lambda c: tenants_to_tell(c, after=after, now=runtime.clock.now()), tell)


def _each(
    runtime: Runtime,
    tenants: Callable[[Connection], Sequence[TenantId]],
    step: Step,
) -> int:
    """One step for each corp that has something due: none waits for all of another's."""
    with runtime.engine.begin() as connection:
        due = tenants(connection)

    def work(tenant_id: TenantId) -> int:
        return transact(runtime.engine, partial(step, tenant_id=tenant_id))

    return each_alone(due, work, what="pool", tenant_of=lambda one: one)


KINDS: tuple[Callable[[Runtime], int], ...] = (_join, _deal, _leavers, _neglected, _apply, _tell)
