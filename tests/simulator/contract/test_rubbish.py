"""Whatever is sent to customer contact is answered: with the envelope, and refused before anything is done."""

import json

import pytest

from simulator.families import ENDPOINTS

PATHS = sorted(
    path for path, item in ENDPOINTS.items() if path.startswith("externalcontact/") and item.method == "POST"
)
TEXTS = (
    "userid external_userid config_id msgid moment_id chat_id opengid handover_userid takeover_userid new_owner sender "
    "creator chat_type welcome_code template_id group_name group_id id name strategy_name cursor remark state unionid "
    "room_base_name transfer_success_msg remark_pic_mediaid"
).split()
LISTS = (
    "userid_list external_userid chat_id_list chat_id tag_id group_id add_tag remove_tag tag admin_list range range_add "
    "range_del user party userid partyid attachments remark_mobiles"
).split()
NUMBERS = (
    "limit page_size page_id offset type scene style expires_in chat_expires_in order order_by strategy_id parent_id "
    "source_agentid start_time end_time day_begin_time day_end_time status_filter room_base_id filter_type"
).split()
OBJECTS = "text image link miniprogram video file tag_filter owner_filter visible_range privilege conclusions".split()
FLAGS = "is_temp skip_verify auto_create_room need_name allow_select order_asc mark_source is_exclusive".split()
EVERYTHING = tuple(dict.fromkeys([*TEXTS, *LISTS, *NUMBERS, *OBJECTS, *FLAGS]))
RUBBISH = [-1, 2**63, 1.5, True, "", "x" * 5000, "😀中", [None], [[]], [{}], ["é"], [1], {"a": 1}, {"content": [1]}]


def answers(sim, path, body):
    return sim.http.post(f"{sim.url}/cgi-bin/{path}?access_token={sim.token}", data=body, timeout=10)


@pytest.fixture
def life(sim):
    """Something of everything, so that rubbish gets beyond the first check."""
    sim.sim("limits", {"per_minute": 0, "ip_per_minute": 0})
    external_userid = sim.act("add", userid="LiNa")["external_userid"]
    sim.act("create_chat", owner="LiNa")
    return {
        "userid": "LiNa",
        "external_userid": external_userid,
        "userid_list": ["LiNa"],
        "type": 1,
        "scene": 2,
        "limit": 5,
        "text": {"content": "x"},
        "sender": "LiNa",
        "group_name": "G",
    }


@pytest.mark.parametrize("path", PATHS)
def test_a_value_of_another_type_is_refused_by_its_field(sim, life, path):
    """Sound JSON is never called broken: each field is read by its type, alone and beside others that are right."""
    for value in RUBBISH:
        for key in EVERYTHING:
            for body in ({key: value}, {**life, key: value}):
                answer = answers(sim, path, json.dumps(body))
                assert answer.status_code == 200, body
                assert "Warning" not in answer.json()["errmsg"] or key in {"userid", "external_userid"}, body


BROKEN = [
    b"",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"userid": "\\ud800"}',
    b'{"userid": ["\\ud800"], "tag": [{"name": "\\ud800"}], "group_name": "\\ud800", "external_userid": ["\\ud800"]}',
    b'{"room_base_id": 1e999, "partyid": [Infinity, NaN], "limit": -Infinity}',
    b'{"limit": "' + b"9" * 5000 + b'"}',
    b'{"userid": ' + b"[" * 50_000,
]


@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_json_has_an_envelope(sim, path):
    """Half characters, numbers without end and brackets without end are 40058 or are left out."""
    for body in BROKEN:
        answer = answers(sim, path, body)
        assert answer.status_code == 200, body[:60]
        assert "errcode" in answer.json()


def test_half_a_character_is_not_kept(sim):
    """A name that cannot be written would break every later read."""
    body = b'{"group_name": "G", "tag": [{"name": "\\ud800"}]}'
    assert answers(sim, "externalcontact/add_corp_tag", body).json()["errcode"] == 40063
    assert sim.post("externalcontact/get_corp_tag_list", {})["tag_group"] == []
