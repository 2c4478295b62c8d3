"""Moments: a job makes one, members publish it, the rest is polling."""

import struct

import pytest

ADD, JOB = "externalcontact/add_moment_task", "externalcontact/get_moment_task_result"
TASKS, LIST = "externalcontact/get_moment_task", "externalcontact/get_moment_list"
CHOSEN, REACHED = "externalcontact/get_moment_customer_list", "externalcontact/get_moment_send_result"
COMMENTS, CANCEL = "externalcontact/get_moment_comments", "externalcontact/cancel_moment_task"
TEXT = {"text": {"content": "New kettle"}}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 10, 10) + b"\x08\x02\0\0\0" + b"\0" * 64


@pytest.fixture
def moment(sim):
    """A moment that everybody in scope is asked to publish."""
    return finished(sim, TEXT)["moment_id"]


def finished(sim, body):
    jobid = sim.post(ADD, body)["jobid"]
    sim.sim("clock", {"advance_s": 4})
    return sim.get(JOB, jobid=jobid)["result"]


def code(sim, path, **body):
    return sim.post(path, body)["errcode"]


def window(sim, **more):
    now = int(sim.sim("clock")["now"])
    return {"start_time": now - 3600, "end_time": now + 60, **more}


def test_contact_39_a_job_goes_from_started_to_finished_and_dies(sim):
    """Status 1, 2, 3 by the clock; the result comes with 3; after 24 hours the job is unknown."""
    jobid = sim.post(ADD, TEXT)["jobid"]
    assert sim.get(JOB, jobid=jobid) == {"errcode": 0, "errmsg": "ok", "status": 1, "type": "add_moment_task"}
    sim.sim("clock", {"advance_s": 2})
    assert sim.get(JOB, jobid=jobid)["status"] == 2
    sim.sim("clock", {"advance_s": 2})
    done = sim.get(JOB, jobid=jobid)
    assert (done["status"], done["result"]["errcode"], done["result"]["moment_id"] != "") == (3, 0, True)
    sim.sim("clock", {"advance_s": 86_400})
    sim.sign_in()
    assert sim.get(JOB, jobid=jobid)["errcode"] == 40088
    assert sim.get(JOB, jobid="none")["errcode"] == 40088


def test_contact_39_what_is_named_in_vain_is_told(sim):
    """Unknown members, departments and tags are ignored, and listed in the result."""
    sim.corp("tags", [{"tag_id": "etvip", "tag_name": "vip", "group_name": "g"}])
    senders = {"user_list": ["LiNa", "ghost01"], "department_list": [99]}
    told = {"sender_list": senders, "external_contact_list": {"tag_list": ["etvip", "etNone"]}}
    result = finished(sim, {**TEXT, "visible_range": told})
    assert result["invalid_sender_list"] == {"user_list": ["ghost01"], "department_list": [99]}
    assert result["invalid_external_contact_list"] == {"tag_list": ["etNone"]}
    tasks = sim.post(TASKS, {"moment_id": result["moment_id"]})["task_list"]
    assert tasks == [{"userid": "LiNa", "publish_status": 0}]
    nobody = finished(sim, {**TEXT, "visible_range": {"sender_list": {"user_list": ["ghost01"]}}})
    assert (nobody["errcode"], nobody["moment_id"]) == (81013, "")


def test_contact_39_ten_a_minute(sim):
    """The eleventh is refused until the minute is over; the code is a setting."""
    assert [code(sim, ADD, **TEXT) for _ in range(11)] == [0] * 10 + [45009]
    sim.sim("settings", {"moments": {"too_often_code": 41078}})
    assert code(sim, ADD, **TEXT) == 41078
    sim.sim("clock", {"advance_s": 61})
    assert code(sim, ADD, **TEXT) == 0


def test_contact_39_a_hundred_thousand_a_month(sim):
    """The next one is 41210."""
    sim.act("earlier_moments", count=99_999)
    assert [code(sim, ADD, **TEXT) for _ in range(2)] == [0, 41210]


