"""Customers pass from one member to another: by request, after a day, with the ways in which it fails."""

import threading
import time
import xml.etree.ElementTree as ET

import pytest

from tests.simulator.conftest import AES_KEY, AGENT, CORP, SECRET, TOKEN

DAY = 86_400
ASK, RESULT = "externalcontact/transfer_customer", "externalcontact/transfer_result"
ASK_LEFT, RESULT_LEFT = "externalcontact/resigned/transfer_customer", "externalcontact/resigned/transfer_result"
UNASSIGNED = "externalcontact/get_unassigned_list"


@pytest.fixture
def customer(sim):
    return sim.act("add", userid="LiNa", name="Blue Whale", silent=True)["external_userid"]


@pytest.fixture
def left(sim, customer):
    """LiNa, whose customer this is, has left."""
    sim.act("resign", userid="LiNa", silent=True)
    return customer


def ask(sim, *customers, path=ASK, by="LiNa", to="ZhaoMin", **rest):
    return sim.post(path, {"handover_userid": by, "takeover_userid": to, "external_userid": list(customers), **rest})


def codes(sim, *customers, **rest):
    """The rows' codes, in the order asked for; the call itself succeeds."""
    answer = ask(sim, *customers, **rest)
    assert (answer["errcode"], [row["external_userid"] for row in answer["customer"]]) == (0, list(customers))
    assert all(row.keys() == {"external_userid", "errcode"} for row in answer["customer"])
    return [row["errcode"] for row in answer["customer"]]


def result(sim, *, path=RESULT, by="LiNa", to="ZhaoMin", **rest):
    answer = sim.post(path, {"handover_userid": by, "takeover_userid": to, **rest})
    assert answer["errcode"] == 0
    return answer["customer"]


def statuses(sim, **rest):
    return [row["status"] for row in result(sim, **rest)]


def advance(sim, seconds):
    """Move the clock; tokens do not live that long."""
    sim.sim("clock", {"advance_s": seconds})
    sim.sign_in()


def tune(sim, **numbers):
    sim.sim("settings", {"transfers": numbers})


def pair(sim, userid, customer):
    """The state of a relation, or none."""
    found = [row for row in sim.corp(f"pairs?userid={userid}") if row["external_userid"] == customer]
    return found[0]["state"] if found else None


def followers(sim, customer):
    return [row["userid"] for row in sim.get("externalcontact/get", external_userid=customer)["follow_user"]]


def unassigned(sim, **body):
    return [row["external_userid"] for row in sim.post(UNASSIGNED, body)["info"]]


def told(texts):
    """(ChangeType, UserID, Source or FailReason) of each callback."""
    found = [ET.fromstring(text) for text in texts]
    return [
        (one.findtext("ChangeType"), one.findtext("UserID"), one.findtext("Source") or one.findtext("FailReason"))
        for one in found
    ]


def befriend(sim, *userids, customer):
    for userid in userids:
        sim.act("add", userid=userid, external_userid=customer, silent=True)


def test_contact_25_a_request_is_accepted_per_customer_and_waits_for_a_day(sim, customer):
    """Row 0 is status 2 with a takeover_time of a day ahead, and nothing has changed yet."""
    before = sim.sim("clock")["now"]
    assert codes(sim, customer) == [0]
    (row,) = result(sim)
    assert (row["external_userid"], row["status"]) == (customer, 2)
    assert before + DAY - 1 <= row["takeover_time"] <= before + DAY + 5
    assert followers(sim, customer) == ["LiNa"]
    assert sim.get("externalcontact/list", userid="ZhaoMin")["errcode"] == 84061


def test_contact_25_each_customer_has_a_code_of_its_own(sim, customer):
    """Unknown 40096, of somebody else 40131, asked for twice 40129; the call itself is 0."""
    other = sim.act("add", userid="Wang")["external_userid"]
    assert codes(sim, customer, "wmUnknown", other, customer) == [0, 40096, 40131, 40129]
    assert codes(sim, customer, to="Wang") == [40129]


