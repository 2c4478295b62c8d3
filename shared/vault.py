"""Encryption of secrets and personal data at rest.

Each tenant has a ring of data keys, wrapped by the installation's secret key; new values are made with the ring's
current key, and every key of it opens what it made. Values are AES-256-GCM; what must be found again by its value has
a keyed hash beside it (a blind index), whose key is the ring's own and never changes. A stored value is: 1 byte number
of the key, 12 bytes nonce, ciphertext with tag. The context (table.column) is authenticated, so that a value moved
elsewhere does not open. How keys are changed: docs/decisions/0020-keys.md.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
MOST_KEYS = 255
"""A key's number is one byte, and 0 is none."""
_WRAPPED = "tenant.data_key"
_RING = b"\x01"
_VERSION_BYTES = 4


class VaultError(Exception):
    """A value does not open: another secret key, another tenant, another column, or damage."""


@dataclass(frozen=True)
class Ring:
    """A tenant's data keys by number; rings of one tenant have one index key, and a greater version is newer."""

    keys: Mapping[int, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)
    current: int = 1
    version: int = 0

    @classmethod
    def of(cls, key: bytes) -> "Ring":
        """The ring of a tenant whose key was never changed."""
        return cls({1: key}, hmac.digest(key, b"guanxi blind index", "sha256"))

    @classmethod
    def load(cls, raw: bytes) -> "Ring":
        """
        Raises:
            ValueError: this is no ring.
        """
        if len(raw) == KEY_BYTES:
            return cls.of(raw)
        start = 2 + _VERSION_BYTES
        index_key, rest = raw[start : start + KEY_BYTES], raw[start + KEY_BYTES :]
        entry = 1 + KEY_BYTES
        if raw[:1] != _RING or not rest or len(rest) % entry:
            raise ValueError("no ring of keys")
        keys = {rest[at]: rest[at + 1 : at + entry] for at in range(0, len(rest), entry)}
        return cls(keys, index_key, raw[1], int.from_bytes(raw[2:start]))

    def dump(self) -> bytes:
        if self.version == 0:  # as it has always been stored: whoever never changes a key can go back to older code
            return self.keys[1]
        head = _RING + bytes([self.current]) + self.version.to_bytes(_VERSION_BYTES)
        return head + self.index_key + b"".join(bytes([number]) + key for number, key in sorted(self.keys.items()))

    def with_new_key(self) -> "Ring":
        """One more key, which opens and does not make anything yet.

        Raises:
            VaultError: the ring is full.
        """
        number = max(self.keys) + 1
        if number > MOST_KEYS:
            raise VaultError(f"this corp's keys were changed {MOST_KEYS - 1} times, which is as often as can be")
        return replace(self, keys={**self.keys, number: secrets.token_bytes(KEY_BYTES)}, version=self.version + 1)

    def making_with(self, number: int) -> "Ring":
        """From now on values are made with this key."""
        return self if self.current == number else replace(self, current=number, version=self.version + 1)


class Cipher:
    """Encrypts and indexes for one tenant. A newer ring that this process comes to know takes effect at once."""

    def __init__(self, ring: Ring) -> None:
        self._ring, self._aeads = ring, _aeads(ring)

    @property
    def ring(self) -> Ring:
        return self._ring

    def adopt(self, ring: Ring) -> None:
        if ring.version > self._ring.version:
            self._aeads = {**self._aeads, **_aeads(ring)}  # first: what is made must open
            self._ring = ring

    def encrypt(self, value: bytes, context: str) -> bytes:
        number = self._ring.current
        return _sealed(self._aeads[number], number, value, context)

    def decrypt(self, stored: bytes, context: str) -> bytes:
        """
        Raises:
            VaultError: the value was not made by a key of this ring for this context.
        """
        stored = bytes(stored)
        aead = self._aeads.get(stored[0]) if stored else None
        if aead is None:
            raise VaultError(f"{context}: unknown storage format")
        return _opened(aead, stored, context)

    def index(self, kind: str, value: str) -> bytes:
        """32 bytes that are equal for equal values of one kind under this key."""
        return hmac.digest(self._ring.index_key, f"{kind}\0{value}".encode(), "sha256")


