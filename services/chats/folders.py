"""Rows of folders (GRP-3). All that changes folders, or where chats are, takes turns within a corp.

So two operators who delete a folder and move chats into it come one after the other, whoever is first, and locks on
rows are never waited for in two orders.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.chats.filtering import SOURCE, conditions_of
from services.chats.model import (
    MOST_FOLDERS,
    UNGROUPED,
    UNGROUPED_NAMES,
    ChatIds,
    ChatRefusedError,
    Chosen,
    Folder,
    NameTakenError,
    NoSuchFolderError,
)
from services.chats.plan import check_order, folder_key
from shared.audit import Change
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

FOLDER = "chat_folder"
CANNOT = "Ungrouped is where chats without a folder are: it cannot be changed or deleted"


def load_folders(connection: Connection, tenant: Tenant) -> list[Folder]:
    """Ungrouped first, then the others in their order, empty ones too, each with its count of chats."""
    rows = fetch_all(
        connection,
        "with held as (select coalesce(o.folder_id, 0) as id, count(*) as n "  # noqa: S608 - a constant
        f"from {SOURCE} where c.tenant_id = :tenant_id and c.dismissed_at is null group by 1) "
        "select f.id, f.name, coalesce(h.n, 0) as n, f.position from chat_folder f left join held h using (id) "
        "where f.tenant_id = :tenant_id union all "
        "select 0, null, coalesce((select n from held where id = 0), 0), null order by position nulls first, id",
        tenant_id=tenant.id,
    )
    return [Folder(row["id"], row["name"] or name_of_ungrouped(tenant), row["n"]) for row in rows]


def name_of_ungrouped(tenant: Tenant) -> str:
    return UNGROUPED_NAMES.get(tenant.language, UNGROUPED_NAMES["en"])


def make_folder(
    connection: Connection, tenant_id: TenantId, name: str, *, by: str, now: datetime
) -> tuple[int, Change]:
    """A new, empty folder right under Ungrouped.

    Raises:
        NameTakenError, ChatRefusedError: nothing was written.
    """
    key = folder_key(name)
    _take_turn(connection, tenant_id)
    known = _load(connection, tenant_id)
    if len(known) >= MOST_FOLDERS:
        raise ChatRefusedError(f"there are {MOST_FOLDERS} folders already")
    _check_free(known, key, but=None)
    row = fetch_one(
        connection,
        "insert into chat_folder (tenant_id, name, name_key, position, created_at, created_by) "
        "values (:tenant_id, :name, :key, :position, :now, :by) returning id",
        tenant_id=tenant_id,
        name=name,
        key=key,
        position=min((one["position"] for one in known), default=0) - 1,
        now=now,
        by=by,
    )
    assert row is not None
    return row["id"], Change("chat_folder.made", FOLDER, str(row["id"]), after={"name": name})


def rename_folder(connection: Connection, tenant_id: TenantId, folder_id: int, name: str) -> Change:
    """
    Raises:
        NoSuchFolderError, NameTakenError, ChatRefusedError: nothing was written.
    """
    key = folder_key(name)
    before = _hold(connection, tenant_id, folder_id)
    _check_free(_load(connection, tenant_id), key, but=folder_id)
    run(
        connection,
        "update chat_folder set name = :name, name_key = :key where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=folder_id,
        name=name,
        key=key,
    )
    return Change("chat_folder.renamed", FOLDER, str(folder_id), {"name": before["name"]}, {"name": name})


def delete_folder(connection: Connection, tenant_id: TenantId, folder_id: int) -> tuple[int, Change]:
    """Its chats, dismissed ones too, are in Ungrouped from now on; how many.

    Raises:
        NoSuchFolderError, ChatRefusedError: nothing was written.
    """
    before = _hold(connection, tenant_id, folder_id)
    parameters = {"tenant_id": tenant_id, "id": folder_id}
    moved = run(
        connection,
        "update chat_own set folder_id = null where tenant_id = :tenant_id and folder_id = :id",
        **parameters,
    )
    run(connection, "delete from chat_folder where tenant_id = :tenant_id and id = :id", **parameters)
    change = Change(
        "chat_folder.deleted", FOLDER, str(folder_id), {"name": before["name"], "chats": moved}, {"chats": 0}
    )
    return moved, change


def order_folders(connection: Connection, tenant_id: TenantId, folder_ids: Sequence[int]) -> Change:
    """
    Raises:
        OrderStaleError: not each folder is named once.
    """
    _take_turn(connection, tenant_id)
    before = [row["id"] for row in _load(connection, tenant_id)]
    check_order(folder_ids, before)
    run(
        connection,
        "update chat_folder f set position = r.n from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, n int) "
        "where f.tenant_id = :tenant_id and f.id = r.id and f.position <> r.n",
        tenant_id=tenant_id,
        rows=as_json([{"id": one, "n": number} for number, one in enumerate(folder_ids)]),
    )
    return Change("chat_folder.ordered", FOLDER, "*", {"order": before}, {"order": list(folder_ids)})


def move_chats(connection: Connection, tenant_id: TenantId, folder_id: int, chosen: Chosen) -> tuple[int, Change]:
    """Put chats into one folder, or into none; how many were somewhere else before.

    Raises:
        NoSuchFolderError: nothing was moved; somebody may just have deleted it.
    """
    if folder_id == UNGROUPED:
        _take_turn(connection, tenant_id)
    else:
        _hold(connection, tenant_id, folder_id)
    conditions = conditions_of(chosen)
    moved = run(
        connection,
        "insert into chat_own as x (tenant_id, chat_id, folder_id) "  # noqa: S608 - constants
        f"select c.tenant_id, c.chat_id, cast(:to as bigint) from {SOURCE} where {conditions.sql} "
        "and o.folder_id is distinct from cast(:to as bigint) "
        "on conflict (tenant_id, chat_id) do update set folder_id = excluded.folder_id "
        "where x.folder_id is distinct from excluded.folder_id",
        tenant_id=tenant_id,
        to=folder_id or None,
        **conditions.parameters,
    )
    named = {"chat_ids": list(chosen.ids)} if isinstance(chosen, ChatIds) else {"filter": vars(chosen)}
    return moved, Change("chats.moved", FOLDER, str(folder_id), {}, {**named, "moved": moved})


def _take_turn(connection: Connection, tenant_id: TenantId) -> None:
    fetch_one(
        connection,
        "select pg_advisory_xact_lock(hashtextextended(:key, 0)) is null",
        key=f"guanxi:chat_folders:{tenant_id}",
    )


def _hold(connection: Connection, tenant_id: TenantId, folder_id: int) -> Row:
    if folder_id == UNGROUPED:
        raise ChatRefusedError(CANNOT)
    _take_turn(connection, tenant_id)
    for row in _load(connection, tenant_id):
        if row["id"] == folder_id:
            return row
    raise NoSuchFolderError("no such folder (any more)")


def _load(connection: Connection, tenant_id: TenantId) -> Sequence[Row]:
    return fetch_all(
        connection,
        "select id, name, name_key, position from chat_folder where tenant_id = :tenant_id order by position, id",
        tenant_id=tenant_id,
    )


def _check_free(known: Sequence[Row], key: str, *, but: int | None) -> None:
    if any(one["name_key"] == key and one["id"] != but for one in known):
        raise NameTakenError("there is a folder of this name; width and case are no difference")
