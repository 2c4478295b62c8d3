"""Customers by the API: found, made, joined, listed; nobody is taken for somebody else."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.console.api.conftest import Caller, Shop, upsert_body


def test_a_person_is_made_once_and_found_by_any_identity(shop: Shop):
    """One record, however often and by whichever identity the CRM speaks of them (CUS-14, POOL-1)."""
    made = shop.upsert("crm=C-1", "phone=138 0013 8000", real_name="王小明")
    again = shop.upsert("phone=+86 13800138000", level="gold")
    assert (made["made"], again["made"]) == (True, False)
    assert again["customer"]["id"] == made["customer"]["id"]
    assert again["customer"]["standing"] == "none"
    assert again["customer"]["fields"] | {"real_name": "王小明", "level": "gold"} == again["customer"]["fields"]
    assert [(i["kind"], i["value"]) for i in again["customer"]["identities"]] == [
        ("crm", "C-1"),
        ("phone", "+8613800138000"),
    ]


def test_records_that_turn_out_to_be_one_person_are_joined(shop: Shop):
    """The WeCom contact stays, what the other had becomes its own; the old id leads to it (CUS-14)."""
    shop.befriend("wmOne", "LiNa", unionid="u-1")
    contact = shop.upsert("external_userid=wmOne", level="gold")["customer"]["id"]
    other = shop.upsert("crm=C-1", "phone=13800138000", level="silver", note="likes tea")["customer"]["id"]
    assert contact != other
    joined = shop.upsert("crm=C-1", "unionid=u-1")
    assert joined["merged_ids"] == [other]
    assert joined["customer"]["id"] == contact
    fields = joined["customer"]["fields"]
    assert (fields["level"], fields["note"]) == ("gold", "likes tea")
    assert shop.get(f"/customers/{other}")["id"] == contact
    assert shop.get(f"/customers/{other}")["merged_ids"] == [other]
    kinds = [one["kind"] for one in shop.get(f"/customers/{contact}/identities")["identities"]]
    assert kinds == ["external_userid", "crm", "phone", "unionid"]
    assert shop.rows("select type, cause, payload from fact where type = 'customers_merged'") == [
        ("customers_merged", "api", {"customer_id": contact, "merged_id": other})
    ]


def test_identities_of_two_persons_are_a_conflict_with_both_ids(shop: Shop):
    """Two WeCom contacts, or two CRM ids, are two persons: nothing is written (CUS-14)."""
    shop.befriend("wmOne", "LiNa")
    shop.befriend("wmTwo", "LiNa")
    one = shop.upsert("external_userid=wmOne", "crm=C-1")["customer"]["id"]
    two = shop.upsert("external_userid=wmTwo")["customer"]["id"]
    answer = shop.ask("POST", "/customers:upsert", upsert_body("crm=C-1", "external_userid=wmTwo"))
    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert answer.json["customer_ids"] == [one, two]
    other = shop.ask("POST", "/customers:upsert", upsert_body("external_userid=wmOne", "crm=C-9", level="x"))
    assert (other.status_code, other.json["customer_ids"]) == (409, [one])
    assert shop.get(f"/customers/{one}")["fields"]["level"] is None


def test_many_requests_about_one_person_at_once_make_one_record(shop: Shop):
    """By one identity, or by others each that meet in one: nobody is made twice (CUS-14)."""

    def upsert(number: int) -> int:
        caller = Caller(shop.client.application.test_client(), shop.key)
        return int(caller.upsert(f"shop:s{number % 3}=1", "crm=C-1", "phone=13800138000")["customer"]["id"])

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(upsert, range(18)))) == 1
    assert shop.rows("select count(*)::int from customer where merged_into is null") == [(1,)]
    assert shop.rows("select count(*)::int from identity") == [(5,)]


def test_joins_that_cross_end_in_one_record(shop: Shop):
    """Several joins of the same records at once, in other orders: one stays, all ids lead to it (CUS-14)."""
    kinds = [f"shop:s{n}=1" for n in range(6)]
    ids = [shop.upsert(kind)["customer"]["id"] for kind in kinds]
    pairs = [(a, b) for n, a in enumerate(kinds) for b in kinds[n + 1 :]]

    def join(pair: tuple[str, str]) -> int:
        return int(Caller(shop.client.application.test_client(), shop.key).upsert(*pair)["customer"]["id"])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(join, [*pairs, *((b, a) for a, b in pairs)]))
    assert {shop.get(f"/customers/{one}")["id"] for one in ids} == {ids[0]}
    assert shop.rows("select count(distinct customer_id)::int, count(*)::int from identity") == [(1, 6)]


def test_an_unverified_phone_joins_nobody(shop: Shop):
    """A spouse with the same phone is somebody else; verified on both sides it is a proof (CUS-12)."""
    first = shop.upsert("crm=C-1", "phone=13800138000")["customer"]["id"]
    second = shop.upsert("crm=C-2", "phone=13800138000")["customer"]["id"]
    assert first != second
    answer = shop.ask("POST", "/customers:upsert", upsert_body("phone=13800138000"))
    assert (answer.status_code, answer.json["customer_ids"]) == (409, [first, second])
    shop.upsert("crm=C-2", ("phone", "13800138000", True))
    assert shop.upsert("phone=13800138000")["customer"]["id"] == second
    third = shop.upsert("shop:tmall=T-3", ("phone", "13800138000", True))
    assert third["customer"]["id"] == second


def test_only_a_key_that_may_says_what_is_verified(shop: Shop):
    """Phones through the API are unverified, unless the key says otherwise (CUS-12)."""
    other = shop.caller()
    answer = other.ask("POST", "/customers:upsert", upsert_body(("phone", "13800138000", True)))
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (403, "/identities/0/verified")
    other.upsert("phone=13800138000")
    assert shop.rows("select verified from identity") == [(False,)]


def test_null_empties_a_field_and_absence_leaves_it(shop: Shop):
    """The retailer's own fields are the retailer's (CUS-14)."""
    shop.upsert("crm=C-1", real_name="王小明", note="likes tea", birthday="1990-02-03")
    fields = shop.upsert("crm=C-1", note=None)["customer"]["fields"]
    assert (fields["real_name"], fields["note"], fields["birthday"]) == ("王小明", None, "1990-02-03")


@pytest.mark.parametrize("value", ["12", "call me", "+86"])
def test_what_is_no_phone_is_refused_by_name(shop: Shop, value: str):
    """The field is named, its value is not (G8)."""
    answer = shop.ask("POST", "/customers:upsert", upsert_body("crm=C-1", f"phone={value}"))
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "/identities/1/value"
    assert value not in answer.json["errors"][0]["problem"]


def test_an_external_userid_that_nobody_has_is_refused(shop: Shop):
    """WeCom makes contacts, a CRM does not (CUS-14)."""
    answer = shop.ask("POST", "/customers:upsert", upsert_body("external_userid=wmNobody"))
    assert (answer.status_code, answer.json["type"]) == (422, "urn:guanxi:problem:unknown-contact")
    assert shop.rows("select count(*) from customer") == [(0,)]


def test_identities_come_and_go_one_by_one(shop: Shop):
    """Put and delete are idempotent; what another has is a conflict, what WeCom shows is WeCom's (CUS-14)."""
    shop.befriend("wmOne", "LiNa", unionid="u-1")
    one = shop.upsert("external_userid=wmOne")["customer"]["id"]
    two = shop.upsert("crm=C-2")["customer"]["id"]
    path = f"/customers/{one}/identities/shop:tmall/T%2F1"
    for _ in range(2):
        assert shop.ask("PUT", path, {}).status_code == 200
    assert shop.upsert("shop:tmall=T/1")["customer"]["id"] == one
    taken = shop.ask("PUT", f"/customers/{one}/identities/crm/C-2", {})
    assert (taken.status_code, taken.json["customer_ids"]) == (409, [one, two])
    for theirs in ("unionid/u-1", "external_userid/wmOne"):
        assert shop.ask("DELETE", f"/customers/{one}/identities/{theirs}").status_code == 409
    for _ in range(2):
        assert shop.ask("DELETE", path).status_code == 200
    assert shop.upsert("shop:tmall=T/1")["made"]


