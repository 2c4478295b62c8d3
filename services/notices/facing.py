"""Cards whose matter was settled elsewhere are changed, once: with the code that came with the send.

The code of a send is good for one change within 72 h. A card that was itself pressed is changed
by the code of the press; what is to be recalled is not changed.

Source: WeCom server API, sending application messages (page 90236), updating template cards (page 94945).
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection

from services.notices.settled import CODE_LASTS, UPDATE, Settled, customer_of
from shared.db.engine import fetch_all, run
from shared.ids import TenantId
from shared.outbox import CARD_UPDATE
from shared.userids import current_userid

CHANGE = f"""
insert into outbox (tenant_id, natural_key, notice, channel, recipient, causes, state, next_try_at, created_at,
  expires_at)
select o.tenant_id, concat('card_settled:', o.id), :notice, :channel,
  {current_userid("o.recipient", at="o.settled_at", tenant_id="o.tenant_id")},
  jsonb_build_array(jsonb_build_object('card_id', o.id, 'says', w.says)), 'queued', :now, :now,
  o.settled_at + cast(:lasts as interval)
from unnest(cast(:reasons as text[]), cast(:says as text[]), cast(:befores as timestamptz[]))
  as w(reason, says, before)
join outbox o on o.tenant_id = :tenant_id and o.reason = w.reason
  and (w.before is null or exists (select from fact f where f.tenant_id = o.tenant_id and f.id = o.fact_id
    and f.occurred_at < w.before))
where o.channel = 'wecom' and o.state = 'sent' and o.response_code is not null and o.recall is null
  and o.settled_at > cast(:now as timestamptz) - cast(:lasts as interval)
  and not exists (select from card_press p where p.tenant_id = o.tenant_id and p.card_id = o.id and p.state = 'done'
    and p.agent_id <> '')
order by o.id
on conflict (tenant_id, natural_key) do nothing
"""  # noqa: S608


def change_cards(connection: Connection, tenant_id: TenantId, held: Mapping[str, Settled], *, now: datetime) -> int:
    """In the commit of the facts that settled it. `held`: what does, by reason; the number of cards to be changed."""
    if not held:
        return 0
    held = {was: held[one] for was, one in merged_too(connection, tenant_id, held).items()} | dict(held)
    reasons = sorted(held)
    return run(
        connection,
        CHANGE,
        tenant_id=tenant_id,
        reasons=reasons,
        says=[held[one].says.value for one in reasons],
        befores=[held[one].before for one in reasons],
        notice=UPDATE,
        channel=CARD_UPDATE,
        lasts=CODE_LASTS,
        now=now,
    )


def merged_too(connection: Connection, tenant_id: TenantId, reasons: Collection[str]) -> dict[str, str]:
    """Reasons that the same matters had while a record that was merged since stood for itself -> those of now."""
    given = {reason: known for reason in reasons if (known := customer_of(reason))}
    if not given:
        return {}
    rows = fetch_all(
        connection,
        "select id, merged_into from customer where tenant_id = :tenant_id and merged_into = any(:ids)",
        tenant_id=tenant_id,
        ids=sorted({customer_id for _, customer_id in given.values()}),
    )
    was: dict[int, list[int]] = {}
    for row in rows:
        was.setdefault(row["merged_into"], []).append(row["id"])
    return {f"{before}:{one}": reason for reason, (before, id_) in given.items() for one in was.get(id_, ())}
