"""Companies of the CRM by the API: states, links, lists, the profile, the timeline, filters (CUS-15)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.companies import model as companies_model
from services.erasing.store import erase
from shared.api_keys import Scope
from shared.ids import CustomerId
from shared.scope import DataScope
from tests.console.api.conftest import Shop, add_corp
from tests.console.api.test_scope import limited

OLD, NEW, NEWER = (f"2026-11-20T{hour}:00:00+08:00" for hour in (10, 11, 12))


def state(name: str = "Morning Ltd", *, at: str = OLD, **more: Any) -> dict[str, Any]:
    return {"name": name, "updated_at": at, **more}


def put(shop: Shop, company_id: str = "K-1", body: dict[str, Any] | None = None) -> Any:
    answer = shop.ask("PUT", f"/companies/{company_id}", body or state())
    assert answer.status_code in (200, 201), answer.text
    return answer.json


def say(shop: Shop, company_id: str = "K-1", *, at: str = OLD, **said: list[Any]) -> list[tuple[int | None, str]]:
    answer = shop.ask("POST", f"/companies/{company_id}/customers", {"updated_at": at, **said})
    assert answer.status_code == 200, answer.text
    return [(one["customer_id"], one["outcome"]) for one in answer.json["customers"]]


def crm(value: str) -> dict[str, Any]:
    return {"customer": {"kind": "crm", "value": value}}


@pytest.fixture
def one(shop: Shop) -> int:
    made: int = shop.upsert("crm=C-1")["customer"]["id"]
    return made


def found(shop: Shop, op: str, *ids: str) -> set[int]:
    shop.renew_cards()
    condition = {"field": "linked_company", "op": op} | ({"value": list(ids)} if ids else {})
    answer = shop.ask("POST", "/customers:search", {"filter": {"groups": [{"conditions": [condition]}]}})
    assert answer.status_code == 200, answer.text
    return {row["id"] for row in answer.json["customers"]}


def test_a_companys_newest_state_stands(shop: Shop):
    """Repeats and late states change nothing; each change leaves a line in the audit (CUS-15, ACC-2)."""
    whole = state(industry="批发", tax_number="913100", contact_name="王小明", attributes={"credit_days": 30}, at=NEW)
    assert put(shop, body=whole)["outcome"] == "made"
    assert put(shop, body=whole)["outcome"] == "unchanged"
    late = put(shop, body=state("Dawn Ltd", at=OLD))
    assert (late["outcome"], late["company"]["name"]) == ("late", "Morning Ltd")
    assert put(shop, body=state("Evening Ltd", at=NEWER))["outcome"] == "changed"
    shown = shop.get("/companies/K-1")
    assert (shown["name"], shown["contact_name"], shown["attributes"]) == ("Evening Ltd", None, {})
    lines = shop.get("/audit", subject_kind="company", subject_key="K-1", details=True)["lines"]
    assert [(line["action"], (line["before"] or {}).get("name"), line["after"]["name"]) for line in lines] == [
        ("company.recorded", "Morning Ltd", "Evening Ltd"),
        ("company.recorded", None, "Morning Ltd"),
    ]


def test_what_is_a_persons_is_encrypted_and_masked(shop: Shop):
    """The contact's name, the note and whatever else: not in the clear in the database, masked to most keys (G10)."""
    put(shop, body=state(contact_name="王小明", note="call 13800138000", tax_number="913100", address="南京西路"))
    held = str(shop.rows("select to_jsonb(c) from company c"))
    assert not any(word in held for word in ("王小明", "13800138000", "913100", "南京西路"))
    masked = shop.caller(Scope.COMPANIES_READ).get("/companies/K-1")
    assert (masked["tax_number"], masked["address"]) == ("****", "****")
    audit = str(
        shop.caller(Scope.AUDIT_READ, name="auditor").get(
            "/audit", subject_kind="company", subject_key="K-1", details=True
        )
    )
    assert "913100" not in audit and "南京西路" not in audit and "Morning Ltd" in audit
    shop.ask("DELETE", "/companies/K-1")
    line = shop.get("/audit", subject_kind="company", subject_key="K-1", details=True)["lines"][0]
    assert (line["action"], line["before"]) == ("company.deleted", {"name": "Morning Ltd"})
    assert masked["contact_name"] == "王*" or masked["contact_name"] == "王**"
    assert "13800138000" not in masked["note"] and masked["name"] == "Morning Ltd"