def test_contact_25_bad_requests_are_refused_as_a_whole(sim, customer):
    """The same member 40130, an unknown one 60111, nobody 40063, over a hundred or a long text 40058."""
    assert ask(sim, customer, to="lina")["errcode"] == 40130
    assert ask(sim, customer, to="nobody")["errcode"] == 60111
    assert ask(sim, customer, to="")["errcode"] == 40063
    assert ask(sim)["errcode"] == 40063
    refused = ask(sim, *[f"wm{number}" for number in range(101)])
    assert (refused["errcode"], refused["customer"]) == (40058, [])
    assert ask(sim, customer, transfer_success_msg="x" * 201)["errcode"] == 40058
    assert codes(sim, customer, transfer_success_msg="x" * 200) == [0]


def test_contact_25_the_third_transfer_in_ninety_days_is_too_often(sim, customer):
    """Two transfers of one customer in 90 natural days; the third is 40128 until the first is old enough."""
    for by, to in (("LiNa", "ZhaoMin"), ("ZhaoMin", "Wang")):
        assert codes(sim, customer, by=by, to=to) == [0]
        advance(sim, DAY)
    assert codes(sim, customer, by="Wang", to="LiNa") == [40128]
    advance(sim, 87 * DAY)
    assert codes(sim, customer, by="Wang", to="LiNa") == [40128]
    advance(sim, DAY)
    assert codes(sim, customer, by="Wang", to="LiNa") == [0]


def test_contact_25_a_refused_transfer_does_not_count(sim, customer):
    """A refusal is no transfer, unless the setting says so."""
    for _ in range(2):
        assert codes(sim, customer) == [0]
        sim.act("refuse_transfer", external_userid=customer)
    tune(sim, refused_counts=True)
    assert codes(sim, customer) == [40128]
    tune(sim, refused_counts=False)
    assert codes(sim, customer) == [0]


@pytest.mark.parametrize(
    ("flaw", "code"),
    [
        ({"verified": False}, 40098),
        ({"banned": True}, 40143),
        ({"last_login": 1_600_000_000}, 40205),
        ({"status": 4}, 40098),
        ({"has_customer_contact": False}, 84074),
        ({"contact_cap": 1}, 40099),
    ],
)
def test_contact_25_the_takeover_member_must_be_fit(sim, customer, flaw, code):
    """Not verified, banned, long away, not activated, without the function or full: each row says so."""
    sim.act("add", userid="ZhaoMin")
    sim.corp("members", [{"userid": "ZhaoMin", **flaw}])
    assert codes(sim, customer) == [code]
    assert result(sim) == []


def test_contact_25_a_handover_member_who_was_long_away_is_refused(sim, customer):
    """In service, the handover member too must have logged in within a year."""
    sim.corp("members", [{"userid": "LiNa", "last_login": sim.sim("clock")["now"] - 366 * DAY}])
    assert codes(sim, customer) == [40205]
    sim.corp("members", [{"userid": "LiNa", "last_login": sim.sim("clock")["now"] - 364 * DAY}])
    assert codes(sim, customer) == [0]


def test_contact_25_a_full_member_may_take_over_a_friend(sim, customer):
    """The cap is for new friends."""
    befriend(sim, "ZhaoMin", customer=customer)
    sim.corp("members", [{"userid": "ZhaoMin", "contact_cap": 1}])
    assert codes(sim, customer) == [0]


def test_contact_26_after_a_day_the_customer_has_moved(sim, pushed, customer):
    """Status 1 at the very time, the old pair is gone, the new one there, and both are told of. The request was not."""
    assert codes(sim, customer) == [0]
    due = result(sim)[0]["takeover_time"]
    advance(sim, DAY - 60)
    assert (statuses(sim), pushed()) == ([2], [])
    advance(sim, 60)
    assert result(sim) == [{"external_userid": customer, "status": 1, "takeover_time": due}]
    assert followers(sim, customer) == ["ZhaoMin"]
    assert (pair(sim, "LiNa", customer), pair(sim, "ZhaoMin", customer)) == ("gone", "active")
    assert sorted(told(pushed())) == [
        ("add_external_contact", "ZhaoMin", None),
        ("del_external_contact", "LiNa", "DELETE_BY_TRANSFER"),
    ]
    follower = sim.get("externalcontact/get", external_userid=customer)["follow_user"][0]
    assert (follower["add_way"], follower["createtime"]) == (202, due)


