"""Bodies on their way into the inbox, and a way to store them as the gateway does."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from shared.ids import ReceiverId, TenantId
from shared.inbox import STORE, Arrival, columns_of, digest_of

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def arrival(plaintext: bytes = b"<xml/>", *, receiver: int = 1, tenant: int = 1, at: datetime | None = NOON) -> Arrival:
    return Arrival(ReceiverId(receiver), TenantId(tenant), digest_of(plaintext), plaintext, at, NOON)


def store(target: Connection | Engine, arrivals: Sequence[Arrival]) -> int:
    """The number of rows added; an engine commits."""
    if isinstance(target, Engine):
        with target.begin() as connection:
            return store(connection, arrivals)
    raw = target.connection.dbapi_connection
    assert raw is not None
    return int(raw.cursor().execute(STORE, columns_of(arrivals)).rowcount)
