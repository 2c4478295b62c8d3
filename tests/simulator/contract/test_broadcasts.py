"""Group messages: asked by software, confirmed by members, read by polling."""

import pytest

ADD, TASKS = "externalcontact/add_msg_template", "externalcontact/get_groupmsg_task"
RESULT, LIST = "externalcontact/get_groupmsg_send_result", "externalcontact/get_groupmsg_list_v2"
REMIND, CANCEL = "externalcontact/remind_groupmsg_send", "externalcontact/cancel_groupmsg_send"
TEXT = {"text": {"content": "Autumn offer"}}


@pytest.fixture
def customers(sim):
    """Three friends of LiNa's."""
    return [sim.act("add", userid="LiNa", name=f"c{n}")["external_userid"] for n in range(3)]


@pytest.fixture
def made(sim, customers):
    """A message to them, dispatched."""
    msgid = sim.post(ADD, {**TEXT, "external_userid": customers})["msgid"]
    sim.sim("clock", {"advance_s": 4})
    return msgid


def code(sim, path, **body):
    return sim.post(path, body)["errcode"]


def rows(sim, msgid, userid="LiNa", **more):
    return sim.post(RESULT, {"msgid": msgid, "userid": userid, **more})["send_list"]


def test_contact_37_the_reads_wait_for_the_dispatch(sim, customers):
    """add answers at once; tasks and results are 41063 for a while."""
    made = sim.post(ADD, {**TEXT, "external_userid": [*customers, "wmNobody"]})
    assert made["fail_list"] == ["wmNobody"]
    assert code(sim, TASKS, msgid=made["msgid"]) == 41063
    assert code(sim, RESULT, msgid=made["msgid"], userid="LiNa") == 41063
    sim.act("confirm_broadcast", msgid=made["msgid"], userid="LiNa", status=409)
    sim.sim("clock", {"advance_s": 4})
    assert sim.post(TASKS, {"msgid": made["msgid"]})["task_list"] == [{"userid": "LiNa", "status": 0}]
    assert code(sim, TASKS) == 41046
    assert code(sim, TASKS, msgid="none") == 41047


def test_contact_37_nothing_is_sent_until_the_member_confirms(sim, made, customers):
    """Task 0 to 2, rows 0 to 1; send_time only with what was sent."""
    assert rows(sim, made) == [{"external_userid": item, "userid": "LiNa", "status": 0} for item in customers]
    at = sim.act("confirm_broadcast", msgid=made, userid="LiNa")["create_time"]
    assert sim.post(TASKS, {"msgid": made})["task_list"] == [{"userid": "LiNa", "status": 2, "send_time": at}]
    sent = {"userid": "LiNa", "status": 1, "send_time": at}
    assert rows(sim, made) == [{"external_userid": item, **sent} for item in customers]
    sim.act("confirm_broadcast", msgid=made, userid="LiNa", status=409)


def test_contact_37_who_is_no_friend_any_more_gets_nothing(sim, made, customers):
    """Status 2, without a time."""
    sim.act("customer_deletes", userid="LiNa", external_userid=customers[0])
    sim.act("confirm_broadcast", msgid=made, userid="LiNa")
    assert [row["status"] for row in rows(sim, made)] == [2, 1, 1]
    assert "send_time" not in rows(sim, made)[0]


def test_contact_37_over_the_monthly_limit_is_status_3(sim, made, customers):
    """A customer gets as many a month as it has days; members' own messages count."""
    at = int(sim.sim("clock")["now"])
    own = {"do": "broadcast_as_member", "userid": "LiNa", "external_userid": customers[:1], "at": at}
    sim.corp("act", [own] * 31)
    sim.act("confirm_broadcast", msgid=made, userid="LiNa", at=at)
    assert [row["status"] for row in rows(sim, made)] == [3, 1, 1]


def test_contact_37_an_administrator_may_allow_one_a_day(sim, customers):
    """The limit is the corp's choice; the next day has its own."""
    sim.sim("settings", {"broadcasts": {"receive_rule": "day", "dispatch_s": 0}})
    at = int(sim.sim("clock")["now"])
    found = []
    for time in (at, at, at + 86_400):
        msgid = sim.post(ADD, {**TEXT, "external_userid": customers[:1]})["msgid"]
        sim.act("confirm_broadcast", msgid=msgid, userid="LiNa", at=time)
        found.append(rows(sim, msgid)[0]["status"])
    assert found == [1, 3, 1]


