"""Customer groups and the ways to join them."""

import pytest

from shared.ids import UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import UnreachableError, WeComTerminalError
from shared.wecom.payloads.chats import ChatKey, JoinWay, JoinWaySettings
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered, sampled

LINA = UserId("LiNa")
SETTLED_S = 5


def test_a_group_as_wecom_shows_it(client: WeComClient):
    """Members of both kinds, who invited them, by which code they came."""
    with sampled("externalcontact.groupchat.get") as asked:
        chat = client.chats.get("wr1", names=True)
    assert asked.bodies == [b'{"chat_id":"wr1","need_name":1}']
    assert (chat.name, chat.owner, chat.admins) == ("Harbor fans", "chenwei", ("liuyang",))
    assert chat.member_version == "8f14e45fceea167a5a36dedd4bea2543"
    assert chat.members is not None
    assert [(one.type, one.join_scene, one.invitor, one.state) for one in chat.members] == [
        (1, 1, None, None),
        (2, 1, "chenwei", None),
        (2, 3, None, "poster-A"),
    ]


def test_groups_are_listed_with_their_state(client: WeComClient):
    """The limit is required; owners are asked for in blocks."""
    with sampled("externalcontact.groupchat.list") as asked:
        page = client.chats.list(owners=[LINA], status=1, cursor="c")
        client.chats.list()
    assert page.rows[1] == ChatKey("wrSimCAAAAk8sPd2nB7YfWqAoEiUrG02", 1)
    assert page.next_cursor
    assert asked.bodies == [
        b'{"status_filter":1,"owner_filter":{"userid_list":["LiNa"]},"cursor":"c","limit":1000}',
        b'{"limit":1000}',
    ]


def test_a_group_from_the_simulator(sim: Sim, client: WeComClient):
    """Made, listed, read, dismissed."""
    whale = sim.corp("act", {"do": "add", "userid": "LiNa", "name": "Whale", "silent": True})["external_userid"]
    order = {"do": "create_chat", "owner": "LiNa", "name": "粉丝群", "members": ["ZhaoMin", whale], "silent": True}
    chat_id = sim.corp("act", order)["chat_id"]
    sim("clock", {"advance_s": SETTLED_S})
    assert [one.chat_id for one in client.chats.every_chat(owners=[LINA])] == [chat_id]
    chat = client.chats.get(chat_id)
    assert (chat.name, chat.owner) == ("粉丝群", "LiNa")
    assert {one.userid for one in chat.members or ()} == {"LiNa", "ZhaoMin", whale}
    assert {one.name for one in chat.members or ()} == {None}
    failed = client.transfers.transfer_chats([chat_id, "wrNobody"], new_owner=UserId("ZhaoMin"))
    assert [one.chat_id for one in failed] == ["wrNobody"]
    with pytest.raises(WeComTerminalError) as caught:
        client.chats.get("wrNobody")
    assert caught.value.code == 40050


def test_a_dismissed_group_is_an_error_of_its_own(client: WeComClient):
    """49008 is not unknown."""
    with sampled("externalcontact.groupchat.get.error_49008"), pytest.raises(WeComTerminalError) as caught:
        client.chats.get("wr1")
    assert caught.value.code == 49008


def test_a_mini_programs_group_id_is_turned(client: WeComClient):
    """Source of the opengid: the mini program."""
    with sampled("externalcontact.opengid_to_chatid"):
        assert client.chats.id_of_opengid("o1") == "wrSimCAAAAc4mXe9hJ2RtUvKzQpLsG01"


def test_a_join_way_as_wecom_shows_it(client: WeComClient):
    """Every setting comes back."""
    with sampled("externalcontact.groupchat.get_join_way"):
        way = client.join_ways.get("0a1b")
    assert isinstance(way, JoinWay)
    assert (way.scene, way.auto_create_room, way.room_base_id, way.state, way.mark_source) == (
        2,
        1,
        10,
        "poster-A",
        True,
    )
    assert way.chat_id_list is not None
    assert len(way.chat_id_list) == 2
    settings = JoinWaySettings(scene=2, chat_id_list=("wr1",), remark="海报", auto_create_room=0)
    body = '"scene":2,"chat_id_list":["wr1"],"remark":"海报","auto_create_room":0}'
    with sampled("externalcontact.groupchat.add_join_way") as asked:
        assert client.join_ways.add(settings) == "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    assert asked.bodies == [("{" + body).encode()]
    with sampled("externalcontact.groupchat.update_join_way") as asked:
        client.join_ways.update("0a1b", settings)
    assert asked.bodies == [('{"config_id":"0a1b",' + body).encode()]
    with sampled("externalcontact.groupchat.del_join_way") as asked:
        client.join_ways.delete("0a1b")
    assert asked.bodies == [b'{"config_id":"0a1b"}']


def test_a_join_way_from_the_simulator(sim: Sim, client: WeComClient):
    """Overwritten as a whole, then gone."""
    order = {"do": "create_chat", "owner": "LiNa", "name": "粉丝群", "members": ["ZhaoMin"], "silent": True}
    chat_id = sim.corp("act", order)["chat_id"]
    sim("clock", {"advance_s": SETTLED_S})
    config_id = client.join_ways.add(JoinWaySettings(scene=2, chat_id_list=(chat_id,), state="poster", remark="A"))
    client.join_ways.update(config_id, JoinWaySettings(scene=2, chat_id_list=(chat_id,), state="leaflet"))
    way = client.join_ways.get(config_id)
    assert (way.chat_id_list, way.state) == ((chat_id,), "leaflet")
    client.join_ways.delete(config_id)
    with pytest.raises(WeComTerminalError):
        client.join_ways.get(config_id)


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    for call in (
        lambda: client.chats.list(owners=[LINA] * 101),
        lambda: client.join_ways.add(JoinWaySettings(scene=2, chat_id_list=())),
        lambda: client.join_ways.add(JoinWaySettings(scene=2, chat_id_list=("wr",) * 6)),
        lambda: client.join_ways.add(JoinWaySettings(scene=2, chat_id_list=("wr",), remark="x" * 31)),
        lambda: client.join_ways.update("c", JoinWaySettings(scene=2, chat_id_list=("wr",), state="x" * 31)),
        lambda: client.join_ways.update("c", JoinWaySettings(scene=2, chat_id_list=("wr",), room_base_name="x" * 41)),
    ):
        with pytest.raises(ValueError, match="externalcontact/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
    with (
        answered("externalcontact/groupchat/get", {"errcode": 0}),
        pytest.raises(UnreachableError, match="without Chat"),
    ):
        client.chats.get("wr1")
