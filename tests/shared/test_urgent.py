"""Urgent events: in the queue with the commit that stores them, once, and shared out among corps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from shared.body import read_body
from shared.db.engine import fetch_all
from shared.ids import TenantId
from shared.inbox import Arrival, claim_new
from shared.urgent import (
    CHANNEL,
    STORE_URGENT,
    claim_urgent,
    forget_urgent,
    is_urgent,
    put_off_urgent,
    record_urgent,
    settle_urgent,
    urgent_columns_of,
)
from tests.shared.arrivals import NOON, arrival, store


def store_urgent(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.cursor().execute(STORE_URGENT, urgent_columns_of(arrivals))


def urgent(body: bytes, *, tenant: int = 1, receiver: int = 1) -> Arrival:
    return replace(arrival(body, tenant=tenant, receiver=receiver), is_urgent=True)


def count(connection: Connection, table: str) -> int:
    return len(fetch_all(connection, f"select 1 as one from {table}"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<xml><WelcomeCode>x</WelcomeCode></xml>", True),
        (b"<xml><welcomecode>x</welcomecode></xml>", True),
        (b"<xml><WelcomeCode></WelcomeCode></xml>", False),
        (b"<xml><State>WelcomeCode</State></xml>", False),
    ],
)
def test_a_body_with_a_welcome_code_is_urgent(body: bytes, expected: bool):
    """However its name is written; an empty one is none (OUT-1)."""
    assert is_urgent(read_body(body)) is expected


def test_urgent_ones_are_queued_with_the_others_of_their_batch_stored(connection: Connection):
    """One statement stores all; a repeat neither stores nor queues again (OUT-1)."""
    batch = [urgent(b"<a/>"), arrival(b"<b/>"), urgent(b"<c/>"), urgent(b"<a/>")]
    for _ in range(2):
        store_urgent(connection, batch)
    assert (count(connection, "inbox"), count(connection, "urgent_event")) == (3, 2)
    found = claim_urgent(connection, {}, most=9, now=NOON, lease_s=8)
    assert {one.body for one in found} == {b"<a/>", b"<c/>"}


def test_the_commit_itself_wakes_who_listens(engine: Engine):
    """Only when something urgent is new: neither Redis nor a sweep is waited for (OUT-1)."""
    dsn = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(dsn, autocommit=True) as listening:
        listening.execute(f"listen {CHANNEL}")
        for batch in ([arrival(b"<a/>")], [urgent(b"<b/>"), urgent(b"<c/>")], [urgent(b"<b/>")]):
            with engine.begin() as connection:
                store_urgent(connection, batch)
        assert len(list(listening.notifies(timeout=5, stop_after=1))) == 1
        assert not list(listening.notifies(timeout=0))


def test_each_tenant_gets_its_share_and_none_is_taken_twice(connection: Connection):
    """A corp with many leaves the others theirs; what is at work counts; a claim ends by itself (OUT-1)."""
    store_urgent(connection, [urgent(b"<a%d/>" % n) for n in range(9)] + [urgent(b"<b/>", tenant=2)])

    def claimed(busy: dict[TenantId, int], after_s: float) -> list[int]:
        now = NOON + timedelta(seconds=after_s)
        return sorted(one.tenant_id for one in claim_urgent(connection, busy, most=4, now=now, lease_s=8))

    assert claimed({}, 0) == [1, 1, 1, 1, 2]
    assert claimed({TenantId(1): 4}, 0) == []
    assert claimed({TenantId(1): 3}, 0) == [1]
    assert claimed({TenantId(2): 4}, 9) == [1, 1, 1, 1]


def test_settled_ones_are_done_and_others_wait_for_their_time(connection: Connection):
    """And all are forgotten when nobody can do anything about them (OUT-1)."""
    store_urgent(connection, [urgent(b"<a/>"), urgent(b"<b/>")])
    first, second = claim_urgent(connection, {}, most=4, now=NOON, lease_s=8)
    settle_urgent(connection, first, now=NOON)
    put_off_urgent(connection, second, at=NOON + timedelta(seconds=1))
    assert claim_urgent(connection, {}, most=4, now=NOON, lease_s=8) == []
    assert claim_urgent(connection, {}, most=4, now=NOON + timedelta(seconds=1), lease_s=8) == [second]
    assert forget_urgent(connection, before=NOON) == 0
    assert forget_urgent(connection, before=NOON + timedelta(seconds=1)) == 2


def test_what_routing_finds_is_queued_unless_it_is_there_or_done(connection: Connection):
    """Events from the spool are seen to, others once (OUT-1)."""
    store_urgent(connection, [urgent(b"<a/>")])
    store(connection, [arrival(b"<b/>")])
    (first,) = claim_urgent(connection, {}, most=4, now=NOON, lease_s=8)
    settle_urgent(connection, first, now=NOON)
    rows = claim_new(connection, limit=10)
    for _ in range(2):
        record_urgent(connection, rows, now=NOON)
    assert [one.body for one in claim_urgent(connection, {}, most=4, now=NOON, lease_s=8)] == [b"<b/>"]
