"""The thread of a worker process that keeps SOPs going: who comes in, whose step is due, what is overdue (SOP-6).

Rows say what is due, each bit of work is one transaction; any number of processes may do it at once, and whoever is
killed leaves whole bits.
"""

from collections.abc import Callable, Sequence
from functools import partial

from prometheus_client import Counter
from sqlalchemy import Connection

from services.finding.store import context_of
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from services.sops import clock, days
from services.sops.ending import end_of_deleted
from services.sops.marks import follow_marks, tenants_with_marks
from services.sops.model import NoSopError
from services.sops.workdays import calendar_of
from shared.db.engine import transact
from shared.directory import Directory
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.tenants import Tenant
from sync_worker.looking import Looking, each_alone

LOOK_EVERY_S = 1.0
told = Counter("guanxi_sop_facts", "What SOPs told, by fact", ["fact"])

Due = tuple[TenantId, int]


def keep_sops(runtime: Runtime, *, directory: Directory, notify: Callable[[], None]) -> Looking:
    """The thread. `notify`: something may be waiting to be sent."""

    def work() -> int:
        done = follow_sops(runtime, directory)
        if done:
            notify()
        return done

    return Looking("sops", work, every_s=LOOK_EVERY_S)


def follow_sops(runtime: Runtime, directory: Directory) -> int:
    """A bit of each kind of work, of each corp and rule that has any; how much was found."""
    done = 0
    for kind in (_marks, _days, _clock):
        done += kind(runtime, directory)
    return done + transact(runtime.engine, lambda connection: end_of_deleted(connection, now=runtime.clock.now()))


def follow_all_sops(runtime: Runtime, directory: Directory) -> None:
    """Until nothing is due; for commands and tests."""
    while follow_sops(runtime, directory):
        pass


def _marks(runtime: Runtime, directory: Directory) -> int:
    with runtime.engine.begin() as connection:
        usable = directory.usable(connection, tenants_with_marks(connection))

    def follow(connection: Connection, tenant: Tenant) -> int:
        context = context_of(tenant, region=runtime.settings.phone_region, now=runtime.clock.now())
        return follow_marks(connection, tenant, context, calendar_of(tenant.timezone))

    def work(tenant: Tenant) -> int:
        return transact(runtime.engine, partial(follow, tenant=tenant))

    return each_alone(usable.values(), work, what="sop marks", tenant_of=lambda one: one.id)


def _days(runtime: Runtime, directory: Directory) -> int:
    def page(connection: Connection, tenant: Tenant, rule_id: int) -> int:
        context = context_of(tenant, region=runtime.settings.phone_region, now=runtime.clock.now())
        return days.look_at_day(connection, tenant, rule_id, context, calendar_of(tenant.timezone))

    with runtime.engine.begin() as connection:
        due = days.rules_due(connection, now=runtime.clock.now())
    return _each_rule(runtime, directory, due, page)


def _clock(runtime: Runtime, directory: Directory) -> int:
    def look(connection: Connection, tenant: Tenant, rule_id: int) -> int:
        now = runtime.clock.now()
        looked = clock.look(connection, tenant, rule_id, calendar_of(tenant.timezone), now=now)
        _record(connection, runtime, tenant, rule_id, looked.facts)
        return looked.count

    with runtime.engine.begin() as connection:
        due = clock.rules_due(connection, now=runtime.clock.now())
    return _each_rule(runtime, directory, due, look)


def _record(connection: Connection, runtime: Runtime, tenant: Tenant, rule_id: int, facts: Sequence[Fact]) -> None:
    if not facts:
        return
    caused = [Caused(one, "rule", f"sop:{rule_id}") for one in facts]
    now, ttl_s = runtime.clock.now(), runtime.settings.message_ttl_s
    record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=ttl_s)
    for one in facts:
        told.labels(one.TYPE).inc()


def _each_rule(
    runtime: Runtime, directory: Directory, due: Sequence[Due], step: Callable[[Connection, Tenant, int], int]
) -> int:
    """A step for each rule: none waits for all of another's."""
    with runtime.engine.begin() as connection:
        usable = directory.usable(connection, sorted({tenant_id for tenant_id, _ in due}))

    def work(one: Due) -> int:
        tenant = usable.get(one[0])
        if tenant is None:
            return 0
        try:
            return transact(runtime.engine, lambda connection: step(connection, tenant, one[1]))
        except NoSopError:  # deleted meanwhile
            return 0

    return each_alone(due, work, what="sops", tenant_of=lambda one: one[0])
