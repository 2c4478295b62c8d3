"""Companies that the retailer's CRM knows, their customers, and the card's list of them (CUS-15).

A company that was deleted keeps a row of its id and time alone: a state that comes late does not bring it back.
"""

from alembic import op

revision = "20261123_1110_pre_companies"
down_revision = "20261123_1100_pre_goods"

SCHEMA = """
create table company (
  tenant_id   integer not null,
  company_id  text not null,                        -- the CRM's
  name        text not null,
  name_key    text not null,                        -- folded, and in pieces, for searches by part (shared/grams.py)
  name_pieces text[] not null,
  industry    text,
  size        text,
  details     bytea,                                -- tax number, address, contact's name, note, attributes: encrypted
  updated_at  timestamptz not null,                 -- the CRM's: the newest state stands
  recorded_at timestamptz not null,
  deleted_at  timestamptz,
  gone_at     timestamptz,                          -- the CRM's time of the last deletion: older links stay away
  primary key (tenant_id, company_id)
);
create index company_name_pieces on company using gin (name_pieces);

create table company_customer (
  tenant_id   integer not null,
  company_id  text not null,
  customer_id bigint not null,
  role        text,                                 -- such as buyer
  updated_at  timestamptz not null,                 -- the CRM's: the newest word about this link stands
  linked_at   timestamptz,                          -- null: it was only ever said that there is none
  ended_at    timestamptz,
  primary key (tenant_id, company_id, customer_id)
);
create index company_customer_customer on company_customer (tenant_id, customer_id);

alter table customer_card add column company_ids text[] not null default '{}';
-- Few customers of a retailer belong to a company: the cards of all others cost these indexes nothing.
create index customer_card_companies on customer_card using gin (company_ids) where company_ids <> '{}';
create index customer_card_of_companies on customer_card (tenant_id, customer_id) where company_ids <> '{}';
"""
EVENTS = {
    "insert": "referencing new table as changed",
    "update": "referencing new table as changed old table as was",
    "delete": "referencing old table as was",
}
SCOPE = """
grant select on company to guanxi_scoped;           -- a company is no secret, whose customers are its people is
alter table company_customer enable row level security;
create policy scoped on company_customer for select to guanxi_scoped
  using (tenant_id = (select guanxi_tenant()) and exists (select from customer_card k
    where k.tenant_id = company_customer.tenant_id and k.customer_id = company_customer.customer_id));
grant select on company_customer to guanxi_scoped;
"""


def upgrade() -> None:
    # The index of the cards reads all of them once.
    op.execute("set local statement_timeout = '10min'")
    op.execute(SCHEMA)
    for event, tables in EVENTS.items():
        op.execute(
            f"create trigger mark_cards_{event} after {event} on company_customer {tables} "
            "for each statement execute function mark_cards()"
        )
    op.execute(SCOPE)


def downgrade() -> None:
    op.execute("drop table company_customer, company")
    op.execute("drop index customer_card_of_companies, customer_card_companies")
    op.execute("alter table customer_card drop column company_ids")
