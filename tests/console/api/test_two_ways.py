"""Wishes by the API reach WeCom, and give way to whoever was there later: simulator and worker are real (TAG-2, G4)."""

from typing import Any

import pytest

from commands.demo_corp import record_demo_corp
from console.app import make_app
from console.desk import Desk
from shared.api_keys import Scope, make_key
from shared.db.engine import fetch_all
from tests.console.api.conftest import Caller
from tests.sync_worker.conftest import Office, make_office
from tests.sync_worker.shops import MakeOffice
from tests.sync_worker.wishing import Shop as WeComShop

__all__ = ["make_office"]


def crm_of(office: Office) -> Caller:
    runtime = office.runtime
    made = {"name": "crm", "scopes": list(Scope), "may_verify": True, "by": "Chen Jing"}
    with runtime.engine.begin() as connection:
        key = make_key(connection, office.tenant.id, now=runtime.clock.now(), **made)
    return Caller(make_app(Desk(runtime, lambda: None)).test_client(), key)


class Both(WeComShop):
    """A corp in WeCom and here, and its CRM."""

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.crm = crm_of(office)
        with office.runtime.engine.begin() as connection:
            (row,) = fetch_all(connection, "select customer_id from external_contact")
        self.path = f"/customers/{row['customer_id']}"

    def patch(self, **texts: str) -> dict[str, Any]:
        answer = self.crm.ask("PATCH", f"{self.path}/relations/LiNa", texts)
        assert answer.status_code == 202, answer.text
        (intent,) = answer.json["intents"]
        return dict(intent)

    def relation(self) -> dict[str, Any]:
        (found,) = self.crm.get(self.path)["contacts"][0]["relations"]
        return dict(found)

    def intent(self, id_: int) -> tuple[str, str | None]:
        found = self.crm.get(f"/intents/{id_}")
        return found["state"], found["refusal"]


@pytest.fixture
def both(make_office: MakeOffice) -> Both:
    return Both(make_office(deletion_lag_s=0))


def test_a_remark_is_shown_at_once_and_confirmed_when_wecom_has_it(both: Both):
    """What is shown is what WeCom showed with the wish over it, until a read shows it (TAG-2)."""
    before = both.relation()["observed"]["remark"]
    intent = both.patch(remark="老友")
    shown = both.relation()
    assert (shown["remark"], shown["observed"]["remark"]) == ("老友", before)
    assert [(one["intent_id"], one["desired"]) for one in shown["pending"]] == [(intent["id"], "老友")]
    both.office.reconcile()
    assert both.intent(intent["id"]) == ("confirmed", None)
    assert both.pair()["remark"] == "老友"
    shown = both.relation()
    assert (shown["observed"]["remark"], shown["pending"]) == ("老友", [])


def test_an_associates_edit_that_the_crm_has_not_seen_stands(both: Both):
    """Both write at the same time, the associate first in WeCom: theirs stands, the API says superseded (G4)."""
    both.edit_there(remark="李总")  # nobody has heard of it
    intent = both.patch(remark="老友")
    both.office.reconcile()
    state, why = both.intent(intent["id"])
    assert (state, why) == ("superseded", "somebody edited it in WeCom meanwhile")
    assert (both.pair()["remark"], both.relation()["remark"]) == ("李总", "李总")


def test_an_edit_after_the_wish_and_before_its_push_stands(both: Both):
    """The other order, before a worker came: theirs was later, and stands (G4)."""
    intent = both.patch(remark="老友")
    both.edit_there(remark="李总")
    both.office.reconcile()
    assert both.intent(intent["id"])[0] == "superseded"
    assert (both.pair()["remark"], both.relation()["remark"]) == ("李总", "李总")


def test_an_edit_after_the_push_stands_and_the_wish_came_true_before(both: Both):
    """Confirmed, then edited by the associate: the last person to act wins (G4)."""
    intent = both.patch(remark="老友")
    both.office.reconcile()
    both.edit_there(remark="李总")
    both.office.want(both.key)
    both.office.reconcile()
    assert both.intent(intent["id"])[0] == "confirmed"
    assert (both.pair()["remark"], both.relation()["remark"]) == ("李总", "李总")


def test_a_wish_over_an_edit_that_was_seen_wins(both: Both):
    """The CRM saw the associate's edit and wants another: the last person to act wins (G4)."""
    both.edit_there(remark="李总")
    both.office.want(both.key)
    both.office.reconcile()
    intent = both.patch(remark="老友")
    both.office.reconcile()
    assert both.intent(intent["id"])[0] == "confirmed"
    assert both.pair()["remark"] == "老友"


def test_tags_go_to_the_assigned_associate_and_leave_everybody(both: Both):
    """A tag sits on a relation: put on at one, taken off at all (TAG-2)."""
    gold, silver = both.tags
    other = {"do": "add", "userid": "WangFang", "external_userid": both.key, "silent": True}
    both.office.corp.act(other)
    for userid in ("LiNa", "WangFang"):
        edit = {"do": "edit", "userid": userid, "external_userid": both.key, "tags": [silver], "silent": True}
        both.office.corp.act(edit)
    both.office.want(both.key)
    both.office.reconcile()
    answer = both.crm.ask("POST", f"{both.path}/tags", {"add": [gold], "remove": [silver]})
    assert {(one["userid"], one["field"], one["desired"]) for one in answer.json["intents"]} == {
        ("LiNa", f"tag:{gold}", True),
        ("LiNa", f"tag:{silver}", False),
        ("WangFang", f"tag:{silver}", False),
    }
    both.office.reconcile()
    assert {one["userid"]: one["tags"] for one in both.office.corp.pairs()} == {"LiNa": [gold], "WangFang": []}
    states = {one["state"] for one in both.crm.get(f"{both.path}/intents")["intents"]}
    assert states == {"confirmed"}


