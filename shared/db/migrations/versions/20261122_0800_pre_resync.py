"""Full passes: blocks with leases of their own, what a pass has seen and missed, plans that wait for a person."""

from alembic import op

revision = "20261122_0800_pre_resync"
down_revision = "20261122_0450_post_app_token"

SCHEMA = """
alter table request add column settled_at timestamptz;     -- of the last run that settled a generation
create index request_due_of_tenant on request (tenant_id, lane, next_try_at)
  where generation > settled_generation and dead_at is null;
create index request_caused_by on request (tenant_id, caused_by)
  where generation > settled_generation and dead_at is null;

alter table relation add column digest bytea;              -- of the row of the last walk; null: written by anything else since

alter table sync_run drop constraint sync_run_state_check;
alter table sync_run drop constraint sync_run_kind_check;
alter table sync_run
  add constraint sync_run_kind_check check (kind in ('bootstrap', 'resync', 'departure', 'approval')),
  add constraint sync_run_state_check
    check (state in ('walking', 'settling', 'done', 'incomplete', 'failed', 'cancelled')),
  add column asked_by text not null default 'system',      -- schedule, a person, an event
  add column scope text[],                                 -- associates; null is all
  add column phase text not null default 'cut',            -- cut, walk, then what the pass calls its steps
  add column notes jsonb not null default '{}',            -- numbers that the end shows: missing, confirmed, applied ...
  add column incomplete jsonb not null default '[]';       -- [[where, why]]: what could not be read
drop index sync_run_open;
create unique index sync_run_open on sync_run (tenant_id, resource, coalesce(scope[1], ''))
  where state in ('walking', 'settling');

alter table sync_block
  add column kind text not null default 'page',
  add column pages integer not null default 0,             -- walked since started_at
  add column anchor text not null default '',              -- an earlier cursor: one that comes again means a circle
  add column started_at timestamptz,                       -- of the first page of the present walk of the block
  add column saved_at timestamptz,                         -- of the last page: cursors grow old
  add column fence bigint not null default 0,
  add column lease_until timestamptz,
  add column next_try_at timestamptz not null default 'epoch',
  add column attempts integer not null default 0,
  add column restarts integer not null default 0,
  add column last_error text;
create index sync_block_open on sync_block (tenant_id, run_id, number) where not done;

create table sync_seen (                                   -- what the walk of a block has shown, one row per page
  tenant_id        integer not null,
  run_id           bigint not null,
  block            integer not null,
  page             bigint generated always as identity,
  userids          text[] not null,
  external_userids text[] not null default '{}',           -- beside userids; empty in passes over members
  primary key (tenant_id, run_id, block, page)
);

create table sync_absence (                                -- what a complete walk did not show
  tenant_id       integer not null,
  run_id          bigint not null,
  external_userid text not null,
  userid          text not null,
  reason          text not null check (reason in ('missing', 'not_in_sight')),
  verdict         text check (verdict in ('ended', 'out_of_sight', 'associate_left', 'still_there')),
  ended_at        timestamptz,                             -- of an associate's departure
  confirmed_at    timestamptz,
  applied_at      timestamptz,
  primary key (tenant_id, run_id, external_userid, userid)
);

create sequence plan_id_seq;
create table removal_plan (                                -- removals too many to believe: they wait for a person
  tenant_id   integer not null,
  id          bigint not null default nextval('plan_id_seq'),
  resource    text not null,
  checksum    text not null,
  reason      text not null,
  counts      jsonb not null,                              -- action -> number
  run_id      bigint not null,
  state       text not null check (state in ('refused', 'approved', 'applied', 'superseded')),
  made_at     timestamptz not null,
  decided_at  timestamptz,
  decided_by  text,
  applied_at  timestamptz,
  skipped     bigint not null default 0,                   -- operations that did not hold any more when they were applied
  primary key (tenant_id, id)
);
create unique index removal_plan_open on removal_plan (tenant_id, resource) where state in ('refused', 'approved');

create table removal_operation (
  tenant_id   integer not null,
  plan_id     bigint not null,
  number      bigint not null,
  subject_key text not null,
  userid      text not null default '',
  action      text not null,
  details     jsonb not null default '{}',
  primary key (tenant_id, plan_id, number)
);

create table drift_check (                                 -- the hourly sample: how many of the looked at differed
  tenant_id integer not null,
  at        timestamptz not null,
  resource  text not null,
  sampled   integer not null,
  differing integer not null,
  primary key (tenant_id, at, resource)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute(
        "drop table drift_check, removal_operation, removal_plan, sync_absence, sync_seen; drop sequence plan_id_seq"
    )
