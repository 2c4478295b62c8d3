"""Transactions of requests. A write is one: what is changed, its audit, and the answer that a retry will get."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
from shared.audit import Change, Origin, record_audit
from shared.db.engine import transact
from shared.ids import CustomerId
from shared.scope import seeing, sees
from shared.tenants import Tenant

LONGEST_KEY = 200


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


def read(work: Callable[[Work], BaseModel]) -> Response:
    runtime = desk().runtime
    tenant = caller().tenant
    with runtime.engine.begin() as connection, seeing(connection, tenant.id, caller().sight):
        return answered(Answer(200, _json(work(Work(connection, tenant, runtime.clock.now())))))


def write(work: Callable[[Work], Done], *, once: bool = False) -> Response:
    """`once`: the request is not idempotent by nature, so an Idempotency-Key is honoured.

    Raises:
        whatever `work` raises: then nothing was written, and no answer is kept.
    """
    runtime, tenant = desk().runtime, caller().tenant
    asked = _asked() if once else None

    def transaction(connection: Connection) -> tuple[Answer, bool]:
        now = runtime.clock.now()
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
