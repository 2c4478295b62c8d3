"""Requests about reminders as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

RETRY: dict[str, Any] = {"accept_duplicate": False, "reason": "she was on leave and is back"}
POLICY: dict[str, Any] = {
    "stages_on": True,
    "administrators": ["WangFang"],
    "undeliverable": "superior",
    "quiet": {"from": "21:30", "until": "08:30"},
}
SWITCH: dict[str, Any] = {"enabled": True, "superior": True, "apart_s": 120}
QUIET: dict[str, Any] = {"quiet": {"from": "22:00", "until": "09:00"}}
