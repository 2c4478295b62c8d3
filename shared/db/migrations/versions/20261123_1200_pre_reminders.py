"""Switches of reminders, quiet hours, and what an outbox row has to remember to be folded, taken back or passed on."""

from alembic import op

revision = "20261123_1200_pre_reminders"
down_revision = "20261123_1125_pre_file_reached"

STATES = "'due', 'sent', 'refused', 'expired', 'in_doubt', 'dead', 'queued'"

UPGRADE = f"""
create table reminder_policy (
  tenant_id      integer primary key,
  stages_on      boolean not null default true,        -- the one switch over all of stages' messages (STG-4)
  administrators text[] not null default '{{}}',         -- userids
  undeliverable  text not null default 'superior' check (undeliverable in ('superior', 'administrators', 'nobody')),
  quiet_from     time,                                 -- in the corp's time zone; both or none
  quiet_until    time,
  updated_at     timestamptz not null,
  updated_by     text not null,
  check ((quiet_from is null) = (quiet_until is null))
);
create table reminder_switch (                         -- null: as is usual for this kind
  tenant_id      integer not null,
  notice         text not null,
  stage_id       bigint not null default 0,            -- 0: whatever the customer's stage
  enabled        boolean,
  superior       boolean,
  administrators boolean,
  urgent         boolean,                              -- goes out in quiet hours
  delay_s        integer check (delay_s >= 0),         -- told so long after it happened
  gather_s       integer check (gather_s >= 0),        -- waits so long for others to be told with
  apart_s        integer check (apart_s >= 0),         -- after one of its kind, the next waits so long for others
  ttl_s          integer check (ttl_s > 0),            -- not sent any more so long after it was to go out
  updated_at     timestamptz not null,
  updated_by     text not null,
  primary key (tenant_id, notice, stage_id)
);
create table quiet_time (                              -- an associate's own, in place of the corp's
  tenant_id   integer not null,
  userid      text not null,
  quiet_from  time,
  quiet_until time,                                    -- both null: none at all
  updated_at  timestamptz not null,
  updated_by  text not null,
  primary key (tenant_id, userid),
  check ((quiet_from is null) = (quiet_until is null))
);
alter table outbox
  add column about         text,                       -- whose matter it is, where somebody else is told of it
  add column reason        text,                       -- what it stands for: taken back when that vanishes
  add column folded_into   bigint,                     -- told by that row's message
  add column folds         integer not null default 1, -- how many its message tells of
  add column first_fair_at timestamptz,                -- before that, nobody meant to send it
  add column response_code bytea,                      -- of a card, encrypted: good for one change within 72 h
  add column recall        text check (recall in ('wanted', 'done', 'late', 'failed'));
alter table outbox drop constraint outbox_state_check;
alter table outbox add constraint outbox_state_check
  check (state in ({STATES}, 'folded', 'withdrawn')) not valid;
create index outbox_waiting on outbox (tenant_id, recipient, notice) where state = 'due';
create index outbox_reason on outbox (tenant_id, reason) where reason is not null;
create index outbox_recall on outbox (next_try_at) where recall = 'wanted';
create index outbox_told on outbox (tenant_id, recipient, notice, settled_at) where state = 'sent';
"""


def upgrade() -> None:
    # It reads the whole outbox for its indexes, which may take longer than 5 s; messages wait meanwhile.
    op.execute("set local statement_timeout = 0")
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("drop index outbox_told, outbox_recall, outbox_reason, outbox_waiting")
    op.execute("update outbox set state = 'expired' where state in ('folded', 'withdrawn')")
    op.execute("alter table outbox drop constraint outbox_state_check")
    op.execute(f"alter table outbox add constraint outbox_state_check check (state in ({STATES})) not valid")
    op.execute(
        "alter table outbox drop column about, drop column reason, drop column folded_into, drop column folds, "
        "drop column first_fair_at, drop column response_code, drop column recall"
    )
    op.execute("drop table quiet_time, reminder_switch, reminder_policy")
