"""Keys of the REST API. A key belongs to one tenant; only a hash of its secret is stored, so it is shown once."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.scope import EVERYTHING, DataScope
from shared.tenants import Tenant, load_tenant
from shared.vault import Vault

PREFIX = "gxk"
USED_NOTED_EVERY = timedelta(minutes=1)
LONGEST = 100
"""Characters of a key as it is sent."""
_NOBODY = hashlib.sha256(b"").digest()


class Scope(StrEnum):
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    CUSTOMERS_DELETE = "customers:delete"
    BULK_READ = "bulk:read"
    BULK_WRITE = "bulk:write"
    TAGS_READ = "tags:read"
    TAGS_WRITE = "tags:write"
    FIELDS_WRITE = "fields:write"
    BLACKLIST_READ = "blacklist:read"
    BLACKLIST_WRITE = "blacklist:write"
    ORDERS_WRITE = "orders:write"
    EVENTS_WRITE = "events:write"
    COMPANIES_READ = "companies:read"
    COMPANIES_WRITE = "companies:write"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    SEGMENTS_READ = "segments:read"
    SEGMENTS_WRITE = "segments:write"
    FILTERS_READ = "filters:read"
    FILTERS_WRITE = "filters:write"
    GROUPS_READ = "groups:read"
    GROUPS_WRITE = "groups:write"
    POOL_READ = "pool:read"
    POOL_WRITE = "pool:write"
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    REMINDERS_READ = "reminders:read"
    REMINDERS_WRITE = "reminders:write"
    SYNC_READ = "sync:read"
    AUDIT_READ = "audit:read"
    PERSONAL_READ = "personal:read"


@dataclass(frozen=True)
class Caller:
    """Who calls: a key that is valid now. `may_verify`: what it calls verified is believed (CUS-12).

    `sight`: whose customers it sees (ACC-1).
    """

    key_id: int
    name: str
    scopes: frozenset[str]
    may_verify: bool
    tenant: Tenant
    sight: DataScope = EVERYTHING

    @property
    def actor(self) -> str:
        return f"api:{self.name}"

    @property
    def may_read_personal(self) -> bool:
        """Whether it sees phones, names and the like as they are; else masked (ACC-3)."""
        return Scope.PERSONAL_READ.value in self.scopes


class NameTakenError(Exception):
    """The tenant has a key of this name, perhaps a revoked one: its name stands in the audit."""


def make_key(
    connection: Connection,
    tenant_id: TenantId,
    *,
    name: str,
    scopes: Sequence[Scope],
    may_verify: bool,
    by: str,
    now: datetime,
    sight: DataScope = EVERYTHING,
) -> str:
    """Record a new key; returns it, for the only time.

    Raises:
        NameTakenError: the caller rolls back.
    """
    secret = secrets.token_urlsafe(32)
    row = fetch_one(
        connection,
        "insert into api_key (tenant_id, name, scopes, may_verify, secret_hash, created_at, created_by, "
        "userid, department_ids) values (:tenant_id, :name, :scopes, :may_verify, :hash, :now, :by, :userid, :ids) "
        "on conflict do nothing returning id",
        tenant_id=tenant_id,
        name=name,
        scopes=sorted({scope.value for scope in scopes}),
        may_verify=may_verify,
        hash=_hash(secret),
        now=now,
        by=by,
        userid=sight.userid,
        ids=list(sight.department_ids),
    )
    if row is None:
        raise NameTakenError(f"there is a key named {name} already; its name stands in the audit, choose another")
    return f"{PREFIX}_{row['id']}_{secret}"


def _hash(secret: str) -> bytes:
    # The secret has 256 random bits: there is nothing that a slow hash would protect.
    return hashlib.sha256(secret.encode()).digest()


def load_caller(connection: Connection, vault: Vault, key: str, *, now: datetime) -> Caller | None:
    """Whose key that is; None when it is nobody's, revoked, or its tenant is suspended."""
    prefix, _, rest = key.partition("_")
    number, _, secret = rest.partition("_")
    known = prefix == PREFIX and number.isascii() and number.isdigit() and len(number) < 10 and len(key) <= LONGEST
    row = fetch_one(connection, "select * from api_key where id = :id", id=int(number) if known else 0)
    # Compared in any case, so that the time tells nothing of which ids exist.
    fits = hmac.compare_digest(_hash(secret), bytes(row["secret_hash"]) if row else _NOBODY)
    if row is None or not fits or row["revoked_at"] is not None:
        return None
    tenant = load_tenant(connection, vault, TenantId(row["tenant_id"]))
    if tenant is None or tenant.state == "suspended":
        return None
    if row["last_used_at"] is None or row["last_used_at"] < now - USED_NOTED_EVERY:
        run(
            connection,
            "update api_key set last_used_at = greatest(last_used_at, :now) where id = "
            "(select id from api_key where id = :id for update skip locked)",
            now=now,
            id=row["id"],
        )
    sight = DataScope(row["userid"], tuple(row["department_ids"]))
    return Caller(row["id"], row["name"], frozenset(row["scopes"]), row["may_verify"], tenant, sight)


def list_keys(connection: Connection, tenant_id: TenantId) -> Sequence[Row]:
    """Everything but the hashes, oldest first."""
    return fetch_all(
        connection,
        "select id, name, scopes, may_verify, userid, department_ids, created_at, created_by, revoked_at, last_used_at "
        "from api_key "
        "where tenant_id = :tenant_id order by id",
        tenant_id=tenant_id,
    )


def revoke_key(connection: Connection, tenant_id: TenantId, name: str, *, now: datetime) -> bool:
    """From the next request on nobody gets in with it; False when there is no such key, or it was revoked before."""
    return (
        run(
            connection,
            "update api_key set revoked_at = :now where tenant_id = :tenant_id and name = :name and revoked_at is null",
            tenant_id=tenant_id,
            name=name,
            now=now,
        )
        > 0
    )
