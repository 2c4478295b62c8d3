"""Chats for operators: folders, descriptions, tags and events of our own, and names that are found by part."""

from alembic import op

revision = "20261122_0950_pre_folders"
down_revision = "20261122_0940_pre_customers"

SCHEMA = """
create table chat_folder (                              -- "Ungrouped" is none of them: it is where a chat without is
  tenant_id  integer not null,
  id         bigint generated always as identity,
  name       text not null,
  name_key   text not null,                             -- folded: names that differ by width or case are one
  position   integer not null,
  created_at timestamptz not null,
  created_by text not null,
  primary key (tenant_id, id),
  unique (tenant_id, name_key)
);

create table chat_own (                                 -- what is ours about a chat; without a row: nothing
  tenant_id   integer not null,
  chat_id     text not null,
  folder_id   bigint,                                   -- null: Ungrouped
  description text,
  primary key (tenant_id, chat_id)
);
create index chat_own_folder on chat_own (tenant_id, folder_id, chat_id) where folder_id is not null;

create table chat_tag (
  tenant_id integer not null,
  chat_id   text not null,
  tag_id    bigint not null,
  given_at  timestamptz not null,
  by_whom   text not null,
  primary key (tenant_id, chat_id, tag_id)
);
create index chat_tag_tag on chat_tag (tenant_id, tag_id, chat_id);

create table chat_event (
  tenant_id      integer not null,
  id             bigint generated always as identity,
  name           text not null,
  content        text not null,
  starts_at      timestamptz not null,
  remind_minutes integer check (remind_minutes between 0 and 360),
  remind_at      timestamptz,                           -- when the owners are to be reminded; null: not (any more)
  created_at     timestamptz not null,
  created_by     text not null,
  cancelled_at   timestamptz,
  primary key (tenant_id, id)
);
create index chat_event_time on chat_event (tenant_id, starts_at, id);
create index chat_event_due on chat_event (remind_at) where remind_at is not null;
create table chat_event_chat (
  tenant_id integer not null,
  event_id  bigint not null,
  chat_id   text not null,
  primary key (tenant_id, event_id, chat_id)
);
create index chat_event_chat_chat on chat_event_chat (tenant_id, chat_id, event_id);

alter table group_chat add column name_key text, add column name_pieces text[];

-- Code of before writes names alone: what was made of the name before is then no longer true.
create function forget_name_pieces() returns trigger language plpgsql as $$
begin
  new.name_key := null;
  new.name_pieces := null;
  return new;
end $$;
create trigger forget_name_pieces before update of name on group_chat for each row
  when (new.name is distinct from old.name and new.name_key is not distinct from old.name_key)
  execute function forget_name_pieces();
"""
INDEXES = (
    "create index group_chat_pieces on group_chat using gin (name_pieces)",
    "create index group_chat_unkeyed on group_chat (tenant_id) where name_key is null",
    "create index group_day_day on group_day (tenant_id, day, chat_id)",
    "create index group_member_in on group_member (tenant_id, member_id, chat_id) "
    "where left_at is null and kind = 'customer'",
    "create index relation_ended on relation (tenant_id, state, ended_at, external_userid, userid) "
    "where ended_at is not null and state in ('ended_by_customer', 'ended_by_associate')",
)


def upgrade() -> None:
    op.execute(SCHEMA)
    # They read whole tables, which may take longer than 5 s; reconciling waits meanwhile, callbacks do not.
    op.execute("set local statement_timeout = '10min'")
    for index in INDEXES:
        op.execute(index)
    op.execute("set local statement_timeout = '5s'")


def downgrade() -> None:
    for name in ("relation_ended", "group_member_in", "group_day_day", "group_chat_unkeyed", "group_chat_pieces"):
        op.execute(f"drop index {name}")
    op.execute("drop trigger forget_name_pieces on group_chat")
    op.execute("drop function forget_name_pieces")
    op.execute("alter table group_chat drop column name_key, drop column name_pieces")
    op.execute("drop table chat_event_chat, chat_event, chat_tag, chat_own, chat_folder")
