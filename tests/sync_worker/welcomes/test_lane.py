"""The lane of welcomes as it runs: nobody is in its way, and it may be killed at any moment (OUT-1)."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from commands.stack import without_proxies
from commands.waiting import wait_for
from shared.db.engine import run
from shared.inbox import Arrival, claim_new, digest_of
from shared.settings import child_environment
from shared.tenants import load_receivers
from sync_worker.welcomes.lane import WelcomeLane
from tests.conftest import SECRET_KEY
from tests.shared.arrivals import store
from tests.sync_worker.welcomes.conftest import Door

ROOT = Path(__file__).resolve().parents[3]
TWIN = "wwdemo0000000002"
SEND = "externalcontact/send_welcome_msg"


@pytest.fixture
def opened(door: Door, request: pytest.FixtureRequest) -> Door:
    lane = WelcomeLane(door.runtime)
    request.addfinalizer(lambda: lane.stop(within_s=5))
    return door


def test_a_new_friend_is_welcomed_by_the_commit_of_their_event(opened: Door):
    """Nobody looks but the lane, which hears of it (OUT-1)."""
    opened.rule()
    opened.hear(opened.add())
    wait_for(lambda: opened.log() == [("sent",)], "the welcome")


def test_a_try_that_failed_is_repeated_by_itself(opened: Door):
    """In its time, until WeCom says yes (OUT-1)."""
    opened.rule()
    opened.fault(errcode=-1, times=2)
    opened.hear(opened.add())
    wait_for(lambda: opened.log("state", "attempts") == [("sent", 3)], "the welcome")


def test_a_corp_whose_calls_hang_holds_up_no_other(opened: Door):
    """While eight calls of the first corp hang, and more of it wait, the other's new friend is welcomed (OUT-1)."""
    twin = SimulatedCorp(opened.office.corp.simulator_url, corp_id=TWIN)
    twin.create([])
    record_demo_corp(opened.runtime, corp_id=TWIN)
    opened.rule()
    with opened.runtime.engine.begin() as connection:
        run(connection, "insert into welcome_rule (tenant_id, name, enabled, text, created_at, created_by, updated_at) "
            "select id, 'all', true, 'hi', now(), 'x', now() from tenant where corp_id = :twin", twin=TWIN)  # fmt: skip
    opened.fault(hang_s=30, times=99, corp_id=CORP_ID)
    for _ in range(12):
        opened.hear(opened.add())
    wait_for(lambda: len(opened.log()) >= 8, "calls that hang")
    made = twin.act({"do": "add", "userid": "LiNa", "silent": True, "welcome": True})
    found = twin.get(f"/sim/corps/{TWIN}/look/welcomes")
    (code,) = [one["code"] for one in (found if isinstance(found, list) else found["welcomes"])]
    fields = {"UserID": "LiNa", "ExternalUserID": made["external_userid"], "WelcomeCode": code}
    opened.hear(fields, corp_id=TWIN)
    sent = "select 1 from welcome w join tenant t on t.id = w.tenant_id where t.corp_id = 'wwdemo0000000002' "
    wait_for(lambda: bool(opened.office.rows(sent + "and w.state = 'sent'")), "the other corp's welcome")
    begun = opened.office.rows("select 1 as one from welcome w join tenant t on t.id = w.tenant_id "
                               f"where t.corp_id = '{CORP_ID}' and w.attempts > 0")  # fmt: skip
    assert len(begun) == 8
    opened.office.corp.post("/sim/faults", {"clear": True})


def test_nothing_else_that_waits_is_before_a_welcome(opened: Door):
    """Thousands of events that nobody routes, some of them in a worker's hands, the new friend's own too (OUT-1)."""
    opened.rule()
    with opened.runtime.engine.begin() as connection:
        (to,) = load_receivers(connection, opened.runtime.vault)
    now = opened.runtime.clock.now()
    bodies = [f"<xml><n>{n}</n></xml>".encode() for n in range(2000)]
    store(opened.runtime.engine, [Arrival(to.id, to.tenant_id, digest_of(one), one, now, now) for one in bodies])
    new = opened.add()
    with opened.runtime.engine.begin() as routing:
        claim_new(routing, limit=1000)
        opened.hear(new)
        claim_new(routing, limit=5000)
        wait_for(lambda: opened.log() == [("sent",)], "the welcome")
    assert opened.office.rows("select state, count(*) from inbox group by 1") == [("new", 2001)]


@contextmanager
def worker(door: Door, database_url: str, redis_url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`guanxi worker --only welcomes`, as a process of its own."""
    env = child_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": SECRET_KEY,
            "WECOM_BASE_URL": door.office.corp.simulator_url,
            "CLOCK_FILE": str(folder / "clock"),
        }
    )
    command = [sys.executable, str(ROOT / "guanxi.py"), "worker", "--only", "welcomes"]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=without_proxies(env), stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_kill_9_around_the_send_welcomes_each_once(door: Door, database_url: str, redis_url: str, tmp_path: Path):
    """Killed while WeCom holds answers that it has given: another process ends it, WeCom saw each once (OUT-1, G5)."""
    door.rule()
    door.fault(hang_s=30, times=3)
    with worker(door, database_url, redis_url, tmp_path) as process:
        for _ in range(6):
            door.hear(door.add())
        wait_for(lambda: len(door.said()) == 6 and len(door.log()) == 6, "what WeCom took")
        process.kill()
        process.wait()
    assert ("sending",) in door.log()
    door.hear(door.add())
    door.pass_time(9)
    with worker(door, database_url, redis_url, tmp_path):
        wait_for(lambda: door.left() == 0, "the rest")
    assert door.log() == [("sent",)] * 7
    assert len(door.said()) == len({one["code"] for one in door.seen() if one["said"]}) == 7
    assert door.office.corp.get("/sim/calls")[SEND]["0"] == 7
