"""Two people who are on their way in one SOP rule become one: what is told of the master is not told of the other.

Where a rule lets a person have several ways at once (`each`), none gives way and all is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection

from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant
from shared.withdrawing import UNTOLD, withdraw_untold

JUST = timedelta(days=1)
"""What was told, or done, of the master for so long is not told again of the other."""
SPEC = "sop_rule.spec"


@dataclass(frozen=True)
class OneWay:
    """A rule that lets a person have one way at a time. `never`: one for good. `steps`: their ids, as it stands."""

    never: bool
    steps: tuple[int, ...]


def one_way_rules(connection: Connection, tenant: Tenant, merged: CustomerId) -> dict[int, OneWay]:
    """Of the rules that this record has ways in, those in which one of two gives way; by id."""
    rows = fetch_all(
        connection,
        "select r.id, r.spec from sop_rule r where r.tenant_id = :tenant_id and r.id in ("
        "select rule_id from sop_enrolment where tenant_id = :tenant_id and customer_id = :merged union "
        "select rule_id from sop_progress where tenant_id = :tenant_id and customer_id = :merged) order by 1",
        tenant_id=tenant.id,
        merged=merged,
    )
    specs = {row["id"]: orjson.loads(tenant.cipher.decrypt(row["spec"], SPEC)) for row in rows}
    return {
        id_: OneWay(spec["ways"]["reentry"] == "never", tuple(one["id"] for one in spec["steps"]))
        for id_, spec in specs.items()
        if spec["ways"]["reentry"] != "each"
    }


HELD = (
    "select from sop_enrolment where tenant_id = :tenant_id and customer_id = :merged order by id for update",
    "select from sop_progress where tenant_id = :tenant_id and customer_id = :merged "
    "order by enrolment_id, step_id for update",
)
"""Whoever confirms a step locks in this order too, and rows of the outbox last."""
OF_STEP = (
    "select from outbox o where o.tenant_id = :tenant_id and o.notice = 'sop_step' "
    "and o.reason = 'sop:' || {}.enrolment_id || ':' || {}.step_id"
)
ONE = (
    "(d.way is null or i.id is null or (d.never and d.entered_by = 'rule' and i.entered_by = 'rule') "
    "or (d.entered_at <= coalesce(i.ended_at, 'infinity') and i.entered_at <= coalesce(d.ended_at, 'infinity')))"
)
"""Two ways that nobody could have had one after the other; what gave way in an earlier merge is as old as any."""
DOUBLED = f"""
with others as (
  select p.enrolment_id, p.step_id, p.rule_id, k.never, w.id as way, w.entered_by, w.entered_at, w.ended_at,
    p.state = 'reminded' and exists ({OF_STEP.format("p", "p")} and {UNTOLD}) and not exists (
      {OF_STEP.format("p", "p")} and not ({UNTOLD}) and o.state not in ('withdrawn', 'refused', 'dead', 'expired')
    ) as untold
  from sop_progress p
  join unnest(cast(:rules as bigint[]), cast(:steps as integer[]), cast(:never as boolean[])) k(rule_id, step_id, never)
    on k.rule_id = p.rule_id and k.step_id = p.step_id
  left join sop_enrolment w on w.tenant_id = p.tenant_id and w.id = p.enrolment_id
  where p.tenant_id = :tenant_id and p.customer_id = :merged and p.state in ('reminded', 'overdue'))
select d.enrolment_id, d.step_id, d.untold from others d
where exists (
  select from sop_progress q left join sop_enrolment i on i.tenant_id = q.tenant_id and i.id = q.enrolment_id
  where q.tenant_id = :tenant_id and q.customer_id = :into and q.rule_id = d.rule_id and q.step_id = d.step_id
    and {ONE}
    and ((q.state = 'done' and q.settled_at > :since) or (q.state in ('reminded', 'overdue') and exists (
      {OF_STEP.format("q", "q")} and (o.state in ('due', 'queued')
        or (o.state in ('sent', 'folded') and o.settled_at > :since))))))
or (d.untold and exists (
  select from sop_enrolment i where i.tenant_id = :tenant_id and i.customer_id = :into and i.rule_id = d.rule_id
    and i.state = 'running' and {ONE} and d.step_id <> all(i.left_out) and not exists (select from sop_progress q
      where q.tenant_id = i.tenant_id and q.enrolment_id = i.id and q.step_id = d.step_id)))
order by 1, 2
"""  # noqa: S608 - constants
"""What is told of the master instead: waiting to go out, told or done just now, or ahead on the way that stays."""
HUSH = (
    "update sop_progress p set raise_at = null, state = case when d.untold then 'skipped' else p.state end, "
    "settled_at = case when d.untold then :now else p.settled_at end, "
    "why = case when d.untold then 'merged' else p.why end "
    "from unnest(cast(:ids as bigint[]), cast(:steps as integer[]), cast(:untold as boolean[])) "
    "as d(id, step_id, untold) where p.tenant_id = :tenant_id and p.enrolment_id = d.id and p.step_id = d.step_id"
)


def hush_doubled_ways(
    connection: Connection,
    tenant_id: TenantId,
    merged: CustomerId,
    into: CustomerId,
    rules: Mapping[int, OneWay],
    *,
    now: datetime,
) -> None:
    """Before the other's ways give way: what waits to be told of the other and is told of the master is taken back.

    A step of which nobody had heard is skipped, and stays so when the merge is undone. What was told stays on the
    phone, where it can be confirmed; it does not become overdue beside the master's.
    """
    for sql in HELD:
        fetch_all(connection, sql, tenant_id=tenant_id, merged=merged)
    steps = [(id_, step, rule.never) for id_, rule in rules.items() for step in rule.steps]
    rows = fetch_all(
        connection,
        DOUBLED,
        tenant_id=tenant_id,
        merged=merged,
        into=into,
        since=now - JUST,
        rules=[id_ for id_, _, _ in steps],
        steps=[step for _, step, _ in steps],
        never=[never for _, _, never in steps],
    )
    if not rows:
        return
    run(
        connection,
        HUSH,
        tenant_id=tenant_id,
        now=now,
        ids=[row["enrolment_id"] for row in rows],
        steps=[row["step_id"] for row in rows],
        untold=[row["untold"] for row in rows],
    )
    reasons = [f"sop:{row['enrolment_id']}:{row['step_id']}" for row in rows]
    withdraw_untold(connection, tenant_id, "select unnest(cast(:given as text[]))", given=reasons, now=now)
