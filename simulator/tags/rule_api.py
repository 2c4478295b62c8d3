"""The endpoints of rule groups; customer contact and moments have the same, with other privileges.

Source: WeCom server API, rule groups of customer contact (page 94883) and of moments (page 94890).
"""

from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call, Endpoint
from simulator.api.fields import flag, number, part, parts, text, texts
from simulator.errors import ApiError
from simulator.tags.book import TagBook
from simulator.tags.rule_groups import (
    DEPARTMENT,
    MEMBER,
    MOST_LEVELS,
    CustomerRuleBook,
    Node,
    RuleBook,
    RuleGroup,
    contains,
)
from simulator.tags.rules import bury

Json = dict[str, Any]
MOST_ADMINS, MOST_NODES_A_CALL, MOST_NODES, PAGE = 20, 100, 3000, 1000
# Edits and creations one after the other: a parallel one is a version conflict.
CONFLICT = 6000

ALWAYS = ("view_customer_list", "view_customer_data", "view_room_list", "contact_me", "join_room")
SWITCHED = (
    "share_customer", "oper_resign_customer", "oper_resign_group", "send_customer_msg", "edit_welcome_msg",
    "view_behavior_data", "view_room_data", "send_group_msg", "room_deduplication", "rapid_reply",
    "onjob_customer_transfer", "edit_anti_spam_rule", "export_customer_list", "export_customer_data",
    "export_customer_group_list", "manage_customer_tag",
)  # fmt: skip


