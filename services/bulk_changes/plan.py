"""Decides what a bulk change takes to be asked for, and what it does to own fields. Pure (CUS-8)."""

from collections.abc import Mapping
from typing import Any

from services.bulk_changes.model import (
    MOST_AT_ONCE,
    MOST_DELETED,
    UNDO,
    BulkRefusedError,
    ConfirmationError,
)

DELETION = "deletion"
SHORTEST_REASON = 10
"""Characters of the reason for a deletion (CUS-8); anything else needs one character."""
LONGEST_REASON = 500
VERBS: Mapping[str, tuple[str, str]] = {
    "fields": ("EDIT", "修改"),
    "local_tags": ("TAG", "打标签"),
    "corp_tags": ("TAG", "打标签"),
    "blacklist": ("BLACKLIST", "黑名单"),
    "assignment": ("ASSIGN", "分配"),
    "pool": ("SHARE", "均分"),
    "stage": ("MOVE", "移动阶段"),
    "score": ("ADJUST", "调整"),
    DELETION: ("DELETE", "删除"),
    UNDO: ("UNDO", "撤销"),
}
"""Kind -> what is typed before the number to confirm it, in either language."""
CUSTOM = "fields"
"""In a customer's own document: custom fields, key -> value. They change key by key, all others as a whole."""


def confirmations(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{verb} {count:,}" for verb in VERBS[kind])


def most_of(kind: str) -> int:
    """Customers of one change."""
    return MOST_DELETED if kind == DELETION else MOST_AT_ONCE


def check_asked(kind: str, count: int, *, reason: str, confirmation: str) -> None:
    """
    Raises:
        BulkRefusedError: nobody, too many, or no reason worth the name.
        ConfirmationError: another number of customers than was confirmed.
    """
    shortest = SHORTEST_REASON if kind == DELETION else 1
    if not shortest <= len(reason.strip()) <= LONGEST_REASON:
        raise BulkRefusedError(f"a reason of {shortest} to {LONGEST_REASON} characters is needed")
    if count > most_of(kind):
        raise BulkRefusedError(f"{count:,} customers at once; {most_of(kind):,} is the most: narrow the filter")
    if count == 0 and kind != UNDO:
        raise BulkRefusedError("the filter finds nobody")
    expected = confirmations(kind, count)
    if " ".join(confirmation.split()) not in expected:
        raise ConfirmationError(count, expected)


def edited(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The own document as it is to be, and what was there before of what changes (None: nothing); {} when nothing does.

    Custom fields stand in `before` as {"fields": {key: value}}.
    """
    whole = {name: value for name, value in wanted.items() if name != CUSTOM}
    custom, held = wanted.get(CUSTOM) or {}, present.get(CUSTOM) or {}
    before: dict[str, Any] = {name: present.get(name) for name, value in whole.items() if present.get(name) != value}
    if keys := {key: held.get(key) for key, value in custom.items() if held.get(key) != value}:
        before[CUSTOM] = keys
    after = {**present, **whole, CUSTOM: _left({**held, **custom}) or None}
    return _left(after), before


def restored(
    present: Mapping[str, Any], wanted: Mapping[str, Any], before: Mapping[str, Any]
) -> tuple[dict[str, Any], bool]:
    """The document with what was there before put back where it is still as the change left it; whether all of it was.

    What somebody has changed since stays.
    """
    whole = {name: value for name, value in before.items() if name != CUSTOM and present.get(name) == wanted.get(name)}
    held, custom = present.get(CUSTOM) or {}, wanted.get(CUSTOM) or {}
    keys = {key: value for key, value in (before.get(CUSTOM) or {}).items() if held.get(key) == custom.get(key)}
    put_back = len(whole) + len(keys)
    meant = sum(len(value) if name == CUSTOM else 1 for name, value in before.items())
    after = {**present, **whole, CUSTOM: _left({**held, **keys}) or None}
    return _left(after), put_back == meant


def _left(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
