"""SOPs: rules, what triggers wait for, marks of what happened, who is on the way, and what became of each step.

Marks are left by triggers in the transaction of what happened, and only where a rule waits for just that: whoever
writes cannot forget them, and what no rule waits for costs one look into an index.
"""

from alembic import op

revision = "20261123_1230_pre_sop"
down_revision = "20261123_1220_pre_kinds"

BUCKETS = 8

SCHEMA = """
create table sop_rule (
  tenant_id     integer not null,
  id            bigint generated always as identity,
  name          text not null,
  subject       text not null check (subject in ('customer', 'chat')),
  state         text not null check (state in ('running', 'stopped')),
  spec          bytea not null,                      -- trigger, audience, steps, exits, ways: encrypted
  version       integer not null default 1,          -- grows with each change; who is on the way is planned anew
  last_step_id  integer not null,
  by_day        boolean not null,                    -- its trigger is a day: looked for once a day
  running_since timestamptz,                         -- what happened before brings nobody in
  run_day       date,                                -- the corp's day that was looked at last, by rules that go by days
  run_after     text,                                -- of the next day's look: the last who was looked at
  problem       text,                                -- why it brings nobody in, where it cannot be read any more
  made_at       timestamptz not null,
  made_by       text not null,
  changed_at    timestamptz not null,
  changed_by    text not null,
  deleted_at    timestamptz,
  primary key (tenant_id, id)
);
create unique index sop_rule_name on sop_rule (tenant_id, name) where deleted_at is null;

create table sop_signal (                            -- what rules wait for; a few rows per rule
  tenant_id integer not null,
  signal    text not null,                           -- friend, tag:ID, untag:ID, stage:ID, event:KIND, lost, ...
  rule_id   bigint not null,
  primary key (tenant_id, signal, rule_id)
);
create index sop_signal_rule on sop_signal (tenant_id, rule_id);

create table sop_mark (                              -- only ever added to and taken from
  tenant_id       integer not null,
  id              bigint generated always as identity,
  signal          text not null,
  customer_id     bigint,
  external_userid text,
  chat_id         text,
  occurred_at     timestamptz,                       -- null: when it is looked at
  source_key      text not null,
  primary key (tenant_id, id)
);

create sequence sop_enrolment_id_seq;
create table sop_enrolment (
  tenant_id    integer not null,
  id           bigint not null default nextval('sop_enrolment_id_seq'),
  rule_id      bigint not null,
  customer_id  bigint,
  chat_id      text,
  member       text,                                 -- external_userid of who joined, where that brought the chat in
  source_key   text not null,                        -- what brought them in: does so once for a rule
  anchor_at    timestamptz not null,                 -- steps count from here
  since        timestamptz,                          -- set anew by hand then: what was due before is past
  left_out     integer[] not null default '{}',      -- steps that were left out by hand
  entered_at   timestamptz not null,
  entered_by   text not null,
  state        text not null default 'running' check (state in ('running', 'ended')),
  ended_at     timestamptz,
  ended_why    text,
  version      integer not null,                     -- of the rule, as it was planned last
  next_at      timestamptz,
  next_step_id integer,
  primary key (tenant_id, id),
  check ((customer_id is null) <> (chat_id is null))
) partition by hash (tenant_id);
create unique index sop_enrolment_once on sop_enrolment (tenant_id, rule_id, source_key);
create index sop_enrolment_due on sop_enrolment (tenant_id, rule_id, next_at) where state = 'running';
create index sop_enrolment_planned on sop_enrolment (tenant_id, rule_id, version) where state = 'running';
create index sop_enrolment_customer on sop_enrolment (tenant_id, customer_id, rule_id) where customer_id is not null;
create index sop_enrolment_chat on sop_enrolment (tenant_id, chat_id, rule_id) where chat_id is not null;
create index sop_enrolment_rule on sop_enrolment (tenant_id, rule_id, id);

create table sop_progress (                          -- a row per step that is not ahead any more
  tenant_id    integer not null,
  enrolment_id bigint not null,
  step_id      integer not null,
  rule_id      bigint not null,
  customer_id  bigint,
  chat_id      text,
  userid       text,                                 -- who was told, or was to be
  state        text not null check (state in ('reminded', 'done', 'overdue', 'skipped', 'expired')),
  due_at       timestamptz not null,
  told_at      timestamptz,
  raise_at     timestamptz,                          -- overdue from then on, unless it is confirmed
  settled_at   timestamptz,                          -- confirmed, skipped or expired
  by_whom      text,
  why          text,
  primary key (tenant_id, enrolment_id, step_id)
) partition by hash (tenant_id);
create index sop_progress_raise on sop_progress (tenant_id, rule_id, raise_at)
  where state = 'reminded' and raise_at is not null;
create index sop_progress_contact on sop_progress (tenant_id, customer_id, settled_at)
  where state = 'done' and customer_id is not null;
create index sop_progress_day on sop_progress (tenant_id, settled_at) where state = 'done' and customer_id is not null;
create index sop_progress_customer on sop_progress (tenant_id, customer_id) where customer_id is not null;
create index sop_progress_told on sop_progress (tenant_id, rule_id, told_at) where state in ('reminded', 'overdue');

create table sop_tally (                             -- kept up by triggers: nobody counts a million rows
  tenant_id integer not null,
  rule_id   bigint not null,
  step_id   integer not null,                        -- 0: enrolments
  userid    text not null,                           -- '': enrolments, or nobody
  state     text not null,
  n         bigint not null,
  primary key (tenant_id, rule_id, step_id, userid, state)
);

-- Whom no contact is known of since a day is looked for by that day.
create index customer_event_time on customer_event (tenant_id, occurred_at);
create index customer_note_time on customer_note (tenant_id, at) where deleted_at is null;
create index customer_task_time on customer_task (tenant_id, ended_at) where state = 'done';
"""

