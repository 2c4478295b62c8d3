"""Group chats against a WeCom whose details lag behind its events."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses

from tests.convergence.post import PostOffice
from tests.sync_worker.chat_town import STAYS, ChatTown
from tests.sync_worker.conftest import Office


@pytest.fixture
def town(office: Office, tmp_path: Path) -> Iterator[ChatTown]:
    post = PostOffice()
    yield ChatTown(office, post, tmp_path / "clock")
    post.close()


def made(town: ChatTown, **more: object) -> str:
    """A chat of LiNa's that is known here."""
    lag = town.office.corp.get("/sim/settings")["chats"]["detail_lag_s"]
    town.lag(0)
    chat_id = str(town.act("create_chat", owner="LiNa", name="新品", **more)["chat_id"])
    town.hear()
    town.settle()
    town.lag(lag)
    town.calls()
    return chat_id


@pytest.mark.parametrize("lag_s", [0, 2, 30, 120])
def test_the_members_are_those_of_the_newest_version_and_each_move_is_recorded_once(town: ChatTown, lag_s: int):
    """Details come up to two minutes after their events; what is read before is not final (GRP-1)."""
    town.lag(lag_s)
    chat_id = town.act("create_chat", owner="LiNa", members=["WangFang", {"name": "陈"}])["chat_id"]
    town.hear()
    town.settle()
    (stranger,) = town.act("join_chat", chat_id=chat_id, members=[{"name": "吴"}], scene=3)["members"]
    town.hear()
    town.office.reconcile()
    town.advance(1)
    town.act("remove_from_chat", chat_id=chat_id, members=["WangFang"])
    town.act("leave_chat", chat_id=chat_id, members=[stranger])
    town.hear()
    town.settle()
    assert town.mirror(chat_id) == town.truth(chat_id)
    assert town.told() == {"chat_created": 1, "chat_member_joined": 4, "chat_member_left": 2}
    gone = "select member_id, left_by, quit_scene from group_member where left_at is not null order by quit_scene desc"
    assert town.rows(gone) == [
        ("WangFang", "event", 1),
        (stranger, "event", 0),
    ]
    assert town.rows("select join_scene from group_member where member_id = :id", id=stranger) == [(3,)]


@pytest.mark.parametrize("copies", [1, 2])
def test_events_in_the_wrong_order_and_doubled_end_in_the_same_stays(town: ChatTown, copies: int):
    """Versions are compared, never counted: a broken chain costs a read (GRP-1)."""
    chat_id = made(town)
    (one,) = town.act("join_chat", chat_id=chat_id, members=[{"name": "陈"}])["members"]
    for do in ("leave_chat", "join_chat", "remove_from_chat", "join_chat"):
        town.advance(7)
        town.act(do, chat_id=chat_id, members=[one])
    letters = town.letters()[::-1]
    for letter in letters * copies:
        town.hear([letter])
        town.office.reconcile()
        town.advance(1)
    town.settle()
    assert town.mirror(chat_id) == town.truth(chat_id)
    assert [row[2:] for row in town.rows(STAYS) if row[0] == one] == [("event", 0), ("event", 1), (None, None)]
    assert town.told() == {"chat_created": 1, "chat_member_joined": 4, "chat_member_left": 2}


@pytest.mark.parametrize(("form", "kept"), [("items", ("event", 1)), ("text", ("event", 1)), ("none", ("read", None))])
def test_how_somebody_left_is_known_as_far_as_the_event_says(town: ChatTown, form: str, kept: tuple[str, int]):
    """MemChangeList comes nested, with commas or not at all; the read says who is there in any case (GRP-1)."""
    town.lag(2, member_list=form)
    chat_id = made(town, members=["WangFang", "ZhaoMin", {"name": "陈"}])
    town.act("remove_from_chat", chat_id=chat_id, members=["WangFang", "ZhaoMin"])
    town.hear()
    town.settle()
    assert town.mirror(chat_id) == town.truth(chat_id)
    left = town.rows("select member_id, left_by, quit_scene from group_member where left_at is not null order by 1")
    assert left == [("WangFang", *kept), ("ZhaoMin", *kept)]


def test_who_comes_and_goes_between_two_reads_is_known_from_the_events(town: ChatTown):
    """Nobody can read it afterwards (GRP-1, LOSS-5)."""
    chat_id = made(town)
    (one,) = town.act("join_chat", chat_id=chat_id, members=[{"name": "陈"}], scene=3)["members"]
    town.advance(60)
    town.act("leave_chat", chat_id=chat_id, members=[one])
    town.advance(600)
    town.hear()
    town.settle()
    rows = town.rows(
        "select kind, join_scene, joined_by, quit_scene, extract(epoch from left_at - joined_at) >= 60 "
        "from group_member where member_id = :id",
        id=one,
    )
    assert rows == [("customer", 3, "event", 0, True)]
    assert town.rows("select subject_kind, type from fact where subject_key = :id order by id", id=one) == [
        ("external_contact", "chat_member_joined"),
        ("external_contact", "chat_member_left"),
    ]


