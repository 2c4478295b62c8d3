"""Group chats, who was in them and when, and how many came and went a day."""

from alembic import op

revision = "20261122_0810_pre_groups"
down_revision = "20261122_0800_pre_resync"

SCHEMA = """
create table group_chat (
  tenant_id       integer not null,
  chat_id         text not null,
  name            text,
  owner_userid    text,
  notice          text,
  created_at      timestamptz,
  admins          text[],
  member_version  text,                                -- opaque: of the set of members that was read last
  member_count    integer not null default 0,
  status          bigint,                              -- of the list: 0 normal, 1 owner left, 2 being inherited, 3 inherited
  since           jsonb not null default '{}',         -- field -> start of the read that first showed its present value
  dismissed_at    timestamptz,
  out_of_sight_at timestamptz,                         -- not readable any more, though nobody said that it is gone
  listed_run      bigint,                              -- the last full pass that listed it
  observed_at     timestamptz,                         -- start of the last read of its details; null: only listed so far
  cause           text not null,
  caused_by       text,
  primary key (tenant_id, chat_id)
);
create index group_chat_owner on group_chat (tenant_id, owner_userid);

create table group_member (
  tenant_id   integer not null,
  chat_id     text not null,
  member_id   text not null,                           -- userid or external_userid
  number      integer not null,                        -- one row per stay: who comes back is counted on
  kind        text not null check (kind in ('associate', 'customer')),
  joined_at   timestamptz,                             -- null: nobody said
  joined_by   text check (joined_by in ('read', 'event')),
  join_scene  bigint,                                  -- as reads say it: 1 invited, 2 link, 3 QR code; 0: 1 or 2
  invitor     text,
  state       text,                                    -- of the way to join
  nickname    text,
  name        text,
  unionid     bytea,                                   -- encrypted
  left_at     timestamptz,
  left_by     text check (left_by in ('read', 'event', 'dismissal')),
  quit_scene  bigint,                                  -- of the event: 0 left, 1 removed; null: nobody said
  observed_at timestamptz not null,                    -- start of the read that last changed this row
  cause       text not null,
  caused_by   text,
  primary key (tenant_id, chat_id, member_id, number)
);
create unique index group_member_present on group_member (tenant_id, chat_id, member_id) where left_at is null;
create index group_member_chats on group_member (tenant_id, member_id, chat_id);

create table group_day (                               -- only days on which somebody came or went
  tenant_id    integer not null,
  chat_id      text not null,
  day          date not null,                          -- in the tenant's time zone
  joined_count integer not null,
  left_count   integer not null,
  member_count integer not null,                       -- at the end of the day
  primary key (tenant_id, chat_id, day)
);

create index evidence_of_chat on evidence (tenant_id, subject_key, recorded_at) where subject_kind = 'group_chat';
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("drop index evidence_of_chat")
    op.execute("drop table group_day, group_member, group_chat")
