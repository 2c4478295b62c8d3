"""The texts of `guanxi explain`. Codes (kinds of evidence, types of facts, states) are shown as they are stored."""

from collections.abc import Mapping

from shared.wecom.errors.words import Words

SUBJECTS: Mapping[str, Words] = {
    "customer": Words("customer", "客户"),
    "chat": Words("group chat", "客户群"),
    "tag": Words("tag", "标签"),
    "associate": Words("associate", "成员"),
    "outlet": Words("outlet", "部门"),
}
MOMENTS: Mapping[str, Words] = {
    "callback": Words("event", "事件"),
    "run": Words("full pass", "全量同步"),
    "evidence": Words("which says", "事件内容"),
    "fact": Words("recorded", "记录"),
    "assignment": Words("assigned", "分配"),
    "decision": Words("decided", "人工决定"),
    "stay_began": Words("joined", "入群"),
    "stay_ended": Words("left", "退群"),
    "intent": Words("wanted", "待推送"),
    "notice": Words("notice", "通知"),
    "attempt": Words("sent try", "发送尝试"),
    "removal": Words("removal plan", "清理计划"),
}
NOW = Words("as it is now", "当前状态")
REQUEST = Words("being looked at", "同步状态")
HISTORY = Words("history, in the time of {zone}", "历史（时区 {zone}）")
OLDER = Words("older moments are left out (--limit)", "更早的记录已省略（--limit）")
BECAUSE = Words("by {cause}", "来源：{cause}")
READ_AT = Words("read {at}", "读取于 {at}")
SETTLED = Words("settled {at}", "已完成，{at}")
SETTLED_ONCE = Words("settled", "已完成")
DUE = Words(
    "due since {since}, next try {next}, {attempts} failed", "自 {since} 待同步，下次尝试 {next}，已失败 {attempts} 次"
)
DEAD = Words(
    "given up {at} after {attempts} tries: `guanxi dead retry {id}`",
    "{at} 已放弃，共尝试 {attempts} 次：`guanxi dead retry {id}`",
)
LAST_ERROR = Words("last problem: {error}", "最近的问题：{error}")
NOBODY = Words("nobody", "无")
