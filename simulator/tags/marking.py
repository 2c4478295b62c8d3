"""mark_tag: the tags of one relation. Silent, and one writer at a time for a relation.

Source: WeCom server API, tags of a customer (page 92118).
"""

from collections.abc import Hashable
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.api.fields import text, texts
from simulator.customers.reading import member_of, visible_pair
from simulator.customers.subjects import customer_of
from simulator.customers.walks import edited
from simulator.errors import ApiError
from simulator.records import Member
from simulator.tags.book import TagBook
from simulator.tags.rule_groups import CustomerRuleBook, reaches
from simulator.tags.settings import TagSettings


def mark_tag(call: Call) -> dict[str, Any]:
    asked, limits = call.json(), call.settings(TagSettings)
    member = member_of(call, text(asked, "userid"))
    pair = visible_pair(call, member, customer_of(call, text(asked, "external_userid")))
    add, remove = texts(asked, "add_tag"), texts(asked, "remove_tag")
    if not (add or remove):
        raise ApiError(40063, detail="add_tag")
    if len(add) > limits.most_tags_a_call or len(remove) > limits.most_tags_a_call:
        raise ApiError(41111)
    for tag_id in (*add, *remove):
        _check(call, member, tag_id)
    cleared = set(remove) | call.book(TagBook).gone
    wanted = tuple(dict.fromkeys([*(item for item in pair.tags if item not in cleared), *add]))
    if add and len(wanted) > limits.most_tags_on_a_customer:
        raise ApiError(40144)
    if wanted != pair.tags:
        pair.tags = wanted
        edited(call.world, call.corp, pair)
    return {}


def _check(call: Call, member: Member, tag_id: str) -> None:
    """A living tag; one of a rule group must be the app's own, and the member in the rule group's range."""
    tag = call.book(TagBook).tag(tag_id)
    if tag is None:
        raise ApiError(40068)
    strategy_id = tag.group.strategy_id
    if strategy_id and (
        tag.creator != call.app.agent_id
        or not reaches(call.corp, call.book(CustomerRuleBook).groups.get(strategy_id), member)
    ):
        raise ApiError(60011)


def _written(call: Call) -> Hashable:
    """The relation that a call writes; bodies that name none hold nothing."""
    asked = call.json()
    return "pair", str(asked.get("userid")).lower(), str(asked.get("external_userid"))


ENDPOINTS = {"externalcontact/mark_tag": Endpoint("POST", mark_tag, {}, True, holds=_written)}
