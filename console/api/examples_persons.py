"""Requests about one customer as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

MERGE: dict[str, Any] = {"other_id": 2, "take": ["level"], "reason": "the same person, by her own word"}
UNDO: dict[str, Any] = {"reason": "mother and daughter with one phone"}
NOTE: dict[str, Any] = {"body": "喜欢羊绒,十二月再联系"}
TEMPLATE: dict[str, Any] = {
    "name": "到店",
    "kind": "visited_shop",
    "fields": [{"key": "looked_at", "name": "看了什么", "required": True}, {"key": "with_whom", "name": "同行"}],
}
HAND_EVENT: dict[str, Any] = {"template_id": 1, "properties": {"looked_at": "coats"}}
TASK: dict[str, Any] = {"title": "寄新品目录", "userid": "LiNa", "due_at": "2026-12-01T10:00:00+08:00"}
TASK_EDIT: dict[str, Any] = {"state": "done"}
