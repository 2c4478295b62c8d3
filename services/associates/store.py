"""Loads associates, outlets, and what events said of them. What writes them is record.py."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.associates.model import (
    ASSOCIATE,
    Alias,
    Associate,
    Evidence,
    EvidenceKind,
    Outlet,
    RecordedAssociate,
    RecordedOutlet,
    current_userid,
)
from services.associates.plan import News, superior_of
from shared.db.engine import Row, fetch_all, fetch_one
from shared.ids import ExternalUserId, TenantId, UserId
from shared.requests import BACKFILL
from shared.tenants import Tenant

DIRECTORY = "directory"
"""The resource of the full pass."""
_KINDS = frozenset(one.value for one in EvidenceKind)


def lock_directory(connection: Connection, tenant_id: TenantId) -> None:
    """One transaction at a time decides about a corp's directory: no two tell the same news."""
    fetch_one(
        connection,
        "select pg_advisory_xact_lock(hashtextextended(:key, 0)) is null",
        key=f"guanxi:directory:{tenant_id}",
    )


def share_directory(connection: Connection, tenant_id: TenantId) -> None:
    """Until the transaction ends nobody leaves the corp or loses the function; any number may share it so.

    Before any row is locked: whoever decides about the directory waits.
    """
    fetch_one(
        connection,
        "select pg_advisory_xact_lock_shared(hashtextextended(:key, 0)) is null",
        key=f"guanxi:directory:{tenant_id}",
    )


