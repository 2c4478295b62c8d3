"""One customer as a whole: merges that can be undone, notes, tasks, events by hand, and the timeline's indexes.

A row that a merge moved is named in `customer_merge_row`, so that an undo knows where it came from. What a merge took out (where
both sides had one of what a person has once) and the fields are in its line of the audit, encrypted.
"""

from alembic import op

revision = "20261122_1010_pre_persons"
down_revision = "20261122_1000_pre_finding"

HASHED = ("customer_note", "customer_task")
BUCKETS = 8

SCHEMA = """
create table customer_merge (
  tenant_id integer not null,
  id        bigint generated always as identity,
  into_id   bigint not null,
  merged_id bigint not null,
  why       text not null check (why in ('person', 'join')),
  at        timestamptz not null,
  by_whom   text not null,
  undone_at timestamptz,
  undone_by text,
  primary key (tenant_id, id)
);
create index customer_merge_into on customer_merge (tenant_id, into_id, id);
create unique index customer_merge_standing on customer_merge (tenant_id, merged_id) where undone_at is null;
create table customer_merge_row (
  tenant_id  integer not null,
  merge_id   bigint not null,
  table_name text not null,
  row_key    jsonb not null,                        -- column -> value of what names the row, without the customer
  was        jsonb not null default '{}',           -- of what people change in it: who changed it since, keeps it
  primary key (tenant_id, merge_id, table_name, row_key)
);

-- Names a row for good, whatever key its hash is made with; given to those that a merge moves.
alter table identity add column id bigint;
create sequence identity_id_seq;

create sequence customer_note_id_seq;
create table customer_note (
  tenant_id   integer not null,
  id          bigint not null default nextval('customer_note_id_seq'),
  customer_id bigint not null,
  body        bytea not null,                       -- encrypted
  at          timestamptz not null,
  by_whom     text not null,
  edited_at   timestamptz,
  deleted_at  timestamptz,
  primary key (tenant_id, id)
) partition by hash (tenant_id);
create index customer_note_customer on customer_note (tenant_id, customer_id, at, id) where deleted_at is null;

create sequence customer_task_id_seq;
create table customer_task (
  tenant_id   integer not null,
  id          bigint not null default nextval('customer_task_id_seq'),
  customer_id bigint not null,
  title       bytea not null,                       -- encrypted
  userid      text not null,                        -- who is to do it
  due_at      timestamptz,
  state       text not null default 'open' check (state in ('open', 'done', 'cancelled')),
  made_at     timestamptz not null,
  made_by     text not null,
  ended_at    timestamptz,
  ended_by    text,
  primary key (tenant_id, id)
) partition by hash (tenant_id);
create index customer_task_customer on customer_task (tenant_id, customer_id, id);
create index customer_task_open_customer on customer_task (tenant_id, customer_id, id) where state = 'open';
create index customer_task_made on customer_task (tenant_id, customer_id, made_at, id);
create index customer_task_done on customer_task (tenant_id, customer_id, ended_at, id) where state <> 'open';
create index customer_task_of on customer_task (tenant_id, userid, id);
create index customer_task_open on customer_task (tenant_id, userid, id) where state = 'open';
create index customer_task_all_open on customer_task (tenant_id, id) where state = 'open';

create table event_template (                       -- what people fill in when they record an event by hand
  tenant_id  integer not null,
  id         bigint generated always as identity,
  kind       text not null,                         -- of the events
  name       text not null,
  fields     jsonb not null,                        -- [{key, name, required}]
  created_at timestamptz not null,
  created_by text not null,
  deleted_at timestamptz,
  primary key (tenant_id, id)
);
create unique index event_template_name on event_template (tenant_id, name) where deleted_at is null;
create sequence event_by_hand_id_seq;

alter table customer_event
  add column by_whom text,                          -- a person who recorded it by hand; null: a system told of it
  add column template_id bigint;
"""

INDEXES = """
create unique index identity_id on identity (tenant_id, id) where id is not null;
create index customer_event_timeline on customer_event (tenant_id, customer_id, occurred_at, event_id);
create index customer_order_timeline on customer_order
  (tenant_id, customer_id, (coalesce(paid_at, updated_at)), (shop || '/' || order_id));
create index fact_timeline on fact (tenant_id, subject_kind, subject_key, occurred_at, id)
  where subject_kind in ('customer', 'external_contact');
create index audit_subject_at on audit (tenant_id, subject_kind, subject_key, at, id);
create index audit_at on audit (tenant_id, at, id);
create index audit_actor_at on audit (tenant_id, actor, at, id);
create index audit_action_at on audit (tenant_id, action, at, id);
drop index audit_subject, customer_event_customer;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
    for table in HASHED:
        for bucket in range(BUCKETS):
            op.execute(
                f"create table {table}_p{bucket} partition of {table} "
                f"for values with (modulus {BUCKETS}, remainder {bucket})"
            )
    # The indexes read all events, orders, facts and audits once.
    op.execute("set local statement_timeout = '10min'")
    op.execute(INDEXES)
    # Records that were merged before: known as merges, but not what came from where, so they cannot be undone.
    op.execute(
        "insert into customer_merge (tenant_id, into_id, merged_id, why, at, by_whom) "
        "select tenant_id, merged_into, id, 'join', updated_at, '' from customer where merged_into is not null"
    )


def downgrade() -> None:
    op.execute("create index audit_subject on audit (tenant_id, subject_kind, subject_key, id)")
    op.execute("create index customer_event_customer on customer_event (tenant_id, customer_id, occurred_at)")
    op.execute("drop index audit_action_at, audit_actor_at, audit_at, audit_subject_at, fact_timeline, "
               "customer_order_timeline, customer_event_timeline")
    op.execute("alter table customer_event drop column by_whom, drop column template_id")
    op.execute("drop table event_template, customer_task, customer_note, customer_merge_row, customer_merge")
    op.execute("alter table identity drop column id")
    op.execute("drop sequence identity_id_seq, event_by_hand_id_seq, customer_task_id_seq, customer_note_id_seq")
