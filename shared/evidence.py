"""Evidence: what an event says and no read can tell, one row per event and kind, at the event's own time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from shared.db.engine import as_json, run
from shared.ids import InboxId
from shared.requests import Subject


@dataclass(frozen=True)
class EvidenceRow:
    """`fingerprint` is the digest of the event's body: one event heard through two apps is one piece of evidence.

    Without an inbox row it is what WeCom said when it was asked (the outcome of a handover).
    """

    subject: Subject
    userid: str | None
    kind: str
    occurred_at: datetime
    details: Mapping[str, object]
    fingerprint: bytes
    inbox_day: date | None = None
    inbox_id: InboxId | None = None


def record_evidence(connection: Connection, rows: Sequence[EvidenceRow], *, now: datetime) -> int:
    """The number of rows added; evidence that is there already is left alone."""
    if not rows:
        return 0
    ordered = sorted(rows, key=lambda r: (r.subject, r.kind, r.fingerprint))
    return run(
        connection,
        "insert into evidence (tenant_id, subject_kind, subject_key, kind, fingerprint, userid, occurred_at, details, "
        "inbox_day, inbox_id, recorded_at) select tenant_id, subject_kind, subject_key, kind, fingerprint, userid, "
        "occurred_at, details, inbox_day, inbox_id, :now from jsonb_to_recordset(cast(:rows as jsonb)) as r("
        "tenant_id int, subject_kind text, subject_key text, kind text, fingerprint bytea, userid text, "
        "occurred_at timestamptz, details jsonb, inbox_day date, inbox_id bigint) "
        "on conflict (tenant_id, subject_kind, subject_key, kind, fingerprint) do nothing",
        now=now,
        rows=as_json(
            [
                {
                    "tenant_id": row.subject.tenant_id,
                    "subject_kind": row.subject.kind,
                    "subject_key": row.subject.key,
                    "kind": row.kind,
                    "fingerprint": row.fingerprint,
                    "userid": row.userid,
                    "occurred_at": row.occurred_at,
                    "details": row.details,
                    "inbox_day": row.inbox_day,
                    "inbox_id": row.inbox_id,
                }
                for row in ordered
            ]
        ),
    )
