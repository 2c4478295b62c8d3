"""Answers that were given to requests with an Idempotency-Key, kept in the transaction of what was done.

So a retry after a lost answer, or after a crash between commit and answer, gets the first answer, and does nothing.
A refusal is not kept: nothing was done, and asking again may end better.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import fetch_one, run
from shared.tenants import Tenant

BODY = "api_answer.body"
SWEPT_AT_ONCE = 50


@dataclass(frozen=True)
class Asked:
    """One request: `key` is its Idempotency-Key, `request` its method, path, query and body."""

    route: str
    key: str
    request: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class OtherRequestError(Exception):
    """The key was used for another request."""


class UnderWayError(Exception):
    """The same request is being worked on by somebody else just now."""


def begin(connection: Connection, tenant: Tenant, asked: Asked, *, now: datetime) -> Answer | None:
    """The answer that was given already; None: do it, in this transaction, and call `keep`.

    Until the transaction ends nobody else gets past here with the same key: not even when the row is yet to come.

    Raises:
        UnderWayError, OtherRequestError: the caller rolls back.
    """
    key = _key(tenant, asked)
    free = fetch_one(
        connection,
        "select pg_try_advisory_xact_lock(hashtextextended(:name, 0)) as mine",
        name=f"answer/{tenant.id}/{asked.route}/{key.hex()}",
    )
    if free is None or not free["mine"]:
        raise UnderWayError
    row = fetch_one(
        connection,
        "select request, status, body from api_answer where tenant_id = :tenant_id and route = :route "
        "and key_hmac = :key and expires_at > :now",
        tenant_id=tenant.id,
        route=asked.route,
        key=key,
        now=now,
    )
    if row is None:
        return None
    if bytes(row["request"]) != _request(tenant, asked):
        raise OtherRequestError
    return Answer(row["status"], tenant.cipher.decrypt(row["body"], BODY))


def keep(
    connection: Connection, tenant: Tenant, asked: Asked, answer: Answer, *, now: datetime, until: datetime
) -> None:
    """Keep the answer, and let a few old ones go."""
    run(
        connection,
        "delete from api_answer where (tenant_id, route, key_hmac) in (select tenant_id, route, key_hmac "
        "from api_answer where expires_at <= :now order by expires_at limit :limit for update skip locked)",
        now=now,
        limit=SWEPT_AT_ONCE,
    )
    run(
        connection,
        "insert into api_answer (tenant_id, route, key_hmac, request, status, body, created_at, expires_at) "
        "values (:tenant_id, :route, :key, :request, :status, :body, :now, :until) "
        "on conflict (tenant_id, route, key_hmac) do update set request = excluded.request, status = excluded.status, "
        "body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at",
        tenant_id=tenant.id,
        route=asked.route,
        key=_key(tenant, asked),
        request=_request(tenant, asked),
        status=answer.status,
        body=tenant.cipher.encrypt(answer.body, BODY),
        now=now,
        until=until,
    )


def _key(tenant: Tenant, asked: Asked) -> bytes:
    return tenant.cipher.index("api_answer.key", asked.key)


def _request(tenant: Tenant, asked: Asked) -> bytes:
    return tenant.cipher.index("api_answer.request", asked.request.hex())
