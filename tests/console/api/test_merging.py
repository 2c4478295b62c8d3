"""Merging two customers over the API, looking first, taking it back; several at once (CUS-9)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.console.api.conftest import Caller, Shop
from tests.console.api.test_purchases import order


def made(shop: Shop, *identities: str, **fields: object) -> int:
    return int(shop.upsert(*identities, **fields)["customer"]["id"])


def test_a_look_then_a_merge_then_its_end(shop: Shop):
    """The look writes nothing and shows both; the undo is told from the audit; both are facts (CUS-9)."""
    one = made(shop, "crm=C-1", level="gold", real_name="王小明")
    two = made(shop, "shop:tmall=9", level="silver", note="tea")
    shop.ask("PUT", "/orders/tmall/T-1", order() | {"customer": {"kind": "shop:tmall", "value": "9"}})
    before = shop.get(f"/customers/{one}"), shop.get(f"/customers/{two}")
    look = shop.get(f"/customers/{one}/merge-preview/{two}", take="level")
    moved = {"identity": 1, "customer_order": 1, "pool_record": 1, "pool_change": 1}
    assert look["refused"] is None and look["rows"] == moved
    assert {field["path"]: field["result"] for field in look["fields"]} == {
        "real_name": "王小明",
        "level": "silver",
        "note": "tea",
    }
    assert (look["customer"], look["other"]) == before
    merged = shop.ask("POST", f"/customers/{one}/merge", {"other_id": two, "take": ["level"], "reason": "she said so"})
    assert merged.status_code == 200, merged.text
    assert merged.json["moved"] == moved
    assert merged.json["customer"]["fields"]["level"] == "silver"
    assert merged.json["customer"]["purchases"][0]["amount"] == 100
    assert shop.get(f"/customers/{two}")["id"] == one
    (known,) = shop.get(f"/customers/{one}/merges")["merges"]
    assert (known["merged_id"], known["why"], known["by"], known["undone_at"]) == (two, "person", "api:crm", None)
    parted = shop.ask("POST", f"/merges/{known['id']}/undo", {})
    assert parted.status_code == 200, parted.text
    assert parted.json["returned"] == moved
    after = shop.get(f"/customers/{one}"), shop.get(f"/customers/{two}")
    assert [without_times(x) for x in after] == [without_times(x) for x in before]
    told = [("pool_entered",), ("customers_merged",), ("customers_parted",)]
    assert shop.rows("select type from fact order by id") == told
    assert shop.get(f"/customers/{one}/merges")["merges"][0]["undone_by"] == "api:crm"


def without_times(customer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in customer.items() if name != "updated_at"}


def test_what_cannot_be_is_told(shop: Shop):
    """404 and 409 with the reason, and nothing is written (CUS-9, G8)."""
    one, two = made(shop, "crm=C-1"), made(shop, "crm=C-2")
    assert "crm differ" in shop.get(f"/customers/{one}/merge-preview/{two}")["refused"]
    for path, body, status, word in (
        (f"/customers/{one}/merge", {"other_id": two}, 409, "contradiction"),
        (f"/customers/{one}/merge", {"other_id": one}, 409, "merge-refused"),
        (f"/customers/{one}/merge", {"other_id": 999}, 409, "merge-refused"),
        (f"/customers/{one}/merge", {"other_id": two, "take": ["nickname"]}, 409, "contradiction"),
        ("/merges/999/undo", {}, 404, "no-merge"),
    ):
        answer = shop.ask("POST", path, body)
        assert (answer.status_code, answer.json["type"].rpartition(":")[2]) == (status, word)
    assert shop.rows("select count(*)::int from customer_merge") == [(0,)]


def test_a_join_by_proof_can_be_undone_too(shop: Shop):
    """An upsert that was wrong about who is who (CUS-9, CUS-14)."""
    one, two = made(shop, "crm=C-1", level="gold"), made(shop, "shop:tmall=9", level="silver")
    made(shop, "crm=C-1", "shop:tmall=9")
    (merge,) = shop.get(f"/customers/{one}/merges")["merges"]
    assert (merge["why"], merge["merged_id"]) == ("join", two)
    assert shop.ask("POST", f"/merges/{merge['id']}/undo", {}).status_code == 200
    assert shop.get(f"/customers/{two}")["fields"]["level"] == "silver"
    assert [one["value"] for one in shop.get(f"/customers/{two}/identities")["identities"]] == ["9"]


def test_merges_undos_and_upserts_at_once_end_in_one_world(shop: Shop):
    """In circles, from several sides: every id leads to a record that stands, no identity is lost (CUS-9)."""
    ids = [made(shop, f"shop:s{n}=1") for n in range(5)]

    def act(number: int) -> int:
        caller = Caller(shop.client.application.test_client(), shop.key)
        a, b = number % 5, (number * 3 + 1) % 5
        if number % 4 == 3:
            return caller.ask("POST", f"/merges/{number // 4 + 1}/undo", {}).status_code
        if number % 4 == 2:
            return caller.ask(
                "POST", "/customers:upsert", {"identities": [{"kind": f"shop:s{a}", "value": "1"}], "fields": {}}
            ).status_code
        return caller.ask("POST", f"/customers/{ids[a]}/merge", {"other_id": ids[b]}).status_code

    with ThreadPoolExecutor(5) as pool:
        # 503: a conflict that was lost three times, and nothing was written; whoever asks again gets an answer.
        assert set(pool.map(act, range(30))) <= {200, 404, 409, 503}
    assert shop.rows("select count(*)::int from customer") == [(5,)]
    chains = "select 1 from customer a join customer b on b.id = a.merged_into where b.merged_into is not null"
    assert shop.rows(chains) == []
    assert shop.rows("select count(*)::int from identity i join customer u on u.id = i.customer_id "
                     "where u.merged_into is null") == [(5,)]  # fmt: skip
