"""Messages to customers, and the greetings of customers and groups."""

import pytest

from shared.ids import ExternalUserId, UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComRetryableError, WeComTerminalError
from shared.wecom.payloads.attachments import File, Image, Link, MiniProgram, Video, Words
from shared.wecom.payloads.broadcasts import BroadcastTask, GroupWelcome
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import sampled

WHALE, LINA = ExternalUserId("wmSimCAAAA7n3kVQ1xTq0yZbL4dHpA01"), UserId("LiNa")
LINK = Link(title="优惠", url="https://shop.example.com/o")
DISPATCHED_S = 60


def befriend(sim: Sim, **rest: object) -> dict[str, object]:
    order = {"do": "add", "userid": "LiNa", "external_userid": WHALE, "name": "Whale", **rest}
    return sim.corp("act", order)


def test_what_is_sent_for_a_task(client: WeComClient):
    """Single or group; attachments under the key of their type."""
    with sampled("externalcontact.add_msg_template") as asked:
        made = client.broadcasts.to_customers(
            "你好", [LINK, Image(media_id="m")], external_userids=[WHALE], sender=LINA
        )
        client.broadcasts.to_customers("你好", tag_filter=[["et1", "et2"], ["et3"]], allow_select=True)
        client.broadcasts.to_groups(
            None, [MiniProgram(title="t", appid="wx1", page="/p")], sender=LINA, chat_ids=["wr1"]
        )
    assert (made.msgid, made.fail_list) == ("msgSimCAAAAm3vZy7kTcQwLxRgBnUfA1", ("wmSimCAAAAf82mWc5uKj9oXtR6eGsB02",))
    single, by_tags, group = asked.bodies
    assert single == (
        f'{{"chat_type":"single","external_userid":["{WHALE}"],"sender":"LiNa","text":{{"content":"你好"}},'
        '"attachments":[{"msgtype":"link","link":{"title":"优惠","url":"https://shop.example.com/o"}},'
        '{"msgtype":"image","image":{"media_id":"m"}}]}'.encode()
    )
    assert by_tags == (
        '{"chat_type":"single","tag_filter":{"group_list":[{"tag_list":["et1","et2"]},{"tag_list":["et3"]}]},'
        '"allow_select":true,"text":{"content":"你好"}}'.encode()
    )
    assert group == (
        b'{"chat_type":"group","chat_id_list":["wr1"],"sender":"LiNa","attachments":[{"msgtype":"miniprogram",'
        b'"miniprogram":{"title":"t","appid":"wx1","page":"/p"}}]}'
    )


def test_tasks_as_wecom_shows_them(client: WeComClient):
    """What software made has no creator; attachments come in five kinds."""
    with sampled("externalcontact.get_groupmsg_list_v2") as asked:
        by_software, by_member = client.broadcasts.list("single", start_time=1, end_time=2).rows
    assert asked.bodies == [b'{"chat_type":"single","start_time":1,"end_time":2,"limit":100}']
    assert (by_software.creator, by_software.create_type, by_software.text) == (None, 0, Words("Autumn offer"))
    assert (by_member.creator, by_member.attachments) == ("chenwei", ())
    assert by_software.attachments is not None
    assert [one.msgtype for one in by_software.attachments] == ["image", "link", "miniprogram", "video", "file"]
    assert by_software.attachments[3].video == Video("SIM_MEDIA_VID_1")
    assert by_software.attachments[4].file == File("SIM_MEDIA_FILE_1")
    with sampled("externalcontact.get_groupmsg_task"):
        assert client.broadcasts.tasks("m").rows == (
            BroadcastTask(UserId("chenwei"), 2, 1760000600),
            BroadcastTask(UserId("liuyang"), 0, None),
        )
    with sampled("externalcontact.get_groupmsg_send_result") as asked:
        rows = client.broadcasts.deliveries("m", LINA).rows
    assert asked.bodies == [b'{"msgid":"m","userid":"LiNa","limit":1000}']
    assert [(row.recipient == row.external_userid, row.status, row.send_time) for row in rows] == [
        (True, 1, 1760000600),
        (True, 2, None),
        (True, 3, None),
    ]
    with sampled("externalcontact.get_groupmsg_send_result.group"):
        (row,) = client.broadcasts.deliveries("m", LINA).rows
    assert (row.recipient, row.external_userid) == ("wrSimCAAAAc4mXe9hJ2RtUvKzQpLsG01", None)
    for name, call in (
        ("remind_groupmsg_send", client.broadcasts.remind),
        ("cancel_groupmsg_send", client.broadcasts.cancel),
    ):
        with sampled(f"externalcontact.{name}") as asked:
            call("m")
        assert asked.bodies == [b'{"msgid":"m"}']


