"""Group chats made by an app: who may make them, their ids and members, and what is sent to them."""

import pytest

AGENT = 1000002
CORP = "wwsimtest0001"


def create(sim, **body):
    return sim.post("appchat/create", {"name": "一店", "userlist": ["LiNa", "Wang"], **body})


def say(sim, chatid, content="你好", **rest):
    return sim.post("appchat/send", {"chatid": chatid, "msgtype": "text", "text": {"content": content}, **rest})


def get(sim, chatid):
    return sim.get("appchat/get", chatid=chatid)


def looked(sim):
    return sim.corp("look/appchats")


def test_messages_11_a_chat_is_made_read_and_changed(sim):
    """Userids come back as the corp spells them; the owner is the one named; a change is all or nothing."""
    made = create(sim, owner="wang", userlist=["lina", "Wang", "LiNa"], chatid="shop1")
    assert (made["errcode"], made["chatid"]) == (0, "shop1")
    info = {"chatid": "shop1", "name": "一店", "owner": "Wang", "userlist": ["LiNa", "Wang"]}
    assert get(sim, "shop1")["chat_info"] == info
    change = {"chatid": "shop1", "name": "二店", "owner": "ZhaoMin", "add_user_list": ["ZhaoMin"]}
    assert sim.post("appchat/update", {**change, "del_user_list": ["wang"]})["errcode"] == 0
    info = {"chatid": "shop1", "name": "二店", "owner": "ZhaoMin", "userlist": ["LiNa", "ZhaoMin"]}
    assert get(sim, "shop1")["chat_info"] == info


def test_messages_11_a_member_with_a_new_userid_stays_in_the_chat(sim):
    """Owner, members and what they read go by the new one."""
    create(sim, owner="Wang", chatid="shop1")
    say(sim, "shop1")
    sim.act("update_user", userid="Wang", new_userid="wang.wei")
    info = get(sim, "shop1")["chat_info"]
    assert (info["owner"], info["userlist"]) == ("wang.wei", ["LiNa", "wang.wei"])
    (chat,) = looked(sim)
    assert chat["posts"][0]["reached"] == ["LiNa", "wang.wei"]


def test_messages_11_without_an_id_one_is_made_and_without_an_owner_one_is_drawn(sim):
    """The id is 32 letters and digits at most, the owner one of the members; a long name is cut at 50 characters."""
    chatid = create(sim, name="名" * 60)["chatid"]
    assert chatid.isalnum()
    assert len(chatid) <= 32
    info = get(sim, chatid)["chat_info"]
    assert info["owner"] in info["userlist"]
    assert info["name"] == "名" * 50


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, 86202),
        ({"userlist": ["LiNa"]}, 86006),
        ({"userlist": ["LiNa", "lina"]}, 86006),
        ({"userlist": []}, 86006),
        ({"userlist": "LiNa"}, 40058),
        ({"userlist": ["LiNa", "Ghost"]}, 86216),
        ({"owner": "ZhaoMin"}, 86207),
        ({"chatid": "a" * 33}, 86205),
        ({"chatid": "a-b"}, 86001),
        ({"chatid": "taken"}, 86215),
    ],
)
def test_messages_11_a_chat_that_cannot_be_made(sim, change, code):
    """A name, 2 to 2000 members who exist, an owner among them, and a new id of letters and digits."""
    create(sim, chatid="taken")
    assert create(sim, **change)["errcode"] == code
    assert len(looked(sim)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"chatid": ""}, 86201),
        ({"chatid": "nope"}, 86003),
        ({"add_user_list": ["Ghost"]}, 86216),
        ({"del_user_list": ["ZhaoMin"]}, 86216),
        ({"del_user_list": ["LiNa"]}, 86006),
        ({"add_user_list": ["ZhaoMin"], "del_user_list": ["Wang"]}, 86207),
        ({"owner": "ZhaoMin"}, 86207),
    ],
)
def test_messages_11_a_change_that_is_refused_changes_nothing(sim, change, code):
    """Unknown members, too few left, an owner who is not in the chat."""
    create(sim, chatid="shop1", owner="Wang")
    before = looked(sim)
    assert sim.post("appchat/update", {"chatid": "shop1", "name": "x", **change})["errcode"] == code
    assert looked(sim) == before


