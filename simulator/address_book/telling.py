"""The callbacks of the address book: what changed, in full or as ids.

A contact-sync assistant whose address was saved after 2022-08-15 gets ids only, and of updates only those that move
somebody. Source: WeCom server API, address-book events (pages 96302 and 96303).
"""

from collections.abc import Callable, Collection
from typing import Any

from simulator.events import Bare, Event, Fields, Value
from simulator.records import Corp, Department, Member

FAMILY = "change_contact"


def _csv(values: Collection[Any]) -> str:
    return ",".join(str(item) for item in values)


def _extras(member: Member) -> Value:
    attrs = member.details.get("extattr", {}).get("attrs", ())
    return tuple(("Item", _extra(item)) for item in attrs)


def _extra(item: dict[str, Any]) -> Value:
    """Type 0 is text, 1 a link."""
    told: Value = (("Value", str(item.get("text", {}).get("value", ""))),)
    if item.get("type"):
        link = item.get("web", {})
        told = (("Title", str(link.get("title", ""))), ("Url", str(link.get("url", ""))))
    return (("Name", str(item["name"])), ("Type", int(item["type"])), ("Web" if item["type"] else "Text", told))


def _detail(key: str, kind: Callable[[str], Value] = str) -> Callable[[Member], Value]:
    return lambda member: kind(str(member.details.get(key, "")))


# In the order of the page: tag, the names that an action changes it by, its value.
_FIELDS: tuple[tuple[str, frozenset[str], Callable[[Member], Value]], ...] = (
    ("Name", frozenset({"name"}), lambda member: member.name),
    ("Department", frozenset({"department"}), lambda member: _csv(member.departments)),
    ("MainDepartment", frozenset({"department", "main_department"}), lambda member: member.main_department),
    (
        "IsLeaderInDept",
        frozenset({"department", "is_leader_in_dept", "leader_in"}),
        lambda member: _csv([int(item in member.leader_in) for item in member.departments]),
    ),
    ("DirectLeader", frozenset({"direct_leader"}), lambda member: _csv(member.direct_leader)),
    ("Position", frozenset({"position"}), lambda member: member.position),
    ("Mobile", frozenset({"mobile"}), _detail("mobile", Bare)),
    ("Gender", frozenset({"gender"}), _detail("gender", Bare)),
    ("Email", frozenset({"email"}), _detail("email")),
    ("BizMail", frozenset({"biz_mail"}), _detail("biz_mail")),
    ("Status", frozenset({"status"}), lambda member: member.status),
    ("Avatar", frozenset({"avatar"}), _detail("avatar")),
    ("Alias", frozenset({"alias"}), _detail("alias")),
    ("Telephone", frozenset({"telephone"}), _detail("telephone")),
    ("Address", frozenset({"address"}), _detail("address")),
    ("ExtAttr", frozenset({"extattr"}), _extras),
)


def _fields(member: Member, changed: Collection[str] | None) -> Fields:
    """All fields, or those that were changed."""
    return tuple(
        (tag, value(member)) for tag, names, value in _FIELDS if changed is None or not names.isdisjoint(changed)
    )


def member_came(corp: Corp, member: Member, *, at: int) -> Event:
    who: Fields = (("UserID", member.userid),)
    brief = (*who, ("Department", _csv(member.departments)))
    return Event(corp.corp_id, FAMILY, "create_user", at, who + _fields(member, None), brief=brief)


def member_changed(corp: Corp, member: Member, *, old: str, changed: Collection[str], at: int) -> Event:
    """`old` is the userid before; NewUserID is there only when it changed."""
    new = member.userid if member.userid != old else ""
    who: Fields = (("UserID", old), ("NewUserID", new))
    moved = "department" in changed
    brief = (*who, ("Department", _csv(member.departments) if moved else "")) if new or moved else ()
    fields = who + _fields(member, changed)
    return Event(corp.corp_id, FAMILY, "update_user", at, fields, about=(member.userid,), brief=brief)


def party_came(corp: Corp, party: Department, *, at: int) -> Event:
    fields: Fields = (
        ("Id", party.department_id),
        ("Name", party.name),
        ("ParentId", str(party.parent_id)),
        ("Order", party.order),
    )
    return Event(corp.corp_id, FAMILY, "create_party", at, fields, brief=(fields[0], fields[2]))


def party_changed(corp: Corp, party: Department, *, changed: Collection[str], at: int) -> Event:
    who: Fields = (("Id", party.department_id),)
    name: Fields = (("Name", party.name),) if "name" in changed else ()
    parent: Fields = (("ParentId", str(party.parent_id)),) if "parentid" in changed else ()
    return Event(corp.corp_id, FAMILY, "update_party", at, who + name + parent, brief=who + parent if parent else ())


def party_went(corp: Corp, party: Department, *, at: int) -> Event:
    return Event(corp.corp_id, FAMILY, "delete_party", at, (("Id", party.department_id),))
