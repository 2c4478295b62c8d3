"""Messages of an app to members: recipients, limits, duplicates, cuts, media, recall, statistics."""

import time

import pytest
import requests

AGENT = 1000002
CORP = "wwsimtest0001"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
AMR = b"#!AMR\n" + b"0" * 64
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"0" * 64
HOUR = 3600


def message(msgtype, payload, **rest):
    return {"touser": "LiNa", "msgtype": msgtype, "agentid": AGENT, msgtype: payload, **rest}


def text(content="你好", **rest):
    return message("text", {"content": content}, **rest)


def send(sim, body):
    return sim.post("message/send", body)


def code(sim, body):
    return send(sim, body)["errcode"]


def received(sim):
    return sorted(item["userid"] for item in sim.corp("messages"))


def shown(sim):
    return sim.corp("messages")[-1]["displayed"]


def later(sim, seconds):
    """Move the clock; the token may not live that long."""
    sim.sim("clock", {"advance_s": seconds})
    sim.sign_in()


def at_clock_time(sim, hour, minute=0):
    """Move the clock to the next time that it is so late in China."""
    now = sim.sim("clock")["now"]
    later(sim, (hour * HOUR + minute * 60 - (now + 8 * HOUR)) % 86_400)


def upload(sim, kind, raw, filename):
    answer = sim.http.post(
        f"{sim.url}/cgi-bin/media/upload",
        params={"access_token": sim.token, "type": kind},
        files={"media": (filename, raw, "application/octet-stream")},
        timeout=10,
    ).json()
    assert answer["errcode"] == 0, answer
    return answer["media_id"]


@pytest.fixture
def narrow(sim):
    """The app sees department 7 with Far in it, and LiNa by name; ZhaoMin and Wang are beyond it."""
    sim.corp("departments", [{"id": 7}, {"id": 8}])
    sim.corp("members", [{"userid": "Far", "department": [7]}, {"userid": "LiNa", "department": [8]}])
    app = {"name": "Guanxi", "secret": "secret-one", "agent_id": AGENT, "visible": ["LiNa"], "visible_departments": [7]}
    sim.sim("corps", {"corp_id": CORP, "apps": [app]})
    sim.sign_in()
    return sim


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"agentid": AGENT + 1}, 301002),
        ({"agentid": 7}, 40056),
        ({"agentid": str(AGENT)}, 0),
        ({"msgtype": "taskcard"}, 40008),
        ({"msgtype": None}, 40008),
        ({"text": None}, 40063),
        ({"text": "x"}, 40063),
        ({"touser": ""}, 81012),
        ({"touser": " | "}, 81012),
        ({"touser": "|".join(f"u{number}" for number in range(1001))}, 40032),
        ({"toparty": "|".join(str(number) for number in range(101))}, 82002),
        ({"totag": "|".join(str(number) for number in range(101))}, 82003),
        ({"totag": 7}, 40058),
        ({"safe": 3}, 40058),
        ({"safe": 2}, 40058),
        ({"safe": 1}, 0),
    ],
)
def test_messages_01_the_envelope_is_checked(sim, change, expected):
    """The token's own app, a known type with its payload, somebody to send to, and lists of bounded length."""
    assert code(sim, {**text(), **change}) == expected
    assert bool(sim.corp("messages")) is (expected == 0)


def test_messages_01_the_agent_is_not_optional(sim):
    """Without agentid nothing is sent."""
    body = text()
    del body["agentid"]
    assert code(sim, body) == 41011


def test_messages_02_good_recipients_get_it_and_bad_ones_are_named(narrow):
    """Outside the visible range is as bad as unknown; ids come back in lower case; departments are expanded."""
    answer = send(narrow, text(touser="LINA | ZhaoMin|Ghost", toparty="7|8|77", totag="5"))
    assert answer["errcode"] == 0
    assert answer["invaliduser"] == "zhaomin|ghost"
    assert answer["invalidparty"] == "8|77"
    assert answer["invalidtag"] == "5"
    assert received(narrow) == ["Far", "LiNa"]


