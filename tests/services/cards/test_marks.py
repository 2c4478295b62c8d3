"""Whoever changes what a card shows leaves a mark, by whichever statement; what it does not show leaves none."""

import random

import pytest
from sqlalchemy import Connection

from services.cards.made import COLUMNS
from services.cards.store import refresh_cards, take_due
from shared.db.engine import fetch_all, run
from shared.tenants import Tenant
from tests.services.finding.world import NOW, make_world, record_world

CHANGES = {
    "customer": "update customer set standing = 'left' where tenant_id = :t and id = :id",
    "identity": "insert into identity values (:t, 'email', 'x', :id, '', false, 'api', :now)",
    "identity taken away": "delete from identity where tenant_id = :t and customer_id = :id",
    "contact": "update external_contact set name = '新名字' where tenant_id = :t and customer_id = :id",
    "contact of somebody else": "update external_contact set customer_id = :other where tenant_id = :t "
    "and customer_id = :id",
    "relation": "update relation set corp_tag_ids = '{etNew}' where tenant_id = :t and external_userid = :contact",
    "relation ended": "update relation set state = 'out_of_sight' where tenant_id = :t and external_userid = :contact",
    "relation gone": "delete from relation where tenant_id = :t and external_userid = :contact",
    "stay": "update group_member set left_at = :now where tenant_id = :t and member_id = :contact",
    "pool": "insert into pool_record values (:t, :id, 'unassigned', 'api', null, null, 'x', null, null, null, :now, "
    ":now) on conflict (tenant_id, customer_id) do update set status = 'added'",
    "local tag": "insert into customer_tag values (:t, :id, 77, :now, 'x')",
    "blacklist": "update blacklist_entry set ended_at = :now where tenant_id = :t and customer_id = :id",
    "stage": "insert into customer_stage values (:t, 9, :id, 1, :now, 'x')",
    "company": "insert into company_customer values (:t, 'K-1', :id, null, :now, :now, null) "
    "on conflict (tenant_id, company_id, customer_id) do update set ended_at = :now",
    "score": "insert into customer_score values (:t, :id, 1, 1) on conflict (tenant_id, customer_id) "
    "do update set score = 9",
    "purchase": "insert into purchase_summary values (:t, :id, 'new', 'CNY', 1, 1, :now)",
    "event": "insert into customer_event values (:t, 'new', :id, 'visited', null, :now, null, :now)",
}


@pytest.fixture
def whole(connection: Connection, tenant: Tenant) -> tuple[int, int]:
    """Somebody who has a bit of everything, and somebody else; nothing is due."""
    world = make_world(random.Random(3), 45)
    record_world(connection, tenant, world)
    rich = [p for p in world.people if p.relations and p.stays and p.identities and p.blacklisted]
    assert len(rich) > 1
    return rich[0].id, rich[1].id


def due(connection: Connection, tenant: Tenant) -> set[int]:
    return set(take_due(connection, tenant.id, limit=10_000) or [])


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_what_a_card_shows_leaves_a_mark(
    connection: Connection, tenant: Tenant, whole: tuple[int, int], change: str
):
    """No writer can forget it: the database marks, and afterwards the card is as if it were made from nothing."""
    mine, other = whole
    values = {"t": tenant.id, "id": mine, "other": other, "contact": f"wm{mine}", "now": NOW}
    run(connection, CHANGES[change], **{k: v for k, v in values.items() if f":{k}" in CHANGES[change]})
    marked = due(connection, tenant)
    assert mine in marked and marked <= {mine, other}
    refresh_cards(connection, tenant, marked)
    after = fetch_all(connection, "select * from customer_card where tenant_id = :t order by customer_id", t=tenant.id)
    run(connection, "delete from customer_card where tenant_id = :t", t=tenant.id)
    refresh_cards(connection, tenant, [row["customer_id"] for row in after])
    anew = fetch_all(connection, "select * from customer_card where tenant_id = :t order by customer_id", t=tenant.id)
    assert after == anew


def test_what_a_card_does_not_show_leaves_no_mark(connection: Connection, tenant: Tenant, whole: tuple[int, int]):
    """A walk that notes how it saw a relation makes no work (growth with the corp, design.md §7)."""
    run(connection, "update relation set digest = 'x', observed_at = :now where tenant_id = :t", t=tenant.id, now=NOW)
    assert due(connection, tenant) == set()


def test_only_what_is_different_is_written_and_told(connection: Connection, tenant: Tenant, whole: tuple[int, int]):
    """Rules hear which columns changed, of whom; a customer who was only touched is not among them."""
    mine, other = whole
    run(connection, "insert into customer_tag values (:t, :id, 77, :now, 'x')", t=tenant.id, id=mine, now=NOW)
    run(connection, "update customer set updated_at = :now where tenant_id = :t and id = :id", t=tenant.id, id=other,
        now=NOW)  # fmt: skip
    refreshed = refresh_cards(connection, tenant, due(connection, tenant))
    assert [(one.customer_id, one.changes) for one in refreshed] == [(mine, {"tag_ids"})]


def test_who_was_merged_has_no_card(connection: Connection, tenant: Tenant, whole: tuple[int, int]):
    """Lists show a person once (CUS-9)."""
    mine, other = whole
    run(connection, "update customer set merged_into = :other where tenant_id = :t and id = :id", t=tenant.id, id=mine,
        other=other)  # fmt: skip
    refresh_cards(connection, tenant, due(connection, tenant))
    for table in ("customer_card", "customer_name", "customer_number"):
        found = fetch_all(connection, f"select 1 from {table} where tenant_id = :t and customer_id = :id", t=tenant.id,
                          id=mine)  # fmt: skip
        assert not found, table


def test_of_a_new_card_everything_is_told(connection: Connection, tenant: Tenant, whole: tuple[int, int]):
    """Also what is empty: a rule about "never bought" is to hear of who is new (TAG-5)."""
    run(connection, "insert into customer (tenant_id, id, created_at) values (:t, 1, :now)", t=tenant.id, now=NOW)
    (one,) = refresh_cards(connection, tenant, due(connection, tenant))
    assert one.changes == set(COLUMNS)
