"""Local tags of chats and their groups: kept here, WeCom knows nothing of them (TAG-7).

The tables are those of customers' local tags; everything here is about rows that are `of` chats.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.chats.filtering import SOURCE, conditions_of
from services.chats.model import ChatIds, ChatRefusedError, Chosen, NameTakenError, NoSuchChatTagError
from shared.audit import Change
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.grams import fold
from shared.ids import TenantId

TAG, TAG_GROUP = "chat_tag", "chat_tag_group"
MOST_TAGS = 1000
_LIVE_GROUPS = "local_tag_group where tenant_id = :tenant_id and of = 'chat' and deleted_at is null"
_LIVE_TAGS = (
    "local_tag t join local_tag_group g on g.tenant_id = t.tenant_id and g.id = t.group_id "
    "where t.tenant_id = :tenant_id and g.of = 'chat' and g.deleted_at is null and t.deleted_at is null"
)


def load_tags(connection: Connection, tenant_id: TenantId) -> list[tuple[Row, list[Row]]]:
    """The groups (id, name) with their tags (id, name, group_id), in order."""
    groups = fetch_all(
        connection,
        f"select id, name from {_LIVE_GROUPS} order by position, id",  # noqa: S608 - a constant
        tenant_id=tenant_id,
    )
    tags = fetch_all(
        connection,
        f"select t.id, t.name, t.group_id from {_LIVE_TAGS} order by t.position, t.id",  # noqa: S608 - a constant
        tenant_id=tenant_id,
    )
    return [(group, [tag for tag in tags if tag["group_id"] == group["id"]]) for group in groups]


def names_of_tags(connection: Connection, tenant_id: TenantId, tag_ids: Sequence[int]) -> Mapping[int, str]:
    rows = fetch_all(
        connection,
        f"select t.id, t.name from {_LIVE_TAGS} and t.id = any(cast(:ids as bigint[]))",  # noqa: S608 - a constant
        tenant_id=tenant_id,
        ids=list(tag_ids),
    )
    return {row["id"]: row["name"] for row in rows}


def make_group(connection: Connection, tenant_id: TenantId, name: str, *, now: datetime) -> Change:
    """
    Raises:
        NameTakenError: nothing was written.
    """
    _take_turn(connection, tenant_id)
    _check_free(name, [group for group, _ in load_tags(connection, tenant_id)], but=None)
    row = fetch_one(
        connection,
        "insert into local_tag_group (tenant_id, of, name, position, created_at) "  # noqa: S608 - a constant
        "select :tenant_id, 'chat', :name, "
        f"coalesce(max(position), 0) + 1, :now from {_LIVE_GROUPS} returning id",
        tenant_id=tenant_id,
        name=name,
        now=now,
    )
    assert row is not None
    return Change("chat_tag_group.made", TAG_GROUP, str(row["id"]), after={"name": name})


def make_tag(connection: Connection, tenant_id: TenantId, group_id: int, name: str, *, now: datetime) -> Change:
    """
    Raises:
        NoSuchChatTagError, NameTakenError, ChatRefusedError: nothing was written.
    """
    _take_turn(connection, tenant_id)
    known = load_tags(connection, tenant_id)
    _, tags = _group(known, group_id)
    _check_free(name, tags, but=None)
    if sum(len(some) for _, some in known) >= MOST_TAGS:
        raise ChatRefusedError(f"there are {MOST_TAGS} tags of chats already")
    row = fetch_one(
        connection,
        "insert into local_tag (tenant_id, group_id, kind, name, position, created_at) select :tenant_id, :group_id, "
        "'manual', :name, coalesce(max(position), 0) + 1, :now from local_tag where tenant_id = :tenant_id "
        "and group_id = :group_id returning id",
        tenant_id=tenant_id,
        group_id=group_id,
        name=name,
        now=now,
    )
    assert row is not None
    return Change("chat_tag.made", TAG, str(row["id"]), after={"name": name, "group_id": group_id})


def rename_group(connection: Connection, tenant_id: TenantId, group_id: int, name: str) -> Change:
    """
    Raises:
        NoSuchChatTagError, NameTakenError: nothing was written.
    """
    _take_turn(connection, tenant_id)
    known = load_tags(connection, tenant_id)
    group, _ = _group(known, group_id)
    _check_free(name, [one for one, _ in known], but=group_id)
    run(
        connection,
        "update local_tag_group set name = :name where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=group_id,
        name=name,
    )
    return Change("chat_tag_group.renamed", TAG_GROUP, str(group_id), {"name": group["name"]}, {"name": name})


def rename_tag(connection: Connection, tenant_id: TenantId, tag_id: int, name: str) -> Change:
    """
    Raises:
        NoSuchChatTagError, NameTakenError: nothing was written.
    """
    _take_turn(connection, tenant_id)
    tag, sisters = _tag(load_tags(connection, tenant_id), tag_id)
    _check_free(name, sisters, but=tag_id)
    run(
        connection,
        "update local_tag set name = :name where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=tag_id,
        name=name,
    )
    return Change("chat_tag.renamed", TAG, str(tag_id), {"name": tag["name"]}, {"name": name})


def delete_tag(connection: Connection, tenant_id: TenantId, tag_id: int, *, now: datetime) -> Change:
    """It leaves all chats.

    Raises:
        NoSuchChatTagError: nothing was written.
    """
    _take_turn(connection, tenant_id)
    tag, _ = _tag(load_tags(connection, tenant_id), tag_id)
    chats = _bury(connection, tenant_id, [tag_id], now=now)
    return Change("chat_tag.deleted", TAG, str(tag_id), {"name": tag["name"], "chats": chats}, {"chats": 0})


def delete_group(connection: Connection, tenant_id: TenantId, group_id: int, *, now: datetime) -> Change:
    """With all its tags, which leave all chats.

    Raises:
        NoSuchChatTagError: nothing was written.
    """
    _take_turn(connection, tenant_id)
    group, tags = _group(load_tags(connection, tenant_id), group_id)
    chats = _bury(connection, tenant_id, [one["id"] for one in tags], now=now)
    run(
        connection,
        "update local_tag_group set deleted_at = :now where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=group_id,
        now=now,
    )
    before = {"name": group["name"], "tags": [one["name"] for one in tags], "chats": chats}
    return Change("chat_tag_group.deleted", TAG_GROUP, str(group_id), before, {"chats": 0})


def tag_chats(
    connection: Connection,
    tenant_id: TenantId,
    chosen: Chosen,
    *,
    add: Sequence[int],
    remove: Sequence[int],
    by: str,
    now: datetime,
) -> tuple[int, int, Change]:
    """How many tags were put on, and taken off; what was as wanted is not counted.

    Raises:
        NoSuchChatTagError: one of them is not there (any more); nothing was written.
    """
    _take_turn(connection, tenant_id)
    if set(add) - names_of_tags(connection, tenant_id, add).keys():
        raise NoSuchChatTagError("one of the tags is no tag of chats (any more)")
    conditions = conditions_of(chosen)
    # One statement: who is meant is what stood there before, also where the filter asks for the very tags.
    counts = fetch_one(
        connection,
        "with chosen as materialized (select c.chat_id "  # noqa: S608 - constants
        f"from {SOURCE} where {conditions.sql}), "
        "added as (insert into chat_tag (tenant_id, chat_id, tag_id, given_at, by_whom) select :tenant_id, chat_id, "
        "tag_id, :now, :by from chosen, unnest(cast(:add as bigint[])) as tag_id on conflict do nothing returning 1), "
        "removed as (delete from chat_tag t using chosen x where t.tenant_id = :tenant_id and t.chat_id = x.chat_id "
        "and t.tag_id = any(cast(:remove as bigint[])) returning 1) "
        "select (select count(*) from added) as added, (select count(*) from removed) as removed",
        tenant_id=tenant_id,
        add=list(dict.fromkeys(add)),
        remove=list(remove),
        now=now,
        by=by,
        **conditions.parameters,
    )
    assert counts is not None
    added, removed = counts["added"], counts["removed"]
    named = {"chat_ids": list(chosen.ids)} if isinstance(chosen, ChatIds) else {"filter": vars(chosen)}
    after = {**named, "add": list(add), "remove": list(remove), "added": added, "removed": removed}
    return added, removed, Change("chats.tagged", TAG, "*", {}, after)


def _bury(connection: Connection, tenant_id: TenantId, tag_ids: Sequence[int], *, now: datetime) -> int:
    parameters = {"tenant_id": tenant_id, "ids": list(tag_ids)}
    run(
        connection,
        "update local_tag set deleted_at = :now where tenant_id = :tenant_id and id = any(cast(:ids as bigint[]))",
        now=now,
        **parameters,
    )
    return run(
        connection,
        "delete from chat_tag where tenant_id = :tenant_id and tag_id = any(cast(:ids as bigint[]))",
        **parameters,
    )


def _take_turn(connection: Connection, tenant_id: TenantId) -> None:
    """So that a tag that is being given is not deleted meanwhile, and names stay unique."""
    fetch_one(
        connection,
        "select pg_advisory_xact_lock(hashtextextended(:key, 0)) is null",
        key=f"guanxi:chat_tags:{tenant_id}",
    )


def _group(known: Sequence[tuple[Row, list[Row]]], group_id: int) -> tuple[Row, list[Row]]:
    for group, tags in known:
        if group["id"] == group_id:
            return group, tags
    raise NoSuchChatTagError("no such group of chat tags (any more)")


def _tag(known: Sequence[tuple[Row, list[Row]]], tag_id: int) -> tuple[Row, list[Row]]:
    for _, tags in known:
        for tag in tags:
            if tag["id"] == tag_id:
                return tag, tags
    raise NoSuchChatTagError("no such tag of chats (any more)")


def _check_free(name: str, rows: Sequence[Row], *, but: int | None) -> None:
    if any(fold(one["name"]) == fold(name) and one["id"] != but for one in rows):
        raise NameTakenError("there is one of this name; width and case are no difference")
