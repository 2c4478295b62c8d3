"""Many processes and threads, one set of limits: real processes against the simulator, counted by the simulator."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.waiting import wait_for
from shared.clock import FixedClock
from shared.embedded import EmbeddedServers
from shared.tenants import Tenant, record_corp
from shared.vault import Vault
from tests.shared.corps import APP_SECRET, CORP, corp_file
from tests.shared.wecom.conftest import Sim

SECRET_KEY = "a secret key of the tests, long enough"
API, LIST = "externalcontact/get_follow_user_list", "externalcontact/list"
Crowd = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def press(sim: Sim, database_url: str, tenant: Tenant) -> Iterator[Callable[..., Crowd]]:
    """Start a crowd; call what it gives to wait for its end and read what each process saw."""
    started: list[subprocess.Popen[str]] = []

    def start(processes: int, *, settings: dict[str, Any] | None = None, **order: Any) -> Crowd:
        order = {
            "processes": processes,
            "settings": {"wecom_base_url": sim.url, **(settings or {})},
            "database_url": database_url,
            "secret_key": SECRET_KEY,
            "corp_ids": [CORP],
            "calls": ["follow_users"],
            "threads": 16,
            "urgent": False,
            **order,
        }
        command = [sys.executable, "-m", "tests.shared.wecom.pressure", json.dumps(order)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(child)

        def answers() -> list[dict[str, Any]]:
            output = child.communicate()[0]
            assert child.returncode == 0
            found: list[dict[str, Any]] = json.loads(output.splitlines()[-1])
            return found

        return answers

    yield start
    for child in started:
        child.kill()
        child.wait()


@pytest.fixture
def other_corp(sim: Sim, engine: Engine, vault: Vault, clock: FixedClock, tenant: Tenant) -> str:
    """A second corp, here and in the simulator, behind the same address."""
    corp_id = "wwother0000000001"
    sim("corps", {"corp_id": corp_id, "apps": [{"name": "Guanxi", "secret": APP_SECRET, "agent_id": 1000002}]})
    sim(f"corps/{corp_id}/members", [{"userid": "LiNa", "name": "李娜"}])
    with engine.begin() as connection:
        record_corp(connection, vault, corp_file(corp_id=corp_id), now=clock.now())
    return corp_id


def calls_of(sim: Sim, corp_id: str, api: str) -> int:
    return int(sim(f"calls/rate?seconds=600&corp_id={corp_id}&path={api}")["real"]["calls"])


def tries_while_down(sim: Sim) -> int:
    """Calls that the simulator did not answer."""
    return sum(count for codes in sim("calls").values() for code, count in codes.items() if code == "down")


def total(answers: list[dict[str, Any]], key: str = "done") -> Counter[str]:
    return sum((Counter(one[key]) for one in answers), Counter())


def said(what: str) -> None:
    """What was measured, for whoever runs this with -s."""
    sys.stdout.write(f"\n  8 processes x 16 threads: {what}\n")


def squeeze(sim: Sim, press: Callable[..., Crowd], *, per_minute: int, seconds: float) -> list[dict[str, Any]]:
    """Eight processes of sixteen threads, and one urgent thread among them."""
    sim("limits", {"per_minute": per_minute, "per_hour": 150_000, "concurrency": 10})
    answers = press(8, settings={"wecom_per_minute": per_minute}, seconds=seconds, urgent=True)()
    codes, longest = sim.calls(API), max(one["longest_wait_s"] for one in answers)
    share = sum(codes.values()) * 60 / seconds / per_minute
    said(
        f"{per_minute} a minute, {seconds} s: answers {codes}, {share:.1%} of the rate, urgent {longest:.2f} s at most"
    )
    return answers


def test_a_crowd_stays_within_the_limit_and_uses_nine_tenths_of_it(sim: Sim, press: Callable[..., Crowd]):
    """8 processes × 16 threads: no 45009, no 45033, ≥ 90 % of the rate, urgent calls wait less than a second (G6)."""
    per_minute, seconds = 1200, 10
    answers = squeeze(sim, press, per_minute=per_minute, seconds=seconds)
    assert set(sim.calls(API)) == {"0"}
    assert set(total(answers)) <= {"0", "postponed"}
    assert sim.calls(API)["0"] >= 0.9 * per_minute * seconds / 60
    assert total(answers, "urgent")["0"] > 20
    assert max(one["longest_wait_s"] for one in answers) < 1.0
    assert sim.calls("gettoken") == {"0": 1}


@pytest.mark.long
def test_a_crowd_at_weoms_real_rate(sim: Sim, press: Callable[..., Crowd]):
    """The same with 10,000 a minute, for more than two minutes."""
    answers = squeeze(sim, press, per_minute=10_000, seconds=130)
    assert set(sim.calls(API)) == {"0"}
    assert sim.calls(API)["0"] >= 0.9 * 10_000 * 130 / 60
    assert max(one["longest_wait_s"] for one in answers) < 1.0


def test_fifty_processes_that_start_at_once_fetch_one_token(sim: Sim, press: Callable[..., Crowd]):
    """One gettoken, whoever asks (G7)."""
    sim.fault("gettoken", latency_ms=300)
    answers = press(50, threads=1, seconds=0.5, settings={"wecom_wait_s": 20})()
    assert total(answers)["0"] >= 50
    assert set(total(answers)) <= {"0", "postponed"}
    assert sim.calls("gettoken") == {"0": 1}


def test_a_closed_api_stays_closed_for_its_corp_and_nothing_else_stops(
    sim: Sim, press: Callable[..., Crowd], other_corp: str, servers: EmbeddedServers, tmp_path: Path
):
    """After a 45009 nobody calls that API of that corp until its window ends, Redis flushed or not (G6)."""
    clock_file = tmp_path / "clock"
    clock_file.write_text("0")
    crowd = press(
        4, corp_ids=[CORP, other_corp], calls=["follow_users", "follow_users", "list", "list"], seconds=60,
        clock_file=str(clock_file), work_file=str(clock_file),
    )  # fmt: skip
    wait_for(lambda: calls_of(sim, CORP, API) > 20, "the crowd at work")
    sim("faults", {"path": API, "corp_id": CORP, "block_s": 60})
    wait_for(lambda: sim.calls(API).get("45009", 0) > 0, "the refusal")
    time.sleep(1)
    Redis.from_url(servers.redis_url).flushall()
    before = {key: calls_of(sim, *key) for key in ((CORP, API), (CORP, LIST), (other_corp, API))}
    time.sleep(2)
    after = {key: calls_of(sim, *key) for key in before}
    assert after[CORP, API] == before[CORP, API]
    assert after[CORP, LIST] > before[CORP, LIST] + 20
    assert after[other_corp, API] > before[other_corp, API] + 20
    sim("clock", {"advance_s": 62})
    clock_file.write_text("62")
    wait_for(lambda: calls_of(sim, CORP, API) > after[CORP, API] + 20, "the crowd at work again")
    assert sim.calls(API)["45009"] <= 10  # those that were under way when it closed
    clock_file.unlink()
    assert set(total(crowd())) <= {"0", "postponed", "45009"}


def test_a_token_revoked_under_load_is_fetched_once_and_no_call_fails(
    sim: Sim, press: Callable[..., Crowd], tmp_path: Path
):
    """Everybody's next call fails with the old one; one process renews it for all (G7)."""
    work_file = tmp_path / "work"
    work_file.touch()
    crowd = press(8, threads=4, seconds=60, work_file=str(work_file))
    wait_for(lambda: sim.calls(API).get("0", 0) > 50, "the crowd at work")
    before = sim.calls(API)["0"]
    sim("tokens/revoke", {"corp_id": CORP})
    wait_for(lambda: sim.calls(API)["0"] > before + 320, "ten more calls for each thread")
    work_file.unlink()
    answers = crowd()
    assert set(total(answers)) <= {"0", "postponed"}
    assert total(answers)["0"] > 200
    assert sim.calls("gettoken") == {"0": 2}


