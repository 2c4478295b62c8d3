"""The JSON of a customer and of one follow relation; optional fields are absent, not empty.

A service provider sees less: no avatar, gender, unionid, phones or legal name.
Source: WeCom server API, customer detail (page 92114), details by member (page 92994).
"""

from typing import Any

from simulator.api.calls import Call
from simulator.customers.subjects import is_provider, outward
from simulator.records import Corp, Customer, Pair
from simulator.tags.book import PERSONAL_TAG, TagBook

WECHAT, WECOM = 1, 2


def customer_view(customer: Customer, call: Call) -> dict[str, Any]:
    hidden = is_provider(call.app)
    view: dict[str, Any] = {
        "external_userid": outward(call, customer.external_userid),
        "name": customer.name,
        "type": customer.type,
        "gender": 0 if hidden else customer.gender,
    }
    if customer.type == WECOM:
        view |= _business_card(customer, hidden=hidden)
    elif customer.unionid and not hidden:
        view["unionid"] = customer.unionid
    avatar = _avatar(customer)
    if avatar and not hidden:
        view["avatar"] = avatar
    return view


def _avatar(customer: Customer) -> str:
    if customer.avatar is not None:
        return customer.avatar
    if customer.type != WECHAT:
        return ""
    return f"https://wx.qlogo.example/mmhead/{customer.external_userid[-8:]}/0"


def _business_card(customer: Customer, *, hidden: bool) -> dict[str, Any]:
    legal = customer.corp_name if hidden else customer.corp_full_name or customer.corp_name
    view = {"position": customer.position, "corp_name": customer.corp_name, "corp_full_name": legal}
    return {
        **{name: text for name, text in view.items() if text},
        **({"external_profile": customer.profile} if customer.profile is not None else {}),
    }


def _shared(pair: Pair, call: Call) -> dict[str, Any]:
    view: dict[str, Any] = {
        "userid": pair.userid,
        "remark": pair.remark,
        "description": pair.description,
        "createtime": pair.createtime,
        "add_way": pair.add_way,
        "oper_userid": outward(call, pair.oper_userid),
    }
    if not is_provider(call.app):
        view["remark_mobiles"] = list(pair.remark_mobiles)
    if pair.remark_company and pair.customer.type == WECHAT:
        view["remark_corp_name"] = pair.remark_company
    if pair.channel:
        view["state"] = pair.channel
    if pair.wechat_channels is not None:
        view["wechat_channels"] = pair.wechat_channels
    return view


def follow_user(pair: Pair, call: Call) -> dict[str, Any]:
    """As in `get`: tags as objects, personal tags without an id among them."""
    view = _shared(pair, call)
    view["tags"] = [_corp_tag(tag_id, call.corp) for tag_id in call.book(TagBook).seen(pair.tags)] + [
        {"group_name": "", "tag_name": name, "type": PERSONAL_TAG} for name in pair.personal_tags
    ]
    return view


def _corp_tag(tag_id: str, corp: Corp) -> dict[str, Any]:
    group_name, tag_name, kind = corp.book(TagBook).face(tag_id)
    return {"group_name": group_name, "tag_name": tag_name, "tag_id": tag_id, "type": kind}


def follow_info(pair: Pair, call: Call) -> dict[str, Any]:
    """As in `batch/get_by_user`: ids of tags, no personal ones; a WeCom user without phones has no list of them."""
    view = _shared(pair, call)
    if pair.customer.type == WECOM and not pair.remark_mobiles:
        view.pop("remark_mobiles", None)
    view["tag_id"] = call.book(TagBook).seen(pair.tags)
    return view
