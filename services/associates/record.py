"""Writes associates and outlets, always for many at once. A row says what brought it about, and of which read it is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.associates.model import ASSOCIATE, Associate, AssociateLeft, RecordedAssociate, RecordedOutlet
from services.associates.store import load_associates, lock_directory
from shared.db.engine import as_json, fetch_all, run
from shared.ids import TenantId, UserId
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.tenants import Tenant


@dataclass(frozen=True)
class Provenance:
    """Why a row is as it is: the cause, and what brought it about (`inbox:...`, `run:...`, a person)."""

    cause: str
    caused_by: str | None = None


def record_associates(
    connection: Connection, tenant_id: TenantId, rows: Sequence[RecordedAssociate], why: Mapping[UserId, Provenance]
) -> None:
    """Write associates as they are planned; an older read never overwrites a newer one."""
    if not rows:
        return
    run(
        connection,
        "insert into associate as a (tenant_id, userid, name, main_department_id, department_ids, leader_in, "
        "direct_leaders, status, has_contact, in_sight, observed_at, seen_at, joined_at, gone_at, renamed_to, cause, "
        "caused_by) select :tenant_id, userid, name, main_department_id, department_ids, leader_in, direct_leaders, "
        "status, has_contact, in_sight, observed_at, seen_at, joined_at, gone_at, renamed_to, cause, caused_by "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(userid text, name text, main_department_id bigint, "
        "department_ids bigint[], leader_in bigint[], direct_leaders text[], status bigint, has_contact boolean, "
        "in_sight boolean, observed_at timestamptz, seen_at timestamptz, joined_at timestamptz, gone_at timestamptz, "
        "renamed_to text, cause text, caused_by text) on conflict (tenant_id, userid) do update set "
        "name = excluded.name, main_department_id = excluded.main_department_id, "
        "department_ids = excluded.department_ids, leader_in = excluded.leader_in, "
        "direct_leaders = excluded.direct_leaders, status = excluded.status, has_contact = excluded.has_contact, "
        "in_sight = excluded.in_sight, observed_at = excluded.observed_at, seen_at = excluded.seen_at, "
        "joined_at = excluded.joined_at, gone_at = excluded.gone_at, renamed_to = excluded.renamed_to, "
        "cause = excluded.cause, caused_by = excluded.caused_by where a.observed_at <= excluded.observed_at",
        tenant_id=tenant_id,
        rows=as_json(
            [_associate_row(one, why[one.associate.userid]) for one in sorted(rows, key=lambda r: r.associate.userid)]
        ),
    )


def _associate_row(one: RecordedAssociate, why: Provenance) -> dict[str, object]:
    return {
        **one.associate.__dict__,
        "has_contact": one.has_contact,
        "in_sight": one.in_sight,
        "observed_at": one.observed_at,
        "seen_at": one.seen_at,
        "joined_at": one.joined_at,
        "gone_at": one.gone_at,
        "renamed_to": one.renamed_to,
        "cause": why.cause,
        "caused_by": why.caused_by,
    }


def record_outlets(
    connection: Connection, tenant_id: TenantId, rows: Sequence[RecordedOutlet], why: Mapping[int, Provenance]
) -> None:
    """Write outlets as they are planned; an older read never overwrites a newer one."""
    if not rows:
        return
    run(
        connection,
        "insert into outlet as o (tenant_id, department_id, name, parent_id, sort, leaders, in_sight, observed_at, "
        "added_at, gone_at, cause, caused_by) select :tenant_id, department_id, name, parent_id, sort, leaders, "
        "in_sight, observed_at, added_at, gone_at, cause, caused_by "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(department_id bigint, name text, parent_id bigint, "
        "sort bigint, leaders text[], in_sight boolean, observed_at timestamptz, added_at timestamptz, "
        "gone_at timestamptz, cause text, caused_by text) on conflict (tenant_id, department_id) do update set "
        "name = excluded.name, parent_id = excluded.parent_id, sort = excluded.sort, leaders = excluded.leaders, "
        "in_sight = excluded.in_sight, observed_at = excluded.observed_at, added_at = excluded.added_at, "
        "gone_at = excluded.gone_at, cause = excluded.cause, caused_by = excluded.caused_by "
        "where o.observed_at <= excluded.observed_at",
        tenant_id=tenant_id,
        rows=as_json(
            [
                {
                    **one.outlet.__dict__,
                    "in_sight": one.in_sight,
                    "observed_at": one.observed_at,
                    "added_at": one.added_at,
                    "gone_at": one.gone_at,
                    "cause": why[one.outlet.department_id].cause,
                    "caused_by": why[one.outlet.department_id].caused_by,
                }
                for one in sorted(rows, key=lambda r: r.outlet.department_id)
            ]
        ),
    )


@dataclass(frozen=True)
class FollowUsers:
    """Who gained and who lost the customer-contact function, or the app's sight, since the list before."""

    gained: frozenset[UserId] = frozenset()
    lost: frozenset[UserId] = frozenset()


