"""Bad requests get a clear 4xx that names the field: never a 500, a trace, or somebody else's data (G8, G9)."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.api_keys import Scope
from tests.console.api.conftest import Shop, add_corp, upsert_body
from tests.console.api.test_purchases import event, order

UPSERT = ("POST", "/customers:upsert")


def refused(shop: Shop, method: str, path: str, body: object = None, **options: Any) -> dict[str, Any]:
    """The problem, after a look at what every problem must be."""
    answer = shop.ask(method, path, body, **options)
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == answer.status_code and answer.json["detail"]
    assert "Traceback" not in answer.text
    return {"status": answer.status_code, "fields": [one["field"] for one in answer.json.get("errors", [])]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"identities": []}, "/identities"),
        ({"identities": [{"kind": "passport", "value": "x"}]}, "/identities/0/kind"),
        ({"identities": [{"kind": "crm", "value": 7}]}, "/identities/0/value"),
        ({"identities": [{"kind": "crm", "value": " "}]}, "/identities/0/value"),
        ({"identities": [{"kind": "crm", "value": "C\u00001"}]}, "/identities/0/value"),
        ({"identities": [{"kind": "crm", "value": "C-1"}], "fields": {"nickname": "x"}}, "/fields/nickname"),
        ({"identities": [{"kind": "crm", "value": "C-1"}], "fields": {"birthday": 1e300}}, "/fields/birthday"),
        ({"identities": [{"kind": "crm", "value": "C-1"}], "fields": {"birthday": "0001-01-01"}}, "/fields/birthday"),
        ({"identities": [{"kind": "crm", "value": "C-1"}], "fields": {"note": "x" * 2001}}, "/fields/note"),
        (
            {"identities": [{"kind": "crm", "value": "C-1"}], "fields": {"attributes": {"a\u0000": 1}}},
            "/fields/attributes",
        ),
        (
            {"identities": [{"kind": "crm", "value": "C-1"}], "fields": {"attributes": {"card": 10**20}}},
            "/fields/attributes/card",
        ),
        ({"identities": [{"kind": "crm", "value": "C-1", "verified": "yes"}]}, "/identities/0/verified"),
        ({"identities": [{"kind": "crm", "value": "C-1"}], "and": 1}, "/and"),
    ],
)
def test_a_wrong_field_is_named(shop: Shop, body: dict[str, object], field: str):
    """With a JSON pointer; nothing is written (G8)."""
    assert refused(shop, *UPSERT, body) == {"status": 422, "fields": [field]}
    assert shop.rows("select count(*)::int from customer") == [(0,)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b'{"identities": NaN}', 400),
        (b'{"identities": [{"kind": "crm", "value": "\\ud800"}]}', 400),
        (b'"text"', 422),
        (b"[]", 422),
        (b"null", 422),
        (b"[" * 100_000, 400),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 422),
        (b'{"fields": ' + b"9" * 5000 + b"}", 400),
    ],
)
def test_what_is_no_json_object_is_refused(shop: Shop, data: bytes, status: int):
    """Broken, nested without end, or no object (G8)."""
    found = refused(shop, *UPSERT, data=data, content_type="application/json")
    assert found["status"] == status


def test_a_body_of_another_kind_or_too_large_is_refused(shop: Shop):
    """415 and 413 (G8)."""
    assert refused(shop, *UPSERT, data=b"a=1", content_type="application/x-www-form-urlencoded")["status"] == 415
    huge = json.dumps({"fields": {"note": "x" * 10_000_000}})
    assert refused(shop, *UPSERT, data=huge, content_type="application/json")["status"] == 413


@pytest.mark.parametrize(
    "cursor", ["x", "!!", "W10", "WzEs", "WyJhIixudWxsXQ", "WzFlOTksbnVsbF0", "WzEsIngiXQ", "\0", "é"]
)
def test_a_cursor_from_elsewhere_is_refused(shop: Shop, cursor: str):
    """Named, whatever it is (G8)."""
    found = refused(shop, "GET", "/customers", query_string={"cursor": cursor})
    assert found["fields"] == ["query/cursor"]


def test_a_cursor_of_another_order_is_refused(shop: Shop):
    """One of the list by ids does not go on in the list by time (G8)."""
    for number in range(2):
        shop.upsert(f"crm=C-{number}")
    cursor = shop.get("/customers", limit=1)["next_cursor"]
    since = {"cursor": cursor, "updated_since": "2026-01-01T00:00:00Z"}
    assert refused(shop, "GET", "/customers", query_string=since)["fields"] == ["query/cursor"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/customers/x", 422),
        ("/customers/0", 422),
        ("/customers/99999999999999999999999999", 422),
        ("/customers/4000000000", 404),
        ("/customers?limit=0", 422),
        ("/customers?limit=501", 422),
        ("/customers?colour=red", 422),
        ("/customers?standing=blue", 422),
        ("/customers?updated_since=yesterday", 422),
        ("/customers?updated_since=5", 422),
        ("/customers?identity_kind=crm", 422),
        ("/customers?identity_kind=phone&identity_value=x", 422),
        ("/intents/7", 404),
        ("/nothing", 404),
        ("/customers/1/tags", 405),
        ("/customers/1%00", 422),
    ],
)
def test_a_bad_address_or_query_is_refused(shop: Shop, path: str, status: int):
    """A problem in any case (G8)."""
    assert refused(shop, "GET", path)["status"] == status


@pytest.mark.parametrize(
    "key", ["", "gxk", "gxk_1_", "gxk_1_x", "gxk_99_" + "x" * 43, "gxk_x_y", "gxk_" + "9" * 300, "é"]
)
def test_a_wrong_key_is_refused(shop: Shop, key: str):
    """401, and how to do better (G8)."""
    answer = shop.ask("GET", "/customers", headers={"Authorization": f"Bearer {key}".encode().decode("latin-1")})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_does_only_what_its_scopes_say(shop: Shop):
    """403 with the scope that is missing, for every operation that the document has (G9)."""
    document = shop.client.get("/api/v1/openapi.json").json
    operations = [
        (method, path, one["x-scope"]) for path, found in document["paths"].items() for method, one in found.items()
    ]
    assert len(operations) >= 14
    for method, path, scope in operations:
        others = [one for one in Scope if one.value != scope]
        caller = shop.caller(*others, name=f"{method} {path}")
        answer = caller.ask(method.upper(), path.removeprefix("/api/v1").replace("{id}", "1"), {})
        assert answer.status_code == 403, (method, path)
        assert scope in answer.json["detail"]


def test_ids_of_another_corp_do_not_exist(shop: Shop, engine, vault, clock):
    """404, as for those that never were; nobody finds another corp's customers by an identity (G9)."""
    other = shop.caller(name="theirs", tenant=add_corp(engine, vault, clock, "ww0000000000000002"))
    shop.befriend("wmOne", "LiNa")
    mine = shop.upsert("external_userid=wmOne", "crm=C-1")["customer"]["id"]
    intent = shop.ask("PATCH", f"/customers/{mine}/relations/LiNa", {"remark": "老友"}).json["intents"][0]["id"]
    shop.ask("PUT", "/orders/tmall/T-1", order())
    shop.ask("POST", "/events", {"events": [event("e-1")]})
    for path in (
        f"/customers/{mine}",
        f"/customers/{mine}/identities",
        f"/customers/{mine}/intents",
        f"/intents/{intent}",
    ):
        assert other.ask("GET", path).status_code == 404
    for method, path, body in (
        ("PATCH", f"/customers/{mine}/relations/LiNa", {"remark": "x"}),
        ("POST", f"/customers/{mine}/tags", {"add": ["etGold"]}),
        ("POST", f"/customers/{mine}/assignment", {"userid": "LiNa"}),
        ("PUT", f"/customers/{mine}/identities/crm/C-9", {}),
        ("DELETE", f"/customers/{mine}/identities/crm/C-1", None),
        ("PUT", "/orders/tmall/T-1", order()),
    ):
        assert other.ask(method, path, body).status_code == 404, path
    assert other.get("/customers")["customers"] == []
    assert other.upsert("crm=C-1")["made"]
    assert len(shop.rows("select 1 from customer_order")) == 1


