"""What the clock reminds of: when each corp looks for what, what waits for its digest, and whom it has been told of."""

from alembic import op

revision = "20261123_1220_pre_kinds"
down_revision = "20261123_1210_pre_delivery"

UPGRADE = """
create table reminder_clock (                          -- what a corp looks for once a day
  tenant_id  integer not null,
  kind       text not null,                            -- the fact that comes of it
  stage_id   bigint not null default 0,                -- 0: customers wherever they are
  hour       smallint not null check (hour between 0 and 23),  -- in the corp's time zone
  days       integer[] not null default '{}',          -- after so many, or so many before
  every_days integer check (every_days > 0),           -- told again after so many; null: once
  last_on    date not null,                            -- the corp's day of the last look
  next_at    timestamptz not null,
  cursor     bigint,                                   -- the last customer of the page before; null: no walk under way
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (tenant_id, kind, stage_id)
);
create index reminder_clock_due on reminder_clock (next_at);
create index reminder_clock_walks on reminder_clock (tenant_id) where cursor is not null;
create table reminder_told (                           -- of which customers, for which entry or contact, and how often
  tenant_id   integer not null,
  customer_id bigint not null,
  kind        text not null,
  stage_id    bigint not null,
  since       timestamptz not null,
  number      integer not null,
  told_on     date not null,
  primary key (tenant_id, customer_id, kind, stage_id)
);
create table deletion_waiting (                        -- for the digest
  tenant_id integer not null,
  id        bigint generated always as identity,
  userid    text not null,
  primary key (tenant_id, id)
);
create table leaver_told (
  tenant_id   integer not null,
  userid      text not null,
  until       date not null,
  days_before integer not null,
  told_at     timestamptz not null,
  primary key (tenant_id, userid, until, days_before)
);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("drop table leaver_told, deletion_waiting, reminder_told, reminder_clock")
