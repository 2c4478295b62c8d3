"""Corp tags of customers whom nobody has added yet, as the API shows them (TAG-2)."""

from collections.abc import Callable

import pytest

from shared.api_keys import Scope, make_key
from shared.scope import DataScope
from tests.console.api.conftest import Caller, Shop


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    made = make_shop()
    made.add_tags("etGold", "etSilver")
    made.upsert("crm=C-1")
    return made


def found(caller: Caller, *, op: str = "any_of") -> list[list[str]]:
    value = {} if op.endswith("empty") else {"value": ["etGold"]}
    body = {"filter": {"groups": [{"conditions": [{"field": "waiting_tag", "op": op, **value}]}]}}
    answer = caller.ask("POST", "/customers:search", body)
    assert answer.status_code == 200, answer.text
    return [one["waiting_tag_ids"] for one in answer.json["customers"]]


def test_a_tag_that_waits_is_shown_on_the_profile_in_the_list_and_to_filters(shop: Shop):
    """It is no tag that they have: `tag` does not find it, `waiting_tag` does (TAG-2, CUS-2)."""
    answer = shop.ask("POST", "/customers/1/tags", {"add": ["etGold"], "reason": "asked for"})
    assert (answer.status_code, answer.json["intents"]) == (202, [])
    (waits,) = answer.json["waiting"]
    assert (waits["tag_id"], waits["author"], waits["source"], waits["reason"]) == ("etGold", "crm", "api", "asked for")
    assert shop.get("/customers/1")["waiting_tags"] == [waits]
    assert shop.get("/customers/1/profile")["customer"]["waiting_tags"] == [waits]
    shop.renew_cards()
    assert (found(shop), found(shop, op="not_empty"), found(shop, op="none_of")) == ([["etGold"]], [["etGold"]], [])
    tagged = {"filter": {"groups": [{"conditions": [{"field": "tag", "op": "not_empty"}]}]}}
    assert shop.ask("POST", "/customers:count", tagged).json["count"] == 0
    answer = shop.ask("POST", "/customers/1/tags", {"remove": ["etGold"]})
    assert (answer.status_code, answer.json["waiting"]) == (202, [])
    assert shop.rows("select action, subject_key from audit order by id desc limit 1") == [("relation.wished", "1")]
    shop.renew_cards()
    assert found(shop) == []


def test_unknown_tags_are_refused_as_ever(shop: Shop):
    """Personal tags have no id here, and what WeCom does not know waits for nobody (TAG-2)."""
    assert shop.ask("POST", "/customers/1/tags", {"add": ["etNone"]}).status_code == 409
    assert shop.rows("select 1 from waiting_tag") == []


def test_a_friend_is_tagged_at_once_and_what_waited_goes(shop: Shop):
    """The newer wish stands for both (TAG-2)."""
    shop.ask("POST", "/customers/1/tags", {"add": ["etGold"]})
    shop.befriend("wmOne", "LiNa")
    shop.upsert("crm=C-1", "external_userid=wmOne")
    answer = shop.ask("POST", "/customers/1/tags", {"add": ["etGold"]})
    assert ([one["userid"] for one in answer.json["intents"]], answer.json["waiting"]) == (["LiNa"], [])
    assert shop.rows("select field, state from intent") == [("tag:etGold", "pending")]


def test_an_associates_key_sees_what_waits_for_its_own_customers_only(shop: Shop):
    """The database enforces it, for lists and for filters (ACC-1, G9)."""
    shop.upsert("crm=C-2")
    shop.add_associates("LiNa")
    for one in (1, 2):
        assert shop.ask("POST", f"/customers/{one}/tags", {"add": ["etGold"]}).status_code == 202
    with shop.runtime.engine.begin() as connection:
        now = shop.clock.now()
        named = {"name": "LiNa", "scopes": list(Scope), "may_verify": False, "by": "x"}
        key = make_key(connection, shop.tenant.id, now=now, sight=DataScope(userid="LiNa"), **named)
    body = {"identities": [{"kind": "crm", "value": "C-1"}], "source": "hand", "userid": "LiNa"}
    assert shop.ask("POST", "/pool", body).status_code in (200, 201)
    shop.renew_cards()
    mine = Caller(shop.client, key)
    assert found(mine) == [["etGold"]]
    assert len(mine.get("/customers/1")["waiting_tags"]) == 1
    assert mine.ask("GET", "/customers/2").status_code == 404
