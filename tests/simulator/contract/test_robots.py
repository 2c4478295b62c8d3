"""Group robots: the key is the only credential; limits, uploads of their own, pictures with a checksum."""

import base64
import hashlib

import pytest
import requests

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
URL = "https://guanxi.example/c/1"
NOTICE = {"card_type": "text_notice", "main_title": {"title": "新客户"}, "card_action": {"type": 1, "url": URL}}


@pytest.fixture
def key(sim):
    """A robot in some group, at the beginning of a minute."""
    sim.sim("clock", {"advance_s": 61 - sim.sim("clock")["now"] % 60})
    return sim.act("make_robot", name="店长助手")["key"]


def post(sim, key, msgtype, payload):
    answer = requests.post(
        f"{sim.url}/cgi-bin/webhook/send", params={"key": key}, json={"msgtype": msgtype, msgtype: payload}, timeout=10
    )
    assert answer.status_code == 200
    return answer.json()


def text(sim, key, content="你好", **rest):
    return post(sim, key, "text", {"content": content, **rest})


def upload(sim, key, kind, raw):
    return requests.post(
        f"{sim.url}/cgi-bin/webhook/upload_media",
        params={"key": key, "type": kind},
        files={"media": ("报表.txt", raw, "text/plain")},
        timeout=10,
    ).json()


def robot(sim, key):
    return next(item for item in sim.corp("look/robots") if item["key"] == key)


def picture(raw, *, md5=None):
    return {"base64": base64.b64encode(raw).decode(), "md5": md5 or hashlib.md5(raw).hexdigest()}


def test_messages_12_a_robot_posts_without_a_token(sim, key):
    """The key is enough; there is no msgid; who is mentioned is recorded."""
    answer = text(sim, key, mentioned_list=["LiNa", "@all"], mentioned_mobile_list=["13800000000"])
    assert (answer["errcode"], answer["errmsg"], "msgid" in answer) == (0, "ok", False)
    post(sim, key, "markdown", {"content": "**好** <@LiNa>", "mentioned_list": ["Wang"]})
    post(sim, key, "markdown_v2", {"content": "| a |\n|---|\n<@LiNa>"})
    assert [item["mentioned"] for item in robot(sim, key)["posts"]] == [["LiNa", "@all"], ["LiNa"], []]


def test_messages_12_a_bad_key_is_93000(sim, key):
    """Unknown, missing, or of a robot that was taken out of its group."""
    assert text(sim, "nonsense")["errcode"] == 93000
    assert requests.post(f"{sim.url}/cgi-bin/webhook/send", json={}, timeout=10).json()["errcode"] == 93000
    sim.act("remove_robot", key=key)
    assert text(sim, key)["errcode"] == 93000
    assert upload(sim, key, "file", b"hello world")["errcode"] == 93000
    sim.act("remove_robot", key=key, status=409)


def test_messages_12_the_21st_message_of_a_minute_is_refused(sim, key):
    """45009 for that robot only, for a minute."""
    assert [text(sim, key, str(number))["errcode"] for number in range(21)] == [0] * 20 + [45009]
    assert text(sim, sim.act("make_robot")["key"])["errcode"] == 0
    sim.sim("clock", {"advance_s": 61})
    assert text(sim, key)["errcode"] == 0
    assert len(robot(sim, key)["posts"]) == 21


@pytest.mark.parametrize(
    ("msgtype", "payload", "code"),
    [
        ("text", {"content": ""}, 44004),
        ("text", {"content": "x" * 2048}, 0),
        ("text", {"content": "x" * 2049}, 40058),
        ("text", {"content": "x", "mentioned_list": "LiNa"}, 40058),
        ("markdown", {"content": "长" * 1365}, 0),
        ("markdown", {"content": "长" * 1366}, 40058),
        ("markdown_v2", {"content": "x" * 4097}, 40058),
        ("textcard", {"title": "x"}, 40008),
        ("news", {"articles": []}, 40063),
        ("news", {"articles": [{"title": "x", "url": URL}] * 9}, 45008),
        ("news", {"articles": [{"title": "x"}]}, 41010),
        ("news", {"articles": [{"title": "x", "url": URL}]}, 0),
        ("template_card", NOTICE, 0),
        ("template_card", {**NOTICE, "card_action": {}}, 42045),
        ("template_card", {**NOTICE, "card_type": "button_interaction"}, 42031),
        ("image", picture(PNG), 0),
        ("image", picture(PNG, md5="0" * 32), 40058),
        ("image", {"base64": "%%%", "md5": "0" * 32}, 40058),
        ("image", {"md5": "0" * 32}, 40063),
        ("image", picture(b"GIF89a" + b"0" * 64), 40004),
        ("image", picture(PNG + b"0" * 2 * 1024 * 1024), 40009),
        ("file", {"media_id": "nonsense"}, 40007),
    ],
)
def test_messages_12_a_post_is_checked(sim, key, msgtype, payload, code):
    """What is too long is refused, not cut; a picture must be JPG or PNG up to 2 MB and fit its md5."""
    assert post(sim, key, msgtype, payload)["errcode"] == code
    assert len(robot(sim, key)["posts"]) == (code == 0)


def test_messages_12_uploads_serve_that_robot_alone_for_three_days(sim, key):
    """Another robot cannot use them, nor can an app."""
    made = upload(sim, key, "file", b"hello world")
    assert (made["errcode"], made["type"]) == (0, "file")
    assert made["created_at"].isdecimal()
    file = {"media_id": made["media_id"]}
    assert post(sim, key, "file", file)["errcode"] == 0
    assert post(sim, key, "voice", file)["errcode"] == 40007
    assert post(sim, sim.act("make_robot")["key"], "file", file)["errcode"] == 40007
    body = {"touser": "LiNa", "agentid": 1000002, "msgtype": "file", "file": file}
    assert sim.post("message/send", body)["errcode"] == 40007
    sim.sim("clock", {"advance_s": 3 * 86_400})
    assert post(sim, key, "file", file)["errcode"] == 40007
    assert robot(sim, key)["media"][0]["filename"] == "报表.txt"


@pytest.mark.parametrize(
    ("kind", "raw", "code"),
    [
        ("image", PNG, 40005),
        ("file", b"", 44001),
        ("file", b"12345", 40006),
        ("voice", b"hello world", 40004),
        ("voice", b"#!AMR\n" + b"0" * 64, 0),
        ("voice", b"#!AMR\n" + b"0" * 2 * 1024 * 1024, 45001),
    ],
)
def test_messages_12_an_upload_is_checked(sim, key, kind, raw, code):
    """File or voice, more than 5 bytes, AMR for voice, up to the size."""
    assert upload(sim, key, kind, raw)["errcode"] == code


def test_messages_12_an_upload_without_a_file_is_44001(sim, key):
    """A body that is no multipart form, or has no part named media."""
    url, query = f"{sim.url}/cgi-bin/webhook/upload_media", {"key": key, "type": "file"}
    assert requests.post(url, params=query, data=b"hello", timeout=10).json()["errcode"] == 44001
    other = requests.post(url, params=query, files={"other": ("a", b"hello world")}, timeout=10).json()
    assert other["errcode"] == 44001