def test_messages_02_an_empty_department_is_not_bad(sim):
    """It is visible, there is only nobody in it: the call succeeds and reaches nobody."""
    sim.corp("departments", [{"id": 9}])
    answer = send(sim, text(touser="", toparty="9"))
    assert (answer["errcode"], answer["invalidparty"]) == (0, "")
    assert received(sim) == []


def test_messages_02_all_bad_is_81013_with_the_lists_and_nothing_sent(narrow):
    """Only when nobody is left the call fails, and it says who was bad."""
    answer = send(narrow, text(touser="ZhaoMin", toparty="77"))
    assert (answer["errcode"], answer["invaliduser"], answer["invalidparty"]) == (81013, "zhaomin", "77")
    assert narrow.corp("messages") == []


def test_messages_02_a_member_named_twice_gets_it_once(sim):
    """Lists are united: member, department and their parent reach a person once."""
    send(sim, text(touser="LiNa|lina", toparty="2|3"))
    assert received(sim) == ["LiNa", "ZhaoMin"]


def test_messages_02_a_member_tag_reaches_its_members(sim):
    """Tagged members and those of tagged departments get it; the app's scope still holds."""
    tag = sim.post("tag/create", {"tagname": "店长"})["tagid"]
    sim.post("tag/addtagusers", {"tagid": tag, "userlist": ["Wang"], "partylist": [3]})
    answer = send(sim, text(touser="", totag=f"{tag}|999"))
    assert (answer["errcode"], answer["invalidtag"]) == (0, "999")
    assert received(sim) == ["LiNa", "Wang", "ZhaoMin"]


def test_messages_03_everybody_makes_the_other_lists_moot(narrow):
    """With @all the departments and tags are not even looked at; the scope is."""
    answer = send(narrow, text(touser="@all", toparty="77", totag="88"))
    assert (answer["errcode"], answer["invalidparty"], answer["invalidtag"]) == (0, "", "")
    assert received(narrow) == ["Far", "LiNa"]


def test_messages_04_beyond_the_minute_a_message_is_lost_silently(sim):
    """The answer stays 0; only the control API knows. Each member and each app has its own count."""
    sim.sim("settings", {"messages": {"member_per_minute": 2}})
    assert [code(sim, text(str(number))) for number in range(3)] == [0, 0, 0]
    send(sim, text(touser="ZhaoMin"))
    sim.sign_in(secret="secret-two")
    send(sim, text(agentid=AGENT + 1))
    assert [item["dropped"] for item in sim.corp("messages")] == [False, False, True, False, False]


def test_messages_04_beyond_the_hour_too(sim):
    """A slow trickle is cut at the hour's number."""
    sim.sim("settings", {"messages": {"member_per_hour": 2}})
    for number in range(3):
        send(sim, text(str(number)))
        later(sim, 61)
    assert [item["dropped"] for item in sim.corp("messages")] == [False, False, True]
    later(sim, HOUR)
    send(sim, text())
    assert sim.corp("messages")[-1]["dropped"] is False


def test_messages_04_the_day_counts_person_times_before_any_drop(sim):
    """Accounts × 200 a day and app; what was dropped for one member counts, the next day is free again."""
    at_clock_time(sim, 20)
    sim.sim("settings", {"messages": {"accounts": 1, "person_times_per_account": 4, "member_per_minute": 1}})
    assert [code(sim, text(str(number), touser="LiNa|Wang")) for number in range(3)] == [0, 0, 45009]
    assert len(sim.corp("messages")) == 4
    (day,) = sim.corp("look/message_days")
    assert (day["agent_id"], day["spent"], day["budget"], day["blocked"]) == (AGENT, 4, 4, True)
    at_clock_time(sim, 23, 59)
    assert code(sim, text("late")) == 45009
    later(sim, 61)
    assert code(sim, text("tomorrow")) == 0


def test_messages_04_the_day_is_the_number_of_members_unless_told(sim):
    """Three members are 600 person-times; one request that asks for more is refused as a whole."""
    sim.sim("settings", {"messages": {"person_times_per_account": 1}})
    send(sim, text())
    assert code(sim, text(touser="@all")) == 45009
    assert received(sim) == ["LiNa"]
    assert code(sim, text("blocked")) == 45009


