"""Pages and counts of what a filter finds, at a cost that does not grow with the number of customers.

First the newest cards in the asked order are walked, a bounded number of them: what many have fills a page within
them, or says how much further it takes. Only what few have is then sought through the indexes, all of it at once, and
sorted. Which of both a filter needs is found by trying, not by the planner's guess, which can be wrong a thousandfold
where conditions hang together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from services.finding.compile import condition
from services.finding.giving import Context
from services.finding.model import Filter
from shared.db.engine import fetch_all, fetch_one
from shared.ids import CustomerId

WALK = 5_000
"""Cards that are looked at before anything else."""
FURTHER = 10
"""So many times as far a walk goes on, where what it found so far says that this will do."""
COUNTED = 10_000
"""Up to here a count is exact; beyond it is estimated from a sample."""
LONGEST_VALUE = 40
SAMPLE = 20_000
"""Cards of a sample, about."""


SqlCondition = tuple[str, Mapping[str, object]]


class Sort(StrEnum):
    """Column of the card; the largest, newest or best comes first, who has none last."""

    CREATED = "created_at"
    ASSIGNED = "assigned_at"
    ADDED = "last_added_at"
    SCORE = "score"
    POINTS = "points"
    AMOUNT = "purchase_amount"

    @property
    def is_number(self) -> bool:
        return self in (Sort.SCORE, Sort.POINTS, Sort.AMOUNT)

    def checked(self, value: object) -> str | None:
        """A value of this sort, as PostgreSQL writes it.

        Raises:
            ValueError: it is none.
        """
        if value is None and self in (Sort.ASSIGNED, Sort.ADDED):
            return None
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise ValueError("not a value of this sort")
        if self.is_number:
            number = int(value)
            if not -(2**63) <= number < 2**63:
                raise ValueError("not a value of this sort")
            return str(number)
        return datetime.fromisoformat(value).isoformat()


@dataclass(frozen=True)
class After:
    """The last row of the page before: its value of the sort, as PostgreSQL writes it, and its id."""

    value: str | None
    customer_id: CustomerId


@dataclass(frozen=True)
class Found:
    customer_id: CustomerId
    value: str | None

    @property
    def key(self) -> After:
        return After(self.value, self.customer_id)


@dataclass(frozen=True)
class Count:
    number: int
    estimated: bool


def find_page(
    connection: Connection,
    chosen: Filter,
    context: Context,
    *,
    sort: Sort = Sort.CREATED,
    after: After | None = None,
    limit: int,
    walk: int = WALK,
) -> list[Found]:
    """The next customers in the order of `sort`, then of their ids, the largest first."""
    found: list[Found] = []
    for part, given in _parts(sort, after):
        if (left := limit - len(found)) > 0:
            asked = _Asked(sort, part, {**given, "limit": left}, left, walk)
            found += _find(connection, chosen, context, asked)
    return found


def _parts(sort: Sort, after: After | None) -> list[tuple[str, Mapping[str, object]]]:
    """Ranges of the order, one after another: those who have a value, then those who have none."""
    column, missing = f"k.{sort.value}", f"k.{sort.value} is null"
    some: tuple[str, Mapping[str, object]] = (f"{column} is not null", {})
    none: tuple[str, Mapping[str, object]] = (missing, {})
    nullable = sort in (Sort.ASSIGNED, Sort.ADDED)
    if after is None:
        return [some, none] if nullable else [("true", {})]
    given: dict[str, object] = {"after_id": after.customer_id}
    if after.value is None:
        return [(f"{missing} and k.customer_id < :after_id", given)]
    given["after_value"] = after.value
    kind = "bigint" if sort.is_number else "timestamptz"
    beyond = (f"({column}, k.customer_id) < (cast(:after_value as {kind}), :after_id)", given)
    return [beyond, none] if nullable else [beyond]


@dataclass(frozen=True)
class _Asked:
    """One range of the order, and how much of it is wanted."""

    sort: Sort
    part: str
    given: Mapping[str, object]
    limit: int
    walk: int


def _find(connection: Connection, chosen: Filter, context: Context, asked: _Asked) -> list[Found]:
    each = condition(chosen, context, each=True)
    some = _walk(connection, each, asked, far=asked.walk)
    if some and len(some) < asked.limit:
        enough = 2 * asked.walk * asked.limit // len(some)  # twice as far as it seems to take
        if enough <= asked.walk * FURTHER:
            some = _walk(connection, each, asked, far=enough)
    return some if len(some) >= asked.limit else _seek(connection, condition(chosen, context), asked)


def _walk(connection: Connection, condition: SqlCondition, asked: _Asked, *, far: int) -> list[Found]:
    """What a bounded walk along the order finds."""
    where, parameters = condition
    order = _order(asked.sort)
    rows = fetch_all(
        connection,
        f"select {_columns(asked.sort)} from (select * from customer_card k where k.tenant_id = :f_tenant "  # noqa: S608
        f"and {asked.part} order by {order} limit :far) k where {where} order by {order} limit :limit",
        **parameters,
        **asked.given,
        far=far,
    )
    return [Found(CustomerId(row["customer_id"]), row["value"]) for row in rows]


def _seek(connection: Connection, condition: SqlCondition, asked: _Asked) -> list[Found]:
    """The first of all that there are."""
    where, parameters = condition
    rows = fetch_all(
        connection,
        f"select {_columns(asked.sort)} from (select k.customer_id, k.{asked.sort.value} from customer_card k "  # noqa: S608
        f"where {where} and {asked.part} offset 0) k order by {_order(asked.sort)} limit :limit",
        **parameters,
        **asked.given,
    )
    return [Found(CustomerId(row["customer_id"]), row["value"]) for row in rows]


def _columns(sort: Sort) -> str:
    return f"k.customer_id, cast(k.{sort.value} as text) as value"


def _order(sort: Sort) -> str:
    return f"k.{sort.value} desc, k.customer_id desc"


def count_found(connection: Connection, chosen: Filter, context: Context, *, exact: bool = False) -> Count:
    """How many a filter finds; beyond ten thousand estimated, unless it must be exact."""
    where, parameters = condition(chosen, context)
    bound = "" if exact else f"limit {COUNTED + 1}"
    row = fetch_one(
        connection,
        f"select count(*) as n from (select from customer_card k where {where} {bound}) as found",  # noqa: S608
        **parameters,
    )
    assert row is not None
    if exact or row["n"] <= COUNTED:
        return Count(row["n"], estimated=False)
    return _estimate(connection, *condition(chosen, context, each=True))


def _estimate(connection: Connection, where: str, parameters: Mapping[str, object]) -> Count:
    """From a sample of the table's pages, scaled by their share of it: right also for who sees only some cards."""
    size = fetch_one(connection, "select reltuples as n from pg_class where oid = 'customer_card'::regclass")
    assert size is not None
    share = min(100.0, 100.0 * SAMPLE / max(1.0, float(size["n"])))  # never analysed: -1, and all of it is read
    row = fetch_one(
        connection,
        f"select count(*) as n from customer_card k tablesample system ({share:.6f}) repeatable (1) where {where}",  # noqa: S608
        **parameters,
    )
    assert row is not None
    return Count(max(COUNTED + 1, round(row["n"] * 100.0 / share)), estimated=True)
