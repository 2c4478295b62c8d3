"""Intents as they are shown to whoever asked for them: what was wanted, how far it has come, and why it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as kept
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT
from services.intents.model import Value
from services.intents.store import opened
from shared.db.engine import Row, fetch_all
from shared.ids import ExternalUserId
from shared.tenants import Tenant

COLUMNS = (
    "id, subject_key, userid, field, desired, author, source, reason, state, refusal, pushes, created_at, sent_at, "
    "accepted_at, settled_at"
)


@dataclass(frozen=True)
class Told:
    """`refusal`: why it ended without coming true; WeCom's code and words where WeCom refused it."""

    id: int
    external_userid: str
    userid: str
    field: str
    desired: Value = kept(repr=False)
    author: str
    source: str
    reason: str | None
    state: str
    refusal: str | None
    pushes: int
    created_at: datetime
    sent_at: datetime | None
    accepted_at: datetime | None
    settled_at: datetime | None


def load_intent(connection: Connection, tenant: Tenant, intent_id: int) -> Told | None:
    """One that is about a relation; None: there is no such."""
    rows = fetch_all(
        connection,
        f"select {COLUMNS} from intent where tenant_id = :tenant_id and id = :id and subject_kind = :kind",  # noqa: S608
        tenant_id=tenant.id,
        id=intent_id,
        kind=CONTACT,
    )
    return _told(rows[0], tenant) if rows else None


def page_intents(
    connection: Connection,
    tenant: Tenant,
    external_userids: Sequence[ExternalUserId],
    *,
    before: int | None = None,
    limit: int,
) -> list[Told]:
    """Newest first; `before` is the last id of the page before."""
    rows = fetch_all(
        connection,
        f"select {COLUMNS} from intent where tenant_id = :tenant_id and subject_kind = :kind "  # noqa: S608 - constants
        "and subject_key = any(:keys) and (cast(:before as bigint) is null or id < :before) "
        "order by id desc limit :limit",
        tenant_id=tenant.id,
        kind=CONTACT,
        keys=list(external_userids),
        before=before,
        limit=limit,
    )
    return [_told(row, tenant) for row in rows]


def _told(row: Row, tenant: Tenant) -> Told:
    values = {name: row[name] for name in Told.__dataclass_fields__ if name not in ("external_userid", "desired")}
    return Told(external_userid=row["subject_key"], desired=opened(row["desired"], tenant.cipher), **values)
