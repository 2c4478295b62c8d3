"""How a queue process runs: RQ rings, a sweep looks by itself, health is served, the parent's death ends it.

Redis is only a bell: when it is away, the sweep finds due work within its interval.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType

import structlog
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from shared.queue import make_queue, make_redis
from shared.runtime import Runtime, endpoints
from shared.supervise import exit_with_parent
from shared.telemetry import serve_health

REDIS_PAUSE_S = 1.0

log = structlog.get_logger()


class _Worker(SimpleWorker):
    """RQ's worker returns when it is asked to stop, and also after many an error: only the first ends the process."""

    stopping: threading.Event

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def serve_queue(runtime: Runtime, *, queue: str, look: Callable[[], None], health_bind: str | None = None) -> None:
    """Run until SIGTERM or SIGINT; `look` does all that is due and never raises."""
    stopping = threading.Event()
    serve_health(health_bind or runtime.settings.health_bind, runtime.checks())
    if runtime.settings.parent_pid is not None:
        exit_with_parent(runtime.settings.parent_pid)
    threading.Thread(
        target=_sweep_forever, args=(look, runtime.settings.sweep_interval_s, stopping), name="sweep", daemon=True
    ).start()
    _, redis_url = endpoints(runtime.settings)
    log.info("process.started", queue=queue)
    while not stopping.is_set():
        try:
            redis = make_redis(redis_url)  # its own: RQ waits long on it, and changes its time-outs
            worker = _Worker([make_queue(redis, queue)], connection=redis, serializer=JSONSerializer)
            worker.stopping = stopping
            _stop_on_signals(stopping)
            worker.work(logging_level="ERROR")
        except Exception as error:  # Redis is only a bell: without it the sweep goes on
            log.warning("queue.redis_away", reason=type(error).__name__)
        stopping.wait(REDIS_PAUSE_S)
    log.info("process.stopped", queue=queue)


def _sweep_forever(look: Callable[[], None], interval_s: float, stopping: threading.Event) -> None:
    while not stopping.wait(interval_s):
        look()


def _stop_on_signals(stopping: threading.Event) -> None:
    """While RQ is not running (Redis away) nobody else would hear the signal."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
