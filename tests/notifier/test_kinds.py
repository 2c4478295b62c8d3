"""What the clock and deletions tell: in both languages, to whom it concerns and to those above, within the limits."""

from dataclasses import replace

import orjson
import pytest

from notifier.names import people_of
from notifier.render import render_card
from services.assignment.model import CustomerReassigned
from services.customers.model import RelationDeleted, RelationLost, RelationStarted
from services.notices import model
from services.notices.store import Names, NoticeSource
from services.planning import Fact
from services.pool.model import PoolCustomersGiven
from services.stages.model import CustomerStageChanged
from services.transfers.model import TakeoverDone
from services.watching.model import (
    ChatEventDue,
    CustomerNotContacted,
    CustomerStageOverstayed,
    DeletionsOfDay,
    LeaverDeadline,
)
from shared.ids import CustomerId, OutboxId, UserId
from tests.notifier.test_render import card_of, tenant, words_of
from tests.services.factories import CONTACT, CUSTOMER, LI, WANG, ZHAO, at

RELATION = {"userid": LI, "external_userid": CONTACT}
STAYED = CustomerStageOverstayed(
    occurred_at=at(0), customer_id=CUSTOMER, line_id=1, stage_id=3, entered_at=at(-86_400 * 7).isoformat(), days=7,
    number=1, **RELATION,
)  # fmt: skip
SILENT = CustomerNotContacted(
    occurred_at=at(0), customer_id=CUSTOMER, stage_id=None, since=at(-9).isoformat(), source="note", days=14, number=1,
    **RELATION,
)  # fmt: skip
MOVED = CustomerReassigned(
    occurred_at=at(0), customer_id=CUSTOMER, external_userid=CONTACT, from_userid=ZHAO, to_userid=LI, why="auto"
)
TAKEN = TakeoverDone(
    occurred_at=at(0), kind="customer", from_userid=ZHAO, to_userid=LI, external_userid=CONTACT, count=1, departed=False
)
EVENT = ChatEventDue(
    occurred_at=at(0), event_id=8, userid=LI, chat_id="wr1", chat_count=1, starts_at=at(3600).isoformat()
)
DELETIONS = DeletionsOfDay(
    occurred_at=at(0), day="2026-03-02", count=9, associate_count=5, top_userids=(LI, ZHAO, WANG), top_counts=(4, 2, 1)
)
STAGE = CustomerStageChanged(
    occurred_at=at(0), customer_id=CUSTOMER, line_id=1, from_stage_id=2, to_stage_id=3, why="rule"
)
LEAVER = LeaverDeadline(occurred_at=at(0), userid=LI, until="2026-03-09", days_left=7, customer_count=12, chat_count=0)
TEXTS: dict[tuple[str, str, UserId], tuple[Fact, str, str]] = {
    (model.RELATION_LOST, "zh", WANG): (
        RelationLost(occurred_at=at(0), evidenced=True, **RELATION), "客户流失：陈阿姨", "陈阿姨 已将 李娜 删除"),
    (model.RELATION_LOST, "en", WANG): (
        RelationLost(occurred_at=at(0), evidenced=True, **RELATION),
        "Customer lost: 陈阿姨", "陈阿姨 removed 李娜"),
    (model.NEW_CUSTOMER, "zh", WANG): (
        RelationStarted(occurred_at=at(0), evidenced=True, **RELATION), "新客户：陈阿姨", "已成为 李娜 的好友。"),
    (model.REASSIGNED_TO_YOU, "en", WANG): (MOVED, "A customer is 李娜's now: 陈阿姨", "assigned to 李娜 now"),
    (model.REASSIGNED_AWAY, "zh", WANG): (MOVED, "客户归属变更：陈晨", "陈晨 不再归属 赵敏"),
    (model.TAKEN_OVER, "en", WANG): (TAKEN, "A customer was handed over to 李娜: 陈阿姨", "is 李娜's customer now"),
    (model.HANDED_OVER, "zh", WANG): (TAKEN, "客户已移交：陈晨", "赵敏 的客户 陈晨 已移交"),
    (model.HANDOVER_DONE, "zh", WANG): (TAKEN, "移交已完成：陈晨", "由 赵敏 移交给 李娜 已完成"),
    (model.HANDOVER_DONE, "en", WANG): (
        replace(TAKEN, count=3, external_userid=None), "Customers handed over: 3", "to 李娜"),
    (model.POOL_GIVEN, "en", WANG): (
        PoolCustomersGiven(occurred_at=at(0), userid=LI, count=3, customer_id=None),
        "The company has assigned 李娜 new customers: 3", "李娜's list"),
    (model.RELATION_DELETED, "zh", WANG): (
        RelationDeleted(occurred_at=at(0), evidenced=True, **RELATION), "客户被删除：陈阿姨", "李娜 删除了客户 陈阿姨"),
    (model.RELATION_DELETED, "en", WANG): (
        RelationDeleted(occurred_at=at(0), evidenced=True, **RELATION),
        "Customer deleted: 陈阿姨", "李娜 removed"),
    (model.DELETIONS_OF_DAY, "zh", WANG): (
        DELETIONS, "9 位客户被删除", "李娜 4 位、赵敏 2 位、WangWei 1 位，以及另外 2 位导购"),
    (model.DELETIONS_OF_DAY, "en", WANG): (
        replace(DELETIONS, associate_count=1, top_userids=(LI,), top_counts=(9,)),
        "Customers deleted: 9", "digest: 李娜 9."),
    (model.STAGE_CHANGED, "zh", LI): (STAGE, "客户阶段变更：陈阿姨", "由“意向”进入“已购”"),
    (model.STAGE_CHANGED, "en", LI): (
        replace(STAGE, to_stage_id=None), "A customer's stage changed: 陈阿姨", "not in the stage 意向"),
    (model.STAGE_OVERSTAYED, "zh", LI): (STAYED,
        "客户停留超过 7 天：陈阿姨", "自 2026-02-23 08:00 起停留在阶段“已购”。请跟进"),
    (model.STAGE_OVERSTAYED, "en", WANG): (STAYED, "7 days in one stage: 陈阿姨", "Their associate is 李娜"),
    (model.NOT_CONTACTED, "zh", LI): (SILENT, "14 天未联系：陈阿姨", "超过 14 天没有联系记录（最近一次来源：备注）"),
    (model.NOT_CONTACTED, "en", WANG): (
        SILENT, "No contact for 14 days: 陈阿姨", "李娜's customer, is on record for 14 days"),
    (model.CHAT_EVENT, "zh", LI): (EVENT, "群活动提醒：周年庆",
        "周年庆 将于 2026-03-02 09:00 开始，涉及您的客户群“老客群”"),
    (model.CHAT_EVENT, "en", LI): (
        replace(EVENT, chat_id=None, chat_count=3), "Coming up: 周年庆", "your group chats (3)"),
    (model.LEAVER_DEADLINE, "zh", WANG): (LEAVER, "离职继承即将到期：李娜", "12 位客户须在 2026-03-09 前移交"),
    (model.LEAVER_DEADLINE, "en", WANG): (
        LEAVER, "Last days to hand over: 李娜", "left 12 customers. They can"),
}  # fmt: skip


