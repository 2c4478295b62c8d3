"""A corp, its phones, and a notifier that works when a test says so."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from commands.demo_corp import SimulatedCorp
from notifier.deliver import Notifier
from notifier.recall import Recaller
from services.customers.model import RelationLost
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause, Fact
from services.transfers.model import TakeoverFailed
from shared.clock import FixedClock
from shared.db.engine import fetch_all, run
from shared.ids import ExternalUserId, UserId
from shared.runtime import Runtime
from shared.tenants import load_tenants
from shared.wecom.clients import Clients


class Desk:
    """A corp, its phones, and a notifier that works when a test says so."""

    def __init__(self, runtime: Runtime, corp: SimulatedCorp, pool: ThreadPoolExecutor) -> None:
        self.runtime, self.corp, self.pool = runtime, corp, pool

    def notifier(self) -> Notifier:
        return Notifier(self.runtime, clients=Clients(self.runtime, connections=4), pool=self.pool)

    def stop_the_clock(self, present: datetime | None = None) -> FixedClock:
        """From now on time passes where a test says so."""
        clock = FixedClock(present or self.runtime.clock.now())
        self.runtime = replace(self.runtime, clock=clock)
        self.at(clock.present)
        return clock

    def at(self, moment: datetime) -> None:
        """It is that time here and at WeCom's."""
        assert isinstance(self.runtime.clock, FixedClock)
        self.runtime.clock.present = moment
        self.corp.post("/sim/clock", {"offset_s": (moment - datetime.now(UTC)).total_seconds()})

    def deliver(self, *, after_s: float = 0) -> None:
        """All that is due, so much later."""
        if after_s:
            self.at(self.runtime.clock.now() + timedelta(seconds=after_s))
        notifier = self.notifier()
        while notifier.deliver_due():
            pass

    def recall(self) -> int:
        return Recaller(self.runtime, clients=Clients(self.runtime, connections=1)).recall_due()

    def record(self, *facts: Fact, cause: Cause = "event", ttl_s: float = 86_400) -> None:
        now = self.runtime.clock.now()
        with self.runtime.engine.begin() as connection:
            tenant = load_tenants(connection, self.runtime.vault)[0]
            caused = [Caused(fact, cause) for fact in facts]
            record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=ttl_s)

    def texts(self, userid: str) -> list[str]:
        """The titles on a phone, in their order."""
        return [str(one["payload"]["title"]) for one in self.corp.messages(userid) if not one["recalled"]]

    def lose(self, count: int = 1, *, userid: str = "LiNa", first: int = 0, ttl_s: float = 86_400) -> None:
        """So many customers remove an associate: told together."""
        now = self.runtime.clock.now()
        ids = [ExternalUserId(f"wm{n}") for n in range(first, first + count)]
        facts = [
            RelationLost(occurred_at=now, userid=UserId(userid), external_userid=one, evidenced=True) for one in ids
        ]
        self.record(*facts, ttl_s=ttl_s)

    def fail(self, count: int = 1, *, userid: str = "LiNa") -> None:
        """So many of an associate's handovers fail: each is told by itself."""
        now = self.runtime.clock.now()
        facts = [
            TakeoverFailed(
                occurred_at=now,
                kind="customer",
                from_userid=UserId(userid),
                to_userid=UserId("ZhaoMin"),
                external_userid=ExternalUserId(f"wm{n}"),
                author_userid=UserId(userid),
                refused_count=1,
                limit_count=0,
                failed_count=0,
            )
            for n in range(count)
        ]
        self.record(*facts)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]

    def due_now(self) -> None:
        """Time passes: what waits for its next try may be tried."""
        with self.runtime.engine.begin() as connection:
            run(connection, "update outbox set next_try_at = now() - interval '1 s', lease_until = null")