def test_the_list_pages_by_id_and_filters(shop: Shop):
    """Every customer once, merged ones never (keyset)."""
    shop.befriend("wmOne", "LiNa", name="欧阳")
    shop.befriend("wmTwo", "WangFang")
    for number in range(5):
        shop.upsert(f"crm=C-{number}", real_name=f"名{number}")
    seen, cursor = [], None
    while True:
        page = shop.get("/customers", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [one["id"] for one in page["customers"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(set(seen)) and len(seen) == 7
    (mine,) = shop.get("/customers", assigned_userid="LiNa")["customers"]
    assert (mine["external_userids"], mine["name"], mine["standing"]) == (["wmOne"], "欧阳", "friend")
    assert len(shop.get("/customers", standing="none")["customers"]) == 5
    (found,) = shop.get("/customers", identity_kind="crm", identity_value="C-3")["customers"]
    assert found["real_name"] == "名3"
    assert shop.get("/customers", identity_kind="crm", identity_value="C-9")["customers"] == []


def test_what_changed_since_a_time_is_listed_in_that_order(shop: Shop):
    """Whether the CRM, an associate or a rule changed it; a customer who changes while paging comes again."""
    shop.befriend("wmOne", "LiNa")
    for number in range(3):
        shop.upsert(f"crm=C-{number}")
    everybody = shop.get("/customers")
    shop.clock.advance(120)
    since = everybody["complete_until"].replace("01:59:00", "02:01:00")
    assert shop.get("/customers", updated_since=since)["customers"] == []
    shop.upsert("crm=C-1", level="gold")
    shop.clock.advance(1)
    shop.befriend("wmOne", "LiNa", "WangFang")
    changed = shop.get("/customers", updated_since=since)["customers"]
    assert [one["name"] for one in changed] == [None, "顾客"]
    first = shop.get("/customers", updated_since=since, limit=1)
    shop.clock.advance(1)
    shop.upsert("crm=C-2", level="gold")
    rest = shop.get("/customers", updated_since=since, limit=5, cursor=first["next_cursor"])["customers"]
    assert len(rest) == 2
