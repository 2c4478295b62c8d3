"""Uploads: what the bytes are, how large, how long, and for how many days."""

import struct
import zlib

import pytest

CORP, MB = "wwsimtest0001", 1024 * 1024
DAY_S = 86_400


def box(name, content):
    return struct.pack(">I", 8 + len(content)) + name + content


def png(width=1, height=1):
    """The beginning of a picture: its head and its size."""
    size = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + size + struct.pack(">I", zlib.crc32(size))


def jpg(width=1, height=1):
    """A comment before the frame that holds the size."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xfe" + struct.pack(">H", 6) + b"note" + frame + b"\xff\xd9"


def amr(seconds):
    """Frames of 12.2 kbit/s: 32 bytes for 20 ms."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * int(seconds * 50)


def mp4(seconds):
    """The movie header comes after the content."""
    head = bytes(12) + struct.pack(">II", 600, int(seconds * 600)) + bytes(80)
    return box(b"ftyp", b"isom\0\0\2\0") + box(b"mdat", bytes(64)) + box(b"moov", box(b"mvhd", head))


def padded(content, size):
    return content + bytes(size - len(content))


def nameless(value):
    """Bytes do not belong into the name of a test."""
    return "" if isinstance(value, bytes) else None


def upload(sim, content, *, path="media/upload", name="a.bin", field="media", **query):
    """One multipart upload."""
    answer = sim.http.post(
        f"{sim.url}/cgi-bin/{path}",
        params={"access_token": sim.token, **query},
        files={field: (name, content, "application/octet-stream")},
        timeout=20,
    )
    assert answer.status_code == 200
    return answer.json()


def attach(sim, content, media_type, attachment_type=1):
    query = {"media_type": media_type, "attachment_type": attachment_type}
    return upload(sim, content, path="media/upload_attachment", **query)


@pytest.mark.parametrize(
    ("kind", "content"),
    [("image", jpg()), ("image", png()), ("voice", amr(60)), ("video", mp4(90)), ("file", b"a,b,c\n")],
    ids=nameless,
)
def test_platform_15_each_kind_is_accepted_as_what_it_is(sim, kind, content):
    """The answer has type, media_id and created_at, which is text."""
    found = upload(sim, content, type=kind, name="报表.bin")
    assert (found["errcode"], found["type"]) == (0, kind)
    assert abs(int(found["created_at"]) - sim.sim("clock")["now"]) < 10
    assert type(found["created_at"]) is str
    kept = sim.corp("look/media")[0]
    assert (kept["media_id"], kept["filename"], kept["size"]) == (found["media_id"], "报表.bin", len(content))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image", b"GIF89a" + bytes(20)),
        ("image", amr(1)),
        ("voice", b"ID3" + bytes(20)),
        ("voice", mp4(1)),
        ("video", png()),
        ("video", b"RIFF0000AVI " + bytes(20)),
    ],
    ids=nameless,
)
def test_platform_15_bytes_of_another_format_are_40004(sim, kind, content):
    """Whatever the file is called."""
    assert upload(sim, content, type=kind, name="a.jpg")["errcode"] == 40004


@pytest.mark.parametrize("query", [{}, {"type": ""}, {"type": "picture"}, {"type": "thumb"}])
def test_platform_15_the_type_is_one_of_four(sim, query):
    """40005 otherwise."""
    assert upload(sim, png(), **query)["errcode"] == 40005


def test_platform_15_a_file_has_more_than_five_bytes(sim):
    """40006; none at all, in another field or in no form, is 44001."""
    assert upload(sim, b"12345", type="file")["errcode"] == 40006
    assert upload(sim, b"123456", type="file")["errcode"] == 0
    assert upload(sim, b"", type="file")["errcode"] == 44001
    assert upload(sim, png(), type="image", field="file")["errcode"] == 44001
    answer = sim.http.post(
        f"{sim.url}/cgi-bin/media/upload", params={"access_token": sim.token, "type": "image"}, data=png()
    )
    assert answer.json()["errcode"] == 44001


@pytest.mark.parametrize(
    ("kind", "content", "most"),
    [("image", png(), 10 * MB), ("voice", amr(1), 2 * MB), ("video", mp4(1), 10 * MB), ("file", b"text", 20 * MB)],
    ids=nameless,
)
def test_platform_15_each_kind_has_its_size(sim, kind, content, most):
    """One byte more is 45001."""
    assert upload(sim, padded(content, most + 1), type=kind)["errcode"] == 45001


def test_platform_15_the_size_of_an_image_can_be_another(sim):
    """The table of codes still says 5 MB; the last byte is allowed."""
    sim.sim("settings", {"media": {"image_bytes": MB}})
    assert upload(sim, padded(png(), MB), type="image")["errcode"] == 0
    assert upload(sim, padded(png(), MB + 1), type="image")["errcode"] == 45001


def test_platform_15_a_voice_lasts_a_minute(sim):
    """Counted by its frames; 45007."""
    assert upload(sim, amr(60.1), type="voice")["errcode"] == 45007
    assert upload(sim, amr(60), type="voice")["errcode"] == 0