def test_wishes_that_cannot_be_are_refused(shop: Shop):
    """Tags that WeCom does not have, remarks where there is no relation; it says so (TAG-2)."""
    shop.add_tags("etGold")
    customer = shop.upsert("crm=C-1")["customer"]["id"]
    assert refused(shop, "POST", f"/customers/{customer}/tags", {"add": ["etNone"]})["status"] == 409
    assert refused(shop, "PATCH", f"/customers/{customer}/relations/LiNa", {"remark": "x"})["status"] == 409
    assert refused(shop, "POST", f"/customers/{customer}/tags", {})["status"] == 422
    shop.befriend("wmOne", "LiNa")
    friend = shop.upsert("external_userid=wmOne")["customer"]["id"]
    assert refused(shop, "POST", f"/customers/{friend}/tags", {"add": ["etNone"]})["status"] == 409
    assert refused(shop, "PATCH", f"/customers/{friend}/relations/Nobody", {"remark": "x"})["status"] == 409


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
GOOD: list[tuple[str, str, dict[str, Any]]] = [
    (*UPSERT, upsert_body("crm=C-1", "phone=13800138000", real_name="x", attributes={"a": 1})),
    ("PUT", "/orders/tmall/T-1", order()),
    ("POST", "/events", {"events": [event("e-1", shop="tmall", properties={"a": 1})]}),
    ("POST", "/customers/1/tags", {"add": ["etGold"], "remove": ["etSilver"], "reason": "x"}),
    ("PATCH", "/customers/1/relations/LiNa", {"remark": "x", "description": "y", "reason": "z"}),
    ("POST", "/customers/1/assignment", {"userid": "LiNa"}),
    ("PUT", "/customers/1/identities/crm/C-9", {"verified": False}),
]


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A good request with something at some place of its body replaced by anything."""
    method, path, body = draw(st.sampled_from(GOOD))
    body = json.loads(json.dumps(body))
    place: Any = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        place[key] = draw(ANYTHING)
        return method, path, body


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=spoilt())
def test_no_body_whatever_is_a_fault_of_ours(shop: Shop, request: tuple[str, str, Any]):
    """Good, or refused as a problem: never a 500 (G8)."""
    method, path, body = request
    answer = shop.ask(
        method, path, data=json.dumps(body).encode("utf-8", "surrogatepass"), content_type="application/json"
    )
    assert answer.status_code < 500, (answer.status_code, body)
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json"
