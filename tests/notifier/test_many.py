"""Ten thousand customers given to fifty associates in one go: each hears of theirs in one message (POOL-7, ASG-5)."""

from datetime import timedelta

import pytest

from services.assignment.model import CustomerReassigned
from services.pool.batches import ask_batch, deal
from services.pool.giving import give
from services.pool.listing import PoolChoice, selection_of
from services.pool.telling import tell_given
from shared.db.engine import run, transact
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.tenants import load_tenants
from sync_worker.pool import keep_pool
from tests.notifier.desk import Desk
from tests.services.pool.people import act, add_associates, fill_pool

CUSTOMERS, COMMIT = 10_000, 64
STAFF = [UserId(f"sales{n:02d}") for n in range(50)]


def _staff(desk: Desk) -> None:
    desk.corp.post("/sim/reset", {})
    desk.corp.create([], associates={one: (one, 2) for one in (*STAFF, "Former")})
    desk.stop_the_clock()


def _each_heard_once(desk: Desk, title: str) -> None:
    assert [desk.texts(one) for one in STAFF] == [[title]] * len(STAFF)


def test_a_batch_of_the_pool_is_one_message_for_each(desk: Desk) -> None:
    """Through the batch, what was given, and the notifier, within a minute (POOL-4, POOL-7)."""
    _staff(desk)
    engine = desk.runtime.engine
    with engine.begin() as connection:
        tenant = load_tenants(connection, desk.runtime.vault)[0]
        add_associates(connection, tenant, *STAFF)
        fill_pool(connection, tenant, CUSTOMERS)
        now = desk.runtime.clock.now()
        chosen = selection_of(tenant.id, PoolChoice())
        batch = ask_batch(connection, tenant, chosen, STAFF, how="turns", act=act("batch", now=now))
    while transact(engine, lambda c: deal(c, tenant.id, batch.id, now=now)) is not None:
        pass
    desk.at(now + timedelta(seconds=10))
    with engine.begin() as connection:
        told = tell_given(connection, tenant.id, after=timedelta(seconds=10), now=desk.runtime.clock.now())
    for one in told:
        desk.record(one.fact, cause=one.cause)
    desk.deliver(after_s=40)
    _each_heard_once(desk, "公司给您分配了 200 位新客户")


def test_customers_reassigned_in_bulk_are_one_message_for_each(desk: Desk) -> None:
    """As workers record them, a commit after the other over four seconds; who had them hears of all in one, too
    (ASG-5)."""
    _staff(desk)
    clock = desk.stop_the_clock()
    for first in range(0, CUSTOMERS, COMMIT):
        desk.record(*(_given(desk, n) for n in range(first, min(first + COMMIT, CUSTOMERS))), cause="operator")
        clock.advance(4 * COMMIT / CUSTOMERS)
        if first % (COMMIT * 16) == 0:
            desk.notifier().deliver_due()
    desk.deliver(after_s=5)
    _each_heard_once(desk, "200 位客户已分配给您")
    assert desk.texts("Former") == ["10000 位客户归属变更"]


def _given(desk: Desk, number: int) -> CustomerReassigned:
    return CustomerReassigned(
        occurred_at=desk.runtime.clock.now(),
        customer_id=CustomerId(number + 1),
        external_userid=ExternalUserId(f"wm{number}"),
        from_userid=UserId("Former"),
        to_userid=STAFF[number % len(STAFF)],
        why="operator",
    )


@pytest.mark.parametrize(("ends", "after_s"), [(True, 31), (False, 41)])
def test_what_a_bulk_change_goes_on_giving_is_told_at_its_end(desk: Desk, ends: bool, after_s: int) -> None:
    """One message for all of it, though it takes half a minute; within the minute though it goes on (POOL-7)."""
    clock = desk.stop_the_clock()
    began = clock.now()
    with desk.runtime.engine.begin() as connection:
        tenant = load_tenants(connection, desk.runtime.vault)[0]
        add_associates(connection, tenant, "LiNa")
        ids = fill_pool(connection, tenant, 6)
        run(connection, "insert into bulk_change (tenant_id, kind, asked, reason, author, source, created_at) "
                        "values (1, 'pool', '', '', 'Zhou', 'api', :now)", now=began)  # fmt: skip
    for part in (ids[:2], ids[2:4], ids[4:]):
        with desk.runtime.engine.begin() as connection:
            pairs = dict.fromkeys(part, UserId("LiNa"))
            give(connection, tenant, pairs, act("batch", now=clock.now()), caused_by="bulk_change:1")
        desk.at(clock.now() + timedelta(seconds=10))
        keep_pool(desk.runtime)
        desk.deliver()
    assert desk.texts("LiNa") == []
    if ends:
        with desk.runtime.engine.begin() as connection:
            run(connection, "update bulk_change set state = 'done'")
    desk.at(began + timedelta(seconds=after_s))
    keep_pool(desk.runtime)
    desk.deliver()
    assert desk.texts("LiNa") == ["公司给您分配了 6 位新客户"]
