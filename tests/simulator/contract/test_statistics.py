"""Statistics: real counts, by days of UTC+8, ready on the next morning."""

import pytest

BEHAVIOR = "externalcontact/get_user_behavior_data"
BY_OWNER, BY_DAY = "externalcontact/groupchat/statistic", "externalcontact/groupchat/statistic_group_by_day"
HOUR_S, DAY_S = 3600, 86_400


@pytest.fixture
def yesterday(sim):
    """Unix seconds of yesterday's midnight in UTC+8; the clock stands at noon of today, UTC+8."""
    now = sim.sim("clock")["now"]
    today = (int(now) + 8 * HOUR_S) // DAY_S * DAY_S - 8 * HOUR_S
    sim.sim("clock", {"offset_s": today + DAY_S + 12 * HOUR_S - now})
    sim.sign_in()
    return today


def behavior(sim, *userids, **body):
    return sim.post(BEHAVIOR, {"userid": list(userids), **body})["behavior_data"]


def code(sim, path, **body):
    return sim.post(path, body)["errcode"]


def test_contact_41_a_day_counts_what_people_did(sim, yesterday):
    """Adds, applications of the member, deletions by customers, chats and answers."""
    at = yesterday + 10 * HOUR_S
    first = sim.act("add", userid="LiNa", at=at)["external_userid"]
    second = sim.act("add", userid="LiNa", add_way=2, at=at)["external_userid"]
    third = sim.act("add", userid="LiNa", at=at)["external_userid"]
    sim.act("talk", userid="LiNa", external_userid=first, reply_after_s=180, at=at)
    sim.act("talk", userid="LiNa", external_userid=second, at=at)
    sim.act("talk", userid="LiNa", external_userid=third, by="member", messages=4, at=at)
    sim.act("customer_deletes", userid="LiNa", external_userid=third, at=at)
    found = behavior(sim, "lina", start_time=yesterday + 5, end_time=yesterday + 9)
    assert found == [
        {
            "stat_time": yesterday, "chat_cnt": 3, "message_cnt": 5, "negative_feedback_cnt": 1, "new_apply_cnt": 1,
            "new_contact_cnt": 3, "reply_percentage": 50.0, "avg_reply_time": 3,
        }
    ]  # fmt: skip


def test_contact_41_several_members_are_one_series(sim, yesterday):
    """They are summed; a department stands for its members; no chats, no reply fields."""
    for userid in ("LiNa", "ZhaoMin"):
        sim.act("add", userid=userid, at=yesterday)
    span = {"start_time": yesterday, "end_time": yesterday}
    both = behavior(sim, "LiNa", "ZhaoMin", **span)
    assert [row["new_contact_cnt"] for row in both] == [2]
    assert "reply_percentage" not in both[0]
    assert sim.post(BEHAVIOR, {"partyid": [3], **span})["behavior_data"] == both


def test_contact_41_yesterday_is_zero_until_the_morning(sim, yesterday):
    """After midnight the numbers are not ready: zeros, or by setting no day at all."""
    sim.act("add", userid="LiNa", at=yesterday)
    span = {"start_time": yesterday, "end_time": yesterday}
    sim.sim("clock", {"advance_s": -7 * HOUR_S})
    assert [row["new_contact_cnt"] for row in behavior(sim, "LiNa", **span)] == [0]
    sim.sim("settings", {"statistics": {"unready_days_are_missing": True}})
    assert behavior(sim, "LiNa", **span) == []
    sim.sim("clock", {"advance_s": HOUR_S})
    assert [row["new_contact_cnt"] for row in behavior(sim, "LiNa", **span)] == [1]


def test_contact_41_days_are_those_of_beijing_and_closed(sim, yesterday):
    """Any second of a day means its midnight; both ends count; a second before midnight is the day before."""
    sim.act("add", userid="LiNa", at=yesterday - 1)
    found = behavior(sim, "LiNa", start_time=yesterday - 1, end_time=yesterday + DAY_S - 1)
    assert [(row["stat_time"], row["new_contact_cnt"]) for row in found] == [
        (yesterday - DAY_S, 1),
        (yesterday, 0),
    ]


