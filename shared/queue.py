"""The bell: wake-ups through RQ. A wake-up carries no work and may be lost; rows say what is due, sweeps find it.

Jobs are JSON, named by path, without a result: two wake-ups for one thing cost a look, never double work.
"""

import threading
from datetime import timedelta

import structlog
from prometheus_client import Counter
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

WORK = "work"
"""The sync worker's queue: route the inbox, reconcile what is due."""
PASSES = "passes"
"""The queue of a worker that only walks full passes: nobody rings it, so that it takes no wake-up for events."""
NOTIFY = "notify"
"""The notifier's queue: deliver what is due."""
WEBHOOKS = "webhooks"
"""The queue of a notifier that only calls webhook endpoints: nobody rings it, it takes no wake-up for messages."""

JOBS = {WORK: "sync_worker.jobs.work", NOTIFY: "notifier.jobs.deliver"}

log = structlog.get_logger()
wakeups = Counter("guanxi_wakeups", "Wake-ups rung, by queue and outcome", ["queue", "outcome"])


def make_redis(redis_url: str) -> "Redis":
    return Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=15, health_check_interval=30)


def make_queue(redis: "Redis", name: str) -> Queue:
    return Queue(name, connection=redis, serializer=JSONSerializer, default_timeout=3600)


class Bell:
    """Rings a queue at most once per `gap_s`, from a thread of its own, so that nobody waits for Redis."""

    def __init__(self, redis: "Redis", queue: str, *, gap_s: float = 0.02) -> None:
        self._queue, self._name, self._gap_s = make_queue(redis, queue), queue, gap_s
        self._rung = threading.Event()
        self._pause = threading.Event()
        threading.Thread(target=self._ring_forever, name=f"bell-{queue}", daemon=True).start()

    def ring(self) -> None:
        """Somebody should look soon; returns at once and never fails."""
        self._rung.set()

    def _ring_forever(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            try:
                enqueue_wakeup(self._queue, self._name)
            except (RedisError, OSError):
                wakeups.labels(self._name, "lost").inc()
                log.debug("bell.lost", queue=self._name)
            self._pause.wait(self._gap_s)


def enqueue_wakeup(queue: Queue, name: str) -> None:
    queue.enqueue(JOBS[name], result_ttl=0, failure_ttl=60, ttl=int(timedelta(minutes=5).total_seconds()))
    wakeups.labels(name, "rung").inc()
