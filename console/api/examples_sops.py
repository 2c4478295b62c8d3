"""Requests about SOPs, as the document shows them."""

from typing import Any

RULE: dict[str, Any] = {
    "name": "新客七天",
    "about": "customer",
    "trigger": {"kind": "friend"},
    "audience": {"filter": {"groups": []}, "userids": ["LiNa"]},
    "steps": [
        {"after": {"minutes": 5}, "content": "{customer}您好，我是{outlet}的{associate}，很高兴认识您！"},
        {"day": 2, "at": "10:00", "content": "{customer}，本周新品到店，给您留了一件。",
         "attachments": [{"kind": "image", "reference": "material:17", "title": "新品"}]},
    ],
    "exits": [{"kind": "friendship_lost"}, {"kind": "blacklisted"}],
    "ways": {"reentry": "never", "workdays_only": False, "late_hours": 24, "overdue_after_hours": 4},
}  # fmt: skip
RULE_EDIT: dict[str, Any] = RULE | {
    "name": "新客三天",
    "steps": [
        {"step_id": 1, "after": {"minutes": 10}, "content": "{customer}您好，我是{associate}。"},
        {"step_id": 2, "day": 2, "at": "10:00", "content": "{customer}，本周新品到店。"},
    ],
}
BRING_IN: dict[str, Any] = {"customer_ids": [1]}
CYCLE: dict[str, Any] = {"left_out_step_ids": [2]}
MOVE: dict[str, Any] = {"rule_id": 2, "keep_start": True}
