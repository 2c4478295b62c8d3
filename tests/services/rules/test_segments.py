"""Segments: what a filter finds, kept as a list that is refreshed each day and on demand (SEG-1, SEG-2)."""

from dataclasses import replace
from datetime import timedelta

from services.finding.store import context_of
from services.segments.model import Kind
from services.segments.portrait import BoughtGoods, portray
from services.segments.refreshing import refresh
from services.segments.store import load_members, load_segment, record_deleted, record_segment_edit, want_refresh
from sync_worker.segments import refresh_wanted
from tests.services.rules.shop import Shop, one

RICH = one("score", "between", {"min": 10})


def test_a_refresh_brings_who_is_found_and_removes_who_is_not(shop: Shop):
    """Members who stay keep their time; how many came and went is told (SEG-1)."""
    stays, goes, comes = shop.customers(3)
    shop.score([stays, goes], 10)
    shop.settle()
    segment = shop.segment("rich", RICH)
    shop.settle()
    assert shop.members(segment) == [stays, goes]
    began = shop.now
    shop.score([goes], 0)
    shop.score([comes], 10)
    shop.settle()
    assert shop.members(segment) == [stays, goes]  # nobody asked yet
    shop.pass_time(timedelta(minutes=5))
    shop.do(want_refresh, shop.tenant.id, segment, by="x", now=shop.now)
    shop.settle()
    assert shop.rows("select customer_id, since from segment_member order by 1") == [
        (stays, began),
        (comes, shop.now),
    ]
    assert shop.facts("segment_refreshed")[-1] == {
        "segment_id": segment, "member_count": 2, "joined_count": 1, "left_count": 1}  # fmt: skip


def test_each_day_dynamic_segments_are_refreshed_and_others_are_not(shop: Shop):
    """T+1: dynamic ones that are not stopped; static ones stay as they were made (SEG-1, SEG-2)."""
    (customer,) = shop.customers(1)
    shop.settle()
    dynamic, stopped, static = shop.segment("a", RICH), shop.segment("b", RICH), shop.segment("c", RICH, Kind.STATIC)
    shop.settle()
    shop.run("update segment set state = 'stopped' where id = :id", id=stopped)
    shop.score([customer], 10)
    shop.settle()
    shop.pass_time(timedelta(days=1))
    shop.settle()
    assert [shop.members(one) for one in (dynamic, stopped, static)] == [[customer], [], []]


def test_a_segment_that_asks_for_another_is_refreshed_after_it(shop: Shop):
    """One refresh is enough, whichever was wanted first (SEG-1)."""
    rich, _ = shop.customers(1, score=10), shop.customers(1)
    shop.settle()
    outer_first = shop.segment("outer", RICH)
    inner = shop.segment("inner", RICH)
    with shop.runtime.engine.begin() as connection:
        outer = replace(load_segment(connection, shop.tenant, outer_first), filter=one("segment", "any_of", [inner]))
        record_segment_edit(connection, shop.tenant, outer)
    shop.settle()
    assert shop.members(inner) == shop.members(outer_first) == rich


def test_rules_that_ask_for_a_segment_follow_its_refresh(shop: Shop):
    """No card says who is in a segment, so its refresh does (TAG-5, SEG-1)."""
    (customer,) = shop.customers(1)
    shop.settle()
    segment = shop.segment("rich", RICH)
    tag = shop.tag()
    shop.rule(tag, one("segment", "any_of", [segment]))
    shop.settle()
    assert shop.tagged(tag) == []
    shop.score([customer], 10)
    shop.do(want_refresh, shop.tenant.id, segment, by="x", now=shop.now)
    shop.settle()
    shop.do(want_refresh, shop.tenant.id, segment, by="x", now=shop.now)
    shop.settle()
    assert shop.tagged(tag) == [customer]


