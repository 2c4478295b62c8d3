"""Sends again what a receiver may have lost: all facts since a time, under the ids that they had."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from services.webhooks.model import Listener
from services.webhooks.queue import deliveries_of
from services.webhooks.walks import PAGE, load_facts_before, requeue
from shared.ids import FactId, TenantId
from shared.outbox import enqueue

SKEW = timedelta(hours=1)
"""Ids are given before commits, so they and the times of recording agree only roughly; no transaction takes so long."""


def resend_since(
    engine: Engine, tenant_id: TenantId, listener: Listener, *, since: datetime, now: datetime, page: int = PAGE
) -> int:
    """How many rows are queued because of it. Facts recorded since then that the endpoint listens to, sent or not.

    Page by page, newest first, each in a commit of its own: after an interruption it is simply asked for again.
    """
    count, before = 0, None
    while True:
        with engine.begin() as connection:
            done, before = _page(connection, tenant_id, listener, since=since, before=before, now=now, page=page)
        count += done
        if before is None:
            return count


def _page(
    connection: Connection,
    tenant_id: TenantId,
    listener: Listener,
    *,
    since: datetime,
    before: FactId | None,
    now: datetime,
    page: int,
) -> tuple[int, FactId | None]:
    """How many of this page, and where the next one starts; None when there is none."""
    rows = load_facts_before(connection, tenant_id, before, limit=page)
    facts = [(FactId(row["id"]), row["type"], row["cause"]) for row in rows if row["recorded_at"] >= since]
    deliveries = deliveries_of([listener], facts)
    count = requeue(connection, tenant_id, [one.natural_key for one in deliveries], now=now)
    count += enqueue(connection, tenant_id, deliveries, now=now)
    over = len(rows) < page or max(row["recorded_at"] for row in rows) < since - SKEW
    return count, None if over else FactId(rows[-1]["id"])
