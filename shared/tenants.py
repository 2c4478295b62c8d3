"""Tenants, their apps and their receivers. A tenant is (corp, subject); its data key opens everything of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.corp_file import CorpFile, KeyPair
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import ReceiverId, TenantId
from shared.vault import Cipher, Vault, VaultError


@dataclass(frozen=True)
class Tenant:
    id: TenantId
    corp_id: str
    subject: str
    name: str
    timezone: str
    language: str
    state: str
    added_at: datetime
    cipher: Cipher = field(repr=False, compare=False)
    accounts: int | None = None
    """The corp's ceiling of accounts, when its file names it."""


@dataclass(frozen=True)
class Keys:
    """A receiver's Token and EncodingAESKey; the key is missing only for plaintext official accounts."""

    token: str = field(repr=False)
    encoding_aes_key: str | None = field(repr=False)


@dataclass(frozen=True)
class Receiver:
    """One callback address. `keys` holds the present pair and, while a key is being changed, the previous one."""

    id: ReceiverId
    tenant_id: TenantId
    corp_id: str
    name: str
    kind: str
    mode: str
    keys: tuple[Keys, ...]
    receiveids_get: frozenset[str]
    receiveids_post: frozenset[str]
    cipher: Cipher = field(repr=False, compare=False)


def record_corp(connection: Connection, vault: Vault, corp: CorpFile, *, now: datetime) -> TenantId:
    """Add a corp, or bring the stored one in line with its file. Receivers keep their ids; missing ones are removed."""
    _want_cards(connection, corp)
    row = fetch_one(
        connection,
        "insert into tenant (corp_id, subject, name, timezone, language, accounts, pushes, currency, data_key, state, "
        "added_at) values (:corp_id, :subject, :name, :timezone, :language, :accounts, :pushes, :currency, :data_key, "
        "'bootstrap', :now) "
        "on conflict (corp_id, subject) do update set name = excluded.name, timezone = excluded.timezone, "
        "language = excluded.language, accounts = excluded.accounts, pushes = excluded.pushes, "
        "currency = excluded.currency returning id, data_key",
        corp_id=corp.corp_id,
        subject=corp.subject,
        name=corp.name,
        timezone=corp.timezone,
        language=corp.language,
        accounts=corp.accounts,
        pushes=corp.pushes,
        currency=corp.currency,
        data_key=vault.new_data_key(),
        now=now,
    )
    assert row is not None
    tenant_id, cipher = TenantId(row["id"]), vault.open(row["data_key"])
    _record_apps(connection, tenant_id, cipher, corp)
    _record_receivers(connection, tenant_id, cipher, corp)
    return tenant_id


def _want_cards(connection: Connection, corp: CorpFile) -> None:
    """Amounts in another currency: every customer's card is made anew."""
    run(
        connection,
        "insert into card_due (tenant_id, customer_id) select k.tenant_id, k.customer_id from tenant t "
        "join customer_card k on k.tenant_id = t.id where t.corp_id = :corp_id and t.subject = :subject "
        "and t.currency <> :currency",
        corp_id=corp.corp_id,
        subject=corp.subject,
        currency=corp.currency,
    )


def _record_apps(connection: Connection, tenant_id: TenantId, cipher: Cipher, corp: CorpFile) -> None:
    run(
        connection,
        "delete from app where tenant_id = :tenant_id and not name = any(:names)",
        tenant_id=tenant_id,
        names=list(corp.apps),
    )
    # A token belongs to the secret that it was fetched with.
    run(connection, "delete from credential where tenant_id = :tenant_id", tenant_id=tenant_id)
    for name, app in corp.apps.items():
        run(
            connection,
            "insert into app (tenant_id, name, agent_id, secret) values (:tenant_id, :name, :agent_id, :secret) "
            "on conflict (tenant_id, name) do update set agent_id = excluded.agent_id, secret = excluded.secret",
            tenant_id=tenant_id,
            name=name,
            agent_id=app.agent_id,
            secret=cipher.encrypt(app.secret.encode(), "app.secret"),
        )


def _record_receivers(connection: Connection, tenant_id: TenantId, cipher: Cipher, corp: CorpFile) -> None:
    run(
        connection,
        "delete from receiver where tenant_id = :tenant_id and not name = any(:names)",
        tenant_id=tenant_id,
        names=list(corp.receivers),
    )
    for name, receiver in corp.receivers.items():
        expected = receiver.expected_receiveids(corp.corp_id)
        run(
            connection,
            "insert into receiver (tenant_id, name, kind, app_name, mode, token, aes_key, previous_token, "
            "previous_aes_key, receiveids_get, receiveids_post) values (:tenant_id, :name, :kind, :app_name, :mode, "
            ":token, :aes_key, :previous_token, :previous_aes_key, :receiveids_get, :receiveids_post) "
            "on conflict (tenant_id, name) do update set kind = excluded.kind, app_name = excluded.app_name, "
            "mode = excluded.mode, token = excluded.token, aes_key = excluded.aes_key, "
            "previous_token = excluded.previous_token, previous_aes_key = excluded.previous_aes_key, "
            "receiveids_get = excluded.receiveids_get, receiveids_post = excluded.receiveids_post",
            tenant_id=tenant_id,
            name=name,
            kind=receiver.kind,
            app_name=receiver.app,
            mode=receiver.mode,
            receiveids_get=expected.get,
            receiveids_post=expected.post,
            **_encrypted_keys(cipher, receiver, prefix=""),
            **_encrypted_keys(cipher, receiver.previous, prefix="previous_"),
        )


