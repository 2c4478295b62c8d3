"""Automatic tags, stages by rule, scores with their ledger, segments that wait to be refreshed, saved filters.

Filters may hold names and phone numbers, so they are ciphertext. Nobody has written stages or segments yet.
"""

from alembic import op

revision = "20261122_1020_pre_rules"
down_revision = "20261122_1010_pre_persons"

BUCKETS = 8

SCHEMA = """
create table rule_book (                            -- one row per corp with rules
  tenant_id         integer primary key,
  version           bigint not null default 1,      -- grows with every change of a rule
  points_below_zero boolean not null default false,
  daily_on          date                            -- the corp's day whose daily run has been asked for
);
create table automatic_tag (
  tenant_id integer not null,
  id        bigint generated always as identity,
  tag_id    bigint not null,
  filter    bytea not null,                         -- encrypted: filters may hold names and phone numbers
  state     text not null default 'running' check (state in ('running', 'stopped')),
  made_at   timestamptz not null,
  made_by   text not null,
  ended_at  timestamptz,
  ended_by  text,
  primary key (tenant_id, id)
);
create unique index automatic_tag_of on automatic_tag (tenant_id, tag_id) where ended_at is null;

create table rule_run (                             -- a rule that looks at everybody, page by page
  tenant_id     integer not null,
  kind          text not null check (kind in ('tag', 'line')),
  rule_id       bigint not null,
  asked_at      timestamptz not null,
  asked_by      text not null,
  after_id      bigint not null default 0,          -- the last customer who was looked at
  seen_count    bigint not null default 0,
  changed_count bigint not null default 0,
  total_count   bigint,                             -- estimated when it began
  done_at       timestamptz,
  problem       text,
  primary key (tenant_id, kind, rule_id)
);
create index rule_run_open on rule_run (tenant_id, asked_at) where done_at is null;

alter table stage drop column filter;
alter table stage add column filter bytea;          -- encrypted
create unique index stage_line_name on stage_line (tenant_id, name) where deleted_at is null;
create unique index stage_name on stage (tenant_id, line_id, name) where deleted_at is null;
create table stage_met (                            -- which automatic stages of a line somebody met at the last look
  tenant_id   integer not null,
  line_id     bigint not null,
  customer_id bigint not null,
  stage_ids   bigint[] not null,                    -- in the order of the line
  primary key (tenant_id, customer_id, line_id)
);

alter table segment drop column filter;
alter table segment add column filter bytea not null, add column wanted_at timestamptz, add column wanted_by text,
  add column problem text;
create index segment_wanted on segment (tenant_id, id) where wanted_at is not null and deleted_at is null;
create index segment_deleted on segment (tenant_id, id) where deleted_at is not null;

create table score_rule (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  account    text not null check (account in ('score', 'points')),
  name       text not null,
  behaviour  text not null,                         -- event:KIND, purchase, refund, tag:ID, tag:local:ID
  amount     bigint not null check (amount <> 0),
  each       bigint check (each > 0),               -- purchase, refund: for each full so many minor units
  per_day    integer check (per_day > 0),           -- so many count per customer and day at most
  made_at    timestamptz not null,
  made_by    text not null,
  ended_at   timestamptz,
  ended_by   text,
  primary key (tenant_id, id)
);
create index score_rule_behaviour on score_rule (tenant_id, behaviour) where ended_at is null;
create unique index score_rule_name on score_rule (tenant_id, name) where ended_at is null;

create sequence score_entry_id_seq;
create table score_entry (                          -- the ledger: only ever added to
  tenant_id   integer not null,
  id          bigint not null default nextval('score_entry_id_seq'),
  account     text not null,
  customer_id bigint not null,
  amount      bigint not null,                      -- what the balance changed by
  rule_id     bigint,
  source_key  text,                                 -- the behaviour: counts once for a rule
  day         date,                                 -- the corp's day of the behaviour
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  by_whom     text not null,
  reason      bytea,                                -- encrypted: people write names into it
  primary key (tenant_id, id)
) partition by hash (tenant_id);
create index score_entry_customer on score_entry (tenant_id, customer_id, account, id);
create unique index score_entry_once on score_entry (tenant_id, rule_id, source_key) where rule_id is not null;
create index score_entry_day on score_entry (tenant_id, customer_id, rule_id, day) where rule_id is not null;

create table behaviour_due (                        -- behaviours that some score rule asks for, still to be counted
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  behaviour   text not null,
  source_key  text not null,
  occurred_at timestamptz,                          -- null: when it is counted
  amount      bigint,
  currency    text,
  primary key (tenant_id, id)
);

create table saved_filter (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  name       text not null,
  filter     bytea not null,                        -- encrypted
  owner      text not null,
  shared     boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, id)
);
create unique index saved_filter_name on saved_filter (tenant_id, owner, name);

create function refuse_ledger_change() returns trigger language plpgsql as $$
begin
  raise exception 'entries of the ledger are never changed';
end $$;

create function mark_behaviour_of_events() returns trigger language plpgsql as $$
begin
  insert into behaviour_due (tenant_id, customer_id, behaviour, source_key, occurred_at)
  select c.tenant_id, c.customer_id, 'event:' || c.kind, c.event_id, c.occurred_at from changed c
  where exists (select from score_rule r where r.tenant_id = c.tenant_id and r.behaviour = 'event:' || c.kind
    and r.ended_at is null);
  return null;
end $$;
create trigger mark_behaviour after insert on customer_event referencing new table as changed
  for each statement execute function mark_behaviour_of_events();

create function mark_behaviour_of_new_orders() returns trigger language plpgsql as $$
begin
  insert into behaviour_due (tenant_id, customer_id, behaviour, source_key, occurred_at, amount, currency)
  select c.tenant_id, c.customer_id, 'purchase', c.shop || '/' || c.order_id, coalesce(c.paid_at, c.updated_at),
    c.amount, c.currency from changed c
  where c.status in ('paid', 'shipped', 'completed') and exists (select from score_rule r
    where r.tenant_id = c.tenant_id and r.behaviour = 'purchase' and r.ended_at is null);
  return null;
end $$;
create trigger mark_behaviour_insert after insert on customer_order referencing new table as changed
  for each statement execute function mark_behaviour_of_new_orders();

create function mark_behaviour_of_orders() returns trigger language plpgsql as $$
begin
  insert into behaviour_due (tenant_id, customer_id, behaviour, source_key, occurred_at, amount, currency)
  select c.tenant_id, c.customer_id, b.behaviour, c.shop || '/' || c.order_id,
    case b.behaviour when 'purchase' then coalesce(c.paid_at, c.updated_at) else c.updated_at end, c.amount, c.currency
  from changed c join was w using (tenant_id, shop, order_id)
  cross join lateral (select case
    when c.status in ('paid', 'shipped', 'completed') and w.status not in ('paid', 'shipped', 'completed')
      then 'purchase'
    when c.status = 'refunded' and w.status in ('paid', 'shipped', 'completed') then 'refund' end as behaviour) b
  where b.behaviour is not null and exists (select from score_rule r where r.tenant_id = c.tenant_id
    and r.behaviour = b.behaviour and r.ended_at is null);
  return null;
end $$;
create trigger mark_behaviour_update after update on customer_order
  referencing new table as changed old table as was for each statement execute function mark_behaviour_of_orders();

create function mark_behaviour_of_new_cards() returns trigger language plpgsql as $$
begin
  insert into behaviour_due (tenant_id, customer_id, behaviour, source_key, occurred_at)
  select r.tenant_id, c.customer_id, r.behaviour, r.behaviour || '/' || c.customer_id, null
  from (select distinct tenant_id, behaviour from score_rule where behaviour like 'tag:%' and ended_at is null) r
  join changed c on c.tenant_id = r.tenant_id and substr(r.behaviour, 5) = any(c.tag_ids);
  return null;
end $$;
create trigger mark_behaviour_insert after insert on customer_card referencing new table as changed
  for each statement execute function mark_behaviour_of_new_cards();

create function mark_behaviour_of_cards() returns trigger language plpgsql as $$
begin
  insert into behaviour_due (tenant_id, customer_id, behaviour, source_key, occurred_at)
  select r.tenant_id, c.customer_id, r.behaviour, r.behaviour || '/' || c.customer_id, null
  from (select distinct tenant_id, behaviour from score_rule where behaviour like 'tag:%' and ended_at is null) r
  join changed c on c.tenant_id = r.tenant_id and substr(r.behaviour, 5) = any(c.tag_ids)
  join was w on w.tenant_id = c.tenant_id and w.customer_id = c.customer_id
    and not substr(r.behaviour, 5) = any(w.tag_ids);
  return null;
end $$;
create trigger mark_behaviour_update after update on customer_card
  referencing new table as changed old table as was for each statement execute function mark_behaviour_of_cards();
"""


