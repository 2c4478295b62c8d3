"""Stages, automatic tags, scores, segments and saved filters over the API."""

from typing import Any

from shared.api_keys import Scope
from shared.db.engine import run
from tests.console.api.conftest import Caller, Shop


def one(field: str, op: str, value: object) -> dict[str, Any]:
    return {"groups": [{"conditions": [{"field": field, "op": op, "value": value}]}]}


BUYERS = one("purchase_count", "between", {"min": 1})


def ask(caller: Caller, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
    answer = caller.ask(method, path, body)
    assert answer.status_code == status, answer.text
    return answer.json


def test_a_rule_that_feeds_itself_is_refused(shop: Shop):
    """Over any way; nothing of it is saved, and the refusal names the circle (TAG-5)."""
    shop.add_automatic_tag()
    given = {"name": "s", "kind": "dynamic", "filter": one("tag", "any_of", ["local:900"])}
    segment = ask(shop, "POST", "/segments", given, status=201)
    tag = {"tag_id": "local:900", "filter": one("segment", "any_of", [segment["segment_id"]])}
    refused = ask(shop, "POST", "/automatic-tags", tag, status=409)
    assert "tag:900 asks for segment:1 asks for tag:900" in refused["detail"]
    assert ask(shop, "GET", "/automatic-tags")["rules"] == []
    (rule,) = ask(shop, "POST", "/automatic-tags", tag | {"filter": BUYERS}, status=201)["rules"]
    ask(shop, "PATCH", f"/automatic-tags/{rule['rule_id']}", {"filter": tag["filter"]}, status=409)


def test_a_manual_tag_takes_no_rule(shop: Shop):
    """A rule would take away what people gave (TAG-1, TAG-5)."""
    shop.add_automatic_tag()
    with shop.runtime.engine.begin() as connection:
        run(connection, "update local_tag set kind = 'manual'")
    ask(shop, "POST", "/automatic-tags", {"tag_id": "local:900", "filter": BUYERS}, status=409)


def test_a_stage_is_set_by_hand_with_audit_and_fact(shop: Shop):
    """Who did it stands in the audit, the move in a fact; a stage of another line is refused (STG-1, ACC-2)."""
    customer = shop.upsert("crm=C-1")["customer"]["id"]
    for name in ("a", "b"):
        ask(shop, "POST", "/stage-lines", {"name": name}, status=201)
    for line in (1, 2):
        ask(shop, "POST", f"/stage-lines/{line}/stages", {"name": "new"}, status=201)
    assert ask(shop, "PUT", f"/customers/{customer}/stages/1", {"stage_id": 1})["moved_count"] == 1
    ask(shop, "PUT", f"/customers/{customer}/stages/1", {"stage_id": 2}, status=409)
    counts = [stage["customer_count"] for line in ask(shop, "GET", "/stage-lines")["lines"] for stage in line["stages"]]
    assert counts == [1, 0]
    ask(shop, "DELETE", "/stages/1", status=409)
    ask(shop, "PUT", f"/customers/{customer}/stages/1", {"stage_id": None})
    told = shop.rows("select payload->>'to_stage_id', payload->>'why' from fact where type = 'customer_stage_changed' "
                     "order by id")  # fmt: skip
    assert told == [("1", "hand"), (None, "hand")]
    assert shop.rows("select count(*) from audit where action = 'customer.stage_set'") == [(2,)]
    ask(shop, "DELETE", "/stages/1")


def test_an_automatic_stage_needs_a_filter_that_can_be_read(shop: Shop):
    """Refused with the place of what is wrong (STG-1, CUS-3)."""
    ask(shop, "POST", "/stage-lines", {"name": "a"}, status=201)
    ask(shop, "POST", "/stage-lines/1/stages", {"name": "x", "automatic": True}, status=422)
    refused = ask(shop, "POST", "/stage-lines/1/stages",
                  {"name": "x", "automatic": True, "filter": one("nothing", "is", 1)}, status=422)  # fmt: skip
    assert refused["errors"][0]["field"] == "/filter/groups/0/conditions/0/field"
    own = one("stage", "any_of", [1])
    ask(shop, "POST", "/stage-lines/1/stages", {"name": "x"}, status=201)
    ask(shop, "POST", "/stage-lines/1/stages", {"name": "y", "automatic": True, "filter": own}, status=409)


def test_points_are_adjusted_once_however_often_it_is_asked(shop: Shop):
    """An Idempotency-Key makes a repeat the same request; the reason stands in the ledger (CUS-11)."""
    customer = shop.upsert("crm=C-1")["customer"]["id"]
    body = {"account": "points", "amount": 10, "reason": "birthday", "customer_ids": [customer, 999_999]}
    for _ in range(2):
        answer = shop.ask("POST", "/customers:adjust-score", body, once="k1")
        assert answer.json == {"chosen_count": 1, "changed_count": 1, "too_few": []}
    taken = ask(shop, "POST", f"/customers/{customer}/score", {"account": "points", "amount": -11, "reason": "x"})
    assert taken["too_few"] == [customer]
    entries = ask(shop, "GET", f"/customers/{customer}/ledger")["entries"]
    assert [(e["amount"], e["reason"], e["by"]) for e in entries] == [(10, "birthday", "api:crm")]
    assert shop.rows("select bool_and(position('birthday' in encode(reason, 'escape')) = 0) from score_entry") == [
        (True,)
    ]


def test_segments_have_names_of_their_own_and_static_ones_stay(shop: Shop):
    """Names are unique, width and case aside; a static segment stays as it was made (SEG-1, SEG-2)."""
    made = {"name": "Big Spenders", "kind": "static", "filter": BUYERS}
    ask(shop, "POST", "/segments", made, status=201)
    ask(shop, "POST", "/segments", made | {"name": "big  spenders"}, status=409)
    ask(shop, "POST", "/segments/1/refreshes", {}, status=409)
    ask(shop, "PATCH", "/segments/1", {"filter": {}}, status=409)
    assert ask(shop, "PATCH", "/segments/1", {"category": "vip"})["category"] == "vip"
    ask(
        shop, "POST", "/segments", {"name": "b", "kind": "dynamic", "filter": one("segment", "any_of", [1])}, status=201
    )
    ask(shop, "DELETE", "/segments/1", status=409)
    ask(shop, "DELETE", "/segments/2")
    ask(shop, "DELETE", "/segments/1")
    ask(shop, "POST", "/segments", made, status=201)


def test_a_stopped_segment_is_opened_again(shop: Shop):
    """Stopped: no refresh; opened: one is wanted at once (SEG-2)."""
    ask(shop, "POST", "/segments", {"name": "b", "kind": "dynamic", "filter": BUYERS}, status=201)
    with shop.runtime.engine.begin() as connection:
        run(connection, "update segment set wanted_at = null")
    assert ask(shop, "PATCH", "/segments/1", {"state": "stopped"})["wanted_at"] is None
    ask(shop, "POST", "/segments/1/refreshes", {}, status=409)
    assert ask(shop, "PATCH", "/segments/1", {"state": "running"})["wanted_at"] is not None


def test_saved_filters_are_their_owners(shop: Shop):
    """Others see shared ones and copy them, and change none (CUS-3)."""
    other = shop.caller(Scope.FILTERS_READ, Scope.FILTERS_WRITE, name="app")
    ask(shop, "POST", "/saved-filters", {"name": "mine", "filter": BUYERS}, status=201)
    assert ask(other, "GET", "/saved-filters")["filters"] == []
    ask(other, "PATCH", "/saved-filters/1", {"name": "x"}, status=404)
    ask(shop, "PATCH", "/saved-filters/1", {"name": "ours", "shared": True})
    ask(other, "PATCH", "/saved-filters/1", {"name": "x"}, status=409)
    ask(other, "POST", "/saved-filters/1/copies", {"name": "copied"}, status=201)
    ask(shop, "DELETE", "/saved-filters/1")
    (left,) = ask(other, "GET", "/saved-filters")["filters"]
    assert (left["name"], left["owner"]) == ("copied", "api:app")
    assert left["filter"]["groups"][0]["conditions"][0]["field"] == "purchase_count"


def test_filters_are_ciphertext_at_rest(shop: Shop):
    """A filter may name a phone number (G10)."""
    phone = one("phone", "equals", "13800138000")
    ask(shop, "POST", "/saved-filters", {"name": "a", "filter": phone}, status=201)
    ask(shop, "POST", "/segments", {"name": "a", "kind": "dynamic", "filter": phone}, status=201)
    for table in ("saved_filter", "segment"):
        assert shop.rows(f"select position('13800138000' in encode(filter, 'escape')) from {table}") == [(0,)]


def test_more_than_one_request_may_change_is_a_bulk_change(shop: Shop):
    """10,001 customers whom a filter finds are refused, and nothing is done (CUS-8)."""
    with shop.runtime.engine.begin() as connection:
        run(connection, "insert into customer_card select t.id, n, now(), 'none', null, null, '{}', '{}', '{}', '{}', "
            "'{}', '{}', '{}', null, null, null, null, null, null, null, null, null, null, 'unknown', null, null, "
            "false, false, false, 0, 0, 0, 0, null, '{}' from tenant t, generate_series(1, 10001) n")  # fmt: skip
    body = {"account": "score", "amount": 1, "reason": "x", "filter": {}}
    refused = ask(shop, "POST", "/customers:adjust-score", body, status=409)
    assert refused["type"].endswith("too-many") and shop.rows("select 1 from score_entry") == []
