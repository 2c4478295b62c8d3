"""Customers: who serves them, and what the relations look like.

Source: WeCom server API, customer contact (pages 92571, 92113, 92114, 92994, 92115).
"""

import hashlib
from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call, Endpoint
from simulator.customers.views import customer_view, follow_info, follow_user
from simulator.errors import ApiError
from simulator.records import Member, Pair

FOLLOWERS_A_PAGE = 500
ROWS_A_PAGE, MOST_ROWS_A_PAGE = 50, 100
MOST_USERIDS = 100
REMARK_LIMITS = {"remark": 20, "description": 150, "remark_company": 20}


def get_follow_user_list(call: Call) -> dict[str, Any]:
    members = call.corp.members.values()
    return {"follow_user": [item.userid for item in members if item.serves_customers and call.sees(item)]}


def list_customers(call: Call) -> dict[str, Any]:
    member = call.member(call.query.get("userid", ""))
    found = [pair.customer.external_userid for pair in member.readable_after("")] if member.serves_customers else []
    if not found:
        raise ApiError(84061)
    return {"external_userid": found}


def get_customer(call: Call) -> dict[str, Any]:
    external_userid = call.query.get("external_userid", "")
    if not external_userid:
        raise ApiError(41035)
    customer = call.corp.customers.get(external_userid)
    if customer is None:
        raise ApiError(40096)
    bound_to = f"{call.corp.corp_id}|{call.app.agent_id}|get|{external_userid}"
    cursor = call.query.get("cursor", "")
    start = int(cursors.unseal(cursor, bound_to=bound_to)[0]) if cursor else 0
    followers = [pair for pair in customer.pairs if pair.readable and _serves(call, pair.userid)]
    if not followers:
        raise ApiError(84061)
    page = followers[start : start + FOLLOWERS_A_PAGE]
    answer = {
        "external_contact": customer_view(customer),
        "follow_user": [follow_user(pair, call.corp) for pair in page],
    }
    if start + FOLLOWERS_A_PAGE < len(followers):
        answer["next_cursor"] = cursors.seal([start + FOLLOWERS_A_PAGE], bound_to=bound_to)
    return answer


def _serves(call: Call, userid: str) -> bool:
    member = call.corp.members[userid.lower()]
    return member.serves_customers and call.sees(member)


def _listed_members(call: Call, userids: Any) -> list[Member]:
    if not userids:
        raise ApiError(40063, detail="userid_list")
    if not isinstance(userids, list) or not all(isinstance(item, str) for item in userids):
        raise ApiError(40058, detail="userid_list")
    if len(userids) > MOST_USERIDS or any(len(item.encode()) > 64 for item in userids):
        raise ApiError(40058, detail="field `userid_list` exceed max length 64")
    unique = {item.lower(): call.member(item) for item in userids}
    return [unique[key] for key in sorted(unique)]


def batch_get_by_user(call: Call) -> dict[str, Any]:
    """One page of pairs. The walk is live: pairs added behind the cursor are missed, pairs deleted ahead vanish."""
    asked = call.json()
    members = _listed_members(call, asked.get("userid_list"))
    limit = asked.get("limit") or ROWS_A_PAGE
    cursor = asked.get("cursor") or ""
    if not isinstance(limit, int) or not isinstance(cursor, str) or limit < 0:
        raise ApiError(40058, detail="limit or cursor")
    limit = min(limit, MOST_ROWS_A_PAGE)
    listed = hashlib.sha256("|".join(item.userid for item in members).encode()).hexdigest()
    bound_to = f"{call.corp.corp_id}|{call.app.agent_id}|batch|{listed}"
    where: list[str | int] = cursors.unseal(cursor, bound_to=bound_to) if cursor else [0, ""]
    page, next_cursor = _page(members, start=int(where[0]), after=str(where[1]), limit=limit, bound_to=bound_to)
    rows = [{"external_contact": customer_view(pair.customer), "follow_info": follow_info(pair)} for pair in page]
    return {"external_contact_list": rows, "next_cursor": next_cursor}


def _page(members: list[Member], *, start: int, after: str, limit: int, bound_to: str) -> tuple[list[Pair], str]:
    """Up to `limit` pairs beyond (member number, external_userid), and "" when they are the last."""
    page: list[Pair] = []
    position: list[str | int] = [start, after]
    for number in range(start, len(members)):
        if not members[number].serves_customers:
            continue
        for pair in members[number].readable_after(after if number == start else ""):
            if len(page) == limit:
                return page, cursors.seal(position, bound_to=bound_to)
            page.append(pair)
            position = [number, pair.customer.external_userid]
    return page, ""


def remark(call: Call) -> dict[str, Any]:
    """Change a pair's notes, silently: what is done through the API causes no callback."""
    asked = call.json()
    member = call.member(asked.get("userid") or "")
    external_userid = asked.get("external_userid") or ""
    if external_userid not in call.corp.customers:
        raise ApiError(40096 if external_userid else 41035)
    pair = member.pairs.get(external_userid)
    if pair is None or not pair.readable or not member.serves_customers:
        raise ApiError(84061)
    said = {key: asked[key] for key in (*REMARK_LIMITS, "remark_mobiles", "remark_pic_mediaid") if asked.get(key)}
    if not said:
        raise ApiError(40063, detail="remark")
    for key, limit in REMARK_LIMITS.items():
        if len(str(said.get(key, ""))) > limit:
            raise ApiError(40058, detail=f"field `{key}` exceed max length {limit}")
    for key in REMARK_LIMITS.keys() & said.keys():
        setattr(pair, key, said[key])
    if "remark_mobiles" in said:
        pair.remark_mobiles = tuple(item for item in said["remark_mobiles"] if item)
    return {}


ENDPOINTS = {
    "externalcontact/get_follow_user_list": Endpoint("GET", get_follow_user_list, {"follow_user": []}, True),
    "externalcontact/list": Endpoint("GET", list_customers, {"external_userid": []}, True),
    "externalcontact/get": Endpoint("GET", get_customer, {"follow_user": []}, True),
    "externalcontact/batch/get_by_user": Endpoint("POST", batch_get_by_user, {"external_contact_list": []}, True),
    "externalcontact/remark": Endpoint("POST", remark, {}, True),
}
