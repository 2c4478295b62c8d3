"""What full passes note about chats: which were listed with which status, and which were not."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId

_MISSED = (
    "from group_chat c where c.tenant_id = :tenant_id and c.listed_run is distinct from :run_id "
    "and c.dismissed_at is null "
    # What became of a chat out of sight, a read says as soon as its owner can be seen again.
    "and (c.out_of_sight_at is null or exists (select from associate a where a.tenant_id = c.tenant_id "
    "and a.userid = c.owner_userid and a.has_contact)) "
    "and (cast(:owners as text[]) is null or c.owner_userid = any(:owners)) "
    # What became of the chats of owners who could not be walked is not known.
    "and not exists (select from sync_block b where b.tenant_id = c.tenant_id and b.run_id = :run_id "
    "and b.kind = 'given_up' and c.owner_userid = any(b.userids))"
)


def owners_to_walk(connection: Connection, tenant_id: TenantId) -> list[UserId]:
    """Everybody who may own a chat: all members who are known, also those who left, and the owners of known chats."""
    rows = fetch_all(
        connection,
        "select userid from associate where tenant_id = :tenant_id and renamed_to is null union "
        "select owner_userid from group_chat where tenant_id = :tenant_id and dismissed_at is null "
        "and owner_userid is not null",
        tenant_id=tenant_id,
    )
    return sorted(UserId(row["userid"]) for row in rows)


def record_listed(
    connection: Connection,
    tenant_id: TenantId,
    statuses: Mapping[str, int | None],
    *,
    run_id: int,
    cause: str,
    caused_by: str,
) -> None:
    """Note the chats of one page; those that are new are to be read."""
    run(
        connection,
        "insert into group_chat as c (tenant_id, chat_id, status, listed_run, cause, caused_by) "
        "select :tenant_id, chat_id, status, :run_id, :cause, :caused_by "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(chat_id text, status bigint) "
        "on conflict (tenant_id, chat_id) do update set status = coalesce(excluded.status, c.status), "
        "listed_run = excluded.listed_run",
        tenant_id=tenant_id,
        run_id=run_id,
        cause=cause,
        caused_by=caused_by,
        rows=as_json([{"chat_id": one, "status": statuses[one]} for one in sorted(statuses)]),
    )


def count_missed(
    connection: Connection, tenant_id: TenantId, run_id: int, *, owners: Sequence[UserId] | None
) -> tuple[int, int]:
    """How many chats that an earlier pass had listed this one did not, and how many are known at all."""
    row = fetch_one(
        connection,
        f"select (select count(*) {_MISSED} and c.listed_run is not null) as missed, (select count(*) "  # noqa: S608
        "from group_chat where tenant_id = :tenant_id and dismissed_at is null and out_of_sight_at is null) as known",
        tenant_id=tenant_id,
        run_id=run_id,
        owners=None if owners is None else list(owners),
    )
    assert row is not None
    return row["missed"], row["known"]


def missed_chats(
    connection: Connection,
    tenant_id: TenantId,
    run_id: int,
    *,
    owners: Sequence[UserId] | None,
    after: str = "",
    limit: int | None = None,
    listed_before: bool = False,
) -> list[str]:
    """Chats that the walk of a run did not list, in the order of their ids; on from the last one of before."""
    rows = fetch_all(
        connection,
        f"select c.chat_id {_MISSED} and c.chat_id > :after and (not :listed_before or c.listed_run is not null) "
        "order by c.chat_id limit :limit",
        tenant_id=tenant_id,
        run_id=run_id,
        owners=None if owners is None else list(owners),
        after=after,
        limit=limit,
        listed_before=listed_before,
    )
    return [row["chat_id"] for row in rows]


def forget_listing(connection: Connection, tenant_id: TenantId, chat_ids: Sequence[str]) -> None:
    """That these are not listed is no surprise any more: a read of their own says what they are."""
    run(
        connection,
        "update group_chat set listed_run = null where tenant_id = :tenant_id and chat_id in "
        "(select chat_id from group_chat where tenant_id = :tenant_id and chat_id = any(:ids) "
        "order by chat_id for update)",
        tenant_id=tenant_id,
        ids=list(chat_ids),
    )
