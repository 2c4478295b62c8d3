"""Each notice becomes one text card whose bytes never change."""

from dataclasses import replace
from xml.etree import ElementTree

import orjson
import pytest

from notifier.names import people_of
from notifier.render import LONGEST_NAME, render_card, shortened
from services.assignment.model import CustomerReassigned
from services.customers.model import RelationLost, RelationStarted
from services.notices.model import (
    HANDED_OVER,
    HANDOVER_FAILED,
    NEW_CUSTOMER,
    REASSIGNED_AWAY,
    REASSIGNED_TO_YOU,
    RELATION_LOST,
    TAKEN_OVER,
)
from services.notices.store import Names, NoticeSource
from services.transfers.model import TakeoverDone, TakeoverFailed
from shared.ids import ExternalUserId, OutboxId, TenantId
from shared.tenants import Tenant
from shared.vault import Vault
from tests.services.factories import CONTACT, CUSTOMER, LI, ZHAO, at

SECOND = ExternalUserId("wmContactTwo")
URL = "https://crm.example.com"
RELATION = {"userid": LI, "external_userid": CONTACT}
MOVED = CustomerReassigned(
    occurred_at=at(0), customer_id=CUSTOMER, external_userid=CONTACT, from_userid=ZHAO, to_userid=LI, why="auto"
)
TAKEN = TakeoverDone(
    occurred_at=at(0), kind="customer", from_userid=ZHAO, to_userid=LI, external_userid=CONTACT, count=1, departed=False
)
FAILED = TakeoverFailed(
    occurred_at=at(0),
    kind="customer",
    from_userid=ZHAO,
    to_userid=ZHAO,
    external_userid=CONTACT,
    author_userid=LI,
    refused_count=1,
    limit_count=0,
    failed_count=0,
)
FACTS = {
    TAKEN_OVER: TAKEN,
    HANDED_OVER: replace(TAKEN, from_userid=LI, to_userid=ZHAO),
    HANDOVER_FAILED: FAILED,
    NEW_CUSTOMER: RelationStarted(occurred_at=at(0), evidenced=True, add_state="door-7", **RELATION),
    RELATION_LOST: RelationLost(occurred_at=at(0), evidenced=True, **RELATION),
    REASSIGNED_TO_YOU: MOVED,
    REASSIGNED_AWAY: replace(MOVED, from_userid=LI, to_userid=ZHAO),
}
TEXTS = {
    (TAKEN_OVER, "zh"): ("客户移交给您：陈晨", "赵敏 的客户 陈晨 已由您接替"),
    (TAKEN_OVER, "en"): ("A customer was handed over to you: 陈晨", "陈晨 was 赵敏's customer and is yours now"),
    (HANDED_OVER, "zh"): ("客户已移交：陈晨", "您的客户 陈晨 已由 赵敏 接替"),
    (HANDED_OVER, "en"): ("A customer was handed over: 陈晨", "was your customer and is 赵敏's now"),
    (HANDOVER_FAILED, "zh"): ("移交未成功：陈晨", "客户拒绝 1；归属保持不变"),
    (HANDOVER_FAILED, "en"): ("Not handed over: 陈晨", "refused by the customer: 1. All stays as it was"),
    (NEW_CUSTOMER, "zh"): ("新客户：陈晨", "陈晨 已成为您的好友（渠道：door-7）"),
    (NEW_CUSTOMER, "en"): ("New customer: 陈晨", "陈晨 is your friend now (channel: door-7)"),
    (RELATION_LOST, "zh"): ("客户流失：陈晨", "陈晨 已将您删除"),
    (RELATION_LOST, "en"): ("Customer lost: 陈晨", "send a new friend request"),
    (REASSIGNED_TO_YOU, "zh"): ("客户已分配给您：陈晨", "陈晨 的归属由 赵敏 变更为您"),
    (REASSIGNED_TO_YOU, "en"): ("A customer is yours now: 陈晨", "was assigned to 赵敏 and is assigned to you now"),
    (REASSIGNED_AWAY, "zh"): ("客户归属变更：陈晨", "陈晨 的归属已由您变更为 赵敏"),
    (REASSIGNED_AWAY, "en"): ("A customer was reassigned: 陈晨", "was assigned to you and is assigned to 赵敏 now"),
}
EVERY = sorted(TEXTS)


