"""Transactions of requests. A write is one: what is changed, its audit, and the answer that a retry will get."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from flask import Response, request
from pydantic import BaseModel
from sqlalchemy import Connection

from console.api.gate import caller
from console.api.personal import View
from console.api.problems import ProblemError
from console.desk import desk
from services.joining.join import NoCustomerError
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from shared.answers import Answer, Asked, begin, keep
from shared.api_keys import Caller
from shared.audit import Change, Origin, record_audit
from shared.db.engine import transact
from shared.ids import CustomerId
from shared.runtime import Runtime
from shared.scope import seeing, sees
from shared.sheets_safety import BOM
from shared.tenants import Tenant

LONGEST_KEY = 200
After = TypeVar("After")


@dataclass(frozen=True)
class Work:
    """What a handler works with: its tenant, the time, and the transaction."""

    connection: Connection
    tenant: Tenant
    now: datetime


@dataclass(frozen=True)
class Done:
    """What came of a write: the answer, what stands in the audit, and facts."""

    body: BaseModel | None
    status: int = 200
    changes: tuple[Change, ...] = ()
    facts: tuple[Fact, ...] = field(default=())


@contextmanager
def _reading(runtime: Runtime, who: Caller) -> Iterator[Work]:
    """A transaction that sees what the caller may see (ACC-1): the only one that reads are given."""
    with runtime.engine.begin() as connection, seeing(connection, who.tenant.id, who.sight):
        yield Work(connection, who.tenant, runtime.clock.now())


def read(work: Callable[[Work], BaseModel]) -> Response:
    with _reading(desk().runtime, caller()) as reading:
        return answered(Answer(200, _json(work(reading))))


def stream(page: Callable[[Work, After | None], tuple[bytes, After | None]], *, name: str, change: Change) -> Response:
    """A CSV file of any length, a page at a time: each in a transaction of its own, so that a slow reader holds none.

    `page` makes the lines after the row named, and names its last row; None: there is no further one. Taking data
    out stands in the audit as `change`. What goes wrong before the first page is a problem like any other.
    """
    runtime, who = desk().runtime, caller()  # the request itself is over when the later pages are made
    with _reading(runtime, who) as reading:
        origin = Origin(who.actor, request.remote_addr, reading.now)
        record_audit(reading.connection, reading.tenant, [change], origin)
        first, after = page(reading, None)

    def lines() -> Iterator[bytes]:
        yield BOM + first
        last = after
        while last is not None:
            with _reading(runtime, who) as reading:
                found, last = page(reading, last)
            yield found

    disposition = f'attachment; filename="{name}.csv"'
    return Response(lines(), 200, mimetype="text/csv", headers={"Content-Disposition": disposition})


def write(work: Callable[[Work], Done], *, once: bool = False, of_nobody: bool = False) -> Response:
    """`once`: the request is not idempotent by nature, so an Idempotency-Key is honoured.

    `of_nobody`: it is about customers who are nobody's yet, so no limited caller sees them; `work` looks who may do it.

    Raises:
        whatever `work` raises: then nothing was written, and no answer is kept.
    """
    runtime, tenant = desk().runtime, caller().tenant
    asked = _asked() if once else None

    def transaction(connection: Connection) -> tuple[Answer, bool]:
        now = runtime.clock.now()
        if not of_nobody:
            _refuse_out_of_sight(connection)
        if asked is not None and (known := begin(connection, tenant, asked, now=now)) is not None:
            return known, True
        done = work(Work(connection, tenant, now))
        record_audit(connection, tenant, done.changes, Origin(caller().actor, request.remote_addr, now))
        caused = [Caused(fact, "api", caller().actor) for fact in done.facts]
        record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=runtime.settings.message_ttl_s)
        answer = Answer(done.status, _json(done.body))
        if asked is not None:
            until = now + timedelta(seconds=runtime.settings.api_answer_ttl_s)
            keep(connection, tenant, asked, answer, now=now, until=until)
        return answer, False

    answer, replayed = transact(runtime.engine, transaction)
    desk().ring()
    response = answered(answer)
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _refuse_out_of_sight(connection: Connection) -> None:
    """
    Raises:
        NoCustomerError: as for one who does not exist.
    """
    sight, named = caller().sight, (request.view_args or {}).get("id")
    if sight.is_everything:
        return
    if named is None or not sees(connection, caller().tenant.id, sight, CustomerId(int(named))):
        raise NoCustomerError("no such customer")


def _asked() -> Asked | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        why = f"has 1 to {LONGEST_KEY} printable characters"
        raise ProblemError(422, "invalid", "bad Idempotency-Key", errors=[("header/Idempotency-Key", why)])
    whole = request.get_data() + (b"" if caller().may_read_personal else b"\0masked")  # no answer for other eyes
    return Asked(f"{request.method} {request.path}", key, request.full_path.encode() + b"\0" + whole)


def _json(body: BaseModel | None) -> bytes:
    return b"" if body is None else body.model_dump_json(context=view().context).encode()


def view() -> View:
    """What of personal data the caller may see, in whatever form it is answered."""
    return View(caller().may_read_personal, not desk().runtime.settings.mask_nicknames)


def answered(answer: Answer) -> Response:
    return Response(answer.body, answer.status, mimetype="application/json")
