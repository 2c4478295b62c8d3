"""Measures drift: every hour some random customers of each corp are read, and compared with what is recorded.

What differs and no event has come for, although it had time to, is drift: it is counted, and looked at like any other
subject, which repairs it. What is merely young is not.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection

from services.customers.model import CONTACT
from services.customers.store import contacts_read_since
from services.customers.walk import contacts_in_hand
from services.differences.samples import claim_check, record_check, sample_contacts
from shared.db.engine import describe, is_away
from shared.directory import Directory
from shared.errors import RetryableError, TerminalError
from shared.ids import ExternalUserId
from shared.inbox import oldest_new
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.runtime import Runtime
from shared.sync_times import live_corps
from shared.tenants import Tenant
from shared.wecom.clients import Clients
from shared.wecom.errors import PostponedError
from sync_worker.preview import View
from sync_worker.preview.subjects import preview_subject

log = structlog.get_logger()
LABELS = ["corp", "resource"]
sampled = Counter("guanxi_drift_sampled", "Random subjects compared with WeCom, by corp and resource", LABELS)
differing = Counter("guanxi_drift_differing", "Those that differed without reason, by corp and resource", LABELS)


@dataclass(frozen=True)
class Sample:
    """What the reads of one corp showed. `suspects` differ; whether that is drift, time must tell."""

    tenant: Tenant
    read_at: datetime
    compared: int
    suspects: Sequence[ExternalUserId]


class DriftCheck:
    """`draw(low, high)` gives random numbers."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        directory: Directory,
        clients: Clients,
        draw: Callable[[int, int], int] = random.randint,
    ) -> None:
        self._runtime, self._directory, self._clients, self._draw = runtime, directory, clients, draw
        self._busy = threading.Lock()

    def start(self) -> None:
        """Check in a thread of its own: it waits between reading and judging. One at a time per process."""
        threading.Thread(target=self._run, name="drift", daemon=True).start()

    def _run(self) -> None:
        if not self._busy.acquire(blocking=False):
            return
        try:
            samples = self.look()
            if any(one.suspects for one in samples):
                threading.Event().wait(self._runtime.settings.add_lag_s)
            self.judge(samples)
        except Exception as error:  # the next hour tries again
            log.warning("drift.failed", reason=describe(error), exc_info=None if is_away(error) else error)
        finally:
            self._busy.release()

    def look(self) -> list[Sample]:
        """Read a sample of every live corp of which nobody has read one in this hour."""
        size = self._runtime.settings.drift_sample
        now = self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            corps = self._directory.usable(connection, live_corps(connection)) if size else {}
        return [self._look(tenant, size) for tenant in corps.values() if self._claim(tenant, now)]

    def _claim(self, tenant: Tenant, now: datetime) -> bool:
        with self._runtime.engine.begin() as connection:
            return claim_check(connection, tenant.id, CONTACT, at=hour_of(now))

    def _look(self, tenant: Tenant, size: int) -> Sample:
        read_at = self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            drawn = sample_contacts(connection, tenant.id, size=size, draw=self._draw)
            drawn = _left_alone(connection, tenant, drawn, since=read_at)
        view, compared, suspects = View(self._runtime, self._clients, tenant, patient=False), 0, []
        for one in drawn:
            try:
                outlook = preview_subject(view, CONTACT, one)
            except PostponedError:  # others need the calls more
                break
            except (RetryableError, TerminalError) as error:
                log.info("drift.not_read", tenant_id=tenant.id, key=one, reason=describe(error))
                continue
            compared += 1
            if any(found.contradicts for found in outlook.differences) and outlook.again_at is None:
                suspects.append(one)
        return Sample(tenant, read_at, compared, suspects)

    def judge(self, samples: Sequence[Sample]) -> None:
        """Count what differs still although its event had time to come, and have it looked at."""
        for one in samples:
            with self._runtime.engine.begin() as connection:
                self._judge(connection, one)

    def _judge(self, connection: Connection, sample: Sample) -> None:
        tenant, now = sample.tenant, self._runtime.clock.now()
        waiting_since = oldest_new(connection)
        unread = waiting_since is not None and waiting_since <= sample.read_at + self._patience
        drifted = [] if unread else _left_alone(connection, tenant, sample.suspects, since=sample.read_at)
        compared = sample.compared - len(sample.suspects) + len(drifted)
        cause = f"drift:{hour_of(sample.read_at):%Y%m%d%H}"
        wishes = [Wanted(Subject(tenant.id, CONTACT, key), BACKFILL, "resync", cause) for key in drifted]
        want(connection, wishes, now=now)
        record_check(
            connection, tenant.id, CONTACT, at=hour_of(sample.read_at), sampled=compared, differing=len(drifted)
        )
        sampled.labels(tenant.corp_id, CONTACT).inc(compared)
        differing.labels(tenant.corp_id, CONTACT).inc(len(drifted))
        if drifted:
            log.warning("drift.found", tenant_id=tenant.id, sampled=compared, differing=len(drifted))

    @property
    def _patience(self) -> timedelta:
        return timedelta(seconds=self._runtime.settings.add_lag_s)


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _left_alone(
    connection: Connection, tenant: Tenant, keys: Sequence[ExternalUserId], *, since: datetime
) -> list[ExternalUserId]:
    """Without those that somebody looks at, or has looked at since."""
    known = contacts_in_hand(connection, tenant, keys, since=since)
    known |= contacts_read_since(connection, tenant, keys, since=since)
    return [one for one in keys if one not in known]