def test_a_batch_answers_each_state(shop: Shop):
    """Several of one company follow each other; what is late is said by itself (CUS-15)."""
    put(shop, "K-2", state(at=NEWER))
    told = (("K-1", "a", NEW), ("K-1", "b", OLD), ("K-2", "c", NEW), ("K-1", "d", NEWER), ("K-3", "e", OLD))
    batch = [{"company_id": one, **state(name, at=at)} for one, name, at in told]
    answer = shop.ask("POST", "/companies:upsert", {"companies": batch}).json["companies"]
    assert [one["outcome"] for one in answer] == ["made", "late", "late", "changed", "made"]
    assert [(one["company_id"], one["name"]) for one in shop.get("/companies")["companies"]] == [
        ("K-1", "d"), ("K-2", "Morning Ltd"), ("K-3", "e")]  # fmt: skip
    again = shop.ask("POST", "/companies:upsert", {"companies": [batch[3], batch[4]]}).json["companies"]
    assert [one["outcome"] for one in again] == ["unchanged", "unchanged"]


def test_two_who_make_the_same_company_at_once_agree(shop: Shop):
    """Whichever request comes first, the newest state is left (CUS-15)."""
    caller = shop.caller()

    def make(minute: int) -> int:
        client = shop.client.application.test_client()
        body = state(f"n{minute:02}", at=f"2026-11-20T10:{minute:02}:00+08:00")
        return type(caller)(client, caller.key).ask("PUT", "/companies/K-1", body).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(make, range(24))) <= {200, 201}
    assert shop.get("/companies/K-1")["name"] == "n23"


