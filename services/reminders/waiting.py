"""Takes notices back that have become pointless before anybody was told."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import run
from shared.ids import TenantId


def withdraw_waiting(connection: Connection, tenant_id: TenantId, reasons: Collection[str], *, now: datetime) -> int:
    """How many with these reasons are not sent any more. One that may have been sent is left alone.

    A notifier that holds such a row finds it settled when it notes its try, and does not send it.
    """
    if not reasons:
        return 0
    return run(
        connection,
        "update outbox set state = 'withdrawn', settled_at = :now, lease_until = null where tenant_id = :tenant_id "
        "and reason = any(:reasons) and state in ('due', 'queued') and first_unknown_at is null",
        tenant_id=tenant_id,
        reasons=sorted(reasons),
        now=now,
    )
