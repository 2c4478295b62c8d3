"""Delivery against a simulated WeCom: each message once, none held up by another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.demo_corp import SimulatedCorp, record_demo_corp
from notifier.deliver import Notifier
from services.customers.model import RelationLost
from services.notices.store import Caused, record_facts_and_notices
from shared.clock import SystemClock
from shared.db.engine import fetch_all, run
from shared.ids import ExternalUserId, UserId
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import load_tenants
from shared.vault import Vault
from shared.wecom.clients import Clients


class Desk:
    """A corp, its phones, and a notifier that works when a test says so."""

    def __init__(self, runtime: Runtime, corp: SimulatedCorp, pool: ThreadPoolExecutor) -> None:
        self.runtime, self.corp, self.pool = runtime, corp, pool

    def notifier(self) -> Notifier:
        return Notifier(self.runtime, clients=Clients(self.runtime, connections=4), pool=self.pool)

    def lose(self, count: int = 1, *, userid: str = "LiNa") -> None:
        """So many customers remove an associate."""
        now = self.runtime.clock.now()
        with self.runtime.engine.begin() as connection:
            tenant = load_tenants(connection, self.runtime.vault)[0]
            facts = [
                RelationLost(
                    occurred_at=now, userid=UserId(userid), external_userid=ExternalUserId(f"wm{n}"), evidenced=True
                )
                for n in range(count)
            ]
            caused = [Caused(fact, "event") for fact in facts]
            record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=86_400)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]

    def due_now(self) -> None:
        """Time passes: what waits for its next try may be tried."""
        with self.runtime.engine.begin() as connection:
            run(connection, "update outbox set next_try_at = now() - interval '1 s', lease_until = null")


@pytest.fixture
def desk(engine: Engine, redis_url: str, vault: Vault, simulator_url: str) -> Iterator[Desk]:
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.create([])
    settings = Settings(_env_file=None, wecom_base_url=simulator_url, wecom_read_timeout_s=1)
    runtime = Runtime(settings, SystemClock(), engine, Redis.from_url(redis_url), vault)
    record_demo_corp(runtime)
    with ThreadPoolExecutor(4) as pool:
        yield Desk(runtime, corp, pool)


def test_accepted_and_then_timed_out_is_sent_again_and_delivered_once(desk: Desk) -> None:
    """The repeat has the same bytes, WeCom recognises it, the phone shows one message (G5)."""
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 3, "times": 1})
    desk.lose()
    desk.notifier().deliver_due()
    assert desk.rows("select state, first_unknown_at is not null from outbox") == [("due", True)]
    desk.due_now()
    desk.notifier().deliver_due()
    assert desk.rows("select state, attempts from outbox") == [("sent", 2)]
    assert desk.rows("select number, outcome from attempt order by number") == [(1, "unknown"), (2, "accepted")]
    assert len(desk.corp.messages("LiNa")) == 1


def test_a_message_that_cannot_be_rendered_holds_up_no_other(desk: Desk) -> None:
    """It is tried a few times and given up, visibly; the next one arrives at once (G5)."""
    desk.lose()
    with desk.runtime.engine.begin() as connection:
        run(connection, "update outbox set notice = 'no_such_notice'")
    desk.lose()
    for _ in range(6):
        desk.notifier().deliver_due()
        desk.due_now()
    assert desk.rows("select state, attempts from outbox order by id") == [("dead", 5), ("sent", 1)]
    assert len(desk.corp.messages("LiNa")) == 1


def test_an_app_without_an_agent_id_sends_as_soon_as_it_has_one(desk: Desk) -> None:
    """Nothing is rendered for good without it (G5)."""
    with desk.runtime.engine.begin() as connection:
        run(connection, "update app set agent_id = null")
    desk.lose()
    desk.notifier().deliver_due()
    assert desk.rows("select state, body is null from outbox") == [("due", True)]
    with desk.runtime.engine.begin() as connection:
        run(connection, "update app set agent_id = 1000002")
    desk.due_now()
    desk.notifier().deliver_due()
    assert desk.rows("select state from outbox") == [("sent",)]


def test_a_members_thirty_first_message_of_a_minute_waits(desk: Desk) -> None:
    """WeCom would drop it without saying so (G6)."""
    desk.lose(35)
    while desk.notifier().deliver_due():
        pass
    assert desk.rows("select state, count(*) from outbox group by 1 order by 1") == [("due", 5), ("sent", 30)]
    assert len(desk.corp.messages("LiNa")) == 30


def test_a_member_whom_wecom_does_not_deliver_to_is_parked(desk: Desk) -> None:
    """Refused for good, with the reason; nothing is sent again and again (G5)."""
    desk.lose(userid="Nobody")
    desk.notifier().deliver_due()
    assert desk.rows("select state from outbox") == [("refused",)]