def record_follow_users(
    connection: Connection, tenant: Tenant, userids: Collection[UserId], *, now: datetime
) -> FollowUsers:
    """Bring `has_contact` in line with a whole get_follow_user_list; `now` is the start of its read.

    Nobody is recorded as back or in sight by it: those whom it shows against what is known are read by themselves.
    """
    lock_directory(connection, tenant.id)
    listed = sorted(set(userids))
    unread = fetch_all(
        connection,
        "select u.userid from unnest(cast(:userids as text[])) u(userid) left join associate a "
        "on a.tenant_id = :tenant_id and a.userid = u.userid "
        "where a.userid is null or a.gone_at is not null or a.renamed_to is not null or not a.in_sight",
        tenant_id=tenant.id,
        userids=listed,
    )
    cause = "bootstrap" if tenant.state == "bootstrap" else "resync"
    changed = fetch_all(
        connection,
        "with listed as (select unnest(cast(:userids as text[])) as userid), "
        "lost as (update associate a set has_contact = false where a.tenant_id = :tenant_id and a.has_contact "
        " and not exists (select from listed l where l.userid = a.userid) returning a.userid), "
        "gained as (insert into associate as a (tenant_id, userid, has_contact, observed_at, cause) "
        " select :tenant_id, userid, true, :now, :cause from listed order by userid "
        " on conflict (tenant_id, userid) do update set has_contact = true "
        " where not a.has_contact and a.gone_at is null and a.renamed_to is null returning a.userid) "
        "select userid, true as gained from gained union all select userid, false from lost",
        tenant_id=tenant.id,
        userids=listed,
        now=now,
        cause=cause,
    )
    wishes = [Wanted(Subject(tenant.id, ASSOCIATE, row["userid"]), BACKFILL, cause) for row in unread]
    want(connection, wishes, now=now)
    return FollowUsers(
        frozenset(UserId(row["userid"]) for row in changed if row["gained"]),
        frozenset(UserId(row["userid"]) for row in changed if not row["gained"]),
    )


def record_departures(
    connection: Connection, tenant: Tenant, left_at: Mapping[UserId, datetime], why: Provenance, *, now: datetime
) -> list[AssociateLeft]:
    """Record whom WeCom's list of leavers names; the facts that are new, for the caller to record (TRF-2).

    Whoever has the customer-contact function is with the corp (again). What becomes of the leavers' customers is the
    caller's to see to: the list names them.
    """
    lock_directory(connection, tenant.id)
    known = load_associates(connection, tenant.id, list(left_at))
    rows, facts = [], []
    for userid, at in sorted(left_at.items()):
        one = known.get(userid)
        if one is not None and (not one.present or one.has_contact):
            continue
        rows.append(_leaver(one, userid, at, now=now))
        facts.append(AssociateLeft(occurred_at=at, userid=userid, evidenced=True))
    record_associates(connection, tenant.id, rows, {one.associate.userid: why for one in rows})
    return facts


def _leaver(known: RecordedAssociate | None, userid: UserId, at: datetime, *, now: datetime) -> RecordedAssociate:
    one = known or RecordedAssociate(Associate(userid), now)
    return replace(one, observed_at=max(now, one.observed_at), in_sight=False, has_contact=False, gone_at=at)


def end_aliases(connection: Connection, tenant_id: TenantId, taken: Mapping[UserId, datetime]) -> None:
    """Somebody else has these userids since then: what names them from now on is about the new member."""
    rows = [{"userid": userid, "at": at} for userid, at in sorted(taken.items())]
    if rows:
        run(
            connection,
            "update userid_alias u set ended_at = greatest(r.at, u.renamed_at) "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(userid text, at timestamptz) "
            "where u.tenant_id = :tenant_id and u.old_userid = r.userid and u.ended_at is null",
            tenant_id=tenant_id,
            rows=as_json(rows),
        )
