"""Conditions about rows that hang on a customer: friendships, behaviour, orders, segments, waiting tags. Pure.

What follows from them about the card itself is said as well: it leads to the few customers who come into question.
"""

from collections.abc import Mapping

from services.finding.giving import Giving, associates_of, in_period, in_range, joined, unless
from services.finding.model import Condition
from services.finding.times import bounds
from services.finding.values import Added, Happened, Ordered

COUNTED = ("paid", "shipped", "completed")
"""States of an order that is a purchase."""


ROWS: Mapping[str, str] = {"segment": "segment_member.segment_id", "waiting_tag": "waiting_tag.tag_id"}
"""Sets whose members are rows of a table, each once: field -> table and column."""


def member_rows(one: Condition, give: Giving) -> str:
    table, _, column = ROWS[one.spec.name].partition(".")
    members = give(list(one.value), "bigint[]" if one.spec.whole else "text[]")
    having = [f"count(*) = {len(set(one.value))}"] if one.op == "all_of" else []
    mine = give.has(f"{table} r", [f"r.{column} = any({members})"], owner="r.customer_id", having=having)
    return unless(one.op == "none_of", mine)


def added(one: Condition, give: Giving) -> str:
    value: Added = one.value
    card, relation = [], ["r.state = 'active'", "e.customer_id is not null"]
    for column, members in (
        ("userid", give(list(value.by), "text[]") if value.by is not None else None),
        ("userid", associates_of(value.outlets, give) if value.outlets is not None else None),
        ("add_way", give(list(value.ways), "bigint[]") if value.ways is not None else None),
        ("add_state", give(list(value.states), "text[]") if value.states is not None else None),
    ):
        if members is not None:
            card.append(f"k.{_ON_CARD[column]} && {members}")
            relation.append(f"r.{column} = any({members})")
    if value.given:
        relation.append(in_period("r.started_at", value, give))
        first, end = bounds(value, now=give.context.now, zone=give.context.zone)
        card += [f"k.last_added_at >= {give(first, 'timestamptz')}"] if first is not None else []
        card += [f"k.first_added_at < {give(end, 'timestamptz')}"] if end is not None else []
    source = "relation r join external_contact e on e.tenant_id = r.tenant_id and e.external_userid = r.external_userid"
    held = give.has(source, [*relation, "r.tenant_id = :f_tenant"], owner="e.customer_id")
    return f"not {held}" if one.op == "is_not" else joined("all", [*card, held])


_ON_CARD = {"userid": "friend_userids", "add_way": "add_ways", "add_state": "add_states"}


def event(one: Condition, give: Giving) -> str:
    value: Happened = one.value
    parts = [f"v.kind = {give(value.kind)}"]
    if value.shop is not None:
        parts.append(f"v.shop = {give(value.shop)}")
    if value.given:
        parts.append(in_period("v.occurred_at", value, give))
    having = [f"count(*) >= {give(value.at_least)}"] if value.at_least > 1 else []
    return unless(one.op == "is_not", give.has("customer_event v", parts, owner="v.customer_id", having=having))


def order(one: Condition, give: Giving) -> str:
    value: Ordered = one.value
    parts = [f"o.status = any({give(list(COUNTED), 'text[]')})"]
    if value.shop is not None:
        parts.append(f"o.shop = {give(value.shop)}")
    if value.goods is not None:
        parts.append(f"o.goods_ids && {give(list(value.goods), 'text[]')}")
    if value.given:
        parts.append(in_period("o.paid_at", value, give))
    having = [f"count(*) >= {give(value.at_least)}"]
    if value.amount is not None:
        parts.append(f"o.currency = {give(value.currency)}")
        having.append(in_range("sum(o.amount)", value.amount, give))
    held = give.has("customer_order o", parts, owner="o.customer_id", having=having)
    return f"not {held}" if one.op == "is_not" else f"(k.purchase_count >= {give(value.at_least)} and {held})"
