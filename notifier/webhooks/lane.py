"""One endpoint's turn: take rows and note a try of each, call, record the answers; again until nothing is due.

A lane has threads, connections and rows of its own, so that an endpoint that hangs holds up nobody else. A call that
says something about the whole endpoint (no answer, a pause is asked for, gone) ends the turn for those not begun.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime

import requests
import structlog
from prometheus_client import Counter, Histogram

from notifier.webhooks.post import make_http, post
from services.webhooks.body import message_id_of, render_body
from services.webhooks.model import Answer, Call, Ended, Endpoint
from services.webhooks.plan import accepted, closes, ended, standing_after
from services.webhooks.queue import begin_calls, record_ended, take_back
from services.webhooks.store import load_endpoint, lock_standing, record_accepted, record_standing
from shared.clock import monotonic
from shared.ids import EndpointId
from shared.runtime import Runtime

LONGEST_TURN_S = 20.0
FLUSH_S = 0.5
"""What has been answered is recorded at least so often while other calls of the batch take longer."""
LATEST_START = 1 / 3
"""Part of the lease after which no call starts any more."""

log = structlog.get_logger()
tries = Counter("guanxi_webhooks", "Calls of webhook endpoints, by what came of them", ["outcome"])
seconds = Histogram("guanxi_webhook_seconds", "Time to an endpoint's answer")
delay = Histogram(
    "guanxi_webhook_delay_seconds",
    "From the commit of a fact until an endpoint accepted it",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86_400),
)

Answered = tuple[Call, Answer | None]
"""None: the call did not begin."""


class Lane:
    def __init__(self, runtime: Runtime, endpoint_id: EndpointId, *, stopping: threading.Event) -> None:
        self._runtime, self._id, self._stopping = runtime, endpoint_id, stopping
        settings = runtime.settings
        self._timeout = (settings.webhook_connect_timeout_s, settings.webhook_read_timeout_s)
        self._lease_s = max(settings.lease_s, 3 * sum(self._timeout))

    def serve(self) -> int:
        """Until nothing is due, the endpoint is closed, or others should have a turn; how many rows were taken."""
        parallel, until, taken = self._runtime.settings.webhook_parallel, monotonic() + LONGEST_TURN_S, 0
        with make_http(connections=parallel) as http, ThreadPoolExecutor(parallel, "webhook") as threads:
            while not self._stopping.is_set() and monotonic() < until:
                batch = self._call_some(http, threads)
                taken += batch
                if not batch:
                    break
        return taken

    def _call_some(self, http: requests.Session, threads: ThreadPoolExecutor) -> int:
        """One batch; how many rows it had."""
        settings, now, started = self._runtime.settings, self._runtime.clock.now(), monotonic()
        with self._runtime.engine.begin() as connection:
            endpoint = load_endpoint(connection, self._runtime.vault, self._id, now=now)
            if endpoint is None:
                return 0
            # After a rest one call finds out whether it is back.
            limit = 1 if endpoint.standing.closed_until else settings.webhook_batch
            calls = begin_calls(
                connection, endpoint.tenant_id, endpoint.id, limit=limit, now=now, lease_s=self._lease_s
            )
        latest, halted = started + self._lease_s * LATEST_START, threading.Event()

        def call(one: Call) -> Answered:
            if halted.is_set() or self._stopping.is_set() or monotonic() > latest:
                return one, None
            try:
                answer = self._post(http, endpoint, one)
            except Exception as error:  # whatever one answer does, those of its neighbours are kept
                log.error("webhook.call_failed", endpoint_id=self._id, reason=type(error).__name__)
                answer = Answer(None, problem="an error of our own")
            if closes(answer):
                halted.set()
            return one, answer

        waiting: set[Future[Answered]] = {threads.submit(call, one) for one in calls}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=FLUSH_S)
                self._record(endpoint, [one.result() for one in done])
        finally:
            halted.set()
        return len(calls)

    def _post(self, http: requests.Session, endpoint: Endpoint, one: Call) -> Answer:
        message_id = message_id_of(one.fact)
        body, now = render_body(one.fact, endpoint.corp_id, message_id), self._runtime.clock.now()
        started = monotonic()
        answer = post(http, endpoint, message_id=message_id, body=body, timeout=self._timeout, now=now)
        seconds.observe(monotonic() - started)
        return answer

    def _record(self, endpoint: Endpoint, answered: Sequence[Answered]) -> None:
        if not answered:
            return
        now, backoff_s = self._runtime.clock.now(), self._runtime.settings.webhook_backoff_s
        given = [(one, answer) for one, answer in answered if answer is not None]
        results = [(one, ended(answer, tries=one.tries, backoff_s=backoff_s, now=now)) for one, answer in given]
        with self._runtime.engine.begin() as connection:
            take_back(connection, endpoint.tenant_id, [one for one, answer in answered if answer is None])
            if results:
                record_ended(connection, endpoint.tenant_id, results, now=now)
                if any(accepted(answer) for _, answer in given):
                    record_accepted(connection, endpoint.id, now=now)
        self._judge(endpoint, [answer for _, answer in given], now=now)
        self._tell(endpoint, results, now=now)

    def _judge(self, endpoint: Endpoint, answers: Sequence[Answer], *, now: datetime) -> None:
        """How the endpoint stands after these; successes first, so that what failed in the same moment counts."""
        failed = [answer for answer in answers if not accepted(answer)]
        if not failed:
            return
        settings = self._runtime.settings
        with self._runtime.engine.begin() as connection:
            standing = lock_standing(connection, endpoint.id)
            if standing is None:
                return
            for answer in failed:
                standing = standing_after(
                    standing, answer, pause_s=settings.webhook_pause_s, give_up_s=settings.webhook_give_up_s, now=now
                )
            record_standing(connection, endpoint.id, standing, now=now)
        log.log(
            40 if standing.disabled else 30,
            "webhook.disabled" if standing.disabled else "webhook.failing",
            tenant_id=endpoint.tenant_id,
            endpoint_id=endpoint.id,
            failures=standing.failures,
            reason=standing.disabled,
            closed_until=standing.closed_until.isoformat() if standing.closed_until else None,
        )

    def _tell(self, endpoint: Endpoint, results: Sequence[tuple[Call, Ended]], *, now: datetime) -> None:
        for one, result in results:
            tries.labels(result.kind).inc()
            if result.state == "sent" and one.tries == 1:
                delay.observe(max(0.0, (now - one.queued_at).total_seconds()))
            log.info(
                "webhook.tried",
                tenant_id=endpoint.tenant_id,
                endpoint_id=endpoint.id,
                outbox_id=one.id,
                fact_id=one.fact.id,
                attempt=one.tries,
                outcome=result.kind,
                reason=result.detail,
            )
