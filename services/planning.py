"""Facts: what the rest of the system hears, in the same commit as the rows they are about.

A fact's payload holds ids and codes only; names are looked up when something is rendered, so that a person can be
forgotten. Payloads change by addition only; anything else is a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar, Literal

Cause = Literal["event", "resync", "bootstrap", "operator", "rule", "import", "api"]

FACTS: dict[str, type["Fact"]] = {}
"""Every fact class by its type, filled as the classes are defined."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that happened at `occurred_at` (WeCom's time where WeCom said it)."""

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    SUBJECT: ClassVar[tuple[str, str]] = ("", "")
    """Kind of subject, and the field that holds its key."""
    occurred_at: datetime

    def __init_subclass__(cls) -> None:
        if cls.TYPE:
            FACTS[cls.TYPE] = cls

    @property
    def subject(self) -> tuple[str, str]:
        """(kind, key) of what it is about."""
        kind, key_field = self.SUBJECT
        return kind, str(getattr(self, key_field))

    def payload(self) -> dict[str, object]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "occurred_at"}


def read_fact(type_: str, occurred_at: datetime, payload: Mapping[str, object]) -> Fact:
    """The fact of a stored row; fields that a newer version added and this one does not know are left out."""
    cls = FACTS[type_]
    known = {f.name for f in fields(cls)}
    return cls(occurred_at=occurred_at, **{k: v for k, v in payload.items() if k in known})


def refuse_if_unsafe(*, removals: int, known: int, share: float, floor: int) -> str | None:
    """Why so many removals at once are not believed; None when they are few enough.

    `floor`: so many are always believed. `share`: of what is known (0 to 1), the part that may go in one pass.
    """
    if removals <= max(floor, int(known * share)):
        return None
    return (
        f"{removals} of {known} would go, more than {share:.0%} and more than {floor} at once: "
        "was the app's visible range cut, the customer-contact function switched off, or a permission withdrawn?"
    )
