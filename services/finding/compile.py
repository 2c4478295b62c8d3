"""A filter as SQL over cards. Pure: values go as parameters, names of columns come from the field's own record.

Each condition is true or false, never null for `none_of` and the like: whoever has no level is not of level gold.
Lists of associates behind outlets are read by the statement itself, once.
"""

from collections.abc import Mapping

from services.finding.compile_own import OWN
from services.finding.compile_rows import added, event, order, segment
from services.finding.fields import FieldSpec, Kind
from services.finding.giving import (
    AMONG,
    Compiler,
    Context,
    Giving,
    associates_of,
    compared,
    in_period,
    joined,
    many,
    unless,
    within,
)
from services.finding.model import Condition, Filter
from services.finding.selection import Selection
from services.finding.times import days_back, next_days_of_year
from shared.grams import number_of, sought


def compiled(chosen: Filter, context: Context) -> Selection:
    """Everybody whom the filter finds, as `select customer_id`."""
    where, parameters = condition(chosen, context)
    return Selection(f"select k.customer_id from customer_card k where {where}", parameters)  # noqa: S608 - see above


def condition(chosen: Filter, context: Context, *, among: str | None = None) -> tuple[str, Mapping[str, object]]:
    """A condition about `customer_card k`, its tenant among it, and its parameters.

    `among`: an array of ids in SQL: who asks about these only. What hangs on others is not even read then, also where
    PostgreSQL would first gather everybody of a corp (negations, alternatives).
    """
    give = Giving(context)
    groups = [joined(group.match, [_one(one, give) for one in group.conditions]) for group in chosen.groups]
    whole = "k.tenant_id = :f_tenant"
    if groups:
        whole += f" and {joined(chosen.match, groups)}"
    if among is not None:
        whole = whole.replace(AMONG, f"q.customer_id = any({among})")
    return whole, give.values


def _one(one: Condition, give: Giving) -> str:
    if one.op in ("empty", "not_empty"):
        return _emptiness(one.spec, one.op == "empty", give)
    if one.spec.own:
        return OWN[one.spec.kind](one, give)
    return _KINDS[one.spec.kind](one, give)


def _emptiness(spec: FieldSpec, empty: bool, give: Giving) -> str:
    if spec.own:
        has = f"k.fields ? {give(spec.column)}"
    elif spec.kind is Kind.IDENTITY:
        has = f"k.has_{spec.column}"
    elif spec.kind is Kind.SET and spec.name == "segment":
        has = within("select s.customer_id from segment_member s where s.tenant_id = :f_tenant")
    elif spec.kind is Kind.SET:
        has = f"k.{spec.column} <> '{{}}'"
    else:
        return f"k.{spec.column} is {'' if empty else 'not '}null"
    return f"not {has}" if empty else has


def _part(one: Condition, give: Giving) -> str:
    numbers = [number_of(give.context.cipher, one.spec.column, piece) for piece in sorted(sought(one.value))]
    found = (
        "select n.customer_id from customer_name n where n.tenant_id = :f_tenant "  # noqa: S608 - constants
        f"and n.pieces @> {give(numbers, 'bigint[]')}"
    )
    return unless(one.op == "not_contains", within(found))


def _identity(one: Condition, give: Giving) -> str:
    kind, given = one.spec.column, many(one)
    if kind == "external_userid":
        found = (
            "select e.customer_id from external_contact e where e.tenant_id = :f_tenant "  # noqa: S608 - constants
            f"and e.external_userid = any({give(given, 'text[]')}) and e.customer_id is not null"
        )
    else:
        tokens = [give.context.cipher.index(kind, give.context.normalise(kind, value)) for value in given]
        found = (
            f"select i.customer_id from identity i where i.tenant_id = :f_tenant and i.kind = '{kind}' "  # noqa: S608
            f"and i.hmac = any({give(tokens, 'bytea[]')})"
        )
    return unless(one.op in ("not_equals", "none_of"), within(found))


def _choice(one: Condition, give: Giving) -> str:
    column, given = f"k.{one.spec.column}", give(many(one), "text[]")
    if one.op in ("not_equals", "none_of"):
        return f"({column} is null or {column} <> all({given}))"
    return f"{column} = any({given})"


def _set(one: Condition, give: Giving) -> str:
    members = give(list(one.value), "bigint[]" if one.spec.whole else "text[]")
    if one.spec.name == "segment":
        return segment(one, members)
    if one.op == "all_of":
        return f"k.{one.spec.column} @> {members}"
    return unless(one.op == "none_of", f"k.{one.spec.column} && {members}")


def _number(one: Condition, give: Giving) -> str:
    column = one.spec.column if "(" in one.spec.column else f"k.{one.spec.column}"
    return compared(column, one, give, whole=True)


def _time(one: Condition, give: Giving) -> str:
    column = f"k.{one.spec.column}"
    if one.op == "between":
        return in_period(column, one.value, give)
    since = give(days_back(one.value.days, now=give.context.now, zone=give.context.zone), "timestamptz")
    if one.op == "within":
        return f"{column} >= {since}"
    return f"({column} is null or {column} < {since})"


def _birthday(one: Condition, give: Giving) -> str:
    if one.op == "within_next":
        days = next_days_of_year(one.value.days, today=give.context.now.astimezone(give.context.zone).date())
        return f"k.birthday = any({give(days, 'smallint[]')})"
    first, last = (int(text.replace("-", "")) for text in (one.value.since, one.value.until))
    if first <= last:
        return f"k.birthday between {give(first)} and {give(last)}"
    return f"(k.birthday >= {give(first)} or k.birthday <= {give(last)})"


def _flag(one: Condition, _: Giving) -> str:
    return f"k.{one.spec.column}" if one.value else f"not k.{one.spec.column}"


def _outlet(one: Condition, give: Giving) -> str:
    members = associates_of(one.value, give)
    if one.spec.column == "friend_userids":
        return unless(one.op == "none_of", f"k.friend_userids && {members}")
    if one.op == "none_of":
        return f"(k.assigned_userid is null or k.assigned_userid <> all({members}))"
    return f"k.assigned_userid = any({members})"


_KINDS: Mapping[Kind, Compiler] = {
    Kind.PART: _part,
    Kind.IDENTITY: _identity,
    Kind.CHOICE: _choice,
    Kind.SET: _set,
    Kind.NUMBER: _number,
    Kind.TIME: _time,
    Kind.BIRTHDAY: _birthday,
    Kind.FLAG: _flag,
    Kind.OUTLET: _outlet,
    Kind.ADDED: added,
    Kind.EVENT: event,
    Kind.ORDER: order,
}
