"""What messages look like: corps' own texts and forms; presses of cards' buttons; group robots."""

from alembic import op

revision = "20261123_1240_pre_message_cards"
down_revision = "20261123_1230_pre_sop"

UPGRADE = """
create table message_template (                        -- a corp's own text, in place of the shipped one
  tenant_id   integer not null,
  notice      text not null,
  language    text not null check (language in ('en', 'zh')),
  folded      boolean not null,                        -- of a message that stands for several
  title       text not null,
  description text not null,
  version     integer not null,
  updated_at  timestamptz not null,
  updated_by  text not null,
  primary key (tenant_id, notice, language, folded)
);
create table message_form (                            -- how a kind goes out; none: as a text card
  tenant_id  integer not null,
  notice     text not null,
  form       text not null check (form in ('textcard', 'card', 'text', 'markdown', 'miniprogram')),
  appid      text,                                     -- of the mini-program that it opens
  page       text,
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (tenant_id, notice),
  check (form <> 'miniprogram' or appid is not null)
);
create table card_press (                              -- somebody pressed a button of a card
  tenant_id     integer not null,
  id            bigint generated always as identity,
  task_id       text not null,
  key           text not null,                         -- of the button
  userid        text not null,
  agent_id      text not null,
  selected      jsonb not null,                        -- question -> chosen option
  response_code bytea not null,                        -- encrypted: good for one change of the card within 72 h
  fingerprint   bytea not null,                        -- of the event: a repeat is the same press
  pressed_at    timestamptz not null,
  received_at   timestamptz not null,
  caused_by     text not null,
  state         text not null check (state in ('new', 'done', 'ignored', 'failed')),
  attempts      integer not null default 0,
  next_try_at   timestamptz not null,
  card_id       bigint,                                -- the outbox row of the notice
  says          text,                                  -- what holds since then
  why           text,                                  -- it was ignored
  settled_at    timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, fingerprint)
);
create index card_press_due on card_press (next_try_at) where state = 'new';
create index card_press_card on card_press (tenant_id, card_id, key) where card_id is not null;
create table group_robot (                             -- speaks in a group of administrators
  tenant_id    integer not null,
  id           bigint generated always as identity,
  name         text not null,
  key          bytea not null,                         -- encrypted: whoever has it may speak there
  notices      text[] not null,                        -- kinds that it tells administrators in their place
  enabled      boolean not null,
  closed_until timestamptz,                            -- WeCom said that it spoke too often
  problem      text,                                   -- why it can speak no more, until its key is changed
  created_at   timestamptz not null,
  updated_at   timestamptz not null,
  updated_by   text not null,
  primary key (tenant_id, id)
);
create index outbox_apart on outbox (next_try_at) where state = 'queued' and channel in ('robot', 'wecom_card');
"""


def upgrade() -> None:
    # It reads the whole outbox for its index, which may take longer than 5 s; messages wait meanwhile.
    op.execute("set local statement_timeout = 0")
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("drop index outbox_apart")
    op.execute("update outbox set state = 'expired' where state = 'queued' and channel in ('robot', 'wecom_card')")
    op.execute("drop table group_robot, card_press, message_form, message_template")
