"""Rows of loss: the standing of customers, and the two lists of relations, never mixed (LOSS-1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import State
from services.loss.model import Standing
from services.loss.plan import StandingPlan
from shared.db.engine import as_json, fetch_all, run
from shared.ids import CustomerId, ExternalUserId, TenantId, UserId


@dataclass(frozen=True)
class EndedRelation:
    userid: UserId
    external_userid: ExternalUserId
    ended_at: datetime


def load_standings(
    connection: Connection, tenant_id: TenantId, customer_ids: Sequence[CustomerId]
) -> dict[CustomerId, Standing]:
    rows = fetch_all(
        connection,
        "select id, standing from customer where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(customer_ids),
    )
    return {CustomerId(row["id"]): Standing(row["standing"]) for row in rows}


def record_standings(connection: Connection, tenant_id: TenantId, plans: Mapping[CustomerId, StandingPlan]) -> None:
    rows = [{"id": one, "standing": plan.standing} for one, plan in sorted(plans.items()) if plan.standing]
    if rows:
        run(
            connection,
            "update customer c set standing = r.standing "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, standing text) "
            "where c.tenant_id = :tenant_id and c.id = r.id",
            tenant_id=tenant_id,
            rows=as_json(rows),
        )


def list_lost(
    connection: Connection, tenant_id: TenantId, *, before: tuple[datetime, str, str] | None = None, limit: int = 100
) -> list[EndedRelation]:
    """Relations that the customer ended, newest first; `before` is the key of the last row of the page before."""
    return _list(connection, tenant_id, State.ENDED_BY_CUSTOMER, before=before, limit=limit)


def list_deleted(
    connection: Connection, tenant_id: TenantId, *, before: tuple[datetime, str, str] | None = None, limit: int = 100
) -> list[EndedRelation]:
    """Relations that the associate ended, newest first; paged as `list_lost`."""
    return _list(connection, tenant_id, State.ENDED_BY_ASSOCIATE, before=before, limit=limit)


def _list(
    connection: Connection, tenant_id: TenantId, state: State, *, before: tuple[datetime, str, str] | None, limit: int
) -> list[EndedRelation]:
    at, external_userid, userid = before or (None, None, None)
    rows = fetch_all(
        connection,
        "select userid, external_userid, ended_at from relation where tenant_id = :tenant_id and state = :state "
        "and ended_at is not null "  # the end of a half-add is no loss
        "and (cast(:at as timestamptz) is null or (ended_at, external_userid, userid) < (:at, :external_userid, "
        ":userid)) order by ended_at desc, external_userid desc, userid desc limit :limit",
        tenant_id=tenant_id,
        state=state.value,
        at=at,
        external_userid=external_userid,
        userid=userid,
        limit=limit,
    )
    return [EndedRelation(UserId(r["userid"]), ExternalUserId(r["external_userid"]), r["ended_at"]) for r in rows]


def mark_friends(connection: Connection, tenant_id: TenantId, external_userids: Sequence[ExternalUserId]) -> None:
    """Contacts that are somebody's friend and were never known as anything else: no fact comes of it."""
    run(
        connection,
        "update customer u set standing = 'friend' from external_contact c where c.tenant_id = :tenant_id "
        "and c.external_userid = any(:ids) and u.tenant_id = c.tenant_id and u.id = c.customer_id "
        "and u.standing = 'none'",
        tenant_id=tenant_id,
        ids=list(external_userids),
    )
