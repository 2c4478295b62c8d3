"""Rules as SQL: who of some customers is different now from what rules say. Pure.

A statement asks about the customers in `f_ids` only, and yields only differences, so that a look at which nothing is
new writes nothing and locks nobody.
"""

import re
from collections.abc import Mapping, Sequence

from services.finding.compile import condition
from services.finding.giving import Context
from services.finding.model import Filter
from services.rules.model import LineRule, TagRule

IDS = "cast(:f_ids as bigint[])"
_OWN = re.compile(r":f_(\d+)\b")
Asked = tuple[str, Mapping[str, object]]


def _conditions(filters: Sequence[Filter], context: Context) -> tuple[list[str], dict[str, object]]:
    """Each filter's condition, with parameters of its own, beside the shared `f_tenant`."""
    found, given = [], dict[str, object](f_tenant=context.tenant_id)
    for n, one in enumerate(filters):
        sql, values = condition(one, context, each=True)
        found.append(_OWN.sub(rf":f_{n}_\1", sql))
        given |= {f"f_{n}_{name[2:]}": value for name, value in values.items() if name != "f_tenant"}
    return found, given


def ask_tags(rules: Sequence[TagRule], context: Context) -> Asked:
    """Yields customer_id, tag_id, rule_id, met: tags that are missing, or are there and should not be."""
    conditions, given = _conditions([one.filter for one in rules], context)
    # "offset 0": else PostgreSQL would work each condition out twice, once to show and once to compare.
    values = ", ".join(
        f"({int(rule.id)}, {int(rule.tag_id)}, ({sql}))" for rule, sql in zip(rules, conditions, strict=True)
    )
    sql = (
        "select a.customer_id, a.tag_id, a.rule_id, a.met from (select k.customer_id, v.rule_id, v.tag_id, "  # noqa: S608
        f"coalesce(v.met, false) as met from customer_card k cross join lateral (values {values}) "
        f"as v(rule_id, tag_id, met) where k.tenant_id = :f_tenant and k.customer_id = any({IDS}) offset 0) a "
        "left join customer_tag c on c.tenant_id = :f_tenant and c.customer_id = a.customer_id "
        "and c.tag_id = a.tag_id where a.met <> (c.customer_id is not null)"
    )
    return sql, given


def ask_line(rule: LineRule, context: Context) -> Asked:
    """Yields customer_id, met: the automatic stages that somebody meets, where the last look found others."""
    conditions, given = _conditions([one.filter for one in rule.stages], context)
    cases = [f"case when {sql} then {int(stage.id)} end" for stage, sql in zip(rule.stages, conditions, strict=True)]
    met = f"array_remove(cast(array[{', '.join(cases)}] as bigint[]), null)"
    sql = (
        f"select a.customer_id, a.met from (select k.customer_id, {met} as met from customer_card k "  # noqa: S608
        f"where k.tenant_id = :f_tenant and k.customer_id = any({IDS}) offset 0) a "
        f"left join stage_met m on m.tenant_id = :f_tenant and m.line_id = {int(rule.id)} "
        "and m.customer_id = a.customer_id where a.met <> coalesce(m.stage_ids, '{}')"
    )
    return sql, given