def people(customer: str = "陈晨", other: str | None = None):
    """Li Na has a remark of her own, which those above her read too."""
    return people_of(
        Names(
            {CONTACT: customer},
            {(CONTACT, LI): other or "陈阿姨"},
            {LI: other or "李娜", ZHAO: other or "赵敏"},
            customers={CUSTOMER: CONTACT},
            stages={2: other or "意向", 3: other or "已购"},
            chats={"wr1": other or "老客群"},
            chat_events={8: other or "周年庆"},
        )
    )


def card(notice: str, language: str, recipient: UserId, fact: Fact, whom=None) -> dict[str, str]:
    payload = orjson.loads(orjson.dumps(fact.payload()))
    about = LI if recipient == WANG and notice != model.HANDOVER_DONE else None  # who asked hears for themselves
    told = NoticeSource(OutboxId(5), notice, recipient, about, fact.TYPE, fact.occurred_at, payload, CustomerId(7))
    return card_of(render_card(tenant(language), told, whom or people(), agent_id=7, console_url="https://x.example"))


@pytest.mark.parametrize(("notice", "language", "recipient"), sorted(TEXTS))
def test_a_reminder_says_what_is_the_matter_to_whoever_reads_it(notice, language, recipient):
    """To the associate as theirs, to those above as the associate's (LOSS-2, LOSS-3, STG-2, STG-3, GRP-6, TRF-4)."""
    fact, title, words = TEXTS[notice, language, recipient]
    found = card(notice, language, recipient, fact)
    assert found["title"] == title
    assert words in words_of(found["description"])


@pytest.mark.parametrize("name", ["<\"&'" * 130, "陈" * 500, "{{ at }}", "a\nb"])
@pytest.mark.parametrize(("notice", "language", "recipient"), sorted(TEXTS))
def test_any_name_leaves_a_reminder_well_formed_and_within_the_limits(notice, language, recipient, name):
    """Title 128, description 512 characters, whatever customers, stages, chats and events are called (LOSS-2)."""
    found = card(notice, language, recipient, TEXTS[notice, language, recipient][0], people(name, name))
    assert 0 < len(found["title"]) <= 128 and "\n" not in found["title"]
    assert len(found["description"]) <= 512
    words_of(found["description"])
