"""Tags of rule groups: as corp tags, but each app sees and changes its own only, and nothing dead is shown.

Source: WeCom server API, tags of rule groups (page 94882).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.api.fields import number, texts
from simulator.errors import ApiError
from simulator.tags.api import add_tags, del_tags, edit_tags, group_view
from simulator.tags.book import Tag, TagBook, TagGroup
from simulator.tags.rule_groups import CustomerRuleBook

Json = dict[str, Any]


def get_strategy_tag_list(call: Call) -> Json:
    asked, book = call.json(), call.book(TagBook)
    group_ids, tag_ids = texts(asked, "group_id"), texts(asked, "tag_id")
    strategy_id = number(asked, "strategy_id")
    if strategy_id:
        call.book(CustomerRuleBook).own(strategy_id, creator=call.app.agent_id)
    found = []
    for group in _own_groups(call, book, strategy_id):
        if group_ids and group.group_id not in group_ids:
            continue
        tags = [tag for tag in group.living() if group_ids or not tag_ids or tag.tag_id in tag_ids]
        if tags:
            found.append(_view(group, tags))
    return {"tag_group": found}


def _own_groups(call: Call, book: TagBook, strategy_id: int) -> list[TagGroup]:
    rules = call.book(CustomerRuleBook).groups
    wanted = [strategy_id] if strategy_id else list(rules)
    groups = [group for item in wanted for group in book.living(strategy_id=item)]
    return [group for group in groups if group.creator == call.app.agent_id]


def _view(group: TagGroup, tags: list[Tag]) -> Json:
    view = group_view(group, tags)
    return {**view, "strategy_id": group.strategy_id}


def add_strategy_tag(call: Call) -> Json:
    """Only under a rule group of the first level."""
    strategy_id = number(call.json(), "strategy_id")
    if not strategy_id:
        raise ApiError(40063, detail="strategy_id")
    rule = call.book(CustomerRuleBook).own(strategy_id, creator=call.app.agent_id)
    if rule.parent_id:
        raise ApiError(40058, detail="strategy_id")
    return {"tag_group": add_tags(call, strategy_id=strategy_id)}


ENDPOINTS = {
    "externalcontact/get_strategy_tag_list": Endpoint("POST", get_strategy_tag_list, {"tag_group": []}, True),
    "externalcontact/add_strategy_tag": Endpoint("POST", add_strategy_tag, {}, True),
    "externalcontact/edit_strategy_tag": Endpoint("POST", lambda call: edit_tags(call, rule=True), {}, True),
    "externalcontact/del_strategy_tag": Endpoint("POST", lambda call: del_tags(call, rule=True), {}, True),
}
