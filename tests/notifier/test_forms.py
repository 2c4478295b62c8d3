"""Forms of messages: each within WeCom's sizes, whatever people call themselves."""

from dataclasses import replace

import orjson
import pytest

from notifier.render import render_card
from services.message_cards.model import BUTTONS, CAPTIONS, REASONS, SIGNS, buttons_of
from services.message_templates.model import Dress, Form, Name, Text, Wardrobe
from services.notices.model import NEW_CUSTOMER, POOL_GIVEN, REASSIGNED_TO_YOU, RELATION_LOST
from services.notices.store import Names, NoticeSource
from services.pool.model import PoolCustomersGiven
from shared.ids import CustomerId, OutboxId
from tests.notifier.test_render import LI, NAMES, TEXTS, URL, ZHAO, at, named, people_of, source, tenant

FORMS = [Form.TEXT, Form.MARKDOWN, Form.MINIPROGRAM, Form.TEXTCARD]
GIVEN = PoolCustomersGiven(occurred_at=at(0), userid=LI, count=1, customer_id=CustomerId(3))


def dressed(notice: str, form: Form, *, language: str = "zh", people=None, corp=None, **changed):
    wardrobe = Wardrobe(dresses={notice: Dress(form, "wxShop", "pages/c") if form is Form.MINIPROGRAM else Dress(form)})
    told = changed.pop("told", None) or source(notice, **changed)
    corp = corp or tenant(language)
    return orjson.loads(
        render_card(corp, told, people or named("陈晨"), agent_id=7, console_url=URL, wardrobe=wardrobe)
    )


def given(count: int = 1) -> NoticeSource:
    fact = replace(GIVEN, count=count, customer_id=CustomerId(3) if count == 1 else None)
    payload = orjson.loads(orjson.dumps(fact.payload()))
    return NoticeSource(OutboxId(5), POOL_GIVEN, LI, None, fact.TYPE, fact.occurred_at, payload, None)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("notice", sorted({notice for notice, _ in TEXTS}))
def test_every_kind_goes_out_in_every_form(notice, form, name):
    """The client's own checks of sizes let it through, and it leads to the page (OUT-1)."""
    body = dressed(notice, form, people=named(name, associate=name), external_userid="wmContactTwo")
    assert body["msgtype"] == {Form.MINIPROGRAM: "miniprogram_notice"}.get(form, form.value)
    assert "n=5" in orjson.dumps(body).decode()


@pytest.mark.parametrize("form", [Form.TEXT, Form.MARKDOWN])
def test_a_name_marks_nothing_up(form):
    """A customer who calls themselves a link is no link (G8)."""
    body = dressed(RELATION_LOST, form, people=named("[win](http://evil) **x** <a href='u'>"))
    content = body[form.value]["content"]
    assert "[win]" not in content and "<a href='u'>" not in content and "**x**" not in content
    assert "［win］" in content


def test_a_message_about_one_pool_customer_has_buttons_and_reasons():
    """Added, unreachable with its reason; the task id is of this notice and this database (POOL-8)."""
    corp = tenant("en")
    card = dressed(POOL_GIVEN, Form.CARD, corp=corp, told=given())["template_card"]
    assert [(one["key"], one["text"]) for one in card["button_list"]] == [
        ("added", "Added"),
        ("unreachable", "No contact"),
    ]
    assert [one["id"] for one in card["button_selection"]["option_list"]] == [one.value for one in REASONS]
    again = dressed(POOL_GIVEN, Form.CARD, corp=corp, told=given())["template_card"]
    assert card["task_id"] == again["task_id"]
    assert card["task_id"].startswith("gx-5-")
    assert dressed(POOL_GIVEN, Form.CARD, told=given())["template_card"]["task_id"] != card["task_id"]


def test_a_message_about_several_has_no_buttons_and_is_a_text_card():
    """A press would not say which of them (POOL-7)."""
    assert dressed(POOL_GIVEN, Form.CARD, told=given(3))["msgtype"] == "textcard"
    assert dressed(NEW_CUSTOMER, Form.CARD)["msgtype"] == "textcard"
    assert buttons_of(POOL_GIVEN, {"count": 3}) == ()


def test_signs_fit_on_buttons():
    """What stands on a button has 10 characters at most in Chinese and is short in English, options 16."""
    assert all(len(one.zh) <= 10 for one in (*CAPTIONS.values(), *SIGNS.values()))
    assert all(len(one.en) <= 10 for one in CAPTIONS.values())
    assert all(len(word) <= 16 for one in REASONS.values() for word in one)
    assert {one for some in BUTTONS.values() for one in some} <= CAPTIONS.keys()


def test_a_corps_own_text_stands_in_place_of_the_shipped_one_until_it_breaks():
    """A text that asks for a word that is gone costs nobody the message (LOSS-2)."""
    own = Name(RELATION_LOST, "en")
    for text, title in (
        (Text("Gone: {{ customer }}", "Call."), "Gone: 陈晨"),
        (Text("{{ x }}", "d"), "Customer lost: 陈晨"),
    ):
        body = render_card(
            tenant("en"), source(RELATION_LOST), named("陈晨"), agent_id=7, console_url=URL,
            wardrobe=Wardrobe(texts={own: text}),
        )  # fmt: skip
        assert orjson.loads(body)["textcard"]["title"] == title


def test_who_stands_above_reads_of_whom_it_is():
    """`above` and `associate` say whose matter it is; customers are called as that one calls them (LOSS-2)."""
    text = Text("{% if above %}{{ associate }}: {% endif %}{{ customer }}", "{{ at }} {{ owner }}")
    wardrobe = Wardrobe(texts={Name(RELATION_LOST, "en"): text})
    told = replace(source(RELATION_LOST), recipient=ZHAO, about=LI)
    people = people_of(Names({}, {(told.payload["external_userid"], LI): "Auntie"}, {LI: "Li Na"}))
    body = orjson.loads(render_card(tenant("en"), told, people, agent_id=7, console_url=URL, wardrobe=wardrobe))
    assert (body["touser"], body["textcard"]["title"]) == (ZHAO, "Li Na: Auntie")
    assert body["textcard"]["description"].endswith(" Li Na")
    other = Wardrobe(texts={Name(REASSIGNED_TO_YOU, "en"): Text("{{ owner }} from {{ associate }}", "d")})
    told = replace(source(REASSIGNED_TO_YOU), recipient=ZHAO, about=LI)
    body = orjson.loads(render_card(tenant("en"), told, named("c"), agent_id=7, console_url=URL, wardrobe=other))
    assert body["textcard"]["title"] == "李娜 from 赵敏"
