"""The REST API: keys, stored answers, audit; persons' own fields, orders, behaviour events.

What grows with customers x time is partitioned by tenant. `customer.updated_at` of rows from before is the epoch: who
asks for what changed since then has seen them already, or starts with all of them.
"""

from alembic import op

revision = "20261122_0920_pre_api"
down_revision = "20261122_0910_pre_transfers"

HASHED = ("customer_order", "customer_event", "audit")
BUCKETS = 8

SCHEMA = """
create table api_key (
  id           integer generated always as identity primary key,
  tenant_id    integer not null references tenant,
  name         text not null,
  scopes       text[] not null,
  may_verify   boolean not null default false,      -- what it calls verified is believed (CUS-12)
  secret_hash  bytea not null,                      -- sha-256 of 32 random bytes: nothing to guess
  created_at   timestamptz not null,
  created_by   text not null,
  revoked_at   timestamptz,
  last_used_at timestamptz,
  unique (tenant_id, name)
);

create table api_answer (
  tenant_id  integer not null,
  route      text not null,                         -- method and path, without what is personal in it
  key_hmac   bytea not null,                        -- of the Idempotency-Key
  request    bytea not null,                        -- hmac of the whole request: another one under this key is an error
  status     smallint not null,
  body       bytea not null,                        -- encrypted
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, route, key_hmac)
);
create index api_answer_old on api_answer (expires_at);

alter table customer
  add column own bytea,                             -- the retailer's own fields: JSON, encrypted
  add column updated_at timestamptz not null default '1970-01-01 00:00:00+00';
alter table customer alter column updated_at set default now();
create index customer_updated on customer (tenant_id, updated_at, id);
create index customer_standing on customer (tenant_id, standing, id);
create index customer_merged on customer (tenant_id, merged_into) where merged_into is not null;

create table customer_order (
  tenant_id   integer not null,
  shop        text not null,
  order_id    text not null,
  customer_id bigint not null,
  amount      bigint not null,                      -- minor units of the currency
  currency    text not null,
  status      text not null,
  items_count integer not null,
  paid_at     timestamptz,
  updated_at  timestamptz not null,                 -- the retailer's: an older one never overwrites a newer one
  recorded_at timestamptz not null,
  primary key (tenant_id, shop, order_id)
) partition by hash (tenant_id);
create index customer_order_customer on customer_order (tenant_id, customer_id, paid_at);

create table purchase_summary (
  tenant_id        integer not null,
  customer_id      bigint not null,
  shop             text not null,
  currency         text not null,
  purchase_count   integer not null,
  amount           bigint not null,
  last_purchase_at timestamptz,
  primary key (tenant_id, customer_id, shop, currency)
);

create table customer_event (
  tenant_id   integer not null,
  event_id    text not null,                        -- the retailer's: a repeat is no second event
  customer_id bigint not null,
  kind        text not null,
  shop        text,
  occurred_at timestamptz not null,
  properties  bytea,                                -- JSON, encrypted
  recorded_at timestamptz not null,
  primary key (tenant_id, event_id)
) partition by hash (tenant_id);
create index customer_event_customer on customer_event (tenant_id, customer_id, occurred_at);

create sequence audit_id_seq;
create table audit (
  tenant_id    integer not null,
  id           bigint not null default nextval('audit_id_seq'),
  at           timestamptz not null,
  actor        text not null,                       -- api:<name of the key>, or a person
  origin       text,                                -- address that it came from
  action       text not null,
  subject_kind text not null,
  subject_key  text not null,
  changed      text[] not null,                     -- names of fields
  details      bytea,                               -- before and after: JSON, encrypted
  primary key (tenant_id, id)
) partition by hash (tenant_id);
create index audit_subject on audit (tenant_id, subject_kind, subject_key, id);
"""


def upgrade() -> None:
    # The indexes read all customers: at some millions that takes longer than 5 s, and customers are not written meanwhile.
    op.execute("set local statement_timeout = '10min'")
    op.execute(SCHEMA)
    for table in HASHED:
        for bucket in range(BUCKETS):
            op.execute(
                f"create table {table}_p{bucket} partition of {table} "
                f"for values with (modulus {BUCKETS}, remainder {bucket})"
            )


def downgrade() -> None:
    op.execute("drop table audit, customer_event, purchase_summary, customer_order, api_answer, api_key")
    op.execute("drop sequence audit_id_seq")
    op.execute("drop index customer_updated, customer_standing, customer_merged")
    op.execute("alter table customer drop column own, drop column updated_at")
