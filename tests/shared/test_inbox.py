"""An event is stored once, found by whoever routes first, and its outcome is kept."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from shared.db.engine import fetch_all
from shared.db.migrate import make_inbox_partitions
from shared.ids import TenantId
from shared.inbox import (
    NO_DAY,
    Routed,
    claim_new,
    columns_of,
    count_by_state,
    oldest_new,
    record_routed,
    usable_time,
)
from tests.shared.arrivals import NOON, arrival, store


def partitions(connection: Connection) -> list[str]:
    return [row["name"] for row in fetch_all(connection, "select tableoid::regclass::text as name from inbox")]


def test_a_repeat_is_a_no_op(connection: Connection):
    """Storing is idempotent: within a batch, and over batches."""
    assert store(connection, [arrival(), arrival(), arrival(b"<a/>")]) == 2
    assert store(connection, [arrival()]) == 0
    assert count_by_state(connection) == {"new": 2}


def test_one_event_heard_by_two_receivers_is_two_rows(connection: Connection):
    """Each receiver's inbox is complete; the effect is merged later."""
    assert store(connection, [arrival(receiver=1), arrival(receiver=2)]) == 2


def test_two_events_of_one_second_are_two_rows(connection: Connection):
    """FromUserName is "sys" and CreateTime has seconds, so only the body tells them apart."""
    assert store(connection, [arrival(b"<a/>"), arrival(b"<b/>")]) == 2


def test_a_row_lies_in_the_partition_of_its_own_day(connection: Connection):
    """A repeat on a later day meets the first one; old days can be dropped."""
    make_inbox_partitions(connection, today=NOON.date())
    late = NOON.replace(hour=23, minute=59, second=59)
    store(connection, [arrival(b"<a/>", at=late), arrival(b"<b/>", at=late + timedelta(seconds=1))])
    assert partitions(connection) == ["inbox_20261122", "inbox_20261123"]


@pytest.mark.parametrize("at", [None, datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)])
def test_a_row_without_a_day_of_ours_lies_in_the_default_partition(connection: Connection, at: datetime | None):
    """A missing or absurd time loses no event, and its repeat is still a no-op."""
    assert store(connection, [arrival(at=at)]) == 1
    assert store(connection, [arrival(at=at)]) == 0
    assert partitions(connection) == ["inbox_default"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1790000101", datetime(2026, 9, 21, 14, 15, 1, tzinfo=UTC)),
        ("946684800", datetime(2000, 1, 1, tzinfo=UTC)),
        ("946684799", None),
        ("4102444799", datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("4102444800", None),
        ("9" * 10, None),
        ("9" * 400, None),
        ("0", None),
        ("-1790000101", None),
        ("1790000101.5", None),
        ("١٧٩٠٠٠٠١٠١", None),
        ("²", None),
        ("now", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_time_of_this_century_is_used(text: str | None, expected: datetime | None):
    """What the sender writes there decides a partition: nonsense counts as missing."""
    assert usable_time(text) == expected


def test_the_day_is_the_utc_day_of_the_event():
    """Not of its arrival: a repeat that comes a day later lands on the same day."""
    assert arrival(at=NOON).day == date(2026, 11, 22)
    assert arrival(at=None).day == NO_DAY


def test_two_gateways_store_the_same_events_in_one_order():
    """Rows are locked in one order, so that they cannot deadlock."""
    some = [arrival(b"<a/>"), arrival(b"<b/>"), arrival(b"<c/>", receiver=2), arrival(b"<d/>", at=None)]
    assert columns_of(some) == columns_of(some[::-1])


def test_the_oldest_new_rows_are_claimed_first(connection: Connection):
    """In the order of arrival, at most `limit`, with all that routing needs."""
    for body in (b"<a/>", b"<b/>", b"<c/>"):
        store(connection, [arrival(body)])
    claimed = claim_new(connection, limit=2)
    assert [row.body for row in claimed] == [b"<a/>", b"<b/>"]
    assert (claimed[0].digest, claimed[0].day, claimed[0].occurred_at) == (
        arrival(b"<a/>").digest,
        NOON.date(),
        NOON,
    )
    assert oldest_new(connection) == NOON


def test_each_tenant_that_waits_gets_the_same_share(connection: Connection):
    """A corp with many callbacks delays no other one's; without room for all, who waits longest comes first."""
    store(connection, [arrival(b"<a%d/>" % n, tenant=2) for n in range(50)])
    store(connection, [arrival(b"<b/>", tenant=1), arrival(b"<c/>", tenant=3, at=None)])
    tenants = [row.tenant_id for row in claim_new(connection, limit=9)]
    assert (tenants.count(TenantId(2)), sorted(set(tenants))) == (3, [1, 2, 3])
    assert [row.tenant_id for row in claim_new(connection, limit=1)] == [2]
    assert (oldest_new(connection), oldest_new(connection, TenantId(3)), oldest_new(connection, TenantId(4))) == (
        NOON,
        NOON,
        None,
    )


def test_rows_that_another_transaction_routes_are_skipped(engine: Engine):
    """Two routers share the inbox without waiting for each other."""
    store(engine, [arrival(b"<a/>"), arrival(b"<b/>")])
    with engine.begin() as one, engine.begin() as other:
        assert [row.body for row in claim_new(one, limit=1)] == [b"<a/>"]
        assert [row.body for row in claim_new(other, limit=5)] == [b"<b/>"]


def test_a_router_that_dies_leaves_its_rows_new(engine: Engine):
    """A claim lasts as long as its transaction."""
    store(engine, [arrival()])
    with engine.connect() as dying:
        claim_new(dying, limit=1)
        dying.rollback()
    with engine.begin() as connection:
        assert len(claim_new(connection, limit=1)) == 1


def test_the_outcome_of_routing_is_kept(connection: Connection):
    """State, event, change, problem and time are on the row; it is not claimed again."""
    store(connection, [arrival(b"<a/>"), arrival(b"<b/>"), arrival(b"<c/>")])
    by_body = {row.body: row for row in claim_new(connection, limit=2)}
    rows = list(by_body.values())
    outcomes = [Routed(rows[0], "routed", "e", "c"), Routed(rows[1], "unrouted", None, None, "lacks UserID")]
    record_routed(connection, outcomes, now=NOON)
    stored = fetch_all(
        connection, "select body, state, event, change, problem, routed_at from inbox where state <> 'new' order by id"
    )
    assert [tuple(row.values())[1:] for row in stored] == [
        ("routed", "e", "c", None, NOON),
        ("unrouted", None, None, "lacks UserID", NOON),
    ]
    assert count_by_state(connection) == {"new": 1, "routed": 1, "unrouted": 1}
    assert len(claim_new(connection, limit=9)) == 1


def test_an_empty_inbox_has_no_oldest(connection: Connection):
    """Nothing waits."""
    assert oldest_new(connection) is None
    assert claim_new(connection, limit=5) == []
