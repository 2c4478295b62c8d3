"""Events of which something must be done within seconds, and what new friends are welcomed with."""

from alembic import op

revision = "20261123_1250_pre_welcome"
down_revision = "20261123_1240_pre_message_cards"

UPGRADE = """
create table urgent_event (                             -- a queue beside the inbox; rows go after an hour
  day         date not null,
  receiver_id integer not null,
  digest      bytea not null,                           -- with both above: its row in the inbox
  tenant_id   integer not null,
  received_at timestamptz not null,
  next_try_at timestamptz not null,
  done_at     timestamptz,
  primary key (day, receiver_id, digest)
);
create index urgent_event_open on urgent_event (tenant_id, next_try_at) where done_at is null;
create index urgent_event_old on urgent_event (received_at);

create table welcome_rule (
  tenant_id      integer not null,
  id             bigint generated always as identity,
  name           text not null,
  enabled        boolean not null,
  userids        text[] not null default '{}',          -- with the outlets: whose new friends; both empty: everybody's
  department_ids bigint[] not null default '{}',
  states         text[] not null default '{}',          -- of contact ways; empty: however they came
  weekdays       smallint[] not null default '{}',      -- 1 Monday to 7 Sunday, in the corp's time zone; empty: every day
  from_time      time,                                  -- both or none; may pass midnight
  until_time     time,
  priority       integer not null default 0,            -- among equally particular ones, the higher first
  text           text,
  attachments    jsonb not null default '[]',
  file_ids       bigint[] not null default '{}',        -- the files that the attachments name
  created_at     timestamptz not null,
  created_by     text not null,
  updated_at     timestamptz not null,
  deleted_at     timestamptz,
  primary key (tenant_id, id),
  check ((from_time is null) = (until_time is null)),
  check (text is not null or attachments <> '[]')
);
create table welcome_file (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  kind        text not null check (kind in ('image', 'video', 'file')),
  name        text not null,                            -- the recipient sees it
  size        bigint not null,
  body        bytea not null,                           -- encrypted
  created_at  timestamptz not null,
  created_by  text not null,
  media_id    text,                                     -- WeCom's, good until media_until
  media_until timestamptz,
  next_try_at timestamptz not null,                     -- when it is uploaded (again)
  problem     text,                                     -- why the last upload failed
  primary key (tenant_id, id)
);
create index welcome_file_due on welcome_file (next_try_at);

create table welcome (
  tenant_id       integer not null,
  id              bigint generated always as identity,
  userid          text not null,
  external_userid text not null,
  code_digest     bytea not null,                       -- sha-256 of the code, which itself is only in the inbox
  state           text not null
    check (state in ('sending', 'sent', 'taken', 'no_rule', 'expired', 'refused')),
  rule_id         bigint,
  contact_state   text,                                 -- of the contact way
  half            boolean not null,
  received_at     timestamptz not null,
  until           timestamptz not null,                 -- the code's end
  body            bytea,                                -- what is said, encrypted, until it is settled
  attempts        integer not null default 0,
  calling_until   timestamptz,                          -- somebody is at it, or was killed
  in_doubt        boolean not null default false,       -- a try has no certain answer
  left_out        integer not null default 0,           -- attachments whose file WeCom had not, or had no more
  first_try_at    timestamptz,
  settled_at      timestamptz,
  errcode         integer,
  problem         text,
  primary key (tenant_id, id),
  unique (tenant_id, userid, external_userid, code_digest)
);
create index welcome_open on welcome (until) where state = 'sending';
create index welcome_received on welcome (tenant_id, received_at);
create index welcome_associate on welcome (tenant_id, userid, id);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("drop table welcome, welcome_file, welcome_rule, urgent_event")