def test_a_member_confirms_and_the_customer_has_it(sim: Sim, client: WeComClient):
    """Nothing is read right after the creation (41063), nothing is sent before the member confirms."""
    befriend(sim, silent=True)
    made = client.broadcasts.to_customers("你好", external_userids=[WHALE], sender=LINA)
    with pytest.raises(WeComRetryableError) as caught:
        list(client.broadcasts.every_task(made.msgid))
    assert (caught.value.code, caught.value.after_s) == (41063, 60.0)
    sim("clock", {"advance_s": DISPATCHED_S})
    assert [(one.userid, one.status) for one in client.broadcasts.every_task(made.msgid)] == [("LiNa", 0)]
    client.broadcasts.remind(made.msgid)
    sim.corp("act", {"do": "confirm_broadcast", "msgid": made.msgid, "userid": "LiNa"})
    (row,) = client.broadcasts.every_delivery(made.msgid, LINA)
    assert (row.external_userid, row.status) == (WHALE, 1)
    now = int(sim("clock")["now"])
    (one,) = client.broadcasts.every_broadcast("single", start_time=now - 3600, end_time=now + 60)
    assert (one.msgid, one.text) == (made.msgid, Words("你好"))
    client.broadcasts.cancel(made.msgid)


def test_a_customer_is_greeted_once(sim: Sim, client: WeComClient):
    """The code comes with the event; the second greeting is refused, and never tried again here."""
    befriend(sim, welcome=True)
    (code,) = [one["code"] for one in sim.corp("look/welcomes")]
    client.welcome.send(code, "欢迎", [LINK])
    assert sim.corp("look/welcomes")[0]["said"]
    with pytest.raises(WeComTerminalError) as caught:
        client.welcome.send(code, "欢迎")
    assert caught.value.code in {41050, 41051}
    with sampled("externalcontact.send_welcome_msg") as asked:
        client.welcome.send("CODE", "欢迎")
    assert asked.bodies == ['{"welcome_code":"CODE","text":{"content":"欢迎"}}'.encode()]
    with sampled("externalcontact.send_welcome_msg.error_41050"), pytest.raises(WeComTerminalError):
        client.welcome.send("CODE", "欢迎")


def test_groups_greet_with_material(sim: Sim, client: WeComClient):
    """Made, read, changed, deleted."""
    template_id = client.welcome.add_for_groups(GroupWelcome(Words("欢迎 %NICKNAME%"), link=LINK), notify=False)
    client.welcome.edit_for_groups(template_id, GroupWelcome(Words("你好 %NICKNAME%")))
    assert client.welcome.get_for_groups(template_id).text == Words("你好 %NICKNAME%")
    client.welcome.delete_for_groups(template_id)
    with pytest.raises(WeComTerminalError):
        client.welcome.get_for_groups(template_id)


def test_material_as_wecom_shows_it(client: WeComClient):
    """Pictures come back as addresses."""
    with sampled("externalcontact.group_welcome_template.get"):
        said = client.welcome.get_for_groups("t")
    assert said == GroupWelcome(Words("Welcome %NICKNAME%"), Image(pic_url="https://p.qpic.example/pic_wework/sim2"))
    with sampled("externalcontact.group_welcome_template.add") as asked:
        assert client.welcome.add_for_groups(GroupWelcome(file=File("f")), notify=False) == "msgSimTPL0001"
    assert asked.bodies == [b'{"file":{"media_id":"f"},"notify":0}']
    with sampled("externalcontact.group_welcome_template.edit") as asked:
        client.welcome.edit_for_groups("t", GroupWelcome(Words("x")))
    assert asked.bodies == [b'{"template_id":"t","text":{"content":"x"}}']
    with sampled("externalcontact.group_welcome_template.del"):
        client.welcome.delete_for_groups("t")


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    tasks, welcome, to = client.broadcasts, client.welcome, {"external_userids": [WHALE]}
    for call in (
        lambda: tasks.to_customers("x"),
        lambda: tasks.to_customers(None, **to),
        lambda: tasks.to_customers("客" * 1334, **to),
        lambda: tasks.to_customers("x", [Image(media_id="m")] * 10, **to),
        lambda: tasks.to_customers("x", [Image()], **to),
        lambda: tasks.to_customers("x", [Video()], **to),
        lambda: tasks.to_customers("x", [Link(title="客" * 43)], **to),
        lambda: tasks.to_customers("x", [Link(url="x" * 2049)], **to),
        lambda: tasks.to_customers("x", [MiniProgram(title="客" * 22)], **to),
        lambda: tasks.to_customers("x", external_userids=[WHALE] * 10_001),
        lambda: tasks.to_customers("x", tag_filter=[["et"] * 101]),
        lambda: tasks.to_customers("x", **to, tag_filter=[["et"]]),
        lambda: tasks.to_groups("x", sender=UserId("")),
        lambda: tasks.to_groups("x", sender=LINA, chat_ids=["wr"] * 2001),
        lambda: tasks.list("single", start_time=0, end_time=32 * 86_400),
        lambda: welcome.send("", "x"),
        lambda: welcome.send("CODE", ""),
        lambda: welcome.add_for_groups(GroupWelcome()),
        lambda: welcome.add_for_groups(GroupWelcome(Words("客" * 1001))),
        lambda: welcome.edit_for_groups("t", GroupWelcome(image=Image(media_id="m"), link=LINK)),
    ):
        with pytest.raises(ValueError, match="externalcontact/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
