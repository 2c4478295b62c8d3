"""What all processes share about calling WeCom: budgets per API, whether WeCom is down, tokens and tickets.

In PostgreSQL, not in Redis: a flush must not forget a closed API or what was already used of an hour.
"""

from alembic import op

revision = "20261122_0440_pre_wecom_limits"
down_revision = "20261122_0100_pre_first"

SCHEMA = """
create table api_budget (
  scope        text not null,                          -- 'corp:<corp_id>', 'address:<egress>', 'robot:<digest of the key>'
  api          text not null,
  usage        jsonb not null,                         -- shared/wecom/budget.py: Usage
  closed_until timestamptz,                            -- after a 45009; for people, the truth is in usage
  primary key (scope, api)
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

create table circuit (
  egress        text primary key,
  failures      integer not null default 0,            -- since the last answer
  openings      integer not null default 0,
  open_until    timestamptz,
  probing_until timestamptz
);

create table credential (
  tenant_id      integer not null references tenant,
  app            text not null,
  kind           text not null,                        -- access_token, jsapi_ticket, agent_ticket
  value          bytea,                                -- encrypted
  fetched_at     timestamptz,
  expires_at     timestamptz,
  renewing_until timestamptz,                          -- somebody fetches a new one; a killed process is not waited for
  fence          bigint not null default 0,            -- grows with every renewal; only the newest may store
  refused_until  timestamptz,                          -- WeCom did not give one: nobody asks before
  refused_reason text,
  primary key (tenant_id, app, kind)
);

alter table tenant add column accounts integer;        -- the corp's ceiling of accounts, from its file

create table message_day (
  tenant_id    integer not null,
  day          date not null,                          -- UTC+8, as WeCom counts
  person_times integer not null default 0,
  primary key (tenant_id, day)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("drop table message_day, credential, circuit, api_budget")
    op.execute("alter table tenant drop column accounts")
