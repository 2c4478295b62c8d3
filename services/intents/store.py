"""Rows of intents. Those that are open are locked with their subject's request: one worker at a time has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.intents.model import NOBODY, Intent, IntentState, Settled, Source, Value, Wish, compared
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId
from shared.requests import Subject
from shared.tenants import Tenant
from shared.vault import Cipher

VALUE = "intent.value"
"""Encryption context of what is wanted and what was seen: remarks are personal data."""

NEWER = "a newer wish took its place"
NOTHING_MADE: Mapping[int, str] = {}


@dataclass(frozen=True)
class Asked:
    """A wish for a field of one subject. `recorded`: what stands here now; empty: not known."""

    subject: Subject
    wish: Wish
    recorded: frozenset[Value]

    @property
    def place(self) -> tuple[str, UserId, str]:
        return self.subject.key, self.wish.userid, self.wish.field


def record_wishes(
    connection: Connection,
    tenant: Tenant,
    wishes: Sequence[Asked],
    *,
    author: str,
    source: Source,
    reason: str | None,
    now: datetime,
    job_id: int | None = None,
) -> list[tuple[Subject, Settled]]:
    """Make intents of wishes for any number of subjects of one kind, each field once; those that ended because of it.

    A newer wish supersedes an open one for its field; what that one found or wrote counts as seen. The caller holds the
    locks of the subjects (`requests.lock`), or has marked their requests as due.
    """
    if not wishes:
        return []
    (kind,) = {one.subject.kind for one in wishes}
    open_ = load_open_of(connection, tenant, kind, sorted({one.subject.key for one in wishes}))
    before = {(key, intent.userid, intent.field): intent for key, intents in open_.items() for intent in intents}
    older = [before.get(one.place) for one in wishes]
    replaced = {
        one.id: (asked.subject, Settled(one, IntentState.SUPERSEDED, NEWER))
        for asked, one in zip(wishes, older, strict=True)
        if one is not None
    }
    ended = record_settled(connection, tenant.id, [settled for _, settled in replaced.values()], now=now)
    run(
        connection,
        "insert into intent (tenant_id, subject_kind, subject_key, userid, field, desired, bases, author, source, "
        "reason, state, created_at, job_id) select :tenant_id, :kind, key, userid, field, desired, bases, :author, "
        ":source, :reason, 'pending', :now, :job_id from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as r(key text, userid text, field text, desired jsonb, bases jsonb)",
        tenant_id=tenant.id,
        kind=kind,
        author=author,
        source=source.value,
        reason=reason,
        now=now,
        job_id=job_id,
        rows=as_json([_row(one, before, tenant.cipher) for one, before in zip(wishes, older, strict=True)]),
    )
    return [replaced[one.intent.id] for one in ended]


def _row(asked: Asked, older: Intent | None, cipher: Cipher) -> dict[str, object]:
    seen = asked.recorded
    # What was never pushed is nothing that WeCom could show because of us.
    bases = seen | older.bases | {compared(older.desired)} if older and older.pushes else seen
    return {
        "key": asked.subject.key,
        "userid": asked.wish.userid or None,
        "field": asked.wish.field,
        "desired": _sealed(asked.wish.desired, cipher),
        "bases": [_sealed(one, cipher) for one in bases],
    }


def _sealed(value: Value, cipher: Cipher) -> object:
    if isinstance(value, tuple):
        return {"list": cipher.encrypt(orjson.dumps(value), VALUE).hex()}
    return cipher.encrypt(value.encode(), VALUE).hex() if isinstance(value, str) else value


def opened(stored: Any, cipher: Cipher) -> Value:
    """A value as it was wanted or seen."""
    if isinstance(stored, dict):
        return tuple(orjson.loads(cipher.decrypt(bytes.fromhex(stored["list"]), VALUE)))
    value: Value = cipher.decrypt(bytes.fromhex(stored), VALUE).decode() if isinstance(stored, str) else stored
    return value


def load_open(connection: Connection, tenant: Tenant, subject: Subject) -> list[Intent]:
    """The open intents of a contact or of the catalogue, oldest first."""
    return load_open_of(connection, tenant, subject.kind, [subject.key]).get(subject.key, [])


def load_open_of(
    connection: Connection, tenant: Tenant, kind: str, keys: Sequence[str], *, job_id: int | None = None
) -> dict[str, list[Intent]]:
    """The open intents of subjects that have any, oldest first; with `job_id`, only those of that job."""
    rows = fetch_all(
        connection,
        "select i.*, coalesce(j.state = 'cancelled', false) as withdrawn from intent i left join bulk_job j "
        "on j.tenant_id = i.tenant_id and j.id = i.job_id where i.tenant_id = :tenant_id and i.subject_kind = :kind "
        "and i.subject_key = any(:keys) and i.state in ('pending', 'sent') "
        "and (cast(:job_id as bigint) is null or i.job_id = :job_id) order by i.id",
        tenant_id=tenant.id,
        kind=kind,
        keys=list(keys),
        job_id=job_id,
    )
    found: dict[str, list[Intent]] = {}
    for row in rows:
        found.setdefault(row["subject_key"], []).append(_intent(row, tenant.cipher))
    return found


def _intent(row: Row, cipher: Cipher) -> Intent:
    return Intent(
        id=row["id"],
        userid=UserId(row["userid"]) if row["userid"] else NOBODY,
        field=row["field"],
        desired=opened(row["desired"], cipher),
        bases=frozenset(opened(one, cipher) for one in row["bases"]),
        created_at=row["created_at"],
        pushes=row["pushes"],
        accepted_at=row["accepted_at"],
        made_id=row["made_id"] or "",
        source=Source(row["source"]),
        author=row["author"],
        withdrawn=row["withdrawn"],
    )


def begin_push(connection: Connection, tenant_id: TenantId, intents: Sequence[Intent], *, now: datetime) -> set[int]:
    """To be committed before the call: from here on WeCom may have taken it. The ids of those that are still open, but
    none of a job that stands still, and none while the tenant is observed only.
    """
    rows = fetch_all(
        connection,
        "update intent i set state = 'sent', sent_at = :now, pushes = pushes + 1, accepted_at = null "
        "where tenant_id = :tenant_id and id = any(:ids) and state in ('pending', 'sent') "
        "and not exists (select from bulk_job j where j.tenant_id = i.tenant_id and j.id = i.job_id "
        "and j.state <> 'running') "
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


def record_accepted(
    connection: Connection,
    tenant_id: TenantId,
    ids: Sequence[int],
    *,
    at: datetime,
    made: Mapping[int, str] = NOTHING_MADE,
) -> None:
    """`made`: id of an intent -> what the answer called the thing that it made."""
    run(
        connection,
        "update intent i set accepted_at = :at, made_id = coalesce(r.made_id, i.made_id) "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, made_id text) "
        "where i.tenant_id = :tenant_id and i.id = r.id and i.state = 'sent'",
        tenant_id=tenant_id,
        rows=as_json([{"id": one, "made_id": made.get(one)} for one in ids]),
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
        "update intent i set state = r.state, refusal = nullif(r.why, ''), settled_at = :now, "
        "made_id = coalesce(nullif(r.made_id, ''), i.made_id) "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, state text, why text, made_id text) "
        "where i.tenant_id = :tenant_id and i.id = r.id and i.state in ('pending', 'sent') returning i.id",
        tenant_id=tenant_id,
        now=now,
        rows=as_json(
            [{"id": one.intent.id, "state": one.state.value, "why": one.why, "made_id": one.made_id} for one in settled]
        ),
    )
    ended = {row["id"] for row in rows}
    return [one for one in settled if one.intent.id in ended]


def list_intents(
    connection: Connection,
    tenant_id: TenantId,
    *,
    states: Sequence[IntentState],
    limit: int,
    subject: tuple[str, str] | None = None,
) -> Sequence[Row]:
    """The newest intents in these states, without the values: they may be remarks. `subject`: only of (kind, key)."""
    kind, key = subject or (None, None)
    return fetch_all(
        connection,
        "select id, subject_kind, subject_key, userid, field, author, source, reason, state, refusal, pushes, made_id, "
        "created_at, settled_at "
        "from intent where tenant_id = :tenant_id and state = any(:states) "
        "and (cast(:kind as text) is null or (subject_kind, subject_key) = (:kind, :key)) "
        "order by id desc limit :limit",
        tenant_id=tenant_id,
        kind=kind,
        key=key,
        states=[one.value for one in states],
        limit=limit,
    )


def count_open(connection: Connection, tenant_id: TenantId, *, subject: tuple[str, str] | None = None) -> int:
    """`subject`: only of (kind, key)."""
    kind, key = subject or (None, None)
    row = fetch_one(
        connection,
        "select count(*) as n from intent where tenant_id = :tenant_id and state in ('pending', 'sent') "
        "and (cast(:kind as text) is null or (subject_kind, subject_key) = (:kind, :key))",
        tenant_id=tenant_id,
        kind=kind,
        key=key,
    )
    return int(row["n"]) if row else 0


def subjects_with_open(connection: Connection, tenant_id: TenantId) -> list[Subject]:
    rows = fetch_all(
        connection,
        "select distinct subject_kind, subject_key from intent where tenant_id = :tenant_id "
        "and state in ('pending', 'sent')",
        tenant_id=tenant_id,
    )
    return [Subject(tenant_id, row["subject_kind"], row["subject_key"]) for row in rows]


def subjects_wanting(connection: Connection, tenant_id: TenantId, fields: Sequence[str]) -> list[Subject]:
    """Those of which one of these fields is wanted."""
    rows = fetch_all(
        connection,
        "select distinct subject_kind, subject_key from intent where tenant_id = :tenant_id "
        "and state in ('pending', 'sent') and field = any(:fields)",
        tenant_id=tenant_id,
        fields=list(fields),
    )
    return [Subject(tenant_id, row["subject_kind"], row["subject_key"]) for row in rows]
