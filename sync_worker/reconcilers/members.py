"""Members and departments, read on demand: when a relation names an associate, or an associate an outlet, not known."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.associates.model import ASSOCIATE, OUTLET, Associate, Outlet
from services.associates.store import record_associates, record_gone, record_outlet, unknown_outlets
from shared.ids import UserId
from shared.requests import BACKFILL, Leased, Subject, Wanted, want
from shared.tenants import Tenant
from shared.wecom.client import WeComClient
from shared.wecom.errors import NO_DEPARTMENT, NO_MEMBER, WeComError
from sync_worker.reconcilers import Looking, Recorded, Recording, Seen, Shell

NOT_IN_SIGHT = frozenset({60011})


def observe_associate(client: WeComClient, userid: UserId) -> Associate | None:
    """None: WeCom does not know the member, or does not show them to this app."""
    try:
        member = client.address_book.member(userid)
    except WeComError as error:
        if error.code in NO_MEMBER | NOT_IN_SIGHT:
            return None
        raise
    return Associate(
        userid=userid,
        name=member.name,
        main_department_id=member.main_department or (member.departments[0] if member.departments else None),
        department_ids=member.departments,
        leader_in=member.leader_in,
        direct_leaders=member.direct_leaders,
        status=member.status,
    )


def record_associate(
    connection: Connection, tenant: Tenant, userid: UserId, associate: Associate | None, *, now: datetime
) -> None:
    if associate is None:
        record_gone(connection, tenant.id, userid, now=now)
        return
    record_associates(connection, tenant.id, [associate], now=now)
    unknown = unknown_outlets(connection, tenant.id, associate.department_ids or ())
    want(connection, [Wanted(Subject(tenant.id, OUTLET, str(one)), BACKFILL, "event") for one in unknown], now=now)


def observe_outlet(client: WeComClient, department_id: int) -> Outlet:
    """A department that the app may not see is kept by its id."""
    try:
        department = client.address_book.department(department_id)
    except WeComError as error:
        if error.code in NO_DEPARTMENT | NOT_IN_SIGHT:
            return Outlet(department_id)
        raise
    return Outlet(department_id, department.name, department.parent_id, department.order, department.leaders)


def _observe_member(looking: Looking, leased: Leased) -> Associate | None:
    return observe_associate(looking.client(), UserId(leased.subject.key))


def _record_members(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    for one in seen:
        record_associate(
            connection, recording.tenant, UserId(one.leased.subject.key), one.observation, now=recording.now
        )
    return Recorded()


def _observe_outlet(looking: Looking, leased: Leased) -> Outlet:
    return observe_outlet(looking.client(), int(leased.subject.key))


def _record_outlets(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    for one in seen:
        record_outlet(connection, recording.tenant.id, one.observation, now=recording.now)
    return Recorded()


ASSOCIATES = Shell(ASSOCIATE, _observe_member, _record_members)
OUTLETS = Shell(OUTLET, _observe_outlet, _record_outlets)
