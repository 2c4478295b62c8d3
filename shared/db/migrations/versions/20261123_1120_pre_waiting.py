"""Tags that wait for a customer to become a friend, and how many people were put into a segment by hand."""

from alembic import op

revision = "20261123_1120_pre_waiting"
down_revision = "20261123_1115_pre_pool_history"

SCHEMA = """
create table waiting_tag (                          -- a corp tag that is wanted for a customer who has no relation for it
  tenant_id   integer not null,
  customer_id bigint not null,
  tag_id      text not null,
  author      text not null,
  source      text not null,                        -- as of intents: person, rule, api
  reason      text,
  cause       text,                                 -- bulk_change:ID, import:ID; null: asked for by itself
  created_at  timestamptz not null,
  primary key (tenant_id, customer_id, tag_id)
);
create index waiting_tag_tag on waiting_tag (tenant_id, tag_id);
create table waiting_due (                          -- only ever added to and taken from, as card_due
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  primary key (tenant_id, id)
);
-- A wish and a friendship each leave a mark for the card when they are committed; whichever mark is taken last finds
-- both. So it is there that is looked whether a tag can be put on now, whoever takes the marks.
create function mark_waiting() returns trigger language plpgsql as $$
begin
  insert into waiting_due (tenant_id, customer_id)
  select distinct u.tenant_id, u.id from was d
  join customer u on u.tenant_id = d.tenant_id and u.id = d.customer_id
  where exists (select from waiting_tag w where w.tenant_id = u.tenant_id and w.customer_id = u.id)
    and exists (select from external_contact e join relation r on r.tenant_id = e.tenant_id
      and r.external_userid = e.external_userid and r.userid = u.assigned_userid and r.state = 'active'
      where e.tenant_id = u.tenant_id and e.customer_id = u.id);
  return null;
end $$;
create trigger mark_waiting after delete on card_due referencing old table as was
  for each statement execute function mark_waiting();
create trigger mark_cards_insert after insert on waiting_tag referencing new table as changed
  for each statement execute function mark_cards();
create trigger mark_cards_update after update on waiting_tag referencing new table as changed old table as was
  for each statement execute function mark_cards();

alter table segment
  add column put_in_count bigint not null default 0,
  add column taken_out_count bigint not null default 0,
  add column by_hand boolean not null default false;   -- it has no filter: people say who is in it

alter table waiting_tag enable row level security;
create policy scoped on waiting_tag for select to guanxi_scoped using (tenant_id = (select guanxi_tenant())
  and exists (select from customer_card k where k.tenant_id = waiting_tag.tenant_id
    and k.customer_id = waiting_tag.customer_id));
grant select on waiting_tag to guanxi_scoped;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("alter table segment drop column put_in_count, drop column taken_out_count, drop column by_hand")
    op.execute("drop trigger mark_waiting on card_due")
    op.execute("drop function mark_waiting")
    op.execute("drop table waiting_due, waiting_tag")
