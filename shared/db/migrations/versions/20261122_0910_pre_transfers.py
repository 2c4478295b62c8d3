"""Handovers: one row per customer and pair of associates, and per group chat, from the wish to its end."""

from alembic import op

revision = "20261122_0910_pre_transfers"
down_revision = "20261122_0900_pre_catalogue"

SCHEMA = """
create sequence transfer_id_seq;
create table transfer (
  tenant_id      integer not null,
  id             bigint not null default nextval('transfer_id_seq'),
  kind           text not null check (kind in ('customer', 'chat')),
  subject_key    text not null,                        -- external_userid or chat_id
  from_userid    text not null,
  to_userid      text not null,
  departed       boolean not null,                     -- the giver has left: WeCom keeps such handovers apart
  message        bytea,                                -- encrypted: what the customer is told; null: WeCom's own text
  author         text not null,
  source         text not null check (source in ('person', 'rule', 'api')),
  reason         text,
  state          text not null check (state in ('pending', 'sent', 'confirmed', 'refused', 'superseded')),
  stage          text not null check (stage in ('queued', 'asked', 'waiting', 'done', 'refused', 'limit', 'failed',
                                                'withdrawn')),
  attempts       smallint not null default 0,          -- requests that WeCom took or may have taken
  known_failures smallint not null default 0,          -- rows of failures that WeCom showed before the first request
  code           integer,                              -- WeCom's, when it refused
  why            text,                                 -- a code of ours
  asked_at       timestamptz not null,
  sent_at        timestamptz,                          -- of the first request that WeCom may have taken
  accepted_at    timestamptz,
  effect_at      timestamptz,                          -- to come while waiting, else when it took effect
  ended_at       timestamptz,
  next_poll_at   timestamptz not null,                 -- when there is something to do about it, while it is open
  primary key (tenant_id, id)
);
create unique index transfer_open on transfer (tenant_id, kind, subject_key, from_userid)
  where state in ('pending', 'sent');
create index transfer_of_taker on transfer (tenant_id, to_userid, state, next_poll_at)
  where state in ('pending', 'sent');
create index transfer_to_follow on transfer (next_poll_at) where state in ('pending', 'sent') and attempts > 0;
create index transfer_to_send on transfer (tenant_id, next_poll_at) where state = 'pending' and attempts = 0;
create index transfer_of_giver on transfer (tenant_id, from_userid, id);
create index transfer_of_subject on transfer (tenant_id, kind, subject_key, id);

alter table assignment_change add column transfer_id bigint;   -- the handover that made it so
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("alter table assignment_change drop column transfer_id; drop table transfer; drop sequence transfer_id_seq")
