"""message/send: recipients, refusals, duplicates and silent drops."""

import threading
import time

import pytest
import requests


def text(content="你好", **rest):
    return {"touser": "LiNa", "msgtype": "text", "agentid": 1000002, "text": {"content": content}, **rest}


def card(**change):
    shown = {"title": "新客户", "description": "李四", "url": "https://guanxi.example/c/1", **change}
    return {"touser": "LiNa", "msgtype": "textcard", "agentid": 1000002, "textcard": shown}


def send(sim, body):
    return sim.post("message/send", body)


def flags(sim, flag):
    return [item[flag] for item in sim.corp("messages?userid=LiNa")]


def test_a_message_arrives_and_is_recorded(sim):
    """Each delivery keeps what was sent, what is shown, the msgid and the time."""
    answer = send(sim, card())
    (delivery,) = sim.corp("messages?userid=LiNa")
    assert answer["errcode"] == 0
    assert delivery["msgid"] == answer["msgid"]
    assert delivery["payload"]["title"] == "新客户"
    assert delivery["displayed"]["btntxt"] == "详情"
    assert (delivery["dropped"], delivery["duplicate"]) == (False, False)


def test_a_bad_recipient_is_reported_in_lower_case_and_the_rest_get_it(sim):
    """Partial failure is success; userids are compared without case."""
    answer = send(sim, text(touser="LINA| Nobody|zhaomin"))
    assert (answer["errcode"], answer["invaliduser"]) == (0, "nobody")
    assert {item["userid"] for item in sim.corp("messages")} == {"LiNa", "ZhaoMin"}


def test_only_bad_recipients_is_81013_and_nothing_is_sent(sim):
    """When all are bad the call fails."""
    assert send(sim, text(touser="Nobody"))["errcode"] == 81013
    assert sim.corp("messages") == []


def test_everybody_and_departments_are_expanded(sim):
    """@all is all members; a department includes those below it; an unknown one is reported."""
    send(sim, text(touser="@all"))
    assert len(sim.corp("messages")) == 3
    assert send(sim, text(touser="", toparty="2|77"))["invalidparty"] == "77"
    assert len(sim.corp("messages")) == 5


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (text(touser=""), 81012),
        (text(touser="|".join(f"u{number}" for number in range(1001))), 40032),
        (text(""), 44004),
        (text(msgtype="nonsense"), 40008),
        (text(agentid=1000003), 301002),
        (text(agentid=7), 40056),
        ({"touser": "LiNa"}, 41011),
        (card(title=""), 41016),
        (card(description=""), 41033),
        (card(url=""), 41010),
        (card(url="guanxi.example"), 45034),
        ({"touser": "LiNa", "agentid": 1000002, "msgtype": "markdown", "markdown": {"content": "长" * 700}}, 45002),
        ([], 40058),
        (text(touser=["LiNa"]), 40058),
        ({"touser": "LiNa", "agentid": 1000002, "msgtype": "news", "news": {"articles": ["x"]}}, 40058),
    ],
)
def test_a_message_that_wecom_refuses(sim, body, code):
    """Each fault of a message has its code, and nothing is delivered."""
    assert send(sim, body)["errcode"] == code
    assert sim.corp("messages") == []


def test_long_texts_are_cut_between_characters(sim):
    """text is cut at 2048 bytes; a card's title at 128 and its description at 512 characters."""
    send(sim, text("长" * 1000))
    send(sim, card(title="题" * 200, description="述" * 600, btntxt="查看更多详情"))
    first, second = (item["displayed"] for item in sim.corp("messages"))
    assert first["content"] == "长" * 682
    assert (len(second["title"]), len(second["description"]), second["btntxt"]) == (128, 512, "查看更多")


def test_the_same_request_is_suppressed_within_its_interval(sim):
    """With the duplicate check the same JSON is not delivered again for 30 minutes; the answer is 0 all the same."""
    body = text(enable_duplicate_check=1)
    assert [send(sim, body)["errcode"], send(sim, body)["errcode"]] == [0, 0]
    assert flags(sim, "duplicate") == [False, True]
    sim.sim("clock", {"advance_s": 1801})
    send(sim, body)
    assert flags(sim, "duplicate") == [False, True, False]


