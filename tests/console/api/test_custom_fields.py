"""Custom fields by the API: definitions, and their values on customers."""

from concurrent.futures import ThreadPoolExecutor

from shared.api_keys import Scope
from shared.audit import load_audit
from shared.db.engine import run
from tests.console.api.conftest import Shop, upsert_body

SIZE = {
    "key": "size",
    "name": "尺码",
    "kind": "single_choice",
    "options": [{"id": "S", "name": "小"}, {"id": "M", "name": "中"}],
}
HOBBY = {"key": "hobby", "name": "爱好", "kind": "single_line"}
HEIGHT = {"key": "height", "name": "身高", "kind": "number"}


def define(shop: Shop, *bodies: dict[str, object]) -> None:
    for body in bodies:
        answer = shop.ask("POST", "/custom-fields", body)
        assert answer.status_code == 201, answer.text


def customer(shop: Shop, **custom: object) -> int:
    return int(shop.upsert("crm=C-1", **({"fields": custom} if custom else {}))["customer"]["id"])


def patch(shop: Shop, customer_id: int, **own: object) -> tuple[int, dict[str, object]]:
    answer = shop.ask("PATCH", f"/customers/{customer_id}", {"fields": own})
    return answer.status_code, answer.json


def test_values_change_key_by_key_and_others_stay(shop: Shop):
    """By upsert and by edit; null empties one, `attributes` are replaced as a whole as ever (CUS-5)."""
    define(shop, SIZE, HOBBY, HEIGHT)
    one = customer(shop, size="S", height=170)
    status, after = patch(shop, one, fields={"size": None, "hobby": " 茶 "}, level="gold", attributes={"a": 1})
    assert status == 200
    assert after["fields"]["fields"] == {"hobby": "茶", "height": 170}
    assert (after["fields"]["level"], after["fields"]["attributes"]) == ("gold", {"a": 1})
    shop.upsert("crm=C-1", fields={"size": "M"}, attributes={"b": 2})
    shown = shop.get(f"/customers/{one}")["fields"]
    assert (shown["fields"], shown["attributes"]) == ({"size": "M", "hobby": "茶", "height": 170}, {"b": 2})


def test_every_wrong_field_is_named_and_nothing_is_written(shop: Shop):
    """422 with a pointer to each; no value is quoted (CUS-5, G8)."""
    define(shop, SIZE, HEIGHT)
    one = customer(shop, size="S")
    status, problem = patch(shop, one, fields={"size": "XXXL", "height": True, "nothing": 1}, level="gold")
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == [
        "/fields/fields/size", "/fields/fields/height", "/fields/fields/nothing"]  # fmt: skip
    assert "XXXL" not in str(problem)
    assert shop.ask("POST", "/customers:upsert", upsert_body("crm=C-2", fields={"size": "9"})).status_code == 422
    assert shop.get(f"/customers/{one}")["fields"]["level"] is None
    assert shop.rows("select count(*)::int from customer") == [(1,)]


def test_what_is_required_may_be_left_out_by_systems_and_emptied_by_nobody(shop: Shop):
    """Per use: in the pool another choice of fields is required (CUS-5)."""
    define(shop, SIZE | {"required_of_customer": True}, HOBBY | {"required_of_pool": True})
    one = customer(shop, hobby="tea")
    assert patch(shop, one, fields={"size": None})[0] == 422
    assert patch(shop, one, fields={"hobby": None})[0] == 200
    with shop.runtime.engine.begin() as connection:
        sql = "insert into pool_record (tenant_id, customer_id, status, source, by_whom, status_at, created_at) "
        values = "values (:t, :c, 'unassigned', 'hand', 'x', :now, :now)"
        run(connection, sql + values, t=shop.tenant.id, c=one, now=shop.clock.now())
    assert patch(shop, one, fields={"size": None})[0] == 200
    assert patch(shop, one, fields={"hobby": ""})[0] == 422


def test_an_edit_stands_in_the_audit_with_before_and_after(shop: Shop):
    """Custom fields by name; the values encrypted (ACC-2)."""
    define(shop, SIZE)
    one = customer(shop, size="S")
    patch(shop, one, fields={"size": "M"}, level="gold")
    with shop.runtime.engine.begin() as connection:
        newest, *_ = load_audit(connection, shop.tenant, "customer", str(one))
    assert (newest.actor, newest.change.action) == ("api:crm", "customer.edited")
    assert newest.change.before == {"level": None, "fields.size": "S"}
    assert newest.change.after == {"level": "gold", "fields.size": "M"}


def test_edits_of_one_document_at_once_lose_none(shop: Shop):
    """Each is read, changed and written under the customer's lock (CUS-5)."""
    for n in range(8):
        define(shop, {"key": f"n{n}", "name": f"N{n}", "kind": "number"})
    one = customer(shop)
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda n: patch(shop, one, fields={f"n{n}": n})[0], range(8)))
    assert statuses == [200] * 8
    assert shop.get(f"/customers/{one}")["fields"]["fields"] == {f"n{n}": n for n in range(8)}


