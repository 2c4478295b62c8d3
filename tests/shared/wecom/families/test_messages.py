"""Messages to members, groups of members, and robots."""

import pytest

from shared.ids import UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import UnreachableError, WeComTerminalError
from shared.wecom.families import contents
from shared.wecom.families.messages import Recipients, message_body
from shared.wecom.families.robots import robot_image, robot_text
from shared.wecom.payloads.messages import AppChat, AppCount, listed
from shared.wecom.transport import Upload
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered

LINA, ZHAO, NOBODY = UserId("LiNa"), UserId("ZhaoMin"), UserId("Nobody")
AGENT = 1_000_002
TO = Recipients(users=(LINA,))
CARD = {
    "card_type": "button_interaction",
    "task_id": "task_1",
    "main_title": {"title": "客户转交"},
    "button_list": [{"text": "接受", "key": "yes"}],
}


def test_who_is_refused_is_told_in_small_letters(sim: Sim, client: WeComClient):
    """Userids are compared without case; the others have the message."""
    body = message_body(contents.text("你好"), to=Recipients(users=(LINA, NOBODY)), agentid=AGENT)
    result = client.messages.send(body)
    assert (result.refused(NOBODY), result.refused(LINA)) == (True, False)
    assert (result.invalid, result.response_code) == (frozenset({"nobody"}), None)


def test_all_parts_of_a_sends_answer(client: WeComClient):
    """Absent and empty are nobody; those without a licence are refused too."""
    answer = {
        "errcode": 0,
        "invaliduser": "U1 | u2",
        "unlicenseduser": "u3",
        "invalidparty": "7",
        "invalidtag": "",
        "msgid": "m",
        "response_code": "r",
    }
    with answered("message/send", answer, {"errcode": 0}):
        result, empty = client.messages.send(b"{}"), client.messages.send(b"{}")
    assert (result.invalid, result.unlicensed) == (frozenset({"u1", "u2", "u3"}), frozenset({"u3"}))
    assert (result.invalid_parties, result.invalid_tags) == (frozenset({"7"}), frozenset())
    assert (result.msgid, result.response_code) == ("m", "r")
    assert (empty.msgid, empty.invalid, empty.response_code) == ("", frozenset(), None)


@pytest.mark.parametrize(
    ("value", "ids"),
    [("A|b", {"a", "b"}), (["A", "b", None], {"a", "b"}), ("", set()), (None, set()), (7, set()), ([{}], set())],
)
def test_two_spellings_of_a_list(value: object, ids: set[str]):
    """Sends join with bars, updates of cards give a list."""
    assert listed(value) == ids


def test_a_message_is_taken_back(sim: Sim, client: WeComClient):
    """Within a day."""
    result = client.messages.send(message_body(contents.text("你好"), to=TO, agentid=AGENT))
    client.messages.recall(result.msgid)
    with answered("message/recall", {"errcode": 0}) as asked:
        client.messages.recall("m")
    assert asked.bodies == [b'{"msgid":"m"}']


def test_apps_are_counted(sim: Sim, client: WeComClient):
    """Person-times of a day."""
    client.messages.send(message_body(contents.text("你好"), to=TO, agentid=AGENT))
    (count,) = client.messages.statistics()
    assert (count.agentid, count.count) == (AGENT, 1)
    with answered("message/get_statistics", {"statistics": [{"agentid": 7, "count": 101}]}) as asked:
        assert client.messages.statistics(day=1) == (AppCount(7, None, 101),)
    assert asked.bodies == [b'{"time_type":1}']


def test_a_card_is_updated_once(sim: Sim, client: WeComClient):
    """Its code is spent; the second update is 60140."""
    result = client.messages.send(message_body(contents.template_card(CARD), to=TO, agentid=AGENT))
    assert result.response_code
    assert client.messages.disable_card(result.response_code, "已接受", agentid=AGENT, to=TO) == frozenset()
    with pytest.raises(WeComTerminalError) as caught:
        client.messages.disable_card(result.response_code, "已接受", agentid=AGENT, to=TO)
    assert caught.value.code == 60140