def upgrade() -> None:
    op.execute(SCHEMA)
    for bucket in range(BUCKETS):
        op.execute(
            f"create table score_entry_p{bucket} partition of score_entry "
            f"for values with (modulus {BUCKETS}, remainder {bucket})"
        )
    op.execute(
        "create trigger unchanged before update of account, amount, rule_id, source_key, day, occurred_at, recorded_at "
        "on score_entry for each row execute function refuse_ledger_change()"
    )


def downgrade() -> None:
    op.execute("drop trigger mark_behaviour on customer_event")
    for table in ("customer_order", "customer_card"):
        op.execute(f"drop trigger mark_behaviour_insert on {table}")
        op.execute(f"drop trigger mark_behaviour_update on {table}")
    op.execute("drop table saved_filter, behaviour_due, score_entry, score_rule, stage_met, rule_run, automatic_tag, rule_book")
    op.execute("drop sequence score_entry_id_seq")
    op.execute(
        "drop function refuse_ledger_change, mark_behaviour_of_events, mark_behaviour_of_new_orders, "
        "mark_behaviour_of_orders, mark_behaviour_of_new_cards, mark_behaviour_of_cards"
    )
    op.execute("drop index segment_wanted, segment_deleted, stage_line_name, stage_name")
    op.execute("alter table segment drop column filter, drop column wanted_at, drop column wanted_by, drop column problem")
    op.execute("alter table segment add column filter jsonb not null default '{}'")
    op.execute("alter table stage drop column filter")
    op.execute("alter table stage add column filter jsonb")
