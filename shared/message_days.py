"""How many messages an app has sent today: WeCom allows an app 200 for each account of the corp and day.

A message to one person is one person-time. A day is a natural day in UTC+8, as WeCom counts.
Source: WeCom server API, frequency limits (page 90454).
"""

from datetime import date, datetime, timedelta, timezone

from sqlalchemy import Connection

from shared.db.engine import fetch_one, run
from shared.ids import TenantId

PER_ACCOUNT = 200
ACCOUNTS_AT_LEAST = 100
"""The corp's ceiling of accounts is not readable; where its file does not name it, its known members are counted."""
WECOM_TIME = timezone(timedelta(hours=8))


def day_of(moment: datetime) -> date:
    return moment.astimezone(WECOM_TIME).date()


def next_day(moment: datetime) -> datetime:
    """When the count starts anew."""
    midnight = moment.astimezone(WECOM_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)


def left_today(connection: Connection, tenant_id: TenantId, *, accounts: int | None, now: datetime) -> int:
    """Person-times that are left; who asks holds the day until the transaction ends."""
    row = fetch_one(
        connection,
        "insert into message_day as d (tenant_id, day) values (:tenant_id, :day) "
        "on conflict (tenant_id, day) do update set person_times = d.person_times returning person_times, "
        "(select count(*) from associate a where a.tenant_id = d.tenant_id and a.gone_at is null) as known",
        tenant_id=tenant_id,
        day=day_of(now),
    )
    assert row is not None
    ceiling = accounts or max(int(row["known"]), ACCOUNTS_AT_LEAST)
    return max(0, ceiling * PER_ACCOUNT - int(row["person_times"]))


def add_person_times(connection: Connection, tenant_id: TenantId, count: int, *, now: datetime) -> None:
    """Count messages that are about to be sent; less than 0 for those that certainly were not."""
    run(
        connection,
        "update message_day set person_times = greatest(0, person_times + :count) "
        "where tenant_id = :tenant_id and day = :day",
        count=count,
        tenant_id=tenant_id,
        day=day_of(now),
    )
