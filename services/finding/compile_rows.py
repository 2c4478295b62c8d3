"""Conditions about rows that hang on a customer: friendships, behaviour, orders, segments. Pure."""

from services.finding.giving import Giving, associates_of, in_period, in_range, unless, within
from services.finding.model import Condition
from services.finding.values import Added, Happened, Ordered

COUNTED = ("paid", "shipped", "completed")
"""States of an order that is a purchase."""


def segment(one: Condition, members: str) -> str:
    mine = f"select s.customer_id from segment_member s where s.tenant_id = :f_tenant and s.segment_id = any({members})"  # noqa: S608
    if one.op == "all_of":
        mine += f" group by 1 having count(*) = {len(set(one.value))}"
    return unless(one.op == "none_of", within(mine))


def added(one: Condition, give: Giving) -> str:
    value: Added = one.value
    parts = ["r.tenant_id = :f_tenant", "r.state = 'active'"]
    if value.by is not None:
        parts.append(f"r.userid = any({give(list(value.by), 'text[]')})")
    if value.outlets is not None:
        parts.append(f"r.userid = any({associates_of(value.outlets, give)})")
    if value.ways is not None:
        parts.append(f"r.add_way = any({give(list(value.ways), 'bigint[]')})")
    if value.states is not None:
        parts.append(f"r.add_state = any({give(list(value.states), 'text[]')})")
    if value.given:
        parts.append(in_period("r.started_at", value, give))
    found = (
        "select e.customer_id from relation r join external_contact e on e.tenant_id = r.tenant_id "  # noqa: S608
        f"and e.external_userid = r.external_userid where {' and '.join(parts)} and e.customer_id is not null"
    )
    return unless(one.op == "is_not", within(found))


def event(one: Condition, give: Giving) -> str:
    value: Happened = one.value
    parts = ["v.tenant_id = :f_tenant", f"v.kind = {give(value.kind)}"]
    if value.shop is not None:
        parts.append(f"v.shop = {give(value.shop)}")
    if value.given:
        parts.append(in_period("v.occurred_at", value, give))
    found = f"select v.customer_id from customer_event v where {' and '.join(parts)}"  # noqa: S608
    if value.at_least > 1:
        found += f" group by 1 having count(*) >= {give(value.at_least)}"
    return unless(one.op == "is_not", within(found))


def order(one: Condition, give: Giving) -> str:
    value: Ordered = one.value
    parts = ["o.tenant_id = :f_tenant", f"o.status = any({give(list(COUNTED), 'text[]')})"]
    if value.shop is not None:
        parts.append(f"o.shop = {give(value.shop)}")
    if value.given:
        parts.append(in_period("o.paid_at", value, give))
    having = [f"count(*) >= {give(value.at_least)}"]
    if value.amount is not None:
        parts.append(f"o.currency = {give(value.currency)}")
        having.append(in_range("sum(o.amount)", value.amount, give))
    found = f"select o.customer_id from customer_order o where {' and '.join(parts)} group by 1 having "  # noqa: S608
    return unless(one.op == "is_not", within(found + " and ".join(having)))
