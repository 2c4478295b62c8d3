"""What the members of a segment are like (SEG-2): counts over their cards, of at most fifty thousand of them.

A larger segment is shown by a sample, and says so. Preferred goods are those that most of them bought, by the lines of
purchases; orders whose lines nobody told count for none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.purchases.model import COUNTED
from shared.db.engine import fetch_one
from shared.ids import TenantId

SAMPLE = 50_000
TOP = 20
BANDS = (0, 1, 10_000, 50_000, 100_000, 500_000, 1_000_000)
"""Lower ends of the bands of what somebody bought for, in minor units."""


@dataclass(frozen=True)
class BoughtGoods:
    """`customer_count`: members who bought these goods. `name`: what the retailer calls them now; None: never said."""

    goods_id: str
    name: str | None
    customer_count: int


@dataclass(frozen=True)
class Portrait:
    """`share`: the part of the members that was looked at, 1 for all; counts are of that part, not scaled.

    `counts`: dimension -> value -> how many members. Values of tags and outlets are ids. `goods`: most bought first.
    """

    seen_count: int
    share: float
    counts: Mapping[str, Mapping[str, int]]
    averages: Mapping[str, float | None]
    goods: Sequence[BoughtGoods]


_COUNTED = {
    "standing": "standing",
    "gender": "gender",
    "level": "coalesce(level, '')",
    "assigned_outlet": "coalesce(cast(outlet as text), '')",
    "purchase_count": "case when purchase_count >= 5 then '5+' else cast(purchase_count as text) end",
    "purchase_amount": "cast(([{bands}])[width_bucket(purchase_amount, array[{bands}])] as text)",
    "friends": "least(cardinality(friend_userids), 5)",
    "in_chats": "case when cardinality(chat_ids) > 0 then 'yes' else 'no' end",
    "blacklisted": "case when blacklisted then 'yes' else 'no' end",
}


def _one(name: str, expression: str) -> str:
    bands = ", ".join(f"cast({one} as bigint)" for one in BANDS)
    expression = expression.replace("([{bands}])", f"(array[{bands}])").replace("{bands}", bands)
    return (
        f"'{name}', (select coalesce(jsonb_object_agg(v, n), '{{}}') from "  # noqa: S608 - constants
        f"(select cast({expression} as text) as v, count(*) as n from seen group by 1 "
        f"order by 2 desc, 1 limit {TOP}) g)"
    )


PORTRAY = f"""
with seen as materialized (
  select k.tenant_id, k.customer_id, k.standing, k.gender, k.level, k.purchase_count, k.purchase_amount,
    k.friend_userids, k.chat_ids, k.tag_ids, k.blacklisted, k.score, k.points, a.main_department_id as outlet
  from segment_member m
  join customer_card k using (tenant_id, customer_id)
  left join associate a on a.tenant_id = k.tenant_id and a.userid = k.assigned_userid
  where m.tenant_id = :tenant_id and m.segment_id = :segment_id
    and (:every = 1 or abs(hashint8(m.customer_id)) % :every = 0))
select (select count(*) from seen) as seen, jsonb_build_object(
  {", ".join(_one(name, expression) for name, expression in _COUNTED.items())},
  'tags', (select coalesce(jsonb_object_agg(v, n), '{{}}') from (select t.v, count(*) as n from seen
    cross join lateral unnest(tag_ids) as t(v) group by 1 order by 2 desc, 1 limit {TOP}) g),
  'shops', (select coalesce(jsonb_object_agg(v, n), '{{}}') from (select p.shop as v, count(distinct p.customer_id) as n
    from seen s join purchase_summary p on p.tenant_id = s.tenant_id and p.customer_id = s.customer_id
    group by 1 order by 2 desc, 1 limit {TOP}) g)) as counts,
  (select jsonb_build_object('score', avg(score), 'points', avg(points), 'purchase_count', avg(purchase_count),
    'purchase_amount', avg(purchase_amount)) from seen) as averages,
  (select coalesce(jsonb_agg(jsonb_build_object('goods_id', b.goods_id, 'name', g.name, 'customer_count', b.n)
    order by b.n desc, b.goods_id), '[]') from (
      select i.goods_id, count(*) as n from seen s cross join lateral (
        select distinct unnest(o.goods_ids) as goods_id from customer_order o
        where o.tenant_id = :tenant_id and o.customer_id = s.customer_id and o.status = any(:counted)) i
      where s.purchase_count > 0 group by 1 order by 2 desc, 1 limit {TOP}) b
    left join goods g on g.tenant_id = :tenant_id and g.goods_id = b.goods_id) as goods
"""  # noqa: S608 - constants


def portray(connection: Connection, tenant_id: TenantId, segment_id: int, *, member_count: int) -> Portrait:
    """`member_count`: about how many there are. Only members whom the caller may see are counted."""
    every = max(1, -(-member_count // SAMPLE))
    row = fetch_one(
        connection, PORTRAY, tenant_id=tenant_id, segment_id=segment_id, every=every, counted=sorted(COUNTED)
    )
    assert row is not None
    averages = {name: None if value is None else float(value) for name, value in row["averages"].items()}
    goods = [BoughtGoods(**one) for one in row["goods"]]
    return Portrait(row["seen"], 1 / every, row["counts"], averages, goods)
