"""Values of notes and events by hand. Authority: the retailer's people; WeCom knows nothing of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId

BY_HAND = "hand:"
"""How the event_id of an event by hand begins; one that a system tells may not."""


class NoNoteError(TerminalError):
    """There is no such note, or no such template."""


class HandEventRefusedError(TerminalError):
    """It does not fit its template; the text names the fields."""


class TemplateNameTakenError(TerminalError):
    """There is a template of this name."""


@dataclass(frozen=True)
class Note:
    id: int
    customer_id: CustomerId
    body: str = field(repr=False)
    at: datetime
    by: str
    edited_at: datetime | None


@dataclass(frozen=True)
class TemplateField:
    key: str
    name: str
    required: bool = False


@dataclass(frozen=True)
class Template:
    """`kind`: of the events that are recorded after it."""

    id: int
    name: str
    kind: str
    fields: tuple[TemplateField, ...]
    created_at: datetime
    created_by: str


def refuse_misfits(template: Template, properties: Mapping[str, object]) -> None:
    """
    Raises:
        HandEventRefusedError: a field that the template does not have, or a required one is missing.
    """
    known = {one.key for one in template.fields}
    if unknown := sorted(properties.keys() - known):
        raise HandEventRefusedError(f"this template has no field {', '.join(unknown)}")
    missing = [one.key for one in template.fields if one.required and properties.get(one.key) in (None, "")]
    if missing:
        raise HandEventRefusedError(f"this template needs {', '.join(missing)}")


def labelled(template: Template, properties: Mapping[str, object]) -> Sequence[tuple[str, object]]:
    """Name and value of what was filled in, in the template's order."""
    return [(one.name, properties[one.key]) for one in template.fields if one.key in properties]


@dataclass(frozen=True, kw_only=True)
class NoteFact(Fact):
    SUBJECT: ClassVar[tuple[str, str]] = ("note", "note_id")
    note_id: int
    customer_id: CustomerId


@dataclass(frozen=True, kw_only=True)
class NoteAdded(NoteFact):
    """Somebody wrote a note about a customer: a contact (SOP-7)."""

    TYPE: ClassVar[str] = "note_added"


@dataclass(frozen=True, kw_only=True)
class NoteRemoved(NoteFact):
    """A note was taken away."""

    TYPE: ClassVar[str] = "note_removed"


@dataclass(frozen=True, kw_only=True)
class EventRecordedByHand(Fact):
    """Somebody recorded an event of a customer by hand: a contact (SOP-7). `kind` is the template's."""

    TYPE: ClassVar[str] = "event_recorded_by_hand"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer_event", "event_id")
    event_id: str
    customer_id: CustomerId
    kind: str
    template_id: int
