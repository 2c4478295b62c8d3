"""Local tags by the API: groups, tags, and who has them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from services.cards.store import refresh_cards
from services.local_tags.model import Viewer
from services.sheets.profile import load_profile
from services.sheets.store import load_sheet
from shared.audit import load_audit
from shared.ids import UserId
from shared.scope import DataScope
from tests.console.api.conftest import Shop
from tests.console.api.test_scope import limited


def group(shop: Shop, name: str = "喜好", *tags: str, kind: str = "manual", **body: object) -> tuple[int, list[str]]:
    made = shop.ask("POST", "/local-tag-groups", {"name": name, **body})
    assert made.status_code == 201, made.text
    group_id = next(one["group_id"] for one in made.json["groups"] if one["name"] == name)
    for tag in tags:
        shop.ask("POST", f"/local-tag-groups/{group_id}/tags", {"name": tag, "kind": kind})
    found = next(one for one in shop.get("/local-tags")["groups"] if one["group_id"] == group_id)
    return group_id, [tag["tag_id"] for tag in found["tags"]]


def customer(shop: Shop, n: int = 1) -> int:
    return int(shop.upsert(f"crm=C-{n}")["customer"]["id"])


def worn(shop: Shop, customer_id: int) -> list[str]:
    return [one["tag_id"] for one in shop.get(f"/customers/{customer_id}")["local_tags"]]


def tag(shop: Shop, customer_id: int, **body: object) -> Any:
    return shop.ask("POST", f"/customers/{customer_id}/tags", body)


def test_local_and_corp_tags_change_in_one_call(shop: Shop):
    """Corp tags as wishes, local ones at once; a pool customer needs no WeCom friend for those (TAG-1, TAG-3)."""
    shop.add_tags("etGold")
    _, (tea, coffee) = group(shop, "喜好", "茶", "咖啡")
    shop.befriend("wmOne", "LiNa")
    friend = shop.upsert("external_userid=wmOne")["customer"]["id"]
    both = tag(shop, friend, add=["etGold", tea])
    assert (both.status_code, both.json["added"], len(both.json["intents"])) == (202, [tea], 1)
    stranger = customer(shop)
    assert tag(shop, stranger, add=[tea, coffee]).status_code == 202
    changed = tag(shop, stranger, remove=[tea, "local:99"])
    assert (changed.status_code, changed.json["type"]) == (404, "urn:guanxi:problem:no-tag")
    assert tag(shop, stranger, remove=[tea]).json["removed"] == [tea]
    assert worn(shop, stranger) == [coffee]
    assert tag(shop, stranger, add=["etNone", tea]).status_code == 409  # WeCom does not have it: nothing is done
    assert worn(shop, stranger) == [coffee]


def test_a_change_is_a_fact_and_stands_in_the_audit(shop: Shop):
    """Ids only; who tagged is kept with the tag (TAG-3, ACC-2)."""
    _, (tea,) = group(shop, "喜好", "茶")
    one = customer(shop)
    tag(shop, one, add=[tea])
    tag(shop, one, add=[tea])
    told = shop.rows("select payload, caused_by from fact where type = 'customer_tagged'")
    assert told == [({"customer_id": one, "added_tag_ids": [1], "removed_tag_ids": []}, "api:crm")]
    assert shop.get(f"/customers/{one}")["local_tags"][0]["by"] == "api:crm"
    with shop.runtime.engine.begin() as connection:
        lines = [line.change for line in load_audit(connection, shop.tenant, "customer", str(one))]
    assert [(line.after, line.before) for line in lines if line.action == "customer.tagged"] == [
        ({"local_tags": [tea]}, {"local_tags": []})
    ]


def test_many_customers_at_once_are_told_of_by_tag(shop: Shop):
    """Replaced within a group; each who changed is named once, whoever did not is not (TAG-3)."""
    group_id, (tea, coffee) = group(shop, "喜好", "茶", "咖啡")
    ids = [customer(shop, n) for n in range(5)]
    tag(shop, ids[0], add=[coffee])
    tag(shop, ids[1], add=[tea])
    done = shop.ask(
        "POST", "/customers:tag", {"customer_ids": [*ids, 10**9], "only": [{"group_id": group_id, "tag_ids": [tea]}]}
    )
    assert done.json == {"customer_count": 5, "added": {tea: 4}, "removed": {coffee: 1}}
    assert {tuple(worn(shop, one)) for one in ids} == {(tea,)}
    told = shop.rows("select type, payload ->> 'customer_ids' from fact where type like 'local_tag_%' order by id")
    assert told == [
        ("local_tag_taken", f"[{ids[0]}]"),
        ("local_tag_given", str([ids[0], *ids[2:]])),
    ]


def test_automatic_tags_are_not_given_by_hand(shop: Shop):
    """409, and the answer says that rules do it (TAG-1)."""
    _, (regular,) = group(shop, "行为", "常客", kind="automatic")
    refused = tag(shop, customer(shop), add=[regular])
    assert (refused.status_code, refused.json["type"]) == (409, "urn:guanxi:problem:tag-refused")
    assert "rules" in refused.json["detail"]


def test_a_hidden_group_is_not_there_for_others(shop: Shop):
    """Not in lists, not on customers, not to be given: as a tag that there is not (TAG-4)."""
    shop.befriend("wmOne", "LiNa", "WangFang")
    one = shop.upsert("external_userid=wmOne")["customer"]["id"]
    with shop.runtime.engine.begin() as connection:
        refresh_cards(connection, shop.tenant, [one])
    group(shop, "喜好", "茶")
    _, (secret,) = group(shop, "内部", "敏感", visible_to=["LiNa"])
    li, wang = (limited(shop, DataScope(userid=who), who) for who in ("LiNa", "WangFang"))
    assert tag(shop, one, add=[secret]).status_code == 202
    assert [[each["name"] for each in who.get("/local-tags")["groups"]] for who in (li, wang)] == [
        ["喜好", "内部"], ["喜好"]]  # fmt: skip
    assert [len(who.get(f"/customers/{one}")["local_tags"]) for who in (li, wang)] == [1, 0]
    refused, unknown = (
        wang.ask("POST", f"/customers/{one}/tags", {"remove": [which]}) for which in (secret, "local:99")
    )
    assert (refused.status_code, refused.json) == (404, unknown.json)
    assert li.ask("POST", f"/customers/{one}/tags", {"remove": [secret]}).json["removed"] == [secret]


def test_a_hidden_tag_is_nothing_to_search_by(shop: Shop):
    """Refused where it stands, as one that does not exist; lists, counts and profiles leave it out (TAG-4)."""
    shop.befriend("wmOne", "LiNa", "WangFang")
    one = shop.upsert("external_userid=wmOne")["customer"]["id"]
    _, (tea,) = group(shop, "喜好", "茶")
    _, (secret,) = group(shop, "内部", "敏感", visible_to=["LiNa"])
    assert tag(shop, one, add=[secret]).status_code == 202
    shop.renew_cards()
    li, wang = (limited(shop, DataScope(userid=who), who) for who in ("LiNa", "WangFang"))

    def by(*tags: str) -> dict[str, Any]:
        return {"filter": {"groups": [{"conditions": [{"field": "tag", "op": "none_of", "value": [tea, *tags]}]}]}}

    for path in ("/customers:search", "/customers:count", "/filters:explain"):
        assert li.ask("POST", path, by(secret)).status_code == 200
        refused, unknown = (wang.ask("POST", path, by(which)) for which in (secret, "local:99"))
        assert (refused.status_code, refused.json) == (422, unknown.json)
        assert refused.json["errors"] == [
            {"field": "/filter/groups/0/conditions/0/value/1", "problem": "there is no such tag"}
        ]
    untagged = {"filter": {"groups": [{"conditions": [{"field": "tag", "op": "empty"}]}]}}
    assert [who.ask("POST", "/customers:count", untagged).json["count"] for who in (li, wang)] == [0, 1]
    shown = [who.ask("POST", "/customers:search", {}).json["customers"][0]["tag_ids"] for who in (li, wang)]
    assert shown == [[secret], []]
    with shop.runtime.engine.begin() as connection:
        for userid, count in (("LiNa", 1), ("WangFang", 0)):
            sheet = load_sheet(connection, shop.tenant, one)
            assert sheet is not None
            profile = load_profile(connection, shop.tenant, sheet, viewer=Viewer(UserId(userid)))
            assert len(profile.tags) == count


def test_names_are_taken_once_and_orders_hold(shop: Shop):
    """Groups, and tags in their group; new ones come last (TAG-1)."""
    first, (tea, coffee) = group(shop, "喜好", "茶", "咖啡")
    second, (other,) = group(shop, "城市", "茶")
    assert shop.ask("POST", "/local-tag-groups", {"name": "城市 "}).status_code == 409
    assert shop.ask("POST", f"/local-tag-groups/{first}/tags", {"name": "茶"}).status_code == 409
    assert shop.ask("PATCH", f"/local-tags/{tea[6:]}", {"name": "绿茶"}).status_code == 200
    assert shop.ask("PUT", f"/local-tag-groups/{first}/order", {"tag_ids": [coffee]}).status_code == 200
    ordered = shop.ask("PUT", "/local-tag-groups:order", {"group_ids": [second]}).json["groups"]
    assert [(g["name"], [t["name"] for t in g["tags"]]) for g in ordered] == [
        ("城市", ["茶"]), ("喜好", ["咖啡", "绿茶"])]  # fmt: skip
    assert shop.ask("PUT", f"/local-tag-groups/{first}/order", {"tag_ids": [other]}).status_code == 404


def test_a_deleted_tag_or_group_is_on_nobody_at_once(shop: Shop):
    """The walk that clears its rows is asked for; a new tag may have the name (TAG-3)."""
    group_id, (tea, coffee) = group(shop, "喜好", "茶", "咖啡")
    one = customer(shop)
    tag(shop, one, add=[tea, coffee])
    assert shop.ask("DELETE", f"/local-tags/{tea[6:]}").status_code == 200
    assert worn(shop, one) == [coffee]
    assert tag(shop, one, add=[tea]).status_code == 404
    assert shop.ask("POST", f"/local-tag-groups/{group_id}/tags", {"name": "茶"}).status_code == 201
    assert shop.ask("DELETE", f"/local-tag-groups/{group_id}").json == {"groups": []}
    assert worn(shop, one) == []
    assert shop.rows("select count(*)::int from fact where type = 'local_tag_deleted'") == [(3,)]
    asked = "select generation > settled_generation from request where subject_kind = 'deleted_local_tags'"
    assert shop.rows(asked) == [(True,)]


def test_a_tag_deleted_while_it_is_given_is_on_nobody(shop: Shop):
    """Whoever comes first: each is answered, and nobody has the tag afterwards (TAG-3)."""
    _, (tea,) = group(shop, "喜好", "茶")
    ids = [customer(shop, n) for n in range(6)]

    def act(n: int) -> int:
        if n == 3:
            return shop.ask("DELETE", f"/local-tags/{tea[6:]}").status_code
        return tag(shop, ids[n % 6], add=[tea]).status_code

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(act, range(7))) <= {200, 202, 404}
    assert all(worn(shop, one) == [] for one in ids)


def test_opposite_changes_of_the_same_customers_at_once_end(shop: Shop):
    """Rows are locked in one order: no deadlock, and one of the two stands for each customer (TAG-3)."""
    group_id, (tea, coffee) = group(shop, "喜好", "茶", "咖啡")
    ids = [customer(shop, n) for n in range(20)]

    def act(n: int) -> int:
        wanted = {"group_id": group_id, "tag_ids": [(tea, coffee)[n % 2]]}
        whom = ids if n % 3 else ids[::-1]
        return shop.ask("POST", "/customers:tag", {"customer_ids": whom, "only": [wanted]}).status_code

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(act, range(12))) == {200}
    assert {len(worn(shop, one)) for one in ids} == {1}


def test_rubbish_is_refused(shop: Shop):
    """A clear 4xx for every id and name that cannot be (G8)."""
    group_id, (tea,) = group(shop, "喜好", "茶")
    for ids in (["local:0"], ["local:"], ["local:1 "], ["etGold"], [f"local:{10**18}"], [1]):
        assert shop.ask("POST", "/customers:tag", {"customer_ids": [1], "add": ids}).status_code == 422, ids
    assert shop.ask("POST", "/customers:tag", {"customer_ids": [1]}).status_code == 422
    assert shop.ask("POST", "/customers:tag", {"customer_ids": list(range(1, 1002)), "add": [tea]}).status_code == 422
    twice = [{"group_id": group_id, "tag_ids": []}] * 2
    assert shop.ask("POST", "/customers:tag", {"customer_ids": [1], "only": twice}).status_code == 409
    assert tag(shop, customer(shop), add=["local:x"]).status_code == 404
    assert shop.ask("POST", "/local-tag-groups/99/tags", {"name": "x"}).status_code == 404
    assert shop.ask("DELETE", f"/local-tags/{2**63 - 1}").status_code == 404
