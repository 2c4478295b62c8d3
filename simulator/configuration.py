"""Turn the control API's JSON into corps, departments, members and tags. Silent: no callback tells of it."""

from collections.abc import Iterable
from typing import Any

from simulator import crypto
from simulator.records import ROOT_DEPARTMENT, App, Corp, Department, Member, Receiver
from simulator.tags.book import TagBook
from simulator.world import World

TOKEN_TTL_S = 7200
KINDS = ("app", "directory", "system", "suite")
# Why WeCom freezes a corp's customer management: over its capacity, qualification papers missing.
FREEZING = (0, 610023, 610024)
PERSONAL = ("avatar", "gender", "mobile", "email", "biz_mail", "qr_code", "address")
# What user/get tells of a member besides the fields of Member.
DETAILS = (*PERSONAL, "thumb_avatar", "telephone", "alias", "order", "extattr", "external_position", "external_profile")


def put_corp(world: World, order: dict[str, Any]) -> Corp:
    """Create the corp or replace its apps and receivers; ValueError when something is missing or malformed."""
    for key in ("corp_id", "apps"):
        if not order.get(key):
            raise ValueError(f"{key} is missing")
    apps = [_app(item) for item in order["apps"]]
    frozen = int(order.get("frozen", 0))
    if frozen not in FREEZING:
        raise ValueError("frozen is 0, 610023 or 610024")
    corp = world.configure(
        str(order["corp_id"]),
        name=str(order.get("name", "")),
        apps=apps,
        receivers=[receiver(item, apps=apps) for item in order.get("receivers", [])],
        token_ttl_s=int(order.get("token_ttl_s", TOKEN_TTL_S)),
    )
    corp.made_since_2023_12, corp.frozen = bool(order.get("made_since_2023_12", False)), frozen
    return corp


def _app(item: dict[str, Any]) -> App:
    if not item.get("secret") or "agent_id" not in item:
        raise ValueError("an app needs secret and agent_id")
    kind, trusted = item.get("kind", "app"), item.get("trusted_ips")
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}")
    visible = item.get("visible", () if item.get("visible_departments") else None)
    return App(
        name=str(item.get("name", "")),
        secret=str(item["secret"]),
        agent_id=int(item["agent_id"]),
        customer_contact=bool(item.get("customer_contact", True)),
        visible=None if visible is None else frozenset(visible),
        kind=kind,
        disabled=bool(item.get("disabled", False)),
        trusted_ips=None if trusted is None else frozenset(trusted),
        new_ips=frozenset(item.get("new_ips", ())),
        miniprogram=str(item.get("miniprogram", "")),
        visible_departments=frozenset(int(found) for found in item.get("visible_departments", ())),
        sees_personal_data=bool(item.get("sees_personal_data", False)),
    )


STYLES = frozenset({"app", "directory", "suite", "robot"})


def receiver(item: dict[str, Any], *, apps: Iterable[App] = ()) -> Receiver:
    """`app` names the app that it belongs to by secret, agent id or name; ValueError when there is none such."""
    for key in ("url", "token", "encoding_aes_key"):
        if not item.get(key):
            raise ValueError(f"a receiver needs {key}")
    style = item.get("style", "app")
    if style not in STYLES:
        raise ValueError(f"style is one of {', '.join(sorted(STYLES))}")
    crypto.aes_key(item["encoding_aes_key"])
    told = item.get("app", "")
    owner = next((app.secret for app in apps if told in (app.secret, app.agent_id, app.name)), "") if told else ""
    if told and not owner:
        raise ValueError(f"no such app: {told!r}")
    ids = item.get("receiveid", "")
    return Receiver(
        item["url"],
        item["token"],
        item["encoding_aes_key"],
        ids,
        style,
        app=owner,
        full_events=bool(item.get("full_events")),
    )


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
    """Create members or change what is named; keys as in user/get, and the fields of Member.

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
    member.resigned_at = _moment(item.get("resigned_at", member.resigned_at))
    member.verified = bool(item.get("verified", member.verified))
    member.banned = bool(item.get("banned", member.banned))
    member.last_login = _moment(item.get("last_login", member.last_login))
    member.licensed = bool(item.get("licensed", member.licensed))
    member.contact_cap = int(item.get("contact_cap", member.contact_cap))
    member.details.update({key: item[key] for key in DETAILS if key in item})


def _moment(told: Any) -> float | None:
    return None if told is None else float(told)


def put_tags(world: World, corp: Corp, items: list[dict[str, Any]]) -> int:
    """Name corp tags: tag_id, tag_name, group_name; `creator` is the agent id of the app that made it, if any did."""
    with world.lock:
        for item in items:
            corp.book(TagBook).put(
                str(item["tag_id"]),
                str(item.get("tag_name", item["tag_id"])),
                group_name=str(item.get("group_name", "")),
                at=int(world.now()),
                creator=int(item.get("creator", 0)),
            )
    return len(items)
