"""The receiving end: verify, decrypt, store, answer. Knows nothing of the domain.

A bare callable of the server's own interface (RSGI), without a web framework: requests that wait for the shared commit
cost an awaiting coroutine, not a thread each. Why: docs/decisions/0005-gateway.md.
"""

import asyncio
from http import HTTPStatus
from typing import Final

# These are public names of that module, only not re-exported in the way the type checker asks for.
from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError, Scope  # type: ignore[attr-defined]

from callback_gateway import metrics
from callback_gateway.commit import Committer, NotStoredError
from callback_gateway.crypto import SIGNATURE, RefusedError, refused_message
from callback_gateway.envelope import open_push, open_verification
from callback_gateway.receivers import Address, Directory
from shared.body import BodyError, read_body
from shared.clock import Clock
from shared.inbox import BODY, Arrival, digest_of, usable_time
from shared.urgent import is_urgent

PREFIX = "/callback/"
READ_TIMEOUT_S = 5.0
"""The platform itself gives up after five seconds."""
READERS_MAX = 512
"""Requests whose bodies are being read; fewer than connections, so that silent ones cannot take every one of them."""
TEXT: Final = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]


class Ingest:
    """GET|POST /callback/{corp_id}/{receiver}"""

    def __init__(self, directory: Directory, committer: Committer, clock: Clock, *, max_body_bytes: int) -> None:
        self._directory, self._committer, self._clock = directory, committer, clock
        self._max_body_bytes = max_body_bytes
        self._readers = 0

    async def __call__(self, scope: Scope, proto: HTTPProtocol) -> None:
        headers = TEXT
        try:
            status, answer = 200, await self._answer(scope, proto)
        except RefusedError as error:
            metrics.refused.labels(error.reason).inc()
            status, answer = error.status, f"{error.text}\n".encode()
            if status == HTTPStatus.METHOD_NOT_ALLOWED:
                headers = [*TEXT, ("allow", "GET, POST")]
        except NotStoredError as error:
            metrics.unavailable.labels(error.reason).inc()
            status, answer = 503, b"not stored, send again\n"
        proto.response_bytes(status, headers, answer)

    async def _answer(self, scope: Scope, proto: HTTPProtocol) -> bytes:
        corp_id, name = _names_in(scope.path)
        address = await self._find(corp_id, name)
        if scope.method not in ("GET", "POST"):
            raise RefusedError("method", status=405, text="only GET and POST are answered")
        body = await self._read(scope, proto) if scope.method == "POST" else None
        try:
            found = self._open(address, scope.query_string, body)
        except RefusedError as error:
            # The Token may have been changed a moment ago.
            if error.reason != SIGNATURE or not await self._directory.refreshed():
                raise
            address = await self._find(corp_id, name)
            found = self._open(address, scope.query_string, body)
        if isinstance(found, bytes):
            metrics.verified.inc()
            return found
        await self._committer.store(found)
        return address.answer

    def _open(self, address: Address, query: str, body: bytes | None) -> bytes | Arrival:
        """The echo that answers a verification (no body), or the authentic event of a push."""
        if body is None:
            return open_verification(address.rules, query)
        plaintext = open_push(address.rules, query, body)
        created, urgent = _read(plaintext, is_authentic=address.rules.is_body_signed)
        return Arrival(
            receiver_id=address.receiver_id,
            tenant_id=address.tenant_id,
            digest=digest_of(plaintext),
            body=address.cipher.encrypt(plaintext, BODY),
            occurred_at=usable_time(created),
            received_at=self._clock.now(),
            is_urgent=urgent,
        )

    async def _find(self, corp_id: str, name: str) -> Address:
        address = self._directory.find(corp_id, name)
        if address is None and await self._directory.refreshed():
            address = self._directory.find(corp_id, name)
        if address is None:
            if not self._directory.loaded:
                raise NotStoredError("not_ready")
            raise RefusedError("address", status=404, text="no receiver has this address")
        return address

    async def _read(self, scope: Scope, proto: HTTPProtocol) -> bytes:
        if self._readers >= READERS_MAX:
            raise NotStoredError("overloaded")
        self._readers += 1
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._read_all(scope, proto)
        except (ProtocolClosed, ProtocolError, OSError, TimeoutError):
            raise RefusedError("incomplete", status=400, text="the body is incomplete") from None
        finally:
            self._readers -= 1

    async def _read_all(self, scope: Scope, proto: HTTPProtocol) -> bytes:
        too_large = RefusedError("size", status=413, text="the body is too large")
        declared = scope.headers.get("content-length")
        if declared is not None:
            if not declared.isdecimal() or int(declared) > self._max_body_bytes:
                raise too_large
            return await proto()
        body = bytearray()
        async for chunk in proto:
            body += chunk
            if len(body) > self._max_body_bytes:
                raise too_large
        return bytes(body)


def _names_in(path: str) -> tuple[str, str]:
    parts = path[len(PREFIX) :].split("/")
    if len(parts) != 2:
        raise RefusedError("address", status=404, text="no receiver has this address")
    return parts[0], parts[1]


def _read(plaintext: bytes, *, is_authentic: bool) -> tuple[str | None, bool]:
    """What the body says about its time, and whether something of it must be done at once. An authentic body that
    cannot be read is stored all the same: routing marks it as failed, and it can be read again once we know how.

    Raises:
        RefusedError: nobody vouches for the body, and it is not readable either.
    """
    try:
        body = read_body(plaintext)
    except BodyError as error:
        if not is_authentic:
            raise refused_message(f"the message: {error}") from None
        metrics.unreadable.inc()
        return None, False
    return body.created, is_urgent(body)
