"""What each WeCom event says: one file per event, found by (Event, ChangeType).

A file names the subjects to look at and the evidence that only the event carries. It never says what to do.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import NamedTuple

from services.message_cards.model import Press
from shared.body import Body, Value

LONGEST_ID = 256
"""WeCom's ids have 64 characters at most. One that no index holds would hold up all other events for ever."""


class MissingFieldError(ValueError):
    """The event lacks a usable field without which it names no subject; the text is the field's name."""


class Key(NamedTuple):
    """A subject without its tenant: its kind (external_contact, group_chat ...) and its vendor id."""

    kind: str
    key: str


@dataclass(frozen=True)
class Said:
    """One piece of evidence: what only the event tells of a subject, at the event's own time.

    `details` holds ids and codes, never names, texts or secrets.
    """

    key: Key
    kind: str
    userid: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Fields:
    """The fields of one event, and its own time (WeCom's CreateTime, or the arrival when that cannot be)."""

    body: Body
    occurred_at: datetime

    def __getitem__(self, name: str) -> str:
        """
        Raises:
            MissingFieldError: absent, empty or too long for an id.
        """
        value = self.body.text(name)
        if not value or len(value) > LONGEST_ID:
            raise MissingFieldError(name)
        return value

    def get(self, name: str) -> str | None:
        return self.body.text(name) or None

    def details(self, **names: str) -> dict[str, str]:
        """Details of evidence: each field that has a value, under the name it is given here."""
        return {detail: value for detail, name in names.items() if (value := self.get(name))}

    def every(self, name: str) -> tuple[str, ...]:
        """The ids of a list, each once: nested items, a tag that repeats, or one text with commas or bars."""
        found = (one.strip() for text in _texts(self.body.value(name)) for one in _SEPARATOR.split(text))
        return tuple(dict.fromkeys(one for one in found if 0 < len(one) <= LONGEST_ID))


_SEPARATOR = re.compile(r"[,|]")


def _texts(value: Value | None) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _texts(one)
        case dict():
            for one in value.values():
                yield from _texts(one)


@dataclass(frozen=True)
class EventSpec:
    """`targets` names the subjects to look at, `evidence` what no read will tell about them.

    `presses`: what people pressed on cards of ours.
    """

    event: str
    change: str
    targets: Callable[[Fields], tuple[Key, ...]]
    evidence: Callable[[Fields], tuple[Said, ...]] = field(default=lambda _fields: ())
    presses: Callable[[Fields], tuple[Press, ...]] = field(default=lambda _fields: ())


MISSPELT = {"customer_aqcuisition": "customer_acquisition"}
"""Families that WeCom's own documents write in two ways (page 99485)."""


@cache
def specs() -> Mapping[tuple[str, str], EventSpec]:
    """Every event that is acted upon; loaded at first use, because the files import this package."""
    modules = [importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)]
    found: list[EventSpec] = [module.SPEC for module in modules]
    return {(spec.event, spec.change): spec for spec in found}


def spec_of(event: str, change: str) -> EventSpec | None:
    """What an event of these names is, in whatever case they come; None: nobody acts upon it."""
    family = event.lower()
    return specs().get((MISSPELT.get(family, family), change.lower()))
