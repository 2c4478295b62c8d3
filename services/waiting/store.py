"""Rows of tags that wait, for many customers at once.

Whoever writes them holds the customers' rows. Triggers do the rest: a row marks the customer's card, and when marks of
cards are taken, those whose tags can be put on now are marked in `waiting_due`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.intents.model import Source
from services.waiting.model import WaitingTag, Why
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import CustomerId, TagId, TenantId

Pair = tuple[CustomerId, TagId]
DROP_PAGE = 20_000
SELECTED = "w.customer_id, w.tag_id, w.author, w.source, w.reason, w.cause, w.created_at"


def keep(
    connection: Connection, tenant_id: TenantId, wanted: Iterable[tuple[CustomerId, str]], why: Why, *, now: datetime
) -> list[Pair]:
    """Those that are new; a wish that waits already stands. Tags that are gone wait for nobody."""
    pairs = sorted(set(wanted))
    if not pairs:
        return []
    rows = fetch_all(
        connection,
        # The tag's row is held: a deletion that comes in between finds these rows, or makes them none.
        "with living as (select tag_id from tag where tenant_id = :tenant_id and tag_id = any(:tags) "
        "and deleted_at is null order by tag_id for share) "
        "insert into waiting_tag (tenant_id, customer_id, tag_id, author, source, reason, cause, created_at) "
        "select :tenant_id, p.customer_id, p.tag_id, :author, :source, :reason, :cause, :now "
        "from unnest(cast(:ids as bigint[]), cast(:tags as text[])) as p(customer_id, tag_id) "
        "join living using (tag_id) on conflict do nothing returning customer_id, tag_id",
        tenant_id=tenant_id,
        ids=[one for one, _ in pairs],
        tags=[tag for _, tag in pairs],
        author=why.author,
        source=why.source.value,
        reason=why.reason,
        cause=why.cause,
        now=now,
    )
    return _pairs(rows)


def end(
    connection: Connection,
    tenant_id: TenantId,
    customer_ids: Iterable[CustomerId],
    tag_ids: Iterable[str],
    *,
    cause: str | None = None,
) -> list[Pair]:
    """None of these tags waits for any of these customers any more; which did. `cause`: only what came with that."""
    rows = fetch_all(
        connection,
        "delete from waiting_tag where tenant_id = :tenant_id and customer_id = any(:ids) and tag_id = any(:tags) "
        "and (cast(:cause as text) is null or cause = :cause) returning customer_id, tag_id",
        tenant_id=tenant_id,
        ids=sorted(set(customer_ids)),
        tags=sorted(set(tag_ids)),
        cause=cause,
    )
    return _pairs(rows)


def _pairs(rows: Sequence[Row]) -> list[Pair]:
    return sorted((CustomerId(row["customer_id"]), TagId(row["tag_id"])) for row in rows)


def load_waiting(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId], *, lock: bool = False
) -> list[WaitingTag]:
    """Of each customer the oldest first. `lock`: the rows are held until the transaction ends."""
    rows = fetch_all(
        connection,
        f"select {SELECTED}, t.name from waiting_tag w left join tag t on t.tenant_id = w.tenant_id "  # noqa: S608
        "and t.tag_id = w.tag_id and t.deleted_at is null where w.tenant_id = :tenant_id "
        f"and w.customer_id = any(:ids) order by w.customer_id, w.created_at, w.tag_id {'for update of w' * lock}",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return [_waiting(row) for row in rows]


def _waiting(row: Row) -> WaitingTag:
    why = Why(row["author"], Source(row["source"]), row["reason"], row["cause"])
    return WaitingTag(CustomerId(row["customer_id"]), TagId(row["tag_id"]), row["name"], why, row["created_at"])


def drop_tags(connection: Connection, tenant_id: TenantId, tag_ids: Sequence[str], *, limit: int = DROP_PAGE) -> int:
    """These tags were deleted in WeCom: the next of those who wait for one do so no more; how many."""
    return run(
        connection,
        "delete from waiting_tag w using (select customer_id, tag_id from waiting_tag where tenant_id = :tenant_id "
        "and tag_id = any(:tags) limit :limit) d where w.tenant_id = :tenant_id and w.customer_id = d.customer_id "
        "and w.tag_id = d.tag_id",
        tenant_id=tenant_id,
        tags=list(tag_ids),
        limit=limit,
    )


def mark_ready(connection: Connection) -> int:
    """Mark whoever has a waiting tag and an assigned friend, should their mark have been lost; how many."""
    return run(
        connection,
        "insert into waiting_due (tenant_id, customer_id) select distinct u.tenant_id, u.id from waiting_tag w "
        "join customer u on u.tenant_id = w.tenant_id and u.id = w.customer_id "
        "join external_contact e on e.tenant_id = u.tenant_id and e.customer_id = u.id "
        "join relation r on r.tenant_id = e.tenant_id and r.external_userid = e.external_userid "
        "and r.userid = u.assigned_userid and r.state = 'active' "
        "where not exists (select from waiting_due d where d.tenant_id = w.tenant_id)",
    )


def tenants_ready(connection: Connection) -> list[TenantId]:
    """Corps with customers whose waiting tags may have a place now."""
    rows = fetch_all(
        connection,
        "select t.id from tenant t where exists (select from waiting_due d where d.tenant_id = t.id) order by t.id",
    )
    return [TenantId(row["id"]) for row in rows]


def take_ready(connection: Connection, tenant_id: TenantId, *, limit: int) -> list[CustomerId]:
    """Take the oldest marks and say whose they are; nobody while somebody else places tags of this corp."""
    locked = "select pg_try_advisory_xact_lock(hashtext('waiting'), cast(:id as int)) as got"
    row = fetch_one(connection, locked, id=tenant_id)
    if not row or not row["got"]:
        return []
    rows = fetch_all(
        connection,
        "with taken as (delete from waiting_due where tenant_id = :tenant_id and id in (select id from waiting_due "
        "where tenant_id = :tenant_id order by id limit :limit) returning customer_id) "
        "select distinct customer_id from taken order by 1",
        tenant_id=tenant_id,
        limit=limit,
    )
    return [CustomerId(row["customer_id"]) for row in rows]
