"""Rows of intents. Those that are open are locked with their subject's request: one worker at a time has them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT
from services.intents.model import Intent, IntentState, Settled, Source, Value, Wish
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import ExternalUserId, TenantId, UserId
from shared.tenants import Tenant
from shared.vault import Cipher

VALUE = "intent.value"
"""Encryption context of what is wanted and what was seen: remarks are personal data."""


def record_wishes(
    connection: Connection,
    tenant: Tenant,
    external_userid: ExternalUserId,
    wishes: Mapping[Wish, Value | None],
    *,
    author: str,
    source: Source,
    reason: str | None,
    now: datetime,
) -> None:
    """Make intents of wishes; `wishes` maps each to what is recorded now, None: not known.

    A newer wish supersedes an open one for its field; what that one found or wrote counts as seen. The caller has
    marked the subject's request as due, which locks it against other wishes.
    """
    before = {(one.userid, one.field): one for one in load_open(connection, tenant, external_userid)}
    replaced = [one for wish in wishes if (one := before.get((wish.userid, wish.field))) is not None]
    why = "a newer wish took its place"
    record_settled(connection, tenant.id, [Settled(one, IntentState.SUPERSEDED, why) for one in replaced], now=now)
    rows = []
    for wish, recorded in wishes.items():
        seen = frozenset() if recorded is None else frozenset({recorded})
        older = before.get((wish.userid, wish.field))
        # What was never pushed is nothing that WeCom could show because of us.
        bases = seen | older.bases | {older.desired} if older and older.pushes else seen
        rows.append(
            {
                "userid": wish.userid,
                "field": wish.field,
                "desired": _sealed(wish.desired, tenant.cipher),
                "bases": [_sealed(one, tenant.cipher) for one in bases],
            }
        )
    run(
        connection,
        "insert into intent (tenant_id, subject_kind, subject_key, userid, field, desired, bases, author, source, "
        "reason, state, created_at) select :tenant_id, :kind, :key, userid, field, desired, bases, :author, :source, "
        ":reason, 'pending', :now from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as r(userid text, field text, desired jsonb, bases jsonb)",
        tenant_id=tenant.id,
        kind=CONTACT,
        key=external_userid,
        author=author,
        source=source.value,
        reason=reason,
        now=now,
        rows=as_json(rows),
    )


def _sealed(value: Value, cipher: Cipher) -> Value:
    return cipher.encrypt(value.encode(), VALUE).hex() if isinstance(value, str) else value


def opened(stored: Value, cipher: Cipher) -> Value:
    """A value as it was wanted or seen."""
    return cipher.decrypt(bytes.fromhex(stored), VALUE).decode() if isinstance(stored, str) else stored


def load_open(connection: Connection, tenant: Tenant, external_userid: ExternalUserId) -> list[Intent]:
    """The open intents of a contact, oldest first."""
    rows = fetch_all(
        connection,
        "select * from intent where tenant_id = :tenant_id and subject_kind = :kind and subject_key = :key "
        "and state in ('pending', 'sent') order by id",
        tenant_id=tenant.id,
        kind=CONTACT,
        key=external_userid,
    )
    return [_intent(row, tenant.cipher) for row in rows]


def _intent(row: Row, cipher: Cipher) -> Intent:
    return Intent(
        id=row["id"],
        userid=UserId(row["userid"]),
        field=row["field"],
        desired=opened(row["desired"], cipher),
        bases=frozenset(opened(one, cipher) for one in row["bases"]),
        created_at=row["created_at"],
        pushes=row["pushes"],
        accepted_at=row["accepted_at"],
    )


def begin_push(connection: Connection, tenant_id: TenantId, intents: Sequence[Intent], *, now: datetime) -> set[int]:
    """To be committed before the call: from here on WeCom may have taken it. The ids of those that are still open, and
    none while the tenant is observed only.
    """
    rows = fetch_all(
        connection,
        "update intent set state = 'sent', sent_at = :now, pushes = pushes + 1, accepted_at = null "
        "where tenant_id = :tenant_id and id = any(:ids) and state in ('pending', 'sent') "
        "and exists (select from tenant t where t.id = :tenant_id and t.pushes) returning id",
        tenant_id=tenant_id,
        ids=[one.id for one in intents],
        now=now,
    )
    return {row["id"] for row in rows}


def record_unsent(connection: Connection, tenant_id: TenantId, ids: Sequence[int]) -> None:
    """The call was certainly not taken: it does not count."""
    run(
        connection,
        "update intent set pushes = greatest(pushes - 1, 0) where tenant_id = :tenant_id and id = any(:ids)",
        tenant_id=tenant_id,
        ids=list(ids),
    )


def record_accepted(connection: Connection, tenant_id: TenantId, ids: Sequence[int], *, at: datetime) -> None:
    run(
        connection,
        "update intent set accepted_at = :at where tenant_id = :tenant_id and id = any(:ids) and state = 'sent'",
        tenant_id=tenant_id,
        ids=list(ids),
        at=at,
    )


def record_settled(
    connection: Connection, tenant_id: TenantId, settled: Sequence[Settled], *, now: datetime
) -> list[Settled]:
    """End intents; those that were still open. A newer wish may have ended some meanwhile."""
    if not settled:
        return []
    rows = fetch_all(
        connection,
        "update intent i set state = r.state, refusal = nullif(r.why, ''), settled_at = :now "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, state text, why text) "
        "where i.tenant_id = :tenant_id and i.id = r.id and i.state in ('pending', 'sent') returning i.id",
        tenant_id=tenant_id,
        now=now,
        rows=as_json([{"id": one.intent.id, "state": one.state.value, "why": one.why} for one in settled]),
    )
    ended = {row["id"] for row in rows}
    return [one for one in settled if one.intent.id in ended]


def list_intents(
    connection: Connection, tenant_id: TenantId, *, states: Sequence[IntentState], limit: int
) -> Sequence[Row]:
    """The newest intents in these states, without the values: they may be remarks."""
    return fetch_all(
        connection,
        "select id, subject_key, userid, field, author, source, reason, state, refusal, pushes, created_at, settled_at "
        "from intent where tenant_id = :tenant_id and state = any(:states) order by id desc limit :limit",
        tenant_id=tenant_id,
        states=[one.value for one in states],
        limit=limit,
    )


def count_open(connection: Connection, tenant_id: TenantId) -> int:
    row = fetch_one(
        connection,
        "select count(*) as n from intent where tenant_id = :tenant_id and state in ('pending', 'sent')",
        tenant_id=tenant_id,
    )
    return int(row["n"]) if row else 0


def contacts_with_open(connection: Connection, tenant_id: TenantId) -> list[ExternalUserId]:
    rows = fetch_all(
        connection,
        "select distinct subject_key as id from intent where tenant_id = :tenant_id and subject_kind = :kind "
        "and state in ('pending', 'sent')",
        tenant_id=tenant_id,
        kind=CONTACT,
    )
    return [ExternalUserId(row["id"]) for row in rows]
