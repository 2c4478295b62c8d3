"""The OpenAPI document is valid, its examples are true, and docs/api.md says the same."""

import re
from pathlib import Path
from typing import Any

from openapi_spec_validator import validate

from console.api.asked import OwnFields
from console.api.problems import REFUSED
from console.api.told import CustomerOut, RelationOut
from services.persons.model import AUTHORITY, OWN, Authority
from shared.api_keys import Scope
from tests.console.api.conftest import Shop

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
    """In the document's order, deletions last, on a corp with a customer, two associates and two tags."""
    shop.befriend("wmOne", "LiNa", "WangFang")
    shop.add_tags("etGold", "etSilver")
    shop.add_automatic_tag()
    found, ran = document(shop), 0
    many = [(path, method, one) for path, some in found["paths"].items() for method, one in some.items()]
    for path, method, operation in sorted(many, key=lambda one: one[1] == "delete"):
        where = path.removeprefix("/api/v1")
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                where = where.replace("{" + parameter["name"] + "}", str(parameter["schema"]["example"]))
        answer = shop.ask(method.upper(), where, example_of(operation))
        assert answer.status_code in (200, 201, 202), (method, where, answer.text)
        assert str(answer.status_code) in operation["responses"]
        ran += 1
    assert ran >= 14


def example_of(operation: dict[str, Any]) -> Any:
    if "requestBody" not in operation:
        return None
    return operation["requestBody"]["content"]["application/json"]["example"]


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