def test_companies_are_found_by_part_of_their_name_page_by_page(shop: Shop):
    """One or two Chinese characters do; width and case make no difference; each once (CUS-15)."""
    names = ("晨光百货", "光明食品", "ＭＯＲＮＩＮＧ Ltd", "good morning", "阳光", "50%")
    for n, name in enumerate(names):
        put(shop, f"K-{n}", state(name))
    seen, cursor = [], None
    while True:
        page = shop.get("/companies", name="光", limit=1, **({"cursor": cursor} if cursor else {}))
        seen += [one["company_id"] for one in page["companies"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["K-0", "K-1", "K-4"]
    assert [one["company_id"] for one in shop.get("/companies", name="Morning")["companies"]] == ["K-2", "K-3"]
    assert [one["company_id"] for one in shop.get("/companies", name="%")["companies"]] == ["K-5"]


def test_customers_are_linked_by_id_and_by_identity_row_by_row(shop: Shop, one: int):
    """Who nobody knows is said and stops nobody else (CUS-15)."""
    two = shop.upsert("crm=C-2", "phone=13800138000")["customer"]["id"]
    shop.upsert("crm=C-3", "phone=13800138000")
    put(shop)
    phone = {"customer": {"kind": "phone", "value": "13800138000"}}
    link = [{"customer_id": one, "role": "buyer"}, crm("C-2"), crm("C-404"), phone, {"customer_id": 999_999}]
    outcomes = say(shop, link=link, unlink=[{"customer_id": one}])
    assert outcomes == [
        (one, "linked"), (two, "linked"), (None, "unknown_customer"), (None, "ambiguous_customer"),
        (None, "unknown_customer"), (one, "repeated"),
    ]  # fmt: skip
    listed = shop.get("/companies/K-1/customers")["customers"]
    assert [(row["customer_id"], row["role"]) for row in listed] == [(one, "buyer"), (two, None)]
    first = shop.get("/companies/K-1/customers", limit=1)
    rest = shop.get("/companies/K-1/customers", limit=1, cursor=first["next_cursor"])
    assert [row["customer_id"] for row in first["customers"] + rest["customers"]] == [one, two]
    assert rest["next_cursor"] is None


def test_a_late_word_about_a_link_changes_nothing(shop: Shop, one: int):
    """An unlinking that arrives before the link it ended stands, whatever comes late (CUS-15)."""
    put(shop)
    assert say(shop, at=NEW, unlink=[crm("C-1")]) == [(one, "unchanged")]
    assert say(shop, at=OLD, link=[crm("C-1")]) == [(one, "late")]
    assert shop.get("/companies/K-1/customers")["customers"] == []
    assert say(shop, at=NEWER, link=[crm("C-1")]) == [(one, "linked")]
    assert say(shop, at=NEWER, link=[crm("C-1")]) == [(one, "unchanged")]


def test_profile_timeline_and_filters_show_the_companies(shop: Shop, one: int):
    """The profile has them, the timeline their beginning and end, filters find by them (CUS-4, CUS-15)."""
    two = shop.upsert("crm=C-2")["customer"]["id"]
    put(shop, "K-1", state("晨光百货"))
    put(shop, "K-2")
    say(shop, "K-1", link=[{"customer_id": one, "role": "buyer"}, {"customer_id": two}])
    say(shop, "K-2", link=[{"customer_id": one}])
    companies = shop.get(f"/customers/{one}/profile")["companies"]
    assert [(row["company_id"], row["name"], row["role"]) for row in companies] == [
        ("K-1", "晨光百货", "buyer"), ("K-2", "Morning Ltd", None)]  # fmt: skip
    assert found(shop, "any_of", "K-1", "K-9") == {one, two}
    assert found(shop, "all_of", "K-1", "K-2") == {one}
    assert found(shop, "none_of", "K-2") == {two}
    say(shop, "K-1", at=NEW, unlink=[{"customer_id": two}])
    assert (found(shop, "not_empty"), found(shop, "empty")) == ({one}, {two})
    entries = shop.get(f"/customers/{two}/timeline", kind="company")["entries"]
    assert [entry["words"] for entry in entries] == [
        {"zh": "不再关联企业 晨光百货", "en": "no longer linked to the company 晨光百货"},
        {"zh": "关联到企业 晨光百货", "en": "linked to the company 晨光百货"},
    ]
    assert [entry["by"] for entry in entries] == ["api:crm", "api:crm"]
    given = {"groups": [{"conditions": [{"field": "linked_company", "op": "any_of", "value": ["K-1"]}]}]}
    words = shop.ask("POST", "/filters:explain", {"filter": given}).json
    assert "linked company 晨光百货" in str(words) and "关联企业：晨光百货" in str(words)


def test_who_is_linked_counts_as_changed(shop: Shop, one: int):
    """A system that follows changes hears of it (CUS-15)."""
    put(shop)
    before = shop.get(f"/customers/{one}")["updated_at"]
    shop.clock.advance(60)
    say(shop, link=[{"customer_id": one}])
    after = shop.get(f"/customers/{one}")["updated_at"]
    shop.clock.advance(60)
    say(shop, link=[{"customer_id": one}])
    assert before < after == shop.get(f"/customers/{one}")["updated_at"]


def test_a_deleted_company_leaves_its_customers_and_stays_deleted(shop: Shop, one: int):
    """A state or link that comes late does not bring it back; a newer one does, without the customers (CUS-15)."""
    put(shop)
    say(shop, link=[{"customer_id": one}])
    assert shop.ask("DELETE", "/companies/K-1", query_string={"updated_at": "2026-11-20T09:00:00+08:00"}).json == {
        "removed": False
    }
    assert shop.ask("DELETE", "/companies/K-1", query_string={"updated_at": NEW}).json == {"removed": True}
    assert shop.ask("DELETE", "/companies/K-1").json == {"removed": False}
    for path in ("/companies/K-1", "/companies/K-1/customers"):
        answer = shop.ask("GET", path)
        assert (answer.status_code, answer.json["type"]) == (404, "urn:guanxi:problem:no-company")
    assert shop.get("/companies")["companies"] == [] and found(shop, "not_empty") == set()
    assert shop.get(f"/customers/{one}/profile")["companies"] == []
    assert shop.rows("select name, name_key, name_pieces, details from company") == [("", "", [], None)]
    kinds = [entry["what"] for entry in shop.get(f"/customers/{one}/timeline", kind="company")["entries"]]
    assert kinds == ["customer_unlinked_from_company", "customer_linked_to_company"]
    assert put(shop, body=state(at=NEW)) == {"outcome": "late", "company": None}
    link = {"updated_at": NEWER, "link": [{"customer_id": one}]}
    assert shop.ask("POST", "/companies/K-1/customers", link).status_code == 404
    assert put(shop, body=state(at=NEWER))["outcome"] == "made"
    assert shop.get("/companies/K-1/customers")["customers"] == []


def test_a_company_of_too_many_customers_is_not_deleted_at_once(shop: Shop, one: int, monkeypatch: pytest.MonkeyPatch):
    """Each who is unlinked is told of, so it goes by requests of a bounded size (G8)."""
    monkeypatch.setattr("services.joining.linking.MOST_LINKS", 1)
    two = shop.upsert("crm=C-2")["customer"]["id"]
    put(shop)
    say(shop, link=[{"customer_id": one}, {"customer_id": two}])
    answer = shop.ask("DELETE", "/companies/K-1")
    assert (answer.status_code, answer.json["type"]) == (409, "urn:guanxi:problem:company-refused")
    say(shop, at=NEW, unlink=[{"customer_id": two}])
    assert shop.ask("DELETE", "/companies/K-1").json == {"removed": True}


def test_a_thousand_customers_are_linked_in_one_request_and_one_more_is_not(shop: Shop, one: int):
    """The bound is said (G8)."""
    most = companies_model.MOST_LINKS
    put(shop)
    with shop.runtime.engine.begin() as connection:
        connection.exec_driver_sql(
            f"insert into customer (tenant_id, id, created_at, updated_at) overriding system value "
            f"select {shop.tenant.id}, 10000 + n, now(), now() from generate_series(1, {most}) n"
        )
    many = [{"customer_id": 10_000 + n} for n in range(1, most + 1)]
    assert {outcome for _, outcome in say(shop, link=many)} == {"linked"}
    for body in ({"link": [*many, {"customer_id": one}]}, {"link": many, "unlink": [{"customer_id": one}]}, {}):
        assert shop.ask("POST", "/companies/K-1/customers", {"updated_at": OLD, **body}).status_code == 422
    assert shop.ask("DELETE", "/companies/K-1").json == {"removed": True}
    assert shop.rows("select count(*)::int from fact where type like 'customer_%_company'") == [(2 * most,)]


def test_links_follow_a_joined_customer(shop: Shop, one: int):
    """Both records' companies are one person's, each once; an undone merge gives them back (CUS-9, CUS-14)."""
    two = shop.upsert("shop:jd=J-1")["customer"]["id"]
    for company_id in ("K-1", "K-2", "K-3"):
        put(shop, company_id)
    say(shop, "K-1", link=[{"customer_id": one, "role": "a"}, {"customer_id": two, "role": "b"}])
    say(shop, "K-2", link=[{"customer_id": two}])
    say(shop, "K-3", link=[{"customer_id": one}, {"customer_id": two}])
    say(shop, "K-3", at=NEW, unlink=[{"customer_id": one}])
    merged = shop.ask("POST", f"/customers/{one}/merge", {"other_id": two}).json

    def of(customer_id: int) -> list[tuple[str, str | None]]:
        rows = shop.get(f"/customers/{customer_id}/profile")["companies"]
        return sorted((row["company_id"], row["role"]) for row in rows)

    assert of(one) == [("K-1", "a"), ("K-2", None), ("K-3", None)]
    assert found(shop, "all_of", "K-1", "K-2", "K-3") == {one}
    assert say(shop, "K-2", at=NEW, link=[{"customer_id": two, "role": "owner"}]) == [(one, "changed")]
    assert shop.ask("POST", f"/merges/{merged['merge_id']}/undo", {}).status_code == 200
    assert of(two) == [("K-1", "b"), ("K-3", None)]  # what changed since stays with the master
    assert of(one) == [("K-1", "a"), ("K-2", "owner")]


def test_a_limited_key_sees_companies_and_of_their_customers_its_own(shop: Shop):
    """A company is no secret, whose customers are its people is (ACC-1, G9)."""
    shop.befriend("wmHers", "LiNa")
    shop.befriend("wmHis", "WangFang")
    ids = [int(shop.upsert(f"external_userid={key}")["customer"]["id"]) for key in ("wmHers", "wmHis")]
    put(shop)
    say(shop, link=[{"customer_id": one} for one in ids])
    shop.renew_cards()
    caller = limited(shop, DataScope(userid="LiNa"))
    assert caller.get("/companies/K-1")["name"] == "Morning Ltd"
    assert [row["customer_id"] for row in caller.get("/companies/K-1/customers")["customers"]] == ids[:1]
    assert caller.ask("PUT", "/companies/K-1", state()).status_code == 403


def test_another_corp_has_companies_of_its_own(shop: Shop, one: int):
    """Ids of one corp do not exist for another (G9)."""
    put(shop)
    say(shop, link=[{"customer_id": one}])
    other = add_corp(shop.runtime.engine, shop.runtime.vault, shop.clock, "ww0000000000000002")
    caller = shop.caller(tenant=other, name="theirs")
    assert caller.ask("GET", "/companies/K-1").status_code == 404
    assert caller.ask("PUT", "/companies/K-1", state("Theirs")).status_code == 201
    assert caller.get("/companies/K-1/customers")["customers"] == []
    assert shop.get("/companies/K-1")["name"] == "Morning Ltd"


def test_a_deleted_customer_leaves_the_company(shop: Shop, one: int):
    """What is ours of them goes, and nobody is left in the list who is not there (CUS-8)."""
    put(shop)
    say(shop, link=[{"customer_id": one}])
    with shop.runtime.engine.begin() as connection:
        erase(connection, shop.tenant.id, [CustomerId(one)], now=shop.clock.now())
    assert shop.get("/companies/K-1/customers")["customers"] == []
    assert shop.rows("select 1 from company_customer") == []


def test_a_contacts_name_is_masked_in_the_audit_as_well(shop: Shop):
    """Who may read the audit and nothing personal sees that it changed (ACC-3)."""
    put(shop, body=state(contact_name="王小明"))
    query = {"subject_kind": "company", "subject_key": "K-1", "details": "true"}
    assert "王小明" in str(shop.get("/audit", **query))
    assert "王小明" not in str(shop.caller(Scope.AUDIT_READ, name="auditor").get("/audit", **query))


def test_linking_merging_and_deleting_at_once_leave_no_link_without_its_two_ends(shop: Shop):
    """Whatever comes first: nobody waits for ever, no live link is of a deleted company or a merged record (CUS-15)."""
    ids = [int(shop.upsert(f"shop:jd=J-{n}")["customer"]["id"]) for n in range(8)]
    for company_id in ("K-1", "K-2"):
        put(shop, company_id)
    caller = shop.caller()
    asks: list[tuple[str, str, Any]] = []
    for n, (master, other) in enumerate(zip(ids[::2], ids[1::2], strict=True)):
        links = {"updated_at": NEW, "link": [{"customer_id": one} for one in reversed(ids)]}
        asks += [("POST", f"/companies/{one}/customers", links) for one in ("K-1", "K-2")]
        asks.append(("POST", f"/customers/{master}/merge", {"other_id": other}))
        asks.append(("DELETE", "/companies/K-2", None) if n == 2 else ("PUT", "/companies/K-1", state(at=NEWER)))

    def ask(what: tuple[str, str, Any]) -> int:
        client = shop.client.application.test_client()
        return type(caller)(client, caller.key).ask(*what).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, asks)) <= {200, 201, 404}
    live = "from company_customer l where l.linked_at is not null and l.ended_at is null"
    assert shop.rows(f"select 1 {live} and l.company_id = 'K-2'") == []
    merged = "select from customer u where u.id = l.customer_id and u.merged_into is not null"
    assert shop.rows(f"select 1 {live} and exists ({merged})") == []
    assert shop.rows(f"select l.customer_id {live} order by 1") == [(one,) for one in ids[::2]]


