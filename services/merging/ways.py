"""Two people who are on their way in one SOP rule become one: the master's way goes on, the other's is told no more."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, TenantId
from shared.withdrawing import withdraw

LONGEST_WAIT = timedelta(days=8)
"""So long at most the last reminder of a way that is through waits to go out."""
DOUBLED = """
select distinct p.enrolment_id, p.step_id, 'sop:' || p.enrolment_id || ':' || p.step_id as reason from sop_enrolment i
join sop_enrolment m on m.tenant_id = i.tenant_id and m.rule_id = i.rule_id and m.customer_id = :merged
  and (m.state = i.state and i.state = 'running' or m.ended_why = 'finished' and m.ended_at > :since)
join sop_progress p on p.tenant_id = m.tenant_id and p.enrolment_id = m.id and p.state in ('reminded', 'overdue')
where i.tenant_id = :tenant_id and i.customer_id = :into
  and (i.state = 'running' or i.ended_why = 'finished' and i.ended_at > :since)
order by 1, 2
"""


def hush_doubled_ways(
    connection: Connection, tenant_id: TenantId, merged: CustomerId, into: CustomerId, *, now: datetime
) -> None:
    """Before the other's ways give way: what waits to be told of them is taken back, nothing of them gets overdue.

    A step of which nobody had heard is skipped, and stays so when the merge is undone: the master's was told instead.
    """
    given = {"tenant_id": tenant_id, "merged": merged, "into": into, "since": now - LONGEST_WAIT}
    rows = fetch_all(connection, DOUBLED, **given)
    if not rows:
        return
    untold = withdraw(connection, tenant_id, [row["reason"] for row in rows], now=now)
    run(
        connection,
        "update sop_progress p set raise_at = null, "
        "state = case when d.untold and p.state = 'reminded' then 'skipped' else p.state end, "
        "settled_at = case when d.untold and p.state = 'reminded' then :now else p.settled_at end, "
        "why = case when d.untold and p.state = 'reminded' then 'merged' else p.why end "
        "from unnest(cast(:ids as bigint[]), cast(:steps as integer[]), cast(:untold as boolean[])) "
        "as d(id, step_id, untold) where p.tenant_id = :tenant_id and p.enrolment_id = d.id and p.step_id = d.step_id",
        tenant_id=tenant_id,
        now=now,
        ids=[row["enrolment_id"] for row in rows],
        steps=[row["step_id"] for row in rows],
        untold=[row["reason"] in untold for row in rows],
    )
