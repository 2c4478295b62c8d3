"""How those stand who are on the way: who is responsible for them at this moment, and whether they are there at all."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from services.sops.model import Enrolment
from shared.db.engine import fetch_all
from shared.ids import CustomerId, ExternalUserId, TenantId, UserId


@dataclass(frozen=True)
class Standing:
    """`userid`: who is responsible; None: nobody. `known` False: their card is still to be made.

    `external_userid`: as whom that associate knows the customer. `is_friend`: or never was one.
    `is_over`: the chat was dismissed.
    """

    userid: UserId | None
    external_userid: ExternalUserId | None = None
    known: bool = True
    is_friend: bool = True
    is_blacklisted: bool = False
    is_over: bool = False


def load_standings(connection: Connection, tenant_id: TenantId, enrolments: Iterable[Enrolment]) -> dict[int, Standing]:
    """By enrolment; who is not there any more is left out."""
    some = list(enrolments)
    customers = _customers(connection, tenant_id, {one.customer_id for one in some if one.customer_id is not None})
    chats = _chats(connection, tenant_id, {one.chat_id for one in some if one.chat_id is not None})
    found = dict[int, Standing]()
    for one in some:
        standing = chats.get(one.chat_id) if one.customer_id is None else customers.get(one.customer_id)
        if standing is not None:
            found[one.id] = standing
    return found


def _customers(connection: Connection, tenant_id: TenantId, ids: set[CustomerId]) -> dict[CustomerId, Standing]:
    rows = fetch_all(
        connection,
        "select u.id, k.customer_id is not null as known, coalesce(k.assigned_userid, k.pool_userid) as userid, "
        "(cardinality(k.friend_userids) > 0 or k.last_added_at is null) as is_friend, "
        "k.blacklisted, c.external_userid from customer u "
        "left join customer_card k on k.tenant_id = u.tenant_id and k.customer_id = u.id "
        "left join lateral (select e.external_userid from external_contact e join relation r "
        "on r.tenant_id = e.tenant_id and r.external_userid = e.external_userid and r.userid = k.assigned_userid "
        "where e.tenant_id = u.tenant_id and e.customer_id = u.id order by r.state <> 'active', e.external_userid "
        "limit 1) c on true where u.tenant_id = :tenant_id and u.id = any(:ids) and u.merged_into is null",
        tenant_id=tenant_id,
        ids=sorted(ids),
    )
    return {
        CustomerId(row["id"]): Standing(
            row["userid"], row["external_userid"], row["known"], bool(row["is_friend"]), bool(row["blacklisted"])
        )
        for row in rows
    }


def _chats(connection: Connection, tenant_id: TenantId, ids: set[str]) -> dict[str | None, Standing]:
    rows = fetch_all(
        connection,
        "select chat_id, owner_userid, dismissed_at is not null as over from group_chat "
        "where tenant_id = :tenant_id and chat_id = any(:ids)",
        tenant_id=tenant_id,
        ids=sorted(ids),
    )
    return {row["chat_id"]: Standing(row["owner_userid"], is_over=row["over"]) for row in rows}