def tenant(language: str, timezone: str = "Asia/Shanghai") -> Tenant:
    vault = Vault("a secret key of the tests, long enough")
    cipher = vault.open(vault.new_data_key())
    return Tenant(TenantId(1), "ww1", "self", "Example", timezone, language, "live", at(0), cipher)


def source(
    notice: str, *, outbox_id: int = 5, external_userid: ExternalUserId = CONTACT, recipient=LI, **changed
) -> NoticeSource:
    fact = replace(FACTS[notice], external_userid=external_userid, **changed)
    payload = orjson.loads(orjson.dumps(fact.payload()))
    return NoticeSource(OutboxId(outbox_id), notice, recipient, None, fact.TYPE, fact.occurred_at, payload, CUSTOMER)


def named(customer: str, associate: str = "赵敏"):
    return people_of(Names({CONTACT: customer, SECOND: customer}, {}, {LI: "李娜", ZHAO: associate}))


def rendered(notice: str, language: str, people=None, **changed) -> bytes:
    people = people or named("陈晨")
    return render_card(tenant(language), source(notice, **changed), people, agent_id=7, console_url=URL)


def card_of(body: bytes) -> dict[str, str]:
    return orjson.loads(body)["textcard"]


def words_of(description: str) -> str:
    """The text of a description; fails when its markup is not well formed or not among what a card may hold."""
    tree = ElementTree.fromstring(f"<card>{description}</card>")
    assert {one.tag for one in tree.iter()} <= {"card", "div", "br"}
    assert {one.get("class") for one in tree.iter("div")} <= {"gray", "normal", "highlight"}
    return "".join(tree.itertext())


@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_a_notice_says_what_happened_in_the_corps_language(notice, language):
    """New customer, loss, both sides of a reassignment: who, and what now (ASG-5, ASG-7, LOSS-2)."""
    card = card_of(rendered(notice, language))
    title, words = TEXTS[notice, language]
    assert card["title"] == title
    assert words in words_of(card["description"])
    assert "2026-03-02 08:00" in card["description"]


@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_the_call_goes_to_the_recipient_and_asks_wecom_to_recognise_repeats(notice, language):
    """The whole body is fixed by the notice, for the longest window that WeCom offers (LOSS-2)."""
    body = orjson.loads(rendered(notice, language))
    assert (body["touser"], body["msgtype"], body["agentid"]) == (LI, "textcard", 7)
    assert (body["enable_duplicate_check"], body["duplicate_check_interval"]) == (1, 14_400)
    assert len(body["textcard"]["btntxt"]) <= 4


@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_the_link_leads_to_the_customer_and_names_the_notice(notice, language):
    """One tap opens the customer's page; the outbox id tells which notice was followed (LOSS-2)."""
    assert card_of(rendered(notice, language, outbox_id=91))["url"] == f"{URL}/c/{CUSTOMER}?n=91"


@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_one_notice_gives_the_same_bytes_twice_and_two_never_do(notice, language):
    """Two customers of one name in one minute are two messages; a second try is the same message (LOSS-2)."""
    first = rendered(notice, language, outbox_id=5)
    assert rendered(notice, language, outbox_id=5) == first
    assert rendered(notice, language, outbox_id=6, external_userid=SECOND) != first
    assert rendered(notice, language, outbox_id=6) != first


