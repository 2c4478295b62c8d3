"""The texts of `guanxi transfer`, in the two languages that a corp may choose."""

from collections.abc import Mapping

from services.transfers.model import Refusal, Stage, Why
from shared.db.engine import Row
from shared.wecom.errors.table import entry_of
from shared.wecom.errors.words import Words

REFUSALS: Mapping[Refusal, Words] = {
    Refusal.SAME: Words(
        "{who} is giver and new owner at once: name another --to", "{who} 既是原跟进人又是接替人，请更换 --to"
    ),
    Refusal.UNKNOWN_TAKER: Words(
        "no associate {who} is known here; check the spelling, or run `guanxi resync --resource directory`",
        "未知成员 {who}，请检查拼写或运行 `guanxi resync --resource directory`",
    ),
    Refusal.UNKNOWN_GIVER: Words(
        "no associate {who} is known here; check the spelling, or run `guanxi resync --resource directory`",
        "未知成员 {who}，请检查拼写或运行 `guanxi resync --resource directory`",
    ),
    Refusal.RENAMED: Words("the userid has changed: {who}", "成员账号已变更：{who}"),
    Refusal.TAKER_LEFT: Words(
        "{who} has left the corp and cannot take over: name another --to", "{who} 已离职，不能接替，请更换 --to"
    ),
    Refusal.TAKER_OUT_OF_SIGHT: Words(
        "{who} is not in the app's visible range: add them in WeCom's console (the app → visible range)",
        "{who} 不在应用可见范围内，请在管理后台将其加入",
    ),
    Refusal.TAKER_WITHOUT_FUNCTION: Words(
        "{who} has no customer-contact function: add them in WeCom's console (customer contact → permissions)",
        "{who} 未开通客户联系功能，请在管理后台「客户联系 → 权限配置」中开通",
    ),
    Refusal.TAKER_NOT_ACTIVE: Words("{who} has not activated their WeCom account", "{who} 未激活企业微信账号"),
    Refusal.GIVER_LEFT: Words("{who} has left the corp: leave out --in-service", "{who} 已离职，请去掉 --in-service"),
    Refusal.GIVER_IN_SERVICE: Words("{who} is in service: leave out --departed", "{who} 在职，请去掉 --departed"),
    Refusal.GIVER_LEFT_TOO_LONG_AGO: Words(
        "{who} left more than a year ago: WeCom hands nothing over any more",
        "{who} 离职已超过一年，企业微信不再支持继承",
    ),
    Refusal.NOT_A_FRIEND: Words("is no customer of the giver (any more)", "不是（或不再是）原跟进人的客户"),
    Refusal.UNDER_WAY: Words("a handover of it is under way", "正在移交中"),
    Refusal.TOO_OFTEN: Words(
        "was handed over twice within 90 days: WeCom allows no more", "90 天内已移交 2 次，达到企业微信上限"
    ),
    Refusal.UNKNOWN_CHAT: Words("no such chat is known here", "未知客户群"),
    Refusal.CHAT_DISMISSED: Words("the chat was dismissed", "群已解散"),
    Refusal.CHAT_WITHOUT_OWNER: Words("its owner is not known here", "群主未知"),
    Refusal.OWNER_ALREADY: Words("is the new owner's already", "接替人已是群主"),
    Refusal.TOO_LONG: Words("the message has more than 200 characters", "消息超过 200 字"),
    Refusal.NOBODY: Words("there is nothing to hand over", "没有可移交的内容"),
}

STAGES: Mapping[Stage, Words] = {
    Stage.QUEUED: Words("queued", "待提交"),
    Stage.ASKED: Words("asked, no answer yet", "已提交，未收到答复"),
    Stage.WAITING: Words("waiting", "等待接替"),
    Stage.DONE: Words("done", "接替完成"),
    Stage.REFUSED: Words("refused by the customer", "客户拒绝"),
    Stage.LIMIT: Words("limit reached", "达到上限"),
    Stage.FAILED: Words("failed", "失败"),
    Stage.WITHDRAWN: Words("withdrawn", "已撤回"),
}

WHYS: Mapping[Why, Words] = {
    Why.REFUSED: Words("", ""),
    Why.TAKER_FULL: Words("the new owner has as many customers as allowed", "接替人的客户数已达上限"),
    Why.TAKER_LEFT: Words("the new owner left the corp meanwhile", "接替人已离职"),
    Why.CUSTOMER_LEFT: Words("the customer removed the associate meanwhile", "等待期间客户删除了原跟进人"),
    Why.NO_RECORD: Words("WeCom shows no outcome, and nobody has moved", "企业微信没有结果记录，客户归属未变化"),
    Why.OWNER_UNCHANGED: Words("WeCom took it, and the new owner never came", "企业微信已受理，但群主未变更"),
    Why.CHAT_GONE: Words("the chat is gone", "群已不存在"),
}


def stage_said(row: Row, language: str) -> str:
    """Where a handover stands, with the reason and WeCom's code where there is one."""
    parts = [STAGES[Stage(row["stage"])].said(language)]
    if row["why"] in WHYS:
        parts.append(WHYS[Why(row["why"])].said(language))
    if row["code"] is not None:
        parts.append(f"{entry_of(row['code']).meaning.said(language)} ({row['code']})")
    return ": ".join(part for part in parts if part)
