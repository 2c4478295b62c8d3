"""Rows that wait for endpoints: held by one process at a time, sent again when somebody asks."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from services.customers.model import RelationEdited
from services.notices.store import Caused, record_facts_and_notices
from services.webhooks.model import USUAL_CAUSES, Answer, Call, natural_key
from services.webhooks.plan import ended
from services.webhooks.queue import (
    begin_calls,
    count_by_state,
    list_deliveries,
    oldest_waiting,
    record_ended,
    take_back,
)
from services.webhooks.resend import resend_since
from services.webhooks.store import add_endpoint, load_listener, new_secret
from services.webhooks.walks import requeue
from shared.db.engine import fetch_all, fetch_one
from shared.tries import lease
from tests.services.conftest import add_tenant
from tests.services.factories import CONTACT, LI

LEASE_S = 60.0


@pytest.fixture
def endpoint_id(connection: Connection, tenant, clock):
    chosen = {"fact_types": None, "causes": USUAL_CAUSES, "by": "Chen Jing", "now": clock.now()}
    return add_endpoint(connection, tenant, url="https://crm.example.com/hook", secret=new_secret(), **chosen)


def happen(connection: Connection, tenant, count: int, *, now) -> int:
    fact = RelationEdited(occurred_at=now, userid=LI, external_userid=CONTACT, changed=("remark",))
    return record_facts_and_notices(connection, tenant, [Caused(fact, "event")] * count, now=now, ttl_s=60)


def take(connection: Connection, tenant, endpoint_id, *, now, limit: int = 9) -> list[Call]:
    return begin_calls(connection, tenant.id, endpoint_id, limit=limit, now=now, lease_s=LEASE_S)


def finish(connection: Connection, tenant, calls: list[Call], status: int, *, now) -> None:
    results = [(one, ended(Answer(status), tries=one.tries, backoff_s=[5], now=now)) for one in calls]
    record_ended(connection, tenant.id, results, now=now)


def test_only_endpoints_cost_rows(connection: Connection, tenant, other_tenant, endpoint_id, clock):
    """A corp without any has none (webhooks)."""
    assert happen(connection, other_tenant, 5, now=clock.now()) == 0
    assert happen(connection, tenant, 5, now=clock.now()) == 5


def test_what_waits_for_an_endpoint_is_no_message(connection: Connection, tenant, endpoint_id, clock):
    """Notifiers of messages, also those of before, do not see it (webhooks)."""
    happen(connection, tenant, 1, now=clock.now())
    assert lease(connection, limit=9, now=clock.now(), lease_s=LEASE_S) == []
    assert [row["state"] for row in fetch_all(connection, "select state from outbox")] == ["queued"]


def test_who_lost_the_lease_changes_nothing(connection: Connection, tenant, endpoint_id, clock):
    """A process that slept through its lease does not undo what another one did (webhooks)."""
    now = clock.now()
    happen(connection, tenant, 1, now=now)
    late = take(connection, tenant, endpoint_id, now=now)
    assert take(connection, tenant, endpoint_id, now=now) == []
    now += timedelta(seconds=LEASE_S + 1)
    calls = take(connection, tenant, endpoint_id, now=now)
    assert [one.id for one in calls] == [one.id for one in late]
    finish(connection, tenant, late, 500, now=now)
    take_back(connection, tenant.id, late)
    row = fetch_one(connection, "select state, attempts, lease_until > :now as held from outbox", now=now)
    assert dict(row) == {"state": "queued", "attempts": 2, "held": True}
    finish(connection, tenant, calls, 204, now=now)
    finish(connection, tenant, late, 500, now=now)
    assert count_by_state(connection, tenant.id, endpoint_id) == {"sent": 1}


def test_a_call_that_did_not_begin_was_no_try(connection: Connection, tenant, endpoint_id, clock):
    """It is due at once, with all its tries (webhooks)."""
    happen(connection, tenant, 2, now=clock.now())
    take_back(connection, tenant.id, take(connection, tenant, endpoint_id, now=clock.now()))
    assert fetch_all(connection, "select id from attempt") == []
    assert [one.tries for one in take(connection, tenant, endpoint_id, now=clock.now())] == [1, 1]


def test_the_longest_waiting_go_first(connection: Connection, tenant, endpoint_id, clock):
    """A backlog leaves in the order in which it came (webhooks)."""
    happen(connection, tenant, 3, now=clock.now() + timedelta(seconds=1))
    happen(connection, tenant, 3, now=clock.now())
    assert oldest_waiting(connection, tenant.id, endpoint_id) == clock.now()
    calls = take(connection, tenant, endpoint_id, now=clock.now() + timedelta(seconds=2), limit=3)
    assert {one.queued_at for one in calls} == {clock.now()}
    assert [one["attempts"] for one in list_deliveries(connection, tenant.id, endpoint_id, state=None, limit=9)] == [
        *(1, 1, 1),
        *(0, 0, 0),
    ]


def test_what_somebody_holds_is_not_queued_again(connection: Connection, tenant, endpoint_id, clock):
    """It is being sent as it is (webhooks)."""
    happen(connection, tenant, 1, now=clock.now())
    (call,) = take(connection, tenant, endpoint_id, now=clock.now())
    key = natural_key(call.fact.id, endpoint_id)
    assert requeue(connection, tenant.id, [key], now=clock.now()) == 0
    finish(connection, tenant, [call], 204, now=clock.now())
    assert requeue(connection, tenant.id, [key], now=clock.now()) == 1


def test_resending_walks_all_pages_back_to_the_time(engine, vault, clock):
    """Facts of another corp, or before the time, are left alone; twice is the same as once (webhooks)."""
    with engine.begin() as connection:
        tenant = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
        other = add_tenant(connection, vault, clock, corp_id="ww0000000000000002")
        for minute in range(5):
            happen(connection, tenant, 3, now=clock.now() + timedelta(minutes=minute))
            happen(connection, other, 3, now=clock.now() + timedelta(minutes=minute))
        chosen = {"fact_types": None, "causes": USUAL_CAUSES, "by": "Chen Jing", "now": clock.now()}
        id_ = add_endpoint(connection, tenant, url="https://crm.example.com/hook", secret=new_secret(), **chosen)
        listener = load_listener(connection, id_)
    since = clock.now() + timedelta(minutes=2)
    for _ in range(2):
        assert resend_since(engine, tenant.id, listener, since=since, now=clock.now(), page=2) == 9
    with engine.begin() as connection:
        assert count_by_state(connection, tenant.id, id_) == {"queued": 9}
