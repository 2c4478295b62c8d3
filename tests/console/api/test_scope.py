"""Data scope (ACC-1, G9): whoever sees a part of the customers sees that part, whatever they ask.

The operations come from the OpenAPI document, so that a new one is asked as well.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from console.api import examples_sops
from services.cards.store import refresh_cards, take_due
from shared.api_keys import Scope, make_key
from shared.db.engine import fetch_all, run
from shared.directory import Directory
from shared.scope import DataScope, seeing
from sync_worker.sops import follow_all_sops
from tests.console.api.conftest import Caller, Shop
from tests.console.api.test_document import document, example_of
from tests.services.chats.conftest import add_chat

HERS, HIS, THEIRS = "顾客甲", "顾客乙", "顾客丙"
FOREIGN = (HIS, "wmHis", "13900000002", "E-his")
"""What tells of the customer whom Li Na does not know."""


def limited(shop: Shop, sight: DataScope, name: str = "limited") -> Caller:
    with shop.runtime.engine.begin() as connection:
        key = make_key(connection, shop.tenant.id, name=name, scopes=list(Scope), may_verify=False, by="x",
                       now=shop.clock.now(), sight=sight)  # fmt: skip
    return Caller(shop.client, key)


@pytest.fixture
def town(shop: Shop) -> Iterator[Shop]:
    """Li Na's customer, Wang Fang's, one of both, and their cards; every customer has what one may have."""
    shop.befriend("wmHers", "LiNa", name=HERS, unionid="uHers")
    shop.befriend("wmHis", "WangFang", name=HIS, unionid="uHis")
    shop.befriend("wmTheirs", "LiNa", "WangFang", name=THEIRS, unionid="uTheirs")
    shop.add_tags("etGold", "etSilver")
    for path in ("/stage-lines", "/stage-lines/{id}/stages", "/segments"):
        example = example_of(document(shop)["paths"][f"/api/v1{path}"]["post"])
        assert shop.ask("POST", path.replace("{id}", "1"), **example).status_code == 201
    example = example_of(document(shop)["paths"]["/api/v1/companies/{company_id}"]["put"])
    assert shop.ask("PUT", "/companies/K-1001", **example).status_code == 201
    for who, phone in (("Hers", "13900000001"), ("His", "13900000002"), ("Theirs", "13900000003")):
        shop.upsert(f"unionid=u{who}", f"phone={phone}")
        customer = {"customer": {"kind": "unionid", "value": f"u{who}"}, "occurred_at": "2026-11-20T10:00:00+08:00"}
        shop.ask("POST", "/events", {"events": [{"event_id": f"E-{who.lower()}", "kind": "visited", **customer}]})
        link = {"customer": customer["customer"], "role": f"E-{who.lower()}"}
        told = {"link": [link], "updated_at": "2026-11-20T10:00:00+08:00"}
        assert shop.ask("POST", "/companies/K-1001/customers", told).json["customers"][0]["outcome"] == "linked"
    with shop.runtime.engine.begin() as connection:
        for userid, main in (("LiNa", 11), ("WangFang", 12)):
            values = {"id": shop.tenant.id, "userid": userid, "main": main, "now": shop.clock.now()}
            run(connection, "insert into associate (tenant_id, userid, main_department_id, observed_at) "
                "values (:id, :userid, :main, :now)", **values)  # fmt: skip
        refresh_cards(connection, shop.tenant, take_due(connection, shop.tenant.id, limit=1000) or [])
    shop.add_sop_rule(ids(shop)["wmTheirs"], ids(shop)["wmHis"])
    yield shop


def ids(shop: Shop) -> dict[str, int]:
    with shop.runtime.engine.begin() as connection:
        rows = fetch_all(connection, "select external_userid, customer_id from external_contact")
    return {row["external_userid"]: row["customer_id"] for row in rows}


def ask(caller: Caller, found: dict[str, Any], method: str, path: str, customer_id: int) -> Any:
    """An operation's own example, about that customer."""
    operation, where = found["paths"][path][method], path.removeprefix("/api/v1")
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            about = "/customers/{id}" in path and parameter["name"] == "id"
            where = where.replace(
                "{" + parameter["name"] + "}", str(customer_id if about else parameter["schema"]["example"])
            )
    example = example_of(operation)
    if "filter" in example.get("body", {}):
        example["body"] = example["body"] | {"filter": {}}
    return caller.ask(method.upper(), where, **example)


def operations(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, many in found["paths"].items() for method, one in many.items()]


def test_no_operation_tells_a_limited_caller_of_others_customers(town: Shop):
    """Every operation there is, asked about somebody else's customer: 403, 404, or nothing of them in the answer."""
    found, caller, known = document(town), limited(town, DataScope(userid="LiNa")), ids(town)
    for path, method, operation in operations(found):
        answer = ask(caller, found, method, path, known["wmHis"])
        told = f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500, told
        assert not any(word in answer.text for word in FOREIGN), told
        if not operation["x-limited"]:
            assert answer.status_code == 403, told
        elif "/customers/{id}" in path:
            assert answer.status_code == 404, told


