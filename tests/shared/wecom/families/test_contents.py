"""Messages as bytes: every kind within its limits, and cards that WeCom takes."""

from typing import Any

import pytest

from shared.ids import UserId
from shared.wecom.families import contents
from shared.wecom.families.cards import checked_card
from shared.wecom.families.contents import Article, Content, LongArticle
from shared.wecom.families.messages import Recipients, message_body
from shared.wecom.families.robots import (
    robot_card,
    robot_file,
    robot_image,
    robot_markdown,
    robot_markdown_v2,
    robot_news,
    robot_text,
)

LINA, ZHAO = UserId("LiNa"), UserId("ZhaoMin")
TO = Recipients(users=(LINA,))
URL = "https://crm.example.com/c/1"
TITLE, OPEN = {"title": "客户流失"}, {"type": 1, "url": URL}
OPTIONS = [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙"}]
NOTICE = {"card_type": "text_notice", "main_title": TITLE, "card_action": OPEN}
NEWS = {"card_type": "news_notice", "main_title": TITLE, "card_action": OPEN, "card_image": {"url": URL}}
BUTTONS = {
    "card_type": "button_interaction",
    "task_id": "t_1",
    "main_title": TITLE,
    "button_list": [{"text": "接受", "key": "yes"}, {"text": "打开", "type": 1, "url": URL}],
}
VOTE = {
    "card_type": "vote_interaction",
    "task_id": "t-1@x",
    "main_title": TITLE,
    "checkbox": {"question_key": "q", "option_list": OPTIONS},
    "submit_button": {"key": "submit"},
}
CHOICES = {
    "card_type": "multiple_interaction",
    "task_id": "t",
    "main_title": TITLE,
    "select_list": [{"question_key": "q1", "option_list": OPTIONS}, {"question_key": "q2", "option_list": OPTIONS}],
    "submit_button": {"key": "submit"},
}


def test_the_same_values_make_the_same_bytes():
    """Order, no escapes, nothing that was not asked for."""
    assert message_body(contents.text("你好"), to=TO, agentid=7) == (
        '{"touser":"LiNa","msgtype":"text","agentid":7,"text":{"content":"你好"}}'.encode()
    )
    card = contents.textcard("客户流失", "张三", url=URL, btntxt="查看")
    body = message_body(card, to=Recipients((LINA, ZHAO), (1, 2), (3,)), agentid=7, safe=0, duplicate_check_s=14_400)
    assert body == (
        '{"touser":"LiNa|ZhaoMin","toparty":"1|2","totag":"3","msgtype":"textcard","agentid":7,'
        f'"textcard":{{"title":"客户流失","description":"张三","url":"{URL}","btntxt":"查看"}},"safe":0,'
        '"enable_duplicate_check":1,"duplicate_check_interval":14400}'.encode()
    )
    everyone = message_body(contents.file("m"), to=Recipients(everyone=True), agentid=7, enable_id_trans=True)
    assert everyone == b'{"touser":"@all","msgtype":"file","agentid":7,"file":{"media_id":"m"},"enable_id_trans":1}'


@pytest.mark.parametrize(
    ("content", "msgtype", "payload"),
    [
        (contents.markdown("# x"), "markdown", {"content": "# x"}),
        (contents.image("m"), "image", {"media_id": "m"}),
        (contents.voice("m"), "voice", {"media_id": "m"}),
        (contents.video("m", title="t"), "video", {"media_id": "m", "title": "t"}),
        (contents.news([Article("t", url=URL)]), "news", {"articles": [{"title": "t", "url": URL}]}),
        (
            contents.mpnews([LongArticle("t", "m", "<p>", author="a")]),
            "mpnews",
            {"articles": [{"title": "t", "thumb_media_id": "m", "content": "<p>", "author": "a"}]},
        ),
        (
            contents.miniprogram_notice("wx1", "四个字啊", content_item=[("时间", "今天")]),
            "miniprogram_notice",
            {"appid": "wx1", "title": "四个字啊", "content_item": [{"key": "时间", "value": "今天"}]},
        ),
        (contents.template_card(NOTICE), "template_card", NOTICE),
        (robot_text("x", mentioned=[LINA]), "text", {"content": "x", "mentioned_list": ["LiNa"]}),
        (robot_text("x", mentioned_mobiles=["1"]), "text", {"content": "x", "mentioned_mobile_list": ["1"]}),
        (robot_markdown("x"), "markdown", {"content": "x"}),
        (robot_markdown_v2("x" * 4096), "markdown_v2", {"content": "x" * 4096}),
        (robot_image(b"abc"), "image", {"base64": "YWJj", "md5": "900150983cd24fb0d6963f7d28e17f72"}),
        (robot_news([Article("t", url=URL)]), "news", {"articles": [{"title": "t", "url": URL}]}),
        (robot_file("m", kind="voice"), "voice", {"media_id": "m"}),
        (robot_card(NEWS), "template_card", NEWS),
    ],
    ids=lambda value: value.msgtype if isinstance(value, Content) else "",
)
def test_every_kind_of_message(content: Content, msgtype: str, payload: dict[str, Any]):
    """Under the key of its own name."""
    assert (content.msgtype, content.payload) == (msgtype, payload)


def test_what_wecom_would_cut_or_refuse_is_an_error():
    """Just beyond each published limit."""
    for make in (
        lambda: contents.text(""),
        lambda: contents.text("客" * 683),
        lambda: contents.markdown("x" * 2049),
        lambda: contents.image(""),
        lambda: contents.video("m", title="x" * 129),
        lambda: contents.video("m", description="x" * 513),
        lambda: contents.textcard("x" * 129, "d", url=URL),
        lambda: contents.textcard("t", "x" * 513, url=URL),
        lambda: contents.textcard("t", "", url=URL),
        lambda: contents.textcard("t", "d", url="crm.example.com"),
        lambda: contents.textcard("t", "d", url="https://" + "x" * 2041),
        lambda: contents.textcard("t", "d", url=URL, btntxt="五个字太长"),
        lambda: contents.news([]),
        lambda: contents.news([Article("t", url=URL)] * 9),
        lambda: contents.news([Article("t", appid="wx1")]),
        lambda: contents.news([Article("客" * 43, url=URL)]),
        lambda: contents.mpnews([LongArticle("t", "m", "c", author="x" * 65)]),
        lambda: contents.mpnews([LongArticle("t", "", "c")]),
        lambda: contents.miniprogram_notice("wx1", "三个字"),
        lambda: contents.miniprogram_notice("wx1", "四个字啊", content_item=[("k", "v")] * 11),
        lambda: contents.miniprogram_notice("wx1", "四个字啊", content_item=[("k" * 11, "v")]),
        lambda: robot_text("客" * 683),
        lambda: robot_markdown("x" * 4097),
        lambda: robot_image(b""),
        lambda: robot_image(b"x" * (2 * 1024 * 1024 + 1)),
        lambda: robot_news([Article("t")]),
        lambda: robot_news([Article("t", url=URL, appid="wx1", pagepath="p")]),
        lambda: robot_file("m", kind="image"),
        lambda: robot_card(BUTTONS),
    ):
        with pytest.raises(ValueError, match=r"message/send|webhook/send"):
            make()


def test_textcards_are_measured_in_characters_and_texts_in_bytes():
    """128 Chinese characters are a title; 683 of them are too much text."""
    assert contents.textcard("客" * 128, "客" * 512, url=URL).payload["title"] == "客" * 128
    assert contents.text("客" * 682 + "xx").payload["content"].endswith("xx")


def test_recipients_are_a_list_or_everyone():
    """WeCom would ignore the lists; and ids must not join others."""
    for to in (
        Recipients(),
        Recipients(users=(LINA,), everyone=True),
        Recipients(parties=(1,), everyone=True),
        Recipients(users=(UserId("@all"), LINA)),
        Recipients(users=(UserId("LiNa|ZhaoMin"),)),
        Recipients(users=(UserId(""),)),
        Recipients(users=(LINA,) * 1001),
        Recipients(parties=(1,) * 101),
        Recipients(tags=(1,) * 101),
    ):
        with pytest.raises(ValueError, match="message/send"):
            message_body(contents.text("x"), to=to, agentid=7)
    for rest in ({"safe": 2}, {"duplicate_check_s": 14_401}, {"duplicate_check_s": 0}):
        with pytest.raises(ValueError, match="message/send"):
            message_body(contents.text("x"), to=TO, agentid=7, **rest)
    with pytest.raises(ValueError, match="textcard has no safe 1"):
        message_body(contents.textcard("t", "d", url=URL), to=TO, agentid=7, safe=1)


@pytest.mark.parametrize("card", [NOTICE, NEWS, BUTTONS, VOTE, CHOICES], ids=lambda card: card["card_type"])
def test_a_card_of_each_kind_is_let_through_as_it_is(card: dict[str, Any]):
    """And without a part that it needs, it is not."""
    assert checked_card(card) is card
    for part in card:
        with pytest.raises(ValueError, match=f"{part}|or {part}" if part != "card_type" else "card_type"):
            checked_card({key: value for key, value in card.items() if key != part})


@pytest.mark.parametrize(
    ("card", "more", "said"),
    [
        (NOTICE, {"button_list": []}, "has no button_list"),
        (NOTICE, {"card_action": {"type": 0}}, "card_action.type"),
        (NOTICE, {"jump_list": [{"title": "x"}] * 4}, "jump_list has 4"),
        (NOTICE, {"jump_list": [{}]}, "jump_list.title"),
        (NOTICE, {"horizontal_content_list": [{"keyname": "k"}] * 7}, "horizontal_content_list has 7"),
        (NOTICE, {"horizontal_content_list": [{"value": "v"}]}, "keyname"),
        (NOTICE, {"horizontal_content_list": [{"keyname": "k", "type": 3}]}, "horizontal_content_list.userid"),
        (NOTICE, {"action_menu": {"action_list": [{"text": "x", "key": "k"}]}}, "needs task_id"),
        (NOTICE, {"task_id": "t", "action_menu": {"action_list": []}}, "action_list has 0"),
        (NOTICE, {"task_id": "t", "action_menu": {"action_list": [{"key": "k"}] * 2}}, "not unique"),
        (NOTICE, {"task_id": "中文"}, "task_id"),
        (NOTICE, {"task_id": "x" * 129}, "task_id"),
        (NEWS, {"vertical_content_list": [{"desc": "x"}]}, "vertical_content_list.title"),
        (NEWS, {"card_image": {"aspect_ratio": 2}}, "card_image.url"),
        (BUTTONS, {"button_list": [{"text": "x", "key": "k"}] * 2}, "not unique"),
        (BUTTONS, {"button_list": [{"text": "x"}]}, "button_list.key"),
        (BUTTONS, {"button_list": [{"key": "k"}]}, "button_list.text"),
        (BUTTONS, {"button_list": [{"text": "x", "type": 1}]}, "button_list.url"),
        (BUTTONS, {"button_list": [{"text": "x", "key": "k" * 1025}]}, "1024 bytes"),
        (BUTTONS, {"button_selection": {"question_key": "q", "option_list": OPTIONS * 6}}, "has 12"),
        (VOTE, {"checkbox": {"question_key": "q", "option_list": [{"id": "a"}]}}, "option_list.text"),
        (VOTE, {"checkbox": {"question_key": "q", "option_list": [OPTIONS[0]] * 2}}, "not unique"),
        (VOTE, {"submit_button": {"text": "x"}}, "submit_button.key"),
        (CHOICES, {"select_list": [CHOICES["select_list"][0]] * 2}, "not unique"),
        (CHOICES, {"select_list": [CHOICES["select_list"][0]] * 4}, "has 4"),
    ],
)
def test_a_card_that_wecom_would_refuse_is_an_error(card: dict[str, Any], more: dict[str, Any], said: str):
    """With the part's name."""
    with pytest.raises(ValueError, match=said):
        checked_card({**card, **more})
