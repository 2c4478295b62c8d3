"""What only an event says is kept once per event."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from shared.db.engine import fetch_all
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import InboxId, TenantId
from shared.requests import Subject
from tests.conftest import NOW

EARLIER = NOW - timedelta(hours=3)
ROW = EvidenceRow(
    subject=Subject(TenantId(1), "external_contact", "wm1"),
    userid="LiNa",
    kind="ended_by_customer",
    occurred_at=EARLIER,
    details={"state": "booth_a7"},
    fingerprint=bytes(range(32)),
    inbox_day=date(2026, 11, 22),
    inbox_id=InboxId(7),
)


def test_evidence_is_kept_with_the_events_own_time(connection: Connection):
    """Decisions are ordered by when things happened, not by when we heard of them."""
    assert record_evidence(connection, [ROW], now=NOW) == 1
    (row,) = fetch_all(connection, "select * from evidence")
    assert (row["subject_key"], row["userid"], row["kind"], row["details"]) == (
        "wm1",
        "LiNa",
        "ended_by_customer",
        {"state": "booth_a7"},
    )
    assert (row["occurred_at"], row["recorded_at"], row["fingerprint"]) == (EARLIER, NOW, ROW.fingerprint)
    assert (row["inbox_day"], row["inbox_id"]) == (date(2026, 11, 22), 7)


def test_one_event_is_one_piece_of_evidence(connection: Connection):
    """Repeats, and the same event heard through another app, add nothing."""
    heard_elsewhere = replace(ROW, inbox_id=InboxId(8))
    assert record_evidence(connection, [ROW, heard_elsewhere], now=NOW) == 1
    assert record_evidence(connection, [heard_elsewhere], now=NOW + timedelta(days=1)) == 0
    assert [row["inbox_id"] for row in fetch_all(connection, "select inbox_id from evidence")] == [7]
    assert record_evidence(connection, [], now=NOW) == 0


def test_different_events_kinds_subjects_and_tenants_are_told_apart(connection: Connection):
    """Nothing is merged that is not the same."""
    others = [
        replace(ROW, fingerprint=b"\xff" * 32),
        replace(ROW, kind="added"),
        replace(ROW, subject=Subject(TenantId(1), "external_contact", "wm2")),
        replace(ROW, subject=Subject(TenantId(2), "external_contact", "wm1")),
    ]
    assert record_evidence(connection, [ROW, *others], now=NOW) == 5
