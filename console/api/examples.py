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
    "items": [
        {"goods_id": "SKU-1001", "name": "羊绒围巾", "quantity": 1, "amount": 12900},
        {"goods_id": "SKU-2002", "name": "皮手套", "quantity": 1, "amount": 7000},
    ],
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
CHAT_FOLDER: dict[str, Any] = {"name": "老客户群"}
FOLDER_ORDER: dict[str, Any] = {"folder_ids": [1]}
MOVE_CHATS: dict[str, Any] = {"folder_id": 1, "chat_ids": ["wrChatOne"]}
CHAT: dict[str, Any] = {"description": "VIP 新品首发"}
CHAT_TAG_GROUP: dict[str, Any] = {"name": "用途"}
CHAT_TAG: dict[str, Any] = {"group_id": 7001, "name": "新品"}
CHAT_TAG_NAME: dict[str, Any] = {"name": "新品首发"}
TAG_CHATS: dict[str, Any] = {"add": [7001], "filter": {"name": "新品", "folder_ids": [0, 1]}}
TAG_CUSTOMERS_OF_CHAT: dict[str, Any] = {"add": ["etGold"], "reason": "seen at the launch"}
CHAT_EVENT: dict[str, Any] = {
    "name": "新品首发",
    "content": "八点开始,主推三款外套",
    "starts_at": "2027-01-10T20:00:00+08:00",
    "remind_minutes": 30,
    "chat_ids": ["wrChatOne"],
}
CHAT_EVENT_CHANGE: dict[str, Any] = {"starts_at": "2027-01-10T21:00:00+08:00"}
CANCEL: dict[str, Any] = {"reason": "postponed by the supplier"}
FILE = "姓名,手机号,会员号\r\n王小明,13800138000,C-1001\r\n"
IMPORT: dict[str, Any] = {"file_id": 2, "source": "shop:tmall"}
MAPPING: dict[str, Any] = {"mapping": {"姓名": "real_name", "手机号": "phone", "会员号": "crm"}}
EXPORT: dict[str, Any] = {
    "customers": {
        "filter": {"groups": [{"conditions": [{"field": "level", "op": "any_of", "value": ["gold"]}]}]},
    },
    "columns": ["id", "real_name", "phones"],
    "format": "csv",
}
