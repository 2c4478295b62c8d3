"""Whom the rows of messages name: what was sent keeps the userids that it was sent to, people have others by now."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from shared.db.engine import fetch_all
from shared.ids import OutboxId, TenantId, UserId
from shared.userids import current_userid

CARRIER = "left join outbox c on c.tenant_id = o.tenant_id and c.id = coalesce(o.folded_into, o.id)"
"""The row whose message tells of `o`, which says since when the names of both stand."""


def called_now(column: str) -> str:
    """SQL: the userid that the member in this column of `o` has by now; beside `CARRIER`.

    A renaming changes rows until their message may have been sent. A userid that somebody else was given since then
    was its first member's at that time (ASG-11).
    """
    return current_userid(column, at="coalesce(c.first_unknown_at, c.settled_at)", tenant_id="o.tenant_id")


@dataclass(frozen=True)
class Called:
    """`about`: whose matter it is, where somebody else is told of it."""

    recipient: UserId
    about: UserId | None


def load_called(connection: Connection, tenant_id: TenantId, ids: Sequence[OutboxId]) -> dict[OutboxId, Called]:
    """Recipients, and those whom it is about, by the userids that they have now."""
    rows = fetch_all(
        connection,
        f"select o.id, {called_now('o.recipient')} as recipient, {called_now('o.about')} as about "  # noqa: S608
        f"from outbox o {CARRIER} where o.tenant_id = :tenant_id and o.id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(ids),
    )
    return {
        OutboxId(row["id"]): Called(UserId(row["recipient"]), None if row["about"] is None else UserId(row["about"]))
        for row in rows
    }
