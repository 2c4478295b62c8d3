"""Turn the control API's JSON into corps, departments, members and tags. Silent: no callback tells of it."""

from typing import Any

from simulator import crypto
from simulator.records import ROOT_DEPARTMENT, App, Corp, Department, Member, Receiver
from simulator.tags.book import TagBook
from simulator.world import World

TOKEN_TTL_S = 7200


def put_corp(world: World, order: dict[str, Any]) -> Corp:
    """Create the corp or replace its apps and receivers; ValueError when something is missing or malformed."""
    for key in ("corp_id", "apps"):
        if not order.get(key):
            raise ValueError(f"{key} is missing")
    return world.configure(
        str(order["corp_id"]),
        name=str(order.get("name", "")),
        apps=[_app(item) for item in order["apps"]],
        receivers=[_receiver(item) for item in order.get("receivers", [])],
        token_ttl_s=int(order.get("token_ttl_s", TOKEN_TTL_S)),
    )


def _app(item: dict[str, Any]) -> App:
    if not item.get("secret") or "agent_id" not in item:
        raise ValueError("an app needs secret and agent_id")
    visible = item.get("visible")
    return App(
        name=str(item.get("name", "")),
        secret=str(item["secret"]),
        agent_id=int(item["agent_id"]),
        customer_contact=bool(item.get("customer_contact", True)),
        visible=None if visible is None else frozenset(visible),
    )


def _receiver(item: dict[str, Any]) -> Receiver:
    for key in ("url", "token", "encoding_aes_key"):
        if not item.get(key):
            raise ValueError(f"a receiver needs {key}")
    style = item.get("style", "app")
    if style not in {"app", "suite"}:
        raise ValueError("style is app or suite")
    crypto.aes_key(item["encoding_aes_key"])
    return Receiver(item["url"], item["token"], item["encoding_aes_key"], item.get("receiveid", ""), style)


def put_departments(world: World, corp: Corp, items: list[dict[str, Any]]) -> int:
    """Keys as in department/get: id, name, parentid, order, department_leader."""
    with world.lock:
        for item in items:
            department_id = int(item["id"])
            corp.departments[department_id] = Department(
                department_id,
                str(item.get("name", department_id)),
                parent_id=int(item.get("parentid", 0 if department_id == ROOT_DEPARTMENT else ROOT_DEPARTMENT)),
                order=int(item.get("order", 0)),
                leaders=tuple(item.get("department_leader", ())),
            )
    return len(items)


def put_members(world: World, corp: Corp, items: list[dict[str, Any]]) -> int:
    """Create members or change what is named; keys as in user/get, and has_customer_contact, resigned.

    `is_leader_in_dept` is a list parallel to `department`, `leader_in` a list of department ids.
    """
    with world.lock:
        for item in items:
            if not item.get("userid"):
                raise ValueError("a member needs userid")
            _put_member(corp, item)
    return len(items)


def _put_member(corp: Corp, item: dict[str, Any]) -> None:
    userid = str(item["userid"])
    member = corp.member(userid)
    if member is None:
        member = corp.members[userid.lower()] = Member(userid, userid)
    member.name = str(item.get("name", member.name))
    if "department" in item:
        member.departments = tuple(int(found) for found in item["department"])
        member.main_department = member.departments[0] if member.departments else ROOT_DEPARTMENT
    unknown = set(member.departments) - corp.departments.keys()
    if unknown:
        raise ValueError(f"no such department: {min(unknown)}")
    member.main_department = int(item.get("main_department", member.main_department))
    if "is_leader_in_dept" in item:
        flags = zip(member.departments, item["is_leader_in_dept"], strict=False)
        member.leader_in = frozenset(department for department, flag in flags if flag)
    member.leader_in = frozenset(item.get("leader_in", member.leader_in))
    leader = item.get("direct_leader", member.direct_leader)
    member.direct_leader = (leader,) if isinstance(leader, str) else tuple(leader)
    member.position = str(item.get("position", member.position))
    member.has_customer_contact = bool(item.get("has_customer_contact", member.has_customer_contact))
    member.status = int(item.get("status", member.status))
    member.resigned = bool(item.get("resigned", member.resigned))


def put_tags(world: World, corp: Corp, items: list[dict[str, Any]]) -> int:
    """Name corp tags: tag_id, tag_name, group_name."""
    with world.lock:
        for item in items:
            corp.book(TagBook).names[str(item["tag_id"])] = (
                str(item.get("group_name", "")),
                str(item.get("tag_name", item["tag_id"])),
            )
    return len(items)
