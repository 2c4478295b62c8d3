"""Decides what the fields of a merged person are, and what they become when the merge is undone. Pure (CUS-9)."""

from collections.abc import Collection, Mapping
from typing import Any

from services.merging.model import FieldChoice, MergeRefusedError

NESTED = ("attributes", "fields")
"""Of these each key is a field of its own."""
Own = Mapping[str, Any]


def paths_of(own: Own) -> dict[str, Any]:
    """Path -> value; empty ones are left out."""
    found = {name: value for name, value in own.items() if name not in NESTED}
    for name in NESTED:
        found |= {f"{name}.{key}": value for key, value in (own.get(name) or {}).items()}
    return {path: value for path, value in found.items() if not is_empty(value)}


def is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def own_of(paths: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for path, value in paths.items():
        name, _, key = path.partition(".")
        if name in NESTED:
            own.setdefault(name, {})[key] = value
        else:
            own[name] = value
    return own


def plan_fields(master: Own, other: Own, *, take: Collection[str] = ()) -> list[FieldChoice]:
    """Every field that either has: the master's wins, an empty one is filled, and `take` names those the other wins.

    Raises:
        MergeRefusedError: the other has no such field.
    """
    ours, theirs = paths_of(master), paths_of(other)
    if missing := sorted(set(take) - theirs.keys()):
        raise MergeRefusedError(f"the other record has nothing in {', '.join(missing)}")
    return [
        FieldChoice(
            path,
            ours.get(path),
            theirs.get(path),
            theirs[path] if path in take or path not in ours else ours[path],
        )
        for path in sorted(ours.keys() | theirs.keys())
    ]


def changed(choices: Collection[FieldChoice]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Path -> value of what a merge changes in the master: before (None: empty) and after."""
    differing = [one for one in choices if one.result != one.master]
    return {one.path: one.master for one in differing}, {one.path: one.result for one in differing}


def plan_undo(present: Own, *, before: Own, after: Own) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The master's own fields when a merge is taken back, and the paths that somebody changed since: these stay.

    `before` and `after`: as `changed` tells them.
    """
    paths = paths_of(present)
    kept = tuple(sorted(path for path, value in after.items() if paths.get(path) != value))
    for path in after.keys() - set(kept):
        if is_empty(before[path]):
            del paths[path]
        else:
            paths[path] = before[path]
    return own_of(paths), kept
