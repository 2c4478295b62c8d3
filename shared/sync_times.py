"""When a corp's full passes were last over: what the timetable and the age of a corp's data are told from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import fetch_all
from shared.ids import TenantId
from shared.sync_runs import RESOURCES


@dataclass(frozen=True)
class PassTimes:
    """`over_at`: the last pass over all of the resource ended, however it did; now, while one runs.

    `complete_at`: the last one that read everything ended. Both fall back on the time when the corp went live.
    """

    tenant_id: TenantId
    corp_id: str
    timezone: str
    resource: str
    over_at: datetime
    complete_at: datetime


def hold_live_corps(connection: Connection) -> list[TenantId]:
    """Lock the live corps that nobody else has locked, until the transaction ends: one timetable at a time."""
    rows = fetch_all(connection, "select id from tenant where state = 'live' order by id for no key update skip locked")
    return [TenantId(row["id"]) for row in rows]


def live_corps(connection: Connection) -> list[TenantId]:
    return [
        TenantId(row["id"]) for row in fetch_all(connection, "select id from tenant where state = 'live' order by id")
    ]


def load_times(
    connection: Connection, tenant_ids: Sequence[TenantId] | None = None, *, now: datetime
) -> list[PassTimes]:
    """Of all live corps, or of the given ones of them, every resource."""
    rows = fetch_all(
        connection,
        "select t.id as tenant_id, t.corp_id, t.timezone, n.name as resource, "
        "coalesce(max(coalesce(r.finished_at, :now)), t.live_at, t.added_at) as over_at, "
        "coalesce(max(r.finished_at) filter (where r.state = 'done'), t.live_at, t.added_at) as complete_at "
        "from tenant t cross join unnest(cast(:resources as text[])) with ordinality as n(name, place) "
        "left join sync_run r on r.tenant_id = t.id and r.resource = n.name and r.kind in ('bootstrap', 'resync') "
        "and r.scope is null where t.state = 'live' and (cast(:ids as int[]) is null or t.id = any(:ids)) "
        "group by t.id, n.name, n.place order by t.id, n.place",
        resources=list(RESOURCES),
        ids=None if tenant_ids is None else list(tenant_ids),
        now=now,
    )
    return [PassTimes(**row) for row in rows]
