"""Segments that people fill, as the API and the worker know them (CUS-6, SEG-1)."""

from collections.abc import Callable
from typing import Any

import pytest

from services.erasing.store import erase
from services.segments.store import want_daily
from shared.directory import Directory
from shared.ids import CustomerId
from sync_worker.cards import make_all_due
from sync_worker.segments import refresh_wanted
from tests.console.api.conftest import Shop


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """Three customers, and segment 1, which is filled by hand."""
    made = make_shop()
    for n in (1, 2, 3):
        made.upsert(f"phone=1380013800{n}", level="gold" if n > 1 else "silver")
    assert ask(made, "POST", "", {"name": "fair", "kind": "static"}, status=201)["by_hand"] is True
    work(made)
    return made


def ask(shop: Shop, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
    answer = shop.ask(method, f"/segments{path}", body)
    assert answer.status_code == status, answer.text
    return answer.json


def work(shop: Shop) -> None:
    """What workers do within seconds."""
    directory = Directory(shop.runtime.vault)
    make_all_due(shop.runtime, directory)
    while refresh_wanted(shop.runtime, directory):
        make_all_due(shop.runtime, directory)


def found(shop: Shop, op: str = "any_of") -> list[int]:
    body = {"filter": {"groups": [{"conditions": [{"field": "segment", "op": op, "value": [1]}]}]}}
    return sorted(one["id"] for one in shop.ask("POST", "/customers:search", body).json["customers"])


def test_people_are_put_in_and_taken_out_and_filters_find_them(shop: Shop):
    """By name or by filter; twice is once; the count is there at once (CUS-6, SEG-1)."""
    gold = {"filter": {"groups": [{"conditions": [{"field": "level", "op": "equals", "value": "gold"}]}]}}
    assert ask(shop, "POST", "/1/members", {"customer_ids": [1, 2, 999]}) == {"chosen_count": 2, "changed_count": 2}
    assert ask(shop, "POST", "/1/members", gold) == {"chosen_count": 2, "changed_count": 1}
    assert (ask(shop, "GET", "/1")["member_count"], found(shop), found(shop, "none_of")) == (3, [1, 2, 3], [])
    assert ask(shop, "POST", "/1/members/remove", {"customer_ids": [1, 1]})["changed_count"] == 1
    assert ask(shop, "POST", "/1/members/remove", {"customer_ids": [1]})["changed_count"] == 0
    assert [one["customer_id"] for one in ask(shop, "GET", "/1/members")["members"]] == [2, 3]
    assert found(shop) == [2, 3]
    done = shop.rows("select action from audit where subject_kind = 'segment' order by id")
    assert [one for (one,) in done] == ["segment.made", *["segment.members_put_in"] * 2, "segment.members_taken_out"]


def test_the_worker_counts_and_tells_once_of_many_changes_and_rules_follow(shop: Shop):
    """One fact for what changed since the last, and rules that ask for the segment look at everybody (SEG-1, TAG-5)."""
    shop.ask("POST", "/local-tag-groups", {"name": "auto"})
    tag = shop.ask("POST", "/local-tag-groups/1/tags", {"name": "fair", "kind": "automatic"})
    assert tag.status_code == 201, tag.text
    rule = {"groups": [{"conditions": [{"field": "segment", "op": "any_of", "value": [1]}]}]}
    answer = shop.ask("POST", "/automatic-tags", {"tag_id": "local:1", "filter": rule})
    assert answer.status_code == 201, answer.text
    work(shop)
    ask(shop, "POST", "/1/members", {"customer_ids": [1, 2]})
    ask(shop, "POST", "/1/members/remove", {"customer_ids": [1]})
    work(shop)
    told = "select payload -> 'member_count', payload -> 'joined_count', payload -> 'left_count' from fact "
    assert shop.rows(told + "where type = 'segment_refreshed'") == [(1, 2, 1)]
    assert shop.rows("select customer_id from customer_tag") == [(2,)]
    work(shop)
    assert len(shop.rows("select 1 from fact where type = 'segment_refreshed'")) == 1


def test_a_merge_takes_members_along_and_the_next_count_is_right(shop: Shop):
    """Of two members who are one person one is left (CUS-9)."""
    ask(shop, "POST", "/1/members", {"customer_ids": [1, 2]})
    answer = shop.ask("POST", "/customers/1/merge", {"other_id": 2})
    assert answer.status_code in (200, 201), answer.text
    ask(shop, "POST", "/1/members", {"customer_ids": [2, 3]})
    work(shop)
    assert (ask(shop, "GET", "/1")["member_count"], found(shop)) == (2, [1, 3])


def test_only_a_segment_without_a_filter_is_filled_by_hand(shop: Shop):
    """Others say so; a dynamic one needs a filter; one that is gone is 404 (SEG-1)."""
    ask(shop, "POST", "", {"name": "b", "kind": "static", "filter": {}}, status=201)
    refused = ask(shop, "POST", "/2/members", {"customer_ids": [1]}, status=409)
    assert "without a filter" in refused["detail"]
    ask(shop, "POST", "", {"name": "c", "kind": "dynamic"}, status=422)
    ask(shop, "POST", "/2/refreshes", {}, status=409)
    ask(shop, "PATCH", "/1", {"state": "stopped"}, status=409)
    assert ask(shop, "PATCH", "/1", {"name": "the fair"})["name"] == "the fair"
    ask(shop, "DELETE", "/1")
    ask(shop, "POST", "/1/members", {"customer_ids": [1]}, status=404)


def test_who_is_deleted_is_counted_no_more_after_the_next_look(shop: Shop):
    """Merges and deletions take people; the daily look, or a refresh that is asked for, counts anew (SEG-1)."""
    ask(shop, "POST", "/1/members", {"customer_ids": [1, 2, 3]})
    work(shop)
    for one, how in ((1, lambda: ask(shop, "POST", "/1/refreshes", {}, status=202)), (2, lambda: daily(shop))):
        with shop.runtime.engine.begin() as connection:
            erase(connection, shop.tenant.id, [CustomerId(one)], now=shop.clock.now())
        how()
        work(shop)
        assert ask(shop, "GET", "/1")["member_count"] == 3 - one


def daily(shop: Shop) -> None:
    with shop.runtime.engine.begin() as connection:
        want_daily(connection, shop.tenant.id, by="clock", now=shop.clock.now())
