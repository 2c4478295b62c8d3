"""The blacklist by the API: on it, off it, who asks."""

from concurrent.futures import ThreadPoolExecutor

from shared.api_keys import Scope
from tests.console.api.conftest import Shop, identity


def listed(shop: Shop, customer_id: int, reason: str = "asked") -> int:
    return shop.ask("PUT", f"/customers/{customer_id}/blacklist", {"reason": reason}).status_code


def customers(shop: Shop, count: int) -> list[int]:
    return [int(shop.upsert(f"crm=C-{n}", f"phone=1380013800{n}")["customer"]["id"]) for n in range(count)]


def test_on_and_off_with_reasons_and_history(shop: Shop):
    """Shown on the customer, told as facts, and every entry stays (CUS-10)."""
    (one,) = customers(shop, 1)
    assert (listed(shop, one), listed(shop, one), listed(shop, one, "insists")) == (201, 200, 200)
    assert shop.get(f"/customers/{one}")["blacklisted"]["reason"] == "insists"
    off = {"reason": "changed their mind"}
    assert shop.ask("POST", f"/customers/{one}/blacklist/removal", off).status_code == 200
    assert shop.ask("POST", f"/customers/{one}/blacklist/removal", off).status_code == 200
    assert shop.get(f"/customers/{one}")["blacklisted"] is None
    assert listed(shop, one, "again") == 201
    history = shop.get(f"/customers/{one}/blacklist")["entries"]
    assert [(e["reason"], e["end_reason"], e["ended_by"]) for e in history] == [
        ("again", None, None), ("insists", "changed their mind", "api:crm")]  # fmt: skip
    told = shop.rows("select type from fact where type like '%blacklisted' order by id")
    assert told == [("customer_blacklisted",), ("customer_unblacklisted",), ("customer_blacklisted",)]


def test_the_list_is_paged_newest_first(shop: Shop):
    """Keyset, nobody twice; ended entries have a list of their own (CUS-10)."""
    ids = customers(shop, 5)
    assert {listed(shop, one) for one in ids} == {201}
    shop.ask("POST", f"/customers/{ids[2]}/blacklist/removal", {"reason": "x"})
    seen, cursor = [], None
    while True:
        page = shop.get("/blacklist", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [one["customer_id"] for one in page["entries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [ids[4], ids[3], ids[1], ids[0]]
    assert [one["customer_id"] for one in shop.get("/blacklist", ended="true")["entries"]] == [ids[2]]


def test_campaigns_ask_for_many_at_once_by_id_or_identity(shop: Shop):
    """Whoever shares an identity with somebody on the list is left out, too; unknown ones are not on it (CUS-10)."""
    ids = customers(shop, 3)
    listed(shop, ids[0])
    twin = shop.upsert("crm=C-9", "phone=13800138000")["customer"]["id"]
    assert twin != ids[0]
    asked = [identity("crm=C-0"), identity("phone=138 0013 8000"), identity("crm=C-1"), identity("crm=nobody")]
    body = {"customer_ids": [*ids, 10**12], "identities": [*asked, asked[0]]}
    answer = shop.ask("POST", "/blacklist:check", body)
    assert answer.status_code == 200
    assert [one["blacklisted"] for one in answer.json["customers"]] == [True, False, False, False]
    assert [one["blacklisted"] for one in answer.json["identities"]] == [True, True, False, False, True]
    assert "13800138000" not in answer.text
    assert shop.rows("select count(*)::int from audit where action like 'blacklist%'") == [(0,)]


def test_many_who_list_one_customer_at_once_make_one_entry(shop: Shop):
    """One open entry a customer, one fact (CUS-10)."""
    (one,) = customers(shop, 1)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: listed(shop, one, f"reason {n % 2}"), range(8)))
    assert answers.count(201) == 1 and set(answers) == {200, 201}
    assert shop.rows("select count(*)::int from blacklist_entry") == [(1,)]
    assert shop.rows("select count(*)::int from fact where type = 'customer_blacklisted'") == [(1,)]


def test_rubbish_is_refused_and_reading_needs_its_scope(shop: Shop):
    """A clear 4xx; a key for customers does not read reasons (G8)."""
    (one,) = customers(shop, 1)
    for body in ({}, {"reason": " "}, {"reason": "x" * 501}, {"reason": "a\x07"}, {"reason": 1}):
        assert shop.ask("PUT", f"/customers/{one}/blacklist", body).status_code == 422, body
    assert listed(shop, 10**12) == 404
    for body in ({}, {"customer_ids": list(range(1, 1002))}, {"customer_ids": [0]}):
        assert shop.ask("POST", "/blacklist:check", body).status_code == 422
    bad = shop.ask("POST", "/blacklist:check", {"identities": [identity("phone=12"), identity("crm=x")]})
    assert bad.json["errors"][0]["field"] == "/identities/0/value"
    assert listed(shop, one) == 201
    reader = shop.caller(Scope.CUSTOMERS_READ)
    assert reader.ask("GET", "/blacklist").status_code == 403
    assert reader.get(f"/customers/{one}")["blacklisted"]["reason"] is None