def test_contact_41_what_cannot_be_asked_has_its_code(sim, yesterday):
    """180 days back, 30 days long, somebody named."""
    span = {"start_time": yesterday, "end_time": yesterday}
    assert code(sim, BEHAVIOR, **span) == 40063
    assert code(sim, BEHAVIOR, userid=["LiNa"]) == 40063
    assert code(sim, BEHAVIOR, userid=["Ghost"], **span) == 60111
    assert code(sim, BEHAVIOR, partyid=[99], **span) == 60123
    assert code(sim, BEHAVIOR, userid=["LiNa"], start_time=yesterday, end_time=yesterday - DAY_S) == 40058
    assert code(sim, BEHAVIOR, userid=["LiNa"], start_time=yesterday - 30 * DAY_S, end_time=yesterday) == 40058
    assert len(behavior(sim, "LiNa", start_time=yesterday - 29 * DAY_S, end_time=yesterday)) == 30
    for days, expected in ((180, 0), (181, 40058)):
        day = yesterday + DAY_S - days * DAY_S
        assert code(sim, BEHAVIOR, userid=["LiNa"], start_time=day, end_time=day) == expected


def test_contact_41_group_chats_by_owner(sim, yesterday):
    """New and all chats and members, messages; ordered and paged."""
    chats = sim.act("make_chats", owners=["LiNa", "ZhaoMin"], count=3, members=2, ids=True, at=yesterday)["chat_id"]
    sim.act("make_chats", owners=["ZhaoMin"], count=2, at=yesterday - DAY_S)
    sim.act("talk_in_chat", chat_id=chats[0], userid="LiNa", messages=5, at=yesterday)
    answer = sim.post(BY_OWNER, {"day_begin_time": yesterday})
    assert (answer["total"], answer["next_offset"]) == (2, 2)
    assert [item["owner"] for item in answer["items"]] == ["LiNa", "ZhaoMin"]
    assert answer["items"][0]["data"] == {
        "new_chat_cnt": 2, "chat_total": 2, "chat_has_msg": 1, "new_member_cnt": 6, "member_total": 6,
        "member_has_msg": 1, "msg_total": 5, "migrate_trainee_chat_cnt": 0,
    }  # fmt: skip
    most_chats = sim.post(BY_OWNER, {"day_begin_time": yesterday, "order_by": 2, "limit": 1})
    assert ([item["owner"] for item in most_chats["items"]], most_chats["next_offset"]) == (["ZhaoMin"], 1)
    rest = sim.post(BY_OWNER, {"day_begin_time": yesterday, "order_by": 2, "limit": 1, "offset": 1})
    assert ([item["owner"] for item in rest["items"]], rest["next_offset"], rest["total"]) == (["LiNa"], 2, 2)
    one = sim.post(BY_OWNER, {"day_begin_time": yesterday, "owner_filter": {"userid_list": ["ZhaoMin"]}})
    assert [(item["owner"], item["data"]["chat_total"]) for item in one["items"]] == [("ZhaoMin", 3)]


def test_contact_41_group_chats_by_day(sim, yesterday):
    """One row a day, up to yesterday; today and a large scope without a filter are refused."""
    sim.act("make_chats", owners=["LiNa"], count=1, at=yesterday - DAY_S)
    sim.act("make_chats", owners=["LiNa"], count=1, at=yesterday)
    span = {"day_begin_time": yesterday - DAY_S, "day_end_time": yesterday}
    found = sim.post(BY_DAY, span)["items"]
    assert [(item["stat_time"], item["data"]["new_chat_cnt"], item["data"]["chat_total"]) for item in found] == [
        (yesterday - DAY_S, 1, 1),
        (yesterday, 1, 2),
    ]
    assert code(sim, BY_DAY, day_begin_time=yesterday + DAY_S) == 40058
    sim.corp("members", [{"userid": f"m{n}"} for n in range(1000)])
    assert code(sim, BY_DAY, **span) == 81017
    assert code(sim, BY_DAY, **span, owner_filter={"userid_list": ["LiNa"]}) == 0
