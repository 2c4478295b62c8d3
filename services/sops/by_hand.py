"""What people do with enrolments: bring in, take out, move to another rule, set the start anew (SOP-2)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.sops.confirming import lock_enrolment, plan_anew
from services.sops.ending import drop_pending, end_some
from services.sops.entering import Candidate, enter
from services.sops.model import Enrolment, NoSopError, Rule, SopRefusedError
from services.sops.plan import Calendar
from services.sops.store import lock_rule, lock_rules
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId
from shared.tenants import Tenant

MOST_AT_ONCE = 1_000


@dataclass(frozen=True)
class BroughtIn:
    """`unknown`: ids of nobody who stands. `kept_out_count`: they are on their way in this rule already."""

    enrolment_ids: tuple[int, ...]
    kept_out_count: int
    unknown: tuple[int | str, ...]


def bring_in(
    connection: Connection,
    tenant: Tenant,
    rule_id: int,
    keys: Sequence[int | str],
    calendar: Calendar,
    *,
    by: str,
    now: datetime,
) -> BroughtIn:
    """Customers (ids) or chats enter a rule now, whomever it means; who is through may enter again.

    Raises:
        NoSopError
    """
    rule = lock_rule(connection, tenant, rule_id, "enter")
    there = _there(connection, tenant, rule, keys)
    candidates = [_candidate(rule, key, now, now) for key in dict.fromkeys(keys) if key in there]
    ids = enter(connection, tenant.id, rule, candidates, calendar, by=by, now=now, by_hand=True)
    unknown = tuple(key for key in dict.fromkeys(keys) if key not in there)
    return BroughtIn(tuple(ids), len(candidates) - len(ids), unknown)


def _there(connection: Connection, tenant: Tenant, rule: Rule, keys: Sequence[int | str]) -> set[int | str]:
    sql = (
        "select id as key from customer where tenant_id = :tenant_id and id = any(:keys) and merged_into is null"
        if rule.subject == "customer"
        else "select chat_id as key from group_chat where tenant_id = :tenant_id and chat_id = any(:keys) "
        "and dismissed_at is null"
    )
    return {row["key"] for row in fetch_all(connection, sql, tenant_id=tenant.id, keys=list(keys))}


def _candidate(rule: Rule, key: int | str, anchor_at: datetime, now: datetime) -> Candidate:
    source = f"hand:{now.isoformat()}:{key}"
    if rule.subject == "chat":
        return Candidate(source, anchor_at, chat_id=str(key))
    return Candidate(source, anchor_at, customer_id=CustomerId(int(key)))


def take_out(connection: Connection, tenant: Tenant, enrolment_id: int, *, now: datetime) -> Enrolment:
    """End one; nothing more is told of it, what has not gone out is taken back. A second time changes nothing.

    Raises:
        NoSopError
    """
    one = lock_enrolment(connection, tenant, enrolment_id)
    if not end_some(connection, tenant.id, [one.id], why="taken_out", now=now):
        drop_pending(connection, tenant.id, [one.id], now=now)  # its last step may wait to be told, as for the morning
    return one


def move(
    connection: Connection,
    tenant: Tenant,
    enrolment_id: int,
    to_rule_id: int,
    calendar: Calendar,
    *,
    keep_start: bool,
    by: str,
    now: datetime,
) -> int:
    """End it and enter another rule of the same kind; the new enrolment's id.

    `keep_start`: its steps count from the old start, and those whose time is over are past.

    Raises:
        NoSopError
        SopRefusedError: it is over, the rules are of two kinds, or they are in the other one already.
    """
    rules = {one.id: one for one in lock_rules(connection, tenant, [to_rule_id], "enter")}
    one = lock_enrolment(connection, tenant, enrolment_id)
    rule = rules.get(to_rule_id)
    if rule is None:
        raise NoSopError("there is no such SOP rule to move to")
    if not one.running:
        raise SopRefusedError("this enrolment is over: bring the customer or chat in instead")
    if rule.id == one.rule_id or (rule.subject == "chat") != (one.chat_id is not None):
        raise SopRefusedError("move it to another rule of the same kind, about customers or about chats")
    key = one.chat_id if one.customer_id is None else one.customer_id
    assert key is not None
    candidate = _candidate(rule, key, one.anchor_at if keep_start else now, now)
    since = now if keep_start else None
    end_some(connection, tenant.id, [one.id], why=f"moved:{rule.id}", now=now)
    ids = enter(connection, tenant.id, rule, [candidate], calendar, by=by, now=now, by_hand=True, since=since)
    if not ids:
        raise SopRefusedError("they are on their way in that rule already")
    return ids[0]


def set_cycle(
    connection: Connection,
    tenant: Tenant,
    enrolment_id: int,
    *,
    anchor_at: datetime | None,
    left_out: Collection[int] | None,
    now: datetime,
) -> Enrolment:
    """Let one's steps count from another start, or leave some out; what is passed stays, what would be past is past.

    Raises:
        NoSopError
        SopRefusedError: it is over.
    """
    one = lock_enrolment(connection, tenant, enrolment_id)
    if not one.running:
        raise SopRefusedError("this enrolment is over")
    run(
        connection,
        "update sop_enrolment set anchor_at = coalesce(cast(:anchor_at as timestamptz), anchor_at), "
        "since = case when cast(:anchor_at as timestamptz) is null then since else :now end, "
        "left_out = coalesce(cast(:left_out as integer[]), left_out) where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=one.id,
        anchor_at=anchor_at,
        left_out=None if left_out is None else sorted(set(left_out)),
        now=now,
    )
    plan_anew(connection, tenant, one.id)
    return one
