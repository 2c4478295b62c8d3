"""Requests about bulk changes as the document shows them; tests/console/api/test_document.py runs each."""

from typing import Any

_FILTER: dict[str, Any] = {
    "groups": [{"conditions": [{"field": "external_userid", "op": "equals", "value": "wmOne"}]}],
}
_CHANGE: dict[str, Any] = {"kind": "fields", "set": {"level": "gold"}}
PREVIEW: dict[str, Any] = {"filter": _FILTER, "change": _CHANGE}
ASKED: dict[str, Any] = {**PREVIEW, "reason": "spring campaign", "confirmation": "EDIT 1"}
TURN: dict[str, Any] = {"reason": "the level is to be checked first"}
UNDO: dict[str, Any] = {"reason": "wrong level", "confirmation": "UNDO 0"}
