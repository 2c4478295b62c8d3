"""`guanxi notifier` as it runs: killed in the middle, with receivers that hang, with secrets that nobody may see."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.demo_corp import SimulatedCorp, record_demo_corp
from commands.stack import without_proxies
from commands.waiting import wait_for
from services.customers.model import RelationLost
from services.notices.store import Caused, record_facts_and_notices
from shared.clock import SystemClock
from shared.ids import ExternalUserId, UserId
from shared.runtime import Runtime
from shared.settings import Settings, child_environment
from shared.tenants import load_tenants
from shared.vault import Vault
from tests.notifier.webhooks.conftest import Town
from tests.notifier.webhooks.sink import Reply, Sink

ROOT = Path(__file__).resolve().parents[3]
SECRET_KEY = "a secret key of the tests, long enough"
TOKEN = "tokenInTheAddressThatNobodyMaySee"
Open = Callable[[], Sink]


class Office(Town):
    """A corp with phones, and notifiers as processes."""

    corp: SimulatedCorp
    folder: Path
    database_url: str
    redis_url: str

    @contextmanager
    def notifier(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        env = child_environment(
            {
                "DATABASE_URL": self.database_url,
                "REDIS_URL": self.redis_url,
                "SECRET_KEY": SECRET_KEY,
                "WECOM_BASE_URL": self.corp.simulator_url,
                "CLOCK_FILE": str(self.folder / "clock"),
                "LOG_LEVEL": "debug",
                "SWEEP_INTERVAL_S": "0.1",
                "WEBHOOK_READ_TIMEOUT_S": "60",
                "WEBHOOK_PAUSE_S": "[0.1]",
                "WEBHOOK_BACKOFF_S": "[0.1, 0.1, 0.1]",
            }
        )
        with (self.folder / "notifier.log").open("ab") as log:
            command = [sys.executable, str(ROOT / "guanxi.py"), "notifier", *arguments]
            process = subprocess.Popen(
                command, cwd=self.folder, env=without_proxies(env), stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def lose(self) -> None:
        """A customer removes LiNa, who is told."""
        now = self.clock.now()
        lost = RelationLost(
            occurred_at=now, userid=UserId("LiNa"), external_userid=ExternalUserId("wm1"), evidenced=True
        )
        with self.runtime.engine.begin() as connection:
            record_facts_and_notices(connection, self.tenant, [Caused(lost, "event")], now=now, ttl_s=86_400)


@pytest.fixture
def office(
    engine: Engine, database_url: str, redis_url: str, vault: Vault, simulator_url: str, tmp_path: Path
) -> Office:
    corp = SimulatedCorp(simulator_url)
    corp.post("/sim/reset", {})
    corp.create([])
    settings = Settings(_env_file=None, wecom_base_url=simulator_url)
    clock = SystemClock(tmp_path / "clock")
    runtime = Runtime(settings, clock, engine, Redis.from_url(redis_url), vault)
    record_demo_corp(runtime)
    with engine.begin() as connection:
        (tenant,) = load_tenants(connection, vault)
    made = Office(runtime, tenant, clock, {})  # type: ignore[arg-type]
    made.corp, made.folder, made.database_url, made.redis_url = corp, tmp_path, database_url, redis_url
    return made


def test_kill_9_in_the_middle_of_calls_loses_nothing(office: Office, open_sink: Open):
    """What was under way is delivered after the restart, under the same id (webhooks)."""
    receiver = open_sink()
    receiver.usual = Reply(hold=threading.Event())
    office.listen(receiver.url)
    office.happen(30)
    with office.notifier() as process:
        wait_for(lambda: len(receiver.got) == 4, "calls under way")
        process.kill()
        process.wait()
    begun = receiver.ids()
    assert office.states() == {"queued": 30}
    receiver.usual = Reply()
    (office.folder / "clock").write_text("3600")
    with office.notifier():
        wait_for(lambda: office.states() == {"sent": 30}, "the rest")
    assert set(begun) <= set(receiver.ids()[4:])
    assert sorted(set(receiver.ids())) == sorted(f"fact_{id_}" for (id_,) in office.rows("select id from fact"))


def test_a_hanging_endpoint_delays_no_message_to_an_associate(office: Office, open_sink: Open):
    """While every call of it hangs, the associate is told, and another endpoint hears of it (webhooks)."""
    hanging, well = open_sink(), open_sink()
    released = threading.Event()
    hanging.usual = Reply(hold=released)
    office.listen(hanging.url)
    office.happen(200)
    with office.notifier():
        wait_for(lambda: len(hanging.got) == 4, "calls that hang")
        office.listen(well.url)
        office.lose()
        wait_for(lambda: len(office.corp.messages("LiNa")) == 1 and len(well.got) == 1, "the message")
        assert len(hanging.got) == 4
        assert office.rows("select state, count(*) from outbox where recipient = 'endpoint:1' group by 1") == [
            ("queued", 201)
        ]
        released.set()
        wait_for(lambda: office.states() == {"sent": 203}, "all")


def test_secrets_and_addresses_are_not_logged_nor_stored_in_the_clear(office: Office, open_sink: Open):
    """Whatever the receiver answers: no token, no secret, no answer of its (G10)."""
    receiver, away = open_sink(), open_sink()
    rubbish = b"HTTP/1.1 500 No\r\nno header: " + TOKEN.encode() + b"\r\n: x\r\ncontent-length: 0\r\n\r\n"
    receiver.replies = [
        Reply(500, body=TOKEN.encode()),
        Reply(302, {"location": f"/{TOKEN}"}),
        Reply(reset=True),
        Reply(raw=rubbish),
    ]
    with ExitStack() as stack:
        id_ = office.listen(f"{receiver.url}/hook?key={TOKEN}")
        away.shutdown()
        away.socket.close()
        office.listen(f"{away.url}/hook?key={TOKEN}")
        office.happen(5)
        stack.enter_context(office.notifier())
        sent = "select count(*) from outbox where state = 'sent' and recipient = :recipient"
        wait_for(lambda: office.rows(sent, recipient=f"endpoint:{id_}") == [(5,)], "the deliveries")
    assert len(receiver.got) == 9 and all(one.path == f"/hook?key={TOKEN}" for one in receiver.got)
    log = (office.folder / "notifier.log").read_bytes()
    assert b"webhook.tried" in log and b"webhook.failing" in log
    stored = [office.rows(f"select t::text from {table} t") for table in ("webhook_endpoint", "outbox", "attempt")]
    for needle in (TOKEN, office.secrets[id_], "/hook"):
        assert needle.encode() not in log
        assert needle not in str(stored) and needle.encode().hex() not in str(stored)


def test_each_half_can_have_processes_of_its_own(office: Office, open_sink: Open):
    """`--only` leaves the other half alone (webhooks)."""
    receiver = open_sink()
    office.listen(receiver.url)
    office.lose()
    with office.notifier("--only", "webhooks"):
        wait_for(lambda: len(receiver.got) == 1, "the webhook")
    assert office.corp.messages("LiNa") == []
    office.lose()
    with office.notifier("--only", "messages"):
        wait_for(lambda: len(office.corp.messages("LiNa")) == 1, "the message that tells of both")
    assert len(receiver.got) == 1
