"""Bulk changes of customers: what was asked, and what became of each customer; jobs that push tags for them."""

from alembic import op

revision = "20261122_1030_pre_bulk_customers"
down_revision = "20261122_1020_pre_rules"

BUCKETS = 8
SCHEMA = """
create table bulk_change (
  tenant_id     integer not null,
  id            bigint generated always as identity,
  kind          text not null,                        -- of services/bulk_changes/kinds; undo: see undoes
  asked         bytea not null,                       -- the change and the filter: JSON, encrypted
  reason        bytea not null,                       -- encrypted
  author        text not null,
  source        text not null check (source in ('person', 'rule', 'api')),
  state         text not null default 'running' check (state in ('running', 'paused', 'cancelled', 'done')),
  total_count   bigint not null default 0,
  done_count    bigint not null default 0,
  same_count    bigint not null default 0,            -- were as wanted already
  refused_count bigint not null default 0,
  undoes        bigint,                               -- the change that this one takes back
  job_id        bigint,                               -- the bulk job that pushes its corp tags
  created_at    timestamptz not null,
  finished_at   timestamptz,
  forgotten_at  timestamptz,                          -- what was before is kept no longer
  primary key (tenant_id, id)
);
create unique index bulk_change_undo on bulk_change (tenant_id, undoes)
  where undoes is not null and state in ('running', 'paused');
create index bulk_change_kept on bulk_change (finished_at) where forgotten_at is null;
create table bulk_change_row (
  tenant_id   integer not null,
  change_id   bigint not null,
  customer_id bigint not null,
  state       text not null default 'waiting' check (state in ('waiting', 'done', 'same', 'refused', 'undone')),
  reason      text,                                   -- a code: why refused, or what stayed
  before      bytea,                                  -- what an undo puts back: JSON, encrypted
  primary key (tenant_id, change_id, customer_id)
) partition by hash (tenant_id);
alter table bulk_job add column change_id bigint;     -- whose intents it pushes; null: it finds its relations itself
"""


def upgrade() -> None:
    op.execute(SCHEMA)
    for bucket in range(BUCKETS):
        op.execute(
            f"create table bulk_change_row_p{bucket} partition of bulk_change_row "
            f"for values with (modulus {BUCKETS}, remainder {bucket}) with (fillfactor = 70)"  # each row is written twice
        )


def downgrade() -> None:
    op.execute("delete from sync_run where resource = 'bulk_change'")
    op.execute("alter table bulk_job drop column change_id")
    op.execute("drop table bulk_change_row, bulk_change")
