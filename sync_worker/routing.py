"""From the inbox to requests: finds what each new body is about. No I/O but the database; one commit per batch.

Evidence, the request's new generation and the inbox row's state are one commit. What is unknown stays in the inbox as
`unrouted`, counted, never failed.
"""

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.message_cards.model import Press
from services.message_cards.presses import NewPress, record_presses, sealed_code
from shared.body import Body, BodyError, read_body
from shared.db.engine import describe, is_away
from shared.directory import Directory
from shared.evidence import EvidenceRow, record_evidence
from shared.inbox import BODY, InboxRow, Routed, claim_new, record_routed
from shared.requests import EVENTS, Subject, Wanted, want
from shared.runtime import Runtime
from shared.tenants import Receiver
from shared.urgent import is_urgent, record_urgent
from shared.vault import VaultError
from sync_worker.events import Fields, Key, MissingFieldError, Said, spec_of

ROUTED_KINDS = frozenset({"app", "directory"})
"""Receivers whose ids are the corp's own. A suite sees other ids for the same people: never merged with these."""
LARGEST_SKEW = timedelta(minutes=10)
"""WeCom's clock may be ahead of ours by so much. What is later has not happened: no read would ever outlive it."""

log = structlog.get_logger()
routed = Counter("guanxi_inbox_routed", "Inbox rows routed, by outcome and known event", ["state", "event"])


@dataclass
class _Batch:
    outcomes: list[Routed] = field(default_factory=list)
    evidence: list[EvidenceRow] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    urgent: list[InboxRow] = field(default_factory=list)
    presses: list[NewPress] = field(default_factory=list)


def route_inbox(runtime: Runtime, directory: Directory, *, limit: int) -> int:
    """Route the oldest new rows; how many. Those of a corp whose keys do not open wait until they do."""
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        rows = claim_new(connection, limit=limit)
        if not rows:
            return 0
        outcomes = _record(connection, directory, rows, now=now)
    if not outcomes:
        return 0
    for (state, event), count in Tally((o.state, _label(o)) for o in outcomes).items():
        routed.labels(state, event).inc(count)
    log.info("inbox.routed", rows=len(outcomes))
    return len(outcomes)


def _record(connection: Connection, directory: Directory, rows: Sequence[InboxRow], *, now: datetime) -> list[Routed]:
    """Route and record rows together; when the database refuses one, each alone, so that it holds up no other."""
    batch = _Batch()
    for row in rows:
        try:
            receiver = directory.receiver(connection, row.receiver_id)
        except VaultError:
            continue
        _route(batch, row, receiver)
    try:
        with connection.begin_nested():
            record_evidence(connection, batch.evidence, now=now)
            want(connection, batch.wanted, now=now)
            record_urgent(connection, batch.urgent, now=now)
            record_presses(connection, batch.presses, now=now)
            record_routed(connection, batch.outcomes, now=now)
    except DBAPIError as error:
        if is_away(error):
            raise
        if len(rows) > 1:
            return [outcome for row in rows for outcome in _record(connection, directory, [row], now=now)]
        refused = [Routed(rows[0], "failed", None, None, describe(error))]
        record_routed(connection, refused, now=now)
        return refused
    return batch.outcomes


def _label(outcome: Routed) -> str:
    """Only names that this system knows become label values: what arrives must not grow the metrics."""
    spec = spec_of(outcome.event or "", outcome.change or "")
    return f"{spec.event}/{spec.change}" if spec else "other"


def _route(batch: _Batch, row: InboxRow, receiver: Receiver | None) -> None:
    if receiver is None:
        batch.outcomes.append(Routed(row, "unrouted", None, None, "its receiver was removed"))
        return
    try:
        body = read_body(receiver.cipher.decrypt(row.body, BODY))
    except (VaultError, BodyError) as error:
        batch.outcomes.append(Routed(row, "failed", None, None, str(error)))
        return
    state, problem = _route_body(batch, row, receiver, body)
    batch.outcomes.append(Routed(row, state, body.event[:100] or None, body.change[:100] or None, problem))


def _route_body(batch: _Batch, row: InboxRow, receiver: Receiver, body: Body) -> tuple[str, str | None]:
    spec = spec_of(body.event, body.change)
    if receiver.kind not in ROUTED_KINDS or spec is None:
        return "unrouted", None
    fields = Fields(body, _occurred_at(row))
    if is_urgent(body):
        batch.urgent.append(row)
    try:
        targets, evidence, presses = spec.targets(fields), spec.evidence(fields), spec.presses(fields)
    except MissingFieldError as error:
        return "unrouted", f"lacks a usable {error}"
    caused_by = f"inbox:{row.day:%Y%m%d}-{row.id}"
    batch.wanted += [Wanted(_subject(receiver, key), EVENTS, "event", caused_by) for key in targets]
    batch.evidence += [_evidence_row(row, receiver, fields, said) for said in evidence]
    batch.presses += [_new_press(row, receiver, fields, press, caused_by=caused_by) for press in presses]
    return "routed", None


def _occurred_at(row: InboxRow) -> datetime:
    if row.occurred_at is None or row.occurred_at > row.received_at + LARGEST_SKEW:
        return row.received_at
    return row.occurred_at


def _subject(receiver: Receiver, key: Key) -> Subject:
    return Subject(receiver.tenant_id, key.kind, key.key)


def _evidence_row(row: InboxRow, receiver: Receiver, fields: Fields, said: Said) -> EvidenceRow:
    return EvidenceRow(
        subject=_subject(receiver, said.key),
        userid=said.userid,
        kind=said.kind,
        occurred_at=fields.occurred_at,
        details=said.details,
        fingerprint=row.digest,
        inbox_day=row.day,
        inbox_id=row.id,
    )


def _new_press(row: InboxRow, receiver: Receiver, fields: Fields, press: Press, *, caused_by: str) -> NewPress:
    return NewPress(
        tenant_id=receiver.tenant_id,
        press=press,
        code=sealed_code(receiver.cipher, press),
        fingerprint=row.digest,
        pressed_at=fields.occurred_at,
        caused_by=caused_by,
    )
