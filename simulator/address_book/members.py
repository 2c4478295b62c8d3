"""Reads of members, as an app sees them.

Source: WeCom server API, members (pages 96255, 96259, 96260), ids of members (page 96067).
"""

from bisect import bisect_left
from typing import Any

from simulator.address_book.scope import department_named, in_service, sees_department
from simulator.api import cursors
from simulator.api.calls import Call
from simulator.configuration import DETAILS, PERSONAL
from simulator.errors import ApiError
from simulator.records import Member

MOST_ROWS = 10_000
EMPTY = {"telephone": "", "alias": "", "extattr": {"attrs": []}, "external_position": ""}


def gets_personal_data(call: Call) -> bool:
    """Apps from before 2022-06-20 and the contact-sync assistant; system apps lost the fields that day."""
    return call.app.kind == "directory" or (call.app.sees_personal_data and call.app.kind != "system")


def full_view(call: Call, member: Member) -> dict[str, Any]:
    """department, order and is_leader_in_dept run in parallel; a department that the app does not see is left out."""
    hidden = frozenset() if gets_personal_data(call) else frozenset(PERSONAL)
    orders = [*member.details.get("order", ()), *[0] * len(member.departments)]
    places = zip(member.departments, orders, strict=False)
    seen = [(item, order) for item, order in places if sees_department(call, item)]
    return {
        "userid": member.userid,
        "name": member.name,
        "department": [item for item, _ in seen],
        "position": member.position,
        "is_leader_in_dept": [int(item in member.leader_in) for item, _ in seen],
        "direct_leader": list(member.direct_leader),
        "main_department": member.main_department,
        "status": member.status,
        **EMPTY,
        **{key: member.details[key] for key in DETAILS if key in member.details and key not in hidden},
        "order": [order for _, order in seen],
    }


def _members_of(call: Call) -> list[Member]:
    department_id = department_named(call, "department_id").department_id
    return [item for item in in_service(call) if department_id in item.departments]


def user_get(call: Call) -> dict[str, Any]:
    return full_view(call, call.member(call.query.get("userid", "")))


def user_simplelist(call: Call) -> dict[str, Any]:
    views = (full_view(call, member) for member in _members_of(call))
    return {"userlist": [{key: view[key] for key in ("userid", "name", "department")} for view in views]}


def user_list(call: Call) -> dict[str, Any]:
    return {"userlist": [full_view(call, member) for member in _members_of(call)]}


def user_list_id(call: Call) -> dict[str, Any]:
    """One row for each member and department; a page may end between two departments of a member."""
    asked = call.json()
    limit = asked.get("limit", MOST_ROWS)
    if type(limit) is not int or not 1 <= limit <= MOST_ROWS:
        raise ApiError(40058, detail="limit")
    bound_to = cursors.bound(call, "user/list_id")
    cursor = asked.get("cursor") or ""
    rows = sorted(
        (member.userid.lower(), department) for member in in_service(call) for department in member.departments
    )
    start = 0
    if cursor:
        userid, department_id = cursors.unseal(cursor, bound_to=bound_to)
        start = bisect_left(rows, (str(userid), int(department_id)))
    page, rest = rows[start : start + limit], rows[start + limit :]
    return {
        "next_cursor": cursors.seal([*rest[0]], bound_to=bound_to) if rest else "",
        "dept_user": [{"userid": call.corp.members[userid].userid, "department": found} for userid, found in page],
    }
