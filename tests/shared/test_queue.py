"""The bell wakes somebody soon, costs little, and never fails."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from shared.queue import JOBS, NOTIFY, WORK, Bell, enqueue_wakeup, make_queue, make_redis, wakeups


def until(holds: Callable[[], bool]) -> bool:
    """Poll with bounded patience."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    return holds()


def lost(queue: str) -> float:
    return float(wakeups.labels(queue, "lost")._value.get())


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_ring_puts_a_job_into_its_own_queue(redis_url: str):
    """Workers and notifiers are woken apart."""
    redis = make_redis(redis_url)
    Bell(redis, NOTIFY).ring()
    assert until(lambda: len(make_queue(redis, NOTIFY)) == 1)
    assert len(make_queue(redis, WORK)) == 0


def test_many_rings_at_once_are_few_jobs(redis_url: str):
    """A burst of events costs a look, not a look per event; a ring during the pause is not lost."""
    redis = make_redis(redis_url)
    bell = Bell(redis, WORK, gap_s=0.3)
    started = time.monotonic()
    bell.ring()
    assert until(lambda: len(make_queue(redis, WORK)) == 1)
    for _ in range(1000):
        bell.ring()
    assert until(lambda: len(make_queue(redis, WORK)) == 2)
    assert time.monotonic() - started >= 0.3


def test_a_wake_up_is_json_without_arguments_and_expires(redis_url: str):
    """Nothing executable and nothing personal lies in Redis; a bell that nobody hears fades."""
    redis = make_redis(redis_url)
    queue = make_queue(redis, WORK)
    enqueue_wakeup(queue, WORK)
    (job,) = queue.jobs
    assert (job.func_name, list(job.args), job.kwargs) == (JOBS[WORK], [], {})
    assert orjson.loads(job.data) == [JOBS[WORK], None, [], {}]
    assert (job.ttl, job.result_ttl) == (300, 0)


def test_a_ring_returns_at_once_and_fails_never_while_redis_is_away():
    """Nobody who stores an event waits for Redis."""
    before = lost(WORK)
    bell = Bell(make_redis(f"redis://127.0.0.1:{unused_port()}/0"), WORK, gap_s=0)
    bell.ring()
    assert until(lambda: lost(WORK) == before + 1)
    bell.ring()
    assert until(lambda: lost(WORK) >= before + 2)


def test_the_bell_rings_again_when_redis_is_back(redis_url: str, tmp_path: Path):
    """The thread outlives its failures."""
    before = lost(NOTIFY)
    socket_path = tmp_path / "valkey.sock"
    bell = Bell(make_redis(f"unix://{socket_path}?db=0"), NOTIFY, gap_s=0)
    bell.ring()
    assert until(lambda: lost(NOTIFY) > before)
    redis = make_redis(redis_url)
    socket_path.symlink_to(redis.connection_pool.connection_kwargs["path"])
    bell.ring()
    assert until(lambda: len(make_queue(redis, NOTIFY)) >= 1)
