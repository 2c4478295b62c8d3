"""Requests about welcome messages as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

FILE = "Opening hours of our shops"
RULE: dict[str, Any] = {
    "name": "门店白天",
    "userids": ["LiNa"],
    "department_ids": [2],
    "states": ["window"],
    "weekdays": [1, 2, 3, 4, 5],
    "from_time": "09:00",
    "until_time": "20:30",
    "text": "{customer|您}好，我是{associate}，有什么可以帮您？",
    "attachments": [
        {"kind": "link", "title": "本周新品", "url": "https://shop.example.com/new"},
        {"kind": "file", "file_id": 1},
    ],
}
PREVIEW: dict[str, Any] = {"userid": "LiNa", "state": "window", "at": "2026-11-23T10:00:00+08:00"}
