"""Requests as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

UPSERT: dict[str, Any] = {
    "identities": [{"kind": "crm", "value": "C-1001"}, {"kind": "phone", "value": "138 0013 8000"}],
    "fields": {"real_name": "王小明", "level": "gold", "attributes": {"size": "M"}},
}
EDIT: dict[str, Any] = {"fields": {"level": "platinum", "note": None}}
VERIFIED: dict[str, Any] = {"verified": False}
ORDER: dict[str, Any] = {
    "customer": {"kind": "crm", "value": "C-1001"},
    "amount": 19900,
    "currency": "CNY",
    "status": "paid",
    "items_count": 2,
    "paid_at": "2026-11-20T10:00:00+08:00",
    "updated_at": "2026-11-20T10:00:00+08:00",
}
EVENTS: dict[str, Any] = {
    "events": [
        {
            "event_id": "app-77",
            "customer": {"kind": "crm", "value": "C-1001"},
            "kind": "page_viewed",
            "occurred_at": "2026-11-20T10:05:00+08:00",
            "properties": {"page": "coats"},
        }
    ]
}
TAGS: dict[str, Any] = {"add": ["etGold"], "remove": ["etSilver"]}
RELATION: dict[str, Any] = {"remark": "王先生", "reason": "asked by phone"}
ASSIGNMENT: dict[str, Any] = {"userid": "WangFang"}
