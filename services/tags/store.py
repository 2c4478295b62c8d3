"""Rows of corp tags and their groups. A catalogue has 10,000 tags at most, so it is loaded as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from services.tags.draft import CataloguePlan
from services.tags.model import CORP, DELETED, TAG_CATALOGUE, Catalogue, Entry, Tag, TagGroup
from shared.db.engine import Row, as_json, fetch_all, run
from shared.ids import TagGroupId, TagId, TenantId

Why = tuple[str, str | None]
"""What brought a row about: cause, and what is named as its cause."""
NOBODY_ELSE: Mapping[str, Why] = MappingProxyType({})


def load_catalogue(connection: Connection, tenant_id: TenantId) -> Catalogue:
    """Everything that is recorded, tombstones too."""
    groups = fetch_all(connection, "select * from tag_group where tenant_id = :tenant_id", tenant_id=tenant_id)
    tags = fetch_all(connection, "select * from tag where tenant_id = :tenant_id", tenant_id=tenant_id)
    return Catalogue(
        {TagGroupId(row["group_id"]): TagGroup(**_entry(row), group_id=TagGroupId(row["group_id"])) for row in groups},
        {
            TagId(row["tag_id"]): Tag(**_entry(row), tag_id=TagId(row["tag_id"]), group_id=TagGroupId(row["group_id"]))
            for row in tags
        },
    )


def _entry(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in Entry.__dataclass_fields__}


def usable_tags(connection: Connection, tenant_id: TenantId, tag_ids: Sequence[str]) -> set[TagId]:
    """Those of the ids that are corp tags which live."""
    rows = fetch_all(
        connection,
        "select tag_id from tag where tenant_id = :tenant_id and tag_id = any(:ids) and deleted_at is null",
        tenant_id=tenant_id,
        ids=list(tag_ids),
    )
    return {TagId(row["tag_id"]) for row in rows}


def dead_tags(connection: Connection, tenant_id: TenantId, tag_ids: Iterable[str]) -> set[TagId]:
    """Those of the ids that are corp tags which are gone."""
    ids = sorted(set(tag_ids))
    if not ids:
        return set()
    rows = fetch_all(
        connection,
        "select tag_id from tag where tenant_id = :tenant_id and tag_id = any(:ids) and deleted_at is not null",
        tenant_id=tenant_id,
        ids=ids,
    )
    return {TagId(row["tag_id"]) for row in rows}


def load_deletions(connection: Connection, tenant_id: TenantId) -> dict[str, datetime]:
    """Id of a tag or a group -> the time of the last event that called it deleted."""
    rows = fetch_all(
        connection,
        "select details ->> 'id' as id, max(occurred_at) as at from evidence "
        "where tenant_id = :tenant_id and subject_kind = :kind and subject_key = :key and kind = :said "
        "and details ->> 'id' is not null group by 1",
        tenant_id=tenant_id,
        kind=TAG_CATALOGUE,
        key=CORP,
        said=DELETED,
    )
    return {row["id"]: row["at"] for row in rows}


def record_catalogue(
    connection: Connection,
    tenant_id: TenantId,
    plan: CataloguePlan,
    *,
    observed_at: datetime,
    why: Why,
    whys: Mapping[str, Why] = NOBODY_ELSE,
) -> None:
    """Write what a plan changes; `observed_at` is the start of the read that it rests on.

    `why` brought it about, but for the tags and groups of `whys`.
    """

    def row(one: Entry, id_: str) -> dict[str, Any]:
        cause, caused_by = whys.get(id_, why)
        return {**one.__dict__, "observed_at": observed_at, "cause": cause, "caused_by": caused_by}

    _write(connection, tenant_id, "tag_group", ["group_id"], [row(one, one.group_id) for one in plan.groups])
    _write(connection, tenant_id, "tag", ["tag_id", "group_id"], [row(one, one.tag_id) for one in plan.tags])


def _write(
    connection: Connection, tenant_id: TenantId, table: str, ids: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    """`table` and `ids` are constants of this module; the first id is the key."""
    if not rows:
        return
    changing = [*ids[1:], *Entry.__dataclass_fields__, "observed_at", "cause", "caused_by"]
    columns = ", ".join([ids[0], *changing])
    changes = ", ".join(f"{name} = excluded.{name}" for name in changing)
    changes += ", taken_off_at = null" if table == "tag" else ""  # relations may carry it again
    run(
        connection,
        f"insert into {table} (tenant_id, {columns}) select :tenant_id, {columns} "  # noqa: S608 - constants
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(tag_id text, group_id text, name text, sort bigint, "
        "created_at timestamptz, shown_at timestamptz, deleted_at timestamptz, missing_at timestamptz, "
        "observed_at timestamptz, cause text, caused_by text) "
        f"on conflict (tenant_id, {ids[0]}) do update set {changes}",
        tenant_id=tenant_id,
        rows=as_json(rows),
    )


def unknown_tag_ids(connection: Connection, tenant_id: TenantId, tag_ids: Iterable[TagId]) -> list[TagId]:
    """Those that the catalogue has never had: tags of rule groups, and tags that another app made just now."""
    rows = fetch_all(
        connection,
        "select u.tag_id from unnest(cast(:tag_ids as text[])) u(tag_id) left join tag t "
        "on t.tenant_id = :tenant_id and t.tag_id = u.tag_id where t.tag_id is null order by 1",
        tenant_id=tenant_id,
        tag_ids=sorted(set(tag_ids)),
    )
    return [TagId(row["tag_id"]) for row in rows]
