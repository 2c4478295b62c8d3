"""Requests about the pool as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

ENTRY: dict[str, Any] = {
    "identities": [{"kind": "shop:tmall", "value": "buyer-77"}, {"kind": "phone", "value": "139 0013 9000"}],
    "fields": {"real_name": "赵敏"},
    "source": "shop:tmall",
}
ENTER: dict[str, Any] = {"customer_ids": [2], "source": "hand"}
RECEIVER: dict[str, Any] = {"userid": "LiNa"}
CLAIM: dict[str, Any] = {"userid": "LiNa", "customer_ids": [5]}
WHOM: dict[str, Any] = {
    "filter": {"groups": [{"conditions": [{"field": "level", "op": "any_of", "value": ["gold"]}]}]},
    "records": {"source": ["shop:tmall"]},
}
BATCH: dict[str, Any] = {
    **WHOM,
    "userids": ["LiNa", "WangFang"],
    "how": "random",
}
BY: dict[str, Any] = {"userid": "LiNa"}
UNREACHABLE: dict[str, Any] = {"userid": "LiNa", "reason": "other", "note": "moved abroad"}
RELEASE: dict[str, Any] = {"customer_ids": [3]}
ASSIGN_RULE: dict[str, Any] = {
    "name": "Shop buyers to the online team, in the daytime",
    "conditions": {"sources": ["shop:tmall"], "from_hour": 9, "to_hour": 18},
    "action": {"userids": ["LiNa", "WangFang"], "least_loaded": True},
}
RETURN_RULE: dict[str, Any] = {"name": "Two weeks without a word", "days": 14}
MATCH: dict[str, Any] = {"customer_id": None}
