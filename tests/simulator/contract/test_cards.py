"""Template cards: what they must have, what people press on them, and how they are updated."""

from xml.etree import ElementTree

import pytest

AGENT = 1000002
CORP = "wwsimtest0001"
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
URL = "https://guanxi.example/c/1"
OPTIONS = [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙"}, {"id": "c", "text": "丙"}]
MENU = {"desc": "更多", "action_list": [{"text": "静音", "key": "mute"}, {"text": "转交", "key": "pass"}]}
TEXT = {"card_type": "text_notice", "main_title": {"title": "新客户"}, "card_action": {"type": 1, "url": URL}}
NEWS = {**TEXT, "card_type": "news_notice", "card_image": {"url": "https://guanxi.example/p.png"}}
BUTTONS = {
    "card_type": "button_interaction",
    "main_title": {"title": "跟进"},
    "task_id": "task-1",
    "button_list": [{"text": "同意", "key": "yes"}, {"text": "打开", "type": 1, "url": URL}],
}
VOTE = {
    "card_type": "vote_interaction",
    "main_title": {"title": "投票"},
    "task_id": "task-2",
    "checkbox": {"question_key": "q", "mode": 1, "option_list": OPTIONS},
    "submit_button": {"key": "submit"},
}
MULTIPLE = {
    "card_type": "multiple_interaction",
    "main_title": {"title": "选择"},
    "task_id": "task-3",
    "select_list": [
        {"question_key": "size", "option_list": OPTIONS, "selected_id": "zz"},
        {"question_key": "color", "option_list": OPTIONS, "selected_id": "b"},
    ],
    "submit_button": {"key": "submit", "text": "好"},
}


def send(sim, card, **rest):
    return sim.post(
        "message/send",
        {"touser": "LiNa|Wang", "msgtype": "template_card", "agentid": AGENT, "template_card": card, **rest},
    )


def update(sim, code, **rest):
    return sim.post("message/update_template_card", {"agentid": AGENT, "response_code": code, **rest})


def face(sim, userid="LiNa"):
    return sim.corp(f"messages?userid={userid}")[-1]["displayed"]


def tree(plaintext):
    return ElementTree.fromstring(plaintext)


def without(card, key):
    return {name: value for name, value in card.items() if name != key}


def horizontal(**item):
    return {**TEXT, "horizontal_content_list": [{"keyname": "门店", **item}]}


def menu(*keys):
    return {**TEXT, "task_id": "t", "action_menu": {"action_list": [{"text": "x", "key": key} for key in keys]}}


def buttons(*items):
    return {**BUTTONS, "button_list": list(items)}


def options(card, field, found):
    return {**card, field: {**card[field], "option_list": found}}


def selects(*items):
    return {**MULTIPLE, "select_list": list(items)}


SELECT = {"question_key": "size", "option_list": OPTIONS}


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (TEXT, 0),
        (NEWS, 0),
        (BUTTONS, 0),
        (VOTE, 0),
        (MULTIPLE, 0),
        ({**TEXT, "card_type": "poster"}, 42031),
        (without(TEXT, "card_type"), 42031),
        (without(TEXT, "main_title"), 41016),
        ({**without(TEXT, "main_title"), "sub_title_text": "说明"}, 0),
        (without(NEWS, "main_title"), 41016),
        (without(TEXT, "card_action"), 42045),
        ({**TEXT, "card_action": {"type": 0}}, 42045),
        ({**TEXT, "card_action": {"type": 3, "url": URL}}, 42045),
        ({**TEXT, "card_action": {"type": 1}}, 42028),
        ({**TEXT, "card_action": {"type": 2}}, 42030),
        ({**TEXT, "card_action": {"type": 2, "appid": "wx1"}}, 0),
        (without(NEWS, "card_image"), 42044),
        ({**without(NEWS, "card_image"), "image_text_area": {"image_url": URL, "title": "图"}}, 0),
        ({**NEWS, "card_image": {"aspect_ratio": 1.5}}, 42044),
        ({**NEWS, "card_image": {"url": URL, "aspect_ratio": 3}}, 40058),
        ({**NEWS, "vertical_content_list": [{"title": "x"}] * 5}, 42036),
        ({**NEWS, "vertical_content_list": [{"desc": "x"}]}, 42033),
        ({**TEXT, "horizontal_content_list": [{"keyname": "x"}] * 7}, 42035),
        (horizontal(keyname=""), 42027),
        (horizontal(type=1), 42028),
        (horizontal(type=2), 42029),
        (horizontal(type=2, media_id="nonsense"), 40007),
        (horizontal(type=3), 42050),
        (horizontal(type=3, userid="ghost"), 42050),
        (horizontal(type=3, userid="wang"), 0),
        ({**TEXT, "jump_list": [{"title": "x"}] * 4}, 42042),
        ({**TEXT, "jump_list": [{"type": 0}]}, 42033),
        ({**TEXT, "jump_list": [{"title": "x", "type": 1}]}, 42028),
        ({**TEXT, "jump_list": [{"title": "x", "type": 2}]}, 42030),
        ({**TEXT, "quote_area": {"type": 1}}, 42028),
        ({**TEXT, "source": {"desc_color": 9}}, 40058),
        (menu("a", "b"), 0),
        (menu("a", "a"), 42051),
        (menu("x" * 1025), 42051),
        (menu("a", "b", "c", "d"), 40058),
        (without(menu("a"), "task_id"), 42014),
        (without(BUTTONS, "task_id"), 42014),
        ({**VOTE, "task_id": "有空格"}, 42014),
        ({**VOTE, "task_id": "x" * 129}, 42014),
        ({**VOTE, "task_id": "a_-@Z9"}, 0),
        (without(BUTTONS, "button_list"), 42038),
        (buttons(*({"text": "x", "key": str(number)} for number in range(7))), 42038),
        (buttons({"key": "x"}), 42038),
        (buttons({"text": "x"}), 42039),
        (buttons({"text": "x", "key": "k"}, {"text": "y", "key": "k"}), 42039),
        (buttons({"text": "x", "type": 1}), 42028),
        ({**BUTTONS, "button_selection": {"option_list": OPTIONS}}, 42043),
        ({**BUTTONS, "button_selection": {"question_key": "q", "option_list": [OPTIONS[0]] * 11}}, 42037),
        ({**BUTTONS, "button_selection": {"question_key": "q", "option_list": OPTIONS}}, 0),
        (without(VOTE, "checkbox"), 42043),
        (options(VOTE, "checkbox", []), 42037),
        (options(VOTE, "checkbox", [{"id": str(number), "text": "x"} for number in range(21)]), 42037),
        (options(VOTE, "checkbox", [{"text": "x"}]), 42040),
        (options(VOTE, "checkbox", [{"id": "x" * 129, "text": "x"}]), 42040),
        (options(VOTE, "checkbox", [OPTIONS[0], OPTIONS[0]]), 42040),
        (options(VOTE, "checkbox", [{"id": "a"}]), 42041),
        (without(VOTE, "submit_button"), 42046),
        ({**VOTE, "submit_button": {"text": "好"}}, 42046),
        ({**VOTE, "submit_button": {"key": "k", "text": 7}}, 42049),
        (without(MULTIPLE, "select_list"), 42047),
        (selects(*[SELECT] * 4), 42047),
        (selects(SELECT, SELECT), 42043),
        (selects(without(SELECT, "question_key")), 42043),
        (selects({**SELECT, "option_list": [OPTIONS[0]] * 11}), 42037),
    ],
)
def test_messages_09_a_card_is_checked_field_by_field(sim, card, code):
    """Each type has its required fields, and each broken rule its code; a refused card is not delivered."""
    assert send(sim, card)["errcode"] == code
    assert bool(sim.corp("messages")) is (code == 0)


