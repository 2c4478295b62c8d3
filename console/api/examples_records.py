"""Requests about custom fields, local tags and the blacklist as the document shows them; each is run by a test."""

from typing import Any

FIELD: dict[str, Any] = {
    "key": "size",
    "name": "尺码",
    "kind": "single_choice",
    "options": [{"id": "S", "name": "小"}, {"id": "M", "name": "中"}],
    "in_pool_list": True,
}
FIELD_EDIT: dict[str, Any] = {"options": [{"id": "M", "name": "中号"}, {"id": "L", "name": "大号"}]}
FIELD_ORDER: dict[str, Any] = {"keys": ["size"]}
GROUP: dict[str, Any] = {"name": "喜好"}
GROUP_EDIT: dict[str, Any] = {"visible_to": ["LiNa", "WangFang"]}
GROUP_ORDER: dict[str, Any] = {"group_ids": [1]}
TAG: dict[str, Any] = {"name": "喝茶"}
TAG_EDIT: dict[str, Any] = {"name": "爱喝茶"}
TAG_ORDER: dict[str, Any] = {"tag_ids": ["local:1"]}
TAG_MANY: dict[str, Any] = {"customer_ids": [1], "add": ["local:1"]}
BLACKLISTED: dict[str, Any] = {"reason": "asked not to be contacted"}
UNBLACKLISTED: dict[str, Any] = {"reason": "asked to hear from us again"}
CHECK: dict[str, Any] = {"customer_ids": [1], "identities": [{"kind": "crm", "value": "C-1001"}]}
