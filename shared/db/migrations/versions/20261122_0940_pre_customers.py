"""Customers for operators: pool, local tags, custom fields, stages, scores, segments, blacklist, and the card of each.

A card is one derived row per customer, which lists, filters and segments read; nothing else does. Whatever a card is
made of leaves a mark in `card_due` by a trigger, in the transaction of its change, whoever makes it.
"""

from alembic import op

revision = "20261122_0940_pre_customers"
down_revision = "20261122_0930_pre_webhooks"

SCHEMA = """
create table pool_record (
  tenant_id   integer not null,
  customer_id bigint not null,
  status      text not null check (status in ('unassigned', 'assigned', 'unreachable', 'added')),
  source      text not null,                        -- import, hand, api, shop:NAME, miniapp:ID, leaver ...
  userid      text,                                 -- who is to add them
  why         text,                                 -- operator, batch, claim, rule, import
  by_whom     text not null,
  rule_id     bigint,                               -- the rule that acted
  reason      text,                                 -- why unreachable: a code
  note        bytea,                                -- the associate's words: encrypted
  status_at   timestamptz not null,
  created_at  timestamptz not null,
  primary key (tenant_id, customer_id)
);
create index pool_record_status on pool_record (tenant_id, status, customer_id);
create index pool_record_of on pool_record (tenant_id, userid, status, customer_id) where userid is not null;

create table local_tag_group (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  of         text not null check (of in ('customer', 'chat')),
  name       text not null,
  position   integer not null,
  visible_to text[],                                -- userids; null: everybody (TAG-4)
  created_at timestamptz not null,
  deleted_at timestamptz,
  primary key (tenant_id, id)
);
create table local_tag (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  group_id   bigint not null,
  kind       text not null check (kind in ('manual', 'automatic')),
  name       text not null,
  position   integer not null,
  created_at timestamptz not null,
  deleted_at timestamptz,
  primary key (tenant_id, id)
);
create table customer_tag (
  tenant_id   integer not null,
  customer_id bigint not null,
  tag_id      bigint not null,
  given_at    timestamptz not null,
  by_whom     text not null,                        -- a person, api:NAME, rule:ID, import:ID
  primary key (tenant_id, customer_id, tag_id)
);
create index customer_tag_tag on customer_tag (tenant_id, tag_id, customer_id);

create table custom_field (
  tenant_id            integer not null,
  id                   bigint generated always as identity,
  key                  text not null,               -- in the customer's own document, under "fields"; never changes
  name                 text not null,
  kind                 text not null check (kind in ('single_line', 'multi_line', 'single_choice', 'multiple_choice',
                                                     'date', 'cascade', 'number')),
  options              jsonb not null default '[]',
  personal             boolean not null,            -- never outside the encrypted document: cannot be filtered by
  required_of_customer boolean not null default false,
  required_of_pool     boolean not null default false,
  in_pool_list         boolean not null default false,
  enabled              boolean not null default true,
  position             integer not null,
  created_at           timestamptz not null,
  deleted_at           timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, key)
);

create table blacklist_entry (
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  reason      text not null,
  added_at    timestamptz not null,
  added_by    text not null,
  ended_at    timestamptz,
  ended_by    text,
  end_reason  text,
  primary key (tenant_id, id)
);
create unique index blacklist_entry_open on blacklist_entry (tenant_id, customer_id) where ended_at is null;

create table stage_line (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  name       text not null,
  position   integer not null,
  created_at timestamptz not null,
  deleted_at timestamptz,
  primary key (tenant_id, id)
);
create table stage (
  tenant_id  integer not null,
  id         bigint generated always as identity,
  line_id    bigint not null,
  name       text not null,
  position   integer not null,
  automatic  boolean not null default false,        -- who meets the filter enters by themselves
  filter     jsonb,
  created_at timestamptz not null,
  deleted_at timestamptz,
  primary key (tenant_id, id)
);
create table customer_stage (
  tenant_id   integer not null,
  line_id     bigint not null,
  customer_id bigint not null,
  stage_id    bigint not null,
  entered_at  timestamptz not null,
  by_whom     text not null,
  primary key (tenant_id, customer_id, line_id)
);
create index customer_stage_stage on customer_stage (tenant_id, stage_id, customer_id);

create table customer_score (
  tenant_id   integer not null,
  customer_id bigint not null,
  score       bigint not null default 0,
  points      bigint not null default 0,
  primary key (tenant_id, customer_id)
);

create table segment (
  tenant_id    integer not null,
  id           bigint generated always as identity,
  name         text not null,
  category     text,
  kind         text not null check (kind in ('dynamic', 'static')),
  filter       jsonb not null,
  state        text not null default 'running' check (state in ('running', 'stopped')),
  member_count bigint not null default 0,
  refreshed_at timestamptz,
  created_at   timestamptz not null,
  created_by   text not null,
  deleted_at   timestamptz,
  primary key (tenant_id, id)
);
create unique index segment_name on segment (tenant_id, name) where deleted_at is null;
create table segment_member (
  tenant_id   integer not null,
  segment_id  bigint not null,
  customer_id bigint not null,
  since       timestamptz not null,
  primary key (tenant_id, segment_id, customer_id)
);
create index segment_member_customer on segment_member (tenant_id, customer_id);

create table customer_card (
  tenant_id        integer not null,
  customer_id      bigint not null,
  created_at       timestamptz not null,
  standing         text not null,
  assigned_userid  text,
  assigned_at      timestamptz,
  friend_userids   text[] not null,                 -- friendships that last
  seen_by          text[] not null,                 -- associates whose customer this is, was lost by, or is to become
  tag_ids          text[] not null,                 -- WeCom's of all friendships that last; local ones as local:ID
  chat_ids         text[] not null,                 -- where they are now
  add_ways         bigint[] not null,
  add_states       text[] not null,
  stage_ids        bigint[] not null,
  first_added_at   timestamptz,
  last_added_at    timestamptz,
  last_lost_at     timestamptz,                     -- the customer removed an associate
  last_deleted_at  timestamptz,                     -- an associate removed the customer
  joined_chat_at   timestamptz,                     -- the last time each
  left_chat_at     timestamptz,
  last_event_at    timestamptz,                     -- behaviour that the retailer told
  pool_status      text,
  pool_source      text,
  pool_userid      text,
  gender           text not null,                   -- male, female, unknown: the retailer's word before WeCom's
  level            text,
  birthday         smallint,                        -- month * 100 + day, nothing more
  has_phone        boolean not null,
  has_email        boolean not null,
  blacklisted      boolean not null,
  score            bigint not null,
  points           bigint not null,
  purchase_count   bigint not null,
  purchase_amount  bigint not null,                 -- minor units, of the one currency of the installation
  last_purchase_at timestamptz,
  fields           jsonb not null,                  -- custom fields that are not personal: key -> value
  primary key (tenant_id, customer_id)
);
create index customer_card_sets on customer_card
  using gin (friend_userids, seen_by, tag_ids, chat_ids, add_ways, add_states, stage_ids);
create index customer_card_assigned on customer_card (tenant_id, assigned_at, customer_id);
create index customer_card_assignee on customer_card (tenant_id, assigned_userid, assigned_at);
create index customer_card_added on customer_card (tenant_id, last_added_at, customer_id);
create index customer_card_lost on customer_card (tenant_id, last_lost_at) where last_lost_at is not null;
create index customer_card_deleted on customer_card (tenant_id, last_deleted_at) where last_deleted_at is not null;
create index customer_card_pool on customer_card (tenant_id, pool_status, pool_userid) where pool_status is not null;
create index customer_card_score on customer_card (tenant_id, score, customer_id);
create index customer_card_points on customer_card (tenant_id, points, customer_id);
create index customer_card_amount on customer_card (tenant_id, purchase_amount, customer_id);
create index customer_card_purchase on customer_card (tenant_id, last_purchase_at) where last_purchase_at is not null;
create index customer_card_birthday on customer_card (tenant_id, birthday) where birthday is not null;
create index customer_card_blacklisted on customer_card (tenant_id, customer_id) where blacklisted;

create table customer_name (                        -- pieces of names that are searched by part, under a key
  tenant_id   integer not null,
  customer_id bigint not null,
  digest      bytea not null,                       -- of what the pieces were made of
  pieces      bigint[] not null,
  primary key (tenant_id, customer_id)
);
create index customer_name_pieces on customer_name using gin (pieces);

create table card_due (                             -- only ever added to and taken from: marks never wait for each other
  tenant_id   integer not null,
  id          bigint generated always as identity,
  customer_id bigint not null,
  primary key (tenant_id, id)
);

create function mark_cards() returns trigger language plpgsql as $$
begin
  if tg_op <> 'DELETE' then
    insert into card_due (tenant_id, customer_id) select distinct tenant_id, customer_id from changed
    where customer_id is not null;
  end if;
  if tg_op <> 'INSERT' then
    insert into card_due (tenant_id, customer_id) select distinct tenant_id, customer_id from was
    where customer_id is not null;
  end if;
  return null;
end $$;

create function mark_own_cards() returns trigger language plpgsql as $$
begin
  insert into card_due (tenant_id, customer_id) select tenant_id, id from changed;
  return null;
end $$;

create function mark_cards_of_contacts() returns trigger language plpgsql as $$
begin
  if tg_op <> 'DELETE' then
    insert into card_due (tenant_id, customer_id) select distinct e.tenant_id, e.customer_id from changed c
    join external_contact e using (tenant_id, external_userid) where e.customer_id is not null;
  end if;
  if tg_op <> 'INSERT' then
    insert into card_due (tenant_id, customer_id) select distinct e.tenant_id, e.customer_id from was w
    join external_contact e using (tenant_id, external_userid) where e.customer_id is not null;
  end if;
  return null;
end $$;

create function mark_cards_of_members() returns trigger language plpgsql as $$
begin
  if tg_op <> 'DELETE' then
    insert into card_due (tenant_id, customer_id) select distinct e.tenant_id, e.customer_id from changed c
    join external_contact e on e.tenant_id = c.tenant_id and e.external_userid = c.member_id
    where e.customer_id is not null;
  end if;
  if tg_op <> 'INSERT' then
    insert into card_due (tenant_id, customer_id) select distinct e.tenant_id, e.customer_id from was w
    join external_contact e on e.tenant_id = w.tenant_id and e.external_userid = w.member_id
    where e.customer_id is not null;
  end if;
  return null;
end $$;
"""

