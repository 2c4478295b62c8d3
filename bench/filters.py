"""The forty filters that finding is measured by: what a retailer's operators ask for. docs/filters.md lists them."""

from typing import Any

from services.finding.listing import Sort

Asked = tuple[str, dict[str, Any], Sort]


def _all(*conditions: tuple[str, str, Any]) -> dict[str, Any]:
    return {"groups": [{"conditions": [_one(*one) for one in conditions]}]}


def _any(*conditions: tuple[str, str, Any]) -> dict[str, Any]:
    return {"groups": [{"match": "any", "conditions": [_one(*one) for one in conditions]}]}


def _one(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def _either(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"match": "any", "groups": [group for one in groups for group in one["groups"]]}


def filters(phone: str) -> list[Asked]:
    """What each asks, the filter, the order of its list. `phone`: of somebody who is there."""
    c, a = Sort.CREATED, Sort.ASSIGNED
    common, rare, seldom = ["etTag1"], ["etTag199"], ["sales1900"]
    return [
        ("everybody", {}, c),
        ("everybody, by time assigned", {}, a),
        ("a surname of one character", _all(("name", "contains", "王")), c),
        ("a name of two characters", _all(("name", "contains", "李娜")), c),
        ("a name of three characters", _all(("name", "contains", "马静桐")), c),
        ("a name that nobody has", _all(("name", "contains", "龘")), c),
        ("a phone number", _all(("phone", "equals", phone)), c),
        ("no phone number, of the pool", _all(("phone", "empty", None), ("pool_status", "not_empty", None)), c),
        ("a company by part", _all(("company", "contains", "公司42")), c),
        ("one associate's customers", _all(("assigned", "equals", "sales50")), a),
        ("a seldom associate's customers", _all(("assigned", "any_of", seldom)), a),
        ("friends of either of two", _all(("friend", "any_of", ["sales900", "sales1500"])), a),
        ("friends of both of two", _all(("friend", "all_of", ["sales1", "sales2"])), a),
        ("an outlet", _all(("outlet", "any_of", {"ids": [77]})), a),
        ("a region with all under it", _all(("outlet", "any_of", {"ids": [5], "below": True})), a),
        (
            "an outlet's own with a tag",
            _all(("assigned_outlet", "any_of", {"ids": [77]}), ("tag", "any_of", common)),
            a,
        ),
        ("a common tag", _all(("tag", "any_of", common)), c),
        ("a rare tag", _all(("tag", "any_of", rare)), c),
        ("two tags together", _all(("tag", "all_of", ["etTag3", "etTag150"])), c),
        ("one tag, not another", _all(("tag", "any_of", ["etTag100"]), ("tag", "none_of", common)), c),
        ("no tag at all", _all(("tag", "empty", None)), c),
        ("a large chat", _all(("chat", "any_of", ["wrChat1"])), c),
        (
            "in no chat, added this week",
            _all(("chat", "empty", None), ("last_added", "within", {"days": 7})),
            Sort.ADDED,
        ),
        ("in three chats or more", _all(("chat_count", "between", {"min": 3})), c),
        (
            "added by one associate in seven days, tag, no chat",
            _all(("added", "is", {"by": ["sales3"], "days": 7}), ("tag", "any_of", common), ("chat", "empty", None)),
            Sort.ADDED,
        ),
        ("added through a channel this month", _all(("added", "is", {"states": ["way7"], "days": 30})), Sort.ADDED),
        ("added by scanning, at an outlet", _all(("added", "is", {"ways": [1], "outlets": {"ids": [9]}})), Sort.ADDED),
        ("lost this month", _all(("lost", "within", {"days": 30}), ("standing", "equals", "lost")), c),
        ("deleted by an associate, ever", _all(("deleted", "not_empty", None)), c),
        (
            "women with a birthday in a week",
            _all(("gender", "equals", "female"), ("birthday", "within_next", {"days": 7})),
            c,
        ),
        ("a rare level", _all(("level", "equals", "diamond")), c),
        (
            "two levels, tagged, not asleep",
            _all(
                ("level", "any_of", ["gold", "silver"]),
                ("tag", "any_of", common),
                ("last_purchase", "within", {"days": 90}),
            ),
            c,
        ),
        ("the best by score", _all(("score", "between", {"min": 150})), Sort.SCORE),
        ("points in a narrow range", _all(("points", "between", {"min": 4990, "max": 4995})), Sort.POINTS),
        (
            "big spenders of one shop",
            _all(("order", "is", {"shop": "douyin", "days": 365, "amount": {"min": 500_000}})),
            Sort.AMOUNT,
        ),
        (
            "bought, but not lately",
            _all(("purchase_count", "between", {"min": 2}), ("last_purchase", "not_within", {"days": 365})),
            Sort.AMOUNT,
        ),
        (
            "a cart filled twice this month",
            _all(("event", "is", {"kind": "cart_filled", "days": 30, "at_least": 2})),
            c,
        ),
        (
            "a stage, without a friend's tag, not blacklisted",
            _all(("stage", "any_of", [3]), ("tag", "none_of", common), ("blacklisted", "is", False)),
            c,
        ),
        (
            "custom fields: a size and many visits",
            _all(("field:size", "equals", "M"), ("field:visits", "between", {"min": 950})),
            c,
        ),
        (
            "either of two groups",
            _either(
                _all(("pool_status", "equals", "unassigned"), ("source", "equals", "shop:tmall")),
                _any(("blacklisted", "is", True), ("tag", "any_of", rare)),
            ),
            c,
        ),
    ]