def test_messages_04_beyond_the_day_may_also_be_silent(sim):
    """WeCom does not say which: by setting the call answers 0 and nobody gets it."""
    sim.sim("settings", {"messages": {"accounts": 1, "person_times_per_account": 1, "beyond_the_day": "drop"}})
    assert [code(sim, text(str(number))) for number in range(2)] == [0, 0]
    assert [item["dropped"] for item in sim.corp("messages")] == [False, True]


def test_messages_05_the_same_json_is_not_delivered_again(sim):
    """Half an hour unless told; a different text, or the same from another app, is another message."""
    body = text(enable_duplicate_check=1)
    assert [code(sim, body), code(sim, body), code(sim, text("anders", enable_duplicate_check=1))] == [0, 0, 0]
    assert [item["duplicate"] for item in sim.corp("messages")] == [False, True, False]
    later(sim, 1801)
    send(sim, body)
    assert sim.corp("messages")[-1]["duplicate"] is False


def test_messages_05_the_interval_is_four_hours_at_most(sim):
    """A longer interval counts as 14400 s, a shorter one as it is."""
    long, short = (text(enable_duplicate_check=1, duplicate_check_interval=seconds) for seconds in (90_000, 10))
    for body in (long, short):
        send(sim, body)
    later(sim, 11)
    send(sim, short)
    assert sim.corp("messages")[-1]["duplicate"] is False
    later(sim, 14_380)
    send(sim, long)
    assert sim.corp("messages")[-1]["duplicate"] is True
    later(sim, 11)
    send(sim, long)
    assert sim.corp("messages")[-1]["duplicate"] is False


def test_messages_05_a_refused_message_is_not_remembered(sim):
    """What was refused for the day's number may be sent the next day."""
    at_clock_time(sim, 23, 59)
    sim.sim("settings", {"messages": {"accounts": 1, "person_times_per_account": 1}})
    send(sim, text("first"))
    body = text(enable_duplicate_check=1)
    assert code(sim, body) == 45009
    later(sim, 61)
    send(sim, body)
    assert sim.corp("messages")[-1]["duplicate"] is False


def test_messages_05_a_suppressed_message_costs_neither_the_member_nor_the_day(sim):
    """Repetitions are not counted."""
    body = text(enable_duplicate_check=1)
    for _ in range(3):
        send(sim, body)
    assert sim.corp("look/message_days")[0]["spent"] == 1


CARD = {"title": "新客户", "description": "李四", "url": "https://guanxi.example/c/1"}
ARTICLE = {"title": "题", "url": "https://guanxi.example/a"}


