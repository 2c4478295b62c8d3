"""Entries in words, Chinese and English. Pure. Names are put in when somebody reads; without a name, the id."""

from collections.abc import Mapping
from typing import Literal

from services.timeline.model import Entry, Names

Language = Literal["zh", "en"]

WORDS: Mapping[str, tuple[str, str]] = {
    "customer_assigned": ("归属导购:{to_userid}", "assigned to {to_userid}"),
    "customer_reassigned": ("归属由{from_userid}改为{to_userid}", "reassigned from {from_userid} to {to_userid}"),
    "customer_unassigned": ("不再归属{from_userid}", "no longer assigned to {from_userid}"),
    "customer_lost": ("客户已流失", "lost: the customer removed the last associate"),
    "customer_deleted": ("客户已被删除", "deleted: the last associate removed the customer"),
    "customer_returned": ("客户已回流", "a friend again"),
    "customers_merged": ("合并了客户 {merged_id}", "customer {merged_id} was merged into this one"),
    "customers_parted": ("拆分出客户 {parted_id}", "customer {parted_id} was parted from this one"),
    "relation_started": ("与{userid}成为好友", "became a friend of {userid}"),
    "relation_half_added": ("请求添加{userid}", "asked {userid} to become friends"),
    "relation_lost": ("删除了{userid}", "removed {userid}"),
    "relation_deleted": ("被{userid}删除", "was removed by {userid}"),
    "relation_transferred": ("由{userid}转出", "was handed on by {userid}"),
    "relation_associate_left": ("导购{userid}离职", "{userid} left the corp"),
    "relation_out_of_sight": ("与{userid}的关系暂不可见", "the relation to {userid} is out of sight"),
    "relation_in_sight": ("与{userid}的关系恢复可见", "the relation to {userid} is in sight again"),
    "relation_edited": ("{userid}修改了{changed}", "{userid} changed {changed}"),
    "relation_edit_settled": ("对{field}的修改:{outcome}", "the change of {field} is {outcome}"),
    "relation_tag_drift": ("被取下的规则标签将恢复", "a tag that a rule enforces was taken off and comes back"),
    "transfer_asked": (
        "申请由{from_userid}转给{to_userid}",
        "handover from {from_userid} to {to_userid} was asked for",
    ),
    "transfer_accepted": ("企业微信已受理转接给{to_userid}", "WeCom accepted the handover to {to_userid}"),
    "transfer_done": ("已由{from_userid}转给{to_userid}", "handed over from {from_userid} to {to_userid}"),
    "transfer_failed": ("转接给{to_userid}未成功", "the handover to {to_userid} came to nothing"),
    "transfer_refused": ("客户拒绝转接给{to_userid}", "the customer refused the handover to {to_userid}"),
    "customer_blacklisted": ("加入黑名单", "put on the blacklist"),
    "customer_unblacklisted": ("移出黑名单", "taken off the blacklist"),
    "customer_linked_to_company": ("关联到企业 {company_id}", "linked to the company {company_id}"),
    "customer_unlinked_from_company": (
        "不再关联企业 {company_id}",
        "no longer linked to the company {company_id}",
    ),
    "customer_erased": ("客户资料已删除", "our record of the customer was deleted"),
    "customer_score_changed": ("{account} {amount},现为 {balance}", "{account} {amount}, now {balance}"),
    "customer_stage_changed": (
        "阶段由 {from_stage_id} 变为 {to_stage_id}",
        "stage changed from {from_stage_id} to {to_stage_id}",
    ),
    "customer_stage_overstayed": (
        "在阶段 {stage_id} 停留已满 {days} 天",
        "for {days} days in the stage {stage_id}",
    ),
    "customer_not_contacted": ("{days} 天没有联系记录", "no contact on record for {days} days"),
    "customer_tagged": (
        "本地标签:加 {added_tag_ids},去 {removed_tag_ids}",
        "local tags: {added_tag_ids} on, {removed_tag_ids} off",
    ),
    "pool_added": ("{userid}已添加,离开客户池", "added by {userid}, left the pool"),
    "pool_entered": ("进入客户池", "entered the pool"),
    "pool_given": ("客户池分配给{to_userid}", "given from the pool to {to_userid}"),
    "pool_left": ("{from_userid}退回客户池", "back in the pool, no longer with {from_userid}"),
    "pool_match_unclear": ("新好友可能是客户池中的客户", "the new friend may be somebody in the pool"),
    "pool_reachable": ("可以再次联系", "can be reached after all"),
    "pool_unreachable": ("{userid}无法联系:{reason}", "{userid} could not reach them: {reason}"),
    "order": ("订单 {order_id}({shop}):{status}", "order {order_id} ({shop}): {status}"),
    "event": ("行为:{event}", "event: {event}"),
    "event_by_hand": ("手工记录:{event}", "event recorded by hand: {event}"),
    "note": ("备注", "note"),
    "task_made": ("给{userid}的任务", "task for {userid}"),
    "task_done": ("{userid}的任务已完成", "task of {userid} done"),
    "task_cancelled": ("{userid}的任务已取消", "task of {userid} cancelled"),
    "chat_joined": ("加入群聊{chat_id}", "joined the chat {chat_id}"),
    "chat_left": ("退出群聊{chat_id}", "left the chat {chat_id}"),
    "audit": ("{action}:{changed}", "{action}: {changed}"),
}
"""What an entry is -> its words. A test wants them for every fact about a customer."""


def said(entry: Entry, names: Names, language: Language) -> str:
    texts = WORDS.get(entry.what)
    if texts is None:  # a fact of a newer version
        return entry.what.replace("_", " ")
    values = {name: _shown(name, value, names) for name, value in entry.values.items()}
    return texts[0 if language == "zh" else 1].format_map(_Known(values))


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _shown(name: str, value: object, names: Names) -> str:
    if name.endswith("userid") and name != "external_userid":
        return names.associates.get(str(value), str(value))
    if name == "chat_id":
        return names.chats.get(str(value), str(value))
    if name == "company_id":
        return names.companies.get(str(value), str(value))
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return "?" if value is None else str(value)
