"""The log of deliveries: what was to be told to whom, every try, and trying again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from shared.audit import Change
from shared.db.engine import Row, fetch_all, fetch_one
from shared.dead import retry_message
from shared.errors import TerminalError
from shared.ids import OutboxId, TenantId
from shared.outbox import BODY, CARD_UPDATE, WEBHOOK
from shared.tenants import Tenant
from shared.vault import VaultError

RETRIED = frozenset({"dead", "refused", "expired", "in_doubt"})


class NoNotificationError(TerminalError):
    """There is no such notification."""


class RetryRefusedError(TerminalError):
    """It cannot be sent again; the text says why."""


@dataclass(frozen=True)
class Sought:
    """All that are named must hold; `since` and `until` are times of when it came about."""

    state: str | None = None
    notice: str | None = None
    recipient: str | None = None
    since: datetime | None = None
    until: datetime | None = None


COLUMNS = (
    "o.id, o.notice, o.recipient, o.about, o.state, o.folded_into, o.folds, o.attempts, o.created_at, "
    "coalesce(o.first_fair_at, o.created_at) as fair_at, o.next_try_at, o.expires_at, o.settled_at, "
    "o.first_unknown_at as in_doubt_since, o.recall, o.last_error, o.fact_id, f.type as fact_type, "
    "coalesce(c.state, o.state) as outcome"
)
"""`outcome`: of what is told by another one's message, what became of that."""
FROM = (
    "from outbox o left join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id "
    "left join outbox c on c.tenant_id = o.tenant_id and c.id = o.folded_into "
    "where o.tenant_id = :tenant_id and o.channel <> all(:others)"
)
OTHERS = [WEBHOOK, CARD_UPDATE]
"""Channels of what is no notification."""
BEFORE_BY_TIME = (
    "(o.created_at, o.id) < (select b.created_at, b.id from outbox b where b.tenant_id = :tenant_id and b.id = :before)"
)


def list_notifications(
    connection: Connection, tenant_id: TenantId, sought: Sought, *, before: int | None, limit: int
) -> Sequence[Row]:
    """Newest first. By a time they are read in the order of times, else in that of ids: each over an index."""
    timed = sought.since is not None or sought.until is not None
    asked = {
        "o.state = :state": sought.state,
        "o.notice = :notice": sought.notice,
        "o.recipient = :recipient": sought.recipient,
        "o.created_at >= :since": sought.since,
        "o.created_at < :until": sought.until,
        BEFORE_BY_TIME if timed else "o.id < :before": before,
    }
    order = "o.created_at desc, o.id desc" if timed else "o.id desc"
    where = "".join(f" and {condition}" for condition, value in asked.items() if value is not None)
    return fetch_all(
        connection,
        f"select {COLUMNS} {FROM}{where} order by {order} limit :limit",
        tenant_id=tenant_id,
        others=OTHERS,
        before=before,
        limit=limit,
        **vars(sought),
    )


def load_notification(connection: Connection, tenant_id: TenantId, id_: OutboxId) -> Row:
    """
    Raises:
        NoNotificationError: there is none, or it is no notification.
    """
    row = fetch_one(connection, f"select {COLUMNS} {FROM} and o.id = :id", tenant_id=tenant_id, others=OTHERS, id=id_)
    if row is None:
        raise NoNotificationError("there is no such notification")
    return row


def load_tries(connection: Connection, tenant_id: TenantId, id_: OutboxId) -> Sequence[Row]:
    """In their order: number, started_at, finished_at, outcome, code, detail."""
    return fetch_all(
        connection,
        "select number, started_at, finished_at, outcome, code, detail from attempt "
        "where tenant_id = :tenant_id and parent_kind = 'outbox' and parent_id = :id order by number",
        tenant_id=tenant_id,
        id=id_,
    )


def load_message(connection: Connection, tenant: Tenant, id_: OutboxId) -> dict[str, Any] | None:
    """What its message, or that of its carrier, says: the payload as WeCom got it; None: not rendered yet."""
    row = fetch_one(
        connection,
        "select coalesce(c.body, o.body) as body from outbox o left join outbox c on c.tenant_id = o.tenant_id "
        "and c.id = o.folded_into where o.tenant_id = :tenant_id and o.id = :id",
        tenant_id=tenant.id,
        id=id_,
    )
    if row is None or row["body"] is None:
        return None
    try:
        sent = orjson.loads(tenant.cipher.decrypt(row["body"], BODY))
    except VaultError:
        return None
    if isinstance(sent, str):  # a robot's words
        return {"content": sent}
    payload: dict[str, Any] = sent.get(sent["msgtype"], {})
    return payload


def retry(
    connection: Connection, tenant_id: TenantId, id_: OutboxId, *, accept_duplicate: bool, now: datetime
) -> Change:
    """Send it again, with the same bytes where it has any.

    Raises:
        NoNotificationError: there is none.
        RetryRefusedError: it waits, was sent, withdrawn, or is told by another one's message; or it may have arrived,
            and nobody said that it may arrive twice.
    """
    row = load_notification(connection, tenant_id, id_)
    if row["state"] == "folded":
        raise RetryRefusedError(f"it is told by the message of notification {row['folded_into']}: send that one again")
    if row["state"] not in RETRIED:
        raise RetryRefusedError(f"it is {row['state']}: only what is dead, refused, expired or in doubt is sent again")
    if row["state"] == "in_doubt" and not accept_duplicate:
        raise RetryRefusedError("it may have arrived: send it again with accept_duplicate, if it may arrive twice")
    if not retry_message(connection, tenant_id, id_, now=now):
        raise RetryRefusedError("somebody has just sent it again")
    before = {"state": row["state"], "attempts": row["attempts"]}
    return Change("notification.retried", "notification", str(id_), before, {"accept_duplicate": accept_duplicate})
