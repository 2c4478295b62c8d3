"""What waits for the digest of deletions: collected with the facts, taken by the digest that tells of it (LOSS-3).

Rows are taken, not counted by their times: a deletion that is recorded late, or while the digest is made, is in the
next one, and none is in two, whatever the clocks do.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from services.watching.model import NAMED, DeletionsOfDay
from shared.db.engine import fetch_one, run
from shared.ids import TenantId, UserId

TAKE = """
with taken as (delete from deletion_waiting where tenant_id = :tenant_id and not exists (select from fact
  where tenant_id = :tenant_id and subject_kind = :kind and subject_key = :day) returning userid),
by_user as (select userid, count(*) as n from taken group by 1),
top as (select userid, n from by_user order by n desc, userid limit :named)
select (select coalesce(sum(n), 0)::bigint from by_user) as count, (select count(*) from by_user) as associate_count,
  array(select userid from top order by n desc, userid) as userids,
  array(select n from top order by n desc, userid) as counts
"""


def collect(connection: Connection, tenant_id: TenantId, userids: Sequence[UserId]) -> None:
    """One row for each customer whom these associates removed."""
    run(
        connection,
        "insert into deletion_waiting (tenant_id, userid) select :tenant_id, unnest(cast(:userids as text[]))",
        tenant_id=tenant_id,
        userids=list(userids),
    )


def take(connection: Connection, tenant_id: TenantId, day: date, *, now: datetime) -> DeletionsOfDay | None:
    """What a digest tells; None: there was nothing, or this day has had its digest, and nothing is sent.

    A clock that was far behind, and was put right, comes to the same day again.
    """
    kind, _ = DeletionsOfDay.SUBJECT
    row = fetch_one(connection, TAKE, tenant_id=tenant_id, kind=kind, day=day.isoformat(), named=NAMED)
    if row is None or not row["count"]:
        return None
    return DeletionsOfDay(
        occurred_at=now,
        day=day.isoformat(),
        count=row["count"],
        associate_count=row["associate_count"],
        top_userids=tuple(UserId(one) for one in row["userids"]),
        top_counts=tuple(row["counts"]),
    )
