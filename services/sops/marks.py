"""What happened, as triggers of the database have marked it: who comes in by it, and whose way ends.

A mark is taken in the transaction of what follows from it, so whoever is killed loses none. One process at a time
takes those of a corp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import structlog
from sqlalchemy import Connection

from services.finding.giving import Context
from services.sops.check import entrance_of, exit_signal
from services.sops.ending import drop_pending
from services.sops.entering import Candidate, end_for, enter, those_meant
from services.sops.model import Rule, RuleState
from services.sops.plan import Calendar
from services.sops.store import lock_rules, record_problem
from shared.db.engine import describe, fetch_all, fetch_one, is_passing, run
from shared.ids import CustomerId, ExternalUserId, TenantId
from shared.tenants import Tenant

BATCH = 500
UNREADABLE = "its filter cannot be read any more: edit the rule"

log = structlog.get_logger()


@dataclass(frozen=True)
class Mark:
    id: int
    signal: str
    customer_id: CustomerId | None
    member: ExternalUserId | None
    chat_id: str | None
    occurred_at: datetime | None
    source_key: str


def tenants_with_marks(connection: Connection) -> list[TenantId]:
    rows = fetch_all(
        connection,
        "select t.id from tenant t where exists (select from sop_mark m where m.tenant_id = t.id) order by t.id",
    )
    return [TenantId(row["id"]) for row in rows]


def follow_marks(
    connection: Connection, tenant: Tenant, context: Context, calendar: Calendar, *, limit: int = BATCH
) -> int:
    """Do what follows from the next marks; how many were taken. 0 while somebody else does."""
    lock = "select pg_try_advisory_xact_lock(hashtext('sops'), cast(:id as int)) as got"
    row = fetch_one(connection, lock, id=tenant.id)
    marks = _next_marks(connection, tenant.id, limit=limit) if row and row["got"] else []
    if not marks:
        return 0
    ids = _rules_of(connection, tenant.id, {one.signal for one in marks})
    for rule in lock_rules(connection, tenant, ids, "enter"):
        _follow(connection, tenant, rule, marks, context=context, calendar=calendar)
    run(
        connection,
        "delete from sop_mark where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant.id,
        ids=[one.id for one in marks],
    )
    return len(marks)


def _next_marks(connection: Connection, tenant_id: TenantId, *, limit: int) -> list[Mark]:
    """Without those of customers whose card is still to be made: by it they are found, or not.

    What happened to a record that was merged meanwhile has happened to whom it was merged into.
    """
    rows = fetch_all(
        connection,
        "with near as materialized (select m.id, m.signal, "
        "coalesce(u.merged_into, m.customer_id, e.customer_id) as customer_id, "
        "m.external_userid as member, m.chat_id, m.occurred_at, m.source_key from sop_mark m "
        "left join external_contact e on e.tenant_id = m.tenant_id and e.external_userid = m.external_userid "
        "left join customer u on u.tenant_id = m.tenant_id and u.id = m.customer_id "
        "where m.tenant_id = :tenant_id order by m.id limit :limit) "
        "select * from near where customer_id is null or customer_id not in "
        "(select d.customer_id from card_due d where d.tenant_id = :tenant_id) order by id",
        tenant_id=tenant_id,
        limit=limit,
    )
    return [Mark(**row) for row in rows]


def _rules_of(connection: Connection, tenant_id: TenantId, signals: set[str]) -> list[int]:
    rows = fetch_all(
        connection,
        "select distinct rule_id from sop_signal where tenant_id = :tenant_id and signal = any(:signals) order by 1",
        tenant_id=tenant_id,
        signals=sorted(signals),
    )
    return [row["rule_id"] for row in rows]


def _follow(
    connection: Connection, tenant: Tenant, rule: Rule, marks: Sequence[Mark], *, context: Context, calendar: Calendar
) -> None:
    """A rule that cannot be asked holds up no other."""
    exits = {exit_signal(one) for one in rule.spec.exits}
    entrance = entrance_of(rule.spec.trigger)
    concerned = [one for one in marks if one.signal in exits or one.signal == entrance]
    try:
        with connection.begin_nested():
            # In the order in which it happened: who lost a tag and has it again is in again.
            for ends, some in groupby(concerned, lambda one: one.signal in exits):
                if ends:
                    _end(connection, tenant.id, rule, list(some), now=context.now)
                else:
                    _bring_in(connection, tenant, rule, list(some), context=context, calendar=calendar)
    except Exception as error:
        if is_passing(error):
            raise
        log.error("sops.rule_failed", tenant_id=tenant.id, rule_id=rule.id, reason=describe(error))
        record_problem(connection, tenant.id, rule.id, UNREADABLE)


def _end(connection: Connection, tenant_id: TenantId, rule: Rule, marks: Sequence[Mark], *, now: datetime) -> None:
    for signal, some in groupby(sorted(marks, key=lambda one: one.signal), lambda one: one.signal):
        ids = [one.customer_id for one in some if one.customer_id is not None]
        ended = end_for(connection, tenant_id, rule.id, ids, why=f"exit:{signal}", now=now)
        drop_pending(connection, tenant_id, ended, now=now)


def _bring_in(
    connection: Connection, tenant: Tenant, rule: Rule, marks: Sequence[Mark], *, context: Context, calendar: Calendar
) -> None:
    """What happened before the rule ran brings nobody in: not what a first sync finds, nor what is told years late."""
    since = rule.running_since
    if rule.state is not RuleState.RUNNING or since is None:
        return
    now = context.now
    news = [one for one in marks if one.occurred_at is None or one.occurred_at >= since]
    candidates = _customers(news, now=now) if rule.subject == "customer" else _chats(connection, tenant.id, news, now)
    meant = those_meant(connection, tenant, rule, (one.key for one in candidates), context)
    enter(connection, tenant.id, rule, [one for one in candidates if one.key in meant], calendar, by="rule", now=now)


def _anchor(mark: Mark, now: datetime) -> datetime:
    return now if mark.occurred_at is None else min(mark.occurred_at, now)


def _customers(marks: Sequence[Mark], *, now: datetime) -> list[Candidate]:
    return [
        Candidate(one.source_key, _anchor(one, now), customer_id=one.customer_id)
        for one in marks
        if one.customer_id is not None
    ]


def _chats(connection: Connection, tenant_id: TenantId, marks: Sequence[Mark], now: datetime) -> list[Candidate]:
    """The chat that it happened to; what customers do happens to all chats that they are in."""
    found = [
        Candidate(one.source_key, _anchor(one, now), chat_id=one.chat_id, member=one.member)
        for one in marks
        if one.chat_id is not None
    ]
    acting = [one for one in marks if one.chat_id is None and one.customer_id is not None]
    rows = fetch_all(
        connection,
        "select e.customer_id, m.member_id, m.chat_id from external_contact e join group_member m "
        "on m.tenant_id = e.tenant_id and m.member_id = e.external_userid and m.left_at is null "
        "where e.tenant_id = :tenant_id and e.customer_id = any(:ids) order by 1, 3, 2",
        tenant_id=tenant_id,
        ids=sorted({one.customer_id for one in acting if one.customer_id is not None}),
    )
    for mark in acting:
        found += [
            Candidate(
                f"{mark.source_key}@{row['chat_id']}",
                _anchor(mark, now),
                chat_id=row["chat_id"],
                member=ExternalUserId(row["member_id"]),
            )
            for row in rows
            if row["customer_id"] == mark.customer_id
        ]
    return found