@pytest.mark.parametrize(
    ("body", "cut"),
    [
        (text("长" * 1000), {"content": "长" * 682}),
        (message("textcard", {**CARD, "title": "题" * 200}), {"title": "题" * 128}),
        (message("textcard", {**CARD, "description": "述" * 600}), {"description": "述" * 512}),
        (message("textcard", {**CARD, "btntxt": "查看更多详情"}), {"btntxt": "查看更多"}),
        (message("textcard", CARD), {"btntxt": "详情"}),
        (
            message("news", {"articles": [{**ARTICLE, "title": "题" * 50, "description": "述" * 200}]}),
            {"articles": [{**ARTICLE, "title": "题" * 42, "description": "述" * 170}]},
        ),
    ],
)
def test_messages_06_long_texts_are_cut_and_both_forms_are_kept(sim, body, cut):
    """Bytes for most texts, characters for a text card; never in the middle of a character."""
    assert code(sim, body) == 0
    delivery = sim.corp("messages")[-1]
    assert {key: delivery["displayed"][key] for key in cut} == cut
    assert delivery["payload"] == body[body["msgtype"]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (text(""), 44004),
        (message("markdown", {"content": ""}), 44004),
        (message("markdown", {"content": "x" * 2048}), 0),
        (message("markdown", {"content": "x" * 2049}), 45002),
        (message("textcard", {**CARD, "title": ""}), 41016),
        (message("textcard", {**CARD, "description": ""}), 41033),
        (message("textcard", {**CARD, "url": ""}), 41010),
        (message("textcard", {**CARD, "url": "guanxi.example"}), 45034),
        (message("textcard", {**CARD, "url": "https://x/" + "y" * 2048}), 40039),
        (message("news", {"articles": []}), 40063),
        (message("news", {"articles": [ARTICLE] * 9}), 45008),
        (message("news", {"articles": [{"title": "题"}]}), 41010),
        (message("news", {"articles": [{"title": "题", "appid": "wx1", "pagepath": "p"}]}), 0),
        (message("news", {"articles": [{"title": "题", "appid": "wx1", "pagepath": "p" * 129}]}), 40058),
        (message("news", {"articles": [{**ARTICLE, "picurl": "https://x/" + "y" * 2048}]}), 40039),
        (message("news", {"articles": [ARTICLE]}, safe=1), 40074),
        (message("mpnews", {"articles": [{"title": ""}]}), 41016),
        (message("mpnews", {"articles": [{"title": "题", "content": "x"}]}), 41006),
        (message("miniprogram_notice", {"title": "会议室预订成功"}), 90200),
        (message("miniprogram_notice", {"appid": "wx1", "title": "会议室预订成功"}), 90206),
    ],
)
def test_messages_06_what_cannot_be_cut_is_refused(sim, body, expected):
    """Empty texts, missing titles and addresses, too many articles, an app without its mini-program."""
    assert code(sim, body) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 0),
        ({"appid": "wx2"}, 90208),
        ({"page": "p" * 1025}, 90204),
        ({"title": "短"}, 40058),
        ({"content_item": [{"key": "k", "value": "v"}] * 11}, 90201),
        ({"content_item": [{"key": "k" * 11, "value": "v"}]}, 90202),
        ({"content_item": [{"key": "k", "value": "v" * 31}]}, 90203),
        ({"content_item": [{"key": "", "value": ""}, {"key": "k", "value": "v"}]}, 0),
    ],
)
def test_messages_06_a_mini_program_notice_has_limits_of_its_own(sim, change, expected):
    """From the linked app only; pairs that are empty on both sides are not shown."""
    apps = [{"name": "Guanxi", "secret": "secret-one", "agent_id": AGENT, "miniprogram": "wx1"}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps})
    notice = {"appid": "wx1", "title": "会议室预订成功", "content_item": [{"key": "k", "value": "v"}], **change}
    assert code(sim, message("miniprogram_notice", notice)) == expected
    if expected == 0:
        assert shown(sim)["content_item"] == [{"key": "k", "value": "v"}]


def test_messages_06_a_request_that_is_too_large_is_40206(sim):
    """The number is not published, so it is a setting."""
    sim.sim("settings", {"messages": {"most_body_bytes": 1000}})
    assert code(sim, text("x" * 2000)) == 40206


def test_messages_07_media_must_exist_and_have_the_right_type(sim):
    """An unknown id, and an image sent as a file, are 40007; a missing id is 41006."""
    image = upload(sim, "image", PNG, "a.png")
    assert code(sim, message("image", {"media_id": image})) == 0
    assert code(sim, message("file", {"media_id": image})) == 40007
    assert code(sim, message("image", {"media_id": "nonsense"})) == 40007
    assert code(sim, message("image", {})) == 41006
    article = {"title": "题", "content": "<p>正文</p>", "thumb_media_id": image}
    assert code(sim, message("mpnews", {"articles": [article]}, safe=2)) == 0
    assert code(sim, message("mpnews", {"articles": [{**article, "author": "a" * 65}]})) == 45032
    assert code(sim, message("mpnews", {"articles": [{**article, "content": "x" * (666 * 1024 + 1)}]})) == 45002


def test_messages_07_a_video_title_is_cut(sim):
    """Title 128 bytes, description 512 bytes."""
    video = upload(sim, "video", MP4, "a.mp4")
    assert code(sim, message("video", {"media_id": video, "title": "t" * 200, "description": "d" * 600})) == 0
    assert shown(sim) == {"media_id": video, "title": "t" * 128, "description": "d" * 512}


