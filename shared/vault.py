"""Encryption of secrets and personal data at rest.

Each tenant has a data key, wrapped by the installation's secret key. Values are AES-256-GCM; what must be found
again by its value has a keyed hash beside it (a blind index). A stored value is: 1 byte format, 12 bytes nonce,
ciphertext with tag. The context (table.column) is authenticated, so that a value moved elsewhere does not open.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = b"\x01"


class VaultError(Exception):
    """A value does not open: another secret key, another tenant, another column, or damage."""


class Cipher:
    """Encrypts and indexes with one 32-byte key."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._index_key = hmac.digest(key, b"guanxi blind index", "sha256")

    def encrypt(self, value: bytes, context: str) -> bytes:
        nonce = os.urandom(12)
        return _FORMAT + nonce + self._aead.encrypt(nonce, value, context.encode())

    def decrypt(self, stored: bytes, context: str) -> bytes:
        """
        Raises:
            VaultError: the value was not made by this key for this context.
        """
        stored = bytes(stored)
        if stored[:1] != _FORMAT:
            raise VaultError(f"{context}: unknown storage format")
        try:
            return self._aead.decrypt(stored[1:13], stored[13:], context.encode())
        except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
            raise VaultError(f"{context}: made with another key, or damaged") from None

    def index(self, kind: str, value: str) -> bytes:
        """32 bytes that are equal for equal values of one kind under this key."""
        return hmac.digest(self._index_key, f"{kind}\0{value}".encode(), "sha256")


class Vault:
    """Opens the data keys of tenants with the installation's secret key."""

    def __init__(self, secret_key: str) -> None:
        self._master = Cipher(hashlib.sha256(b"guanxi master key\0" + secret_key.encode()).digest())

    def new_data_key(self) -> bytes:
        """A fresh data key, wrapped: what the tenant's row stores."""
        return self._master.encrypt(secrets.token_bytes(32), "tenant.data_key")

    def open(self, wrapped: bytes) -> Cipher:
        """
        Raises:
            VaultError: wrapped by another secret key.
        """
        return Cipher(self._master.decrypt(wrapped, "tenant.data_key"))

    @property
    def local(self) -> Cipher:
        """For files that this installation keeps outside the database (spool, cached receivers)."""
        return self._master


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