def test_contact_26_a_customer_can_agree_early(sim, customer):
    """Consent ends the waiting at once, and the day's end changes nothing more."""
    codes(sim, customer)
    told_at = sim.act("agree_transfer", external_userid=customer)["create_time"]
    assert result(sim) == [{"external_userid": customer, "status": 1, "takeover_time": told_at}]
    before = sim.corp("pairs")
    advance(sim, 2 * DAY)
    assert sim.corp("pairs") == before
    sim.act("agree_transfer", external_userid=customer, status=409)


def test_contact_26_no_add_event_for_a_friend(sim, pushed, customer):
    """Whoever takes over a friend keeps that relation, and only the deletion is told."""
    befriend(sim, "ZhaoMin", customer=customer)
    codes(sim, customer)
    advance(sim, DAY)
    assert followers(sim, customer) == ["ZhaoMin"]
    assert told(pushed()) == [("del_external_contact", "LiNa", "DELETE_BY_TRANSFER")]


def test_contact_26_no_add_event_for_a_customer_who_comes_back(sim, pushed, customer):
    """Who once handed the customer over gets them back silently."""
    codes(sim, customer)
    advance(sim, DAY)
    pushed()
    codes(sim, customer, by="ZhaoMin", to="LiNa")
    advance(sim, DAY)
    assert followers(sim, customer) == ["LiNa"]
    assert told(pushed())[2:] == [("del_external_contact", "ZhaoMin", "DELETE_BY_TRANSFER")]


def test_contact_26_notes_go_over_only_by_setting(sim):
    """Whether remark and tags survive is not published: by default they do not."""
    moved = [sim.act("add", userid="LiNa", remark="since 2019")["external_userid"] for _ in range(2)]
    for customer, notes_go_over in zip(moved, (False, True), strict=True):
        tune(sim, notes_go_over=notes_go_over)
        codes(sim, customer)
        sim.act("agree_transfer", external_userid=customer)
    remarks = {row["external_userid"]: row["remark"] for row in sim.corp("pairs?userid=ZhaoMin")}
    assert [remarks[customer] == "since 2019" for customer in moved] == [False, True]


def test_contact_27_a_customer_in_service_who_refuses_stays(sim, pushed, customer):
    """Status 3, takeover_time 0, transfer_fail for the takeover member, and the old pair as it was."""
    codes(sim, customer)
    sim.act("refuse_transfer", external_userid=customer)
    assert result(sim) == [{"external_userid": customer, "status": 3, "takeover_time": 0}]
    assert followers(sim, customer) == ["LiNa"]
    (event,) = [ET.fromstring(text) for text in pushed()]
    assert [item.tag for item in event][-4:] == ["ChangeType", "FailReason", "UserID", "ExternalUserID"]
    assert [item.text for item in event][-4:] == ["transfer_fail", "customer_refused", "ZhaoMin", customer]
    advance(sim, DAY)
    assert followers(sim, customer) == ["LiNa"]


def test_contact_27_the_customer_of_a_leaver_who_refuses_is_lost(sim, pushed, left):
    """Nobody follows them any more, and they are not on the waiting list either."""
    codes(sim, left, path=ASK_LEFT)
    sim.act("refuse_transfer", external_userid=left)
    assert statuses(sim, path=RESULT_LEFT) == [3]
    assert sim.get("externalcontact/get", external_userid=left)["errcode"] == 84061
    assert (unassigned(sim), pair(sim, "LiNa", left)) == ([], "gone")
    assert told(pushed()) == [("transfer_fail", "ZhaoMin", "customer_refused")]


