"""What each WeCom event says: one file per event, found by (Event, ChangeType).

A file names the subjects to look at and the evidence that only the event carries. It never says what to do.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.customers.model import Evidence
from shared.body import Body
from shared.ids import ExternalUserId

LONGEST_ID = 256
"""WeCom's ids have 64 characters at most. One that no index holds would hold up all other events for ever."""


class MissingFieldError(ValueError):
    """The event lacks a usable field without which it names no subject; the text is the field's name."""


@dataclass(frozen=True)
class Fields:
    """The text fields of one event, and its own time (WeCom's CreateTime, or the arrival when that is unusable)."""

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


@dataclass(frozen=True)
class EventSpec:
    """`contacts` names the external contacts to look at, `evidence` what no read will tell about them."""

    event: str
    change: str
    contacts: Callable[[Fields], tuple[ExternalUserId, ...]]
    evidence: Callable[[Fields], tuple[Evidence, ...]] = field(default=lambda _fields: ())


def _load() -> Mapping[tuple[str, str], EventSpec]:
    specs = {}
    for module in pkgutil.iter_modules(__path__):
        spec: EventSpec = importlib.import_module(f"{__name__}.{module.name}").SPEC
        specs[spec.event, spec.change] = spec
    return specs


_specs: Mapping[tuple[str, str], EventSpec] = {}


def specs() -> Mapping[tuple[str, str], EventSpec]:
    """Every event that is acted upon."""
    global _specs  # noqa: PLW0603 - loaded once, at first use, because the files import this package
    if not _specs:
        _specs = _load()
    return _specs
