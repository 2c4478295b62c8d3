"""Members and departments: how WeCom is read for one of them, and how reads are recorded. For the shells and the pass.

Two secrets see the directory: the contact app's shows names, within its sight; that of contact sync, where the corp's
file has it, sees everybody, but from newer addresses it reads ids only (48009).
Source: WeCom server API, members (pages 96255 and 96067), departments (pages 90344 and 95407).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection

from services.associates.model import (
    ASSOCIATE,
    OUTLET,
    Absence,
    Associate,
    ObservedAssociate,
    ObservedOutlet,
    Outlet,
)
from services.associates.outlets import OutletPlan, plan_outlet
from services.associates.plan import AssociatePlan, Lags, plan_associate
from services.associates.record import Provenance, end_aliases, record_associates, record_outlets
from services.associates.store import (
    load_associates,
    load_evidence,
    load_hidden_departments,
    load_hidden_leaders,
    load_news,
    load_outlets,
    unknown_outlets,
)
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause
from shared.errors import RetryableError
from shared.ids import UserId
from shared.requests import BACKFILL, Subject, Wanted, want
from shared.settings import Settings
from shared.sync_runs import open_departure
from shared.wecom.client import WeComClient
from shared.wecom.errors import NO_DEPARTMENT, NO_MEMBER, WeComError
from shared.wecom.errors.table import Action, entry_of
from shared.wecom.payloads.directory import Department, Member
from sync_worker.reconcilers import Recording

NOT_IN_SIGHT = frozenset({60011})


def read_member(
    app: WeComClient, contact_sync: WeComClient | None, userid: UserId, *, now: datetime
) -> ObservedAssociate:
    """One member as the app sees them; where it sees none, contact sync is asked whether the corp has them."""
    try:
        return observed_member(app.address_book.member(userid), now=now)
    except WeComError as error:
        if error.code not in NO_MEMBER | NOT_IN_SIGHT:
            raise
        absence = Absence.UNKNOWN if error.code in NO_MEMBER else Absence.HIDDEN
    told = None if contact_sync is None else _ask_contact_sync(contact_sync, userid)
    return ObservedAssociate(userid, now, absence=told or absence)


def _ask_contact_sync(client: WeComClient, userid: UserId) -> Absence | None:
    """None: it cannot tell. That a secret is missing, wrong or not allowed to is no reason to wait."""
    try:
        client.address_book.member(userid)
    except WeComError as error:
        if error.code in NO_MEMBER:
            return Absence.NOWHERE
        if entry_of(error.code).action in (Action.AGAIN, Action.WINDOW):
            raise
        return None
    except RetryableError as error:
        if type(error) is RetryableError:
            return None
        raise
    return Absence.ELSEWHERE


def observed_member(member: Member, *, now: datetime) -> ObservedAssociate:
    associate = Associate(
        userid=member.userid,
        name=member.name or None,
        main_department_id=member.main_department,
        department_ids=member.departments,
        leader_in=member.leader_in,
        direct_leaders=member.direct_leaders,
        status=member.status,
    )
    return ObservedAssociate(member.userid, now, associate)


def read_department(app: WeComClient, department_id: int, *, now: datetime) -> ObservedOutlet:
    try:
        return observed_department(app.address_book.department(department_id), now=now)
    except WeComError as error:
        if error.code in NO_DEPARTMENT:
            return ObservedOutlet(department_id, now, absence=Absence.UNKNOWN)
        if error.code in NOT_IN_SIGHT:
            return ObservedOutlet(department_id, now, absence=Absence.HIDDEN)
        raise


def observed_department(department: Department, *, now: datetime) -> ObservedOutlet:
    outlet = Outlet(department.id, department.name or None, department.parent_id, department.order, department.leaders)
    return ObservedOutlet(department.id, now, outlet)


def lags_of(settings: Settings) -> Lags:
    return Lags(timedelta(seconds=settings.deletion_lag_s), timedelta(seconds=settings.add_lag_s))


def plan_members(
    connection: Connection, recording: Recording, observed: Sequence[ObservedAssociate]
) -> list[AssociatePlan]:
    """Plan what reads of members show; the caller holds the lock of the corp's directory."""
    tenant, userids = recording.tenant, [one.userid for one in observed]
    recorded = load_associates(connection, tenant.id, userids)
    evidence = load_evidence(connection, tenant.id, ASSOCIATE, userids)
    hidden, news = load_hidden_departments(connection, tenant.id), load_news(connection, tenant)
    return [
        plan_associate(
            one,
            recorded.get(one.userid),
            evidence[one.userid],
            hidden=hidden,
            lags=lags_of(recording.settings),
            news=news,
        )
        for one in observed
    ]


def record_member_plans(
    connection: Connection, recording: Recording, plans: Sequence[AssociatePlan], why: Mapping[UserId, Provenance]
) -> int:
    """Write plans and their facts; the number of notices that wait. A leaver's relations get a run of their own."""
    tenant, now = recording.tenant, recording.now
    rows = [plan.row for plan in plans if plan.row is not None]
    record_associates(connection, tenant.id, rows, why)
    shown = {row.associate.userid: row.joined_at or row.observed_at for row in rows if row.in_sight}
    end_aliases(connection, tenant.id, shown)
    unknown = {one for row in rows for one in row.associate.department_ids or ()}
    _want_outlets(connection, recording, unknown_outlets(connection, tenant.id, unknown) if unknown else [])
    for plan in plans:
        if plan.departed:
            open_departure(connection, tenant.id, plan.userid, now=now)
    facts = [
        Caused(fact, cast(Cause, why[plan.userid].cause), why[plan.userid].caused_by)
        for plan in plans
        for fact in plan.facts
    ]
    return record_facts_and_notices(connection, tenant, facts, now=now, ttl_s=recording.settings.message_ttl_s)


def _want_outlets(connection: Connection, recording: Recording, ids: Sequence[int]) -> None:
    wishes = [Wanted(Subject(recording.tenant.id, OUTLET, str(one)), BACKFILL, "event") for one in ids]
    want(connection, wishes, now=recording.now)


def plan_outlets(connection: Connection, recording: Recording, observed: Sequence[ObservedOutlet]) -> list[OutletPlan]:
    """Plan what reads of departments show; the caller holds the lock of the corp's directory."""
    tenant, ids = recording.tenant, [one.department_id for one in observed]
    recorded = load_outlets(connection, tenant.id, ids)
    evidence = load_evidence(connection, tenant.id, OUTLET, [str(one) for one in ids])
    hidden, news = load_hidden_leaders(connection, tenant.id, ids), load_news(connection, tenant)
    return [
        plan_outlet(
            one,
            recorded.get(one.department_id),
            evidence[str(one.department_id)],
            hidden=hidden,
            lags=lags_of(recording.settings),
            news=news,
        )
        for one in observed
    ]


def record_outlet_plans(
    connection: Connection, recording: Recording, plans: Sequence[OutletPlan], why: Mapping[int, Provenance]
) -> int:
    """Write plans and their facts; the number of notices that wait."""
    record_outlets(connection, recording.tenant.id, [plan.row for plan in plans if plan.row is not None], why)
    facts = [
        Caused(fact, cast(Cause, why[plan.department_id].cause), why[plan.department_id].caused_by)
        for plan in plans
        for fact in plan.facts
    ]
    return record_facts_and_notices(
        connection, recording.tenant, facts, now=recording.now, ttl_s=recording.settings.message_ttl_s
    )
