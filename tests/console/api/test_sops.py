"""SOPs through the API: refusals that name the field, the way of a customer, totals."""

from typing import Any

import pytest

from console.api.examples_sops import RULE
from services.sops.saying import said, unknown_in
from shared.directory import Directory
from sync_worker.sops import follow_all_sops
from tests.console.api.conftest import Shop


def refused(shop: Shop, **changed: Any) -> list[str]:
    answer = shop.ask("POST", "/sop-rules", RULE | changed)
    assert answer.status_code == 422, answer.text
    assert shop.rows("select count(*) from sop_rule") == [(0,)]
    return [one["field"] for one in answer.json["errors"]]


STEP = {"after": {"minutes": 5}, "content": "hello"}


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"steps": [STEP | {"content": "hi {custmer}"}]}, ["/steps/0/content"]),
        ({"steps": [STEP | {"content": "hi {customer.__class__}"}]}, ["/steps/0/content"]),
        ({"steps": [STEP | {"content": "字" * 10_000}]}, ["/steps/0/content"]),
        ({"steps": [STEP | {"content": " \n "}]}, ["/steps/0/content"]),
        ({"steps": [STEP | {"after": {"minutes": -5}}]}, ["/steps/0/after"]),
        ({"steps": [{"day": -1, "at": "10:00", "content": "x"}]}, ["/steps/0/day"]),
        ({"steps": [{"day": 1, "at": "24:00", "content": "x"}]}, ["/steps/0/at"]),
        ({"steps": [STEP | {"day": 1, "at": "10:00"}]}, ["/steps/0"]),
        ({"steps": [STEP, STEP]}, ["/steps/1"]),
        ({"steps": [STEP | {"after": {"days": 800}}]}, ["/steps/0"]),
        ({"steps": [STEP | {"step_id": 7}]}, ["/steps/0/step_id"]),
        ({"steps": []}, ["/steps"]),
        ({"audience": {}}, ["/audience"]),
        ({"audience": {"chat_ids": ["wrA"]}}, ["/audience/chat_ids"]),
        ({"trigger": {"kind": "chat_created"}}, ["/trigger/kind"]),
        ({"trigger": {"kind": "tag"}}, ["/trigger/tag_id"]),
        ({"trigger": {"kind": "tag", "tag_id": "local:7"}}, ["/trigger/tag_id"]),
        ({"trigger": {"kind": "friend", "days": 3}}, ["/trigger/days"]),
        ({"trigger": {"kind": "yearly", "field": "own:nothing"}}, ["/trigger/field"]),
        ({"exits": [{"kind": "stage", "stage_id": 9}]}, ["/exits/0/stage_id"]),
        ({"exits": [{"kind": "stage"}]}, ["/exits/0/stage_id"]),
        ({"surprise": 1}, ["/surprise"]),
    ],
)
def test_a_bad_rule_is_refused_with_field_and_reason(shop: Shop, changed: dict[str, Any], fields: list[str]):
    """Nothing of it is kept (SOP-1, G8)."""
    assert refused(shop, **changed) == fields


def test_a_filter_that_cannot_be_read_is_refused_with_its_place(shop: Shop):
    """As everywhere, but below the audience (SOP-1)."""
    bad = {"groups": [{"conditions": [{"field": "nothing", "op": "equals", "value": 1}]}]}
    answer = shop.ask("POST", "/sop-rules", RULE | {"audience": {"filter": bad}})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (
        422,
        "/audience/filter/groups/0/conditions/0/field",
    )


def test_names_in_a_text_are_never_read_as_variables():
    """Plain replacement, once: braces in a customer's name stay what they are (SOP-1)."""
    assert said("hi {customer}, {associate}", {"customer": "{associate}", "associate": "Li"}) == "hi {associate}, Li"
    assert unknown_in("{customer} {x} {x} {{customer}} {}") == ["x", ""]


