"""Requests as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

UPSERT: dict[str, Any] = {
    "identities": [{"kind": "crm", "value": "C-1001"}, {"kind": "phone", "value": "138 0013 8000"}],
    "fields": {"real_name": "王小明", "level": "gold", "attributes": {"size": "M"}},
}
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
FILE = "姓名,手机号,会员号\r\n王小明,13800138000,C-1001\r\n"
IMPORT: dict[str, Any] = {"file_id": 2, "source": "shop:tmall"}
MAPPING: dict[str, Any] = {"mapping": {"姓名": "real_name", "手机号": "phone", "会员号": "crm"}}
EXPORT: dict[str, Any] = {"customers": {"all": True}, "columns": ["id", "real_name", "phones"], "format": "csv"}
