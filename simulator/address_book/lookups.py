"""From one id of a member to another, and the addresses of WeCom.

Source: WeCom server API, members (page 96255), addresses (pages 98988 and 97073).
"""

import base64
import hashlib
from typing import Any

from simulator.address_book.scope import in_service
from simulator.address_book.settings import AddressBookSettings
from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.records import Corp, Member

NOT_ACTIVATED = 4
# 1 is the address that the corp gave, 2 the member's own.
EMAIL_FIELDS = {1: "biz_mail", 2: "email"}


def member_openid(corp: Corp, member: Member) -> str:
    """Always the same for a member, and nobody else's."""
    told = f"member|{corp.corp_id}|{member.userid.lower()}".encode()
    return "oMem" + base64.urlsafe_b64encode(hashlib.blake2b(told, digest_size=18).digest()).decode()


def _told(asked: dict[str, Any], key: str) -> str:
    told = asked.get(key)
    if not told:
        raise ApiError(40063, detail=key)
    return str(told)


def _whose(call: Call, field: str, value: str) -> dict[str, Any]:
    for member in in_service(call):
        if str(member.details.get(field, "")).lower() == value.lower():
            return {"userid": member.userid}
    raise ApiError(call.settings(AddressBookSettings).nobody_code)


def by_mobile(call: Call) -> dict[str, Any]:
    return _whose(call, "mobile", _told(call.json(), "mobile"))


def by_email(call: Call) -> dict[str, Any]:
    asked = call.json()
    kind = asked.get("email_type", 1)
    if kind not in EMAIL_FIELDS:
        raise ApiError(40058, detail="email_type")
    return _whose(call, EMAIL_FIELDS[kind], _told(asked, "email"))


def to_openid(call: Call) -> dict[str, Any]:
    """Who never logged in has no WeChat account that WeCom knows: 43004."""
    member = call.member(_told(call.json(), "userid"))
    if member.status == NOT_ACTIVATED:
        raise ApiError(43004)
    return {"openid": member_openid(call.corp, member)}


def to_userid(call: Call) -> dict[str, Any]:
    openid = _told(call.json(), "openid")
    for member in in_service(call):
        if member_openid(call.corp, member) == openid:
            return {"userid": member.userid}
    raise ApiError(40073)


def callback_addresses(call: Call) -> dict[str, Any]:
    return {"ip_list": call.settings(AddressBookSettings).callback_ips}


def api_addresses(call: Call) -> dict[str, Any]:
    return {"ip_list": call.settings(AddressBookSettings).api_ips}