@pytest.mark.parametrize(("seen", "heard"), [("ZhaoMin", 1), ("LiNa", 0)])
def test_contact_27_a_failure_is_told_to_who_sees_the_takeover_member(sim, inbox, pushed, customer, seen, heard):
    """An app that sees only the handover member hears nothing."""
    codes(sim, customer)
    receiver = {"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY, "app": SECRET}
    app = {"secret": SECRET, "agent_id": AGENT, "visible": [seen]}
    sim.sim("corps", {"corp_id": CORP, "apps": [app], "receivers": [receiver]})
    sim.act("refuse_transfer", external_userid=customer)
    assert len(pushed()) == heard


def test_contact_27_the_event_of_a_refusal_may_never_come(sim, pushed, customer):
    """With the setting off, only transfer_result tells."""
    tune(sim, fail_event=False)
    codes(sim, customer)
    sim.act("refuse_transfer", external_userid=customer)
    assert (statuses(sim), pushed()) == ([3], [])


def test_contact_27_a_member_who_is_full_at_the_end_does_not_take_over(sim, pushed, customer):
    """Accepted with room for one, two go: the second ends with status 4 and its event."""
    second = sim.act("add", userid="LiNa", silent=True)["external_userid"]
    sim.corp("members", [{"userid": "ZhaoMin", "contact_cap": 1}])
    assert codes(sim, customer, second) == [0, 0]
    advance(sim, DAY)
    assert [(row["status"], row["takeover_time"] > 0) for row in result(sim)] == [(1, True), (4, False)]
    assert (followers(sim, customer), followers(sim, second)) == (["ZhaoMin"], ["LiNa"])
    assert ("transfer_fail", "ZhaoMin", "customer_limit_exceed") in told(pushed())


def test_contact_28_only_who_left_can_be_inherited_from(sim, customer):
    """In service 40097; after leaving 0; of an in-service request the leaver is unknown."""
    assert codes(sim, customer, path=ASK_LEFT) == [40097]
    sim.act("resign", userid="LiNa")
    assert ask(sim, customer)["errcode"] == 60111
    assert codes(sim, customer, path=ASK_LEFT) == [0]
    assert codes(sim, customer, path=ASK_LEFT) == [40100]
    advance(sim, DAY)
    assert statuses(sim, path=RESULT_LEFT) == [1]
    assert followers(sim, customer) == ["ZhaoMin"]


def test_contact_28_a_finished_inheritance_is_only_told_as_an_add(sim, pushed, left):
    """The member who left deletes nobody."""
    codes(sim, left, path=ASK_LEFT)
    advance(sim, DAY)
    assert told(pushed()) == [("add_external_contact", "ZhaoMin", None)]


def test_contact_28_who_left_over_a_year_ago_is_too_old(sim, left):
    """40205 by default: the code is not published."""
    advance(sim, 366 * DAY)
    assert codes(sim, left, path=ASK_LEFT) == [40205]
    tune(sim, left_too_long_code=40096)
    assert codes(sim, left, path=ASK_LEFT) == [40096]


def test_contact_28_two_requests_at_once_for_one_takeover_member_are_45035(sim, left):
    """While one is under way the next is refused; for another member it is not."""
    sim.sim("faults", {"path": ASK_LEFT, "latency_ms": 400})
    first = threading.Thread(target=ask, args=(sim, left), kwargs={"path": ASK_LEFT})
    first.start()
    time.sleep(0.1)
    second = ask(sim, left, path=ASK_LEFT)
    other = ask(sim, "wmUnknown", path=ASK_LEFT, to="Wang")
    first.join()
    assert (second["errcode"], second["customer"], other["errcode"]) == (45035, [], 0)


def test_contact_28_the_unassigned_list_has_who_is_without_a_member(sim, left):
    """handover_userid, external_userid and dimission_time; gone once a request has been accepted."""
    answer = sim.post(UNASSIGNED, {})
    (row,) = answer["info"]
    assert (answer["is_last"], answer["next_cursor"]) == (True, "")
    assert (row["handover_userid"], row["external_userid"]) == ("LiNa", left)
    assert abs(row["dimission_time"] - sim.sim("clock")["now"]) < 10
    codes(sim, left, path=ASK_LEFT)
    assert unassigned(sim) == []


def test_contact_28_an_entry_can_stay_until_the_transfer_is_done(sim, left):
    """By setting it leaves at completion; after a failure for want of room it is there again in both ways."""
    tune(sim, waiting_is_unassigned=True)
    codes(sim, left, path=ASK_LEFT)
    assert unassigned(sim) == [left]
    advance(sim, DAY)
    assert unassigned(sim) == []


def test_contact_28_the_unassigned_list_is_paged(sim):
    """By cursor to the last page, latest leaver first; by page_id without a cursor; garbage is 50100."""
    mine = sim.corp("customers/bulk", {"count": 3, "userids": ["LiNa"], "ids": True})["external_userid"]
    hers = sim.corp("customers/bulk", {"count": 2, "userids": ["ZhaoMin"], "ids": True})["external_userid"]
    sim.act("resign", userid="LiNa")
    advance(sim, 60)
    sim.act("resign", userid="ZhaoMin")
    rows, cursor, last = [], "", False
    while not last:
        page = sim.post(UNASSIGNED, {"page_size": 2, "cursor": cursor})
        rows += page["info"]
        cursor, last = page["next_cursor"], page["is_last"]
        assert (cursor == "") == last
    assert [row["external_userid"] for row in rows] == sorted(hers) + sorted(mine)
    old = sim.post(UNASSIGNED, {"page_size": 2, "page_id": 2})
    assert ([row["external_userid"] for row in old["info"]], old["is_last"]) == (sorted(mine)[2:], True)
    assert "next_cursor" not in old
    assert sim.post(UNASSIGNED, {"cursor": "garbage"})["errcode"] == 50100


def test_contact_29_results_belong_to_a_pair_of_members_and_a_kind(sim, customer):
    """Another pair, and the endpoint for those who left, do not see it."""
    codes(sim, customer)
    assert statuses(sim) == [2]
    assert result(sim, to="Wang") == []
    assert result(sim, path=RESULT_LEFT) == []
    sim.act("resign", userid="LiNa")
    assert (statuses(sim), result(sim, path=RESULT_LEFT)) == ([2], [])
    assert sim.post(RESULT, {"handover_userid": "LiNa", "takeover_userid": ""})["errcode"] == 40063
    assert sim.post(RESULT, {"handover_userid": "nobody", "takeover_userid": "Wang"})["errcode"] == 60111


def test_contact_29_a_customer_may_have_several_rows(sim, customer):
    """Each attempt has its own."""
    codes(sim, customer)
    sim.act("refuse_transfer", external_userid=customer)
    codes(sim, customer)
    assert statuses(sim) == [3, 2]


def test_contact_29_results_come_a_thousand_at_a_time(sim):
    """The cursor leads to the rest; garbage is 50100."""
    many = sim.corp("customers/bulk", {"count": 1001, "userids": ["LiNa"], "ids": True})["external_userid"]
    for start in range(0, 1001, 100):
        codes(sim, *many[start : start + 100])
    body = {"handover_userid": "LiNa", "takeover_userid": "ZhaoMin"}
    first = sim.post(RESULT, body)
    second = sim.post(RESULT, {**body, "cursor": first["next_cursor"]})
    assert (len(first["customer"]), len(second["customer"]), second["next_cursor"]) == (1000, 1, "")
    assert second["customer"][0]["external_userid"] == many[-1]
    assert sim.post(RESULT, {**body, "cursor": "garbage"})["errcode"] == 50100


def test_contact_29_a_row_may_lag_behind_its_request(sim, customer):
    """With a lag, a fresh request is not to be seen at first."""
    tune(sim, result_lag_s=30)
    codes(sim, customer)
    assert result(sim) == []
    advance(sim, 30)
    assert statuses(sim) == [2]


def test_contact_31_a_customer_who_deletes_the_member_meanwhile_does_not_move(sim, pushed, customer):
    """Status 3; the one-way pair stays, and no pair with the takeover member appears."""
    codes(sim, customer)
    sim.act("customer_deletes", userid="LiNa", external_userid=customer, silent=True)
    advance(sim, DAY)
    assert (statuses(sim), pushed()) == ([3], [])
    assert (pair(sim, "LiNa", customer), pair(sim, "ZhaoMin", customer)) == ("deleted_by_customer", None)


def test_contact_31_a_member_who_deletes_the_customer_meanwhile_has_nothing_to_give(sim, customer):
    """Status 3, and no pair at all."""
    codes(sim, customer)
    sim.act("member_deletes", userid="LiNa", external_userid=customer)
    advance(sim, DAY)
    assert (statuses(sim), pair(sim, "LiNa", customer), pair(sim, "ZhaoMin", customer)) == ([3], "gone", None)


def test_contact_31_a_takeover_member_who_leaves_meanwhile_gets_nobody(sim, pushed, customer):
    """The transfer fails silently, the customer stays."""
    codes(sim, customer)
    sim.act("resign", userid="ZhaoMin", silent=True)
    advance(sim, DAY)
    assert (statuses(sim), pushed()) == ([4], [])
    assert (followers(sim, customer), pair(sim, "ZhaoMin", customer)) == (["LiNa"], None)


def test_contact_31_a_leavers_customer_whose_taker_leaves_is_without_a_member_again(sim, left):
    """They return to the list of those without a member."""
    codes(sim, left, path=ASK_LEFT)
    sim.act("resign", userid="ZhaoMin")
    advance(sim, DAY)
    assert (unassigned(sim), pair(sim, "ZhaoMin", left)) == ([left], None)


def test_contact_31_a_handover_member_who_leaves_meanwhile_still_hands_over(sim, customer):
    """The customer moves as promised, and is never listed as without a member."""
    codes(sim, customer)
    sim.act("resign", userid="LiNa")
    assert unassigned(sim) == []
    advance(sim, DAY)
    assert (statuses(sim), unassigned(sim), followers(sim, customer)) == ([1], [], ["ZhaoMin"])


def test_contact_31_marks_on_the_old_pair_work_until_it_moves(sim, customer):
    """Before: on the old pair. After: no relation there, and the new pair has none of it."""
    tag = sim.post("externalcontact/add_corp_tag", {"group_name": "Level", "tag": [{"name": "Gold"}]})
    tag_id = tag["tag_group"]["tag"][0]["id"]
    mark = {"userid": "LiNa", "external_userid": customer, "add_tag": [tag_id]}
    codes(sim, customer)
    assert sim.post("externalcontact/mark_tag", mark)["errcode"] == 0
    advance(sim, DAY)
    assert sim.post("externalcontact/mark_tag", mark)["errcode"] == 84061
    assert sim.post("externalcontact/remark", {**mark, "remark": "x"})["errcode"] == 84061
    assert sim.get("externalcontact/get", external_userid=customer)["follow_user"][0]["tags"] == []


def test_contact_31_every_transfer_ends_and_agrees_with_the_pairs(sim):
    """Done means a pair with the takeover member and none with the other; failed means the reverse."""
    many = sim.corp("customers/bulk", {"count": 20, "userids": ["LiNa"], "ids": True})["external_userid"]
    codes(sim, *many)
    for number, customer in enumerate(many):
        does = (None, "agree_transfer", "refuse_transfer", "customer_deletes")[number % 4]
        if does:
            sim.act(does, external_userid=customer, **({"userid": "LiNa"} if does == "customer_deletes" else {}))
    advance(sim, DAY)
    for row in sim.corp("look/transfers"):
        moved = pair(sim, "ZhaoMin", row["external_userid"]) == "active"
        assert (row["status"], pair(sim, "LiNa", row["external_userid"]) == "gone") == (1 if moved else 3, moved)