def test_messages_11_the_chat_belongs_to_the_app_that_made_it(sim):
    """Another app gets 86008 for everything."""
    create(sim, chatid="shop1")
    sim.sign_in(secret="secret-two")
    assert get(sim, "shop1")["errcode"] == 86008
    assert say(sim, "shop1")["errcode"] == 86008
    assert sim.post("appchat/update", {"chatid": "shop1", "name": "x"})["errcode"] == 86008


def test_messages_11_only_an_app_that_sees_everybody_may(sim):
    """60011 unless the visible range is the root department."""
    create(sim, chatid="shop1")
    apps = [{"name": "Guanxi", "secret": "secret-one", "agent_id": AGENT, "visible": ["LiNa", "Wang", "ZhaoMin"]}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps})
    assert create(sim)["errcode"] == 60011
    assert get(sim, "shop1")["errcode"] == 60011
    assert say(sim, "shop1")["errcode"] == 60011


def test_messages_11_a_message_reaches_the_members_and_has_no_msgid(sim):
    """The chat shows from its first message on; who left the corp gets nothing."""
    create(sim, chatid="shop1")
    assert looked(sim)[0]["visible"] is False
    sim.act("resign", userid="Wang")
    answer = say(sim, "shop1", "长" * 1000)
    assert (answer["errcode"], "msgid" in answer) == (0, False)
    (chat,) = looked(sim)
    assert chat["visible"] is True
    assert chat["posts"][0]["displayed"] == {"content": "长" * 682}
    assert chat["posts"][0]["reached"] == ["LiNa"]
    assert sim.corp("messages") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"msgtype": "template_card", "template_card": {}}, 40008),
        ({"msgtype": "miniprogram_notice", "miniprogram_notice": {}}, 40008),
        ({"msgtype": "text", "text": {"content": ""}}, 44004),
        ({"msgtype": "image", "image": {"media_id": "nonsense"}}, 40007),
        ({"msgtype": "markdown", "markdown": {"content": "**好**"}}, 0),
        ({"chatid": "nope", "msgtype": "text", "text": {"content": "x"}}, 86003),
    ],
)
def test_messages_11_what_may_be_sent(sim, body, code):
    """The types of application messages without cards and mini-program notices, under the same rules."""
    create(sim, chatid="shop1")
    assert sim.post("appchat/send", {"chatid": "shop1", **body})["errcode"] == code
    assert len(looked(sim)[0]["posts"]) == (code == 0)


def test_messages_11_creating_and_changing_are_counted_per_corp(sim):
    """Both apps share the day's creations and the hour's changes."""
    sim.sim("settings", {"appchats": {"creates_per_day": 2, "updates_per_hour": 1}})
    start_of_minute(sim)
    create(sim, chatid="one")
    sim.sign_in(secret="secret-two")
    assert [create(sim, chatid=chatid)["errcode"] for chatid in ("two", "three")] == [0, 45009]
    change = {"chatid": "two", "name": "x"}
    assert [sim.post("appchat/update", change)["errcode"] for _ in range(2)] == [0, 45009]
    sim.sim("clock", {"advance_s": 3601})
    assert sim.post("appchat/update", change)["errcode"] == 0


def test_messages_11_person_times_are_counted_per_corp(sim):
    """A message to two members counts two; beyond the minute it is refused."""
    sim.sim("settings", {"appchats": {"person_times_per_minute": 3}})
    start_of_minute(sim)
    create(sim, chatid="shop1")
    assert [say(sim, "shop1")["errcode"] for _ in range(2)] == [0, 45009]


def test_messages_11_too_many_for_a_member_are_dropped_silently(sim):
    """Per member and minute over all chats; the answer stays 0 and the others get it."""
    sim.sim("settings", {"appchats": {"member_per_minute": 1}})
    start_of_minute(sim)
    create(sim, chatid="one")
    create(sim, chatid="two", userlist=["LiNa", "ZhaoMin"])
    assert [say(sim, chatid)["errcode"] for chatid in ("one", "two")] == [0, 0]
    first, second = (chat["posts"][0] for chat in looked(sim))
    assert (first["reached"], first["dropped"]) == (["LiNa", "Wang"], [])
    assert (second["reached"], second["dropped"]) == (["ZhaoMin"], ["LiNa"])


def start_of_minute(sim):
    """Windows turn with the clock: begin a fresh one."""
    sim.sim("clock", {"advance_s": 61 - sim.sim("clock")["now"] % 60})