def test_a_limited_caller_can_do_what_is_theirs(town: Shop):
    """The same operations about a customer of theirs answer as for anybody."""
    found, caller, known = document(town), limited(town, DataScope(userid="LiNa")), ids(town)
    for path, method, operation in operations(found):
        # A claim is about nobody's customers: tests/console/api/test_pool.py.
        if operation["x-limited"] and not path.startswith(("/api/v1/intents", "/api/v1/pool:claim")):
            answer = ask(caller, found, method, path, known["wmTheirs"])
            assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:500]}"


def test_lists_and_counts_hold_the_callers_part(town: Shop):
    """An associate's own, a department's members', everything (ACC-1); a department below is another one."""
    known = ids(town)
    with town.runtime.engine.begin() as connection:
        run(connection, "insert into outlet (tenant_id, department_id, parent_id, observed_at) "
            "values (:id, 10, 1, :now), (:id, 11, 10, :now)", id=town.tenant.id, now=town.clock.now())  # fmt: skip
    cases = {
        "one": (DataScope(userid="LiNa"), {"wmHers", "wmTheirs"}),
        "outlet": (DataScope(department_ids=(12,)), {"wmHis", "wmTheirs"}),
        "above": (DataScope(department_ids=(10,)), set()),
        "nobody": (DataScope(userid="nobody"), set()),
        "all": (DataScope(), {"wmHers", "wmHis", "wmTheirs"}),
    }
    for name, (sight, expected) in cases.items():
        caller = limited(town, sight, name)
        body = json.loads(caller.ask("POST", "/customers:search", {}).text)
        assert {one["id"] for one in body["customers"]} == {known[one] for one in expected}, name
        assert caller.ask("POST", "/customers:count", {}).json == {"count": len(expected), "estimated": False}
        assert {one["id"] for one in caller.get("/customers")["customers"]} == {known[one] for one in expected}


def test_ways_of_chats_are_seen_by_whoever_sees_the_chat(town: Shop):
    """Its owner and whoever is in it, in lists, one by one and in a forgetful query (ACC-1, SOP-2)."""
    now = town.clock.now()
    with town.runtime.engine.begin() as connection:
        for chat_id, owner in (("wrHers", "LiNa"), ("wrHis", "WangFang")):
            add_chat(connection, town.tenant, chat_id, owner=owner, created=now, at=now)
    rule = {"about": "chat", "name": "群", "trigger": {"kind": "by_hand"}, "audience": {}, "exits": []}
    made = town.ask("POST", "/sop-rules", examples_sops.RULE | rule | {"steps": [{"after": {}, "content": "hi"}]})
    assert made.status_code == 201, made.text
    assert town.ask("POST", "/sop-rules/2/enable", {}).status_code == 200
    added = town.ask("POST", "/sop-rules/2/enrolments", {"chat_ids": ["wrHers", "wrHis"]}).json["enrolment_ids"]
    follow_all_sops(town.runtime, Directory(town.runtime.vault))
    caller = limited(town, DataScope(userid="LiNa"))
    seen = caller.ask("GET", "/sop-enrolments?rule_id=2").json["enrolments"]
    assert [(one["enrolment_id"], one["chat_id"]) for one in seen] == [(added[0], "wrHers")]
    assert [caller.ask("GET", f"/sop-enrolments/{one}").status_code for one in added] == [200, 404]
    with town.runtime.engine.begin() as connection, seeing(connection, town.tenant.id, DataScope(userid="LiNa")):
        for table in ("sop_enrolment", "sop_progress"):
            rows = fetch_all(connection, f"select chat_id from {table} where chat_id is not null")
            assert [row["chat_id"] for row in rows] == ["wrHers"]


def test_a_query_that_forgets_the_scope_obeys_it(town: Shop):
    """No condition names the caller: the database does (G9). A table that nobody decided about is closed."""
    with town.runtime.engine.begin() as connection, seeing(connection, town.tenant.id, DataScope(userid="LiNa")):
        rows = fetch_all(connection, "select name from external_contact")
        assert {row["name"] for row in rows} == {HERS, THEIRS}
        assert len(fetch_all(connection, "select 1 from relation")) == 3
        assert len(fetch_all(connection, "select 1 from customer_event")) == 2
        assert len(fetch_all(connection, "select 1 from company_customer")) == 2
    with town.runtime.engine.begin() as connection:
        connection.execute(text("create table forgotten as select * from external_contact"))
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        town.runtime.engine.begin() as connection,
        seeing(connection, town.tenant.id, DataScope(userid="LiNa")),
    ):
        fetch_all(connection, "select * from forgotten")


def test_every_table_with_customers_is_closed_by_a_policy(shop: Shop):
    """A new table with a customer's or contact's id has a policy, or the scoped role cannot read it at all."""
    with shop.runtime.engine.begin() as connection:
        rows = fetch_all(
            connection,
            "select distinct c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid "
            "where a.attname in ('customer_id', 'external_userid', 'chat_id', 'member_id', 'subject_key') "
            "and c.relkind in ('r', 'p') and not c.relrowsecurity "
            "and has_any_column_privilege('guanxi_scoped', c.oid, 'select')",
        )
    assert [row["name"] for row in rows] == []


def test_after_a_scoped_read_the_connection_sees_all_again(town: Shop):
    """A connection goes back to the pool without the role."""
    with town.runtime.engine.begin() as connection:
        with seeing(connection, town.tenant.id, DataScope(userid="LiNa")):
            assert len(fetch_all(connection, "select 1 from customer_card")) == 2
        assert len(fetch_all(connection, "select 1 from customer_card")) == 3
