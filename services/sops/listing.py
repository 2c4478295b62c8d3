"""Who is on the way, what became of each step, and totals (SOP-4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.finding.giving import Context
from services.sops.audience import chats, customers
from services.sops.clock import ENROLMENT, enrolment_of
from services.sops.entering import filter_of
from services.sops.model import Enrolment, NoSopError, Progress, Rule, StepState
from services.sops.plan import Calendar, timetable
from shared.db.engine import fetch_all, fetch_one
from shared.ids import TenantId
from shared.tenants import Tenant

MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Sought:
    """All that is given must hold. `userid`: who was told a step of it."""

    rule_id: int | None = None
    customer_id: int | None = None
    chat_id: str | None = None
    running: bool | None = None
    step_state: StepState | None = None
    userid: str | None = None


def page_enrolments(
    connection: Connection, tenant_id: TenantId, sought: Sought, *, before: int | None, limit: int
) -> list[Enrolment]:
    """Newest first, below the id `before`."""
    where, given = ["e.tenant_id = :tenant_id"], dict[str, object]()
    for name in ("rule_id", "customer_id", "chat_id"):
        if (value := getattr(sought, name)) is not None:
            where.append(f"e.{name} = :{name}")
            given[name] = value
    if sought.running is not None:
        where.append("e.state = :state")
        given["state"] = "running" if sought.running else "ended"
    told = ["p.tenant_id = e.tenant_id", "p.enrolment_id = e.id"]
    if sought.step_state is not None:
        told.append("p.state = :step_state")
        given["step_state"] = sought.step_state.value
    if sought.userid is not None:
        told.append("p.userid = :userid")
        given["userid"] = sought.userid
    if len(told) > 2:
        where.append(f"exists (select from sop_progress p where {' and '.join(told)})")
    if before is not None:
        where.append("e.id < :before")
        given["before"] = before
    rows = fetch_all(
        connection,
        f"select {ENROLMENT} from sop_enrolment e where {' and '.join(where)} order by e.id desc limit :limit",  # noqa: S608
        tenant_id=tenant_id,
        limit=limit,
        **given,
    )
    return [enrolment_of(row) for row in rows]


def load_enrolment(connection: Connection, tenant_id: TenantId, enrolment_id: int) -> Enrolment:
    """
    Raises:
        NoSopError
    """
    row = fetch_one(
        connection,
        f"select {ENROLMENT} from sop_enrolment where tenant_id = :tenant_id and id = :id",  # noqa: S608
        tenant_id=tenant_id,
        id=enrolment_id,
    )
    if row is None:
        raise NoSopError("there is no such enrolment")
    return enrolment_of(row)


def load_progress(
    connection: Connection, tenant_id: TenantId, enrolment_ids: Sequence[int]
) -> dict[int, list[Progress]]:
    """By enrolment, in the order of due times."""
    rows = fetch_all(
        connection,
        "select enrolment_id, step_id, state, due_at, userid, told_at, settled_at, by_whom, why from sop_progress "
        "where tenant_id = :tenant_id and enrolment_id = any(:ids) order by enrolment_id, due_at, step_id",
        tenant_id=tenant_id,
        ids=list(enrolment_ids),
    )
    found: dict[int, list[Progress]] = {}
    for row in rows:
        one = Progress(
            row["step_id"],
            StepState(row["state"]),
            row["due_at"],
            row["userid"],
            row["told_at"],
            row["settled_at"],
            row["by_whom"],
            row["why"],
        )
        found.setdefault(row["enrolment_id"], []).append(one)
    return found


def ahead(rule: Rule | None, one: Enrolment, passed: Sequence[Progress], calendar: Calendar) -> list[Progress]:
    """The steps that wait, with their times: pure."""
    if rule is None or not one.running:
        return []
    known = {step.step_id for step in passed}
    return [
        Progress(step.id, StepState.WAITING, due)
        for due, step in timetable(rule.spec, one.anchor_at, calendar)
        if step.id not in known
    ]


@dataclass(frozen=True)
class Total:
    """`step_id` 0: of enrolments, whose states are running and ended."""

    rule_id: int
    step_id: int
    userid: str
    state: str
    n: int


def load_totals(connection: Connection, tenant_id: TenantId, rule_id: int | None = None) -> list[Total]:
    rows = fetch_all(
        connection,
        "select t.rule_id, t.step_id, t.userid, t.state, t.n from sop_tally t join sop_rule r "
        "on r.tenant_id = t.tenant_id and r.id = t.rule_id and r.deleted_at is null where t.tenant_id = :tenant_id "
        "and t.n <> 0 and (cast(:rule_id as bigint) is null or t.rule_id = :rule_id) order by 1, 2, 3, 4",
        tenant_id=tenant_id,
        rule_id=rule_id,
    )
    return [Total(**row) for row in rows]


@dataclass(frozen=True)
class Preview:
    """`count`: who is meant now, `MOST_COUNTED` at most; `keys`: the first of them."""

    count: int
    keys: tuple[int | str, ...]


def preview(connection: Connection, tenant: Tenant, rule: Rule, context: Context, *, shown: int = 10) -> Preview:
    """Who would be meant.

    Raises:
        FilterError
    """
    audience = rule.spec.audience
    if rule.subject == "customer":
        where, given = customers(audience, filter_of(connection, tenant, rule), context, each=False)
        source = f"select k.customer_id as key from customer_card k where {where}"  # noqa: S608
    else:
        where, given = chats(audience, context)
        source = f"select g.chat_id as key from group_chat g where {where}"  # noqa: S608
    row = fetch_one(
        connection,
        f"with few as materialized ({source} limit :most) select count(*) as n, "  # noqa: S608
        "(select array_agg(key) from (select key from few order by key limit :shown) f) as keys from few",
        most=MOST_COUNTED,
        shown=shown,
        **given,
    )
    assert row is not None
    return Preview(row["n"], tuple(row["keys"] or ()))
