"""Filters as SQL over cards, held against the plain reading of them (CUS-2, CUS-3, LOSS-5, TAG-6, GRP-5)."""

import random

import orjson
import pytest
from sqlalchemy import Connection

from services.finding.listing import Sort, count_found, find_page
from services.finding.store import context_of, read_filter
from shared.db.engine import run
from shared.tenants import Tenant
from tests.services.finding.plain import random_filter, reads
from tests.services.finding.world import NOW, make_world, record_world


@pytest.mark.parametrize("seed", range(3))
def test_sql_finds_whom_the_plain_reading_finds(
    connection: Connection, tenant: Tenant, other_tenant: Tenant, seed: int
):
    """Any filter over any people: the same customers, by both ways of reading, and none of another corp (CUS-3)."""
    draw = random.Random(seed)
    world = make_world(draw, 60)
    record_world(connection, tenant, world)
    record_world(connection, other_tenant, make_world(draw, 60))
    run(connection, "update associate set name = '李娜' where tenant_id = :id", id=other_tenant.id)
    context = context_of(tenant, region="CN", now=NOW)
    for _ in range(250):
        given = random_filter(draw)
        found = find_page(
            connection, read_filter(connection, tenant, given), context, limit=100, walk=draw.choice((1, 20, 100))
        )
        expected = {one.id for one in world.people if reads(given, one)}
        assert {one.customer_id for one in found} == expected, orjson.dumps(given).decode()


def test_pages_show_everybody_once_in_order(connection: Connection, tenant: Tenant):
    """By any order, also of values that many share or lack, pages leave nobody out and repeat nobody (CUS-1)."""
    world = make_world(random.Random(7), 40)
    record_world(connection, tenant, world)
    context, everybody = context_of(tenant, region="CN", now=NOW), {one.id for one in world.people}
    for sort in Sort:
        shown, after = [], None
        while page := find_page(
            connection, read_filter(connection, tenant, {}), context, sort=sort, after=after, limit=7
        ):
            shown += page
            after = page[-1].key
        assert len(shown) == len(everybody) and {one.customer_id for one in shown} == everybody, sort
        values = [one.value or "" for one in shown]
        if sort in (Sort.CREATED, Sort.ASSIGNED, Sort.ADDED):
            assert values == sorted(values, reverse=True), sort


def test_counts_are_exact_when_small(connection: Connection, tenant: Tenant):
    """What fits into the bound is counted, not estimated (CUS-3)."""
    world = make_world(random.Random(8), 40)
    record_world(connection, tenant, world)
    context = context_of(tenant, region="CN", now=NOW)
    given = {"groups": [{"conditions": [{"field": "standing", "op": "equals", "value": "lost"}]}]}
    count = count_found(connection, read_filter(connection, tenant, given), context)
    assert (count.number, count.estimated) == (sum(one.standing == "lost" for one in world.people), False)


def test_an_estimate_is_of_what_is_meant_and_of_nothing_else(
    connection: Connection, tenant: Tenant, other_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
):
    """Not of other corps' cards, nor of a table that was never analysed (CUS-3, G9)."""
    world = make_world(random.Random(9), 40)
    record_world(connection, tenant, world)
    record_world(connection, other_tenant, make_world(random.Random(10), 60))
    monkeypatch.setattr("services.finding.listing.COUNTED", 5)
    count = count_found(connection, read_filter(connection, tenant, {}), context_of(tenant, region="CN", now=NOW))
    assert (count.number, count.estimated) == (40, True)


@pytest.mark.parametrize("value", ["9" * 30, "", "x", "-1e3"])
def test_a_cursor_holds_only_what_a_sort_can_be(value: str):
    """What PostgreSQL could not hold is refused before it is asked (G8)."""
    with pytest.raises(ValueError, match=r"value of this sort|invalid literal"):
        Sort.SCORE.checked(value)
