"""The OpenAPI document is valid, its examples are true, and docs/api.md says the same."""

import re
from pathlib import Path
from typing import Any

from openapi_spec_validator import validate

from console.api.asked import OwnFields
from console.api.problems import REFUSED
from console.api.told import CustomerOut, RelationOut
from services.customers.model import Notes
from services.persons.model import AUTHORITY, OWN, Authority
from shared.api_keys import Scope
from shared.db.engine import run
from shared.directory import Directory
from shared.outbox import Delivery, enqueue
from sync_worker.cards import make_all_due
from sync_worker.files.job import work_once
from tests.console.api.conftest import Shop
from tests.services.chats.conftest import add_chat, add_chat_tag

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def document(shop: Shop) -> dict[str, Any]:
    answer = shop.client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def test_the_document_is_valid(shop: Shop):
    """By an independent validator; every reference leads somewhere."""
    found = document(shop)
    validate(found)
    assert not any("$defs" in schema for schema in found["components"]["schemas"].values())
    for name in re.findall(r'"#/components/schemas/([^"]+)"', shop.client.get("/api/v1/openapi.json").text):
        assert name in found["components"]["schemas"], name


def test_every_example_of_a_request_works(shop: Shop):
    """In the document's order, deletions last, on a corp with two associates, tags, a customer and a chat."""
    _give_up_a_message(shop)
    shop.befriend("wmOne", "LiNa", "WangFang")
    shop.add_tags("etGold", "etSilver")
    make_all_due(shop.runtime, Directory(shop.runtime.vault))
    with shop.runtime.engine.begin() as connection:
        add_chat(connection, shop.tenant, "wrChatOne", "新品群")
        add_chat_tag(connection, shop.tenant, 7001)
    shop.add_automatic_tag()
    shop.add_segment_by_hand()
    shop.add_sop_rule()
    shop.add_associates("LiNa", "WangFang")
    _fill_pool(shop)
    found, ran = document(shop), 0
    all_of_them = [(path, *one) for path, some in found["paths"].items() for one in some.items()]
    # Examples name the first of each kind by id; tags of customers and of chats are counted together.
    for path, method, operation in sorted(
        all_of_them, key=lambda one: (one[1] == "delete", "/local-tag" not in one[0])
    ):
        where = path.removeprefix("/api/v1")
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                where = where.replace("{" + parameter["name"] + "}", str(parameter["schema"]["example"]))
        if where.endswith("/start"):  # an import is checked before
            work_once(shop.runtime)
        answer = shop.ask(method.upper(), where, **example_of(operation))
        assert answer.status_code in (200, 201, 202), (method, where, answer.text)
        assert str(answer.status_code) in operation["responses"]
        ran += 1
    assert ran >= 35


def _give_up_a_message(shop: Shop) -> None:
    """Notification 1, so that it can be sent again."""
    now = shop.clock.now()
    with shop.runtime.engine.begin() as connection:
        enqueue(connection, shop.tenant.id, [Delivery("one", None, "new_customer", "wecom", "LiNa", [], now)], now=now)
        run(connection, "update outbox set state = 'dead'")


def _fill_pool(shop: Shop) -> None:
    """Customers 2, 3 and 5 wait; 3 is LiNa's. A new friend, 4, may be customer 2: match 1."""
    for phone, also in (("13600136000", {}), ("13600136001", {"userid": "LiNa"})):
        body = {"identities": [{"kind": "phone", "value": phone}], "source": "hand", **also}
        assert shop.ask("POST", "/pool", body).status_code == 201
    shop.upsert("phone=13600136000", level="silver")
    shop.befriend("wmTwo", "WangFang", notes=Notes(corp_tag_ids=(), remark_mobiles=("13600136000",)))
    body = {"identities": [{"kind": "phone", "value": "13600136002"}], "source": "hand"}
    assert shop.ask("POST", "/pool", body).status_code == 201


def example_of(operation: dict[str, Any]) -> dict[str, Any]:
    """What to ask with: a JSON body, or bytes; nothing."""
    if "requestBody" not in operation:
        return {}
    ((kind, content),) = operation["requestBody"]["content"].items()
    if kind == "application/json":
        return {"body": content["example"]}
    return {"data": content["example"].encode(), "content_type": kind}


def test_the_page_has_the_authority_of_every_field():
    """docs/api.md, services/persons/model.py and what the API shows are one (ACC-2)."""
    page = PAGE.read_text()
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (\w+) \|", page, re.MULTILINE))
    assert rows == {name: authority.value for name, authority in AUTHORITY.items()}
    shown = set(CustomerOut.model_fields) - {"id", "created_at", "updated_at", "fields"}
    shown |= {f"relation.{name}" for name in set(RelationOut.model_fields) - {"userid", "observed", "pending"}}
    assert shown | set(OWN) <= AUTHORITY.keys()
    assert set(OwnFields.model_fields) == set(OWN) == {n for n, who in AUTHORITY.items() if n in OWN}
    assert all(AUTHORITY[name] is Authority.RETAILER for name in OWN)


def test_the_page_names_every_scope_and_problem():
    """Whoever meets one finds it there."""
    page = PAGE.read_text()
    assert all(f"`{scope.value}`" in page for scope in Scope)
    assert all(f"`{kind}`" in page for _, kind in REFUSED.values())