MARKS = """
create function mark_sops_of_facts() returns trigger language plpgsql as $$
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
  where exists (select from sop_signal g where g.tenant_id = s.tenant_id and g.signal = s.signal)
  order by s.id;
  return null;
end $$;
create trigger mark_sops after insert on fact referencing new table as changed
  for each statement execute function mark_sops_of_facts();

create function mark_sops_of_events() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, occurred_at, source_key)
  select c.tenant_id, 'event:' || c.kind, c.customer_id, c.occurred_at, 'event:' || c.event_id from changed c
  where exists (select from sop_signal g where g.tenant_id = c.tenant_id and g.signal = 'event:' || c.kind);
  return null;
end $$;
create trigger mark_sops after insert on customer_event referencing new table as changed
  for each statement execute function mark_sops_of_events();

create function mark_sops_of_new_orders() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, occurred_at, source_key)
  select c.tenant_id, 'purchase', c.customer_id, coalesce(c.paid_at, c.updated_at), 'order:' || c.shop || '/' || c.order_id
  from changed c where c.status in ('paid', 'shipped', 'completed')
    and exists (select from sop_signal g where g.tenant_id = c.tenant_id and g.signal = 'purchase');
  return null;
end $$;
create trigger mark_sops_insert after insert on customer_order referencing new table as changed
  for each statement execute function mark_sops_of_new_orders();

create function mark_sops_of_orders() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, occurred_at, source_key)
  select c.tenant_id, 'purchase', c.customer_id, coalesce(c.paid_at, c.updated_at), 'order:' || c.shop || '/' || c.order_id
  from changed c join was w using (tenant_id, shop, order_id)
  where c.status in ('paid', 'shipped', 'completed') and w.status not in ('paid', 'shipped', 'completed')
    and exists (select from sop_signal g where g.tenant_id = c.tenant_id and g.signal = 'purchase');
  return null;
end $$;
create trigger mark_sops_update after update on customer_order
  referencing new table as changed old table as was for each statement execute function mark_sops_of_orders();

-- Cards: tags that were not there, tags that are gone, and what ends enrolments.
create function mark_sops_of_new_cards() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, occurred_at, source_key)
  select c.tenant_id, 'tag:' || t, c.customer_id, coalesce(c.last_added_at, c.created_at),
    'tag:' || t || '/' || c.customer_id || '/' || c.created_at
  from changed c cross join lateral unnest(c.tag_ids) t
  where exists (select from sop_signal g where g.tenant_id = c.tenant_id and g.signal = 'tag:' || t);
  return null;
end $$;
create trigger mark_sops_insert after insert on customer_card referencing new table as changed
  for each statement execute function mark_sops_of_new_cards();

create function mark_sops_of_cards() returns trigger language plpgsql as $$
begin
  insert into sop_mark (tenant_id, signal, customer_id, occurred_at, source_key)
  select n.tenant_id, n.signal, n.customer_id, null, 'card:' || nextval('sop_enrolment_id_seq') from (
    select c.tenant_id, c.customer_id, s.signal
    from changed c join was w using (tenant_id, customer_id)
    cross join lateral (
      select 'tag:' || t as signal from unnest(c.tag_ids) t where not t = any(w.tag_ids)
      union all select 'untag:' || t from unnest(w.tag_ids) t where not t = any(c.tag_ids)
      union all select 'lost' where c.friend_userids = '{}' and w.friend_userids <> '{}'
      union all select 'blacklisted' where c.blacklisted and not w.blacklisted) s
    where (c.tag_ids, c.friend_userids, c.blacklisted) is distinct from (w.tag_ids, w.friend_userids, w.blacklisted)) n
  where exists (select from sop_signal g where g.tenant_id = n.tenant_id and g.signal = n.signal);
  return null;
end $$;
create trigger mark_sops_update after update on customer_card
  referencing new table as changed old table as was for each statement execute function mark_sops_of_cards();

create function tally_sop_entered() returns trigger language plpgsql as $$
begin
  insert into sop_tally as t (tenant_id, rule_id, step_id, userid, state, n)
  select tenant_id, rule_id, 0, '', state, count(*) from changed group by 1, 2, 5 order by 1, 2, 5
  on conflict (tenant_id, rule_id, step_id, userid, state) do update set n = t.n + excluded.n;
  return null;
end $$;
create function tally_sop_enrolments() returns trigger language plpgsql as $$
begin
  insert into sop_tally as t (tenant_id, rule_id, step_id, userid, state, n)
  select tenant_id, rule_id, 0, '', state, sum(n) from (
    select tenant_id, rule_id, state, 1 as n from changed union all select tenant_id, rule_id, state, -1 from was) d
  group by 1, 2, 5 having sum(n) <> 0 order by 1, 2, 5
  on conflict (tenant_id, rule_id, step_id, userid, state) do update set n = t.n + excluded.n;
  return null;
end $$;
create function tally_sop_passed() returns trigger language plpgsql as $$
begin
  insert into sop_tally as t (tenant_id, rule_id, step_id, userid, state, n)
  select tenant_id, rule_id, step_id, coalesce(userid, ''), state, count(*) from changed
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict (tenant_id, rule_id, step_id, userid, state) do update set n = t.n + excluded.n;
  return null;
end $$;
create function tally_sop_progress() returns trigger language plpgsql as $$
begin
  insert into sop_tally as t (tenant_id, rule_id, step_id, userid, state, n)
  select tenant_id, rule_id, step_id, coalesce(userid, ''), state, sum(n) from (
    select tenant_id, rule_id, step_id, userid, state, 1 as n from changed
    union all select tenant_id, rule_id, step_id, userid, state, -1 from was) d
  group by 1, 2, 3, 4, 5 having sum(n) <> 0 order by 1, 2, 3, 4, 5
  on conflict (tenant_id, rule_id, step_id, userid, state) do update set n = t.n + excluded.n;
  return null;
end $$;
create trigger tally_insert after insert on sop_enrolment referencing new table as changed
  for each statement execute function tally_sop_entered();
create trigger tally_update after update on sop_enrolment referencing new table as changed old table as was
  for each statement execute function tally_sop_enrolments();
create trigger tally_insert after insert on sop_progress referencing new table as changed
  for each statement execute function tally_sop_passed();
create trigger tally_update after update on sop_progress referencing new table as changed old table as was
  for each statement execute function tally_sop_progress();
"""