class RuleApi:
    """`kind` is the book, `always` and `switched` its privileges: those that cannot be taken away, and the others."""

    def __init__(self, kind: type[RuleBook], *, always: tuple[str, ...], switched: tuple[str, ...]) -> None:
        self.kind, self.always, self.switched = kind, always, switched

    def endpoints(self, prefix: str) -> dict[str, Endpoint]:
        def serial(run: Any) -> Endpoint:
            return Endpoint("POST", run, {}, True, holds=lambda _: prefix, when_held=CONFLICT)

        return {
            f"externalcontact/{prefix}/list": Endpoint("POST", self.listed, {"strategy": []}, True),
            f"externalcontact/{prefix}/get": Endpoint("POST", self.get, {}, True),
            f"externalcontact/{prefix}/get_range": Endpoint("POST", self.get_range, {"range": []}, True),
            f"externalcontact/{prefix}/create": serial(self.create),
            f"externalcontact/{prefix}/edit": serial(self.edit),
            f"externalcontact/{prefix}/del": Endpoint("POST", self.delete, {}, True),
        }

    def _own(self, call: Call, asked: Json) -> RuleGroup:
        strategy_id = number(asked, "strategy_id")
        if not strategy_id:
            raise ApiError(40063, detail="strategy_id")
        return call.book(self.kind).own(strategy_id, creator=call.app.agent_id)

    def listed(self, call: Call) -> Json:
        found = [item for item in call.book(self.kind).groups.values() if item.creator == call.app.agent_id]
        return self._page(call, "strategy", [{"strategy_id": item.strategy_id} for item in found])

    def _page(self, call: Call, key: str, rows: Any) -> Json:
        """The last page has no `next_cursor` at all."""
        asked = call.json()
        limit = cursors.limit_of(asked, default=PAGE, most=PAGE)
        bound_to = cursors.bound(call, f"{self.kind.__name__}/{key}", asked.get("strategy_id"))
        page, next_cursor = cursors.page(rows, cursor=asked.get("cursor"), limit=limit, bound_to=bound_to)
        return {key: page, **({"next_cursor": next_cursor} if next_cursor else {})}

    def get(self, call: Call) -> Json:
        group = self._own(call, call.json())
        strategy = {
            "strategy_id": group.strategy_id,
            "parent_id": group.parent_id,
            "strategy_name": group.name,
            "create_time": group.created_at,
            "admin_list": list(group.admins),
            "privilege": group.privilege,
        }
        return {"strategy": strategy}

    def get_range(self, call: Call) -> Json:
        group = self._own(call, call.json())
        names = {MEMBER: "userid", DEPARTMENT: "partyid"}
        return self._page(call, "range", [{"type": kind, names[kind]: name} for kind, name in group.range])

    def create(self, call: Call) -> Json:
        asked, book = call.json(), call.book(self.kind)
        name, told, parent_id = text(asked, "strategy_name"), parts(asked, "range"), number(asked, "parent_id")
        if not name or not told:
            raise ApiError(40063, detail="strategy_name" if told else "range")
        parent = book.own(parent_id, creator=call.app.agent_id) if parent_id else None
        if book.level(parent) >= MOST_LEVELS:
            raise ApiError(40058, detail="parent_id")
        group = RuleGroup(book.made + 1, name, int(call.world.now()), call.app.agent_id)
        group.parent_id = parent.strategy_id if parent else 0
        group.admins = _admins(call, asked)
        group.range = dict.fromkeys(_nodes(call, told, parent=parent))
        group.privilege = dict(parent.privilege) if parent else self._privilege(asked)
        book.made += 1
        book.groups[group.strategy_id] = group
        return {"strategy_id": group.strategy_id}

    def _privilege(self, asked: Json) -> dict[str, bool]:
        told = part(asked, "privilege")
        return {
            **dict.fromkeys(self.always, True),
            **{name: flag(told, name, default=True) for name in self.switched},
        }

    def edit(self, call: Call) -> Json:
        asked, book = call.json(), call.book(self.kind)
        group = self._own(call, asked)
        parent = book.groups.get(group.parent_id)
        name = text(asked, "strategy_name") or group.name
        added = _nodes(call, parts(asked, "range_add"), parent=parent)
        removed = _nodes(call, parts(asked, "range_del"), parent=None)
        kept = [item for item in dict.fromkeys([*group.range, *added]) if item not in removed]
        if len(kept) > MOST_NODES:
            raise ApiError(40058, detail="range")
        admins = _admins(call, asked) if asked.get("admin_list") else group.admins
        privilege = self._privilege(asked) if part(asked, "privilege") and parent is None else group.privilege
        group.range, group.admins = dict.fromkeys(kept), admins
        group.name, group.privilege = name, privilege
        return {}

    def delete(self, call: Call) -> Json:
        """What is below the group goes with it, and so do their tags."""
        book, tags = call.book(self.kind), call.book(TagBook)
        for group in book.family(self._own(call, call.json()).strategy_id):
            del book.groups[group.strategy_id]
            if self.kind is CustomerRuleBook:
                for tag_group in tags.living(strategy_id=group.strategy_id):
                    bury(call.world, tags, tag_group)
        return {}


def _admins(call: Call, asked: Json) -> tuple[str, ...]:
    admins = texts(asked, "admin_list")
    if not admins:
        raise ApiError(40063, detail="admin_list")
    if len(admins) > MOST_ADMINS:
        raise ApiError(40058, detail="admin_list")
    return tuple(call.member(item).userid for item in admins)


def _nodes(call: Call, told: list[Json], *, parent: RuleGroup | None) -> list[Node]:
    """ApiError 60111 or 60123 for what is not there, 60030 for what the parent does not have."""
    if len(told) > MOST_NODES_A_CALL:
        raise ApiError(40058, detail="range")
    nodes = [_node(call, item) for item in told]
    if parent is not None and not all(contains(call.corp, parent, node) for node in nodes):
        raise ApiError(60030)
    return nodes


def _node(call: Call, told: Json) -> Node:
    if told.get("type") == MEMBER:
        return MEMBER, call.member(text(told, "userid")).userid
    if told.get("type") != DEPARTMENT:
        raise ApiError(40058, detail="type")
    party_id = number(told, "partyid")
    if party_id not in call.corp.departments:
        raise ApiError(60123)
    return DEPARTMENT, party_id


ENDPOINTS = RuleApi(CustomerRuleBook, always=ALWAYS, switched=SWITCHED).endpoints("customer_strategy")
