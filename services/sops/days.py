"""Whom a day brings in: a date, a day that comes round each year, or too many days without contact.

Each rule looks at each of the corp's days once, page by page, in its order; a rule that was not looked at for days
looks at each of them.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import structlog
from sqlalchemy import Connection

from services.contacting.store import contacted_last_between
from services.finding.giving import Context
from services.finding.model import FilterError
from services.finding.times import next_days_of_year
from services.sops.entering import Candidate, enter, those_meant
from services.sops.marks import UNREADABLE
from services.sops.model import BIRTHDAY, Rule, RuleState
from services.sops.plan import Calendar
from services.sops.store import lock_rule, record_problem
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

PAGE = 1000
EPOCH = date(1970, 1, 1)
OLDEST = 1900

log = structlog.get_logger()


def rules_due(connection: Connection, *, now: datetime) -> list[tuple[TenantId, int]]:
    """Rules that have not looked at all days up to the corp's today."""
    rows = fetch_all(
        connection,
        "select r.tenant_id, r.id from sop_rule r join tenant t on t.id = r.tenant_id "
        "where r.by_day and r.state = 'running' and r.deleted_at is null and (r.run_day is null "
        "or r.run_after is not null or r.run_day < cast(cast(:now as timestamptz) at time zone t.timezone as date)) "
        "order by 1, 2",
        now=now,
    )
    return [(TenantId(row["tenant_id"]), row["id"]) for row in rows]


def look_at_day(
    connection: Connection, tenant: Tenant, rule_id: int, context: Context, calendar: Calendar, *, limit: int = PAGE
) -> int:
    """A page of the next day of a rule: 1; 0 when it has looked at all."""
    now = context.now
    rule = lock_rule(connection, tenant, rule_id, "enter")
    row = fetch_one(
        connection,
        "select run_day, run_after from sop_rule where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=rule_id,
    )
    assert row is not None
    today = now.astimezone(calendar.zone).date()
    if rule.state is not RuleState.RUNNING or rule.running_since is None:
        return 0
    first = rule.running_since.astimezone(calendar.zone).date()
    day, after = _next(row["run_day"], row["run_after"], first)
    if day > today:
        return 0
    page = _page(connection, tenant.id, rule, day, calendar, after=after, limit=limit)
    try:
        meant = those_meant(connection, tenant, rule, page, context)
    except FilterError:
        log.error("sops.rule_failed", tenant_id=tenant.id, rule_id=rule.id, reason="filter")
        record_problem(connection, tenant.id, rule.id, UNREADABLE)
        meant = frozenset()
    anchor_at = _midnight(day, calendar)
    candidates = [_candidate(rule, key, day, anchor_at) for key in page if key in meant]
    enter(connection, tenant.id, rule, candidates, calendar, by="rule", now=now)
    _record(connection, tenant.id, rule_id, day, str(page[-1]) if len(page) == limit else None)
    return 1


def _next(run_day: date | None, run_after: str | None, first: date) -> tuple[date, str]:
    """The day to look at, and whom to go on after; it begins with the `first` day that it runs."""
    if run_day is None:
        return first, ""
    return (run_day, run_after) if run_after is not None else (run_day + timedelta(days=1), "")


def _record(connection: Connection, tenant_id: TenantId, rule_id: int, day: date, after: str | None) -> None:
    run(
        connection,
        "update sop_rule set run_day = :day, run_after = :after where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=rule_id,
        day=day,
        after=after,
    )


def _candidate(rule: Rule, key: object, day: date, anchor_at: datetime) -> Candidate:
    if rule.subject == "chat":
        return Candidate(f"day:{day}:{key}", anchor_at, chat_id=str(key))
    assert isinstance(key, int)
    return Candidate(f"day:{day}:{key}", anchor_at, customer_id=CustomerId(key))


def _midnight(day: date, calendar: Calendar) -> datetime:
    return datetime.combine(day, time(), calendar.zone).astimezone(UTC)


def _page(
    connection: Connection, tenant_id: TenantId, rule: Rule, day: date, calendar: Calendar, *, after: str, limit: int
) -> Sequence[int | str]:
    """Whom this day is about, whether the rule means them or not, in the order of ids."""
    trigger = rule.spec.trigger
    if trigger.kind == "no_contact":
        assert trigger.days is not None
        last = day - timedelta(days=trigger.days)
        since, until = _midnight(last, calendar), _midnight(last + timedelta(days=1), calendar)
        return contacted_last_between(connection, tenant_id, since, until, after=int(after or 0), limit=limit)
    if trigger.kind == "date" and trigger.day != day:
        return []
    if rule.subject == "chat":
        sql = "select chat_id as key from group_chat where tenant_id = :id and chat_id > :after order by 1 limit :limit"
        return [row["key"] for row in fetch_all(connection, sql, id=tenant_id, after=after, limit=limit)]
    where, given = "true", dict[str, object]()
    if trigger.kind == "yearly":
        where, given = _coming_round(str(trigger.field), day + timedelta(days=trigger.days_before))
    rows = fetch_all(
        connection,
        f"select k.customer_id as key from customer_card k where k.tenant_id = :id and {where} "  # noqa: S608 - ours
        "and k.customer_id > :after order by 1 limit :limit",
        id=tenant_id,
        after=int(after or 0),
        limit=limit,
        **given,
    )
    return [row["key"] for row in rows]


def _coming_round(field: str, day: date) -> tuple[str, dict[str, object]]:
    """Whose day of the year this is: their birthday, or a day in a field of the retailer's own."""
    days = next_days_of_year(1, today=day)
    if field == BIRTHDAY:
        return "k.birthday = any(cast(:days as smallint[]))", {"days": days}
    counted = [(date(y, *divmod(one, 100)) - EPOCH).days for y in range(OLDEST, day.year + 1) for one in days
               if one != 229 or (y % 4 == 0 and (y % 100 != 0 or y % 400 == 0))]  # fmt: skip
    return (
        "exists (select from customer_number n where n.tenant_id = k.tenant_id and n.customer_id = k.customer_id "
        "and n.key = :field and n.value = any(cast(:counted as numeric[])))"
    ), {"field": field.removeprefix("own:"), "counted": counted}
