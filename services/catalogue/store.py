"""Takes deleted tags off the rows of relations, page by page; no relation is read for it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import TagId, TenantId

PAGE = 20_000
Place = tuple[str, str]
"""external_userid and userid of the last relation that was looked at."""
START: Place = ("", "")


def tags_to_take_off(connection: Connection, tenant_id: TenantId) -> list[TagId]:
    """Deleted tags that relations may still carry."""
    rows = fetch_all(
        connection,
        "select tag_id from tag where tenant_id = :tenant_id and deleted_at is not null and taken_off_at is null "
        "order by tag_id",
        tenant_id=tenant_id,
    )
    return [TagId(row["tag_id"]) for row in rows]


def take_off(
    connection: Connection,
    tenant_id: TenantId,
    tag_ids: Sequence[TagId],
    *,
    after: Place,
    now: datetime,
    limit: int = PAGE,
) -> Place | None:
    """Take the tags off the next relations; where to go on, None: that was the last page.

    Their digests go as well: should WeCom show such a tag again, the next pass looks at the whole row.
    """
    last = fetch_one(
        connection,
        "select external_userid, userid from relation where tenant_id = :tenant_id "
        "and (external_userid, userid) > (:contact, :associate) order by external_userid, userid offset :skip limit 1",
        tenant_id=tenant_id,
        contact=after[0],
        associate=after[1],
        skip=limit - 1,
    )
    until = "" if last is None else "and (external_userid, userid) <= (:last_contact, :last_associate) "
    place = (last["external_userid"], last["userid"]) if last is not None else None
    run(
        connection,
        "with taken as (update relation set digest = null, corp_tag_ids = array("  # noqa: S608 - constants
        " select u.one from unnest(corp_tag_ids) with ordinality as u(one, n) where u.one <> all(:ids) order by u.n) "
        f"where tenant_id = :tenant_id and (external_userid, userid) > (:contact, :associate) {until}"
        "and exists (select from unnest(corp_tag_ids) as u(one) where u.one = any(:ids)) returning external_userid) "
        "update customer u set updated_at = greatest(u.updated_at, :now) from external_contact c "
        "where c.tenant_id = :tenant_id and c.external_userid in (select external_userid from taken) "
        "and u.tenant_id = c.tenant_id and u.id = c.customer_id",
        now=now,
        tenant_id=tenant_id,
        contact=after[0],
        associate=after[1],
        ids=list(tag_ids),
        **({} if place is None else {"last_contact": place[0], "last_associate": place[1]}),
    )
    return place


def record_taken_off(connection: Connection, tenant_id: TenantId, tag_ids: Sequence[TagId], *, now: datetime) -> None:
    run(
        connection,
        "update tag set taken_off_at = :now where tenant_id = :tenant_id and tag_id = any(:ids) "
        "and deleted_at is not null",
        tenant_id=tenant_id,
        ids=list(tag_ids),
        now=now,
    )