def test_a_chat_of_five_hundred_costs_one_read_and_none_of_its_members(town: ChatTown):
    """An event costs by the size of its chat, not of the corp (GRP-1)."""
    town.office.corp.act({"do": "make_chats", "count": 40, "owners": ["LiNa", "WangFang"], "members": 3})
    chat_id = made(town, members=[{"name": f"客{n}"} for n in range(498)])
    town.calls("externalcontact/get")
    town.act("join_chat", chat_id=chat_id, members=[{"name": "最后"}])
    town.hear()
    town.settle()
    assert town.mirror(chat_id) == town.truth(chat_id)
    assert town.rows("select member_count from group_chat") == [(500,)]
    town.lag(0)
    town.calls()
    town.act("leave_chat", chat_id=chat_id, members=[list(town.truth(chat_id)[1])[-1]])
    town.hear()
    town.settle()
    assert (town.calls(), town.calls("externalcontact/get")) == (1, 0)
    assert town.rows("select member_count from group_chat") == [(499,)]


def test_name_owner_and_notice_follow_their_events(town: ChatTown):
    """They have no version: reads go on until the change shows (GRP-1)."""
    chat_id = made(town, members=["WangFang"])
    town.lag(30)
    town.act("rename_chat", chat_id=chat_id, name="夏装 🌞")
    town.act("change_notice", chat_id=chat_id, notice="八点开始")
    town.act("change_owner", chat_id=chat_id, userid="WangFang")
    town.hear()
    town.settle()
    assert town.rows("select name, notice, owner_userid from group_chat") == [("夏装 🌞", "八点开始", "WangFang")]
    changes = town.rows("select type, payload ->> 'changed' from fact where type like 'chat_%ed' order by type")
    assert ("chat_owner_changed", None) in changes
    assert ("chat_changed", '["name", "notice"]') in changes
    assert town.told()["chat_owner_changed"] == 1
    assert town.calls() < 10


def test_two_renames_in_a_row_end_with_the_second(town: ChatTown):
    """The first change that shows may belong to either event (GRP-1)."""
    chat_id = made(town)
    town.lag(30)
    town.act("rename_chat", chat_id=chat_id, name="one")
    town.advance(20)
    town.act("rename_chat", chat_id=chat_id, name="two")
    town.hear()
    town.advance(15)
    town.settle()
    assert town.rows("select name from group_chat") == [("two",)]


def renamed(town: ChatTown, chat_id: str) -> None:
    """LiNa owns the chat and WangFang has joined it; both have other userids now."""
    town.act("join_chat", chat_id=chat_id, members=["WangFang"])
    town.hear()
    town.settle()
    town.advance(300)
    town.act("update_user", userid="LiNa", new_userid="lina.cd")
    town.act("update_user", userid="WangFang", new_userid="wang.fang")


def test_events_from_before_a_new_userid_are_about_the_same_member(town: ChatTown):
    """Who only got another userid has neither left nor joined again (GRP-1)."""
    chat_id = made(town)
    renamed(town, chat_id)
    town.hear()
    town.settle()
    town.advance(300)
    town.act("join_chat", chat_id=chat_id, members=[{"name": "陈"}])
    town.hear()
    town.settle()
    assert town.mirror(chat_id) == town.truth(chat_id)
    assert town.told() == {"chat_created": 1, "chat_member_joined": 3}


def test_a_read_that_is_behind_a_new_userid_shows_the_same_member(town: ChatTown):
    """Neither a member nor the owner changes because details lag (GRP-1)."""
    chat_id = made(town)
    town.lag(60)
    renamed(town, chat_id)
    town.act("join_chat", chat_id=chat_id, members=[{"name": "陈"}])
    town.hear()
    town.settle()
    town.look(chat_id)
    town.settle()
    assert town.mirror(chat_id) == town.truth(chat_id)
    assert town.told() == {"chat_created": 1, "chat_member_joined": 3}


def test_who_only_got_another_userid_is_counted_once(town: ChatTown):
    """A read that came before the news of it counted a leave and a join, which were none (GRP-5)."""
    chat_id = made(town)
    renamed(town, chat_id)
    town.advance(2 * 86400)
    letters = town.letters()
    town.look(chat_id)
    town.settle()
    assert town.rows("select sum(joined_count), sum(left_count) from group_day") == [(4, 2)]
    town.hear(letters)
    town.settle()
    assert town.rows("select joined_count, left_count, member_count from group_day order by day") == [
        (2, 0, 2),
        (0, 0, 2),
    ]


