"""Gives every endpoint for which something is due a lane of its own, and looks after what is old.

It shares nothing with the delivery of messages but the process: threads and database connections are its own. Like
everything here it may be woken at any time or not at all: rows say what is due, and it looks every second.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from prometheus_client import Gauge

from notifier.webhooks.lane import Lane
from services.webhooks.queue import oldest_waiting
from services.webhooks.store import delete_endpoint, due_endpoints, list_kept, list_removed
from services.webhooks.walks import expire_old, purge_settled
from shared.clock import monotonic
from shared.db.engine import is_away
from shared.ids import EndpointId, TenantId
from shared.runtime import Runtime

MOST_LANES = 64
"""Endpoints that one process serves at the same moment; others wait for a turn."""
CONNECTIONS = 8
"""Of the database, for all lanes: none is held during a call."""
TIDY_S, MEASURE_S = 600.0, 15.0
REMOVED_FOR = timedelta(hours=1)
"""A transaction that knew an endpoint before its removal may still write rows for it; none takes so long."""

log = structlog.get_logger()
waiting_s = Gauge("guanxi_webhook_waiting_seconds", "Age of the oldest due row of an endpoint", ["corp", "endpoint"])


class Lanes:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pool = ThreadPoolExecutor(MOST_LANES, thread_name_prefix="lane")
        self._busy: set[EndpointId] = set()
        self._lock = threading.Lock()
        self._rung, self._stopping = threading.Event(), threading.Event()
        self._tidied: float | None = None
        self._measured: float | None = None
        self._thread = threading.Thread(target=self._look_forever, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> None:
        """Something may be due; returns at once."""
        self._rung.set()

    def stop(self, *, within_s: float = 5.0) -> None:
        """No call begins any more; those under way may end, as long as that takes."""
        self._stopping.set()
        self._rung.set()
        if self._thread.is_alive():
            self._thread.join(within_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def serve_due(self) -> list[EndpointId]:
        """Start a lane for each endpoint that is due and has none here; which."""
        with self._runtime.engine.begin() as connection:
            due = due_endpoints(connection, now=self._runtime.clock.now())
        with self._lock:
            mine = [one for one in due if one not in self._busy]
            self._busy.update(mine)
        for one in mine:
            self._pool.submit(self._serve, one)
        return mine

    def _serve(self, endpoint_id: EndpointId) -> None:
        called = 0
        try:
            called = Lane(self._runtime, endpoint_id, stopping=self._stopping).serve()
        except Exception as error:  # whatever it is, its rows are leased for a while and come again
            _log_trouble("webhook.lane_failed", error)
        with self._lock:
            self._busy.discard(endpoint_id)
        if called:
            self._rung.set()  # what came while it ended

    def tidy(self) -> None:
        """Expire what waited for too long, delete what has been settled for long, and endpoints that were removed."""
        now = self._runtime.clock.now()
        before = now - timedelta(seconds=self._runtime.settings.webhook_keep_s)
        with self._runtime.engine.begin() as connection:
            kept = list_kept(connection)
            removed = list_removed(connection)
        for tenant_id, _, id_ in kept:
            self._clear(tenant_id, id_, before=before)
        for tenant_id, id_, at in removed:
            self._clear(tenant_id, id_, before=now + timedelta(seconds=1))
            if at < now - REMOVED_FOR and not self._stopping.is_set():
                with self._runtime.engine.begin() as connection:
                    delete_endpoint(connection, id_)

    def _clear(self, tenant_id: TenantId, endpoint_id: EndpointId, *, before: datetime) -> None:
        """In pieces, each with a commit of its own."""
        now, engine = self._runtime.clock.now(), self._runtime.engine
        expired = deleted = 0
        while not self._stopping.is_set():
            with engine.begin() as connection:
                gone = expire_old(connection, tenant_id, endpoint_id, before=before, now=now)
                purged = purge_settled(connection, tenant_id, endpoint_id, before=before)
            expired, deleted = expired + gone, deleted + purged
            if not gone and not purged:
                break
        if expired or deleted:
            log.info("webhook.tidied", tenant_id=tenant_id, endpoint_id=endpoint_id, expired=expired, deleted=deleted)

    def measure(self) -> None:
        """How long the oldest due row of each endpoint has been waiting; 0 when none is due."""
        now = self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            found = [
                (corp_id, id_, oldest_waiting(connection, tenant_id, id_))
                for tenant_id, corp_id, id_ in list_kept(connection)
            ]
        waiting_s.clear()
        for corp_id, id_, at in found:
            waiting_s.labels(corp_id, str(id_)).set(max(0.0, (now - at).total_seconds()) if at else 0.0)

    def _look_forever(self) -> None:
        while not self._stopping.is_set():
            self._rung.wait(self._runtime.settings.sweep_interval_s)
            self._rung.clear()
            try:
                if not self._stopping.is_set():
                    self.serve_due()
                    self._now_and_then()
            except Exception as error:  # it must go on, and looks again in a second
                _log_trouble("webhook.look_failed", error)

    def _now_and_then(self) -> None:
        now = monotonic()
        if self._measured is None or now - self._measured > MEASURE_S:
            self._measured = now
            self.measure()
        if self._tidied is None or now - self._tidied > TIDY_S:
            self._tidied = now
            self._pool.submit(self._tidy_quietly)

    def _tidy_quietly(self) -> None:
        try:
            self.tidy()
        except Exception as error:  # it comes again
            _log_trouble("webhook.tidy_failed", error)


def _log_trouble(event: str, error: Exception) -> None:
    if is_away(error):
        log.warning("webhook.database_away", reason=type(error).__name__)
    else:
        log.error(event, exc_info=error)
