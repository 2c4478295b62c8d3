"""Statements that touch many rows of an endpoint: sending again, expiring, deleting. Each takes a piece and commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.webhooks.model import recipient_of
from shared.db.engine import Row, fetch_all, run
from shared.ids import EndpointId, FactId, TenantId

PAGE = 2000
"""Rows that one statement touches."""

AGAIN = (
    "state = 'queued', attempts = 0, next_try_at = :now, created_at = :now, settled_at = null, last_error = null, "
    "lease_until = null"
)
"""Of rows that nobody holds: as if they had just been written."""


def resend_dead(connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId, *, now: datetime) -> int:
    """Queue again up to PAGE rows that were given up or have expired; how many. Call it until there are none."""
    return run(
        connection,
        f"update outbox o set {AGAIN} from (select tenant_id, id from outbox where tenant_id = :tenant_id "  # noqa: S608
        "and recipient = :recipient and channel = 'webhook' and settled_at is not null "
        "and state in ('dead', 'expired') limit :most for update skip locked) w "
        "where o.tenant_id = w.tenant_id and o.id = w.id",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
        now=now,
        most=PAGE,
    )


def load_facts_before(
    connection: Connection, tenant_id: TenantId, before: FactId | None, *, limit: int = PAGE
) -> Sequence[Row]:
    """id, type, cause and recorded_at of facts, newest id first; `before` continues after a page."""
    return fetch_all(
        connection,
        "select id, type, cause, recorded_at from fact where tenant_id = :tenant_id "
        "and id < coalesce(:before, 9223372036854775807) order by id desc limit :limit",
        tenant_id=tenant_id,
        before=before,
        limit=limit,
    )


def requeue(connection: Connection, tenant_id: TenantId, keys: Sequence[str], *, now: datetime) -> int:
    """Queue rows with these natural keys again, whatever became of them, unless somebody holds them; how many."""
    return run(
        connection,
        f"update outbox o set {AGAIN} from (select id from outbox where tenant_id = :tenant_id "  # noqa: S608
        "and natural_key = any(:keys) and (lease_until is null or lease_until < :now) order by id for update) w "
        "where o.tenant_id = :tenant_id and o.id = w.id",
        tenant_id=tenant_id,
        keys=list(keys),
        now=now,
    )


def pull_forward(connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId, *, now: datetime) -> int:
    """Make up to PAGE rows that wait for a later try due now; how many. Call it until there are none."""
    return run(
        connection,
        "update outbox o set next_try_at = :now from (select tenant_id, id from outbox where tenant_id = :tenant_id "
        "and recipient = :recipient and state = 'queued' and next_try_at > :now limit :most for update skip locked) w "
        "where o.tenant_id = w.tenant_id and o.id = w.id",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
        now=now,
        most=PAGE,
    )


def expire_old(
    connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId, *, before: datetime, now: datetime
) -> int:
    """Give up to PAGE rows up that wait since before then; how many."""
    return run(
        connection,
        "update outbox o set state = 'expired', settled_at = :now from (select tenant_id, id from outbox "
        "where tenant_id = :tenant_id and recipient = :recipient and state = 'queued' and created_at < :before "
        "and (lease_until is null or lease_until < :now) limit :most for update skip locked) w "
        "where o.tenant_id = w.tenant_id and o.id = w.id",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
        before=before,
        now=now,
        most=PAGE,
    )


def purge_settled(connection: Connection, tenant_id: TenantId, endpoint_id: EndpointId, *, before: datetime) -> int:
    """Delete up to PAGE rows that were settled before then, with their tries; how many."""
    rows = fetch_all(
        connection,
        "delete from outbox o using (select tenant_id, id from outbox where tenant_id = :tenant_id "
        "and recipient = :recipient and channel = 'webhook' and settled_at < :before limit :most "
        "for update skip locked) w where o.tenant_id = w.tenant_id and o.id = w.id returning o.id",
        tenant_id=tenant_id,
        recipient=recipient_of(endpoint_id),
        before=before,
        most=PAGE,
    )
    run(
        connection,
        "delete from attempt where tenant_id = :tenant_id and parent_kind = 'outbox' and parent_id = any(:ids)",
        tenant_id=tenant_id,
        ids=[row["id"] for row in rows],
    )
    return len(rows)