def test_an_outage_of_ten_minutes_is_no_storm_and_ends_by_itself(sim: Sim, press: Callable[..., Crowd], tmp_path: Path):
    """While WeCom is down, the whole crowd makes a few probes; when it is back, all goes on."""
    clock_file = tmp_path / "clock"
    clock_file.write_text("0")
    crowd = press(8, seconds=300, clock_file=str(clock_file), work_file=str(clock_file))
    wait_for(lambda: sim.calls(API).get("0", 0) > 50, "the crowd at work")
    sim("faults", {"down": True})
    time.sleep(0.5)
    asked = tries_while_down(sim)
    for second in range(1, 61):  # ten minutes, ten seconds at a time
        sim("clock", {"advance_s": 10})
        clock_file.write_text(str(second * 10))
        time.sleep(0.2)
    probes = tries_while_down(sim) - asked
    said(f"down for 600 s: {probes} calls, {probes / 600:.3f} a second")
    assert 10 <= probes <= 90
    sim("faults", {"clear": True})
    good = sim.calls(API)["0"]
    clock_file.write_text("700")
    sim("clock", {"advance_s": 100})
    wait_for(lambda: sim.calls(API)["0"] > good + 50, "the crowd at work again")
    clock_file.unlink()
    assert set(total(crowd())) <= {"0", "postponed", "UnreachableError"}
