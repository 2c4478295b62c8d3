"""Imports that are killed, and imports beside whatever else makes customers (CUS-6)."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commands.waiting import wait_for
from services.files.model import State
from services.joining.join import join
from services.persons.model import make_identity
from shared.clock import FixedClock
from shared.db.engine import transact
from sync_worker.files.job import work_once
from sync_worker.files.lane import Lane
from tests.sync_worker.files.conftest import Desk

ROOT = Path(__file__).resolve().parents[3]
SECRET = "a secret key of the tests, long enough"


def environment_of(database_url: str, redis_url: str, home: Path) -> dict[str, str]:
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET, "HOME": str(home)}
    return {f"GUANXI_{name}": value for name, value in settings.items()}


def test_an_import_killed_in_the_middle_goes_on_and_brings_every_row_once(
    desk: Desk, database_url: str, redis_url: str, tmp_path: Path
):
    """kill -9 of its process leaves whole blocks; the next process begins after them (CUS-6)."""
    count = 8000
    job = desk.check("\n".join(["会员号,手机,姓名", *(f"C-{n},138{n:08d},王{n}" for n in range(count))]))
    desk.start(job.id)
    environment = {**os.environ, **environment_of(database_url, redis_url, tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "sync_worker.files"], cwd=ROOT, env=environment) as process:
        while not desk.job(job.id).done and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    left = desk.job(job.id)
    assert 0 < left.done < count
    assert desk.one("select count(*) from customer") == left.done
    desk.clock.present = datetime.now(UTC)
    desk.clock.advance(desk.runtime.settings.files_lease_s + 1)
    desk.work()
    job = desk.job(job.id)
    assert (job.done, job.counts["made"], job.state) == (count, count, "done")
    assert desk.one("select count(*) from customer") == count
    assert desk.one("select count(distinct (kind, hmac)) from identity") == 2 * count
    made = desk.rows("select jsonb_array_elements(payload -> 'made_ids') from fact where type = 'customers_imported'")
    assert len(set(made)) == len(made) == count


def test_two_imports_and_the_api_make_nobody_twice(desk: Desk):
    """Whoever comes second finds who the first has made, whatever the order of the rows (CUS-6, CUS-14)."""
    count = 1500
    rows = [f"C-{n},138{n:08d}" for n in range(count)]
    for job in [desk.check("\n".join(["会员号,手机", *some])) for some in (rows, rows[::-1])]:
        desk.start(job.id)

    def upsert(n: int) -> None:
        identities = [make_identity("crm", f"C-{n}", region="CN"), make_identity("phone", f"138{n:08d}", region="CN")]
        now = FixedClock(desk.clock.now()).now()
        transact(desk.runtime.engine, lambda c: join(c, desk.tenant, identities, {"level": "gold"}, now=now))

    with ThreadPoolExecutor(4) as threads:
        imports = [threads.submit(work_once, desk.runtime) for _ in range(2)]
        upserts = [threads.submit(upsert, n) for n in range(0, count, 25)]
        assert all(one.result() for one in imports)
        for one in upserts:
            one.result()
    assert desk.one("select count(*) from customer") == count
    assert desk.one("select count(*) from identity") == 2 * count


def test_a_worker_starts_a_process_for_what_is_due(
    desk: Desk, database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The process carries it out and ends; the worker itself reads no file (CUS-6)."""
    for name, value in environment_of(database_url, redis_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    job_id = desk.ask("会员号,姓名\nC-1,王\n")
    lane = Lane(desk.runtime)
    try:
        lane.look()
        wait_for(lambda: desk.job(job_id).state is State.CHECKED, "the check", patience_s=60)
    finally:
        lane.stop(within_s=10)