def test_an_undone_merge_brings_no_customer_to_a_company_that_came_back(shop: Shop, one: int):
    """The link had given way in a merge; the company was deleted before it stood again (CUS-9, CUS-15)."""
    two = shop.upsert("shop:jd=J-1")["customer"]["id"]
    put(shop)
    say(shop, link=[{"customer_id": one}, {"customer_id": two}])
    merged = shop.ask("POST", f"/customers/{one}/merge", {"other_id": two}).json
    assert shop.ask("DELETE", "/companies/K-1", query_string={"updated_at": NEW}).json == {"removed": True}
    assert shop.ask("POST", f"/merges/{merged['merge_id']}/undo", {}).status_code == 200
    assert shop.get(f"/customers/{two}/profile")["companies"] == [] and found(shop, "not_empty") == set()
    assert put(shop, body=state(at=NEWER))["outcome"] == "made"
    assert shop.get("/companies/K-1/customers")["customers"] == [] and found(shop, "not_empty") == set()


def test_a_link_older_than_a_deletion_stays_away_when_the_company_comes_back(shop: Shop, one: int):
    """Whenever it arrives: the company of that time is gone (CUS-15)."""
    put(shop)
    shop.ask("DELETE", "/companies/K-1", query_string={"updated_at": NEW})
    assert put(shop, body=state(at=NEWER))["outcome"] == "made"
    assert say(shop, at=NEW, link=[crm("C-1")]) == [(one, "late")]
    assert say(shop, at=NEWER, link=[crm("C-1")]) == [(one, "linked")]