def send(sim, media_id, *, agent_id=1000002, kind="image"):
    body = {"touser": "LiNa", "msgtype": kind, "agentid": agent_id, kind: {"media_id": media_id}}
    return sim.post("message/send", body)["errcode"]


def test_platform_15_media_live_three_days(sim):
    """Then a message with them is 40007."""
    media_id = upload(sim, png(), type="image")["media_id"]
    sim.sim("clock", {"advance_s": 3 * DAY_S - 10})
    sim.sign_in()
    assert (send(sim, media_id), sim.corp("look/media")[0]["expired"]) == (0, False)
    sim.sim("clock", {"advance_s": 11})
    assert (send(sim, media_id), sim.corp("look/media")[0]["expired"]) == (40007, True)


def test_platform_15_all_apps_of_the_corp_may_use_them_and_no_other_corp(sim):
    """A sibling sends them; to another corp the id is 40007, and so is a kind that does not fit."""
    media_id = upload(sim, png(), type="image")["media_id"]
    sim.sign_in(secret="secret-two")
    assert send(sim, media_id, agent_id=1000003) == 0
    assert send(sim, media_id, agent_id=1000003, kind="video") == 40007
    other = "wwsimtest0002"
    sim.sim("corps", {"corp_id": other, "apps": [{"secret": "other", "agent_id": 7}]})
    sim.sim(f"corps/{other}/members", [{"userid": "LiNa"}])
    query = {"corpid": other, "corpsecret": "other"}
    sim.token = sim.http.get(f"{sim.url}/cgi-bin/gettoken", params=query).json()["access_token"]
    assert send(sim, media_id, agent_id=7) == 40007


def test_platform_15_attachments_say_what_they_are_for(sim):
    """Pictures and films for moments, pictures for albums; created_at is a number and errmsg empty."""
    found = attach(sim, jpg(1080, 10_800), "image")
    assert (found["errcode"], found["errmsg"], found["type"], type(found["created_at"])) == (0, "", "image", int)
    assert attach(sim, mp4(30), "video")["errcode"] == 0
    assert attach(sim, png(5000, 5000), "image", 2)["errcode"] == 0
    assert [item["kind"] for item in sim.corp("look/media")] == ["moment_image", "moment_video", "album_image"]
    assert send(sim, found["media_id"]) == 40007


@pytest.mark.parametrize(
    ("content", "media_type", "scene", "errcode"),
    [
        (png(), "file", 1, 41072),
        (mp4(1), "video", 2, 41072),
        (png(), "image", 3, 41072),
        (padded(png(), 10 * MB + 1), "image", 1, 41080),
        (jpg(1081, 1081), "image", 1, 41081),
        (png(1080, 10_801), "image", 1, 41081),
        (mp4(30.5), "video", 1, 41082),
        (b"RIFF0000AVI " + bytes(20), "video", 1, 41090),
        (b"GIF89a" + bytes(20), "image", 2, 40004),
    ],
    ids=nameless,
)
def test_platform_15_an_attachment_is_refused_for_what_is_wrong_with_it(sim, content, media_type, scene, errcode):
    """Scene, size, pixels, length, format: a code for each."""
    assert attach(sim, content, media_type, scene)["errcode"] == errcode


def test_platform_15_attachments_belong_to_customer_contact(sim):
    """An app without it gets 48002."""
    sim.sign_in(secret="secret-two")
    assert attach(sim, png(), "image")["errcode"] == 48002


def test_platform_15_a_picture_gets_an_address_that_stays(sim):
    """No media_id; JPG and PNG only."""
    first, second = (upload(sim, png(), path="media/uploadimg") for _ in range(2))
    assert first["url"].startswith("https://")
    assert first.keys() == {"errcode", "errmsg", "url"}
    assert first["url"] != second["url"]
    assert upload(sim, b"GIF89a" + bytes(20), path="media/uploadimg")["errcode"] == 40004
    assert upload(sim, padded(png(), 2 * MB + 1), path="media/uploadimg")["errcode"] == 45001


def test_platform_15_a_thousand_pictures_a_day(sim):
    """And 3000 a month, lowered here: 45009 until the day ends in UTC+8, or for 30 days."""
    numbers = sim.sim("settings")["media"]
    assert (numbers["pictures_per_day"], numbers["pictures_per_month"]) == (1000, 3000)
    sim.sim("settings", {"media": {"pictures_per_day": 2, "pictures_per_month": 3}})

    def codes(count):
        sim.sign_in()
        return [upload(sim, png(), path="media/uploadimg")["errcode"] for _ in range(count)]

    assert codes(3) == [0, 0, 45009]
    sim.sim("clock", {"advance_s": DAY_S})
    assert codes(2) == [0, 45009]
    sim.sim("clock", {"advance_s": 2 * DAY_S})
    assert codes(1) == [45009]
    sim.sim("clock", {"advance_s": 31 * DAY_S})
    assert codes(1) == [0]
