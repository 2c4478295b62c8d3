"""The thread of a worker process that lets the clock remind people: digests, last days, stages, silence, chat events.
It also lets what waits follow settings that were changed.

Rows say what is due, and each step is one commit of what was looked at and what is told of it. A process that is killed
leaves whole steps only; two at once take different rows.
"""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from services.notices.review import review_page, tenants_to_review
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from services.watching.clocks import Clock, add_usual, hold, kinds_due, move_cursor
from services.watching.deletions import take
from services.watching.events import take_events, tenants_with_events
from services.watching.following import Page, silence_page, stays_page
from services.watching.leavers import announce
from services.watching.model import CustomerNotContacted, CustomerStageOverstayed, DeletionsOfDay, LeaverDeadline
from shared.db.engine import transact
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.tenants import Tenant, load_tenant
from sync_worker.looking import Looking, each_alone

LOOK_EVERY_S = 5.0
BY = "clock"
"""What brought such a fact about, in its row."""


def keep_reminding(runtime: Runtime, *, notify: Callable[[], None]) -> Looking:
    """The thread."""

    def work() -> int:
        found = remind(runtime)
        if found:
            notify()
        return found

    return Looking("reminders", work, every_s=LOOK_EVERY_S)


def remind(runtime: Runtime) -> int:
    """One step of each look that is due, of every corp; how many steps found something to do."""
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        add_usual(connection, now=now)
        looks = kinds_due(connection, now=now)
        events = tenants_with_events(connection, now=now)
        reviews = tenants_to_review(connection)
    done = each_alone(looks, partial(_look, runtime), what="reminders", tenant_of=lambda one: one[0])
    done += each_alone(events, partial(_remind_of_events, runtime), what="events", tenant_of=lambda one: one)
    return done + each_alone(reviews, partial(_review, runtime), what="reviews", tenant_of=lambda one: one)


def _review(runtime: Runtime, tenant_id: TenantId) -> int:
    def work(connection: Connection) -> int:
        return review_page(connection, _tenant(connection, runtime, tenant_id), now=runtime.clock.now())

    return transact(runtime.engine, work)


def _look(runtime: Runtime, due: tuple[TenantId, str, int]) -> int:
    tenant_id, kind, stage_id = due

    def work(connection: Connection) -> int:
        tenant = _tenant(connection, runtime, tenant_id)
        clock = hold(connection, tenant, kind, stage_id, now=runtime.clock.now())
        if clock is None or clock.day is None or kind not in KINDS:
            return 0
        facts = KINDS[kind](connection, tenant, clock, runtime)
        _record(connection, runtime, tenant, facts, by=BY)
        return 1

    return transact(runtime.engine, work)


def _deletions(connection: Connection, tenant: Tenant, clock: Clock, runtime: Runtime) -> Sequence[Fact]:
    assert clock.day is not None
    fact = take(connection, tenant.id, clock.day, now=runtime.clock.now())
    return () if fact is None else (fact,)


def _leavers(connection: Connection, tenant: Tenant, clock: Clock, runtime: Runtime) -> Sequence[Fact]:
    assert clock.day is not None
    return announce(connection, tenant, clock.watch, clock.day, now=runtime.clock.now())


def _walk(
    page: Callable[..., Page], connection: Connection, tenant: Tenant, clock: Clock, runtime: Runtime
) -> Sequence[Fact]:
    found = page(connection, tenant, clock.watch, clock.day, after=clock.cursor or 0, now=runtime.clock.now())
    move_cursor(connection, tenant.id, clock.watch, found.cursor)
    return found.facts


KINDS: dict[str, Callable[[Connection, Tenant, Clock, Runtime], Sequence[Fact]]] = {
    DeletionsOfDay.TYPE: _deletions,
    LeaverDeadline.TYPE: _leavers,
    CustomerStageOverstayed.TYPE: partial(_walk, stays_page),
    CustomerNotContacted.TYPE: partial(_walk, silence_page),
}


def _remind_of_events(runtime: Runtime, tenant_id: TenantId) -> int:
    def work(connection: Connection) -> int:
        taken, facts = take_events(connection, tenant_id, now=runtime.clock.now())
        if facts:
            _record(connection, runtime, _tenant(connection, runtime, tenant_id), facts, by=BY)
        return taken

    return transact(runtime.engine, work)


def _record(connection: Connection, runtime: Runtime, tenant: Tenant, facts: Sequence[Fact], *, by: str) -> None:
    caused = [Caused(fact, "rule", by) for fact in facts]
    ttl_s = runtime.settings.message_ttl_s
    record_facts_and_notices(connection, tenant, caused, now=runtime.clock.now(), ttl_s=ttl_s)


def _tenant(connection: Connection, runtime: Runtime, tenant_id: TenantId) -> Tenant:
    tenant = load_tenant(connection, runtime.vault, tenant_id)
    assert tenant is not None
    return tenant
