"""Bulk jobs, whose rows are intents; rules that enforce tags; runs that a person can pause."""

from alembic import op

revision = "20261122_0890_pre_bulk"
down_revision = "20261122_0880_pre_write_back"

SCHEMA = """
create table bulk_job (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  add_tags    text[] not null,
  remove_tags text[] not null,
  choice      jsonb not null,                          -- which relations: the fields of Choice
  author      text not null,
  source      text not null check (source in ('person', 'rule', 'api')),
  reason      text,
  state       text not null default 'running' check (state in ('running', 'paused', 'cancelled', 'done')),
  matched     bigint not null default 0,               -- relations that were looked at
  already     bigint not null default 0,               -- those of them that were as wanted
  created_at  timestamptz not null,
  finished_at timestamptz,
  primary key (tenant_id, id)
);
create table tag_rule (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  name       text not null,
  tag_id     text not null,
  choice     jsonb not null,
  author     text not null,
  reason     text,
  made_at    timestamptz not null,
  ended_at   timestamptz,
  ended_by   text,
  primary key (tenant_id, id)
);
create unique index tag_rule_name on tag_rule (tenant_id, name) where ended_at is null;
alter table intent add column job_id bigint;
create index intent_of_job on intent (tenant_id, job_id, id) where job_id is not null;
create index intent_open_of_job on intent (tenant_id, job_id, id)
  where job_id is not null and state in ('pending', 'sent');
create index intent_of_subject on intent (tenant_id, subject_kind, subject_key, id);
create index intent_of_rule on intent (tenant_id, subject_key, userid, field, id) where source = 'rule';
alter table sync_run add column paused boolean not null default false;
alter table sync_run drop constraint sync_run_kind_check;
alter table sync_run
  add constraint sync_run_kind_check check (kind in ('bootstrap', 'resync', 'departure', 'approval', 'bulk'));
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("delete from sync_block b using sync_run r where r.kind = 'bulk' and b.tenant_id = r.tenant_id "
               "and b.run_id = r.id")  # fmt: skip
    op.execute("delete from sync_run where kind = 'bulk'")
    op.execute("alter table sync_run drop constraint sync_run_kind_check")
    op.execute(
        "alter table sync_run add constraint sync_run_kind_check "
        "check (kind in ('bootstrap', 'resync', 'departure', 'approval'))"
    )
    op.execute("alter table sync_run drop column paused")
    op.execute("drop index intent_of_subject, intent_of_rule, intent_open_of_job, intent_of_job")
    op.execute("alter table intent drop column job_id")
    op.execute("drop table tag_rule, bulk_job")
