"""Values of differences. They hold personal data: whoever shows one decides whether its values are shown, too."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

RELATION, MEMBER = "relation", "group_member"
"""Kinds of rows that are parts of a subject: an associate's of a contact, a person's of a chat."""
SECRET = frozenset({"remark_mobiles", "unionid"})
"""Fields whose values are never shown, not even on demand."""


class What(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    MISSING = "missing"  # WeCom's list lacks it, which proves nothing: a pass reads it by itself
    OUT_OF_SIGHT = "out_of_sight"  # its associate is not in the app's sight: a pass asks what became of them


@dataclass(frozen=True)
class Change:
    """One field: its value here, and the one that it would get."""

    name: str
    here: object = field(repr=False)
    there: object = field(repr=False)

    @property
    def known(self) -> bool:
        """Whether a read has ever stated it; else the first one that does brings nothing but news."""
        return self.here is not None


@dataclass(frozen=True)
class Difference:
    """One row that a pass would write or look at.

    `part`: the userid of a relation, the id of a chat's member; "" for the subject itself. `facts`: types that would be
    told. `count`: so many rows of the kind are meant, when they are not named one by one.
    """

    kind: str
    key: str
    what: What
    part: str = ""
    changes: tuple[Change, ...] = ()
    facts: tuple[str, ...] = ()
    count: int = 1

    @property
    def contradicts(self) -> bool:
        """Whether something here is not so in WeCom, rather than merely not known yet."""
        return self.what is not What.CHANGED or any(change.known for change in self.changes)


@dataclass(frozen=True)
class Outlook:
    """What one read of a subject would change. `again_at`: WeCom's reads may be behind, so it would be read again."""

    differences: tuple[Difference, ...] = ()
    again_at: datetime | None = None


def changes(before: Any, after: Any, fields: Iterable[str]) -> tuple[Change, ...]:
    """The fields in which two values of one kind differ; `before` is None for a new one."""
    pairs = [(name, getattr(before, name, None), getattr(after, name)) for name in fields]
    return tuple(Change(name, here, there) for name, here, there in pairs if here != there)


def difference(
    kind: str, key: str, before: Any, after: Any, fields: Iterable[str], *, part: str = "", facts: Iterable[str] = ()
) -> Difference | None:
    """None when a row is as it should be in all these fields."""
    found = changes(before, after, fields)
    what = What.NEW if before is None else What.CHANGED
    return Difference(kind, key, what, part, found, tuple(facts)) if found or before is None else None