def test_messages_09_a_horizontal_attachment_is_an_uploaded_file(sim):
    """Type 2 names a file from media/upload."""
    made = sim.http.post(
        f"{sim.url}/cgi-bin/media/upload",
        params={"access_token": sim.token, "type": "file"},
        files={"media": ("a.txt", b"hello world", "text/plain")},
        timeout=10,
    ).json()
    assert send(sim, horizontal(type=2, media_id=made["media_id"]))["errcode"] == 0


def test_messages_09_the_face_has_the_defaults_and_nothing_foreign(sim):
    """A wrong choice means the first, a wrong style 1, a missing caption 提交; fields of other types are not shown."""
    send(sim, {**MULTIPLE, "jump_list": [{"title": "x"}]})
    assert [item["selected_id"] for item in face(sim)["select_list"]] == ["a", "b"]
    assert "jump_list" not in face(sim)
    send(sim, VOTE)
    assert face(sim)["submit_button"]["text"] == "提交"
    send(sim, {**BUTTONS, "button_list": [{"text": "x", "key": "k", "style": 9}]})
    assert face(sim)["button_list"][0]["style"] == 1


def test_messages_09_a_task_id_is_used_once_per_app(sim):
    """The second card with it is refused; another app has its own; a suppressed repetition is no second card."""
    assert send(sim, BUTTONS, enable_duplicate_check=1)["errcode"] == 0
    assert send(sim, BUTTONS, enable_duplicate_check=1)["errcode"] == 0
    assert send(sim, {**BUTTONS, "main_title": {"title": "又"}})["errcode"] == 42014
    sim.sign_in(secret="secret-two")
    assert send(sim, BUTTONS, agentid=AGENT + 1)["errcode"] == 0


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (TEXT, False),
        (NEWS, False),
        ({**TEXT, "task_id": "t", "action_menu": MENU}, True),
        (BUTTONS, True),
        (VOTE, True),
        (MULTIPLE, True),
    ],
)
def test_messages_09_only_a_card_that_calls_back_has_a_response_code(sim, card, expected):
    """The three interactive types, and notices with a menu."""
    assert ("response_code" in send(sim, card)) is expected


