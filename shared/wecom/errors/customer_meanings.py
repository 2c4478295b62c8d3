"""What the error codes of customer contact mean: customers, transfers, contact ways, groups, messages, conversions.

Source: WeCom server API, global error codes (page 90313).
"""

from collections.abc import Mapping

from shared.wecom.errors.words import Words

_CUSTOMERS = {
    40096: Words(
        "the customer's id is not this corp's, or is out of the app's sight", "客户 ID 无效，或不在应用可见范围内"
    ),
    40126: Words("the corp has as many tags as allowed", "企业标签数量达到上限"),
    40127: Words("the address's scheme is not supported", "链接协议不支持"),
    40144: Words("the customer has as many tags as allowed", "客户的标签数量达到上限"),
    41035: Words("the customer's id is missing", "缺少客户 ID"),
    41056: Words("the customer's id is of the wrong kind", "客户 ID 类型不正确"),
    41057: Words("no WeChat developer account is linked", "未绑定微信开发者 ID"),
    41110: Words("the tag id is incorrect", "标签 ID 不正确"),
    41111: Words("there must be 1 to 1000 tags", "标签数量须为 1 至 1000"),
    48011: Words("the member is not active enough for customers to be read", "成员活跃度过低，不可读取客户数据"),
    84061: Words("there is no relation of this member and this customer", "成员与客户没有好友关系"),
    84074: Words("the member has no customer contact", "没有外部联系人权限"),
    84083: Words("the person is not a service member", "不是服务人员"),
    84084: Words(
        "the member does not follow this customer, or is out of sight", "成员不是客户的跟进人，或不在可见范围内"
    ),
    610004: Words("the id is not of a customer of the corp", "不是企业的客户"),
    610023: Words("the corp has more customers than its capacity", "企业客户数超过规模上限，客户管理已冻结"),
    610024: Words("the corp's qualification papers are missing", "企业资质材料缺失，客户管理已冻结"),
}

_TRANSFERS = {
    40097: Words("the member who hands over has not left", "原跟进成员未离职"),
    40098: Words("the member has not verified their name", "成员未实名认证"),
    40099: Words("the member has as many customers as allowed", "成员的客户数达到上限"),
    40100: Words("the customer is in a transfer already", "客户已在转接中"),
    40128: Words("the customer was transferred too often", "客户转接次数超过限制（90 天内 2 次）"),
    40129: Words("the customer is being transferred", "客户正在转接"),
    40130: Words("both members are the same", "原跟进成员与接替成员相同"),
    40131: Words("the member who hands over does not follow the customer", "原跟进成员不是该客户的跟进人"),
    40143: Words("the member is banned", "成员被封禁，不可继承"),
    40205: Words("the member has not signed in for a year", "成员超过一年未登录，微信票据失效"),
}

_CONTACT_WAYS = {
    41037: Words("the contact way's type is missing", "缺少联系我类型"),
    41038: Words("the contact way's scene is missing", "缺少联系我场景"),
    41039: Words("the contact way's type is wrong", "联系我类型不合法"),
    41040: Words("the contact way's scene is wrong", "联系我场景不合法"),
    41041: Words("the contact way has too many members", "联系我的成员数超过上限"),
    41042: Words("the contact way's style is wrong", "联系我样式不合法"),
    41043: Words("the contact way's id is missing", "缺少 config_id"),
    41044: Words("the contact way's id is wrong", "config_id 无效"),
    41045: Words("the quota of contact ways is used up", "通过接口创建的联系我数量达到上限"),
    41054: Words("the member is not activated", "成员未激活或未实名"),
    41091: Words("a join way has more than 5 groups", "入群方式关联的群超过 5 个"),
    41095: Words("the quota of acquisition links is used up", "获客链接数量达到上限"),
    41200: Words("the corp's business category is not allowed", "企业所属类目不支持"),
    41201: Words("the chat_key is wrong", "chat_key 不正确"),
}