NAMES = {
    "markup": '<b>&"</b>',
    "emoji": "😀👩‍👩‍👧" * 3,
    "500 characters": "陈" * 500,
    "500 signs that grow when escaped": '<"&' * 166 + "<>",
    "500 emoji": "😀" * 500,
    "line breaks": "a\nb\r\n\u2028c",
    "template words": "{{ at }}{% if %}",
    "the end of a block": "</div></div>",
    "right to left": "\u202eabc",
    "a lone surrogate": "a\ud800b",
    "a null": "a\0b",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize(("notice", "language"), EVERY)
def test_any_name_stays_a_name_within_the_limits(notice, language, name):
    """Title 128 and description 512 characters, well formed, one line, whatever people call themselves (LOSS-2)."""
    card = card_of(rendered(notice, language, named(name, associate=name)))
    assert 0 < len(card["title"]) <= 128
    assert len(card["description"]) <= 512
    assert shortened(name) in card["title"]
    assert shortened(name) in words_of(card["description"])
    assert not set("\n\r\u2028\0") & set(card["title"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_long_channel_stays_within_the_limits(language):
    """The state of a contact way is text from outside like a name (LOSS-2)."""
    card = card_of(rendered(NEW_CUSTOMER, language, add_state="&" * 500))
    assert len(card["description"]) <= 512
    words_of(card["description"])


@pytest.mark.parametrize(
    ("notice", "language", "changed", "title"),
    [
        (TAKEN_OVER, "zh", {"count": 250}, "250 位客户移交给您"),
        (TAKEN_OVER, "en", {"count": 3, "kind": "chat"}, "Group chats were handed over to you: 3"),
        (HANDED_OVER, "zh", {"count": 3, "kind": "chat"}, "3 个客户群已移交"),
        (HANDOVER_FAILED, "en", {"limit_count": 2, "failed_count": 4}, "Customers not handed over: 7"),
    ],
)
def test_many_handovers_are_one_message_with_their_number(notice, language, changed, title):
    """However many are done together, one text tells of them; no name stands for all (TRF-4)."""
    fact = replace(FACTS[notice], external_userid=None, **changed)
    payload = orjson.loads(orjson.dumps(fact.payload()))
    told = NoticeSource(OutboxId(5), notice, LI, None, fact.TYPE, fact.occurred_at, payload, None)
    card = card_of(render_card(tenant(language), told, named("陈晨"), agent_id=7, console_url=URL))
    assert card["title"] == title
    assert "陈晨" not in words_of(card["description"])


def test_names_of_nothing_but_signs_that_are_escaped_stay_within_the_limits():
    """Two names of 40 ampersands are 400 characters of markup: one text has no room for them (LOSS-2)."""
    name = "&" * 500
    card = card_of(rendered(REASSIGNED_TO_YOU, "en", named(name, associate=name)))
    assert len(card["description"]) <= 512
    words_of(card["description"])


def test_without_a_channel_none_is_spoken_of():
    """An empty state of a contact way leaves no empty brackets (LOSS-2)."""
    for language, brackets in (("zh", "渠道"), ("en", "channel")):
        for state in (None, ""):
            assert brackets not in card_of(rendered(NEW_CUSTOMER, language, add_state=state))["description"]


def test_an_associate_sees_their_own_remark_else_the_nickname_else_the_id():
    """A customer is called what this associate calls them (CUS-1)."""
    people = people_of(Names({CONTACT: "Chen"}, {(CONTACT, LI): "Auntie"}, {ZHAO: "赵敏"}))
    assert people.customer(CONTACT, LI) == "Auntie"
    assert people.customer(CONTACT, ZHAO) == "Chen"
    assert people.customer(SECOND, LI) == SECOND
    assert (people.associate(ZHAO), people.associate(LI)) == ("赵敏", LI)


def test_the_time_is_the_corps_own():
    """Times are shown in the corp's time zone (LOSS-3)."""
    body = render_card(
        tenant("en", "America/New_York"), source(RELATION_LOST), named("Chen"), agent_id=7, console_url=URL
    )
    assert "2026-03-01 19:00" in card_of(body)["description"]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Chen", "Chen"),
        (" Chen\n", "Chen"),
        ("a" * LONGEST_NAME, "a" * LONGEST_NAME),
        ("a" * (LONGEST_NAME + 1), "a" * (LONGEST_NAME - 1) + "…"),
        ("😀" * 500, "😀" * (LONGEST_NAME - 1) + "…"),
    ],
)
def test_a_name_is_one_line_of_readable_length(name, short):
    """A long name is cut with a sign that it was (CUS-1)."""
    assert shortened(name) == short
