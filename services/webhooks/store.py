"""Rows of webhook endpoints. Address and secrets are encrypted: many a receiver has a token in its address."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.webhooks.model import Endpoint, EndpointState, Listener, Standing
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import EndpointId, TenantId
from shared.tenants import Tenant
from shared.vault import Cipher, Vault

URL, SECRET = "webhook_endpoint.url", "webhook_endpoint.secret"
ACCEPTED_GAP = timedelta(minutes=1)
"""How exact `accepted_at` is: an update for each answer would be too many."""


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint as a person sees it."""

    id: EndpointId
    tenant_id: TenantId
    corp_id: str
    url: str = field(repr=False)
    fact_types: tuple[str, ...] | None
    causes: tuple[str, ...]
    state: EndpointState
    reason: str | None
    failures: int
    failing_since: datetime | None
    closed_until: datetime | None
    accepted_at: datetime | None
    previous_until: datetime | None
    made_by: str
    made_at: datetime


def new_secret() -> str:
    """24 random bytes. Source: Standard Webhooks, signature scheme: 24 to 64 bytes, base64, prefix whsec_."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def add_endpoint(
    connection: Connection,
    tenant: Tenant,
    *,
    url: str,
    secret: str,
    fact_types: Sequence[str] | None,
    causes: Sequence[str],
    by: str,
    now: datetime,
) -> EndpointId:
    """It hears of facts that are written from the commit on."""
    row = fetch_one(
        connection,
        "insert into webhook_endpoint (tenant_id, url, secret, fact_types, causes, changed_by, changed_at, made_by, "
        "made_at) values (:tenant_id, :url, :secret, :fact_types, :causes, :by, :now, :by, :now) returning id",
        tenant_id=tenant.id,
        url=tenant.cipher.encrypt(url.encode(), URL),
        secret=tenant.cipher.encrypt(secret.encode(), SECRET),
        fact_types=None if fact_types is None else list(fact_types),
        causes=list(causes),
        by=by,
        now=now,
    )
    assert row is not None
    return EndpointId(row["id"])


def load_listeners(connection: Connection, tenant_id: TenantId) -> list[Listener]:
    """Also those that are paused or disabled: what is written meanwhile waits for them."""
    rows = fetch_all(
        connection,
        "select id, fact_types, causes from webhook_endpoint where tenant_id = :tenant_id and state <> 'removed'",
        tenant_id=tenant_id,
    )
    return [_listener(row) for row in rows]


def _listener(row: Row) -> Listener:
    types = None if row["fact_types"] is None else frozenset(row["fact_types"])
    return Listener(EndpointId(row["id"]), types, frozenset(row["causes"]))


def load_listener(connection: Connection, endpoint_id: EndpointId) -> Listener | None:
    row = fetch_one(connection, "select id, fact_types, causes from webhook_endpoint where id = :id", id=endpoint_id)
    return _listener(row) if row else None


def list_endpoints(
    connection: Connection, vault: Vault, *, tenant_id: TenantId | None = None, endpoint_id: EndpointId | None = None
) -> list[EndpointRow]:
    """All that are not removed, or those of a tenant, or one."""
    rows = fetch_all(
        connection,
        "select e.*, t.corp_id, t.data_key from webhook_endpoint e join tenant t on t.id = e.tenant_id "
        "where e.state <> 'removed' and (cast(:tenant_id as int) is null or e.tenant_id = :tenant_id) "
        "and (cast(:id as int) is null or e.id = :id) order by e.id",
        tenant_id=tenant_id,
        id=endpoint_id,
    )
    return [_row(row, vault.open(row["data_key"])) for row in rows]


def _row(row: Row, cipher: Cipher) -> EndpointRow:
    return EndpointRow(
        id=EndpointId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        corp_id=row["corp_id"],
        url=cipher.decrypt(row["url"], URL).decode(),
        fact_types=None if row["fact_types"] is None else tuple(row["fact_types"]),
        causes=tuple(row["causes"]),
        state=EndpointState(row["state"]),
        reason=row["reason"],
        failures=row["failures"],
        failing_since=row["failing_since"],
        closed_until=row["closed_until"],
        accepted_at=row["accepted_at"],
        previous_until=row["previous_until"],
        made_by=row["made_by"],
        made_at=row["made_at"],
    )


def change_state(
    connection: Connection,
    endpoint_id: EndpointId,
    state: EndpointState,
    *,
    reason: str | None = None,
    by: str,
    now: datetime,
) -> bool:
    """Whether there is such an endpoint. What it answered before is forgotten when it becomes active."""
    return bool(
        run(
            connection,
            "update webhook_endpoint set state = :state, reason = :reason, changed_by = :by, changed_at = :now, "
            "failures = case :state when 'active' then 0 else failures end, "
            "failing_since = case :state when 'active' then null else failing_since end, "
            "closed_until = case :state when 'active' then null else closed_until end "
            "where id = :id and state <> 'removed'",
            id=endpoint_id,
            state=state,
            reason=reason,
            by=by,
            now=now,
        )
    )


def rotate_secret(
    connection: Connection,
    tenant: Tenant,
    endpoint_id: EndpointId,
    *,
    secret: str,
    until: datetime,
    by: str,
    now: datetime,
) -> bool:
    """The secret of before signs too until then; one before that is forgotten."""
    return bool(
        run(
            connection,
            "update webhook_endpoint set previous_secret = secret, previous_until = :until, secret = :secret, "
            "changed_by = :by, changed_at = :now where tenant_id = :tenant_id and id = :id and state <> 'removed'",
            tenant_id=tenant.id,
            id=endpoint_id,
            secret=tenant.cipher.encrypt(secret.encode(), SECRET),
            until=until,
            by=by,
            now=now,
        )
    )


_OPEN = "e.state = 'active' and t.state <> 'suspended' and (e.closed_until is null or e.closed_until <= :now)"


def due_endpoints(connection: Connection, *, now: datetime) -> list[EndpointId]:
    """Those that may be called and for which something is due that nobody holds; a probe of an index for each."""
    rows = fetch_all(
        connection,
        f"select e.id from webhook_endpoint e join tenant t on t.id = e.tenant_id where {_OPEN} and exists ("  # noqa: S608
        "select from outbox o where o.tenant_id = e.tenant_id and o.recipient = 'endpoint:' || e.id "
        "and o.state = 'queued' and o.next_try_at <= :now and (o.lease_until is null or o.lease_until < :now)) "
        "order by e.id",
        now=now,
    )
    return [EndpointId(row["id"]) for row in rows]


def load_endpoint(
    connection: Connection, vault: Vault, endpoint_id: EndpointId, *, now: datetime, closed_too: bool = False
) -> Endpoint | None:
    """With what is needed to call it; None when it may not be called now. `closed_too`: unless it is removed."""
    row = fetch_one(
        connection,
        "select e.*, t.corp_id, t.data_key from webhook_endpoint e join tenant t on t.id = e.tenant_id "  # noqa: S608
        f"where e.id = :id and (({_OPEN}) or (:closed_too and e.state <> 'removed'))",
        id=endpoint_id,
        now=now,
        closed_too=closed_too,
    )
    if row is None:
        return None
    cipher = vault.open(row["data_key"])
    kept = [row["secret"]]
    if row["previous_secret"] is not None and row["previous_until"] > now:
        kept.append(row["previous_secret"])
    return Endpoint(
        id=EndpointId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        corp_id=row["corp_id"],
        url=cipher.decrypt(row["url"], URL).decode(),
        secrets=tuple(cipher.decrypt(one, SECRET).decode() for one in kept),
        standing=Standing(row["failures"], row["failing_since"], row["closed_until"]),
    )


def lock_standing(connection: Connection, endpoint_id: EndpointId) -> Standing | None:
    """For whoever is going to record another; None when the endpoint is not active any more."""
    row = fetch_one(
        connection,
        "select failures, failing_since, closed_until from webhook_endpoint where id = :id and state = 'active' "
        "for update",
        id=endpoint_id,
    )
    return Standing(**row) if row else None


def record_standing(connection: Connection, endpoint_id: EndpointId, standing: Standing, *, now: datetime) -> None:
    run(
        connection,
        "update webhook_endpoint set failures = :failures, failing_since = :failing_since, "
        "closed_until = :closed_until where id = :id",
        id=endpoint_id,
        failures=standing.failures,
        failing_since=standing.failing_since,
        closed_until=standing.closed_until,
    )
    if standing.disabled is not None:
        reason, by = standing.disabled, "guanxi"
        change_state(connection, endpoint_id, EndpointState.DISABLED, reason=reason, by=by, now=now)


def record_accepted(connection: Connection, endpoint_id: EndpointId, *, now: datetime) -> None:
    """It is not failing; a pause that another call was asked for at this moment stays."""
    run(
        connection,
        "update webhook_endpoint set failures = 0, failing_since = null, accepted_at = :now, "
        "closed_until = case when closed_until > :now then closed_until end where id = :id "
        "and (failures > 0 or closed_until <= :now or accepted_at is null or accepted_at < :stale)",
        id=endpoint_id,
        stale=now - ACCEPTED_GAP,
        now=now,
    )


def list_kept(connection: Connection) -> list[tuple[TenantId, str, EndpointId]]:
    """Whose they are, with the corp's id, of all that are not removed; their addresses stay closed."""
    rows = fetch_all(
        connection,
        "select e.tenant_id, t.corp_id, e.id from webhook_endpoint e join tenant t on t.id = e.tenant_id "
        "where e.state <> 'removed' order by e.id",
    )
    return [(TenantId(row["tenant_id"]), row["corp_id"], EndpointId(row["id"])) for row in rows]


def list_removed(connection: Connection) -> list[tuple[TenantId, EndpointId, datetime]]:
    """With the time of the removal."""
    rows = fetch_all(connection, "select tenant_id, id, changed_at from webhook_endpoint where state = 'removed'")
    return [(TenantId(row["tenant_id"]), EndpointId(row["id"]), row["changed_at"]) for row in rows]


def delete_endpoint(connection: Connection, endpoint_id: EndpointId) -> None:
    run(connection, "delete from webhook_endpoint where id = :id and state = 'removed'", id=endpoint_id)
