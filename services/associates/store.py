"""Rows of associates and outlets."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.associates.model import Associate, Outlet
from shared.db.engine import as_json, fetch_all, run
from shared.ids import ExternalUserId, TenantId, UserId


def unknown_associates(connection: Connection, tenant_id: TenantId, userids: Iterable[UserId]) -> list[UserId]:
    rows = fetch_all(
        connection,
        "select u.userid from unnest(cast(:userids as text[])) u(userid) left join associate a "
        "on a.tenant_id = :tenant_id and a.userid = u.userid where a.userid is null",
        tenant_id=tenant_id,
        userids=sorted(set(userids)),
    )
    return [UserId(row["userid"]) for row in rows]


def record_associates(
    connection: Connection, tenant_id: TenantId, associates: Sequence[Associate], *, now: datetime
) -> None:
    run(
        connection,
        "insert into associate as a (tenant_id, userid, name, main_department_id, department_ids, leader_in, "
        "direct_leaders, status, observed_at) select :tenant_id, userid, name, main_department_id, department_ids, "
        "leader_in, direct_leaders, status, :now from jsonb_to_recordset(cast(:rows as jsonb)) as r(userid text, "
        "name text, main_department_id bigint, department_ids bigint[], leader_in bigint[], direct_leaders text[], "
        "status bigint) on conflict (tenant_id, userid) do update set name = coalesce(excluded.name, a.name), "
        "main_department_id = coalesce(excluded.main_department_id, a.main_department_id), "
        "department_ids = coalesce(excluded.department_ids, a.department_ids), "
        "leader_in = coalesce(excluded.leader_in, a.leader_in), "
        "direct_leaders = coalesce(excluded.direct_leaders, a.direct_leaders), "
        "status = coalesce(excluded.status, a.status), observed_at = excluded.observed_at",
        tenant_id=tenant_id,
        now=now,
        rows=as_json([one.__dict__ for one in sorted(associates, key=lambda a: a.userid)]),
    )


def record_gone(connection: Connection, tenant_id: TenantId, userid: UserId, *, now: datetime) -> None:
    """WeCom does not know the member (any more); what is known of them stays."""
    run(
        connection,
        "insert into associate as a (tenant_id, userid, observed_at, gone_at, has_contact) "
        "values (:tenant_id, :userid, :now, :now, false) on conflict (tenant_id, userid) do update set "
        "gone_at = coalesce(a.gone_at, excluded.gone_at), observed_at = excluded.observed_at",
        tenant_id=tenant_id,
        userid=userid,
        now=now,
    )


def unknown_outlets(connection: Connection, tenant_id: TenantId, department_ids: Iterable[int]) -> list[int]:
    rows = fetch_all(
        connection,
        "select d.id from unnest(cast(:ids as bigint[])) d(id) left join outlet o "
        "on o.tenant_id = :tenant_id and o.department_id = d.id where o.department_id is null",
        tenant_id=tenant_id,
        ids=sorted(set(department_ids)),
    )
    return [row["id"] for row in rows]


def record_outlet(connection: Connection, tenant_id: TenantId, outlet: Outlet, *, now: datetime) -> None:
    run(
        connection,
        "insert into outlet as o (tenant_id, department_id, name, parent_id, sort, leaders, observed_at) "
        "values (:tenant_id, :department_id, :name, :parent_id, :sort, :leaders, :now) "
        "on conflict (tenant_id, department_id) do update set name = coalesce(excluded.name, o.name), "
        "parent_id = coalesce(excluded.parent_id, o.parent_id), sort = coalesce(excluded.sort, o.sort), "
        "leaders = coalesce(excluded.leaders, o.leaders), observed_at = excluded.observed_at",
        tenant_id=tenant_id,
        department_id=outlet.department_id,
        name=outlet.name,
        parent_id=outlet.parent_id,
        sort=outlet.sort,
        leaders=None if outlet.leaders is None else list(outlet.leaders),
        now=now,
    )


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
