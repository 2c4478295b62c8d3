"""Facts are appended in the transaction of the rows they are about."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from shared.db.engine import fetch_all
from shared.facts import FactRow, record_facts
from shared.ids import TenantId
from tests.conftest import NOW

EARLIER = NOW - timedelta(hours=3)


def fact(key: str = "wm1", *, cause: str = "event") -> FactRow:
    payload = {"userid": "LiNa", "evidenced": True, "ended_at": EARLIER}
    return FactRow("relation_lost", 1, "external_contact", key, EARLIER, cause, "inbox:20261122-7", payload)


def test_facts_are_stored_whole_under_the_ids_that_are_answered(connection: Connection):
    """The outbox rows of the same commit name these ids."""
    ids = record_facts(connection, TenantId(1), [fact(f"wm{n}") for n in range(20)], now=NOW)
    rows = fetch_all(connection, "select * from fact order by id")
    assert {row["id"]: row["subject_key"] for row in rows} == {id_: f"wm{n}" for n, id_ in enumerate(ids)}
    assert len(set(ids)) == 20
    row = rows[0]
    assert (row["tenant_id"], row["type"], row["version"], row["subject_kind"]) == (
        1,
        "relation_lost",
        1,
        "external_contact",
    )
    assert (row["occurred_at"], row["recorded_at"]) == (EARLIER, NOW)
    assert (row["cause"], row["caused_by"]) == ("event", "inbox:20261122-7")
    assert row["payload"] == {"userid": "LiNa", "evidenced": True, "ended_at": EARLIER.isoformat()}


def test_no_facts_are_no_work(connection: Connection):
    """Most reads change nothing."""
    assert record_facts(connection, TenantId(1), [], now=NOW) == []


def test_the_same_fact_twice_is_two_facts(connection: Connection):
    """Whether something happened again is the planner's decision, not the table's."""
    one, other = record_facts(connection, TenantId(1), [fact(), fact()], now=NOW)
    assert one != other


def test_a_fact_without_a_known_cause_is_refused(connection: Connection):
    """Every fact has a cause, because messages say which causes they answer to."""
    with pytest.raises(IntegrityError):
        record_facts(connection, TenantId(1), [fact(cause="whim")], now=NOW)