def test_a_withdrawn_option_stays_with_whoever_has_it(shop: Shop):
    """Shown, kept when sent back, and nobody else's to choose (CUS-5)."""
    define(shop, SIZE)
    one = customer(shop, size="S")
    edited = shop.ask("PATCH", "/custom-fields/size", {"options": [{"id": "M", "name": "中号"}, {"name": "大号"}]})
    assert [(o["id"], o["name"], o["withdrawn"]) for o in edited.json["options"]] == [
        ("M", "中号", False), ("1", "大号", False), ("S", "小", True)]  # fmt: skip
    assert patch(shop, one, fields={"size": "S"})[0] == 200
    assert shop.ask("POST", "/customers:upsert", upsert_body("crm=C-2", fields={"size": "S"})).status_code == 422


def test_a_field_that_is_off_or_deleted_shows_and_takes_nothing(shop: Shop):
    """Switched on again its values are back; a deleted one's key is never used again (CUS-5)."""
    define(shop, HEIGHT, SIZE)
    one = customer(shop, height=170, size="S")
    shop.ask("PATCH", "/custom-fields/height", {"enabled": False})
    assert shop.get(f"/customers/{one}")["fields"]["fields"] == {"size": "S"}
    assert patch(shop, one, fields={"height": 171})[0] == 422
    shop.ask("PATCH", "/custom-fields/height", {"enabled": True})
    assert shop.get(f"/customers/{one}")["fields"]["fields"] == {"height": 170, "size": "S"}
    assert shop.ask("DELETE", "/custom-fields/height").status_code == 200
    assert shop.get(f"/customers/{one}")["fields"]["fields"] == {"size": "S"}
    assert [field["key"] for field in shop.get("/custom-fields")["fields"]] == ["size"]
    again = shop.ask("POST", "/custom-fields", HEIGHT)
    assert (again.status_code, again.json["type"]) == (409, "urn:guanxi:problem:field-refused")


def test_what_is_personal_now_leaves_the_cards_in_the_background(shop: Shop):
    """Asked for where what cards show is different, and only there; the key that did it is named (CUS-5)."""
    define(shop, HEIGHT, HOBBY)
    asked = "select generation::int, caused_by from request where subject_kind = 'custom_fields'"
    shop.ask("PATCH", "/custom-fields/height", {"name": "身长"})
    shop.ask("DELETE", "/custom-fields/hobby")
    assert shop.rows(asked) == []
    shop.ask("PATCH", "/custom-fields/height", {"personal": True})
    assert shop.rows(asked) == [(1, "api:crm")]
    shop.ask("PATCH", "/custom-fields/height", {"personal": False})
    shop.ask("DELETE", "/custom-fields/height")
    assert shop.rows(asked) == [(3, "api:crm")]


def test_definitions_made_at_once_keep_the_limits(shop: Shop):
    """Three in pool lists, one of a name, however many ask together (CUS-1, CUS-5)."""

    def make(n: int) -> int:
        body = {"key": f"n{n}", "name": f"N{n // 2}", "kind": "number", "in_pool_list": True}
        return shop.ask("POST", "/custom-fields", body).status_code

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(make, range(12)))
    assert (made.count(201), made.count(409)) == (3, 9)
    assert len({field["name"] for field in shop.get("/custom-fields")["fields"]}) == 3


def test_fields_of_joined_records_are_joined_key_by_key(shop: Shop):
    """The record that stays wins where both have a value (CUS-5, CUS-9)."""
    define(shop, SIZE, HOBBY)
    shop.befriend("wmOne", "LiNa", unionid="u-1")
    shop.upsert("external_userid=wmOne", fields={"size": "S"})
    shop.upsert("crm=C-1", fields={"size": "M", "hobby": "tea"})
    joined = shop.upsert("crm=C-1", "unionid=u-1")["customer"]
    assert joined["fields"]["fields"] == {"size": "S", "hobby": "tea"}


def test_rubbish_is_refused_and_definitions_need_their_scope(shop: Shop):
    """Bounds on everything, a clear 4xx, and no key changes what it may not (G8)."""
    deep: dict[str, object] = {"name": "x"}
    for _ in range(30):
        deep = {"name": "x", "options": [deep]}
    for change in (
        {"key": "Größe"}, {"key": "a" * 41}, {"name": " "}, {"name": "a\nb\x07"}, {"kind": "json"}, {"options": [deep]},
        {"options": [{"id": "a b", "name": "x"}]}, {"personal": "yes"}, {"surprise": 1}, {"options": "S"},
    ):  # fmt: skip
        assert shop.ask("POST", "/custom-fields", SIZE | change).status_code == 422, change
    assert shop.ask("GET", "/custom-fields/none").status_code == 405
    assert shop.ask("PATCH", "/custom-fields/none", {"name": "x"}).status_code == 404
    assert shop.ask("PATCH", "/customers/1", {"fields": {"fields": None}}).status_code == 422
    assert shop.ask("PATCH", "/customers/99", {"fields": {}}).status_code == 404
    reader = shop.caller(Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE)
    assert reader.ask("POST", "/custom-fields", SIZE).status_code == 403
