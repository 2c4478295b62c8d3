"""Requests about stages, tags by rule, scores, segments and saved filters, as the document shows them."""

from typing import Any


def _one(field: str, op: str, value: object) -> dict[str, Any]:
    return {"groups": [{"conditions": [{"field": field, "op": op, "value": value}]}]}


BUYERS = _one("purchase_count", "between", {"min": 1})
LINE: dict[str, Any] = {"name": "零售"}
LINE_EDIT: dict[str, Any] = {"name": "门店零售"}
STAGE: dict[str, Any] = {"name": "已购", "automatic": True, "filter": BUYERS}
STAGE_EDIT: dict[str, Any] = {"name": "老客"}
STAGE_ORDER: dict[str, Any] = {"stage_ids": [1]}
STAGE_SET: dict[str, Any] = {"stage_id": 1}
ENTER: dict[str, Any] = {"stage_id": 1, "customer_ids": [1]}
LEAVE: dict[str, Any] = {"line_id": 1, "customer_ids": [1]}
AUTOMATIC_TAG: dict[str, Any] = {"tag_id": "local:900", "filter": _one("purchase_amount", "between", {"min": 100_000})}
AUTOMATIC_TAG_EDIT: dict[str, Any] = {"state": "stopped"}
SCORE_RULE: dict[str, Any] = {
    "account": "points",
    "name": "每消费 10 元积 1 分",
    "behaviour": "purchase",
    "amount": 1,
    "each": 1000,
}
SCORE_SETTINGS: dict[str, Any] = {"points_below_zero": False}
ADJUST_ONE: dict[str, Any] = {"account": "score", "amount": 5, "reason": "helped at the opening"}
ADJUST: dict[str, Any] = {"account": "points", "amount": 100, "reason": "anniversary", "customer_ids": [1]}
SEGMENT: dict[str, Any] = {"name": "高价值", "category": "复购", "kind": "dynamic", "filter": BUYERS}
MEMBERS: dict[str, Any] = {"customer_ids": [1]}
SEGMENT_EDIT: dict[str, Any] = {"filter": _one("purchase_count", "between", {"min": 2})}
SAVED_FILTER: dict[str, Any] = {"name": "本周新增", "filter": _one("last_added", "within", {"days": 7})}
SAVED_FILTER_EDIT: dict[str, Any] = {"name": "近七天新增", "shared": True}
COPY: dict[str, Any] = {"name": "近七天新增(副本)"}
