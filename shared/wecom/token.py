"""Access tokens: one per app, shared by all processes, renewed by exactly one of them.

The token lies encrypted in the app's row; who renews it holds that row's lock, so the others wait and find the new
one. A token that failed is replaced only while it is still the stored one (compare and swap).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection, Engine

from shared.clock import Clock
from shared.db.engine import Row, fetch_one, run
from shared.errors import RetryableError
from shared.tenants import Tenant

RENEW_BEFORE = timedelta(minutes=5)
KEEP_AT_LEAST = timedelta(minutes=1)
"""Near its end WeCom gives the same token again: without this, the last five minutes would be a storm of fetches."""

CONTEXT = "app.token"

log = structlog.get_logger()
renewals = Counter("guanxi_wecom_token_renewals", "Access tokens fetched from WeCom")

Fetch = Callable[[str, str], tuple[str, int]]
"""(corp_id, secret) -> (access token, lifetime in seconds)."""


@dataclass(frozen=True)
class _Known:
    token: str = field(repr=False)
    renew_at: datetime


class TokenStore:
    """The present token of one app of one tenant."""

    def __init__(self, engine: Engine, clock: Clock, tenant: Tenant, app: str, fetch: Fetch) -> None:
        self._engine, self._clock, self._tenant, self._app, self._fetch = engine, clock, tenant, app, fetch
        self._known: _Known | None = None
        self._lock = threading.Lock()

    def current(self) -> str:
        known = self._known
        if known is not None and known.renew_at > self._clock.now():
            return known.token
        return self.renew(failed=None)

    def renew(self, *, failed: str | None) -> str:
        """The token to use instead of `failed`; fetched only if nobody has stored a newer one meanwhile.

        Raises:
            RetryableError: the app is not configured (yet).
            WeComError, UnreachableError: WeCom did not give one.
        """
        with self._lock, self._engine.begin() as connection:
            row = fetch_one(
                connection,
                "select secret, token, token_expires_at, token_fetched_at from app "
                "where tenant_id = :tenant_id and name = :name for update",
                tenant_id=self._tenant.id,
                name=self._app,
            )
            if row is None:
                raise RetryableError(f"corp {self._tenant.corp_id} has no app named {self._app!r}", after_s=300)
            return self._stored(row, failed) or self._fetched(connection, row)

    def _stored(self, row: Row, failed: str | None) -> str | None:
        if row["token"] is None:
            return None
        renew_at = renewal_time(row["token_fetched_at"], row["token_expires_at"])
        token = self._tenant.cipher.decrypt(row["token"], CONTEXT).decode()
        if renew_at <= self._clock.now() or token == failed:
            return None
        self._known = _Known(token, renew_at)
        return token

    def _fetched(self, connection: Connection, row: Row) -> str:
        cipher, now = self._tenant.cipher, self._clock.now()
        token, lifetime_s = self._fetch(self._tenant.corp_id, cipher.decrypt(row["secret"], "app.secret").decode())
        expires_at = now + timedelta(seconds=lifetime_s)
        run(
            connection,
            "update app set token = :token, token_expires_at = :expires_at, token_fetched_at = :now "
            "where tenant_id = :tenant_id and name = :name",
            token=cipher.encrypt(token.encode(), CONTEXT),
            expires_at=expires_at,
            now=now,
            tenant_id=self._tenant.id,
            name=self._app,
        )
        renewals.inc()
        log.info("wecom.token_renewed", tenant_id=self._tenant.id, app=self._app)
        self._known = _Known(token, renewal_time(now, expires_at))
        return token


def renewal_time(fetched_at: datetime, expires_at: datetime) -> datetime:
    """When a token is fetched anew: ahead of its end, but never sooner than a minute after it came."""
    return max(expires_at - RENEW_BEFORE, min(fetched_at + KEEP_AT_LEAST, expires_at))