BY_CUSTOMER = (
    "identity", "external_contact", "pool_record", "customer_tag", "blacklist_entry", "customer_stage",
    "customer_score", "purchase_summary", "customer_event",
)  # fmt: skip
MARKED = {
    **dict.fromkeys(BY_CUSTOMER, "mark_cards"),
    "relation": "mark_cards_of_contacts",
    "group_member": "mark_cards_of_members",
}
EVENTS = {
    "insert": "referencing new table as changed",
    "update": "referencing new table as changed old table as was",
    "delete": "referencing old table as was",
}


def upgrade() -> None:
    op.execute(SCHEMA)
    for table, function in MARKED.items():
        for event, tables in EVENTS.items():
            op.execute(
                f"create trigger mark_cards_{event} after {event} on {table} {tables} "
                f"for each statement execute function {function}()"
            )
    for event in ("insert", "update"):
        op.execute(
            f"create trigger mark_cards_{event} after {event} on customer referencing new table as changed "
            "for each statement execute function mark_own_cards()"
        )
    # All who are there already are due; the refresher works them off in the background.
    op.execute("set local statement_timeout = '10min'")
    op.execute("insert into card_due (tenant_id, customer_id) select tenant_id, id from customer where merged_into is null")


def downgrade() -> None:
    for table in [*MARKED, "customer"]:
        for event in EVENTS:
            op.execute(f"drop trigger if exists mark_cards_{event} on {table}")
    op.execute("drop function mark_cards, mark_own_cards, mark_cards_of_contacts, mark_cards_of_members")
    op.execute(
        "drop table card_due, customer_name, customer_card, segment_member, segment, customer_score, customer_stage, "
        "stage, stage_line, blacklist_entry, custom_field, customer_tag, local_tag, local_tag_group, pool_record"
    )
