"""What was bought: lines of orders beside the order they belong to, and the names of goods.

Lines are columns of the order and no table of their own: they are replaced, moved by a merge, erased and hidden from
limited callers with their order, whatever else happens.
"""

from alembic import op

revision = "20261123_1100_pre_goods"
down_revision = "20261122_1090_pre_scope"

SCHEMA = """
alter table customer_order
  add column items jsonb,                           -- [{goods_id, name, quantity, amount}], as told; null: never told
  add column goods_ids text[];                      -- each goods id among them once; what orders are found by
create index customer_order_goods on customer_order using gin (goods_ids) where goods_ids is not null;

create table goods (                                -- what the retailer calls its goods; tells nothing of customers
  tenant_id integer not null,
  goods_id  text not null,
  name      text not null,
  named_at  timestamptz not null,                   -- the retailer's time of the order that said so: the newest stands
  primary key (tenant_id, goods_id)
);
grant select on goods to guanxi_scoped;
"""


def upgrade() -> None:
    # The index reads all orders once; no order is written meanwhile.
    op.execute("set local statement_timeout = '10min'")
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("drop table goods")
    op.execute("drop index customer_order_goods")
    op.execute("alter table customer_order drop column items, drop column goods_ids")