def test_contact_37_three_reminders_a_day(sim, made):
    """The fourth within 24 hours is 41094."""
    assert [code(sim, REMIND, msgid=made) for _ in range(4)] == [0, 0, 0, 41094]
    sim.sim("clock", {"advance_s": 86_401})
    sim.sign_in()
    assert code(sim, REMIND, msgid=made) == 0


def test_contact_37_cancelling_keeps_what_was_sent(sim, customers):
    """Whoever sent has sent; the others cannot any more."""
    other = sim.act("add", userid="ZhaoMin")["external_userid"]
    msgid = sim.post(ADD, {**TEXT, "external_userid": [customers[0], other]})["msgid"]
    sim.sim("clock", {"advance_s": 4})
    sim.act("confirm_broadcast", msgid=msgid, userid="LiNa")
    assert code(sim, CANCEL, msgid=msgid) == 0
    sim.act("confirm_broadcast", msgid=msgid, userid="ZhaoMin", status=409)
    assert (rows(sim, msgid)[0]["status"], rows(sim, msgid, "ZhaoMin")[0]["status"]) == (1, 0)
    assert (code(sim, CANCEL, msgid=msgid), code(sim, REMIND, msgid=msgid)) == (41093, 41093)


def test_contact_37_members_can_confirm_by_the_clock(sim, customers):
    """By setting they do so some time after they were asked."""
    sim.sim("settings", {"broadcasts": {"auto_confirm_after_s": 60}})
    msgid = sim.post(ADD, {**TEXT, "external_userid": customers})["msgid"]
    sim.sim("clock", {"advance_s": 30})
    assert {row["status"] for row in rows(sim, msgid)} == {0}
    sim.sim("clock", {"advance_s": 60})
    assert {row["status"] for row in rows(sim, msgid)} == {1}


def test_contact_37_only_the_member_who_talked_last_is_asked(sim, customers):
    """A customer of several members gets one message."""
    sim.act("add", userid="ZhaoMin", external_userid=customers[0])
    sim.act("talk", userid="LiNa", external_userid=customers[0])
    msgid = sim.post(ADD, {**TEXT, "external_userid": customers[:1]})["msgid"]
    assert list(sim.corp("look/broadcasts")[0]["tasks"]) == ["LiNa"]
    later = int(sim.sim("clock")["now"]) + 60
    sim.act("talk", userid="ZhaoMin", external_userid=customers[0], at=later)
    sim.post(ADD, {**TEXT, "external_userid": customers[:1]})
    assert list(sim.corp("look/broadcasts")[1]["tasks"]) == ["ZhaoMin"]
    assert msgid


def test_contact_37_a_tag_filter_is_or_inside_and_and_between(sim, customers):
    """It is ignored when customers are named; unknown tags are 40068."""
    tags = [{"tag_id": f"et{n}", "tag_name": n, "group_name": "g"} for n in "abc"]
    sim.corp("tags", tags)
    for customer, marks in zip(customers, (["eta"], ["eta", "etc"], ["etb", "etc"]), strict=True):
        sim.act("edit", userid="LiNa", external_userid=customer, tags=marks)
    both = {"group_list": [{"tag_list": ["eta", "etb"]}, {"tag_list": ["etc"]}]}
    sim.post(ADD, {**TEXT, "tag_filter": both})
    sim.post(ADD, {**TEXT, "tag_filter": both, "external_userid": customers[:1]})
    asked = [item["tasks"]["LiNa"]["targets"] for item in sim.corp("look/broadcasts")]
    assert asked == [customers[1:], customers[:1]]
    assert code(sim, ADD, **TEXT, tag_filter={"group_list": [{"tag_list": ["etz"]}]}) == 40068


def test_contact_37_what_cannot_be_asked_has_its_code(sim, customers):
    """41048 nobody to send to, 40063 neither recipients nor content, 60111 unknown sender."""
    refused = sim.post(ADD, {**TEXT, "external_userid": ["wmNobody"]})
    assert (refused["errcode"], refused["fail_list"]) == (41048, ["wmNobody"])
    assert code(sim, ADD, **TEXT) == 40063
    assert code(sim, ADD, external_userid=customers) == 40063
    assert code(sim, ADD, **TEXT, sender="Ghost") == 60111
    assert code(sim, ADD, **TEXT, sender="Wang") == 41048
    assert code(sim, ADD, **TEXT, chat_type="group") == 40063
    assert code(sim, ADD, **TEXT, sender="LiNa") == 0


