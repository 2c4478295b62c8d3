"""Members and departments, as an app sees them.

Personal fields (mobile, email, avatar, gender) are left out, as for every app made since 2022-06-20.
Source: WeCom server API, members (pages 96255, 96259, 96260), departments (pages 90344, 95406, 95407).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError
from simulator.records import Department, Member


def _full(member: Member) -> dict[str, Any]:
    return {
        "userid": member.userid,
        "name": member.name,
        "department": list(member.departments),
        "order": [0] * len(member.departments),
        "position": member.position,
        "is_leader_in_dept": [int(item in member.leader_in) for item in member.departments],
        "direct_leader": list(member.direct_leader),
        "main_department": member.main_department,
        "status": member.status,
        "telephone": "",
        "alias": "",
        "extattr": {"attrs": []},
        "external_position": "",
    }


def _department_view(department: Department) -> dict[str, Any]:
    return {
        "id": department.department_id,
        "name": department.name,
        "name_en": "",
        "department_leader": list(department.leaders),
        "parentid": department.parent_id,
        "order": department.order,
    }


def _department_id(call: Call, key: str) -> int:
    text = call.query.get(key, "")
    if not text:
        raise ApiError(40063, detail=key)
    if not text.isdecimal() or int(text) not in call.corp.departments:
        raise ApiError(60123)
    return int(text)


def _members_of(call: Call) -> list[Member]:
    department_id = _department_id(call, "department_id")
    return [
        member
        for member in call.corp.members.values()
        if department_id in member.departments and not member.resigned and call.sees(member)
    ]


def user_get(call: Call) -> dict[str, Any]:
    return _full(call.member(call.query.get("userid", "")))


def user_simplelist(call: Call) -> dict[str, Any]:
    return {
        "userlist": [
            {"userid": member.userid, "name": member.name, "department": list(member.departments)}
            for member in _members_of(call)
        ]
    }


def user_list(call: Call) -> dict[str, Any]:
    return {"userlist": [_full(member) for member in _members_of(call)]}


def _departments(call: Call) -> list[Department]:
    """The named department and all below it, or everything; larger `order` first."""
    if call.query.get("id"):
        return call.corp.descendants(_department_id(call, "id"))
    return sorted(call.corp.departments.values(), key=lambda item: (-item.order, item.department_id))


def department_list(call: Call) -> dict[str, Any]:
    return {"department": [_department_view(item) for item in _departments(call)]}


def department_simplelist(call: Call) -> dict[str, Any]:
    return {
        "department_id": [
            {"id": item.department_id, "parentid": item.parent_id, "order": item.order} for item in _departments(call)
        ]
    }


def department_get(call: Call) -> dict[str, Any]:
    return {"department": _department_view(call.corp.departments[_department_id(call, "id")])}


ENDPOINTS = {
    "user/get": Endpoint("GET", user_get),
    "user/simplelist": Endpoint("GET", user_simplelist, {"userlist": []}),
    "user/list": Endpoint("GET", user_list, {"userlist": []}),
    "department/list": Endpoint("GET", department_list, {"department": []}),
    "department/simplelist": Endpoint("GET", department_simplelist, {"department_id": []}),
    "department/get": Endpoint("GET", department_get),
}