def test_what_wecom_refuses_is_told_in_its_words(both: Both):
    """The code and what it means, at the intent (TAG-2)."""
    gold, _ = both.tags
    both.office.corp.act({"do": "delete_tag", "tag_id": gold, "silent": True})
    answer = both.crm.ask("POST", f"{both.path}/tags", {"add": [gold]})
    both.office.reconcile()
    (intent,) = answer.json["intents"]
    assert both.intent(intent["id"]) == ("refused", "40068: the tag id is invalid or does not exist")


def test_a_customer_is_given_to_another_friend_and_to_nobody_else(both: Both):
    """Only a friend can take over; the history says who decided (ASG-4, ASG-9)."""
    alone = both.crm.ask("POST", f"{both.path}/assignment", {"userid": "WangFang"})
    assert (alone.status_code, alone.json["type"]) == (409, "urn:guanxi:problem:assignment-refused")
    both.office.corp.act({"do": "add", "userid": "WangFang", "external_userid": both.key, "silent": True})
    both.office.want(both.key)
    both.office.reconcile()
    answer = both.crm.ask("POST", f"{both.path}/assignment", {"userid": "WangFang"})
    assert (answer.status_code, answer.json["assigned_userid"]) == (202, "LiNa")
    both.office.reconcile()
    assert both.crm.get(both.path)["assigned_userid"] == "WangFang"
    history = "select to_userid, why, by_whom from assignment_change order by id desc limit 1"
    assert both.office.rows(history) == [("WangFang", "operator", "api:crm")]
    (row,) = both.crm.get("/customers", assigned_userid="WangFang")["customers"]
    assert row["external_userids"] == [both.key]


def test_a_person_known_by_unionid_becomes_the_contact_that_wecom_shows(both: Both):
    """One record, by an event as in a later pass; whoever shares nothing stays apart (POOL-9)."""
    known = [both.crm.upsert(f"unionid=u-{n}", f"crm=C-{n}")["customer"]["id"] for n in (1, 2)]
    act = {"do": "add", "userid": "LiNa", "silent": True}
    first = both.office.corp.act({**act, "unionid": "u-1"})["external_userid"]
    both.office.want(first)
    both.office.reconcile()
    second = both.office.corp.act({**act, "unionid": "u-2"})["external_userid"]
    both.office.corp.act({**act, "unionid": "u-3"})
    both.office.resync("external_contact")
    for customer_id, external_userid in zip(known, (first, second), strict=True):
        sheet = both.crm.get(f"/customers/{customer_id}")
        assert [one["external_userid"] for one in sheet["contacts"]] == [external_userid]
        assert sheet["standing"] == "friend"
        kinds = {one["kind"]: (one["verified"], one["source"]) for one in sheet["identities"]}
        assert kinds["unionid"] == (True, "wecom")
    assert both.office.rows("select count(*)::int from customer") == [(4,)]


def test_the_first_sync_finds_the_persons_whom_the_crm_has_told_before(make_office: MakeOffice):
    """Customers first, WeCom second: a contact with a known unionid is that customer's, all others are new (POOL-9)."""
    office = make_office()
    record_demo_corp(office.runtime)
    crm = crm_of(office)
    known = crm.upsert("unionid=u-1", "crm=C-1", level="gold")["customer"]["id"]
    made = [office.corp.act({"do": "add", "userid": "LiNa", "silent": True, "unionid": f"u-{n}"}) for n in (1, 2)]
    office.walk()
    sheet = crm.get(f"/customers/{known}")
    assert [one["external_userid"] for one in sheet["contacts"]] == [made[0]["external_userid"]]
    assert (sheet["standing"], sheet["assigned_userid"], sheet["fields"]["level"]) == ("friend", "LiNa", "gold")
    assert {one["kind"]: one["source"] for one in sheet["identities"]}["unionid"] == "wecom"
    assert office.rows("select count(*)::int from customer") == [(2,)]
    assert crm.upsert("unionid=u-2")["made"] is False


def test_a_wish_and_its_end_show_among_what_changed(both: Both) -> None:
    """Whoever asks for what changed since a time sees the wish, and that WeCom refused it."""
    since = "2100-01-01T00:00:00Z"
    before = both.office.rows("select updated_at from customer")
    both.crm.ask("PATCH", f"{both.path}/relations/LiNa", {"remark": "老友"})
    wished = both.office.rows("select updated_at from customer")
    both.office.corp.post("/sim/faults", {"path": "externalcontact/remark", "errcode": 41054, "times": 9})
    both.office.reconcile()
    ended = both.office.rows("select updated_at from customer")
    assert both.office.rows("select state from intent") == [("refused",)]
    assert before < wished < ended
    assert both.crm.ask("GET", f"/customers?updated_since={since}").json["customers"] == []