SCOPE = """
grant select on sop_rule to guanxi_scoped;           -- what is to be done is no secret; its filter is not shown
alter table {table} enable row level security;
create policy scoped on {table} for select to guanxi_scoped using (
  tenant_id = (select guanxi_tenant()) and case when customer_id is not null
    then exists (select from customer_card k where k.tenant_id = {table}.tenant_id and k.customer_id = {table}.customer_id)
    else exists (select from group_chat g where g.tenant_id = {table}.tenant_id and g.chat_id = {table}.chat_id) end);
grant select on {table} to guanxi_scoped;
"""


def upgrade() -> None:
    # The indexes of events, notes and tasks read all of them once.
    op.execute("set local statement_timeout = '10min'")
    op.execute(SCHEMA)
    for table in ("sop_enrolment", "sop_progress"):
        for bucket in range(BUCKETS):
            op.execute(
                f"create table {table}_p{bucket} partition of {table} "
                f"for values with (modulus {BUCKETS}, remainder {bucket})"
            )
        op.execute(SCOPE.format(table=table))
    op.execute(MARKS)


def downgrade() -> None:
    op.execute("drop trigger mark_sops on fact")
    op.execute("drop trigger mark_sops on customer_event")
    for table in ("customer_order", "customer_card"):
        op.execute(f"drop trigger mark_sops_insert on {table}")
        op.execute(f"drop trigger mark_sops_update on {table}")
    op.execute("drop index customer_event_time, customer_note_time, customer_task_time")
    op.execute("drop table sop_tally, sop_progress, sop_enrolment, sop_mark, sop_signal, sop_rule")
    op.execute("drop sequence sop_enrolment_id_seq")
    op.execute(
        "drop function mark_sops_of_facts, mark_sops_of_events, mark_sops_of_new_orders, mark_sops_of_orders, "
        "mark_sops_of_new_cards, mark_sops_of_cards, tally_sop_entered, tally_sop_enrolments, tally_sop_passed, "
        "tally_sop_progress"
    )
