"""What to do about an error code that is a matter of configuration. The places are those of WeCom's admin console.

Source: WeCom server API, access_token (page 91039), customer contact (page 96348), members (page 96067), global error
codes (page 90313).
"""

from collections.abc import Mapping

from shared.wecom.errors.words import Words

_SECRET = Words(
    "Copy the secret again from the app's page (应用管理 → the app → Secret) into the corp's file, then run "
    "`guanxi corp add FILE`.",
    "到管理后台「应用管理 → 该应用 → Secret」重新复制 secret，写入企业配置文件后执行 `guanxi corp add 文件`。",
)
_TOKEN = Words(
    "Guanxi fetches another token by itself. If it goes on, run `guanxi corp check`: the secret may have been reset.",
    "Guanxi 会自动重新获取 token。若持续出现，请执行 `guanxi corp check`，secret 可能已被重置。",
)
_AGENT = Words(
    "agent_id and secret must be of one app: copy both from the same app's page (应用管理 → the app).",
    "agent_id 与 secret 必须属于同一应用：请从「应用管理 → 该应用」页面同时复制两者。",
)
_RANGE = Words(
    "Add the members or departments to the app's visible range (应用管理 → the app → 可见范围).",
    "到管理后台「应用管理 → 该应用 → 可见范围」加入这些成员或部门。",
)
_MEMBER = Words(
    "The member has left, the userid is misspelt, or they are outside the app's visible range "
    "(应用管理 → the app → 可见范围).",
    "成员已离职、userid 有误，或不在应用的可见范围内，请检查「应用管理 → 该应用 → 可见范围」。",
)
_FUNCTION = Words(
    "Give the member customer contact (客户联系 → 权限配置).",
    "到管理后台「客户联系 → 权限配置」为该成员开通客户联系功能。",
)
_SUPPORT = Words(
    "The console's messages say why; only WeCom can lift it.",
    "原因见管理后台的通知，需联系企业微信解除。",
)

ADVICE: Mapping[int, Words] = {
    40001: _SECRET,
    40003: _MEMBER,
    40013: Words(
        "Copy the corp id again: it is at the bottom of 我的企业 → 企业信息.",
        "重新复制企业 ID：管理后台「我的企业 → 企业信息」页面底部。",
    ),
    40014: _TOKEN,
    40056: _AGENT,
    40091: Words(
        "The secret belongs to another corp or was reset: copy it again from this corp's app (应用管理 → the app → "
        "Secret).",
        "secret 属于其他企业或已被重置：请从本企业「应用管理 → 该应用 → Secret」重新复制。",
    ),
    40096: _RANGE,
    42001: _TOKEN,
    43009: Words("Have the corp verified (我的企业 → 企业认证).", "到管理后台「我的企业」完成企业认证。"),
    43012: Words(
        "Set the app's callback address (应用管理 → the app → 接收消息 → 设置API接收).",
        "到管理后台「应用管理 → 该应用 → 接收消息 → 设置API接收」填写回调地址。",
    ),
    48001: Words(
        "An administrator must grant this API to the app (应用管理 → the app).",
        "需要管理员在「应用管理 → 该应用」授权该接口。",
    ),
    48002: Words(
        "For customers: add the self-built app under 客户联系 → API → 可调用接口的应用 and use its secret, not the one "
        "of contact sync or of a system app. For user/list_id: use the secret of contact sync "
        "(管理工具 → 通讯录同步).",
        "客户接口：到管理后台「客户联系 → API → 可调用接口的应用」加入该自建应用并使用它的 secret，"
        "不能用通讯录同步或系统应用的 secret。user/list_id：须使用「管理工具 → 通讯录同步」的 secret。",
    ),
    48006: Words(
        "An administrator must enable the app's permission again (应用管理 → the app).",
        "需要管理员在「应用管理 → 该应用」重新启用权限。",
    ),
    48009: Words(
        "Since 2022-08-15 the contact-sync secret only gives ids to new addresses. Read details with a self-built app: "
        "put its secret under [apps.contact].",
        "2022-08-15 起，通讯录同步 secret 对新增 IP 只返回 ID。"
        "详情请用自建应用读取：把自建应用的 secret 填入 [apps.contact]。",
    ),
    50001: Words(
        "Make the page's domain trusted (应用管理 → the app → 网页授权及JS-SDK → 可信域名).",
        "到管理后台「应用管理 → 该应用 → 网页授权及JS-SDK」设置可信域名。",
    ),
    50002: _RANGE,
    50003: Words("Enable the app (应用管理 → the app).", "到管理后台「应用管理 → 该应用」启用应用。"),
    60011: _RANGE,
    60020: Words(
        "Add this machine's public address to the app's trusted IPs (应用管理 → the app → 企业可信IP; contact sync: "
        "管理工具 → 通讯录同步). The console asks for a trusted domain or a callback address first.",
        "把本机出口 IP 加入「应用管理 → 该应用 → 企业可信IP」（通讯录同步：「管理工具 → 通讯录同步」）。"
        "后台要求先设置可信域名或接收消息的地址。",
    ),
    60021: _RANGE,
    60030: _RANGE,
    60031: _SUPPORT,
    60111: _MEMBER,
    81013: Words(
        "None of the recipients is in the app's visible range (应用管理 → the app → 可见范围), or all have left.",
        "接收者都不在应用可见范围内（「应用管理 → 该应用 → 可见范围」），或均已离职。",
    ),
    84074: _FUNCTION,
    301002: _AGENT,
    301007: _SUPPORT,
    610023: Words(
        "Customer management is frozen: enlarge the corp's capacity (客户联系 → the console's notice says how).",
        "客户管理已冻结：请按管理后台「客户联系」的提示扩大客户规模。",
    ),
    610024: Words(
        "Customer management is frozen: hand in the qualification papers (客户联系 → the console's notice says how).",
        "客户管理已冻结：请按管理后台「客户联系」的提示补充资质材料。",
    ),
}
