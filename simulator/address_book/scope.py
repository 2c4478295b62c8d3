"""Which departments and members an app may see.

Source: WeCom server API, departments (pages 90344, 95406, 95407), members (page 96255).
"""

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.records import Department, Member


def sees_department(call: Call, department_id: int) -> bool:
    """Members who are in the visible range by name bring no department with them."""
    return call.app.visible is None or call.corp.lies_under(call.app.visible_departments, department_id)


def department_named(call: Call, key: str) -> Department:
    """ApiError 40063 when not named, 60123 when there is none such, 60011 when it is out of the app's scope."""
    text = call.query.get(key, "")
    if not text:
        raise ApiError(40063, detail=key)
    if not text.isdecimal() or int(text) not in call.corp.departments:
        raise ApiError(60123)
    if not sees_department(call, int(text)):
        raise ApiError(60011)
    return call.corp.departments[int(text)]


def in_service(call: Call) -> list[Member]:
    return [item for item in call.corp.members.values() if not item.resigned and call.sees(item)]
