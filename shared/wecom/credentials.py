"""What WeCom gives for some time: an app's access token and its two JS tickets.

One row each, encrypted, shared by all processes. Who fetches a new one says so in the row and holds no lock while
WeCom answers; the others go on with the old one while it is good, or look again until the new one is there. One that
failed is replaced only while it is still the stored one (compare and swap).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection, Engine

from shared.clock import Clock, monotonic
from shared.db.engine import Row, fetch_one, run
from shared.errors import RetryableError
from shared.tenants import Tenant
from shared.wecom.errors import PostponedError, WeComError, WeComRetryableError
from shared.wecom.locking import locking

ACCESS_TOKEN, JSAPI_TICKET, AGENT_TICKET = "access_token", "jsapi_ticket", "agent_ticket"
RENEW_BEFORE = timedelta(minutes=5)
KEEP_AT_LEAST = timedelta(minutes=1)
"""Near its end WeCom gives the same token again: without this, the last five minutes would be a storm of fetches."""
RENEWING_S = 45.0
"""Longer than a fetch can take; then its process was killed and another one fetches."""
LOOK_AGAIN_S = 0.05
PATIENCE_S = 15.0
"""When the next fetch is tried after one ahead of time that failed: the old one is still good."""
INSISTED_S = 60.0
"""For so long a process does not fetch anew because of a token which WeCom gave again after its APIs had refused it."""
REFUSED_S = 300.0
"""WeCom blocks for an hour who fetches wrongly 2,000 times in one: a wrong secret is tried twelve times."""

log = structlog.get_logger()
renewals = Counter("guanxi_wecom_token_renewals", "Access tokens and tickets fetched from WeCom", ["kind"])

Fetch = Callable[[str], tuple[str, int]]
"""(app's secret) -> (value, lifetime in seconds)."""


@dataclass(frozen=True)
class _Known:
    value: str = field(repr=False)
    renew_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class _Renewal:
    """This process fetches; `fence` must still be the newest when it stores."""

    secret: str = field(repr=False)
    fence: int
    old: str | None = field(repr=False)
    """The stored one, while it is still good."""


class Credential:
    """One kind of credential of one app of one tenant."""

    def __init__(
        self, engine: Engine, clock: Clock, tenant: Tenant, app: str, fetch: Fetch, *, kind: str = ACCESS_TOKEN
    ) -> None:
        self._engine, self._clock, self._tenant, self._app, self._fetch = engine, clock, tenant, app, fetch
        self._kind, self._context = kind, f"app.{kind}"
        self._known: _Known | None = None
        self._insisted, self._insisted_until = "", 0.0
        self._lock = threading.Lock()

    def current(self) -> str:
        known, now = self._known, self._clock.now()
        if known is not None and (known.renew_at > now or (known.expires_at > now and self._lock.locked())):
            return known.value
        return self.renew(failed=None)

    def renew(self, *, failed: str | None) -> str:
        """The value to use instead of `failed`; fetched only if nobody has stored a newer one meanwhile.

        Raises:
            RetryableError: the app is not configured (yet), or WeCom refused to give one a short while ago.
            WeComError, UnreachableError: WeCom did not give one.
        """
        until = monotonic() + RENEWING_S
        with self._lock:
            if failed == self._insisted and monotonic() < self._insisted_until:
                return failed
            while True:
                with locking(self._engine) as connection:
                    found = self._look(connection, failed)
                if isinstance(found, str):
                    return found
                if found is not None:
                    value = self._fetched(found)
                    if value == failed:
                        self._insisted, self._insisted_until = value, monotonic() + INSISTED_S
                    return value
                if monotonic() > until:
                    raise PostponedError(self._kind, "another process is fetching it for too long", after_s=5.0)
                time.sleep(LOOK_AGAIN_S)

    def try_secret(self) -> None:
        """Ask WeCom for a value whatever is stored here, and forget that it refused one a while ago.

        Raises:
            RetryableError: the app is not configured (yet).
            WeComError, UnreachableError: WeCom did not give one.
        """
        with locking(self._engine) as connection:
            secret = self._tenant.cipher.decrypt(self._locked(connection)["secret"], "app.secret").decode()
        self._fetch(secret)
        with self._engine.begin() as connection:
            run(
                connection,
                "update credential set refused_until = null, refused_reason = null "
                "where tenant_id = :tenant_id and app = :app and kind = :kind",
                **self._key(),
            )

    def _look(self, connection: Connection, failed: str | None) -> str | _Renewal | None:
        """The stored value, or the task of fetching one, or None: another process is at it."""
        row, now = self._locked(connection), self._clock.now()
        stored = self._stored(row, failed)
        if stored is not None and stored.renew_at > now:
            self._known = stored
            return stored.value
        usable = stored.value if stored is not None and stored.expires_at > now else None
        if row["refused_until"] is not None and now < row["refused_until"] <= now + timedelta(seconds=REFUSED_S):
            if usable is not None:
                return usable
            after_s = (row["refused_until"] - now).total_seconds()
            raise RetryableError(f"{self._kind}: WeCom refused it: {row['refused_reason']}", after_s=after_s)
        if row["renewing_until"] is not None and now < row["renewing_until"] <= now + timedelta(seconds=RENEWING_S):
            return usable
        run(
            connection,
            "update credential set renewing_until = :until, fence = fence + 1 "
            "where tenant_id = :tenant_id and app = :app and kind = :kind",
            until=now + timedelta(seconds=RENEWING_S),
            **self._key(),
        )
        return _Renewal(self._tenant.cipher.decrypt(row["secret"], "app.secret").decode(), row["fence"] + 1, usable)

    def _locked(self, connection: Connection) -> Row:
        run(
            connection,
            "insert into credential (tenant_id, app, kind) select tenant_id, name, :kind from app "
            "where tenant_id = :tenant_id and name = :app on conflict do nothing",
            **self._key(),
        )
        row = fetch_one(
            connection,
            "select a.secret, c.* from app a join credential c on c.tenant_id = a.tenant_id and c.app = a.name "
            "where c.tenant_id = :tenant_id and c.app = :app and c.kind = :kind for update of c",
            **self._key(),
        )
        if row is None:
            raise RetryableError(f"corp {self._tenant.corp_id} has no app named {self._app!r}", after_s=REFUSED_S)
        return row

    def _stored(self, row: Row, failed: str | None) -> _Known | None:
        if row["value"] is None:
            return None
        value = self._tenant.cipher.decrypt(row["value"], self._context).decode()
        return None if value == failed else _known(value, row["fetched_at"], row["expires_at"])

    def _fetched(self, renewal: _Renewal) -> str:
        try:
            value, lifetime_s = self._fetch(renewal.secret)
        except Exception as error:
            self._end_renewal(renewal, error)
            if renewal.old is not None:  # fetched ahead of time: there is time to try again
                log.warning("wecom.credential_not_renewed", tenant_id=self._tenant.id, kind=self._kind)
                return renewal.old
            raise
        now = self._clock.now()
        expires_at = now + timedelta(seconds=lifetime_s)
        with self._engine.begin() as connection:
            run(
                connection,
                "update credential set value = :value, fetched_at = :now, expires_at = :expires_at, "
                "renewing_until = null, refused_until = null, refused_reason = null "
                "where tenant_id = :tenant_id and app = :app and kind = :kind and fence = :fence",
                value=self._tenant.cipher.encrypt(value.encode(), self._context),
                now=now,
                expires_at=expires_at,
                fence=renewal.fence,
                **self._key(),
            )
        renewals.labels(self._kind).inc()
        log.info("wecom.credential_renewed", tenant_id=self._tenant.id, app=self._app, kind=self._kind)
        self._known = _known(value, now, expires_at)
        return value

    def _end_renewal(self, renewal: _Renewal, error: Exception) -> None:
        """Let the next one try; after WeCom's refusal (a wrong secret, an address it does not trust) not at once."""
        refused_s = PATIENCE_S if renewal.old is not None else None
        if isinstance(error, WeComRetryableError):
            refused_s = error.after_s or refused_s
        elif isinstance(error, WeComError):
            refused_s = REFUSED_S
        now = self._clock.now()
        with self._engine.begin() as connection:
            run(
                connection,
                "update credential set renewing_until = null, refused_until = :refused_until, "
                "refused_reason = :reason "
                "where tenant_id = :tenant_id and app = :app and kind = :kind and fence = :fence",
                refused_until=now + timedelta(seconds=min(refused_s, REFUSED_S)) if refused_s else None,
                reason=str(error) if refused_s else None,
                fence=renewal.fence,
                **self._key(),
            )

    def _key(self) -> dict[str, object]:
        return {"tenant_id": self._tenant.id, "app": self._app, "kind": self._kind}


def _known(value: str, fetched_at: datetime, expires_at: datetime) -> _Known:
    return _Known(value, renewal_time(fetched_at, expires_at), expires_at)


def renewal_time(fetched_at: datetime, expires_at: datetime) -> datetime:
    """When a token is fetched anew: ahead of its end, but never sooner than a minute after it came."""
    return max(expires_at - RENEW_BEFORE, min(fetched_at + KEEP_AT_LEAST, expires_at))
