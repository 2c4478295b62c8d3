"""Values of explanations. Ids and codes only: no names, no remarks, no phone numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

KINDS = ("customer", "chat", "tag", "associate", "outlet")
"""What can be asked about. A customer is asked for by external_userid, or by the number it has here."""


@dataclass(frozen=True)
class Present:
    """A row as it is now. `cause` as in facts; `caused_by` names what brought it about (see `Origin`)."""

    table: str
    key: str
    values: Mapping[str, object]
    observed_at: datetime | None = None
    cause: str | None = None
    caused_by: str | None = None


@dataclass(frozen=True)
class Moment:
    """One line of the history.

    `what`: callback, run (a full pass), evidence, fact, assignment, decision, stay_began, stay_ended, intent, notice,
    attempt, removal.
    `code`: the kind of evidence, type of fact, reason of the assignment ... `recorded_at`: when it was known here.
    """

    at: datetime
    what: str
    code: str
    details: Mapping[str, object] = field(default_factory=dict)
    recorded_at: datetime | None = None
    cause: str | None = None
    caused_by: str | None = None


@dataclass(frozen=True)
class RequestState:
    """What is being done about a subject: `open` while a look at it is due."""

    kind: str
    key: str
    open: bool
    generation: int
    settled_generation: int
    attempts: int
    cause: str
    caused_by: str | None
    first_due_at: datetime
    next_try_at: datetime
    settled_at: datetime | None
    dead_at: datetime | None
    last_error: str | None


@dataclass(frozen=True)
class Origin:
    """What a `caused_by` names: a callback (event, change, its own time and ours) or a full pass (kind, resource)."""

    name: str
    kind: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class Account:
    """Everything about one subject. `more`: there are older moments."""

    kind: str
    key: str
    rows: tuple[Present, ...]
    requests: tuple[RequestState, ...]
    moments: tuple[Moment, ...]
    origins: Mapping[str, Origin]
    more: bool = False
