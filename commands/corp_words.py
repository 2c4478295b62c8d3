"""The texts of `guanxi corp check`. What a refusal of WeCom's means and asks for is in `shared.wecom.errors.table`."""

from collections.abc import Mapping

from shared.wecom.errors.words import Words

TITLES: Mapping[str, Words] = {
    "reach": Words("WeCom's API", "企业微信接口"),
    "app": Words("app {app}", "应用 {app}"),
    "secret": Words("secret of app {app}", "应用 {app} 的 secret"),
    "address": Words("this machine's address for app {app}", "本机 IP（应用 {app}）"),
    "follow_users": Words("members with customer contact", "客户联系成员"),
    "customers": Words("customers of a member", "成员的客户"),
    "customer": Words("a customer's details", "客户详情"),
    "tags": Words("corp tags", "企业标签"),
    "chats": Words("customer groups", "客户群"),
    "unassigned": Words("customers of members who left", "离职成员的待分配客户"),
    "member": Words("a member's details", "成员详情"),
    "department": Words("a department's details", "部门详情"),
    "member_ids": Words("ids of all members (app {app})", "全部成员 ID（应用 {app}）"),
    "department_ids": Words("ids of all departments (app {app})", "全部部门 ID（应用 {app}）"),
    "sending": Words("messages to members", "发送应用消息"),
    "receiver": Words("callback address", "回调地址"),
}

ANSWERS = Words("{url} answers", "{url} 可以访问")
ACCEPTED = Words("accepted", "有效")
TRUSTED = Words("trusted", "可信")
MEMBERS = Words("{count} in sight", "可见 {count} 人")
CUSTOMERS = Words("{userid} has {count}", "{userid} 有 {count} 位客户")
READABLE = Words("can be read", "可以读取")
COUNTED = Words("can be read, {count} found", "可以读取，共 {count} 个")
MAY_SEND = Words("permitted; nothing was sent", "有权发送，本次未发送消息")
SENT = Words("a message was sent to {userid}", "已向 {userid} 发送一条消息")
RECEIVES = Words("{path}", "{path}")

REFUSED = Words("{meaning} ({code})", "{meaning}（{code}）")
REFUSED_ADDRESS = Words("{meaning}: {address} ({code})", "{meaning}：{address}（{code}）")
HINT_ADVICE = Words("WeCom's support asks for this hint: {hint}", "联系企业微信客服时请提供 hint：{hint}")
NO_ANSWER = Words("no answer ({reason})", "没有应答（{reason}）")
NOT_NOW = Words(
    "not asked: WeCom has closed the API or does not answer for now", "未调用：接口暂时关闭，或企业微信暂无应答"
)
RETRY_CHECK = Words("Try again in {wait_s} s.", "请在 {wait_s} 秒后重试。")
UNREACHABLE_ADVICE = Words(
    "Does this machine reach the internet, is GUANXI_WECOM_BASE_URL right, does a firewall or proxy stand between?",
    "请检查本机网络、防火墙或代理，以及 GUANXI_WECOM_BASE_URL 是否正确。",
)

NO_APP = Words("not in the corp's file", "企业配置文件中没有该应用")
NO_APP_ADVICE = Words(
    "Add [apps.{app}] with agent_id and secret of a self-built app to the corp's file, then `guanxi corp add FILE`.",
    "在企业配置文件中添加 [apps.{app}]，填写自建应用的 agent_id 和 secret，再执行 `guanxi corp add 文件`。",
)
OPTIONAL_APP = Words(
    "not in the corp's file; without it members are read one by one", "企业配置文件中没有，成员将逐个读取"
)
BLOCKED_REACH = Words("WeCom's API is not reachable", "企业微信接口不可访问")
BLOCKED_SECRET = Words("WeCom gives no token for this app", "该应用未能获取 token")
BLOCKED_ADDRESS = Words("WeCom takes no calls of this app from here", "企业微信不接受该应用从本机发起的调用")
BLOCKED_APP = Words("there is no app {app}", "没有应用 {app}")
NO_MEMBERS = Words("nobody is in sight", "可见范围内没有成员")
NO_MEMBERS_ADVICE = Words(
    "Give members customer contact (客户联系 → 权限配置), and add them to the app's visible range (应用管理 → the app "
    "→ 可见范围).",
    "到「客户联系 → 权限配置」为成员开通客户联系，并把他们加入「应用管理 → 该应用 → 可见范围」。",
)
NEEDS_MEMBER = Words("needs a member with customer contact", "需要至少一名客户联系成员")
NEEDS_CUSTOMER = Words("none of the members that were asked has a customer", "所查成员暂无客户")
NO_AGENT = Words("agent_id is missing in the corp's file", "企业配置文件中缺少 agent_id")
NO_AGENT_ADVICE = Words(
    "Copy AgentId from the app's page (应用管理 → the app) to [apps.{app}], then `guanxi corp add FILE`.",
    "从「应用管理 → 该应用」复制 AgentId 到 [apps.{app}]，再执行 `guanxi corp add 文件`。",
)
NOT_DELIVERED = Words("WeCom does not deliver to {userid}", "企业微信无法送达 {userid}")
NO_RECEIVER = Words("none for the events of customers", "没有接收客户事件的回调地址")
NO_RECEIVER_ADVICE = Words(
    'Add a receiver of kind "app" to the corp\'s file, run `guanxi corp add FILE`, and enter the address that it '
    "prints in 应用管理 → the app → 接收消息 → 设置API接收.",
    '在企业配置文件中添加 kind 为 "app" 的 receiver，执行 `guanxi corp add 文件`，把它打印的地址填入'
    "「应用管理 → 该应用 → 接收消息 → 设置API接收」。",
)

TEST_MESSAGE = Words("Guanxi can reach you.", "Guanxi 连通测试。")
