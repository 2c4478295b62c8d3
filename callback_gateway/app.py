"""One gateway process: its parts put together, and the callable that serves callbacks and health."""

import os
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined] # as in ingest.py
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from sqlalchemy.event import listen

from callback_gateway import metrics
from callback_gateway.commit import Committer
from callback_gateway.drain import Drain
from callback_gateway.ingest import PREFIX, TEXT, Ingest
from callback_gateway.receivers import REFRESH_S, Directory
from callback_gateway.spool import Spool, SpoolError
from shared.queue import WORK, Bell
from shared.runtime import endpoints, open_runtime
from shared.settings import Settings, split_bind
from shared.telemetry import configure_logging, serve_health

Application = Callable[[Scope, HTTPProtocol], Coroutine[None, None, None]]

PARENT_LOOK_S = 0.5
GRACE_S = 5.0
SPOOL_CHECK_S = 1.0
DATABASE_SILENT_S = 3 * REFRESH_S
"""A database from which the receivers could not be read for so long does not count as answering."""
STATEMENT_TIMEOUT_S = 4

log = structlog.get_logger()


def load_app(settings: Settings) -> Application:
    """Build the application inside a worker process; the threads it starts live as long as the process.

    Raises:
        SettingsError: no database, or no secret key.
    """
    configure_logging(settings, process="gateway")
    _end_with_parent(os.getppid())
    runtime = open_runtime(settings, application="gateway", pool_size=2)
    listen(runtime.engine, "do_connect", _limit_waiting)
    database_url, _ = endpoints(settings)
    bell = Bell(runtime.redis, WORK)
    spool_folder = settings.home / "spool"
    spool = Spool(spool_folder, max_bytes=settings.spool_max_bytes // settings.gateway_workers)
    try:
        spool.claim()
    except SpoolError as error:
        log.error("spool.unusable", reason=str(error))
    committer = Committer(spool, bell, max_waiting=settings.gateway_max_waiting, timeout_s=settings.commit_timeout_s)
    drain = Drain(
        committer,
        spool,
        bell,
        clock=runtime.clock,
        database_url=database_url,
        timeout_s=settings.commit_timeout_s,
    )
    directory = Directory(runtime.engine, runtime.vault, spool_folder / "receivers")
    directory.start()
    committer.start()
    drain.start()
    _serve_own_metrics(settings, spool)
    ingest = Ingest(directory, committer, runtime.clock, max_body_bytes=settings.gateway_max_body_bytes)
    return _compose(ingest, Readiness(committer, directory, spool))


def _compose(ingest: Ingest, readiness: "Readiness") -> Application:
    async def application(scope: Scope, proto: HTTPProtocol) -> None:
        try:
            if scope.path.startswith(PREFIX):
                await ingest(scope, proto)
            elif scope.path == "/readyz":
                proto.response_bytes(*readiness())
            elif scope.path == "/healthz":
                proto.response_bytes(200, TEXT, b"ok\n")
            elif scope.path == "/metrics":
                proto.response_bytes(200, [("content-type", CONTENT_TYPE_LATEST)], generate_latest(REGISTRY))
            else:
                proto.response_bytes(404, TEXT, b"no such page\n")
        except Exception as error:  # the outermost frame: nothing of the request may reach the caller or the log
            metrics.failed.inc()
            log.error("request.failed", error=type(error).__name__, at=_place(error))
            proto.response_bytes(500, TEXT, b"failed\n")

    return application


def _limit_waiting(*arguments: Any) -> None:
    """For the connections that read the receivers: neither a lock nor a lost peer holds them for long."""
    parameters: dict[str, Any] = arguments[-1]
    parameters["options"] = f"{parameters.get('options', '')} -c statement_timeout={STATEMENT_TIMEOUT_S * 1000}"
    parameters |= {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}


def _place(error: BaseException) -> str:
    """File and line where it was raised; the error's own text may hold what was sent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


class Readiness:
    """/readyz: ready while addresses are known and an event can be made durable, in the database or in the spool.

    Answers from what the threads found last and waits for nothing: a database that hangs must not take a gateway out
    of service whose disk takes everything.
    """

    def __init__(self, committer: Committer, directory: Directory, spool: Spool) -> None:
        self._committer, self._directory, self._spool = committer, directory, spool
        threading.Thread(target=self._try_spool_forever, name="spool-check", daemon=True).start()

    def __call__(self) -> tuple[int, list[tuple[str, str]], bytes]:
        database = self._committer.connected and self._directory.age_s < DATABASE_SILENT_S
        spool, loaded = bool(self._spool.usable), self._directory.loaded
        ready = loaded and (database or spool)
        text = (
            f"{'ready' if ready else 'not ready'}; receivers: {'loaded' if loaded else 'not loaded'}; "
            f"database: {_state(database)}; spool: {_state(spool)}\n"
        )
        return 200 if ready else 503, TEXT, text.encode()

    def _try_spool_forever(self) -> None:
        pause = threading.Event()
        while not pause.wait(SPOOL_CHECK_S):
            with suppress(SpoolError):
                self._spool.check()


def _state(is_answering: bool) -> str:
    return "answers" if is_answering else "away"


def _serve_own_metrics(settings: Settings, spool: Spool) -> None:
    """With several workers a scrape of the shared address meets any of them, so each has an address of its own."""
    if settings.gateway_workers == 1:
        return
    host, port = split_bind(settings.health_bind)
    if port and spool.slot is not None:
        port += spool.slot.number
    try:
        serve_health(f"{host}:{port}", {})
    except OSError as error:
        log.warning("health.not_served", port=port, reason=error.strerror)


def _end_with_parent(parent_pid: int) -> None:
    """An orphaned worker would keep the address; it ends itself, gracefully at first."""

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent_pid:
            pause.wait(PARENT_LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)
        pause.wait(GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
