"""Rows that say when a corp looks for what: one for each kind, and stage. Two schedulers take different rows.

What nobody set has a row too, of what is usual: each look is remembered there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.watching.model import (
    DIGEST_HOUR,
    LOOK_HOUR,
    USUAL_BEFORE,
    CustomerNotContacted,
    CustomerStageOverstayed,
    DeletionsOfDay,
    LeaverDeadline,
    Watch,
)
from services.watching.plan import Look, first_look, look
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

USUAL = (
    Watch(DeletionsOfDay.TYPE, hour=DIGEST_HOUR),
    Watch(LeaverDeadline.TYPE, hour=LOOK_HOUR, days=USUAL_BEFORE),
)
"""What every corp looks for, where it has set nothing else."""
WALKS = (CustomerStageOverstayed.TYPE, CustomerNotContacted.TYPE)
"""Kinds that go through customers, a page at a time."""
RAN_AHEAD = timedelta(days=3)
"""A next look that is further ahead was written by a clock that ran ahead."""


@dataclass(frozen=True)
class Clock:
    """A row that this transaction holds. `day`: whose look is due or under way; None: none is."""

    watch: Watch
    day: date | None
    cursor: int | None


def kinds_due(connection: Connection, *, now: datetime) -> list[tuple[TenantId, str, int]]:
    """(corp, kind, stage) of the looks that are due or under way."""
    rows = fetch_all(
        connection,
        "select c.tenant_id, c.kind, c.stage_id from reminder_clock c join tenant t on t.id = c.tenant_id "
        "where (c.next_at <= :now or c.next_at > :ahead or c.cursor is not null) and t.state = 'live' order by 1, 2, 3",
        now=now,
        ahead=now + RAN_AHEAD,
    )
    return [(TenantId(row["tenant_id"]), row["kind"], row["stage_id"]) for row in rows]


def add_usual(connection: Connection, *, now: datetime) -> None:
    """The rows of what every corp looks for, for corps that have none yet."""
    rows = fetch_all(
        connection,
        "select t.id, t.timezone, array_agg(c.kind) filter (where c.kind is not null) as known from tenant t "
        "left join reminder_clock c on c.tenant_id = t.id and c.kind = any(:kinds) where t.state = 'live' "
        "group by 1, 2 having count(c.kind) < :count",
        kinds=[one.kind for one in USUAL],
        count=len(USUAL),
    )
    for row in rows:
        missing = [one for one in USUAL if one.kind not in (row["known"] or ())]
        _add(connection, row["id"], ZoneInfo(row["timezone"]), missing, by="system", now=now)


def _add(
    connection: Connection, tenant_id: TenantId, zone: ZoneInfo, watches: Sequence[Watch], *, by: str, now: datetime
) -> None:
    """New ones begin with the next time it is their hour; those that are there are set anew and looked at soon."""
    rows = []
    for one in watches:
        first = first_look(one.hour, zone, now=now)
        rows.append(vars(one) | {"last_on": first.last_on, "next_at": first.next_at})
    run(
        connection,
        "insert into reminder_clock as c (tenant_id, kind, stage_id, hour, days, every_days, last_on, next_at, "
        "updated_at, updated_by) "
        "select :tenant_id, kind, stage_id, hour, days, every_days, last_on, next_at, :now, :by "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(kind text, stage_id bigint, hour smallint, days integer[], "
        "every_days integer, last_on date, next_at timestamptz) order by kind, stage_id "
        "on conflict (tenant_id, kind, stage_id) do update set hour = excluded.hour, days = excluded.days, "
        "every_days = excluded.every_days, next_at = :now, updated_at = :now, updated_by = :by",
        tenant_id=tenant_id,
        now=now,
        by=by,
        rows=as_json(rows),
    )


def hold(connection: Connection, tenant: Tenant, kind: str, stage_id: int, *, now: datetime) -> Clock | None:
    """Take a row that is due, and remember this look of it; None when somebody else has it, or it is not due any more.

    The caller's commit holds the look and what came of it: a crash before it leaves both to the next one.
    """
    row = fetch_one(
        connection,
        "select * from reminder_clock where tenant_id = :tenant_id and kind = :kind and stage_id = :stage_id "
        "for update skip locked",
        tenant_id=tenant.id,
        kind=kind,
        stage_id=stage_id,
    )
    if row is None:
        return None
    watch = _watch(row)
    if row["cursor"] is not None:
        return Clock(watch, row["last_on"], row["cursor"])
    if row["next_at"] > now and row["next_at"] <= now + RAN_AHEAD:
        return None
    found = look(watch.hour, ZoneInfo(tenant.timezone), last_on=row["last_on"], now=now)
    _remember(connection, tenant.id, watch, found)
    return Clock(watch, found.day, None)


def _remember(connection: Connection, tenant_id: TenantId, watch: Watch, found: Look) -> None:
    run(
        connection,
        "update reminder_clock set last_on = :last_on, next_at = :next_at "
        "where tenant_id = :tenant_id and kind = :kind and stage_id = :stage_id",
        tenant_id=tenant_id,
        kind=watch.kind,
        stage_id=watch.stage_id,
        last_on=found.last_on,
        next_at=found.next_at,
    )


def move_cursor(connection: Connection, tenant_id: TenantId, watch: Watch, cursor: int | None) -> None:
    """Where the walk goes on; None: it is over."""
    run(
        connection,
        "update reminder_clock set cursor = :cursor where tenant_id = :tenant_id and kind = :kind "
        "and stage_id = :stage_id",
        tenant_id=tenant_id,
        kind=watch.kind,
        stage_id=watch.stage_id,
        cursor=cursor,
    )


def load_watches(connection: Connection, tenant_id: TenantId) -> list[Watch]:
    """All that the corp looks for, by kind and stage; what it has not set is as usual."""
    rows = fetch_all(
        connection,
        "select * from reminder_clock where tenant_id = :tenant_id order by kind, stage_id",
        tenant_id=tenant_id,
    )
    found = [_watch(row) for row in rows]
    return [*found, *(one for one in USUAL if one.kind not in {known.kind for known in found})]


def record_watches(connection: Connection, tenant: Tenant, watches: Sequence[Watch], *, by: str, now: datetime) -> None:
    """In place of all that there were; what stays as it was goes on as it was. A walk under way ends with its rule."""
    stays = load_watches(connection, tenant.id)
    run(
        connection,
        "delete from reminder_clock c where tenant_id = :tenant_id and not exists (select from "
        "jsonb_to_recordset(cast(:keys as jsonb)) as k(kind text, stage_id bigint) "
        "where k.kind = c.kind and k.stage_id = c.stage_id)",
        tenant_id=tenant.id,
        keys=as_json([{"kind": one.kind, "stage_id": one.stage_id} for one in watches]),
    )
    changed = [one for one in watches if one not in stays]
    _add(connection, tenant.id, ZoneInfo(tenant.timezone), changed, by=by, now=now)


def _watch(row: Row) -> Watch:
    return Watch(row["kind"], row["stage_id"], row["hour"], tuple(row["days"]), row["every_days"])
