"""Rule groups: a tree of groups, each with its range of members and departments. An app sees those that it made.

Source: WeCom server API, rule groups of customer contact (page 94883) and of moments (page 94890).
"""

from dataclasses import dataclass, field
from typing import Any

from simulator.errors import ApiError
from simulator.records import Corp, Member

MEMBER, DEPARTMENT = 1, 2
MOST_LEVELS = 5
Node = tuple[int, str | int]
"""What a range consists of: (1, userid) or (2, department id)."""


@dataclass
class RuleGroup:
    strategy_id: int
    name: str
    created_at: int
    creator: int
    parent_id: int = 0
    admins: tuple[str, ...] = ()
    privilege: dict[str, bool] = field(default_factory=dict)
    range: dict[Node, None] = field(default_factory=dict)


@dataclass
class RuleBook:
    groups: dict[int, RuleGroup] = field(default_factory=dict)
    made: int = 0

    def own(self, strategy_id: Any, *, creator: int) -> RuleGroup:
        """ApiError 60136 when there is none or another app made it."""
        found = self.groups.get(strategy_id) if type(strategy_id) is int else None
        if found is None or found.creator != creator:
            raise ApiError(60136)
        return found

    def level(self, group: RuleGroup | None) -> int:
        """1 for a group without a parent."""
        found = 0
        while group is not None:
            found, group = found + 1, self.groups.get(group.parent_id)
        return found

    def member_renamed(self, old: str, new: str) -> None:
        for group in self.groups.values():
            group.admins = tuple(new if item == old else item for item in group.admins)
            group.range = dict.fromkeys((kind, new if name == old else name) for kind, name in group.range)

    def family(self, strategy_id: int) -> list[RuleGroup]:
        """The group and everything below it."""
        found = [self.groups[strategy_id]]
        for group in found:
            found += [item for item in self.groups.values() if item.parent_id == group.strategy_id]
        return found


class CustomerRuleBook(RuleBook):
    pass


class MomentRuleBook(RuleBook):
    pass


def departments_in(corp: Corp, group: RuleGroup) -> set[int]:
    """The departments of the range and everything below them."""
    named = [int(node) for kind, node in group.range if kind == DEPARTMENT]
    return {item.department_id for root in named if root in corp.departments for item in corp.descendants(root)}


def reaches(corp: Corp, group: RuleGroup | None, member: Member) -> bool:
    """Whether the member is in the range, by name or by department."""
    if group is None:
        return False
    if (MEMBER, member.userid) in group.range:
        return True
    return not departments_in(corp, group).isdisjoint(member.departments)


def contains(corp: Corp, group: RuleGroup, node: Node) -> bool:
    """Whether a child of the group may have the node in its range."""
    kind, name = node
    if kind == DEPARTMENT:
        return name in departments_in(corp, group)
    member = corp.member(str(name))
    return member is not None and reaches(corp, group, member)