def test_what_is_sent_for_an_update(client: WeComClient):
    """Arrays, not joined texts; either a caption or a card."""
    with answered("message/update_template_card", {"errcode": 0, "invaliduser": ["U1"]}) as asked:
        assert client.messages.disable_card("r", "已处理", agentid=7, to=Recipients(everyone=True)) == {"u1"}
        client.messages.replace_card("r", {**CARD, "replace_text": "已提交"}, agentid=7, to=TO, enable_id_trans=False)
    assert asked.bodies[0] == '{"atall":1,"agentid":7,"response_code":"r","button":{"replace_name":"已处理"}}'.encode()
    assert asked.bodies[1].startswith(b'{"userids":["LiNa"],"agentid":7,"response_code":"r","enable_id_trans":0,"temp')
    assert '"replace_text":"已提交"'.encode() in asked.bodies[1]


def test_a_group_of_the_app(sim: Sim, client: WeComClient):
    """Made, changed, spoken to; there is no msgid."""
    chats = client.app_chats
    chatid = chats.create("督导群", [LINA, ZHAO], owner=LINA, chatid="group1")
    chats.update(chatid, name="新群", owner=ZHAO)
    assert chats.get(chatid) == AppChat("group1", "新群", ZHAO, (LINA, ZHAO))
    chats.send(chatid, contents.text("早"))
    (look,) = sim.corp("look/appchats")
    assert [post["msgtype"] for post in look["posts"]] == ["text"]
    with answered("appchat/send", {"errcode": 0}) as asked:
        chats.send("g", contents.text("早"), safe=0)
    assert asked.bodies == ['{"chatid":"g","msgtype":"text","text":{"content":"早"},"safe":0}'.encode()]
    with answered("appchat/update", {"errcode": 0}) as asked:
        chats.update("g", add=[LINA])
    assert asked.bodies == [b'{"chatid":"g","add_user_list":["LiNa"]}']


def test_a_robot_speaks_with_its_key(sim: Sim, client: WeComClient):
    """No token; what it uploads is its own."""
    key = sim.corp("act", {"do": "make_robot"})["key"]
    client.robots.send(key, robot_text("早", mentioned=[LINA]))
    file = Upload("a.txt", b"twelve bytes", "text/plain")
    assert client.robots.upload(key, "file", file).media_id
    other = sim.corp("act", {"do": "make_robot"})["key"]
    client.robots.send(other, robot_image(b"\x89PNG\r\n\x1a\n" + b"x" * 50))
    assert [[post["msgtype"] for post in one["posts"]] for one in sim.corp("look/robots")] == [["text"], ["image"]]
    with answered("webhook/send", {"errcode": 0}) as asked:
        client.robots.send("k", robot_text("早"))
    assert asked.bodies == ['{"msgtype":"text","text":{"content":"早"}}'.encode()]
    assert asked.whole_queries == [{"key": "k"}]
    with answered("webhook/upload_media", {"errcode": 0}) as asked, pytest.raises(UnreachableError):
        client.robots.upload("k", "file", file)
    assert asked.whole_queries == [{"key": "k", "type": "file"}]


def test_a_robots_key_is_in_no_error(client: WeComClient):
    """The key is the credential."""
    refusal = {"errcode": 93000, "errmsg": "invalid webhook url"}
    with answered("webhook/send", refusal) as asked, pytest.raises(WeComTerminalError) as caught:
        client.robots.send("the-secret-key", robot_text("早"))
    assert len(asked.requests) == 1
    assert "the-secret-key" not in f"{caught.value!r} {caught.value}"


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    chats, robots = client.app_chats, client.robots
    for call in (
        lambda: client.messages.recall(""),
        lambda: client.messages.disable_card("", "x", agentid=7, to=TO),
        lambda: client.messages.disable_card("r", "x", agentid=7, to=Recipients()),
        lambda: client.messages.replace_card("r", {"card_type": "x"}, agentid=7, to=TO),
        lambda: chats.create("x", [LINA]),
        lambda: chats.create("", [LINA, ZHAO]),
        lambda: chats.create("x" * 51, [LINA, ZHAO]),
        lambda: chats.create("x", [LINA] * 2001),
        lambda: chats.create("x", [LINA, ZHAO], chatid="a-b"),
        lambda: chats.update("g"),
        lambda: chats.update("g", name="x" * 51),
        lambda: chats.send("", contents.text("x")),
        lambda: chats.send("g", contents.template_card(CARD)),
        lambda: robots.send("", robot_text("x")),
        lambda: robots.upload("k", "image", Upload("x", b"123456", "image/png")),
    ):
        with pytest.raises(ValueError, match=r"message/|appchat/|webhook/|card_type"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
