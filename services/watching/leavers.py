"""Leavers whose customers and chats can be handed over for some days only: announced before, once for each (TRF-6)."""

from collections import defaultdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.transfers.listing import list_leavers
from services.watching.model import LeaverDeadline, Watch
from services.watching.plan import day_of, deadline_due
from shared.db.engine import Row, fetch_all, run
from shared.ids import TenantId, UserId
from shared.tenants import Tenant


def announce(connection: Connection, tenant: Tenant, watch: Watch, day: date, *, now: datetime) -> list[LeaverDeadline]:
    """What is to be told of leavers who have left something that nobody was asked to take over."""
    told, zone = _told(connection, tenant.id), ZoneInfo(tenant.timezone)
    found = []
    for row in list_leavers(connection, tenant.id):
        if row["until"] is None or row["customers"] + row["chats"] <= row["under_way"]:
            continue
        until = day_of(row["until"], zone)
        due = deadline_due(until, watch.days, told=told[row["userid"], until], today=day)
        if due is not None:
            left, passed = due
            _note(connection, tenant.id, row, until, passed, now=now)
            found.append(_fact(row, until, left, now=now))
    return found


def _fact(row: Row, until: date, left: int, *, now: datetime) -> LeaverDeadline:
    return LeaverDeadline(
        occurred_at=now,
        userid=UserId(row["userid"]),
        until=until.isoformat(),
        days_left=left,
        customer_count=row["customers"],
        chat_count=row["chats"],
    )


def _told(connection: Connection, tenant_id: TenantId) -> defaultdict[tuple[str, date], set[int]]:
    rows = fetch_all(
        connection,
        "select userid, until, days_before from leaver_told where tenant_id = :tenant_id",
        tenant_id=tenant_id,
    )
    found: defaultdict[tuple[str, date], set[int]] = defaultdict(set)
    for row in rows:
        found[row["userid"], row["until"]].add(row["days_before"])
    return found


def _note(
    connection: Connection, tenant_id: TenantId, row: Row, until: date, passed: tuple[int, ...], *, now: datetime
) -> None:
    run(
        connection,
        "insert into leaver_told (tenant_id, userid, until, days_before, told_at) select :tenant_id, :userid, :until, "
        "one, :now from unnest(cast(:passed as integer[])) as one on conflict do nothing",
        tenant_id=tenant_id,
        userid=row["userid"],
        until=until,
        passed=list(passed),
        now=now,
    )
