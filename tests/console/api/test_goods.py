"""What was bought: lines of orders, preferred goods, customers by what they bought (SEG-2, CUS-4, CUS-15)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from services.cards.store import refresh_cards, take_due
from shared.directory import Directory
from shared.scope import DataScope
from shared.wecom.clients import Clients
from sync_worker.resync.steps import walk_step
from tests.console.api.conftest import Caller, Shop
from tests.console.api.test_purchases import NEW, OLD, order
from tests.console.api.test_scope import limited

LATER = "2026-11-20T12:00:00+08:00"


def item(goods_id: str, name: str | None = None, *, quantity: int = 1, amount: int = 100) -> dict[str, Any]:
    return {"goods_id": goods_id, "name": name, "quantity": quantity, "amount": amount}


def place(shop: Shop, number: str, *items: dict[str, Any], crm: str = "C-1", **told: Any) -> Any:
    answer = shop.ask("PUT", f"/orders/tmall/{number}", order(crm, **told) | {"items": list(items)})
    assert answer.status_code in (200, 201), answer.text
    return answer.json


def customer(shop: Shop, crm: str = "C-1") -> int:
    return int(shop.upsert(f"crm={crm}")["customer"]["id"])


def goods_of(shop: Shop, one: int) -> list[tuple[str, int, int]]:
    found = shop.get(f"/customers/{one}/profile")["goods"]
    return [(goods["goods_id"], goods["order_count"], goods["quantity"]) for goods in found]


def make_cards(shop: Shop) -> None:
    with shop.runtime.engine.begin() as connection:
        refresh_cards(connection, shop.tenant, take_due(connection, shop.tenant.id, limit=1000) or [])


def bought(*goods: str) -> dict[str, Any]:
    condition = {"field": "order", "op": "is", "value": {"goods": list(goods)}}
    return {"filter": {"groups": [{"conditions": [condition]}]}}


def finds(caller: Caller, *goods: str) -> set[int]:
    answer = caller.ask("POST", "/customers:search", bought(*goods))
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json["customers"]}


def test_a_newer_state_replaces_the_lines_and_an_older_one_does_not(shop: Shop):
    """As a whole: what the newer one does not have is gone (SEG-2)."""
    one = customer(shop)
    told = place(shop, "T-1", item("G-1", "大衣", quantity=2), item("G-2", "围巾"))
    assert told["items"] == [item("G-1", "大衣", quantity=2), item("G-2", "围巾")]
    assert goods_of(shop, one) == [("G-1", 1, 2), ("G-2", 1, 1)]
    assert place(shop, "T-1", item("G-3"), at=NEW)["items"] == [item("G-3")]
    late = place(shop, "T-1", item("G-9"), at=OLD)
    assert (late["applied"], late["items"]) == (False, [item("G-3")])
    assert goods_of(shop, one) == [("G-3", 1, 1)]
    assert place(shop, "T-1", at=LATER)["items"] == [] and goods_of(shop, one) == []


def test_who_says_nothing_of_lines_leaves_them(shop: Shop):
    """Senders of before send orders as ever; one that only tells states takes no lines away (CUS-15)."""
    one = customer(shop)
    assert shop.ask("PUT", "/orders/tmall/T-0", order()).json["items"] is None
    place(shop, "T-1", item("G-1"))
    answer = shop.ask("PUT", "/orders/tmall/T-1", order(status="shipped", at=NEW)).json
    assert (answer["status"], answer["items"]) == ("shipped", [item("G-1")])
    assert shop.ask("PUT", "/orders/tmall/T-1", order(status="shipped", at=NEW)).json["applied"]
    assert goods_of(shop, one) == [("G-1", 1, 1)]
    assert len(shop.rows("select 1 from audit where action = 'order.recorded'")) == 3


def test_only_purchases_say_what_is_preferred(shop: Shop):
    """Most orders first; what was cancelled or refunded, and what is not paid yet, does not count (SEG-2, CUS-4)."""
    one = customer(shop)
    place(shop, "T-1", item("G-1"), item("G-1"), item("G-2", quantity=9))
    place(shop, "T-2", item("G-1"))
    place(shop, "T-3", item("G-3"), item("G-2"), status="pending", paid_at=None)
    assert goods_of(shop, one) == [("G-1", 2, 3), ("G-2", 1, 9)]
    place(shop, "T-1", item("G-1"), status="refunded", at=NEW)
    place(shop, "T-2", item("G-1"), status="cancelled", at=NEW)
    assert goods_of(shop, one) == []
    for number in range(7):
        place(shop, f"M-{number}", item(f"G-{number}"))
    assert len(goods_of(shop, one)) == 5


def test_goods_are_called_as_the_newest_order_says(shop: Shop):
    """An older order, and one without a name, rename nothing (SEG-2)."""
    one = customer(shop)

    def name() -> str | None:
        found: str | None = shop.get(f"/customers/{one}/profile")["goods"][0]["name"]
        return found

    place(shop, "T-1", item("G-1"))
    assert name() is None
    place(shop, "T-2", item("G-1", "羊绒大衣"), at=NEW)
    place(shop, "T-3", item("G-1", "大衣"), at=OLD)
    place(shop, "T-4", item("G-1"), at=LATER)
    assert name() == "羊绒大衣"
    place(shop, "T-5", item("G-1", "羊绒大衣 2026"), at=LATER)
    assert name() == "羊绒大衣 2026"


def test_orders_of_the_same_new_goods_at_once_are_all_recorded(shop: Shop):
    """Of several customers, with their lines in either order: none is refused, each name is there once (CUS-15)."""
    for crm in range(6):
        customer(shop, f"C-{crm}")
    lines = [item(f"G-{n}", f"商品{n}") for n in range(40)]

    def tell(number: int) -> int:
        caller = Caller(shop.client.application.test_client(), shop.key)
        body = order(f"C-{number % 6}") | {"items": lines if number % 2 else lines[::-1]}
        return caller.ask("PUT", f"/orders/tmall/T-{number}", body).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(tell, range(24))) == {201}
    assert shop.rows("select count(*)::int from goods") == [(40,)]


def test_bad_lines_are_refused_with_their_place(shop: Shop):
    """At most two hundred, each with a number of goods (G8)."""
    customer(shop)
    for items, place_ in (
        ([item("G-1")] * 201, "/items"),
        ([item("G-1", quantity=0)], "/items/0/quantity"),
        ([item("G-1"), item("")], "/items/1/goods_id"),
        ([item("G-1", amount=-1)], "/items/0/amount"),
        ([item("G-1", " x")], "/items/0/name"),
        ([item("G-1") | {"price": 1}], "/items/0/price"),
    ):
        answer = shop.ask("PUT", "/orders/tmall/T-1", order() | {"items": items})
        assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [place_])
    assert len(place(shop, "T-1", *[item("G-1")] * 200)["items"]) == 200


def test_customers_are_found_by_what_they_bought(shop: Shop):
    """Any of the goods, of purchases only; said with their names; a bound key finds its own (CUS-2, ACC-1)."""
    shop.befriend("wmHers", "LiNa")
    shop.befriend("wmHis", "WangFang")
    one, two = (
        int(shop.upsert(f"external_userid={key}", f"crm={crm}")["customer"]["id"])
        for key, crm in (("wmHers", "C-1"), ("wmHis", "C-2"))
    )
    place(shop, "T-1", item("G-1", "大衣"), item("G-2"))
    place(shop, "T-2", item("G-2"), crm="C-2")
    place(shop, "T-3", item("G-3"), crm="C-2", status="refunded")
    make_cards(shop)
    assert [finds(shop, *some) for some in (("G-1",), ("G-2",), ("G-3",), ("G-1", "G-9"))] == [
        {one}, {one, two}, set(), {one},
    ]  # fmt: skip
    caller = limited(shop, DataScope(userid="WangFang"))
    assert [finds(caller, *some) for some in (("G-1",), ("G-2",))] == [set(), {two}]
    words = caller.ask("POST", "/filters:explain", bought("G-1", "G-2")).json
    assert words == {"en": "order of 大衣 or G-2", "zh": "订单含 大衣或G-2"}


def test_lines_go_with_their_order_into_a_merge_and_out_of_it(shop: Shop):
    """Also lines that were told since: they belong to the order, wherever it goes (CUS-9)."""
    one, two = customer(shop), customer_of_shop(shop)
    place(shop, "T-1", item("G-1"))
    theirs = {"customer": {"kind": "shop:tmall", "value": "9"}}
    shop.ask("PUT", "/orders/tmall/T-2", order() | theirs | {"items": [item("G-2")]})
    shop.ask("POST", f"/customers/{one}/merge", {"other_id": two})
    assert goods_of(shop, one) == [("G-1", 1, 1), ("G-2", 1, 1)]
    shop.ask("PUT", "/orders/tmall/T-2", order(at=NEW) | theirs | {"items": [item("G-2"), item("G-3")]})
    (merge,) = shop.get(f"/customers/{one}/merges")["merges"]
    assert shop.ask("POST", f"/merges/{merge['id']}/undo", {}).status_code == 200
    assert goods_of(shop, one) == [("G-1", 1, 1)]
    assert goods_of(shop, two) == [("G-2", 1, 1), ("G-3", 1, 1)]


def customer_of_shop(shop: Shop) -> int:
    return int(shop.upsert("shop:tmall=9")["customer"]["id"])


def test_the_timeline_shows_what_was_bought(shop: Shop):
    """Whoever asks what is kept of them is shown the lines as well (CUS-4)."""
    one = customer(shop)
    place(shop, "T-1", item("G-1", "大衣"))
    (entry,) = shop.get(f"/customers/{one}/timeline", kind="order")["entries"]
    assert entry["values"]["items"] == [item("G-1", "大衣")]


def test_a_deletion_leaves_nothing_of_what_was_bought(shop: Shop):
    """Neither the order nor what the audit held of it; that it was told, and when, stays (CUS-8)."""
    customer(shop)
    customer(shop, "C-2")
    place(shop, "T-1", item("G-1", "大衣"))
    place(shop, "T-2", item("G-1", "大衣"), crm="C-2")
    make_cards(shop)
    asked = {
        "filter": {"groups": [{"conditions": [{"field": "crm", "op": "equals", "value": "C-1"}]}]},
        "change": {"kind": "deletion"},
        "reason": "asked for by the customer",
        "confirmation": "DELETE 1",
    }
    assert (answer := shop.ask("POST", "/bulk-changes", asked)).status_code == 202, answer.text
    while walk_step(shop.runtime, Directory(shop.runtime.vault), Clients(shop.runtime, connections=1)):
        pass
    assert shop.rows("select order_id from customer_order") == [("T-2",)]
    assert shop.rows(
        "select subject_key, details is null from audit where action = 'order.recorded' order by subject_key"
    ) == [("tmall/T-1", True), ("tmall/T-2", False)]