def _encrypted_keys(cipher: Cipher, keys: KeyPair | None, *, prefix: str) -> dict[str, bytes | None]:
    token = keys.token if keys else None
    aes_key = keys.encoding_aes_key if keys else None
    return {
        f"{prefix}token": token and cipher.encrypt(token.encode(), "receiver.token"),  # type: ignore[dict-item]
        f"{prefix}aes_key": aes_key and cipher.encrypt(aes_key.encode(), "receiver.aes_key"),  # type: ignore[dict-item]
    }


def load_tenants(connection: Connection, vault: Vault, *, corp_id: str | None = None) -> list[Tenant]:
    """All, or those of a corp.

    Raises:
        VaultError: one of them was made with another secret key.
    """
    rows = fetch_all(
        connection,
        "select * from tenant where cast(:corp_id as text) is null or corp_id = :corp_id order by id",
        corp_id=corp_id,
    )
    return [_tenant(row, vault) for row in rows]


def load_unopened(connection: Connection, vault: Vault) -> list[str]:
    """Corps whose keys do not open with this secret key: nothing of theirs is worked on."""
    rows = fetch_all(connection, "select corp_id, data_key from tenant order by id")
    return [row["corp_id"] for row in rows if not _opens(row["data_key"], vault)]


def _opens(data_key: bytes, vault: Vault) -> bool:
    try:
        vault.open(data_key)
    except VaultError:
        return False
    return True


def load_tenant(connection: Connection, vault: Vault, tenant_id: TenantId) -> Tenant | None:
    row = fetch_one(connection, "select * from tenant where id = :id", id=tenant_id)
    return _tenant(row, vault) if row else None


def _tenant(row: Row, vault: Vault) -> Tenant:
    return Tenant(
        id=TenantId(row["id"]),
        corp_id=row["corp_id"],
        subject=row["subject"],
        name=row["name"],
        timezone=row["timezone"],
        language=row["language"],
        state=row["state"],
        accounts=row["accounts"],
        added_at=row["added_at"],
        cipher=vault.open(row["data_key"]),
    )


def may_push(connection: Connection, tenant_id: TenantId) -> bool:
    """Whether what people want is written to the tenant's WeCom; else it is only kept and shown (observe-only)."""
    row = fetch_one(connection, "select pushes from tenant where id = :id", id=tenant_id)
    return row is not None and bool(row["pushes"])


def load_agent_ids(connection: Connection, tenant_id: TenantId) -> dict[str, int | None]:
    """The tenant's apps by name, each with its agent id where the corp's file names it."""
    rows = fetch_all(
        connection, "select name, agent_id from app where tenant_id = :tenant_id order by name", tenant_id=tenant_id
    )
    return {row["name"]: row["agent_id"] for row in rows}


def load_receivers(connection: Connection, vault: Vault, *, tenant_id: TenantId | None = None) -> Iterator[Receiver]:
    """All, or those of a tenant.

    Raises:
        VaultError: one of them was made with another secret key.
    """
    for row in load_receiver_rows(connection):
        if tenant_id in (None, row["tenant_id"]):
            yield open_receiver(row, vault)


def load_receiver_rows(connection: Connection) -> list[dict[str, Any]]:
    """The receivers as they are stored, still encrypted, each with its corp and its tenant's wrapped data key."""
    rows = fetch_all(
        connection,
        "select r.*, t.corp_id, t.data_key from receiver r join tenant t on t.id = r.tenant_id "
        "where t.state <> 'suspended' order by r.id",
    )
    return [dict(row) for row in rows]


def open_receiver(row: Mapping[str, Any], vault: Vault) -> Receiver:
    """
    Raises:
        VaultError: the row was made with another secret key.
    """
    cipher = vault.open(row["data_key"])
    pairs = ((row["token"], row["aes_key"]), (row["previous_token"], row["previous_aes_key"]))
    return Receiver(
        id=ReceiverId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        corp_id=row["corp_id"],
        name=row["name"],
        kind=row["kind"],
        mode=row["mode"],
        keys=tuple(
            Keys(
                cipher.decrypt(token, "receiver.token").decode(),
                cipher.decrypt(key, "receiver.aes_key").decode() if key else None,
            )
            for token, key in pairs
            if token
        ),
        receiveids_get=frozenset(row["receiveids_get"]),
        receiveids_post=frozenset(row["receiveids_post"]),
        cipher=cipher,
    )