_MESSAGES = {
    40145: Words("the media id has expired", "media_id 已过期"),
    41046: Words("the group message's id is missing", "缺少群发消息 ID"),
    41047: Words("the group message's id is wrong", "群发消息 ID 无效"),
    41048: Words("there is no customer to send to", "没有可发送的客户"),
    41049: Words("the welcome code is missing", "缺少 welcome_code"),
    41050: Words("the welcome code is invalid or has expired", "welcome_code 无效或已过期"),
    41051: Words("customer and member are in conversation already", "客户与成员已开始会话"),
    41053: Words("the customer has not agreed to archiving", "客户未同意会话存档"),
    41055: Words("there are as many welcome templates as allowed", "入群欢迎语数量达到上限"),
    41058: Words("the welcome template is another app's", "入群欢迎语不属于本应用"),
    41063: Words("the group message is still being dispatched", "群发消息正在派发"),
    41064: Words("there are too many attachments", "附件过多"),
    41065: Words("the attachment's type is wrong", "附件类型不合法"),
    41072: Words("the attachment's scene is wrong", "附件场景不合法"),
    41080: Words("the attachment is too large", "附件过大"),
    41081: Words("the picture's resolution is not allowed", "图片分辨率不合法"),
    41082: Words("the video is too long", "视频过长"),
    41090: Words("the video is not an mp4", "视频不是 mp4 格式"),
    41093: Words("the group message was cancelled already", "群发消息已取消"),
    41094: Words("members were reminded too often", "提醒次数过多"),
    41096: Words("another app is sending the welcome message now", "其他应用正在发送欢迎语"),
}

_MOMENTS = {
    41059: Words("the moment's id is missing", "缺少朋友圈 ID"),
    41060: Words("the moment's id is invalid", "朋友圈 ID 无效"),
    41061: Words("another member published the moment", "朋友圈不是该成员发表的"),
    41062: Words("the member has not published the moment yet", "成员尚未发表该朋友圈"),
    41067: Words("the moment is of the wrong kind", "朋友圈类型不符"),
    41078: Words("too many tasks of moments are running", "朋友圈任务过多"),
    41079: Words("the moment is still being dispatched", "朋友圈正在派发"),
    41089: Words("text and attachment are both empty", "文本和附件均为空"),
    41210: Words("the corp has published too many moments this month", "本月企业朋友圈数量达到上限"),
    41211: Words("moments are not enabled", "未启用客户朋友圈"),
}

_SHOP = {
    **dict.fromkeys(
        (*range(41068, 41072), *range(41073, 41078)), Words("a rule of words is wrong", "敏感词规则不合法")
    ),
    **dict.fromkeys(range(41083, 41089), Words("a product of the album is wrong", "商品图册不合法")),
}

_GROUPS = {
    **dict.fromkeys(range(40165, 40169), Words("the upgrade of group ids does not allow it", "群 ID 升级状态不允许")),
    49008: Words("the group was dismissed", "群已解散"),
    90500: Words("the group's owner has not left", "群主未离职"),
    90501: Words("the group is not a customer group", "不是客户群"),
    90502: Words("the group's owner has left", "群主已离职"),
    90503: Words("the group is full", "群已满员"),
    90504: Words("the owner stays the same", "群主未变化"),
    90507: Words("the group is being passed on", "群正在继承中"),
    90508: Words("the group was passed on already", "群已被继承"),
    90509: Words("the group is not a customer group of WeCom", "不是企业微信客户群"),
    90510: Words("the corp was inactive for a year", "企业一年未活跃"),
    90511: Words("the group's opengid is unknown", "opengid 无效"),
    90514: Words("another app brought the customer in", "客户不是本应用引入的"),
}

_CONVERSIONS = {
    610014: Words("the unionid is invalid", "unionid 无效"),
    610015: Words("the open-platform account is not verified", "开放平台账号未认证"),
    610016: Words("the corp is not verified", "企业未认证"),
    610017: Words("the open-platform account is another company's", "开放平台账号与企业主体不一致"),
    610018: Words("openid and unionid are of different accounts", "openid 与 unionid 不匹配"),
    845001: Words("the account is of the wrong kind", "账号类型不正确"),
    845002: Words("the openid is another company's", "openid 与企业主体不一致"),
    845003: Words("the unionid is another company's", "unionid 与企业主体不一致"),
}

CUSTOMER_MEANINGS: Mapping[int, Words] = (
    _CUSTOMERS | _TRANSFERS | _CONTACT_WAYS | _MESSAGES | _MOMENTS | _SHOP | _GROUPS | _CONVERSIONS
)