def load_associates(
    connection: Connection, tenant_id: TenantId, userids: Collection[UserId]
) -> dict[UserId, RecordedAssociate]:
    rows = fetch_all(
        connection,
        "select * from associate where tenant_id = :tenant_id and userid = any(:userids)",
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return {UserId(row["userid"]): _associate(row) for row in rows}


def _associate(row: Row) -> RecordedAssociate:
    return RecordedAssociate(
        Associate(
            userid=UserId(row["userid"]),
            name=row["name"],
            main_department_id=row["main_department_id"],
            department_ids=_tuple(row["department_ids"]),
            leader_in=_tuple(row["leader_in"]),
            direct_leaders=_tuple(row["direct_leaders"]),
            status=row["status"],
        ),
        observed_at=row["observed_at"],
        seen_at=row["seen_at"],
        in_sight=row["in_sight"],
        has_contact=row["has_contact"],
        joined_at=row["joined_at"],
        gone_at=row["gone_at"],
        renamed_to=row["renamed_to"],
    )


def _tuple(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def main_departments(
    connection: Connection, tenant_id: TenantId, userids: Collection[UserId]
) -> dict[UserId, int | None]:
    """Associate -> main department, of those that are known (ASG-11)."""
    rows = fetch_all(
        connection,
        "select userid, main_department_id from associate where tenant_id = :tenant_id and userid = any(:userids)",
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return {UserId(row["userid"]): row["main_department_id"] for row in rows}


def load_outlets(connection: Connection, tenant_id: TenantId, ids: Collection[int]) -> dict[int, RecordedOutlet]:
    rows = fetch_all(
        connection,
        "select * from outlet where tenant_id = :tenant_id and department_id = any(cast(:ids as bigint[]))",
        tenant_id=tenant_id,
        ids=sorted(set(ids)),
    )
    return {
        row["department_id"]: RecordedOutlet(
            Outlet(row["department_id"], row["name"], row["parent_id"], row["sort"], _tuple(row["leaders"])),
            observed_at=row["observed_at"],
            in_sight=row["in_sight"],
            added_at=row["added_at"],
            gone_at=row["gone_at"],
        )
        for row in rows
    }


def load_evidence(
    connection: Connection, tenant_id: TenantId, subject_kind: str, keys: Collection[str]
) -> dict[str, list[Evidence]]:
    """What events said of each member or department; that of a renamed member is the new userid's."""
    aliases = load_aliases(connection, tenant_id, keys) if subject_kind == ASSOCIATE else []
    rows = fetch_all(
        connection,
        "select subject_key, kind, occurred_at, details, inbox_day, inbox_id from evidence "
        "where tenant_id = :tenant_id and subject_kind = :kind and subject_key = any(:keys) order by occurred_at, id",
        tenant_id=tenant_id,
        kind=subject_kind,
        keys=sorted({*keys, *(alias.old_userid for alias in aliases)}),
    )
    found: dict[str, list[Evidence]] = {key: [] for key in keys}
    for row in rows:
        whose = _whose(row, aliases)
        if whose in found and row["kind"] in _KINDS:
            found[whose].append(_evidence(row))
    return found


def _whose(row: Row, aliases: Sequence[Alias]) -> str:
    """The subject that a piece of evidence is about by now.

    What says that a member has another userid stays with both; what says that a userid is new, after it was given up,
    is about somebody else.
    """
    key = UserId(row["subject_key"])
    if row["kind"] in (EvidenceKind.RENAMED, EvidenceKind.RENAMED_FROM):
        return key
    if row["kind"] == EvidenceKind.CREATED and any(
        one.old_userid == key and row["occurred_at"] > one.renamed_at for one in aliases
    ):
        return key
    return current_userid(key, row["occurred_at"], aliases)


def _evidence(row: Row) -> Evidence:
    told_by = None if row["inbox_id"] is None else f"inbox:{row['inbox_day']:%Y%m%d}-{row['inbox_id']}"
    other = row["details"].get("userid")
    return Evidence(EvidenceKind(row["kind"]), row["occurred_at"], UserId(other) if other else None, told_by)


def load_aliases(connection: Connection, tenant_id: TenantId, userids: Collection[str]) -> list[Alias]:
    """Renamings from or to any of these userids."""
    rows = fetch_all(
        connection,
        "select old_userid, new_userid, renamed_at, recorded_at, ended_at from userid_alias "
        "where tenant_id = :tenant_id and (old_userid = any(:userids) or new_userid = any(:userids)) "
        "order by renamed_at",
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return [Alias(**row) for row in rows]


def load_hidden_departments(connection: Connection, tenant_id: TenantId) -> frozenset[int]:
    """Departments that the app may not see: a read of a member leaves them out."""
    rows = fetch_all(
        connection,
        "select department_id as id from outlet where tenant_id = :tenant_id and not in_sight and gone_at is null",
        tenant_id=tenant_id,
    )
    return frozenset(row["id"] for row in rows)


def load_hidden_leaders(connection: Connection, tenant_id: TenantId, ids: Collection[int]) -> frozenset[UserId]:
    """Known leaders of these departments whom the app may not see: a read of a department leaves them out."""
    rows = fetch_all(
        connection,
        "select a.userid from outlet o join associate a on a.tenant_id = o.tenant_id and a.userid = any(o.leaders) "
        "where o.tenant_id = :tenant_id and o.department_id = any(cast(:ids as bigint[])) "
        "and not a.in_sight and a.gone_at is null and a.renamed_to is null",
        tenant_id=tenant_id,
        ids=sorted(set(ids)),
    )
    return frozenset(UserId(row["userid"]) for row in rows)


def load_news(connection: Connection, tenant: Tenant) -> News:
    """What counts as new in this corp: see `News`. Asked of the database, since a process knows it with a delay."""
    row = fetch_one(
        connection,
        "select state = 'live' and exists (select from sync_run r where r.tenant_id = t.id and r.resource = :resource "
        "and r.state = 'done') as complete from tenant t where id = :tenant_id",
        tenant_id=tenant.id,
        resource=DIRECTORY,
    )
    return News(tenant.added_at, bool(row and row["complete"]))


def departed(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> dict[UserId, datetime]:
    """Those of the userids who have left the corp for certain, with the time (TRF-2)."""
    rows = fetch_all(
        connection,
        "select userid, gone_at from associate "
        "where tenant_id = :tenant_id and userid = any(:userids) and gone_at is not null",
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return {UserId(row["userid"]): row["gone_at"] for row in rows}


def with_contact(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> set[UserId]:
    """Those who have the customer-contact function, as far as the last look at all who have it said."""
    rows = fetch_all(
        connection,
        "select userid from associate where tenant_id = :tenant_id and userid = any(:userids) and has_contact",
        tenant_id=tenant_id,
        userids=sorted({one for one in userids if one}),
    )
    return {UserId(row["userid"]) for row in rows}


def associates_in_hand(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> set[UserId]:
    """Those whom a request of an event or a person will look at."""
    rows = fetch_all(
        connection,
        "select subject_key from request where tenant_id = :tenant_id and subject_kind = :kind "
        "and subject_key = any(:userids) and generation > settled_generation and dead_at is null and lane < :backfill",
        tenant_id=tenant_id,
        kind=ASSOCIATE,
        userids=sorted(set(userids)),
        backfill=BACKFILL,
    )
    return {UserId(row["subject_key"]) for row in rows}


def unknown_associates(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> list[UserId]:
    rows = fetch_all(
        connection,
        "select u.userid from unnest(cast(:userids as text[])) u(userid) left join associate a "
        "on a.tenant_id = :tenant_id and a.userid = u.userid where a.userid is null",
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return [UserId(row["userid"]) for row in rows]


def unknown_outlets(connection: Connection, tenant_id: TenantId, department_ids: Iterable[int]) -> list[int]:
    rows = fetch_all(
        connection,
        "select d.id from unnest(cast(:ids as bigint[])) d(id) left join outlet o "
        "on o.tenant_id = :tenant_id and o.department_id = d.id where o.department_id is null",
        tenant_id=tenant_id,
        ids=sorted(set(department_ids)),
    )
    return [row["id"] for row in rows]


def outlets_of_customer(connection: Connection, tenant_id: TenantId, external_userid: ExternalUserId) -> list[int]:
    """The associated outlets: the main departments of all associates who are friends with the customer (ASG-3)."""
    rows = fetch_all(
        connection,
        "select distinct a.main_department_id as id from relation r join associate a "
        "on a.tenant_id = r.tenant_id and a.userid = r.userid "
        "where r.tenant_id = :tenant_id and r.external_userid = :external_userid and r.state = 'active' "
        "and a.main_department_id is not null order by 1",
        tenant_id=tenant_id,
        external_userid=external_userid,
    )
    return [row["id"] for row in rows]


def load_superiors(
    connection: Connection, tenant_id: TenantId, userids: Collection[UserId]
) -> dict[UserId, UserId | None]:
    """Each associate's superior: the direct leader, else the leader of the main department, leavers left out.

    Who leads a department is said by the department, or by the members themselves where that was not read.
    """
    rows = fetch_all(
        connection,
        "select a.userid, "
        "(select array_agg(l.id order by l.n) from unnest(a.direct_leaders) with ordinality as l(id, n) "
        " where not exists (select from associate g where g.tenant_id = a.tenant_id and g.userid = l.id "
        " and g.gone_at is not null)) as direct_leaders, "
        "(select array_agg(l.id order by l.n) from unnest(o.leaders) with ordinality as l(id, n) "
        " where not exists (select from associate g where g.tenant_id = a.tenant_id and g.userid = l.id "
        " and g.gone_at is not null)) as told, "
        "(select array_agg(m.userid order by m.userid) from associate m where m.tenant_id = a.tenant_id "
        " and m.leader_in @> array[a.main_department_id] and m.gone_at is null and m.renamed_to is null) as themselves "
        "from associate a left join outlet o on o.tenant_id = a.tenant_id and o.department_id = a.main_department_id "
        "where a.tenant_id = :tenant_id and a.userid = any(:userids)",
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return {
        UserId(row["userid"]): superior_of(
            Associate(UserId(row["userid"]), direct_leaders=tuple(row["direct_leaders"] or ())),
            row["told"] or row["themselves"] or (),
        )
        for row in rows
    }