def test_messages_09_a_code_is_good_for_one_update(sim):
    """The buttons are replaced for everybody named; the code is then spent."""
    code = send(sim, BUTTONS)["response_code"]
    answer = update(sim, code, userids=["LiNa", "ZhaoMin"], button={"replace_name": "已同意"})
    assert (answer["errcode"], answer["invaliduser"]) == (0, ["zhaomin"])
    assert face(sim)["button"] == {"replace_name": "已同意"}
    assert "button" not in face(sim, "Wang")
    assert update(sim, code, userids=["Wang"], button={"replace_name": "x"})["errcode"] == 60140


def test_messages_09_a_code_lives_72_hours(sim):
    """Beyond that it is 60140, as is one that never was."""
    code, other = (send(sim, {**BUTTONS, "task_id": task})["response_code"] for task in ("a", "b"))
    sim.sim("clock", {"advance_s": 72 * 3600 - 60})
    sim.sign_in()
    assert update(sim, code, atall=1, button={"replace_name": "x"})["errcode"] == 0
    sim.sim("clock", {"advance_s": 61})
    assert update(sim, other, atall=1, button={"replace_name": "x"})["errcode"] == 60140
    assert update(sim, "nonsense", atall=1, button={"replace_name": "x"})["errcode"] == 60140


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 82101),
        ({"userids": ["ZhaoMin"]}, 82102),
        ({"userids": ["Ghost"]}, 82102),
        ({"partyids": [3], "userids": []}, 0),
        ({"userids": "LiNa"}, 40058),
        ({"userids": ["LiNa"], "button": None}, 40058),
        ({"userids": ["LiNa"], "button": {}}, 40063),
        ({"userids": ["LiNa"], "button": None, "template_card": {"card_type": "poster"}}, 42031),
        ({"userids": [f"u{number}" for number in range(1001)]}, 40032),
        ({"userids": ["LiNa"], "agentid": AGENT + 1}, 301002),
    ],
)
def test_messages_09_a_refused_update_changes_nothing_and_leaves_the_code(sim, change, code):
    """Nobody named 82101, nobody who got it 82102; the right call still works afterwards."""
    response = send(sim, BUTTONS)["response_code"]
    assert update(sim, response, **{"button": {"replace_name": "好"}, **change})["errcode"] == code
    if code:
        assert "button" not in face(sim)
        assert update(sim, response, userids=["LiNa"], button={"replace_name": "好"})["errcode"] == 0


