"""Personal data in answers: masked for keys that may not read it (ACC-3)."""

import re
import runpy
from pathlib import Path
from typing import Any

from shared.api_keys import Scope
from shared.db.engine import run
from tests.console.api.conftest import Caller, MakeShop, Shop
from tests.console.api.test_document import document

MIGRATION = Path(__file__).parents[3] / "shared/db/migrations/versions/20261122_0990_pre_keys.py"
PERSONAL = re.compile(
    r"(?:.*_)?(?:phones?|mobiles?|e?mails?|real_names?|birthdays?|birth_date|remarks?|notes?|desired|attributes|filters?)"
)
"""Names that say what is in a field. `value` of an identity, `name` of a contact and `fields` have it, too."""
ALSO = {
    ("IdentityOut", "value"), ("ContactOut", "name"), ("CustomerRowOut", "name"), ("FoundOut", "names"),
    ("FoundOut", "fields"), ("RelationOut", "description"), ("ObservedOut", "description"),
    ("LedgerEntryOut", "reason"), ("BulkChangeOut", "reason"),
}  # fmt: skip


def blind(shop: Shop) -> Caller:
    return shop.caller(*(one for one in Scope if one is not Scope.PERSONAL_READ), name="blind")


def full(shop: Shop) -> Any:
    shop.befriend("wmOne", "LiNa", name="小明 13800138000")
    fields = {"real_name": "王小明", "birthday": "1990-05-06", "note": "call 13800138000"}
    identities = ("crm=C-1", "phone=13800138000", "email=ming@example.com")
    return shop.upsert(*identities, **fields)["customer"]


def test_a_key_without_the_scope_gets_it_masked(shop: Shop):
    """Phones, addresses, names and birthdays; one key sees what the other does not (ACC-3)."""
    made = full(shop)
    seen = shop.get(f"/customers/{made['id']}")
    assert seen["fields"]["real_name"] == "王小明"
    caller = blind(shop)
    masked = caller.get(f"/customers/{made['id']}")
    assert {name: masked["fields"][name] for name in ("real_name", "birthday", "note")} == {
        "real_name": "王*",
        "birthday": "1990-05",
        "note": "call 138****8000",
    }
    assert {one["kind"]: one["value"] for one in masked["identities"]} == {
        "crm": "C-1",
        "phone": "+86138****8000",
        "email": "m***@example.com",
    }
    rows = caller.get("/customers")["customers"]
    assert "王*" in [row["real_name"] for row in rows]


def test_no_answer_to_such_a_key_has_a_phone_number_in_it(shop: Shop):
    """Whatever it asks for (ACC-3)."""
    full(shop)
    caller, asked = blind(shop), 0
    for path, operations in document(shop)["paths"].items():
        if "get" in operations:
            where = path.removeprefix("/api/v1").replace("{id}", "1").replace("{external_userid}", "wmOne")
            if "{" not in where:
                text = caller.ask("GET", where).text
                assert "13800138000" not in text
                assert "王小明" not in text
                asked += 1
    assert asked >= 5


def test_nicknames_are_masked_where_the_installation_says_so(make_shop: MakeShop):
    """They are what people want others to see; numbers in them are masked in any case (ACC-3)."""
    shop = make_shop()
    shop.befriend("wmOne", "LiNa", name="小明 13800138000")
    assert [row["name"] for row in blind(shop).get("/customers")["customers"]] == ["小明 138****8000"]


def test_nicknames_are_masked(make_shop: MakeShop):
    """The other way round (ACC-3)."""
    shop = make_shop(mask_nicknames=True)
    shop.befriend("wmOne", "LiNa", name="小明 13800138000")
    assert [row["name"] for row in blind(shop).get("/customers")["customers"]] == ["小*"]
    assert [row["name"] for row in shop.get("/customers")["customers"]] == ["小明 13800138000"]


def test_a_kept_answer_is_not_for_other_eyes(shop: Shop):
    """The key that may not read it gets no answer that was made for one that may, nor the other way round (ACC-3)."""
    body = {"identities": [{"kind": "phone", "value": "13800138000"}], "fields": {"real_name": "王小明"}}
    first = shop.ask("POST", "/customers:upsert", body, once="k1")
    assert first.json["customer"]["fields"]["real_name"] == "王小明"
    other = blind(shop).ask("POST", "/customers:upsert", body, once="k1")
    assert "王小明" not in other.text
    assert other.status_code in (409, 422)


def test_every_field_with_personal_data_has_a_type_that_masks_it(shop: Shop):
    """Whoever adds a field of such a name gives it a type of console/api/personal.py (ACC-3)."""
    found, answers = document(shop)["components"]["schemas"], 0
    for name, schema in found.items():
        if not name.endswith("Out"):
            continue
        answers += 1
        for field, told in schema.get("properties", {}).items():
            there = "personal-" in str(told) or "$ref" in str(told)
            if PERSONAL.fullmatch(field) or (name, field) in ALSO:
                assert there, f"{name}.{field}: give it a type of console/api/personal.py"
    assert answers > 10


def test_an_export_of_such_a_key_is_masked_and_others_files_are_not_its(shop: Shop):
    """Files show what their maker may read, so nobody with less may fetch them (ACC-3)."""
    made = full(shop)
    body = {"format": "csv", "columns": ["id", "real_name", "phones"], "customers": {"customer_ids": [made["id"]]}}
    answer = shop.ask("POST", "/exports", body, once="e1")
    assert answer.status_code in (200, 201, 202), answer.text
    file_id = answer.json["file_id"]
    refused = blind(shop).ask("GET", f"/files/{file_id}/content")
    assert refused.status_code == 403
    assert "personal:read" in refused.text


def test_keys_of_before_see_what_they_saw(shop: Shop):
    """Nobody asked for less: the migration gives them the scope, once (ACC-3)."""
    made = full(shop)
    old = shop.caller(Scope.CUSTOMERS_READ, name="old")
    statement = runpy.run_path(str(MIGRATION))["AS_BEFORE"]
    for _ in range(2):
        with shop.runtime.engine.begin() as connection:
            run(connection, statement)
    assert old.get(f"/customers/{made['id']}")["fields"]["real_name"] == "王小明"
    assert shop.rows("select scopes from api_key where name = 'old'") == [(["customers:read", "personal:read"],)]


def test_exported_lost_relations_are_masked_like_the_list(make_shop: MakeShop):
    """Nicknames in the CSV file too, where the installation masks them (ACC-3, LOSS-6)."""
    shop = make_shop(mask_nicknames=True)
    shop.befriend("wmOne", "LiNa", name="欧阳小明")
    with shop.runtime.engine.begin() as connection:
        run(connection, "update relation set state = 'ended_by_customer', ended_at = now()")
    hidden = blind(shop).ask("GET", "/lost-relations:export")
    assert hidden.status_code == 200 and "欧阳小明" not in hidden.text and "欧*" in hidden.text
    assert "欧阳小明" in shop.ask("GET", "/lost-relations:export").text