def test_messages_07_media_live_three_days_and_serve_every_app_of_the_corp(sim):
    """Another app may send what this one uploaded, until it expires."""
    file = upload(sim, "file", b"hello world", "a.txt")
    sim.sign_in(secret="secret-two")
    assert code(sim, message("file", {"media_id": file}, agentid=AGENT + 1)) == 0
    later(sim, 3 * 86_400 - 60)
    assert code(sim, message("file", {"media_id": file})) == 0
    later(sim, 61)
    assert code(sim, message("file", {"media_id": file})) == 40007


def test_messages_08_each_message_has_an_id_by_which_it_is_recalled(sim):
    """Recall marks every delivery of that message and no other."""
    first, second = (send(sim, text(content, touser="LiNa|Wang"))["msgid"] for content in "ab")
    assert first != second
    assert sim.post("message/recall", {"msgid": first})["errcode"] == 0
    assert {(item["msgid"], item["recalled"]) for item in sim.corp("messages")} == {(first, True), (second, False)}


def test_messages_08_a_day_later_it_is_too_late(sim):
    """42052 after 24 hours; the message stays."""
    msgid = send(sim, text())["msgid"]
    later(sim, 86_401)
    assert sim.post("message/recall", {"msgid": msgid})["errcode"] == 42052
    assert sim.corp("messages")[0]["recalled"] is False


def test_messages_08_another_apps_message_cannot_be_recalled(sim):
    """Only the sender takes a message back; an unknown id is refused alike."""
    msgid = send(sim, text())["msgid"]
    sim.sign_in(secret="secret-two")
    assert sim.post("message/recall", {"msgid": msgid})["errcode"] == 40058
    assert sim.post("message/recall", {"msgid": "nonsense"})["errcode"] == 40058
    assert sim.post("message/recall", {})["errcode"] == 40063


def test_messages_10_statistics_count_what_arrived_by_app_and_day(sim):
    """Person-times of today or yesterday in China; dropped and suppressed ones do not count."""
    at_clock_time(sim, 20)
    sim.sim("settings", {"messages": {"member_per_minute": 1}})
    send(sim, text(touser="LiNa|Wang", enable_duplicate_check=1))
    send(sim, text(touser="LiNa|Wang", enable_duplicate_check=1))
    send(sim, text("dropped"))
    sim.sign_in(secret="secret-two")
    send(sim, text(agentid=AGENT + 1))
    expected = [
        {"agentid": AGENT, "app_name": "Guanxi", "count": 2},
        {"agentid": AGENT + 1, "app_name": "Other", "count": 1},
    ]
    assert sim.post("message/get_statistics", {})["statistics"] == expected
    assert sim.post("message/get_statistics", {"time_type": 1})["statistics"] == []
    later(sim, 5 * HOUR)
    assert sim.post("message/get_statistics", {"time_type": 0})["statistics"] == []
    assert sim.post("message/get_statistics", {"time_type": 1})["statistics"] == expected
    assert sim.post("message/get_statistics", {"time_type": 2})["errcode"] == 40058


@pytest.mark.parametrize("errcode", [-1, 45033, 45009])
def test_messages_13_a_scripted_refusal_delivers_nothing(sim, errcode):
    """The call is refused before anything happens; the next one goes through."""
    sim.sim("faults", {"path": "message/send", "errcode": errcode})
    assert [code(sim, text()), code(sim, text())] == [errcode, 0]
    assert received(sim) == ["LiNa"]


def test_messages_13_the_same_bytes_after_a_timeout_arrive_once(sim):
    """Accepted, then no answer: sent again byte by byte with the duplicate check, the member sees it once."""
    sim.sim("faults", {"path": "message/send", "hang_s": 5})
    raw = '{"touser":"LiNa","msgtype":"text","agentid":1000002,"text":{"content":"你好"},"enable_duplicate_check":1}'
    url, query = f"{sim.url}/cgi-bin/message/send", {"access_token": sim.token}
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        requests.post(url, params=query, data=raw.encode(), timeout=0.2)
    assert requests.post(url, params=query, data=raw.encode(), timeout=3).json()["errcode"] == 0
    assert time.monotonic() - began < 3
    assert [item["duplicate"] for item in sim.corp("messages?userid=LiNa")] == [False, True]