def test_contact_39_content_is_checked(sim):
    """41089 nothing, 41064 too many, 41065 mixed or unknown, 40007 media that is no attachment; 41211 switched off."""
    image = {"msgtype": "image", "image": {"media_id": "none"}}
    assert code(sim, ADD) == 41089
    assert code(sim, ADD, text={"content": "x" * 2001}) == 40058
    assert code(sim, ADD, attachments=[image] * 10) == 41064
    assert code(sim, ADD, attachments=[image, {"msgtype": "video", "video": {"media_id": "x"}}]) == 41065
    assert code(sim, ADD, attachments=[image]) == 40007
    sim.sim("settings", {"moments": {"enabled": False}})
    assert code(sim, ADD, **TEXT) == 41211


def test_contact_39_pictures_come_from_upload_attachment(sim):
    """Temporary media for messages is 40007; the list shows the attachment's media id."""
    query = {"access_token": sim.token, "media_type": "image", "attachment_type": 1, "type": "image"}
    uploads = [
        sim.http.post(f"{sim.url}/cgi-bin/media/{path}", params=query, files={"media": ("a.png", PNG)}).json()[
            "media_id"
        ]
        for path in ("upload", "upload_attachment")
    ]
    bodies = [{"attachments": [{"msgtype": "image", "image": {"media_id": item}}]} for item in uploads]
    assert code(sim, ADD, **bodies[0]) == 40007
    assert finished(sim, bodies[1])["errcode"] == 0
    shown = sim.post(LIST, window(sim))["moment_list"]
    assert [(item["image"], item["text"]) for item in shown] == [([{"media_id": uploads[1]}], {"content": ""})]


def test_contact_39_members_publish_to_their_friends(sim, moment):
    """Whoever has not published is 41062; the audience is the member's customers, and friends can see it."""
    friend, lost = (sim.act("add", userid="LiNa")["external_userid"] for _ in range(2))
    sim.act("customer_deletes", userid="LiNa", external_userid=lost)
    ids = {"moment_id": moment, "userid": "LiNa"}
    assert code(sim, CHOSEN, **ids) == 41062
    sim.act("publish_moment", **ids)
    statuses = {item["userid"]: item["publish_status"] for item in sim.post(TASKS, {"moment_id": moment})["task_list"]}
    assert statuses == {"LiNa": 1, "ZhaoMin": 0, "Wang": 0}
    chosen = sim.post(CHOSEN, ids)["customer_list"]
    assert [(item["userid"], item["external_userid"]) for item in chosen] == [("LiNa", friend), ("LiNa", lost)]
    assert sim.post(REACHED, ids)["customer_list"] == [{"external_userid": friend}]
    sim.act("publish_moment", **ids, status=409)


def test_contact_39_tags_narrow_the_audience(sim):
    """With tags it is partly visible: to customers who carry one."""
    sim.corp("tags", [{"tag_id": "etvip", "tag_name": "vip", "group_name": "g"}])
    vip, _ = (sim.act("add", userid="LiNa", tags=tags)["external_userid"] for tags in (["etvip"], []))
    told = {"external_contact_list": {"tag_list": ["etvip"]}}
    moment = finished(sim, {**TEXT, "visible_range": told})["moment_id"]
    sim.act("publish_moment", moment_id=moment, userid="LiNa")
    assert sim.post(REACHED, {"moment_id": moment, "userid": "LiNa"})["customer_list"] == [{"external_userid": vip}]
    assert [item["visible_type"] for item in sim.post(LIST, window(sim))["moment_list"]] == [0]


