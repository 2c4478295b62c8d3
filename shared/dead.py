"""Dead letters of every kind, in one list: subjects given up, messages and webhooks given up or in doubt, callbacks
that cannot be read.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import Row, fetch_all, run
from shared.ids import OutboxId, TenantId
from shared.outbox import APART
from shared.userids import current_userid

LIST = """
select 'request:' || r.tenant_id || ':' || r.subject_kind || ':' || r.subject_key as id, t.corp_id, r.dead_at as at,
       r.attempts, r.last_error as reason
from request r join tenant t on t.id = r.tenant_id where r.dead_at is not null and r.generation > r.settled_generation
union all
select 'message:' || o.tenant_id || ':' || o.id, t.corp_id, o.settled_at, o.attempts,
       o.state || ': ' || o.notice || case when o.folds > 1 then ' (' || o.folds || ' in one)' else '' end
         || ' to ' || o.recipient || coalesce(' (' || o.last_error || ')', '')
from outbox o join tenant t on t.id = o.tenant_id where o.state in ('dead', 'in_doubt', 'refused', 'expired')
union all
select 'callback:' || to_char(i.day, 'YYYYMMDD') || ':' || i.id, t.corp_id, i.routed_at, 1, i.problem
from inbox i join tenant t on t.id = i.tenant_id where i.state = 'failed'
order by at desc limit :limit
"""

GIVEN_UP = ["dead", "in_doubt", "refused", "expired"]
"""What can be sent again."""
SETTLED = "coalesce(o.settled_at, o.created_at)"
MOVE = f"""
with mine as materialized (
  select o.id, {current_userid("o.recipient", at=SETTLED, tenant_id="o.tenant_id")} as recipient,
    {current_userid("o.about", at=SETTLED, tenant_id="o.tenant_id")} as about
  from outbox o where o.tenant_id = :tenant_id and o.channel = 'wecom' and (o.id = :id or o.folded_into = :id)
    and exists (select from outbox c where c.tenant_id = :tenant_id and c.id = :id and c.state = any(:given_up))
  order by o.id for update)
update outbox o set recipient = m.recipient, about = m.about,
  body = case when m.recipient = o.recipient then o.body end
from mine m where o.tenant_id = :tenant_id and o.id = m.id
  and (m.recipient, m.about) is distinct from (o.recipient, o.about)
"""  # noqa: S608
"""A message whose member has another userid since, and what is folded into it: rendered again, as with a renaming."""


def list_dead(connection: Connection, *, limit: int) -> Sequence[Row]:
    """id, corp_id, at, attempts, reason; newest first."""
    return fetch_all(connection, LIST, limit=limit)


def retry_dead(connection: Connection, dead_id: str, *, now: datetime) -> bool:
    """Make one of them due again; whether there was one. For a message in doubt, the person says: send it again.

    Raises:
        ValueError: not an id of the list.
    """
    kind, _, rest = dead_id.partition(":")
    match kind:
        case "request":
            tenant_id, subject_kind, key = rest.split(":", 2)
            return bool(
                run(
                    connection,
                    "update request set dead_at = null, attempts = 0, next_try_at = :now "
                    "where tenant_id = :tenant_id and subject_kind = :kind and subject_key = :key "
                    "and dead_at is not null",
                    now=now,
                    tenant_id=int(tenant_id),
                    kind=subject_kind,
                    key=key,
                )
            )
        case "message":
            tenant_id, number = rest.split(":")
            return retry_message(connection, TenantId(int(tenant_id)), OutboxId(int(number)), now=now)
        case "callback":
            day, number = rest.split(":")
            return bool(
                run(
                    connection,
                    "update inbox set state = 'new', problem = null "
                    "where day = to_date(:day, 'YYYYMMDD') and id = :id and state = 'failed'",
                    day=day,
                    id=int(number),
                )
            )
    raise ValueError(f"{dead_id!r} is no id of the list")


def retry_message(connection: Connection, tenant_id: TenantId, id_: OutboxId, *, now: datetime) -> bool:
    """Of a message or a webhook: whether it was one to be sent again. What a message tells of goes with it.

    It goes to whoever was meant, by the userid they have now.
    """
    run(connection, MOVE, tenant_id=tenant_id, id=id_, given_up=GIVEN_UP)
    return bool(
        run(
            connection,
            "update outbox set state = case when channel = any(:apart) then 'queued' else 'due' end, "
            "attempts = case channel when 'webhook' then 0 else attempts end, "
            "created_at = case channel when 'webhook' then :now else created_at end, "
            "next_try_at = :now, first_fair_at = :now, first_unknown_at = null, settled_at = null, recall = null, "
            "expires_at = case channel when 'webhook' then null "
            "else greatest(expires_at, cast(:now as timestamptz) + interval '1 day') end, true_until = null "
            "where tenant_id = :tenant_id and id = :id and state = any(:given_up)",
            given_up=GIVEN_UP,
            apart=list(APART),
            now=now,
            tenant_id=tenant_id,
            id=id_,
        )
    )


def of_tenants(connection: Connection, dead_ids: Sequence[str]) -> dict[TenantId, list[str]]:
    """Ids of the list by whose they are; callbacks that are gone meanwhile are left out."""
    found: dict[TenantId, list[str]] = {}
    callbacks = [one for one in dead_ids if one.startswith("callback:")]
    for one in dead_ids:
        if not one.startswith("callback:"):
            found.setdefault(TenantId(int(one.split(":")[1])), []).append(one)
    rows = fetch_all(
        connection,
        "select i.tenant_id, n.id from unnest(cast(:ids as text[])) as n(id) join inbox i "
        "on i.day = to_date(split_part(n.id, ':', 2), 'YYYYMMDD') and i.id = cast(split_part(n.id, ':', 3) as bigint)",
        ids=callbacks,
    )
    for row in rows:
        found.setdefault(TenantId(row["tenant_id"]), []).append(row["id"])
    return found
