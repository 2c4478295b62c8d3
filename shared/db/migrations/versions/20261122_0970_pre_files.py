"""Files that people send and fetch, imports and exports.

A file is rows of encrypted pieces, so that any process on any machine reads it, and a killed one leaves nothing behind
that nobody finds. What jobs are asked and what they found may quote people's words: encrypted, too.
"""

from alembic import op

revision = "20261122_0970_pre_files"
down_revision = "20261122_0960_pre_pool"

SCHEMA = """
create table file (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  origin     text not null check (origin in ('upload', 'failures', 'export')),
  format     text check (format in ('csv', 'xlsx')),   -- by its content; null while its first bytes are to come
  name       bytea not null,                           -- encrypted: people name files after people
  state      text not null check (state in ('coming', 'ready')),
  size       bigint not null default 0,
  pieces     integer not null default 0,
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz not null,
  primary key (tenant_id, id)
);
create index file_old on file (expires_at);

create table file_piece (
  tenant_id integer not null,
  file_id   bigint not null,
  n         integer not null,
  body      bytea not null,                            -- encrypted
  primary key (tenant_id, file_id, n)
);
alter table file_piece alter column body set storage external;

create table file_job (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  kind        text not null check (kind in ('import', 'export')),
  state       text not null check (state in ('checking', 'checked', 'running', 'done', 'failed', 'cancelled')),
  file_id     bigint,                                  -- what is read, or what is written
  failures_id bigint,                                  -- the file of rows that failed
  asked       bytea not null,                          -- encrypted JSON
  found       bytea,                                   -- of the check: columns, mapping, first problems: encrypted JSON
  problem     bytea,                                   -- why it failed: encrypted JSON
  counts      jsonb not null default '{}',
  total       bigint,
  done        bigint not null default 0,
  by_whom     text not null,
  created_at  timestamptz not null,
  started_at  timestamptz,
  saved_at    timestamptz,
  finished_at timestamptz,
  lease_until timestamptz,
  fence       bigint not null default 0,
  tries       integer not null default 0,              -- since something was saved
  primary key (tenant_id, id)
);
create index file_job_due on file_job (created_at) where state in ('checking', 'running');

create table import_failure (
  tenant_id integer not null,
  job_id    bigint not null,
  n         bigint not null,                           -- of the row, as a spreadsheet counts
  reasons   jsonb not null,                            -- codes and names of fields only
  primary key (tenant_id, job_id, n)
);

create table export_page (                             -- who is exported, decided when the export began
  tenant_id    integer not null,
  job_id       bigint not null,
  n            integer not null,
  customer_ids bigint[] not null,
  primary key (tenant_id, job_id, n)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("drop table export_page, import_failure, file_job, file_piece, file")