@pytest.mark.parametrize("silent", [False, True])
def test_a_dismissed_chat_ends_all_stays_at_once(town: ChatTown, silent: bool):
    """An event says when; without it, WeCom's answer says that (GRP-1)."""
    chat_id = made(town, members=["WangFang", {"name": "陈"}])
    town.act("dismiss_chat", chat_id=chat_id, silent=silent)
    town.hear()
    town.advance(3)
    town.look(chat_id)
    town.settle()
    assert town.rows("select dismissed_at is not null, out_of_sight_at, member_count from group_chat") == [
        (True, None, 0)
    ]
    assert town.rows("select left_by, count(*) from group_member group by 1") == [("dismissal", 3)]
    assert town.rows("select payload ->> 'evidenced' from fact where type = 'chat_dismissed'") == [
        ("false" if silent else "true",)
    ]


def test_a_chat_that_cannot_be_read_is_out_of_sight_and_loses_nothing(town: ChatTown):
    """The owner's function was switched off, or the app's range was cut: nobody left (GRP-1)."""
    chat_id = made(town, members=[{"name": "陈"}])
    town.act("function_off", userid="LiNa")
    town.look(chat_id)
    town.settle()
    assert town.rows("select out_of_sight_at is not null, dismissed_at, member_count from group_chat") == [
        (True, None, 2)
    ]
    assert town.rows("select count(*) from group_member where left_at is not null") == [(0,)]
    town.act("function_on", userid="LiNa")
    town.look(chat_id)
    town.settle()
    assert town.rows("select out_of_sight_at from group_chat") == [(None,)]
    assert town.told() == {
        "chat_created": 1,
        "chat_member_joined": 2,
        "chat_out_of_sight": 1,
        "chat_in_sight": 1,
    }


def test_a_chat_that_nobody_ever_saw_leaves_nothing_behind(town: ChatTown):
    """An event about it is looked into, for a while (GRP-1)."""
    town.arrive([event("wrNobodyKnowsIt", "create"), event("wrAnother", "update", UpdateDetail="add_member")])
    town.settle()
    assert town.rows("select count(*) from group_chat") == [(0,)]
    assert town.rows("select count(*) from request where dead_at is not null") == [(0,)]


def test_the_days_count_who_came_and_went(town: ChatTown):
    """Joined and left a day, and how many are there at its end, in the corp's time zone (GRP-2, GRP-5)."""
    town.lag(0)
    chat_id = made(town, members=["WangFang", {"name": "陈"}])
    for _ in range(3):
        town.advance(86_400)
        (one,) = town.act("join_chat", chat_id=chat_id, members=[{"name": "吴"}])["members"]
        town.act("leave_chat", chat_id=chat_id, members=[one])
        town.act("join_chat", chat_id=chat_id, members=[{"name": "许"}])
        town.hear()
        town.settle()
    days = town.rows("select joined_count, left_count, member_count from group_day order by day")
    assert days == [(3, 0, 3), (2, 1, 4), (2, 1, 5), (2, 1, 6)]


def test_what_wecom_should_not_send_is_stored_or_left_out(town: ChatTown):
    """Unknown codes, nulls, no times, names of one half of an emoji: nothing stops the chat (GRP-1)."""
    chat_id = "wrOdd"
    answer = {
        "errcode": 0,
        "group_chat": {
            "chat_id": chat_id,
            "name": None,
            "owner": "LiNa",
            "create_time": 0,
            "notice": "a\u0000b",
            "member_list": [
                {"userid": "LiNa", "type": 1, "join_time": 1760000000, "join_scene": 99, "invitor": None},
                {"userid": "wmOdd", "type": 7, "join_time": 0, "name": "x\\ud83d", "unionid": "", "invitor": {}},
                {"userid": "wmOdd2", "type": 2, "join_time": 9999999999999, "name": None, "group_nickname": "🙂"},
                {"userid": None, "type": 2},
                {"userid": "x" * 3000, "type": 2},
                None,
            ],
            "admin_list": None,
            "member_version": None,
        },
    }
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.add_passthru(town.office.corp.simulator_url + "/sim")
        mocked.add_passthru(town.office.corp.simulator_url + "/cgi-bin/gettoken")
        url = f"{town.office.corp.simulator_url}/cgi-bin/externalcontact/groupchat/get"
        mocked.add(responses.POST, url, body=json.dumps(answer).replace("\\\\ud83d", "\\ud83d"))
        for _ in range(2):
            town.look(chat_id)
            town.settle()
    assert town.rows("select name, notice, created_at, member_count from group_chat") == [(None, "ab", None, 3)]
    assert town.rows("select member_id, join_scene, joined_at is null from group_member order by 1") == [
        ("LiNa", 99, False),
        ("wmOdd", None, True),
        ("wmOdd2", None, True),
    ]


def event(chat_id: str, change: str, **fields: object) -> str:
    """A callback of a chat, as WeCom writes it."""
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return (
        f"<xml><Event>change_external_chat</Event><ChatId>{chat_id}</ChatId>"
        f"<ChangeType>{change}</ChangeType>{inner}</xml>"
    )
