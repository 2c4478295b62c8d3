"""Finding customers: custom fields by range and by value, one currency per corp, and marks only for what a card shows."""

from alembic import op

revision = "20261122_1000_pre_finding"
down_revision = "20261122_0990_pre_keys"

SCHEMA = """
alter table tenant add column currency text not null default 'CNY';  -- of the amounts that customers are found by

create table customer_number (                      -- custom fields that are numbers, or days since 1970
  tenant_id   integer not null,
  customer_id bigint not null,
  key         text not null,
  value       numeric not null,
  primary key (tenant_id, customer_id, key)
);
create index customer_number_value on customer_number (tenant_id, key, value, customer_id);
create index customer_card_fields on customer_card using gin (fields);
create index customer_card_level on customer_card (tenant_id, level) where level is not null;
create index customer_card_created on customer_card (tenant_id, created_at, customer_id);

create index customer_event_kind on customer_event (tenant_id, kind, occurred_at, customer_id);
create index customer_order_paid on customer_order (tenant_id, shop, paid_at, customer_id);
create index relation_started on relation (tenant_id, userid, started_at) where state = 'active';

-- A walk notes how it has shown a relation; that is nothing that a card shows.
create function mark_cards_of_relations() returns trigger language plpgsql as $$
begin
  insert into card_due (tenant_id, customer_id)
  select distinct e.tenant_id, e.customer_id from changed c
  left join was w using (tenant_id, external_userid, userid)
  join external_contact e using (tenant_id, external_userid)
  where e.customer_id is not null
    and (w.state, w.started_at, w.ended_at, w.ended_by, w.past, w.corp_tag_ids, w.add_way, w.add_state, w.remark,
         w.remark_corp_name)
    is distinct from (c.state, c.started_at, c.ended_at, c.ended_by, c.past, c.corp_tag_ids, c.add_way, c.add_state,
                      c.remark, c.remark_corp_name);
  return null;
end $$;
drop trigger mark_cards_update on relation;
create trigger mark_cards_update after update on relation referencing new table as changed old table as was
  for each statement execute function mark_cards_of_relations();
"""


def upgrade() -> None:
    # The indexes read events, orders and relations; none of these is written meanwhile.
    op.execute("set local statement_timeout = '10min'")
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("drop trigger mark_cards_update on relation")
    op.execute("drop function mark_cards_of_relations")
    op.execute(
        "create trigger mark_cards_update after update on relation referencing new table as changed old table as was "
        "for each statement execute function mark_cards_of_contacts()"
    )
    op.execute("drop index relation_started, customer_order_paid, customer_event_kind, customer_card_level")
    op.execute("drop index customer_card_created, customer_card_fields")
    op.execute("drop table customer_number")
    op.execute("alter table tenant drop column currency")
