"""The first schema. Every key starts with the tenant: external_userid and chat_id differ per subject.

What grows with customers x time is partitioned: the inbox by the day of its bodies (old days can be dropped),
evidence, fact, outbox and attempt by tenant. No foreign keys across partitions.
"""

from alembic import op

revision = "20261122_0100_pre_first"
down_revision = None

HASHED = ("evidence", "fact", "outbox", "attempt")
BUCKETS = 8

SCHEMA = """
create table tenant (
  id            integer generated always as identity primary key,
  corp_id       text not null,
  subject       text not null default 'self',          -- 'self' = self-built apps; else the suite id
  name          text not null,
  timezone      text not null,
  language      text not null,
  data_key      bytea not null,                        -- wrapped by the installation's secret key
  state         text not null check (state in ('bootstrap', 'live', 'suspended')),
  added_at      timestamptz not null,                  -- what happened before notifies nobody
  live_at       timestamptz,
  unique (corp_id, subject)
);

create table app (
  tenant_id        integer not null references tenant,
  name             text not null,
  agent_id         bigint,
  secret           bytea not null,
  token            bytea,                              -- access token, encrypted; renewed under this row's lock
  token_expires_at timestamptz,
  token_fetched_at timestamptz,
  primary key (tenant_id, name)
);

create table receiver (
  id               integer generated always as identity primary key,
  tenant_id        integer not null references tenant,
  name             text not null,
  kind             text not null check (kind in ('app', 'directory', 'suite', 'robot', 'official_account')),
  app_name         text,
  mode             text not null default 'secure' check (mode in ('plaintext', 'compatible', 'secure')),
  token            bytea not null,
  aes_key          bytea,
  previous_token   bytea,
  previous_aes_key bytea,
  receiveids_get   text[] not null,
  receiveids_post  text[] not null,
  unique (tenant_id, name)
);

create sequence inbox_id_seq;
create table inbox (
  day         date not null,                           -- of the body's CreateTime; 1970-01-01 when it has none
  receiver_id integer not null,
  digest      bytea not null,                          -- sha-256 of the decrypted body: the event's identity
  id          bigint not null default nextval('inbox_id_seq'),
  tenant_id   integer not null,
  occurred_at timestamptz,
  received_at timestamptz not null,
  body        bytea not null,                          -- encrypted
  state       text not null default 'new' check (state in ('new', 'routed', 'unrouted', 'failed')),
  event       text,                                    -- filled by routing: Event, InfoType or MsgType
  change      text,
  problem     text,
  routed_at   timestamptz,
  primary key (day, receiver_id, digest)
) partition by range (day);
create index inbox_new on inbox (id) where state = 'new';
create table inbox_default partition of inbox default;

create sequence evidence_id_seq;
create table evidence (
  tenant_id    integer not null,
  subject_kind text not null,
  subject_key  text not null,
  kind         text not null,
  fingerprint  bytea not null,                         -- digest of the event's body: one event, one piece of evidence
  id           bigint not null default nextval('evidence_id_seq'),
  userid       text,
  occurred_at  timestamptz not null,
  details      jsonb not null default '{}',
  inbox_day    date,
  inbox_id     bigint,
  recorded_at  timestamptz not null,
  primary key (tenant_id, subject_kind, subject_key, kind, fingerprint)
) partition by hash (tenant_id);

create table request (
  tenant_id          integer not null,
  subject_kind       text not null,
  subject_key        text not null,
  generation         bigint not null default 1,
  settled_generation bigint not null default 0,
  lane               smallint not null default 1,      -- 0 operator, 1 events, 2 backfill
  cause              text not null,
  caused_by          text,
  first_due_at       timestamptz not null,
  next_try_at        timestamptz not null,
  attempts           integer not null default 0,
  lease_until        timestamptz,
  fence              bigint not null default 0,        -- grows with every lease; a commit must show the newest
  dead_at            timestamptz,
  last_error         text,
  primary key (tenant_id, subject_kind, subject_key)
);
create index request_due on request (lane, next_try_at) where generation > settled_generation and dead_at is null;

create table associate (
  tenant_id          integer not null,
  userid             text not null,
  name               text,
  main_department_id bigint,
  department_ids     bigint[],
  leader_in          bigint[],
  direct_leaders     text[],
  status             bigint,
  has_contact        boolean not null default true,    -- has the customer-contact function and is in the app's sight
  observed_at        timestamptz not null,
  gone_at            timestamptz,
  primary key (tenant_id, userid)
);

create table outlet (
  tenant_id     integer not null,
  department_id bigint not null,
  name          text,
  parent_id     bigint,
  sort          bigint,
  leaders       text[],
  observed_at   timestamptz not null,
  gone_at       timestamptz,
  primary key (tenant_id, department_id)
);

create sequence customer_id_seq;
create table customer (
  tenant_id         integer not null,
  id                bigint not null default nextval('customer_id_seq'),
  standing          text not null default 'none'
                    check (standing in ('none', 'half', 'friend', 'lost', 'deleted', 'left')),
  assigned_userid   text,
  assigned_at       timestamptz,                       -- when the two became connected (ASG-2)
  assignment_changed_at timestamptz,                   -- of the last line in assignment_change
  merged_into       bigint,
  created_at        timestamptz not null,
  primary key (tenant_id, id)
);
create index customer_assigned on customer (tenant_id, assigned_userid) where assigned_userid is not null;

create table identity (
  tenant_id   integer not null,
  kind        text not null,                           -- unionid, phone, email, shop ids ...
  hmac        bytea not null,
  customer_id bigint not null,
  value       bytea not null,
  verified    boolean not null,
  source      text not null,
  created_at  timestamptz not null,
  primary key (tenant_id, kind, hmac, customer_id)
);
create unique index identity_verified on identity (tenant_id, kind, hmac) where verified;
create index identity_customer on identity (tenant_id, customer_id);

create table external_contact (
  tenant_id       integer not null,
  external_userid text not null,
  customer_id     bigint,
  name            text,
  type            bigint,
  gender          bigint,
  avatar          text,
  position        text,
  corp_name       text,
  corp_full_name  text,
  profile         jsonb,
  unionid         bytea,                               -- encrypted; found again through identity
  observed_at     timestamptz,                         -- start of the read that last showed it
  cause           text not null,
  caused_by       text,
  primary key (tenant_id, external_userid)
);
create index external_contact_customer on external_contact (tenant_id, customer_id);

create table relation (
  tenant_id        integer not null,
  external_userid  text not null,
  userid           text not null,
  state            text not null check (state in ('half', 'active', 'ended_by_customer', 'ended_by_associate',
                                                  'transferred', 'associate_left', 'out_of_sight')),
  half_at          timestamptz,
  started_at       timestamptz,                        -- of the present or last friendship
  ended_at         timestamptz,
  ended_by         text,
  past             jsonb not null default '[]',        -- earlier friendships: [[started_at, ended_at, ended_by]]
  told             jsonb,                              -- [[starts], [[end, by]]] that became facts, if not just these
  remark           text,
  description      text,
  remark_corp_name text,
  remark_mobiles   bytea,                              -- encrypted JSON list
  corp_tag_ids     text[],
  personal_tags    text[],                             -- by name, read-only; batch reads leave them out
  add_way          bigint,
  oper_userid      text,
  add_state        text,                               -- state of the contact way
  observed_at      timestamptz,
  cause            text not null,
  caused_by        text,
  primary key (tenant_id, external_userid, userid)
);
create index relation_of_associate on relation (tenant_id, userid, state);

create table assignment_change (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  from_userid text,
  to_userid   text,
  why         text not null check (why in ('first_add', 'auto', 'operator', 'transfer', 'import', 'lost')),
  at          timestamptz not null,
  by_whom     text not null,
  recorded_at timestamptz not null,
  primary key (tenant_id, id)
);
create index assignment_change_customer on assignment_change (tenant_id, customer_id, id);

create table assignment_decision (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  to_userid   text not null,
  decided_at  timestamptz not null,
  by_whom     text not null,
  ignored     boolean not null default false,          -- the chosen associate was no friend (any more) at that time
  primary key (tenant_id, id)
);
create index assignment_decision_customer on assignment_decision (tenant_id, customer_id, id);

create sequence fact_id_seq;
create table fact (
  tenant_id    integer not null,
  id           bigint not null default nextval('fact_id_seq'),
  type         text not null,
  version      smallint not null,
  subject_kind text not null,
  subject_key  text not null,
  occurred_at  timestamptz not null,
  recorded_at  timestamptz not null,
  cause        text not null check (cause in ('event', 'resync', 'bootstrap', 'operator', 'rule', 'import', 'api')),
  caused_by    text,
  payload      jsonb not null,                         -- ids and codes only
  primary key (tenant_id, id)
) partition by hash (tenant_id);
create index fact_subject on fact (tenant_id, subject_kind, subject_key, id);

create sequence intent_id_seq;
create table intent (
  tenant_id    integer not null,
  id           bigint not null default nextval('intent_id_seq'),
  subject_kind text not null,
  subject_key  text not null,
  field        text not null,
  desired      jsonb not null,
  author       text not null,
  source       text not null check (source in ('person', 'rule', 'api')),
  reason       text,
  state        text not null check (state in ('pending', 'sent', 'confirmed', 'refused', 'superseded')),
  refusal      text,
  created_at   timestamptz not null,
  settled_at   timestamptz,
  primary key (tenant_id, id)
);
create index intent_pending on intent (tenant_id, subject_kind, subject_key) where state in ('pending', 'sent');

create sequence outbox_id_seq;
create table outbox (
  tenant_id        integer not null,
  id               bigint not null default nextval('outbox_id_seq'),
  natural_key      text not null,                      -- fact or rule, step, channel, recipient
  fact_id          bigint,
  notice           text not null,
  channel          text not null,
  recipient        text not null,
  causes           jsonb not null default '[]',
  state            text not null default 'due' check (state in ('due', 'sent', 'refused', 'expired', 'in_doubt', 'dead')),
  attempts         integer not null default 0,
  next_try_at      timestamptz not null,
  lease_until      timestamptz,
  fence            bigint not null default 0,
  body             bytea,                              -- rendered once, encrypted: every try sends the same bytes
  first_unknown_at timestamptz,                        -- start of the first try whose outcome is not known
  msgid            text,
  created_at       timestamptz not null,
  expires_at       timestamptz not null,
  settled_at       timestamptz,
  last_error       text,
  primary key (tenant_id, id),
  unique (tenant_id, natural_key)
) partition by hash (tenant_id);
create index outbox_due on outbox (next_try_at) where state = 'due';

create sequence attempt_id_seq;
create table attempt (
  tenant_id   integer not null,
  id          bigint not null default nextval('attempt_id_seq'),
  parent_kind text not null check (parent_kind in ('outbox', 'intent')),
  parent_id   bigint not null,
  number      integer not null,
  recipient   text,
  started_at  timestamptz not null,
  finished_at timestamptz,
  outcome     text not null check (outcome in ('started', 'accepted', 'refused', 'retry', 'unknown')),
  code        integer,
  detail      text,
  primary key (tenant_id, id)
) partition by hash (tenant_id);
create index attempt_parent on attempt (tenant_id, parent_kind, parent_id);
create index attempt_recipient on attempt (tenant_id, recipient, started_at);

create table sync_run (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  kind        text not null check (kind in ('bootstrap', 'resync')),
  resource    text not null,
  state       text not null check (state in ('walking', 'settling', 'done', 'failed')),
  cursor      text not null default '',                -- of the settling phase
  fence       bigint not null default 0,
  lease_until timestamptz,
  next_try_at timestamptz not null,
  attempts    integer not null default 0,
  started_at  timestamptz not null,
  finished_at timestamptz,
  last_error  text,
  primary key (tenant_id, id)
);
create unique index sync_run_open on sync_run (tenant_id, resource) where state in ('walking', 'settling');

create table sync_block (
  tenant_id integer not null,
  run_id    bigint not null,
  number    integer not null,
  userids   text[] not null,
  cursor    text not null default '',                  -- saved with the rows of the page that it follows
  done      boolean not null default false,
  rows      bigint not null default 0,
  primary key (tenant_id, run_id, number)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)
    for table in HASHED:
        for bucket in range(BUCKETS):
            op.execute(
                f"create table {table}_p{bucket} partition of {table} "
                f"for values with (modulus {BUCKETS}, remainder {bucket})"
            )


def downgrade() -> None:
    op.execute("drop table sync_block, sync_run, attempt, outbox, intent, fact, assignment_decision, assignment_change, relation, "
               "external_contact, identity, customer, outlet, associate, request, evidence, inbox, receiver, app, tenant")
    for name in ("inbox", "evidence", "customer", "fact", "intent", "outbox", "attempt"):
        op.execute(f"drop sequence {name}_id_seq")
