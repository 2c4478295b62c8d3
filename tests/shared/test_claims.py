"""Every corp's due subjects are found and taken, however many another one has."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from shared.claims import due_tenants, lease
from shared.db.engine import fetch_all, run
from shared.ids import TenantId
from shared.requests import BACKFILL, EVENTS, OPERATOR, Subject, Wait, Wanted, bury, look_again, settle, want
from tests.conftest import NOW

LATER = NOW + timedelta(hours=1)
ONE, TWO, THREE = TenantId(1), TenantId(2), TenantId(3)
MANY = 20_000


def wish(connection: Connection, tenant: TenantId, *keys: str, lane: int = EVENTS, at: datetime = NOW) -> None:
    want(connection, [Wanted(Subject(tenant, "external_contact", key), lane, "event") for key in keys], now=at)


def take(connection: Connection, shares: dict[TenantId, int], *, now: datetime = NOW) -> dict[int, list[str]]:
    leased = lease(connection, shares, now=now, lease_s=60)
    return {tenant: [one.subject.key for one in subjects] for tenant, subjects in leased.items()}


def test_each_tenant_gets_its_share(connection: Connection):
    """One with many due subjects takes nothing from another one."""
    wish(connection, ONE, *(f"wm{n}" for n in range(100)))
    wish(connection, TWO, "wmA")
    taken = take(connection, {ONE: 8, TWO: 8, THREE: 8})
    assert (len(taken[ONE]), taken[TWO], THREE in taken) == (8, ["wmA"], False)
    assert take(connection, {}) == {}


def test_lower_lanes_go_first_then_older_wishes(connection: Connection):
    """Within a corp, operators wait for nobody and backfill waits for everybody."""
    wish(connection, ONE, "backfill", lane=BACKFILL, at=NOW - timedelta(hours=2))
    wish(connection, ONE, "event", at=NOW - timedelta(minutes=1))
    wish(connection, ONE, "older event", at=NOW - timedelta(minutes=2))
    wish(connection, ONE, "operator", lane=OPERATOR)
    assert take(connection, {ONE: 2}) == {ONE: ["operator", "older event"]}
    assert take(connection, {ONE: 9}) == {ONE: ["event", "backfill"]}


def test_a_tenant_is_due_while_somebody_may_take_something_of_it(connection: Connection):
    """Not when all is held, later, dead or settled; again when the lease ends."""
    for tenant in (ONE, TWO, THREE):
        wish(connection, tenant, "wm1")
    wish(connection, TenantId(4), "wm1", at=LATER)
    wish(connection, TenantId(5), "wm1", lane=BACKFILL)
    assert due_tenants(connection, now=NOW) == [1, 2, 3, 5]
    ((held,), (later,), (dead,)) = lease(connection, {ONE: 1, TWO: 1, THREE: 1}, now=NOW, lease_s=60).values()
    assert due_tenants(connection, now=NOW) == [5]
    look_again(connection, [Wait(later, LATER, "x")])
    bury(connection, dead, now=NOW, reason="x")
    assert due_tenants(connection, now=NOW + timedelta(seconds=61)) == [1, 5]
    settle(connection, [held], now=NOW)
    assert due_tenants(connection, now=LATER) == [2, 4, 5]


def test_what_another_one_takes_at_this_moment_is_skipped(engine: Engine):
    """Two processes never take one subject, and do not wait for each other."""
    with engine.begin() as connection:
        wish(connection, ONE, "wm1", "wm2", "wm3")
    with engine.begin() as one, engine.begin() as other:
        first = take(one, {ONE: 2})[ONE]
        assert due_tenants(other, now=NOW) == [ONE]
        assert {*first, *take(other, {ONE: 2})[ONE]} == {"wm1", "wm2", "wm3"}


@pytest.mark.parametrize("analyzed", [False, True])
def test_the_cost_does_not_grow_with_a_corp_that_has_much_to_do(engine: Engine, analyzed: bool):
    """Neither finding who is due nor taking reads more than a few pages per corp: also past all that must wait."""
    with engine.begin() as connection:
        run(
            connection,
            "insert into request (tenant_id, subject_kind, subject_key, lane, cause, first_due_at, next_try_at) "
            "select 2, 'external_contact', 'wm' || n, n % 3, 'event', :now, "
            "case n % 3 when 1 then :later else cast(:now as timestamptz) end from generate_series(1, :many) n",
            now=NOW,
            later=LATER,
            many=MANY,
        )
        for tenant in (ONE, THREE):
            wish(connection, tenant, "wm1")
    if analyzed:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            run(connection, "analyze request")
    with engine.begin() as connection:
        before = _pages(connection)
        assert due_tenants(connection, now=NOW) == [1, 2, 3]
        found = _pages(connection)
        assert found - before < 60
        assert take(connection, {ONE: 1, TWO: 64})[ONE] == ["wm1"]
        assert _pages(connection) - found < 2000


def _pages(connection: Connection) -> int:
    """Pages of `request` and its indexes that this connection has looked at."""
    run(connection, "select pg_stat_force_next_flush()")
    (row,) = fetch_all(
        connection,
        "select pg_stat_get_xact_blocks_fetched('request'::regclass) + (select sum(pg_stat_get_xact_blocks_fetched("
        "indexrelid)) from pg_index where indrelid = 'request'::regclass) as pages",
    )
    return int(row["pages"])