def test_the_duplicate_interval_is_capped_at_four_hours(sim):
    """A longer interval counts as 14400 seconds."""
    sim.sim(
        "corps", {"corp_id": "wwsimtest0001", "token_ttl_s": 99_999, "apps": [{"secret": "s3", "agent_id": 1000002}]}
    )
    sim.sign_in(secret="s3")
    body = text(enable_duplicate_check=1, duplicate_check_interval=90_000)
    for seconds in (0, 14_000, 401):
        sim.sim("clock", {"advance_s": seconds})
        send(sim, body)
    assert flags(sim, "duplicate") == [False, True, False]


def test_without_the_check_the_same_request_is_delivered_twice(sim):
    """The duplicate check is off unless asked for."""
    send(sim, text())
    send(sim, text())
    assert flags(sim, "duplicate") == [False, False]


def test_the_31st_message_of_a_minute_is_dropped_silently(sim):
    """Per app and member 30 a minute are shown; the answer to the rest is still 0."""
    codes = {send(sim, text(f"第{number}条"))["errcode"] for number in range(31)}
    assert codes == {0}
    assert flags(sim, "dropped") == [False] * 30 + [True]
    sim.sim("clock", {"advance_s": 61})
    send(sim, text("后来"))
    assert flags(sim, "dropped")[-1] is False


def test_an_accepted_message_whose_answer_never_comes_is_delivered_once(sim):
    """Accept then time out: the message is there, and the repeated request is suppressed."""
    sim.sim("faults", {"path": "message/send", "hang_s": 30})
    body = text(enable_duplicate_check=1)
    with pytest.raises(requests.Timeout):
        sim.http.post(f"{sim.url}/cgi-bin/message/send", params={"access_token": sim.token}, json=body, timeout=0.3)
    assert send(sim, body)["errcode"] == 0
    assert flags(sim, "duplicate") == [False, True]


def test_a_scripted_error_lasts_as_often_as_told(sim):
    """The next calls are refused, then all is well; nothing was delivered meanwhile."""
    sim.sim("faults", {"path": "/cgi-bin/message/send", "errcode": -1, "times": 2})
    assert [send(sim, text())["errcode"] for _ in range(3)] == [-1, -1, 0]
    assert len(sim.corp("messages")) == 1
    assert sim.sim("calls")["message/send"] == {"-1": 2, "0": 1}


def test_latency_is_added_per_path(sim):
    """A slow path is slow, the others are not."""
    sim.sim("faults", {"path": "user/get", "latency_ms": 300})
    began = time.monotonic()
    sim.get("department/list")
    between = time.monotonic()
    sim.get("user/get", userid="LiNa")
    assert time.monotonic() - between >= 0.3
    assert between - began < 0.3


def test_too_many_calls_a_minute_are_blocked_for_sixty_seconds(sim):
    """45009 from the limit on, until the penalty is over, and only for that API."""
    sim.sim("limits", {"per_minute": 3})
    codes = [sim.get("user/get", userid="LiNa")["errcode"] for _ in range(4)]
    assert codes == [0, 0, 0, 45009]
    assert sim.get("department/list")["errcode"] == 0
    sim.sim("clock", {"advance_s": 61})
    assert sim.get("user/get", userid="LiNa")["errcode"] == 0


def test_too_many_calls_at_once_are_refused(sim):
    """45033 above the concurrency limit, while earlier calls are being answered."""
    sim.sim("limits", {"concurrency": 2})
    sim.sim("faults", {"path": "externalcontact/list", "latency_ms": 500})
    codes = []
    url = f"{sim.url}/cgi-bin/externalcontact/list?access_token={sim.token}&userid=LiNa"
    callers = [
        threading.Thread(target=lambda: codes.append(requests.get(url, timeout=5).json()["errcode"])) for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(codes) == [45033, 45033, 84061, 84061]
