"""What an administrator does with members and departments in the console: these cause callbacks.

A member leaves by the action `resign`. Source: WeCom server API, address-book events (pages 96302 and 96303).
"""

import re
from typing import Any

from simulator import configuration
from simulator.acting import ImpossibleError, Order, Outcome
from simulator.address_book import telling
from simulator.address_book.renaming import rename
from simulator.records import ROOT_DEPARTMENT, Corp, Department, Member
from simulator.world import World

FIELDS = frozenset(configuration.DETAILS) | {
    "name",
    "department",
    "main_department",
    "is_leader_in_dept",
    "leader_in",
    "direct_leader",
    "position",
    "status",
    "has_customer_contact",
}
PARTY_FIELDS = frozenset({"name", "parentid", "order", "department_leader"})
# Source: WeCom server API, creating members (page 90195).
USERID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-@.]{0,63}")
MOST_DEPARTMENTS = 100
# Source: WeCom server API, creating departments (page 90205).
PARTY_NAME = re.compile(r'[^\\:?"<>|]{1,32}')


def _only(order: Order, known: frozenset[str]) -> None:
    unknown = order.keys() - known
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")


def _in_service(corp: Corp, userid: str) -> Member:
    member = corp.member(userid)
    if member is None or member.resigned:
        raise ImpossibleError(f"no such member in service: {userid!r}")
    return member


def _fitting_userid(corp: Corp, userid: str) -> str:
    if not USERID.fullmatch(userid):
        raise ImpossibleError(f"not a userid: {userid!r}")
    if corp.member(userid):
        raise ImpossibleError(f"the userid is taken: {userid!r}")
    return userid


def _check_departments(corp: Corp, order: Order) -> None:
    named = {int(item) for item in order.get("department", ())}
    missing = sorted(named - corp.departments.keys())
    if missing or len(named) > MOST_DEPARTMENTS:
        raise ImpossibleError(f"no such department: {missing[0]}" if missing else "too many departments")


def create_user(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Keys as in user/get."""
    _only(order, FIELDS | {"userid"})
    userid = _fitting_userid(corp, str(order["userid"]))
    _check_departments(corp, order)
    configuration.put_members(world, corp, [dict(order)])
    return Outcome({"userid": userid}, (telling.member_came(corp, corp.members[userid.lower()], at=at),))


def update_user(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Change what is named; `new_userid` can be given once in a member's life."""
    _only(order, FIELDS | {"userid", "new_userid"})
    member = _in_service(corp, str(order["userid"]))
    _check_departments(corp, order)
    old, new = member.userid, str(order.get("new_userid", ""))
    if new:
        rename(corp, member, _fitting_userid(corp, new))
    changed = {key: value for key, value in order.items() if key in FIELDS}
    configuration.put_members(world, corp, [{**changed, "userid": member.userid}])
    event = telling.member_changed(corp, member, old=old, changed=changed, at=at)
    return Outcome({"userid": member.userid}, (event,))


def _party(corp: Corp, order: Order) -> Department:
    party = corp.departments.get(int(order["id"]))
    if party is None:
        raise ImpossibleError(f"no such department: {order['id']}")
    return party


def _check_place(corp: Corp, order: Order, *, department_id: int, parent_id: int, name: str) -> None:
    """A parent that exists and is not below it, and a name that no sister has."""
    if parent_id not in corp.departments or corp.lies_under(frozenset({department_id}), parent_id):
        raise ImpossibleError(f"department {parent_id} cannot be the parent")
    sisters = (item for item in corp.departments.values() if item.parent_id == parent_id)
    if any(item.name == name and item.department_id != department_id for item in sisters):
        raise ImpossibleError(f"department {parent_id} has one of the name {name!r}")
    if "name" in order and not PARTY_NAME.fullmatch(name):
        raise ImpossibleError(f"not a name of a department: {name!r}")


def create_party(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """`name`, `parentid`, `order`, `department_leader`; `id` is the next free one when it is not given."""
    _only(order, PARTY_FIELDS | {"id"})
    department_id = int(order.get("id", max(corp.departments) + 1))
    if department_id in corp.departments:
        raise ImpossibleError(f"department {department_id} exists")
    parent_id = int(order.get("parentid", ROOT_DEPARTMENT))
    _check_place(corp, order, department_id=department_id, parent_id=parent_id, name=str(order["name"]))
    configuration.put_departments(world, corp, [{**order, "id": department_id}])
    return Outcome({"id": department_id}, (telling.party_came(corp, corp.departments[department_id], at=at),))


def update_party(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """Change what is named."""
    _only(order, PARTY_FIELDS | {"id"})
    party = _party(corp, order)
    parent_id, name = int(order.get("parentid", party.parent_id)), str(order.get("name", party.name))
    if party.department_id != ROOT_DEPARTMENT:
        _check_place(corp, order, department_id=party.department_id, parent_id=parent_id, name=name)
    elif parent_id:
        raise ImpossibleError("the root has no parent")
    changed = {key for key in PARTY_FIELDS & order.keys() if key != "parentid" or parent_id != party.parent_id}
    kept: dict[str, Any] = {"name": party.name, "parentid": party.parent_id, "order": party.order}
    configuration.put_departments(world, corp, [{**kept, "department_leader": party.leaders, **order}])
    event = telling.party_changed(corp, corp.departments[party.department_id], changed=changed, at=at)
    return Outcome({"id": party.department_id}, (event,))


def delete_party(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """Only a department without members and without others below it."""
    _only(order, frozenset({"id"}))
    party = _party(corp, order)
    if party.department_id == ROOT_DEPARTMENT:
        raise ImpossibleError("the root stays")
    if any(item.parent_id == party.department_id for item in corp.departments.values()):
        raise ImpossibleError("it has departments below it")
    if any(party.department_id in item.departments for item in corp.members.values() if not item.resigned):
        raise ImpossibleError("it has members")
    del corp.departments[party.department_id]
    return Outcome({"id": party.department_id}, (telling.party_went(corp, party, at=at),))


ACTS = {
    "create_user": create_user,
    "update_user": update_user,
    "create_party": create_party,
    "update_party": update_party,
    "delete_party": delete_party,
}
