"""The pool: history, batches, rules, what associates are still to be told, and who may be whom (POOL-1 to POOL-13)."""

from alembic import op

revision = "20261122_0960_pre_pool"
down_revision = "20261122_0950_pre_folders"

SCHEMA = """
alter table pool_record add column department_id bigint;      -- the outlet that the retailer's system named
alter table pool_record add column contacted_at timestamptz;  -- the associate got in touch: not neglected
create index pool_record_waiting on pool_record (tenant_id, status, status_at) where status in ('assigned', 'unreachable');

create table pool_change (                          -- only ever added to (ASG-9)
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  from_status text,
  to_status   text not null,
  from_userid text,
  to_userid   text,
  why         text not null,
  reason      text,                                 -- why unreachable, or how recognised: a code
  rule_id     bigint,
  batch_id    bigint,
  at          timestamptz not null,
  by_whom     text not null,
  primary key (tenant_id, id)
);
create index pool_change_customer on pool_change (tenant_id, customer_id, id);

create table pool_batch (
  tenant_id      integer not null,
  id             bigint generated always as identity,
  state          text not null check (state in ('running', 'done', 'cancelled')),
  userids        text[] not null,                   -- in the order in which they are dealt to
  how            text not null check (how in ('random', 'turns')),
  why            text not null,
  also_assigned  boolean not null,                  -- who is assigned already changes hands, too
  total_count    bigint not null,
  reached        bigint not null default 0,         -- the last row that was dealt with
  turn           bigint not null default 0,         -- whose it is: userids[1 + turn % their number]
  assigned_count bigint not null default 0,
  by_whom        text not null,
  created_at     timestamptz not null,
  finished_at    timestamptz,
  primary key (tenant_id, id)
);
create index pool_batch_running on pool_batch (tenant_id, id) where state = 'running';

create table pool_batch_row (
  tenant_id   integer not null,
  batch_id    bigint not null,
  n           bigint not null,
  customer_id bigint not null,
  primary key (tenant_id, batch_id, n)
);

create table pool_given (                           -- what associates are still to be told; only ever added to and taken from
  tenant_id   integer not null,
  id          bigint generated always as identity,
  userid      text not null,
  count       bigint not null,
  customer_id bigint not null,                      -- one of them
  batch_id    bigint,
  cause       text not null,
  caused_by   text,
  at          timestamptz not null,
  primary key (tenant_id, id)
);

create table pool_rule (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  kind        text not null check (kind in ('assign', 'return')),
  name        text not null,
  position    integer not null,
  enabled     boolean not null default true,
  conditions  jsonb not null,
  action      jsonb not null,
  turn        bigint not null default 0,            -- how many it has assigned: whose turn it is
  next_run_at timestamptz not null,
  created_at  timestamptz not null,
  created_by  text not null,
  deleted_at  timestamptz,
  primary key (tenant_id, id)
);

create table pool_due (                             -- records that rules are to look at; only ever added to and taken from
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  at          timestamptz not null,
  primary key (tenant_id, id)
);
create index pool_due_at on pool_due (tenant_id, at, id);

create table pool_leaver (                          -- associates who left, or lost the function; since when: as first seen
  tenant_id integer not null,
  userid    text not null,
  seen_at   timestamptz,
  primary key (tenant_id, userid)
);

create table pool_state (                           -- states of contact ways that were made for one person
  tenant_id   integer not null,
  state       text not null,
  customer_id bigint not null,
  issued_at   timestamptz not null,
  issued_by   text not null,
  primary key (tenant_id, state)
);

create table pool_match (                           -- a contact who is, or may be, somebody whom the retailer knew
  tenant_id       integer not null,
  id              bigint generated always as identity,
  external_userid text not null,
  userid          text not null,                    -- whose friendship showed it
  how             text not null check (how in ('unionid', 'phone', 'state')),
  customer_ids    bigint[] not null,
  state           text not null check (state in ('sure', 'open', 'joined', 'dismissed')),
  problem         text,                             -- why a sure one needs a person after all: a code
  cause           text not null,
  caused_by       text,
  found_at        timestamptz not null,
  settled_at      timestamptz,
  settled_by      text,
  primary key (tenant_id, id),
  unique (tenant_id, external_userid, userid, how, customer_ids)
);
create index pool_match_sure on pool_match (tenant_id, id) where state = 'sure';
create index pool_match_open on pool_match (tenant_id, id) where state = 'open';

create function note_pool_leaver() returns trigger language plpgsql as $$
begin
  insert into pool_leaver (tenant_id, userid) values (new.tenant_id, new.userid) on conflict do nothing;
  return null;
end $$;
create trigger note_pool_leaver after update of gone_at, has_contact on associate for each row
  when ((new.gone_at is not null and old.gone_at is null) or (old.has_contact and not new.has_contact))
  execute function note_pool_leaver();
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("drop trigger note_pool_leaver on associate")
    op.execute("drop function note_pool_leaver")
    op.execute(
        "drop table pool_match, pool_state, pool_leaver, pool_due, pool_rule, pool_given, pool_batch_row, pool_batch, "
        "pool_change"
    )
    op.execute("alter table pool_record drop column department_id, drop column contacted_at")
