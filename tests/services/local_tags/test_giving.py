"""Local tags on customers' rows: by selection, page by page, once."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from services.chosen import these
from services.finding.selection import Selection
from services.local_tags.giving import load_worn, tag_page
from services.local_tags.leaving import next_deleted, take_off
from services.local_tags.model import ALL_SEEING, Kind, NoTagError, Tagging, Viewer
from services.local_tags.store import load_groups, record_deleted, record_group, record_tag
from shared.clock import FixedClock
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId, UserId
from shared.tenants import Tenant


@pytest.fixture
def now(clock: FixedClock) -> datetime:
    return clock.now()


def add_customers(connection: Connection, tenant_id: TenantId, count: int, *, now: datetime) -> list[CustomerId]:
    rows = fetch_all(
        connection,
        "insert into customer (tenant_id, created_at, updated_at) select :tenant_id, cast(:now as timestamptz) "
        "- interval '1 day', cast(:now as timestamptz) - interval '1 day' from generate_series(1, :count) returning id",
        tenant_id=tenant_id, now=now, count=count,
    )  # fmt: skip
    return [CustomerId(row["id"]) for row in rows]


def everybody(tenant_id: TenantId) -> Selection:
    return Selection("select id as customer_id from customer where tenant_id = :f_t", {"f_t": tenant_id})


def add_tags(connection: Connection, tenant_id: TenantId, *names: str, now: datetime) -> list[int]:
    group = record_group(connection, tenant_id, "喜好", None, now=now)
    return [record_tag(connection, tenant_id, group, name, Kind.MANUAL, now=now) for name in names]


def rows(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in fetch_all(connection, sql)]


def test_all_of_a_selection_are_tagged_in_pages_and_nobody_twice(
    connection: Connection, tenant: Tenant, other_tenant: Tenant, now: datetime
):
    """Each page says who got it; a page done again, as after a crash, changes nothing (TAG-3)."""
    ids = add_customers(connection, tenant.id, 25, now=now)
    add_customers(connection, other_tenant.id, 3, now=now)
    (tea,) = add_tags(connection, tenant.id, "茶", now=now)
    after: int | None = 0
    given: list[CustomerId] = []
    while after is not None:
        chosen = everybody(tenant.id)
        change = Tagging(give=(tea,))
        page = tag_page(connection, tenant.id, chosen, change, after=after, limit=10, by_whom="rule:1", now=now)
        again = tag_page(connection, tenant.id, chosen, change, after=after, limit=10, by_whom="rule:1", now=now)
        assert (again.given, again.last) == ({}, page.last)
        given += page.given[tea]
        after = page.last
    assert given == ids
    assert rows(connection, "select distinct tenant_id, by_whom from customer_tag") == [(tenant.id, "rule:1")]


def test_only_whose_tags_change_counts_as_changed(connection: Connection, tenant: Tenant, now: datetime):
    """The listing by last change names these and no others (TAG-3)."""
    one, two = add_customers(connection, tenant.id, 2, now=now)
    tea, coffee = add_tags(connection, tenant.id, "茶", "咖啡", now=now)
    run(connection, "insert into customer_tag values (:t, :c, :tag, :now, 'x')", t=tenant.id, c=two, tag=tea, now=now)
    done = tag_page(
        connection, tenant.id, these(tenant.id, [one, two]), Tagging((tea,), (coffee,)), by_whom="x", now=now
    )
    assert (done.given, done.taken, done.chosen_count) == ({tea: [one]}, {}, 2)
    changed = f"select id from customer where tenant_id = {tenant.id} and updated_at = created_at + interval '1 day'"
    assert rows(connection, changed) == [(one,)]


def test_a_merged_record_is_tagged_as_what_it_was_merged_into(connection: Connection, tenant: Tenant, now: datetime):
    """An old id still leads to the person; the merged record itself gets nothing (TAG-3)."""
    one, old = add_customers(connection, tenant.id, 2, now=now)
    run(connection, "update customer set merged_into = :into where id = :id", into=one, id=old)
    (tea,) = add_tags(connection, tenant.id, "茶", now=now)
    chosen = these(tenant.id, [old, one, 10**12])
    assert tag_page(connection, tenant.id, chosen, Tagging((tea,)), by_whom="x", now=now).given == {tea: [one]}
    whole = everybody(tenant.id)
    assert tag_page(connection, tenant.id, whole, Tagging((), (tea,)), by_whom="x", now=now).taken == {tea: [one]}


def test_a_deleted_tag_is_on_nobody_and_its_rows_follow_in_pages(connection: Connection, tenant: Tenant, now: datetime):
    """Nobody sees it from the deletion on; rows go a page at a time, other tags' stay (TAG-3)."""
    ids = add_customers(connection, tenant.id, 5, now=now)
    tea, coffee = add_tags(connection, tenant.id, "茶", "咖啡", now=now)
    tag_page(connection, tenant.id, these(tenant.id, ids), Tagging((tea, coffee)), by_whom="x", now=now)
    record_deleted(connection, tenant.id, [tea], by="api:crm", now=now)
    worn = load_worn(connection, tenant.id, ids[0], viewer=ALL_SEEING)
    assert [(one.tag.name, one.by_whom) for one in worn] == [("咖啡", "x")]
    with pytest.raises(NoTagError):
        tag_page(connection, tenant.id, these(tenant.id, ids), Tagging((tea,)), by_whom="x", now=now)
    pages = []
    while (tag := next_deleted(connection, tenant.id)) is not None:
        pages.append(take_off(connection, tenant.id, tag, now=now, limit=2))
    assert pages == [2, 2, 1]
    assert rows(connection, "select tag_id, count(*) from customer_tag group by 1") == [(coffee, 5)]


def test_tags_of_a_hidden_group_are_not_shown_on_a_customer(connection: Connection, tenant: Tenant, now: datetime):
    """Others neither see nor use it (TAG-4)."""
    (one,) = add_customers(connection, tenant.id, 1, now=now)
    group = record_group(connection, tenant.id, "内部", [UserId("LiNa")], now=now)
    tag = record_tag(connection, tenant.id, group, "敏感", Kind.MANUAL, now=now)
    tag_page(connection, tenant.id, these(tenant.id, [one]), Tagging((tag,)), by_whom="x", now=now)
    seen = {who: len(load_worn(connection, tenant.id, one, viewer=Viewer(UserId(who)))) for who in ("LiNa", "WangWei")}
    assert seen == {"LiNa": 1, "WangWei": 0}
    assert load_groups(connection, tenant.id, of="chat") == []
