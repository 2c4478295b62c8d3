"""Gives and takes local tags of customers: one, or all that a selection finds, a page at a time (TAG-3).

Locks: first the tags (shared), then the customers by id. So a tag that is being deleted is not given any more, a
customer who is being merged is waited for, and two who tag the same customers take turns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.chosen import PAGE, load_page, lock_page, touch
from services.finding.selection import Selection
from services.local_tags.model import NoTagError, Tag, Tagging, Viewer
from services.local_tags.plan import usable
from services.local_tags.store import load_groups
from shared.db.engine import fetch_all
from shared.ids import CustomerId, TenantId


@dataclass(frozen=True)
class Tagged:
    """What one page did: tag -> who got it, or lost it. `last`: where to go on; None: that was the last page."""

    chosen_count: int
    given: Mapping[int, Sequence[CustomerId]]
    taken: Mapping[int, Sequence[CustomerId]]
    last: CustomerId | None


def tag_page(
    connection: Connection,
    tenant_id: TenantId,
    chosen: Selection,
    tagging: Tagging,
    *,
    after: int = 0,
    limit: int = PAGE,
    by_whom: str,
    now: datetime,
) -> Tagged:
    """Change the tags of the next customers. Whoever does it again, after a crash too, changes nothing twice.

    Raises:
        NoTagError: a tag was deleted meanwhile; the caller rolls back.
    """
    _lock_tags(connection, tenant_id, tagging.give)
    page = load_page(connection, chosen, after=after, limit=limit)
    ids = lock_page(connection, tenant_id, page)
    taken = _take(connection, tenant_id, ids, tagging.take)
    given = _give(connection, tenant_id, ids, tagging.give, by_whom=by_whom, now=now)
    touch(connection, tenant_id, {one for some in (given, taken) for ids in some.values() for one in ids}, now=now)
    return Tagged(len(page), given, taken, page[-1] if len(page) == limit else None)


def _lock_tags(connection: Connection, tenant_id: TenantId, tag_ids: Sequence[int]) -> None:
    rows = fetch_all(
        connection,
        "select id from local_tag where tenant_id = :tenant_id and id = any(:ids) and deleted_at is null order by id "
        "for share",
        tenant_id=tenant_id,
        ids=sorted(tag_ids),
    )
    if len(rows) < len(set(tag_ids)):
        raise NoTagError("a local tag was deleted meanwhile")


def _take(
    connection: Connection, tenant_id: TenantId, ids: Sequence[CustomerId], tag_ids: Sequence[int]
) -> dict[int, list[CustomerId]]:
    if not tag_ids:
        return {}
    rows = fetch_all(
        connection,
        "with gone as (delete from customer_tag where tenant_id = :tenant_id and customer_id = any(:ids) "
        "and tag_id = any(:tag_ids) returning tag_id, customer_id) "
        "select tag_id, array_agg(customer_id order by customer_id) as ids from gone group by 1 order by 1",
        tenant_id=tenant_id,
        ids=list(ids),
        tag_ids=list(tag_ids),
    )
    return {row["tag_id"]: row["ids"] for row in rows}


def _give(
    connection: Connection,
    tenant_id: TenantId,
    ids: Sequence[CustomerId],
    tag_ids: Sequence[int],
    *,
    by_whom: str,
    now: datetime,
) -> dict[int, list[CustomerId]]:
    if not tag_ids:
        return {}
    rows = fetch_all(
        connection,
        "with given as (insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) "
        "select :tenant_id, c.id, t.id, :now, :by_whom from unnest(cast(:ids as bigint[])) as c(id) "
        "cross join unnest(cast(:tag_ids as bigint[])) as t(id) order by 2, 3 on conflict do nothing "
        "returning tag_id, customer_id) "
        "select tag_id, array_agg(customer_id order by customer_id) as ids from given group by 1 order by 1",
        tenant_id=tenant_id,
        ids=list(ids),
        tag_ids=list(tag_ids),
        now=now,
        by_whom=by_whom,
    )
    return {row["tag_id"]: row["ids"] for row in rows}


@dataclass(frozen=True)
class Worn:
    """A local tag on a customer: since when, and who gave it (a person, api:NAME, rule:ID, import:ID)."""

    tag: Tag
    given_at: datetime
    by_whom: str


def load_worn(connection: Connection, tenant_id: TenantId, customer_id: CustomerId, *, viewer: Viewer) -> list[Worn]:
    """The local tags of a customer that somebody may see, in the catalogue's order (TAG-4)."""
    rows = fetch_all(
        connection,
        "select tag_id, given_at, by_whom from customer_tag where tenant_id = :tenant_id and customer_id = :id",
        tenant_id=tenant_id,
        id=customer_id,
    )
    given = {row["tag_id"]: row for row in rows}
    if not given:
        return []
    groups = usable(load_groups(connection, tenant_id), viewer)
    tags = [tag for group in groups for tag in group.tags if tag.id in given]
    return [Worn(tag, given[tag.id]["given_at"], given[tag.id]["by_whom"]) for tag in tags]
