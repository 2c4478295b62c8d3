"""What reconciling or a full pass would change, without changing anything.

WeCom is read and the planners decide as ever, but in transactions that may only read; nothing is recorded.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from services.differences.model import Difference
from shared.db.engine import run
from shared.errors import RetryableError
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.client import WeComClient
from shared.wecom.clients import CONTACT, Clients
from sync_worker.reconcilers import Looking, Recording

LONGEST_WAIT_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """A piece of a preview: rows read, what differs, and places that could not be read, each with why."""

    rows: int = 0
    differences: tuple[Difference, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class View:
    """What a preview of one corp reads with. `patient`: a read that may succeed later is waited for (by `wait`).

    `tell` hears what is waited for, in a line.
    """

    runtime: Runtime
    clients: Clients
    tenant: Tenant
    priority: Priority = Priority.BACKFILL
    patient: bool = True
    wait: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = lambda _: None

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    @property
    def looking(self) -> Looking:
        return Looking(self.clients, self.tenant, self.priority, self.now)

    @property
    def recording(self) -> Recording:
        return Recording(self.runtime.settings, self.tenant, self.now)

    def client(self, app: str = CONTACT) -> WeComClient:
        return self.looking.client(app)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction in which PostgreSQL refuses every write."""
        with self.runtime.engine.begin() as connection:
            run(connection, "set transaction isolation level repeatable read, read only")
            yield connection

    def ask(self, call: Callable[[], T]) -> T:
        """A read of WeCom; of a patient view again, while it is only postponed or disturbed.

        Raises:
            RetryableError: it failed too often, or would have to wait for more than a minute.
            TerminalError: WeCom refused it.
        """
        backoff = self.runtime.settings.reconcile_backoff_s
        tries = self.runtime.settings.resync_tries if self.patient else 1
        for attempt in range(tries):
            try:
                return call()
            except RetryableError as error:
                wait_s = backoff[min(attempt, len(backoff) - 1)] if error.after_s is None else error.after_s
                if attempt + 1 == tries or wait_s > LONGEST_WAIT_S:
                    raise
                self.tell(f"waiting {wait_s:.0f} s: {error}")
                self.wait(wait_s)
        raise AssertionError("there is at least one try")
