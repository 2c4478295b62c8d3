"""Takes the evidence about acquisition links that has not become facts yet."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.acquisition.model import Evidence
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId


def take_untold(
    connection: Connection, tenant_id: TenantId, *, kind: str, keys: Sequence[str], now: datetime
) -> list[Evidence]:
    """Mark evidence of these subjects as told and return it, oldest first: the caller makes facts in this transaction.

    Each piece is taken once, whichever requests it shares, since this and the facts are one commit.
    """
    rows = fetch_all(
        connection,
        # Kinds as constants let the index of untold evidence serve.
        "with taken as (update evidence set told_at = :now where tenant_id = :tenant_id and told_at is null "
        "and subject_kind in ('acquisition_link', 'acquisition_quota') "
        "and subject_kind = :kind and subject_key = any(:keys) returning *) "
        "select * from taken order by occurred_at, id",
        tenant_id=tenant_id,
        kind=kind,
        keys=list(keys),
        now=now,
    )
    return [_evidence(row) for row in rows]


def _evidence(row: Row) -> Evidence:
    details = row["details"]
    return Evidence(
        key=row["subject_key"],
        kind=row["kind"],
        occurred_at=row["occurred_at"],
        userid=row["userid"],
        external_userid=details.get("external_userid"),
        add_state=details.get("state"),
        count=_count(details.get("count")),
        caused_by=f"inbox:{row['inbox_day']:%Y%m%d}-{row['inbox_id']}" if row["inbox_id"] else None,
    )


def _count(text: str | None) -> int | None:
    """What is no reasonable number is not known."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
