"""The callback addresses this process answers, in memory.

Read from the database every few seconds. An encrypted copy on the disk lets a gateway that starts while the database
is away verify and spool all the same.
"""

import asyncio
import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog
from prometheus_client import Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from callback_gateway import metrics
from callback_gateway.crypto import make_key
from callback_gateway.envelope import Rules
from shared.clock import monotonic
from shared.ids import ReceiverId, TenantId
from shared.tenants import Receiver, load_receiver_rows, open_receiver
from shared.vault import Cipher, Vault, VaultError

REFRESH_S = 5.0
ASKED_REFRESH_S = 1.0
"""An unknown address or Token reads the database again, for all callers together this often at most."""
ASKED_WAIT_S = 2.0
"""How long a request waits for that; the platform gives a verification one second, an event five."""
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
        ),
        answer=ANSWERS.get(receiver.kind, b""),
        cipher=receiver.cipher,
    )


class Directory:
    """Finds addresses by (corp, name). Reading is lock-free: a refresh swaps the whole mapping."""

    def __init__(self, engine: Engine, vault: Vault, snapshot: Path) -> None:
        self._engine, self._vault, self._snapshot = engine, vault, snapshot
        self._addresses: dict[tuple[str, str], Address] | None = None
        self._source: bytes = b""
        self._refreshed_at = float("-inf")
        self._read_at = float("-inf")
        self._asked = threading.Event()
        self._guard = threading.Lock()  # protects the two below
        self._running: Future[bool] | None = None
        self._began_at = float("-inf")

    @property
    def loaded(self) -> bool:
        """Whether the addresses were ever read, from the database or from the disk."""
        return self._addresses is not None

    def find(self, corp_id: str, name: str) -> Address | None:
        return (self._addresses or {}).get((corp_id, name))

    @property
    def age_s(self) -> float:
        """Since when the database has not been read, in seconds; infinite before the first time."""
        return monotonic() - self._read_at

    def start(self) -> None:
        """Read once, then again every few seconds from a thread of its own."""
        if not self._refresh_safely():
            self._load_snapshot()
        metrics.receivers_age.set_function(lambda: self.age_s)
        threading.Thread(target=self._refresh_forever, name="receivers", daemon=True).start()

    async def refreshed(self) -> bool:
        """Ask for another reading, or wait for the one in progress; whether one succeeded in time.

        False at once when the last one was a moment ago: strangers must not make the database busy.
        """
        with self._guard:
            shared = self._running
            if shared is None:
                if monotonic() - self._refreshed_at < ASKED_REFRESH_S:
                    return False
                shared = self._begin()
                self._asked.set()
            elif monotonic() - self._began_at > ASKED_WAIT_S:
                return False  # the database hangs
            running = asyncio.wrap_future(shared)
        done, _ = await asyncio.wait([running], timeout=ASKED_WAIT_S)
        return bool(done) and running.result()

    def refresh(self) -> bool:
        """Whether the database answered."""
        try:
            with self._engine.connect() as connection:
                rows = load_receiver_rows(connection)
        except SQLAlchemyError:
            return False
        self._take(_written(rows), rows)
        self._read_at = monotonic()
        return True

    def _begin(self) -> Future[bool]:
        running: Future[bool] = Future()
        self._running, self._began_at = running, monotonic()
        return running

    def _refresh_forever(self) -> None:
        while True:
            self._asked.wait(REFRESH_S if self.loaded else ASKED_REFRESH_S)
            self._asked.clear()
            with self._guard:
                running = self._running or self._begin()
            done = self._refresh_safely()
            with self._guard:
                self._running, self._refreshed_at = None, monotonic()
            running.set_result(done)

    def _refresh_safely(self) -> bool:
        try:
            return self.refresh()
        except Exception as error:  # without this thread no new key is ever noticed: it must outlive any bug
            log.error("receivers.failed", error=type(error).__name__)
            return False

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
        for row in rows:
            try:
                address = address_of(open_receiver(row, self._vault))
                place = (row["corp_id"], row["name"])
            except (VaultError, ValueError, KeyError, TypeError) as error:
                # One that was stored with another secret key, or damaged, must not keep the others from changing.
                log.error("receivers.unreadable", receiver_id=row.get("id"), error=type(error).__name__)
                continue
            if place in addresses:
                # Two subjects of one corp chose one name; the older one keeps its address.
                log.error("receivers.address_taken", receiver_id=address.receiver_id)
            addresses.setdefault(place, address)
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
