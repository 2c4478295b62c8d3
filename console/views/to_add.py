"""Customers to Add: an associate's own list on the page of "you were given customers" (POOL-8)."""

from collections.abc import Callable, Mapping
from datetime import datetime

from flask import Response, redirect, request
from sqlalchemy import Connection
from werkzeug.wrappers import Response as Redirect

from console.desk import desk
from console.views.showing import sorry
from console.views.visitors import LARGEST, Visitor, number_of, visitor_to
from services.notices.store import Caused, record_facts_and_notices
from services.persons.model import CUSTOMER
from services.planning import Fact
from services.pool.listing import Person, customers_to_add
from services.pool.model import LONGEST_NOTE, Act, NotInPoolError, PoolRefusedError, Reason
from services.pool.moving import mark_added, mark_unreachable
from services.pool.plan import check_reason
from shared.audit import Change, Origin, record_audit
from shared.db.engine import transact
from shared.ids import CustomerId

SHOWN = 200
PROBLEMS = frozenset({"already", "needs_words"})


def people(connection: Connection, visitor: Visitor, part: str) -> list[Person]:
    """Who is to be added, newest first, or those in whose name or number `part` occurs; a page shows `SHOWN`."""
    return customers_to_add(connection, visitor.tenant, visitor.userid, part=part or None)


def problem_of(told: str) -> str:
    return told if told in PROBLEMS else ""


def act(customer_id: int, key: str) -> Response | Redirect:
    """Marked as added, or as unreachable with a reason; then the list again."""
    page = number_of(request.form.get("page", ""))
    here = f"/to-add?n={page}"
    visitor = visitor_to(page, path=here)
    mark = MARKS.get(key)
    if mark is None or not 0 < customer_id <= LARGEST:
        return sorry("not_theirs", 404)
    told = {name: request.form.get(name, "").strip() for name in ("reason", "words")}
    if mark is _unreachable and problem_with(told):
        return redirect(f"{here}&problem=needs_words", 303)
    now = desk().runtime.clock.now()
    origin = Origin(_actor(visitor), request.remote_addr, now)

    def work(connection: Connection) -> None:
        done = mark(connection, visitor, CustomerId(customer_id), told, now)
        record_audit(connection, visitor.tenant, [change for _, change in done], origin)
        caused = [Caused(fact, "operator", "page") for fact, _ in done]
        ttl_s = desk().runtime.settings.message_ttl_s
        record_facts_and_notices(connection, visitor.tenant, caused, now=now, ttl_s=ttl_s)

    try:
        transact(desk().runtime.engine, work)
    except (NotInPoolError, PoolRefusedError):
        return redirect(f"{here}&problem=already", 303)
    desk().ring()
    return redirect(f"{here}&said={key}", 303)


def problem_with(told: Mapping[str, str]) -> bool:
    """Whether a reason is missing, or words that it needs (POOL-8)."""
    if told["reason"] not in set(Reason):
        return True
    try:
        check_reason(Reason(told["reason"]), told["words"] or None)
    except PoolRefusedError:
        return True
    return len(told["words"]) > LONGEST_NOTE


def _actor(visitor: Visitor) -> str:
    return f"associate:{visitor.userid}"


def _added(
    connection: Connection, visitor: Visitor, customer_id: CustomerId, _told: Mapping[str, str], now: datetime
) -> list[tuple[Fact, Change]]:
    act = Act("added", _actor(visitor), now)
    facts = mark_added(connection, visitor.tenant, customer_id, userid=visitor.userid, act=act)
    return [(one, Change("pool.added", CUSTOMER, str(one.customer_id))) for one in facts]


def _unreachable(
    connection: Connection, visitor: Visitor, customer_id: CustomerId, told: Mapping[str, str], now: datetime
) -> list[tuple[Fact, Change]]:
    act, note = Act("unreachable", _actor(visitor), now), told["words"] or None
    facts = mark_unreachable(
        connection, visitor.tenant, customer_id, Reason(told["reason"]), note=note, userid=visitor.userid, act=act
    )
    after = {"reason": told["reason"], "note": note}
    return [(one, Change("pool.unreachable", CUSTOMER, str(one.customer_id), after=after)) for one in facts]


Mark = Callable[[Connection, Visitor, CustomerId, Mapping[str, str], datetime], list[tuple[Fact, Change]]]
MARKS: Mapping[str, Mark] = {"added": _added, "unreachable": _unreachable}
