"""Of what waits, what is switched off by now, for all or for the stage its customer is in (LOSS-4, STG-4).

Asked when the switches change, and once more by whoever is about to tell it: a commit that read the switches as they
were may be under way while they change.
"""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection

from services.notices.model import Notice
from services.notices.plan import wanted
from services.notices.store import stages_of_facts
from services.planning import read_fact
from services.reminders.model import NOBODY, Policy
from shared.db.engine import fetch_all
from shared.ids import OutboxId, TenantId

TELLS_OF = """
select o.id, coalesce(o.folded_into, o.id) as told_by, f.type, f.occurred_at, f.payload
from outbox o join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id
where o.tenant_id = :tenant_id and o.id = any(array(select unnest(cast(:ids as bigint[])) union all
  select w.id from outbox w where w.tenant_id = :tenant_id and w.folded_into = any(:ids)))
"""


def switched_off(
    connection: Connection, tenant_id: TenantId, notices: Mapping[OutboxId, str], policy: Policy
) -> frozenset[OutboxId]:
    """Of these rows, given with their kinds. What tells of several is off when all that it tells of is."""
    by_stage = [id_ for id_, notice in notices.items() if policy.asks_for_stage(notice)]
    rows = fetch_all(connection, TELLS_OF, tenant_id=tenant_id, ids=by_stage) if by_stage else []
    facts = {row["id"]: read_fact(row["type"], row["occurred_at"], row["payload"]) for row in rows}
    stages, told = stages_of_facts(connection, tenant_id, facts), defaultdict[int, list[tuple[int, ...]]](list)
    for row in rows:
        told[row["told_by"]].append(stages[row["id"]])
    return frozenset(
        id_
        for id_, notice in notices.items()
        if not any(wanted(Notice(notice, NOBODY), policy, those) for those in told.get(id_, [()]))
    )