def test_contact_37_group_sends_list_only_sent_rows(sim):
    """Before the owner confirms there are none; afterwards those chats that got it, with no customer id."""
    chats = sim.act("make_chats", owners=["LiNa"], count=3, ids=True)["chat_id"]
    body = {**TEXT, "chat_type": "group", "sender": "LiNa"}
    listed = sim.post(ADD, {**body, "chat_id_list": [*chats[:2], "wrNone"]})
    assert listed["fail_list"] == ["wrNone"]
    free = sim.post(ADD, body)["msgid"]
    sim.sim("clock", {"advance_s": 4})
    assert rows(sim, listed["msgid"]) == []
    sim.act("confirm_broadcast", msgid=listed["msgid"], userid="LiNa", only=chats[:1], status=409)
    at = sim.act("confirm_broadcast", msgid=listed["msgid"], userid="LiNa")["create_time"]
    sent = {"userid": "LiNa", "status": 1, "send_time": at}
    assert rows(sim, listed["msgid"]) == [{"chat_id": item, **sent} for item in chats[:2]]
    sim.act("confirm_broadcast", msgid=free, userid="LiNa", only=chats[2:])
    assert [row["chat_id"] for row in rows(sim, free)] == chats[2:]


def test_contact_37_the_list_tells_software_from_members(sim, made, customers):
    """creator only for members' own; chat_type and times are required; limits over the most fall back."""
    own = sim.act("broadcast_as_member", userid="LiNa", text="Hello", external_userid=customers)["msgid"]
    now = int(sim.sim("clock")["now"])
    window = {"chat_type": "single", "start_time": now - 60, "end_time": now + 60}
    found = sim.post(LIST, window)["group_msg_list"]
    assert [(item["msgid"], item["create_type"], item.get("creator")) for item in found] == [
        (made, 0, None),
        (own, 1, "LiNa"),
    ]
    assert (found[0]["text"], found[0]["attachments"]) == (TEXT["text"], [])
    assert [item["msgid"] for item in sim.post(LIST, {**window, "filter_type": 0})["group_msg_list"]] == [made]
    assert [item["msgid"] for item in sim.post(LIST, {**window, "creator": "LiNa"})["group_msg_list"]] == [own]
    assert code(sim, LIST, start_time=now, end_time=now) == 40063
    assert code(sim, LIST, **{**window, "start_time": now - 40 * 86_400}) == 40058


def test_contact_07_a_limit_over_the_most_falls_back_to_the_default(sim):
    """101 messages a page are 50 here, and 1001 rows are 500."""
    customers = sim.corp("customers/bulk", {"count": 600, "userids": ["LiNa"], "ids": True})["external_userid"]
    msgid = sim.post(ADD, {**TEXT, "external_userid": customers})["msgid"]
    sim.sim("clock", {"advance_s": 4})
    assert [len(rows(sim, msgid, limit=limit)) for limit in (1001, 1000, 10)] == [500, 600, 10]
    first = sim.post(RESULT, {"msgid": msgid, "userid": "LiNa"})
    rest = rows(sim, msgid, cursor=first["next_cursor"])
    assert [row["external_userid"] for row in first["send_list"] + rest] == customers
    own = {"do": "broadcast_as_member", "userid": "LiNa", "external_userid": []}
    sim.corp("act", [own] * 60)
    now = int(sim.sim("clock")["now"])
    window = {"chat_type": "single", "start_time": now - 60, "end_time": now + 60, "filter_type": 1}
    assert [len(sim.post(LIST, {**window, "limit": limit})["group_msg_list"]) for limit in (101, 100)] == [50, 60]


def test_contact_37_an_app_sees_the_members_in_its_scope(sim, customers):
    """Tasks and messages of members out of scope are not shown, and their customers cannot be asked."""
    other = sim.act("add", userid="ZhaoMin")["external_userid"]
    msgid = sim.post(ADD, {**TEXT, "external_userid": [customers[0], other]})["msgid"]
    sim.sim("clock", {"advance_s": 4})
    apps = [
        {"secret": "secret-one", "agent_id": 1000002},
        {"secret": "secret-three", "agent_id": 1000009, "visible": ["ZhaoMin"]},
    ]
    sim.sim("corps", {"corp_id": "wwsimtest0001", "apps": apps})
    sim.sign_in(secret="secret-three")
    assert [item["userid"] for item in sim.post(TASKS, {"msgid": msgid})["task_list"]] == ["ZhaoMin"]
    assert code(sim, RESULT, msgid=msgid, userid="LiNa") == 60111
    made = sim.post(ADD, {**TEXT, "external_userid": [customers[0], other]})
    assert made["fail_list"] == [customers[0]]
