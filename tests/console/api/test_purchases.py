"""Orders and events by the API: each counts once, the newest state stands (CUS-15)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.console.api.conftest import Shop, upsert_body

OLD, NEW = "2026-11-20T10:00:00+08:00", "2026-11-20T11:00:00+08:00"


def order(crm: str = "C-1", *, amount: int = 100, status: str = "paid", at: str = OLD, paid_at: str | None = OLD):
    told = {"amount": amount, "currency": "CNY", "status": status, "items_count": 1, "updated_at": at}
    return {"customer": {"kind": "crm", "value": crm}, "paid_at": paid_at, **told}


def event(event_id: str, crm: str = "C-1", **more: object):
    customer = {"kind": "crm", "value": crm}
    return {"event_id": event_id, "customer": customer, "kind": "page_viewed", "occurred_at": OLD, **more}


@pytest.fixture
def customer_id(shop: Shop) -> int:
    made: int = shop.upsert("crm=C-1")["customer"]["id"]
    return made


def test_an_order_counts_once_and_only_while_it_is_a_purchase(shop: Shop, customer_id: int):
    """Repeats change nothing; a refund takes it out again (CUS-15)."""
    for _ in range(2):
        shop.ask("PUT", "/orders/tmall/T-1", order(amount=19900))
    shop.ask("PUT", "/orders/tmall/T-2", order(amount=100, at=NEW, paid_at=NEW))
    shop.ask("PUT", "/orders/jd/T-1", order(amount=7, status="pending", paid_at=None))
    (tmall,) = shop.get(f"/customers/{customer_id}")["purchases"]
    assert (tmall["purchase_count"], tmall["amount"]) == (2, 20000)
    assert tmall["last_purchase_at"] == "2026-11-20T03:00:00Z"
    answer = shop.ask("PUT", "/orders/tmall/T-1", order(status="refunded", at=NEW))
    assert (answer.status_code, answer.json["applied"]) == (200, True)
    (tmall,) = shop.get(f"/customers/{customer_id}")["purchases"]
    assert (tmall["purchase_count"], tmall["amount"]) == (1, 100)


def test_a_late_older_state_does_not_overwrite_a_newer_one(shop: Shop, customer_id: int):
    """What stands is told, and that it was not applied (CUS-15)."""
    assert shop.ask("PUT", "/orders/tmall/T-1", order(status="shipped", at=NEW)).status_code == 201
    late = shop.ask("PUT", "/orders/tmall/T-1", order(status="paid", at=OLD, amount=5)).json
    assert (late["applied"], late["status"], late["amount"]) == (False, "shipped", 100)
    assert len(shop.rows("select 1 from audit where action = 'order.recorded'")) == 1


def test_orders_of_nobody_are_refused(shop: Shop):
    """The CRM upserts the customer first (POOL-1)."""
    answer = shop.ask("PUT", "/orders/tmall/T-1", order("C-404"))
    assert (answer.status_code, answer.json["type"]) == (404, "urn:guanxi:problem:no-customer")


def test_many_orders_of_one_customer_at_once_are_all_in_the_summary(shop: Shop, customer_id: int):
    """No summary is computed without an order that is being recorded beside it (CUS-15)."""
    caller = shop.caller()

    def place(number: int) -> int:
        client = shop.client.application.test_client()
        return type(caller)(client, caller.key).ask("PUT", f"/orders/tmall/T-{number}", order()).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(place, range(24))) == {201}
    (summary,) = shop.get(f"/customers/{customer_id}")["purchases"]
    assert (summary["purchase_count"], summary["amount"]) == (24, 2400)


def test_an_order_that_turns_out_to_be_somebody_elses_moves(shop: Shop, customer_id: int):
    """Both summaries are right afterwards (CUS-15)."""
    other = shop.upsert("crm=C-2")["customer"]["id"]
    shop.ask("PUT", "/orders/tmall/T-1", order())
    shop.ask("PUT", "/orders/tmall/T-1", order("C-2", at=NEW))
    assert shop.get(f"/customers/{customer_id}")["purchases"] == []
    assert shop.get(f"/customers/{other}")["purchases"][0]["purchase_count"] == 1


def test_orders_and_events_follow_a_joined_customer(shop: Shop, customer_id: int):
    """Purchases of both records are one person's (CUS-14)."""
    other = shop.upsert("shop:jd=J-1")["customer"]["id"]
    shop.ask("PUT", "/orders/tmall/T-1", order())
    shop.ask("PUT", "/orders/tmall/J-1", order() | {"customer": {"kind": "shop:jd", "value": "J-1"}})
    shop.ask("POST", "/events", {"events": [event("e-1") | {"customer": {"kind": "shop:jd", "value": "J-1"}}]})
    joined = shop.upsert("crm=C-1", "shop:jd=J-1")
    assert joined["merged_ids"] == [other]
    assert joined["customer"]["purchases"][0]["purchase_count"] == 2
    assert shop.rows("select distinct customer_id from customer_event") == [(customer_id,)]


def test_events_are_recorded_once_each_and_answered_row_by_row(shop: Shop, customer_id: int):
    """A repeat in the same batch or later is no second event; who nobody knows is said (CUS-15)."""
    batch = {"events": [event("e-1", properties={"page": "coats"}), event("e-2"), event("e-1"), event("e-3", "C-404")]}
    first = shop.ask("POST", "/events", batch).json
    assert first["recorded"] == 2
    assert [one["outcome"] for one in first["events"]] == ["recorded", "recorded", "repeated", "unknown_customer"]
    shop.upsert("crm=C-404")
    second = shop.ask("POST", "/events", batch).json
    assert [one["outcome"] for one in second["events"]] == ["repeated", "repeated", "repeated", "recorded"]
    assert shop.rows("select count(*)::int from customer_event") == [(3,)]
    assert shop.rows("select 1 from customer_event where properties::text like '%coats%'") == []


def test_a_thousand_events_go_in_one_batch_and_one_more_does_not(shop: Shop, customer_id: int):
    """The bound is said by name (G8)."""
    events = [event(f"e-{number}") for number in range(1001)]
    assert shop.ask("POST", "/events", {"events": events[:1000]}).json["recorded"] == 1000
    answer = shop.ask("POST", "/events", {"events": events})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "/events")


def test_an_order_of_a_phone_that_two_have_is_a_conflict(shop: Shop):
    """Nobody guesses whose it is, unless one has it verified (CUS-12)."""
    one = shop.upsert("crm=C-1", "phone=13800138000")["customer"]["id"]
    two = shop.upsert("crm=C-2", "phone=13800138000")["customer"]["id"]
    body = order() | {"customer": {"kind": "phone", "value": "13800138000"}}
    answer = shop.ask("PUT", "/orders/tmall/T-1", body)
    assert (answer.status_code, answer.json["customer_ids"]) == (409, [one, two])
    shop.ask("POST", "/customers:upsert", upsert_body("crm=C-2", ("phone", "13800138000", True)))
    assert shop.ask("PUT", "/orders/tmall/T-1", body).json["customer_id"] == two
