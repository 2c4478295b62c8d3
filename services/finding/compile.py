"""A filter as SQL over cards. Pure: values go as parameters, names of columns come from the field's own record.

Each condition is true or false, never null for `none_of` and the like: whoever has no level is not of level gold.
Lists of associates behind outlets and names are read by the statement itself, once.
"""

from collections.abc import Mapping

from services.finding.compile_own import OWN
from services.finding.compile_rows import ROWS, added, event, member_rows, order
from services.finding.fields import FieldSpec, Kind
from services.finding.giving import (
    Compiler,
    Context,
    Giving,
    associates_named,
    associates_of,
    compared,
    in_period,
    joined,
    many,
    unless,
)
from services.finding.model import Condition, Filter
from services.finding.selection import Selection
from services.finding.times import days_back, next_days_of_year
from services.local_tags.model import LOCAL
from shared.grams import number_of, pieces_sought


def compiled(chosen: Filter, context: Context) -> Selection:
    """Everybody whom the filter finds, as `select customer_id`."""
    where, parameters = condition(chosen, context)
    return Selection(f"select k.customer_id from customer_card k where {where}", parameters)  # noqa: S608 - see above


def condition(chosen: Filter, context: Context, *, each: bool = False) -> tuple[str, Mapping[str, object]]:
    """A condition about `customer_card k`, its tenant among it, and its parameters.

    `each`: for a statement that asks it of some cards, one after another; else it is asked of all of them.
    """
    give = Giving(context, each=each)
    groups = [joined(group.match, [_one(one, give) for one in group.conditions]) for group in chosen.groups]
    whole = "k.tenant_id = :f_tenant"
    if groups:
        whole += f" and {joined(chosen.match, groups)}"
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
    elif spec.name in ROWS:
        source = ROWS[spec.name].partition(".")[0]
        has = give.has(f"{source} r", [], owner="r.customer_id")
    elif spec.name == "tag" and give.context.seen_tags is not None:
        shown = f"not starts_with(t, '{LOCAL}') or t = any({give(sorted(give.context.seen_tags), 'text[]')})"
        has = f"exists (select from unnest(k.tag_ids) t where {shown})"
    elif spec.kind is Kind.SET:
        has = f"k.{spec.column} <> '{{}}'"
    else:
        return f"k.{spec.column} is {'' if empty else 'not '}null"
    return f"not {has}" if empty else has


def _part(one: Condition, give: Giving) -> str:
    numbers = [number_of(give.context.cipher, one.spec.column, piece) for piece in pieces_sought(one.value)]
    where = [f"n.pieces @> {give(numbers, 'bigint[]')}"]
    return unless(one.op == "not_contains", give.has("customer_name n", where, owner="n.customer_id"))


def _identity(one: Condition, give: Giving) -> str:
    kind, given = one.spec.column, many(one)
    if kind == "external_userid":
        where = [f"e.external_userid = any({give(given, 'text[]')})", "e.customer_id is not null"]
        held = give.has("external_contact e", where, owner="e.customer_id")
    else:
        tokens = [give.context.cipher.index(kind, give.context.normalise(kind, value)) for value in given]
        where = [f"i.kind = '{kind}'", f"i.hmac = any({give(tokens, 'bytea[]')})"]
        held = give.has("identity i", where, owner="i.customer_id")
    return unless(one.op in ("not_equals", "none_of"), held)


def _choice(one: Condition, give: Giving) -> str:
    column, given = f"k.{one.spec.column}", give(many(one), "text[]")
    if one.op in ("not_equals", "none_of"):
        return f"({column} is null or {column} <> all({given}))"
    return f"{column} = any({given})"


def _set(one: Condition, give: Giving) -> str:
    if one.spec.name in ROWS:
        return member_rows(one, give)
    members = give(list(one.value), "bigint[]" if one.spec.whole else "text[]")
    held = f"k.{one.spec.column} {'@>' if one.op == 'all_of' else '&&'} {members}"
    if one.spec.rare:
        held = f"(k.{one.spec.column} <> '{{}}' and {held})"
    return unless(one.op == "none_of", held)


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
    return _of_associates(one.spec, associates_of(one.value, give), negative=one.op == "none_of")


def _associate(one: Condition, give: Giving) -> str:
    return _of_associates(one.spec, associates_named(one.value, give), negative=one.op == "not_contains")


def _of_associates(spec: FieldSpec, members: str, *, negative: bool) -> str:
    """`members`: userids, as an array."""
    if spec.column == "friend_userids":
        return unless(negative, f"k.friend_userids && {members}")
    if negative:
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
    Kind.ASSOCIATE: _associate,
    Kind.ADDED: added,
    Kind.EVENT: event,
    Kind.ORDER: order,
}
