"""Reads of departments; larger `order` first, and a parent may be missing when the app does not see it.

Source: WeCom server API, departments (pages 90344, 95406, 95407).
"""

from typing import Any

from simulator.address_book.scope import department_named, sees_department
from simulator.api.calls import Call
from simulator.records import Department


def _view(call: Call, department: Department) -> dict[str, Any]:
    """A third-party app gets no names: the id stands for it."""
    third_party = call.app.kind == "suite" and not call.app.delegated
    leaders = (call.corp.member(userid) for userid in department.leaders)
    return {
        "id": department.department_id,
        "name": str(department.department_id) if third_party else department.name,
        "name_en": "",
        "department_leader": [item.userid for item in leaders if item and not item.resigned and call.sees(item)],
        "parentid": department.parent_id,
        "order": department.order,
    }


def _asked_for(call: Call) -> list[Department]:
    """The named department and all below it, or everything that the app sees."""
    if call.query.get("id"):
        return call.corp.descendants(department_named(call, "id").department_id)
    found = sorted(call.corp.departments.values(), key=lambda item: (-item.order, item.department_id))
    return [item for item in found if sees_department(call, item.department_id)]


def department_list(call: Call) -> dict[str, Any]:
    return {"department": [_view(call, item) for item in _asked_for(call)]}


def department_simplelist(call: Call) -> dict[str, Any]:
    return {
        "department_id": [
            {"id": item.department_id, "parentid": item.parent_id, "order": item.order} for item in _asked_for(call)
        ]
    }


def department_get(call: Call) -> dict[str, Any]:
    return {"department": _view(call, department_named(call, "id"))}
