"""What happened before all rules that wait for it ran leaves no mark: a first sync with rules on costs a look for each.

Such marks brought nobody in when they were followed; now they are not made. Only of what rules are entered by, and never
what ends a way. A rule that has never run counts as if it waited for everything: it may be turned on in another transaction.
"""

from alembic import op

revision = "20261123_1321_pre_sop_news"
down_revision = "20261123_1320_pre_sop_tally"

MARKS = """
create or replace function mark_sops_of_facts() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, external_userid, chat_id, occurred_at, source_key)
  select s.tenant_id, s.signal, cast(s.customer_id as bigint), s.external_userid, s.chat_id, s.occurred_at, 'fact:' || s.id
  from (
    select c.tenant_id, c.id, c.occurred_at,
      case c.type when 'relation_started' then 'friend' when 'chat_created' then 'chat_created'
        when 'chat_member_joined' then 'member_joined' else 'stage:' || (c.payload ->> 'to_stage_id') end as signal,
      case c.type when 'customer_stage_changed' then c.payload ->> 'customer_id' end as customer_id,
      case c.type when 'relation_started' then c.payload ->> 'external_userid'
        when 'chat_member_joined' then c.payload ->> 'member_id' end as external_userid,
      c.payload ->> 'chat_id' as chat_id
    from changed c
    where c.type in ('customer_stage_changed', 'chat_created')
      or (c.type = 'relation_started' and c.payload ->> 'transfer_id' is null)    -- a handover makes no new friend
      or (c.type = 'chat_member_joined' and c.payload ->> 'kind' = 'customer')) s
  where exists (select from sop_signal g {news} where g.tenant_id = s.tenant_id and g.signal = s.signal
    and ({stage} or {since} s.occurred_at))
  order by s.id;
  return null;
end $$;

create or replace function mark_sops_of_events() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, occurred_at, source_key)
  select c.tenant_id, 'event:' || c.kind, c.customer_id, c.occurred_at, 'event:' || c.event_id from changed c
  where exists (select from sop_signal g {news} where g.tenant_id = c.tenant_id and g.signal = 'event:' || c.kind
    and ({since} c.occurred_at));
  return null;
end $$;

create or replace function mark_sops_of_new_orders() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, occurred_at, source_key)
  select c.tenant_id, 'purchase', c.customer_id, coalesce(c.paid_at, c.updated_at), 'order:' || c.shop || '/' || c.order_id
  from changed c where c.status in ('paid', 'shipped', 'completed')
    and exists (select from sop_signal g {news} where g.tenant_id = c.tenant_id and g.signal = 'purchase'
      and ({since} coalesce(c.paid_at, c.updated_at)));
  return null;
end $$;
"""
NEWS = {
    "news": "join sop_rule r on r.tenant_id = g.tenant_id and r.id = g.rule_id",
    "stage": "s.signal like 'stage:%'",
    "since": "coalesce(r.running_since, '-infinity') <=",
}
ALL = {"news": "", "stage": "true", "since": "timestamptz '-infinity' <="}


def upgrade() -> None:
    op.execute(MARKS.format(**NEWS))


def downgrade() -> None:
    op.execute(MARKS.format(**ALL))
