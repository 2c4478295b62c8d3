"""Values of files, imports and exports. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal

from services.persons.model import EMAIL, KIND, PHONE, Identity, Key
from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId, TenantId
from shared.spreadsheets.model import Format

PIECE = 1 << 20
"""Bytes of each piece of an upload but the last."""
OWN_FIELDS = ("real_name", "gender", "birthday", "company", "level", "note")
TAGS, SOURCE, USERID, CUSTOM = "tags", "source", "userid", "field:"
WECOM_TAGS, SEGMENTS = "wecom_tags", "segments"
ONCE = frozenset({*OWN_FIELDS, TAGS, WECOM_TAGS, SEGMENTS, SOURCE, USERID})
SEVERAL = frozenset({PHONE, EMAIL})
"""Fields that several columns may fill; any other may be named once."""
MOST_SHOWN = 20
"""Problems of a check that are shown."""

Existing = Literal["update", "fill", "skip"]
"""What a row does to a customer who is known: overwrite, fill what is empty, or nothing."""
EXISTING: tuple[Existing, ...] = ("update", "fill", "skip")
Outcome = Literal["made", "updated", "unchanged", "skipped", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("made", "updated", "unchanged", "skipped", "failed")


class Kind(StrEnum):
    IMPORT = "import"
    EXPORT = "export"


class State(StrEnum):
    """An import is checked, waits for a person, and runs; an export runs at once."""

    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (State.CHECKING, State.CHECKED, State.RUNNING)


class FileRefusedError(TerminalError):
    """That cannot be done with this file or job; the text says why."""


class NoFileError(TerminalError):
    """There is no such file or job (any more)."""


@dataclass(frozen=True)
class File:
    id: int
    origin: str
    format: Format | None
    name: str = field(repr=False)
    state: str
    size: int
    pieces: int
    created_at: datetime
    created_by: str
    expires_at: datetime


@dataclass(frozen=True)
class ImportAsked:
    """`mapping`: header → field, None: what the headers propose. The rest goes to every row that names no other."""

    mapping: Mapping[str, str] | None = field(default=None, repr=False)
    tag_ids: tuple[int, ...] = ()
    source: str = "import"
    userid: str | None = None
    existing: Existing = "update"
    make: bool = True
    pool: bool = True
    corp_tag_ids: tuple[str, ...] = ()
    segment_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class ExportAsked:
    """`chosen`: who, as services/files/choosing.py reads it. `masked`: personal cells show nothing."""

    chosen: Mapping[str, Any] = field(repr=False)
    columns: tuple[str, ...]
    format: Format
    language: str = "zh"
    masked: bool = False


@dataclass(frozen=True)
class Job:
    tenant_id: TenantId
    id: int
    kind: Kind
    state: State
    file_id: int | None
    failures_id: int | None
    asked: Mapping[str, Any] = field(repr=False)
    found: Mapping[str, Any] | None = field(repr=False)
    problem: Mapping[str, Any] | None = field(repr=False)
    counts: Mapping[str, int]
    total: int | None
    done: int
    by_whom: str
    created_at: datetime
    started_at: datetime | None
    saved_at: datetime | None
    finished_at: datetime | None
    fence: int
    tries: int

    @property
    def rows_per_s(self) -> float | None:
        if self.started_at is None or self.saved_at is None or not self.done:
            return None
        worked_s = (self.saved_at - self.started_at).total_seconds()
        return self.done / worked_s if worked_s > 0 else None

    @property
    def remaining_s(self) -> float | None:
        speed = self.rows_per_s
        if speed is None or self.total is None or self.state is not State.RUNNING:
            return None
        return max(0, self.total - self.done) / speed


@dataclass(frozen=True)
class Problem:
    """Why a row fails, as a code, and the field it is about. Never what the cell holds."""

    code: str
    field: str | None = None


@dataclass(frozen=True)
class Row:
    """A row that can be looked up. `own`: own fields, None never; custom ones under "fields". `tag_ids`: local ones."""

    number: int
    identities: tuple[Identity, ...]
    keys: tuple[Key, ...]
    own: Mapping[str, Any] = field(repr=False)
    tag_ids: frozenset[int] = frozenset()
    source: str | None = None
    userid: str | None = None
    corp_tag_ids: frozenset[str] = frozenset()
    segment_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Failure:
    number: int
    problems: tuple[Problem, ...]

    @property
    def reasons(self) -> list[list[str | None]]:
        """(code, field) of each problem, as they are stored."""
        return [[one.code, one.field] for one in self.problems]

    @property
    def shown(self) -> dict[str, Any]:
        return {"row": self.number, "reasons": self.reasons}


def is_field(name: str) -> bool:
    """Whether a column can be mapped to this, as far as it can be told without the corp's own fields."""
    return name in ONCE or KIND.match(name) is not None or (name.startswith(CUSTOM) and len(name) > len(CUSTOM))


def check_mapping(mapping: Mapping[str, str], columns: Sequence[str], custom: Sequence[str]) -> None:
    """
    Raises:
        FileRefusedError: a column that the file does not have, an unknown field, or one that is named twice.
    """
    for header, name in mapping.items():
        if header not in columns:
            raise FileRefusedError("the mapping names a column that the file does not have")
        if not is_field(name) or (name.startswith(CUSTOM) and name[len(CUSTOM) :] not in custom):
            raise FileRefusedError(f"there is no field {name} to map a column to")
    named = [name for name in mapping.values() if name not in SEVERAL]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise FileRefusedError(f"two columns are mapped to {twice[0]}")
    if not any(KIND.match(name) for name in mapping.values()):
        raise FileRefusedError("no column is mapped to an identity (phone, email, crm …): nobody could be found again")


@dataclass(frozen=True, kw_only=True)
class CustomersImported(Fact):
    """A block of an import was written: customers who are new, and who have changed (CUS-6)."""

    TYPE: ClassVar[str] = "customers_imported"
    SUBJECT: ClassVar[tuple[str, str]] = ("import", "import_id")
    import_id: int
    made_ids: tuple[CustomerId, ...]
    changed_ids: tuple[CustomerId, ...]


@dataclass(frozen=True, kw_only=True)
class ImportFinished(Fact):
    """An import is over; numbers of rows by what became of them (CUS-6)."""

    TYPE: ClassVar[str] = "import_finished"
    SUBJECT: ClassVar[tuple[str, str]] = ("import", "import_id")
    import_id: int
    made_count: int
    updated_count: int
    unchanged_count: int
    skipped_count: int
    failed_count: int