class Master:
    """The installation's secret key and, while it is being changed, the previous one, which only opens."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._aeads = [
            AESGCM(hashlib.sha256(b"guanxi master key\0" + one.encode()).digest()) for one in secret_keys if one
        ]

    def encrypt(self, value: bytes, context: str) -> bytes:
        return _sealed(self._aeads[0], 1, value, context)

    def decrypt(self, stored: bytes, context: str) -> bytes:
        """
        Raises:
            VaultError: the value was made by neither key, or not for this context.
        """
        return self._opened(bytes(stored), context)[0]

    def is_current(self, stored: bytes, context: str) -> bool:
        """Whether it opens without the previous key. VaultError: it does not open at all."""
        return self._opened(bytes(stored), context)[1] == 0

    def _opened(self, stored: bytes, context: str) -> tuple[bytes, int]:
        if stored[:1] != b"\x01":
            raise VaultError(f"{context}: unknown storage format")
        for place, aead in enumerate(self._aeads[:-1]):
            try:
                return _opened(aead, stored, context), place
            except VaultError:
                continue
        return _opened(self._aeads[-1], stored, context), len(self._aeads) - 1


class Vault:
    """Opens the rings of tenants with the installation's secret key.

    `previous`: the secret key before this one, while processes are restarted with the new one, one by one.
    """

    def __init__(self, secret_key: str, *, previous: str = "") -> None:
        self._master = Master([secret_key, previous])
        self._known: WeakValueDictionary[bytes, Cipher] = WeakValueDictionary()
        self._lock = threading.Lock()

    def new_data_key(self) -> bytes:
        """The ring of a new tenant, wrapped: what its row stores."""
        return self.wrap(Ring.of(secrets.token_bytes(KEY_BYTES)))

    def wrap(self, ring: Ring) -> bytes:
        return self._master.encrypt(ring.dump(), _WRAPPED)

    def unwrap(self, wrapped: bytes) -> Ring:
        """
        Raises:
            VaultError: wrapped by another secret key.
        """
        try:
            return Ring.load(self._master.decrypt(wrapped, _WRAPPED))
        except ValueError:
            raise VaultError(f"{_WRAPPED}: unknown storage format") from None

    def is_current(self, wrapped: bytes) -> bool:
        """Whether it opens without the previous secret key. VaultError: it does not open at all."""
        return self._master.is_current(wrapped, _WRAPPED)

    def open(self, wrapped: bytes) -> Cipher:
        """The tenant's cipher: one and the same in the whole process, so that all learn of a new key when one does.

        Raises:
            VaultError: wrapped by another secret key.
        """
        ring = self.unwrap(wrapped)
        with self._lock:
            cipher = self._known.get(ring.index_key)
            if cipher is None:
                cipher = self._known[ring.index_key] = Cipher(ring)
            cipher.adopt(ring)
        return cipher

    @property
    def local(self) -> Master:
        """For files that this installation keeps outside the database (cached receivers)."""
        return self._master


def key_number(stored: bytes) -> int:
    """The number of the key that a stored value was made with."""
    return stored[0] if stored else 0


def _aeads(ring: Ring) -> dict[int, AESGCM]:
    return {number: AESGCM(key) for number, key in ring.keys.items()}


def _sealed(aead: AESGCM, number: int, value: bytes, context: str) -> bytes:
    nonce = os.urandom(12)
    return bytes([number]) + nonce + aead.encrypt(nonce, value, context.encode())


def _opened(aead: AESGCM, stored: bytes, context: str) -> bytes:
    try:
        return aead.decrypt(stored[1:13], stored[13:], context.encode())
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise VaultError(f"{context}: made with another key, or damaged") from None


def made_secret_key(home: Path) -> str:
    """The secret key of an embedded installation: made at first use, kept in its home, readable by its owner only."""
    path = home / "secret_key"
    home.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, name = tempfile.mkstemp(prefix="secret_key.", dir=home)  # 0600
        fresh = Path(name)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # first one wins; an existing key is never replaced
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
