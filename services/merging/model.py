"""Values of merges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared.errors import TerminalError
from shared.ids import CustomerId

MERGED, PARTED = "customer.merged", "customer.parted"
"""Actions in the audit; the subject is the record that was merged."""
Why = Literal["person", "join"]


class MergeRefusedError(TerminalError):
    """These two cannot be made one; the text says why."""


class UndoRefusedError(TerminalError):
    """This merge cannot be undone (now); the text says why and what to do."""


class NoMergeError(TerminalError):
    """There is no such merge."""


@dataclass(frozen=True)
class FieldChoice:
    """One of the retailer's own fields: what each side has, and what the person will have. JSON values; None: empty.

    `path`: the name, or attributes.KEY, fields.KEY.
    """

    path: str
    master: object = field(repr=False)
    other: object = field(repr=False)
    result: object = field(repr=False)


@dataclass(frozen=True)
class Merge:
    id: int
    into_id: CustomerId
    merged_id: CustomerId
    why: str
    at: datetime
    by: str
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True)
class TakenOut:
    """A row that gave way. `owner`: whose it was. `row`: column -> JSON value, encrypted columns in the clear."""

    table: str
    owner: CustomerId
    row: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """A row that came with the merged record and does not go back: it is gone, or changed since."""

    table: str
    key: Mapping[str, object]