def test_messages_09_another_app_cannot_update_the_card(sim):
    """The code belongs to the app that sent the card."""
    code = send(sim, BUTTONS)["response_code"]
    sim.sign_in(secret="secret-two")
    assert update(sim, code, atall=1, agentid=AGENT + 1, button={"replace_name": "x"})["errcode"] == 42015


def test_messages_09_buttons_are_replaced_on_interactive_cards_only(sim):
    """A notice with a menu can be replaced as a whole, but has no buttons."""
    code = send(sim, {**TEXT, "task_id": "t", "action_menu": MENU})["response_code"]
    assert update(sim, code, atall=1, button={"replace_name": "x"})["errcode"] == 40058
    assert update(sim, code, atall=1, template_card=VOTE)["errcode"] == 0
    assert face(sim)["card_type"] == "vote_interaction"


def test_messages_09_a_card_is_replaced_as_a_whole(sim):
    """The new card may be of any type; without a task id it keeps the old one."""
    code = send(sim, BUTTONS)["response_code"]
    assert update(sim, code, atall=1, template_card=NEWS)["invaliduser"] == []
    assert (face(sim)["card_type"], face(sim)["task_id"]) == ("news_notice", "task-1")
    assert face(sim, "Wang") == face(sim)
    assert sim.corp("messages")[0]["payload"]["card_type"] == "button_interaction"


def test_messages_09_a_click_is_called_back_with_a_fresh_code(sim, pushed):
    """The callback names key, task, type and member, and its code updates the card once."""
    send(sim, BUTTONS)
    clicked = sim.act("click_card", userid="lina", task_id="task-1", key="yes")
    (event,) = map(tree, pushed())
    head = ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Event"]
    assert [item.tag for item in event][:9] == [*head, "EventKey", "TaskId", "CardType", "ResponseCode"]
    assert event.findtext("FromUserName") == "LiNa"
    assert event.findtext("Event") == "template_card_event"
    assert event.findtext("EventKey") == "yes"
    assert event.findtext("TaskId") == "task-1"
    assert event.findtext("CardType") == "button_interaction"
    assert event.findtext("AgentID") == str(AGENT)
    assert event.find("SelectedItems") is None
    code = event.findtext("ResponseCode")
    assert code == clicked["response_code"]
    assert update(sim, code, userids=["LiNa"], button={"replace_name": "已同意"})["errcode"] == 0
    assert update(sim, code, userids=["LiNa"], button={"replace_name": "已同意"})["errcode"] == 60140


def chosen(event):
    return {
        item.findtext("QuestionKey"): [option.text for option in item.iter("OptionId")]
        for item in event.iter("SelectedItem")
    }


def test_messages_09_a_submitted_choice_is_called_back(sim, pushed):
    """Every question with its options; where nothing was chosen, what the card came with."""
    send(sim, VOTE)
    msgid = send(sim, MULTIPLE)["msgid"]
    sim.act("click_card", userid="LiNa", task_id="task-2", key="submit", selected={"q": ["a", "c"]})
    sim.act("click_card", userid="LiNa", msgid=msgid, key="submit", selected={"size": "c"})
    found = {event.findtext("TaskId"): chosen(event) for event in map(tree, pushed())}
    assert found == {"task-2": {"q": ["a", "c"]}, "task-3": {"size": ["c"], "color": ["b"]}}


