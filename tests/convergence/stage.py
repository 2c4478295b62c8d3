"""What all plays of a test session share, and what kills a worker."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis import Redis
from sqlalchemy import Engine, event, text

from shared.clock import FixedClock
from shared.vault import Vault
from tests.convergence.gateway import Gateway
from tests.convergence.post import PostOffice
from tests.convergence.relay import Relay

CLEAR = """
do $$ declare name regclass; begin
  perform set_config('session_replication_role', 'replica', true);
  for name in select oid from pg_class where relkind in ('r', 'p') and not relispartition
    and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'
  loop execute format('delete from %s', name); end loop;
  perform setval(oid::regclass, 1, false) from pg_class
    where relkind = 'S' and relnamespace = 'public'::regnamespace;
end $$
"""
"""Deleting the few rows of a play is much quicker than truncating some hundred partitions. No triggers: what is deleted
would leave marks in tables that are empty already.
"""


class Killed(BaseException):
    """kill -9 of the worker, between two statements."""


class Axe:
    """Kills at the `after`th statement or commit from now; only the worker that runs in the test's thread."""

    def __init__(self, engine: Engine) -> None:
        self.after: int | None = None
        event.listen(engine, "before_cursor_execute", self._fall)
        event.listen(engine, "commit", self._fall)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """While the test itself looks into the database."""
        after, self.after = self.after, None
        yield
        self.after = after

    def _fall(self, *_: object) -> None:
        if self.after is None or threading.current_thread() is not threading.main_thread():
            return
        self.after -= 1
        if self.after < 0:
            self.after = None
            raise Killed


class HereAndNow(Executor):
    """Runs what it is given at once, in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@dataclass(frozen=True)
class Stage:
    """What all plays of a test session share."""

    engine: Engine
    redis: Redis
    vault: Vault
    clock: FixedClock
    relay: Relay
    post: PostOffice
    gateway: Gateway
    axe: Axe
    simulator_url: str

    def clear(self) -> None:
        """An empty database and an empty WeCom."""
        with self.engine.begin() as connection:
            connection.execute(text(CLEAR))
