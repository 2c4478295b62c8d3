"""A corp with facts, receivers that really listen, and lanes that work when a test says so."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from redis import Redis
from sqlalchemy import Engine

from notifier.webhooks.lane import Lane
from services.customers.model import RelationEdited
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause
from services.webhooks.model import USUAL_CAUSES
from services.webhooks.store import add_endpoint, due_endpoints, new_secret
from shared.clock import FixedClock
from shared.db.engine import fetch_all
from shared.ids import EndpointId, ExternalUserId, UserId
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import Tenant
from shared.vault import Vault
from tests.notifier.webhooks.sink import Sink, sink
from tests.services.conftest import add_tenant

BACKOFF_S, PAUSE_S = (5.0, 60.0, 3600.0), (1.0, 30.0)


@dataclass
class Town:
    """One corp; `call` serves what is due now, once, in this thread."""

    runtime: Runtime
    tenant: Tenant
    clock: FixedClock
    secrets: dict[EndpointId, str]

    def listen(self, url: str, *, tenant: Tenant | None = None, **changes: object) -> EndpointId:
        secret = new_secret()
        chosen = {"fact_types": None, "causes": USUAL_CAUSES, "by": "Chen Jing", "now": self.clock.now(), **changes}
        with self.runtime.engine.begin() as connection:
            id_ = add_endpoint(connection, tenant or self.tenant, url=url, secret=secret, **chosen)  # type: ignore[arg-type]
        self.secrets[id_] = secret
        return id_

    def happen(self, count: int = 1, *, cause: Cause = "event", tenant: Tenant | None = None) -> int:
        """So many facts; how many deliveries wait because of them."""
        now = self.clock.now()
        facts = [
            RelationEdited(
                occurred_at=now, userid=UserId("LiNa"), external_userid=ExternalUserId(f"wm{n}"), changed=("remark",)
            )
            for n in range(count)
        ]
        with self.runtime.engine.begin() as connection:
            caused = [Caused(fact, cause) for fact in facts]
            return record_facts_and_notices(connection, tenant or self.tenant, caused, now=now, ttl_s=60)

    def due(self) -> list[EndpointId]:
        with self.runtime.engine.begin() as connection:
            return due_endpoints(connection, now=self.clock.now())

    def call(self, **settings: object) -> None:
        runtime = replace(self.runtime, settings=self.runtime.settings.model_copy(update=settings))
        for one in self.due():
            Lane(runtime, one, stopping=threading.Event()).serve()

    def rows(self, sql: str, **parameters: object) -> list[tuple[object, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **parameters)]

    def states(self) -> dict[object, object]:
        return dict(self.rows("select state, count(*) from outbox group by 1"))  # type: ignore[arg-type]

    def after(self, seconds: float) -> datetime:
        self.clock.advance(seconds)
        return self.clock.now()


@pytest.fixture
def town(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> Town:
    settings = Settings(
        _env_file=None, webhook_read_timeout_s=0.5, webhook_backoff_s=BACKOFF_S, webhook_pause_s=PAUSE_S
    )
    runtime = Runtime(settings, clock, engine, Redis.from_url(redis_url), vault)
    with engine.begin() as connection:
        tenant = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
    return Town(runtime, tenant, clock, {})


@pytest.fixture
def open_sink() -> Iterator[Callable[[], Sink]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(sink())
