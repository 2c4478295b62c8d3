"""One I/O shell per kind of subject: observes WeCom, loads our rows, lets the planners decide, records in one commit.

Only `writeback` writes to WeCom. `shells.py` lists them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.requests import Leased, Subject
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient
from shared.wecom.clients import CONTACT, Clients


@dataclass(frozen=True)
class Looking:
    """What an observation reads WeCom with: the tenant's clients at the priority of the request's lane.

    `runtime` is there when what people want may be written to WeCom; a preview has none.
    """

    clients: Clients
    tenant: Tenant
    priority: Priority
    now: datetime
    runtime: Runtime | None = None

    def client(self, app: str = CONTACT) -> WeComClient:
        return self.clients.of(self.tenant, app=app).at(self.priority)


@dataclass(frozen=True)
class Seen:
    """One leased subject with what `observe` returned."""

    leased: Leased
    observation: Any


@dataclass(frozen=True)
class LookAgain:
    """The subject stays due, but not before `at`; that is no failure."""

    at: datetime
    reason: str


@dataclass(frozen=True)
class Recording:
    """What recording needs beside a connection; `tenant` is the one that all subjects of the batch belong to."""

    settings: Settings
    tenant: Tenant
    now: datetime


@dataclass(frozen=True)
class Recorded:
    """What became of a batch. Subjects in neither mapping are settled.

    `unconfirmed`: nothing of them was recorded; `confirm` looks a second time first, with what stands here.
    `notices`: how many deliveries wait because of it.
    """

    look_again: Mapping[Subject, LookAgain] = field(default_factory=dict)
    unconfirmed: Mapping[Subject, Any] = field(default_factory=dict)
    notices: int = 0


@dataclass(frozen=True)
class Shell:
    """How one kind of subject is reconciled.

    `observe` reads WeCom outside any transaction; `record` plans and writes many subjects of one tenant in the caller's
    transaction; `confirm` makes another observation of one that `record` did not dare to write.
    """

    kind: str
    observe: Callable[[Looking, Leased], Any]
    record: Callable[[Connection, Recording, Sequence[Seen]], Recorded]
    confirm: Callable[[Looking, Seen, Any], Any] | None = None
