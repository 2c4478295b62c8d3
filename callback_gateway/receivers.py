"""The callback addresses this process answers, in memory.

Read from the database every few seconds. An encrypted copy on the disk lets a gateway that starts while the database
is away verify and spool all the same.
"""

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog
from prometheus_client import Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from callback_gateway.crypto import make_key
from callback_gateway.envelope import Rules
from shared.clock import monotonic
from shared.ids import ReceiverId, TenantId
from shared.tenants import Receiver, load_receiver_rows, open_receiver
from shared.vault import Cipher, Vault, VaultError

REFRESH_S = 5.0
ASKED_REFRESH_S = 1.0
"""An unknown address or Token reads the database again, for all callers together this often at most."""
SNAPSHOT = "gateway.receivers"
"""Encryption context of the copy on the disk."""
ANSWERS: Mapping[str, bytes] = {"suite": b"success", "official_account": b"success"}
"""What a stored push is answered with; nothing for the other kinds. Source: pages 90930, 97172."""

log = structlog.get_logger()
known = Gauge("guanxi_gateway_receivers", "Callback addresses this process answers")


@dataclass(frozen=True)
class Address:
    """A receiver made ready: keys decoded, rules and answer chosen."""

    receiver_id: ReceiverId
    tenant_id: TenantId
    rules: Rules
    answer: bytes
    is_robot: bool
    cipher: Cipher = field(repr=False, compare=False)


def address_of(receiver: Receiver) -> Address:
    return Address(
        receiver_id=receiver.id,
        tenant_id=receiver.tenant_id,
        rules=Rules(
            keys=tuple(make_key(keys.token, keys.encoding_aes_key) for keys in receiver.keys),
            receiveids_get=receiver.receiveids_get,
            receiveids_post=receiver.receiveids_post,
            account_mode=receiver.mode if receiver.kind == "official_account" else None,
            json_only=receiver.kind == "robot",
        ),
        answer=ANSWERS.get(receiver.kind, b""),
        is_robot=receiver.kind == "robot",
        cipher=receiver.cipher,
    )


class Directory:
    """Finds addresses by (corp, name). Reading is lock-free: a refresh swaps the whole mapping."""

    def __init__(self, engine: Engine, vault: Vault, snapshot: Path) -> None:
        self._engine, self._vault, self._snapshot = engine, vault, snapshot
        self._addresses: dict[tuple[str, str], Address] | None = None
        self._source: bytes = b""
        self._refreshed_at = float("-inf")
        self._refreshing = threading.Lock()
        self._stop = threading.Event()

    @property
    def loaded(self) -> bool:
        """Whether the addresses were ever read, from the database or from the disk."""
        return self._addresses is not None

    def find(self, corp_id: str, name: str) -> Address | None:
        return (self._addresses or {}).get((corp_id, name))

    def start(self) -> None:
        """Read once, then again every few seconds from a thread of its own."""
        if not self.refresh():
            self._load_snapshot()
        threading.Thread(target=self._refresh_forever, name="receivers", daemon=True).start()

    def refresh_when_asked(self) -> bool:
        """Read again unless that was done a moment ago or is being done; whether it was done now."""
        return monotonic() - self._refreshed_at >= ASKED_REFRESH_S and self.refresh()

    def refresh(self) -> bool:
        """Whether the database answered."""
        if not self._refreshing.acquire(blocking=False):
            return False
        try:
            with self._engine.connect() as connection:
                rows = load_receiver_rows(connection)
            self._take(_written(rows), rows)
        except SQLAlchemyError:
            return False
        except VaultError as error:
            log.error("receivers.unreadable", reason=str(error))
            return False
        else:
            return True
        finally:
            self._refreshed_at = monotonic()
            self._refreshing.release()

    def _refresh_forever(self) -> None:
        while not self._stop.wait(REFRESH_S if self.loaded else ASKED_REFRESH_S):
            self.refresh()

    def _take(self, source: bytes, rows: Iterable[Mapping[str, Any]]) -> None:
        if source == self._source and self._addresses is not None:
            return
        self._addresses = self._opened(rows)
        self._source = source
        known.set(len(self._addresses))
        log.info("receivers.loaded", receiver_count=len(self._addresses))
        try:
            _replace(self._snapshot, self._vault.local.encrypt(source, SNAPSHOT))
        except OSError as error:
            log.warning("receivers.not_copied", reason=error.strerror)

    def _opened(self, rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Address]:
        addresses: dict[tuple[str, str], Address] = {}
        for receiver in (open_receiver(row, self._vault) for row in rows):
            if (receiver.corp_id, receiver.name) in addresses:
                # Two subjects of one corp chose one name; the older one keeps its address.
                log.error("receivers.address_taken", receiver_id=receiver.id)
            addresses.setdefault((receiver.corp_id, receiver.name), address_of(receiver))
        return addresses

    def _load_snapshot(self) -> None:
        try:
            source = self._vault.local.decrypt(self._snapshot.read_bytes(), SNAPSHOT)
            self._addresses = self._opened(_read(source))
        except (OSError, VaultError, ValueError, KeyError) as error:
            log.warning("receivers.away", reason=type(error).__name__)
            return
        known.set(len(self._addresses))
        log.warning("receivers.loaded_from_copy", receiver_count=len(self._addresses))


def _written(rows: list[dict[str, Any]]) -> bytes:
    return orjson.dumps(rows, default=lambda value: {"hex": bytes(value).hex()})


def _read(source: bytes) -> list[dict[str, Any]]:
    return [
        {name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for name, value in row.items()}
        for row in orjson.loads(source)
    ]


def _replace(path: Path, content: bytes) -> None:
    """Write a private file so that a reader, or a crash, finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
