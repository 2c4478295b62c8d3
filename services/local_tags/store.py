"""Rows of the catalogue of local tags. Who changes it holds its lock: names and places are decided over all of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.local_tags.model import Group, Kind, Of, Tag
from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId
from shared.requests import BACKFILL, Subject, Wanted, lock, want

DELETED_LOCAL_TAGS = "deleted_local_tags"
"""Subject kind: rows of customers that still carry deleted local tags; its one key is `CORP`."""
CORP = "corp"


def load_groups(connection: Connection, tenant_id: TenantId, *, of: Of = "customer") -> list[Group]:
    """All that live, with their tags, in order. Show and offer what `plan.usable` leaves of them, nothing else."""
    rows = fetch_all(
        connection,
        "select g.id, g.name, g.position, g.visible_to, t.id as tag_id, t.kind, t.name as tag_name, "
        "t.position as tag_position from local_tag_group g left join local_tag t on t.tenant_id = g.tenant_id "
        "and t.group_id = g.id and t.deleted_at is null where g.tenant_id = :tenant_id and g.of = :of "
        "and g.deleted_at is null order by g.position, g.id, t.position, t.id",
        tenant_id=tenant_id,
        of=of,
    )
    tags: dict[int, list[Tag]] = {}
    found: dict[int, Group] = {}
    for row in rows:
        visible = None if row["visible_to"] is None else tuple(UserId(one) for one in row["visible_to"])
        found[row["id"]] = Group(row["id"], row["name"], row["position"], visible)
        if row["tag_id"] is not None:
            tag = Tag(row["tag_id"], row["id"], Kind(row["kind"]), row["tag_name"], row["tag_position"])
            tags.setdefault(row["id"], []).append(tag)
    return [
        Group(one.id, one.name, one.position, one.visible_to, tuple(tags.get(one.id, ()))) for one in found.values()
    ]


def lock_groups(connection: Connection, tenant_id: TenantId, *, of: Of = "customer") -> list[Group]:
    """All that live; nobody else changes the catalogue until the transaction ends."""
    lock(connection, [Subject(tenant_id, "local_tags", of)])
    return load_groups(connection, tenant_id, of=of)


def record_group(
    connection: Connection,
    tenant_id: TenantId,
    name: str,
    visible_to: Sequence[UserId] | None,
    *,
    of: Of = "customer",
    now: datetime,
) -> int:
    """The id of a new group. It comes right at the end."""
    row = fetch_one(
        connection,
        "insert into local_tag_group (tenant_id, of, name, position, visible_to, created_at) select :tenant_id, :of, "
        ":name, coalesce(max(position), 0) + 1, cast(:visible_to as text[]), :now from local_tag_group "
        "where tenant_id = :tenant_id and of = :of and deleted_at is null returning id",
        tenant_id=tenant_id,
        of=of,
        name=name,
        visible_to=_listed(visible_to),
        now=now,
    )
    assert row is not None
    return int(row["id"])


def _listed(visible_to: Sequence[UserId] | None) -> list[str] | None:
    return None if visible_to is None else sorted(set(visible_to))


def record_group_edit(
    connection: Connection, tenant_id: TenantId, group_id: int, name: str, visible_to: Sequence[UserId] | None
) -> None:
    run(
        connection,
        "update local_tag_group set name = :name, visible_to = cast(:visible_to as text[]) "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=group_id,
        name=name,
        visible_to=_listed(visible_to),
    )


def record_tag(
    connection: Connection, tenant_id: TenantId, group_id: int, name: str, kind: Kind, *, now: datetime
) -> int:
    """The id of a new tag, at the end of its group."""
    row = fetch_one(
        connection,
        "insert into local_tag (tenant_id, group_id, kind, name, position, created_at) select :tenant_id, :group_id, "
        ":kind, :name, coalesce(max(position), 0) + 1, :now from local_tag where tenant_id = :tenant_id "
        "and group_id = :group_id and deleted_at is null returning id",
        tenant_id=tenant_id,
        group_id=group_id,
        name=name,
        kind=kind.value,
        now=now,
    )
    assert row is not None
    return int(row["id"])


def record_tag_name(connection: Connection, tenant_id: TenantId, tag_id: int, name: str) -> None:
    run(
        connection,
        "update local_tag set name = :name where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=tag_id,
        name=name,
    )


def record_places(connection: Connection, tenant_id: TenantId, placed: Sequence[Group] | Sequence[Tag]) -> None:
    """`placed`: groups, or tags, with their new positions."""
    table = "local_tag_group" if placed and isinstance(placed[0], Group) else "local_tag"
    run(
        connection,
        f"update {table} t set position = p.position from jsonb_to_recordset(cast(:rows as jsonb)) "  # noqa: S608 - constants
        "as p(id bigint, position int) where t.tenant_id = :tenant_id and t.id = p.id",
        tenant_id=tenant_id,
        rows=as_json([{"id": one.id, "position": one.position} for one in placed]),
    )


def record_deleted(
    connection: Connection,
    tenant_id: TenantId,
    tag_ids: Sequence[int],
    *,
    group_id: int | None = None,
    by: str,
    now: datetime,
) -> None:
    """These tags, and this group, are gone at once for everybody who reads; their rows follow in the background.

    Waits for whoever gives one of the tags just now, so that the walk behind it finds what they gave.
    """
    run(
        connection,
        "update local_tag set deleted_at = :now where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=sorted(tag_ids),
        now=now,
    )
    if group_id is not None:
        run(
            connection,
            "update local_tag_group set deleted_at = :now where tenant_id = :tenant_id and id = :id",
            tenant_id=tenant_id,
            id=group_id,
            now=now,
        )
    if tag_ids:
        want(connection, [Wanted(Subject(tenant_id, DELETED_LOCAL_TAGS, CORP), BACKFILL, "api", by)], now=now)
