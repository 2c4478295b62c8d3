"""Whatever is sent to customer contact is answered: with the envelope, and refused by the field that is wrong."""

import orjson
import pytest

from simulator import configuration
from simulator.actions import act
from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.families import ENDPOINTS
from simulator.world import World

POSTS = {
    path.removeprefix("externalcontact/"): item.run
    for path, item in ENDPOINTS.items()
    if path.startswith("externalcontact/") and item.method == "POST"
}
# What a field could be taken for; the names of all fields that the endpoints read.
LIFE = {
    "userid": "LiNa", "userid_list": ["LiNa"], "handover_userid": "LiNa", "takeover_userid": "Wang", "sender": "LiNa",
    "new_owner": "LiNa", "creator": "LiNa", "admin_list": ["LiNa"], "user": ["LiNa"], "partyid": [1], "party": [1],
    "chat_type": "single", "text": {"content": "x"}, "attachments": [{"msgtype": "link", "link": {"title": "t"}}],
    "image": {"pic_url": "u"}, "link": {"title": "t", "url": "u"}, "miniprogram": {}, "video": {}, "file": {},
    "tag_filter": {"group_list": [{"tag_list": ["t"]}]}, "owner_filter": {"userid_list": ["LiNa"]},
    "visible_range": {"sender_list": {"user_list": []}, "external_contact_list": {"tag_list": ["t"]}},
    "conclusions": {"text": {"content": "x"}}, "privilege": {"share_customer": True}, "allow_select": True,
    "range": [{"type": 1, "userid": "LiNa"}], "range_add": [{"type": 2, "partyid": 1}], "range_del": [],
    "strategy_id": 1, "parent_id": 0, "strategy_name": "n", "group_id": [], "group_name": "G", "id": "x", "name": "n",
    "order": 1, "tag": [{"name": "a", "order": 1}], "tag_id": ["t"], "add_tag": ["t"], "remove_tag": ["t"],
    "cursor": "", "limit": 5, "page_size": 5, "page_id": 0, "offset": 0, "order_by": 1, "order_asc": 0,
    "start_time": 1_700_000_000, "end_time": 1_700_000_001, "day_begin_time": 1, "day_end_time": 2, "filter_type": 2,
    "status_filter": 0, "type": 1, "scene": 2, "style": 1, "remark": "r", "description": "d", "state": "s",
    "remark_company": "c", "remark_mobiles": ["1"], "remark_pic_mediaid": "m", "unionid": "u", "skip_verify": True,
    "is_temp": True, "is_exclusive": False, "mark_source": True, "expires_in": 60, "chat_expires_in": 60,
    "auto_create_room": 1, "room_base_name": "b", "room_base_id": 1, "need_name": 1, "opengid": "o", "agentid": 1,
    "source_agentid": 1, "transfer_success_msg": "m", "welcome_code": "w", "template_id": "t", "notify": 1,
}  # fmt: skip
RUBBISH = [-1, 2**62, 1.5, True, "", "x" * 5000, "😀", [None], [[]], [{}], ["é"], [1], {"a": 1}, {"content": [1]}, None]


@pytest.fixture(scope="module")
def ask():
    """Run an endpoint on a body, as the dispatcher does; the ids of a small life stand in for those of LIFE."""
    world = World()
    told = {"corp_id": "wwsimrubbish", "apps": [{"name": "a", "secret": "s", "agent_id": 7}]}
    corp = configuration.put_corp(world, told)
    configuration.put_members(world, corp, [{"userid": "LiNa"}, {"userid": "Wang"}])

    def run(path, body):
        return POSTS[path](Call(world, corp, corp.apps["s"], {}, orjson.dumps(body)))

    def do(**order):
        return act(world, corp, order)

    ids = {"external_userid": do(do="add", userid="LiNa")["external_userid"]}
    ids["chat_id"] = do(do="create_chat", owner="LiNa")["chat_id"]
    world.offset_s += 10
    ids["chat_id_list"] = [ids["chat_id"]]
    ids["config_id"] = run("add_contact_way", {"type": 1, "scene": 2, "user": ["LiNa"]})["config_id"]
    ids["msgid"] = run("add_msg_template", {"sender": "LiNa", "text": {"content": "x"}})["msgid"]
    ids["moment_id"] = do(do="post_moment", userid="LiNa", text="x")["moment_id"]
    world.offset_s += 10
    return lambda path, body: run(path, {**ids, **body})


@pytest.mark.parametrize("path", sorted(POSTS))
def test_a_value_of_another_type_is_refused_by_its_field(ask, path):
    """Nothing but WeCom's codes comes out, whatever one field is, and whatever the others are."""
    for key in {*LIFE, "external_userid", "chat_id", "chat_id_list", "config_id", "msgid", "moment_id"}:
        for value in RUBBISH:
            for body in ({key: value}, {**LIFE, key: value}):
                try:
                    ask(path, body)
                except ApiError:
                    continue


BROKEN = [
    b"",
    b"[]",
    b"\xff\xfe",
    b'{"userid": ["\\ud800"], "tag": [{"name": "\\ud800"}], "group_name": "\\ud800", "external_userid": ["\\ud800"]}',
    b'{"room_base_id": 1e999, "partyid": [Infinity, NaN], "limit": -Infinity}',
    b'{"limit": "' + b"9" * 5000 + b'"}',
    b'{"userid": ' + b"[" * 50_000,
]


def posted(sim, path, body):
    answer = sim.http.post(f"{sim.url}/cgi-bin/externalcontact/{path}?access_token={sim.token}", data=body, timeout=10)
    assert answer.status_code == 200, (path, body[:60])
    return answer.json()["errcode"]


def test_what_is_no_json_has_an_envelope(sim):
    """Half characters, numbers without end and brackets without end are refused or left out, never a broken server."""
    for path in ("mark_tag", "resigned/transfer_customer", "check_follow_user", "groupchat/add_join_way"):
        assert 0 not in [posted(sim, path, body) for body in BROKEN]


def test_half_a_character_is_not_kept(sim):
    """A name that cannot be written would break every later read."""
    assert posted(sim, "add_corp_tag", b'{"group_name": "G", "tag": [{"name": "\\ud800"}]}') == 40063
    assert sim.post("externalcontact/get_corp_tag_list", {})["tag_group"] == []
