"""What conditions are made into SQL with: the context, and parameters that get a name each. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.finding.model import Condition
from services.finding.times import bounds
from services.finding.values import Outlets, Period, Range
from shared.grams import folded_sql
from shared.ids import TenantId
from shared.vault import Cipher


@dataclass(frozen=True)
class Context:
    """What a filter is read with. `normalise`: kind and value of an identity -> the value that is indexed.

    `seen_tags`: the local tags that whoever asks sees; None: all.
    """

    tenant_id: TenantId
    cipher: Cipher = field(repr=False)
    zone: ZoneInfo
    now: datetime
    normalise: Callable[[str, str], str]
    seen_tags: frozenset[str] | None = None


class Giving:
    """Gives every value a name of its own; `f_tenant` is there from the start.

    `each`: conditions are made to be asked of one card after another, else of all cards at once.
    """

    def __init__(self, context: Context, *, each: bool = False) -> None:
        self.context, self._each = context, each
        self.values: dict[str, object] = {"f_tenant": context.tenant_id}

    def __call__(self, value: object, cast: str = "") -> str:
        name = f"f_{len(self.values)}"
        self.values[name] = value
        return f"cast(:{name} as {cast})" if cast else f":{name}"

    def has(self, source: str, where: Sequence[str], *, owner: str, having: Sequence[str] = ()) -> str:
        """Whether the customer has rows of `source` (`owner`: its column with their id) for which all of this holds.

        Of one card at a time, a lookup by the customer; of all at once, a set that is made first.
        """
        conditions = " and ".join([f"{owner.partition('.')[0]}.tenant_id = :f_tenant", *where])
        more = f" having {' and '.join(having)}" if having else ""
        if self._each:
            return f"exists (select from {source} where {conditions} and {owner} = k.customer_id{more})"
        group = f" group by {owner}{more}" if having else ""
        return f"k.customer_id in (select {owner} from {source} where {conditions}{group})"  # noqa: S608


def unless(negative: bool, positive: str) -> str:
    return f"not ({positive})" if negative else positive


def joined(match: str, parts: Sequence[str]) -> str:
    return "(" + (" and " if match == "all" else " or ").join(parts) + ")"


def in_range(column: str, value: Range, give: Giving, *, whole: bool = False) -> str:
    """`whole`: the column holds whole numbers, and its index only serves whole bounds."""
    kind = "bigint" if whole else "numeric"
    low = math.ceil(value.min) if whole and value.min is not None else value.min
    high = math.floor(value.max) if whole and value.max is not None else value.max
    parts = [f"{column} >= {give(low, kind)}"] if low is not None else []
    if high is not None:
        parts.append(f"{column} <= {give(high, kind)}")
    return joined("all", parts)


def in_period(column: str, period: Period, give: Giving) -> str:
    """An empty period is any time at all."""
    first, end = bounds(period, now=give.context.now, zone=give.context.zone)
    parts = [f"{column} >= {give(first, 'timestamptz')}"] if first is not None else []
    if end is not None:
        parts.append(f"{column} < {give(end, 'timestamptz')}")
    return joined("all", parts or [f"{column} is not null"])


def associates_of(outlets: Outlets, give: Giving) -> str:
    """Associates by their main department (ASG-11), which customers' outlets follow from (ASG-3)."""
    ids = give(list(outlets.ids), "bigint[]")
    if outlets.below:
        ids = (
            f"array(with recursive d(id) as (select unnest({ids}) union select o.department_id from outlet o "  # noqa: S608
            "join d on o.parent_id = d.id where o.tenant_id = :f_tenant and o.gone_at is null) select id from d)"
        )
    return (
        "array(select a.userid from associate a where a.tenant_id = :f_tenant and a.gone_at is null "  # noqa: S608
        f"and a.main_department_id = any({ids}))"
    )


def associates_named(part: str, give: Giving) -> str:
    """Associates with that in their name or userid, also those who left: lists go on naming them."""
    sought = folded_sql(give(part, "text"))
    return (
        "array(select a.userid from associate a where a.tenant_id = :f_tenant "  # noqa: S608 - values are parameters
        f"and (strpos({folded_sql('a.name')}, {sought}) > 0 or strpos({folded_sql('a.userid')}, {sought}) > 0))"
    )


def compared(column: str, one: Condition, give: Giving, *, whole: bool = False) -> str:
    if one.op == "between":
        return in_range(column, one.value, give, whole=whole)
    if whole and one.value != int(one.value):
        return "true" if one.op == "not_equals" else "false"
    sign = "<>" if one.op == "not_equals" else "="
    given = give(int(one.value), "bigint") if whole else give(one.value, "numeric")
    return f"{column} {sign} {given}"


def many(one: Condition) -> list[Any]:
    return [one.value] if one.op in ("equals", "not_equals") else list(one.value)


Compiler = Callable[[Condition, Giving], str]
