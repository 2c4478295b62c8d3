"""The JSON of a customer and of one follow relation; optional fields are absent, not empty.

Source: WeCom server API, customer detail (page 92114), details by member (page 92994).
"""

from typing import Any

from simulator.records import Corp, Customer, Pair
from simulator.tags.book import TagBook

CORP_TAG, PERSONAL_TAG = 1, 2


def customer_view(customer: Customer) -> dict[str, Any]:
    view: dict[str, Any] = {
        "external_userid": customer.external_userid,
        "name": customer.name,
        "type": customer.type,
        "gender": customer.gender,
    }
    if customer.avatar:
        view["avatar"] = customer.avatar
    if customer.unionid and customer.type == 1:
        view["unionid"] = customer.unionid
    if customer.corp_name and customer.type == 2:
        view["corp_name"] = customer.corp_name
        view["corp_full_name"] = customer.corp_name
    return view


def _shared(pair: Pair) -> dict[str, Any]:
    view: dict[str, Any] = {
        "userid": pair.userid,
        "remark": pair.remark,
        "description": pair.description,
        "createtime": pair.createtime,
        "remark_mobiles": list(pair.remark_mobiles),
        "add_way": pair.add_way,
        "oper_userid": pair.oper_userid,
    }
    if pair.remark_company and pair.customer.type == 1:
        view["remark_corp_name"] = pair.remark_company
    if pair.channel:
        view["state"] = pair.channel
    return view


def follow_user(pair: Pair, corp: Corp) -> dict[str, Any]:
    """As in `get`: tags as objects, personal tags without an id among them."""
    view = _shared(pair)
    view["tags"] = [_corp_tag(tag_id, corp) for tag_id in pair.tags] + [
        {"group_name": "", "tag_name": name, "type": PERSONAL_TAG} for name in pair.personal_tags
    ]
    return view


def _corp_tag(tag_id: str, corp: Corp) -> dict[str, Any]:
    group_name, tag_name = corp.book(TagBook).names.get(tag_id, ("", tag_id))
    return {"group_name": group_name, "tag_name": tag_name, "tag_id": tag_id, "type": CORP_TAG}


def follow_info(pair: Pair) -> dict[str, Any]:
    """As in `batch/get_by_user`: corp tags as ids only, personal tags left out."""
    view = _shared(pair)
    view["tag_id"] = list(pair.tags)
    return view