def test_contact_39_comments_and_likes_name_customer_or_member(sim, moment):
    """external_userid or userid, and when."""
    friend = sim.act("add", userid="LiNa")["external_userid"]
    ids = {"moment_id": moment, "userid": "LiNa"}
    sim.act("publish_moment", **ids)
    sim.act("comment_on_moment", **ids, by=friend, at=1_800_000_000)
    sim.act("like_moment", **ids, by="ZhaoMin", at=1_800_000_001)
    got = sim.post(COMMENTS, ids)
    assert got["comment_list"] == [{"external_userid": friend, "create_time": 1_800_000_000}]
    assert got["like_list"] == [{"userid": "ZhaoMin", "create_time": 1_800_000_001}]


def test_contact_39_cancelling_keeps_published_copies(sim, moment):
    """Nobody else publishes; what is there stays."""
    ids = {"moment_id": moment, "userid": "LiNa"}
    sim.act("publish_moment", **ids)
    assert code(sim, CANCEL, moment_id=moment) == 0
    sim.act("publish_moment", moment_id=moment, userid="ZhaoMin", status=409)
    assert code(sim, COMMENTS, **ids) == 0
    assert (code(sim, CANCEL), code(sim, CANCEL, moment_id="none")) == (41059, 41060)


def test_contact_39_a_members_own_moment_is_no_task(sim, moment):
    """It has a creator and no task list (41067); a deleted one is not listed."""
    own = sim.act("post_moment", userid="LiNa", text="My day")["moment_id"]
    assert code(sim, TASKS, moment_id=own) == 41067
    assert code(sim, COMMENTS, moment_id=own, userid="ZhaoMin") == 41061
    shown = sim.post(LIST, window(sim))["moment_list"]
    assert [(item["moment_id"], item["create_type"], item.get("creator")) for item in shown] == [
        (moment, 0, None),
        (own, 1, "LiNa"),
    ]
    assert [item["moment_id"] for item in sim.post(LIST, window(sim, filter_type=1))["moment_list"]] == [own]
    sim.act("delete_moment", moment_id=own)
    assert [item["moment_id"] for item in sim.post(LIST, window(sim))["moment_list"]] == [moment]


def test_contact_39_members_can_publish_by_the_clock(sim):
    """By setting, some time after they were asked; the task list can be late, too."""
    sim.sim("settings", {"moments": {"auto_publish_after_s": 60, "dispatch_s": 10}})
    moment = finished(sim, TEXT)["moment_id"]
    assert code(sim, TASKS, moment_id=moment) == 41079
    sim.sim("clock", {"advance_s": 80})
    assert {item["publish_status"] for item in sim.post(TASKS, {"moment_id": moment})["task_list"]} == {1}


def test_contact_07_a_page_of_moments_has_twenty_at_most(sim):
    """A larger limit falls back to 20; the interval is open at both ends and spans 30 days at most."""
    sim.corp("act", [{"do": "post_moment", "userid": "LiNa", "at": 1_790_000_000 + n} for n in range(25)])
    body = {"start_time": 1_790_000_000, "end_time": 1_790_000_024, "limit": 21}
    first = sim.post(LIST, body)
    second = sim.post(LIST, {**body, "cursor": first["next_cursor"]})
    assert (len(first["moment_list"]), len(second["moment_list"]), second["next_cursor"]) == (20, 3, "")
    assert code(sim, LIST, start_time=1_790_000_000, end_time=1_790_000_000 + 31 * 86_400) == 40058


def test_moment_rule_groups_have_their_own_privileges(sim):
    """As those of customer contact, with three switches."""
    body = {"strategy_name": "North", "admin_list": ["Wang"], "range": [{"type": 2, "partyid": 2}]}
    made = sim.post("externalcontact/moment_strategy/create", {**body, "privilege": {"send_moment": False}})
    got = sim.post("externalcontact/moment_strategy/get", {"strategy_id": made["strategy_id"]})["strategy"]
    assert got["privilege"] == {"view_moment_list": True, "send_moment": False, "manage_moment_cover_and_sign": True}
    assert code(sim, "externalcontact/customer_strategy/get", strategy_id=made["strategy_id"]) == 60136
