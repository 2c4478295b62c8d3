"""Proposes which column holds what, from headers as Chinese and English files have them. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from services.files.model import CUSTOM, SEVERAL
from services.persons.model import KIND

WORDS: Mapping[str, str] = {
    "phone": "手机 手机号 手机号码 电话 电话号码 联系电话 联系方式 移动电话 phone phonenumber "
    "mobile mobilephone mobilenumber tel telephone cell cellphone",
    "email": "邮箱 电子邮箱 电子邮件 邮箱地址 email mail emailaddress",
    "crm": "会员号 会员编号 会员卡号 会员id 客户编号 客户号 客户id crm crmid memberid "
    "membernumber memberno customerid customernumber customerno",
    "unionid": "unionid 微信unionid",
    "external_userid": "externaluserid 外部联系人id 企业微信客户id 外部联系人externaluserid",
    "real_name": "姓名 名字 客户姓名 真实姓名 会员姓名 客户名称 name fullname realname customername",
    "gender": "性别 gender sex",
    "birthday": "生日 出生日期 出生年月日 birthday birthdate dateofbirth dob",
    "company": "公司 公司名称 单位 工作单位 企业 company companyname organization organisation",
    "level": "等级 会员等级 客户等级 级别 level memberlevel tier grade",
    "note": "备注 说明 备注信息 note notes remark remarks comment comments",
    "tags": "标签 客户标签 tag tags label labels",
    "wecom_tags": "企业微信标签 企业标签 企微标签 wecomtag wecomtags corptag corptags",
    "segments": "人群 客户人群 分群 客户分组 分组 segment segments group groups",
    "source": "来源 客户来源 渠道 source channel",
    "userid": "导购 导购id 跟进人 负责人 归属导购 所属导购 销售 userid associate owner sales",
}
"""Field → headers, without blanks and signs."""
_NAMES = {word: name for name, words in WORDS.items() for word in words.split()}
_LEFT_OUT = re.compile(r"[\s_\-./*:：()（）【】\[\]]+")
_ASIDE = re.compile(r"[(（【\[][^)）】\]]*[)）】\]]\s*$")


def propose(columns: Sequence[str], custom: Mapping[str, str]) -> dict[str, str]:
    """Header → field for the columns that are understood. `custom`: key → name of the corp's own fields."""
    own = {_plain(name): f"{CUSTOM}{key}" for key, name in custom.items()}
    own |= {_plain(key): f"{CUSTOM}{key}" for key in custom}
    proposed: dict[str, str] = {}
    for header in columns:
        found = _meant(header, own)
        if header and found and (found in SEVERAL or found not in proposed.values()):
            proposed[header] = found
    return proposed


def _meant(header: str, own: Mapping[str, str]) -> str | None:
    if KIND.match(header):
        return header
    for text in (header, _ASIDE.sub("", header)):
        plain = _plain(text)
        if (found := own.get(plain) or _NAMES.get(plain)) is not None:
            return found
        if (found := _NAMES.get(plain.rstrip("0123456789"))) in SEVERAL:
            return found
    return None


def _plain(text: str) -> str:
    return _LEFT_OUT.sub("", unicodedata.normalize("NFKC", text)).casefold()