def test_a_kill_during_a_refresh_leaves_it_wanted(shop: Shop):
    """The members, their number and the end of the wish are one commit (SEG-1)."""
    (customer,) = shop.customers(1, score=10)
    shop.settle()
    segment = shop.segment("rich", RICH)
    with shop.runtime.engine.connect() as connection:
        context = context_of(shop.tenant, region="CN", now=shop.now)
        assert refresh(connection, shop.tenant, segment, context) is not None
    assert shop.members(segment) == []
    assert refresh_wanted(shop.runtime, shop.directory) == 1
    assert shop.members(segment) == [customer]


def test_a_filter_that_cannot_be_read_any_more_is_said(shop: Shop):
    """Its members stay, and the segment says what is wrong (SEG-1)."""
    segment = shop.segment("odd", one("field:gone", "equals", "x"))
    shop.settle()
    ((problem, wanted),) = shop.rows("select problem, wanted_at from segment where id = :id", id=segment)
    assert "no such field" in problem and wanted is None


def test_members_of_a_deleted_segment_go(shop: Shop):
    """In the background, in pages (SEG-2)."""
    shop.customers(3, score=10)
    shop.settle()
    segment = shop.segment("rich", RICH)
    shop.settle()
    assert len(shop.members(segment)) == 3
    shop.do(record_deleted, shop.tenant.id, segment, now=shop.now)
    shop.settle()
    assert shop.members(segment) == []


def test_pages_show_each_member_once(shop: Shop):
    """By id, from behind the last one (SEG-2)."""
    ids = shop.customers(5, score=10)
    shop.settle()
    segment = shop.segment("rich", RICH)
    shop.settle()
    shown: list[int] = []
    while page := shop.do(load_members, shop.tenant.id, segment, after=shown[-1] if shown else 0, limit=2):
        shown += [one.customer_id for one in page]
    assert shown == ids


def test_a_portrait_counts_what_members_are_like(shop: Shop):
    """Standing, gender, purchases, tags, shops; a large segment is shown by a part of it (SEG-2)."""
    first, second, _ = [*shop.customers(2, score=10), *shop.customers(1)]
    shop.order(first, "T-1", amount=60_000)
    tag = shop.tag()
    shop.rule(tag, RICH)
    shop.settle()
    segment = shop.segment("rich", RICH)
    shop.settle()
    found = shop.do(portray, shop.tenant.id, segment, member_count=2)
    assert (found.seen_count, found.share) == (2, 1.0) and second
    assert found.counts["standing"] == {"none": 2} and found.counts["gender"] == {"unknown": 2}
    assert found.counts["purchase_amount"] == {"0": 1, "50000": 1} and found.counts["shops"] == {"tmall": 1}
    assert found.counts["tags"] == {f"local:{tag}": 2} and found.averages["score"] == 10
    assert shop.do(portray, shop.tenant.id, segment, member_count=1_000_000).share == 0.05


def test_a_portrait_shows_what_most_members_bought(shop: Shop):
    """Twenty goods at most, by members who bought them, whatever number of orders; purchases only (SEG-2)."""
    first, second, stranger = [*shop.customers(2, score=10), *shop.customers(1)]
    for number, (who, goods, status) in enumerate(
        (
            (first, ["G-1", "G-2"], "paid"), (first, ["G-2"], "completed"), (second, ["G-1"], "shipped"),
            (second, ["G-3"], "refunded"), (first, ["G-4"], "cancelled"), (stranger, ["G-3"], "paid"),
            (first, None, "paid"),
        )
    ):  # fmt: skip
        shop.order(who, f"T-{number}")
        shop.run(
            "update customer_order set goods_ids = :goods, status = :status where order_id = :id",
            goods=goods,
            status=status,
            id=f"T-{number}",
        )
    shop.run("insert into goods values (:t, 'G-1', '大衣', :now)", t=shop.tenant.id, now=shop.now)
    shop.settle()
    segment = shop.segment("rich", RICH)
    shop.settle()
    found = shop.do(portray, shop.tenant.id, segment, member_count=2)
    assert found.goods == [BoughtGoods("G-1", "大衣", 2), BoughtGoods("G-2", None, 1)]
    shop.run("update customer_order set goods_ids = array(select 'M-' || n from generate_series(1, 30) n)")
    assert len(shop.do(portray, shop.tenant.id, segment, member_count=2).goods) == 20
