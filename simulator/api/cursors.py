"""Opaque paging cursors, sealed to the app, the endpoint and the filter they were made for."""

import base64
import hashlib
import hmac
import secrets

import orjson

from simulator.errors import ApiError

_KEY = secrets.token_bytes(16)
_MAC = 12


def _mac(payload: bytes, bound_to: str) -> bytes:
    return hashlib.blake2b(payload + b"|" + bound_to.encode(), key=_KEY, digest_size=_MAC).digest()


def seal(position: list[str | int], *, bound_to: str) -> str:
    payload = orjson.dumps(position)
    return base64.urlsafe_b64encode(_mac(payload, bound_to) + payload).decode().rstrip("=")


def unseal(cursor: str, *, bound_to: str) -> list[str | int]:
    """The position; ApiError 50100 when the cursor is garbled or was made for something else."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise ApiError(50100) from None
    mac, payload = raw[:_MAC], raw[_MAC:]
    if not hmac.compare_digest(mac, _mac(payload, bound_to)):
        raise ApiError(50100)
    position: list[str | int] = orjson.loads(payload)
    return position