def test_the_way_of_a_customer_from_rule_to_totals(shop: Shop):
    """Made, checked, enabled, brought in, told, confirmed, counted, stopped, each of it audited (SOP-3, SOP-4)."""
    shop.add_associates("LiNa")
    shop.befriend("wmOne", "LiNa")
    shop.renew_cards()
    checked = shop.ask("POST", "/sop-rules:check", RULE).json
    assert (checked["count"], checked["first"], len(checked["steps"])) == (1, ["1"], 2)
    shop.add_sop_rule(1)
    step = shop.ask("GET", "/sop-enrolments/1").json["steps"][0]
    assert (step["state"], step["step_id"]) == ("waiting", 1)
    shop.clock.advance(300)
    follow_all_sops(shop.runtime, Directory(shop.runtime.vault))
    listed = shop.ask("GET", "/sop-enrolments?step_state=reminded&userid=LiNa").json["enrolments"]
    assert [one["state"] for one in listed[0]["steps"]] == ["reminded", "waiting"]
    again = [shop.ask("POST", "/sop-enrolments/1/steps/1/confirm", {}).json["changed"] for _ in range(2)]
    assert again == [True, False]
    assert shop.ask("POST", "/sop-enrolments/1/steps/9/confirm", {}).status_code == 404
    totals = shop.ask("GET", "/sop-totals?rule_id=1").json["rules"][0]
    assert (totals["running"], totals["steps"]) == (
        1, [{"step_id": 1, "userid": "LiNa", "state": "done", "count": 1}],
    )  # fmt: skip
    assert shop.ask("POST", "/sop-rules/1/stop", {}).json["state"] == "stopped"
    assert shop.ask("DELETE", "/sop-rules/1").json == {"rules": []}
    assert shop.ask("GET", "/sop-rules/1").status_code == 404
    actions = {action for (action,) in shop.rows("select action from audit where action like 'sop%'")}
    assert {"sop_rule.made", "sop_rule.turned", "sop_rule.deleted", "sop_enrolment.step_confirmed"} <= actions


def test_an_edit_takes_back_the_reminder_of_a_step_that_is_gone(shop: Shop):
    """It has not gone out yet, and would have no words (SOP-3)."""
    shop.add_associates("LiNa")
    shop.befriend("wmOne", "LiNa")
    shop.renew_cards()
    shop.add_sop_rule(1)
    shop.clock.advance(300)
    follow_all_sops(shop.runtime, Directory(shop.runtime.vault))
    assert shop.rows("select state from outbox where notice = 'sop_step'") == [("due",)]
    changed = shop.ask("PUT", "/sop-rules/1", RULE | {"steps": [STEP | {"after": {"days": 9}}]})
    assert changed.status_code == 200, changed.text
    assert shop.rows("select state from outbox where notice = 'sop_step'") == [("withdrawn",)]


def test_a_step_of_a_way_that_gave_way_is_confirmed(shop: Shop):
    """Its customer was merged into another one who is in the rule; what was told can be confirmed (SOP-4, CUS-9)."""
    shop.add_associates("LiNa")
    for contact in ("wmOne", "wmTwo"):
        shop.befriend(contact, "LiNa")
    shop.renew_cards()
    shop.add_sop_rule(1, 2)
    shop.clock.advance(300)
    follow_all_sops(shop.runtime, Directory(shop.runtime.vault))
    shop.rows("delete from relation where external_userid = 'wmTwo' returning 1")
    shop.rows("delete from external_contact where external_userid = 'wmTwo' returning 1")
    merged = shop.ask("POST", "/customers/1/merge", {"other_id": 2, "reason": "x"})
    assert merged.status_code == 200, merged.text
    assert shop.rows("select id from sop_enrolment") == [(1,)]
    assert shop.ask("POST", "/customers/2/sop-enrolments/2/steps/1/confirm", {}).status_code == 404
    for changed in (True, False):
        told = shop.ask("POST", "/customers/1/sop-enrolments/2/steps/1/confirm", {})
        assert (told.status_code, told.json["changed"]) == (200, changed), told.text
        way = told.json["enrolment"]
        assert (way["customer_id"], way["state"], way["ended_why"]) == (1, "ended", "merged")
        assert [(one["step_id"], one["state"]) for one in way["steps"]] == [(1, "done")]
    assert shop.ask("POST", "/sop-enrolments/2/steps/1/confirm", {}).json["changed"] is False
    assert shop.ask("POST", "/sop-enrolments/2/steps/2/confirm", {}).status_code == 404


def test_two_rules_have_two_names(shop: Shop):
    """And a rule about customers does not become one about chats (SOP-3)."""
    shop.add_sop_rule()
    assert shop.ask("POST", "/sop-rules", RULE | {"name": "欢迎"}).json["type"].endswith("sop-refused")
    chat = RULE | {"about": "chat", "trigger": {"kind": "by_hand"}, "audience": {}, "exits": [],
                   "steps": [{"after": {"minutes": 1}, "content": "x"}]}  # fmt: skip
    assert shop.ask("PUT", "/sop-rules/1", chat).json["errors"][0]["field"] == "/about"