def test_messages_09_the_menu_has_its_own_event(sim, pushed):
    """template_card_menu_event; it works on a card whose buttons were replaced."""
    code = send(sim, {**BUTTONS, "action_menu": MENU})["response_code"]
    update(sim, code, atall=1, button={"replace_name": "完"})
    sim.act("click_card", userid="LiNa", task_id="task-1", key="mute")
    (event,) = map(tree, pushed())
    assert (event.findtext("Event"), event.findtext("EventKey")) == ("template_card_menu_event", "mute")


@pytest.mark.parametrize(
    "click",
    [
        {"key": "no"},
        {"userid": "ZhaoMin", "key": "yes"},
        {"key": "yes", "selected": {"other": "a"}},
        {"key": "yes", "task_id": "task-9"},
    ],
)
def test_messages_09_what_is_not_on_the_card_cannot_be_clicked(sim, click):
    """409: an unknown key, a member without the card, a question that was not asked, an unknown card."""
    send(sim, BUTTONS)
    sim.act("click_card", status=409, **{"userid": "LiNa", "task_id": "task-1", **click})


def test_messages_09_a_replaced_or_recalled_card_cannot_be_clicked(sim):
    """Its buttons are dead for those whose card was updated, and for nobody else, until the recall."""
    sent = send(sim, BUTTONS)
    update(sim, sent["response_code"], userids=["LiNa"], button={"replace_name": "完"})
    sim.act("click_card", status=409, userid="LiNa", task_id="task-1", key="yes")
    sim.act("click_card", userid="Wang", task_id="task-1", key="yes")
    sim.post("message/recall", {"msgid": sent["msgid"]})
    sim.act("click_card", status=409, userid="Wang", task_id="task-1", key="yes")


def test_messages_09_only_the_sending_app_hears_of_the_click(sim, inbox):
    """A receiver of another app gets nothing."""
    receiver = {"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY, "app": "secret-two"}
    apps = [
        {"name": "Guanxi", "secret": "secret-one", "agent_id": AGENT},
        {"name": "Other", "secret": "secret-two", "agent_id": AGENT + 1},
    ]
    sim.sim("corps", {"corp_id": CORP, "apps": apps, "receivers": [receiver]})
    send(sim, BUTTONS)
    sim.act("click_card", userid="LiNa", task_id="task-1", key="yes")
    sim.act("enter_agent", userid="LiNa", agent_id=AGENT + 1)
    sim.sim("callbacks/flush", {})
    (event,) = map(tree, inbox.plaintexts())
    assert event.findtext("Event") == "enter_agent"


def test_members_open_an_app_use_its_menu_and_write_to_it(sim, pushed):
    """enter_agent, click and a text message, each from the member to the app."""
    sim.act("enter_agent", userid="LiNa")
    sim.act("click_menu", userid="LiNa", key="menu_help")
    written = sim.act("send_text", userid="LiNa", content="请问 <b>&</b> ]]> ?")
    events = {event.findtext("Event") or event.findtext("MsgType"): event for event in map(tree, pushed())}
    assert set(events) == {"enter_agent", "click", "text"}
    assert {event.findtext("FromUserName") for event in events.values()} == {"LiNa"}
    assert {event.findtext("AgentID") for event in events.values()} == {str(AGENT)}
    assert events["click"].findtext("EventKey") == "menu_help"
    assert events["text"].findtext("Content") == "请问 <b>&</b> ]]> ?"
    assert events["text"].findtext("MsgId") == written["msgid"]
    assert int(written["msgid"]) > 2**53


def test_a_member_outside_an_apps_scope_has_no_such_app(sim):
    """409: it cannot be opened by them."""
    apps = [{"name": "Guanxi", "secret": "secret-one", "agent_id": AGENT, "visible": ["Wang"]}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps})
    sim.act("enter_agent", status=409, userid="LiNa")
