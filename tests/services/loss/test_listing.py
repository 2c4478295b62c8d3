"""The lists of lost and deleted relations, with filters and evidence (LOSS-1, LOSS-5, LOSS-6)."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from services.customers.model import RelationDeleted, RelationLost, State
from services.customers.plan import ContactPlan
from services.customers.record import Provenance, record_contacts
from services.loss.listing import PAGE, EndedFilter, ended_lines, list_ended
from services.notices.store import Caused, record_facts_and_notices
from shared.db.engine import run
from shared.ids import ExternalUserId
from shared.tenants import Tenant
from tests.services.factories import CONTACT, LI, WANG, ZHAO, at, friendship, relation

LOST, DELETED = State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE
OTHER = ExternalUserId("wmContactTwo")
ALL = EndedFilter()


def write(connection: Connection, tenant: Tenant, external_userid: ExternalUserId, *relations: object) -> None:
    plan = ContactPlan(external_userid, relations=relations)  # type: ignore[arg-type]
    why = {external_userid: Provenance("event", None, at(900))}
    record_contacts(connection, tenant, [plan], why, now=at(900))


@pytest.fixture
def ended(connection: Connection, tenant: Tenant, other_tenant: Tenant) -> None:
    """LiNa (outlet 2) was removed by two, ZhaoMin (outlet 3) by one and removed one; and what is in no list."""
    write(
        connection,
        tenant,
        CONTACT,
        relation(LI, friendship(1, 10, LOST)),
        relation(ZHAO, friendship(1, 30, LOST)),
        relation(WANG, friendship(1, 40, State.TRANSFERRED)),
    )
    back = relation("Back", friendship(1, 50, LOST), friendship(60))
    write(
        connection,
        tenant,
        OTHER,
        relation(LI, friendship(2, 20, LOST)),
        relation(ZHAO, friendship(2, 25, DELETED)),
        back,
    )
    write(connection, other_tenant, CONTACT, relation(LI, friendship(1, 70, LOST)))
    for userid, outlet in ((LI, 2), (ZHAO, 3)):
        run(connection, "insert into associate (tenant_id, userid, name, main_department_id, observed_at) "
            "values (:id, :userid, '=SUM(1)', :outlet, :now)",
            id=tenant.id, userid=userid, outlet=outlet, now=at(0))  # fmt: skip


def listed(connection: Connection, tenant: Tenant, state: State, **asked: object) -> list[tuple[str, datetime]]:
    rows = list_ended(connection, tenant.id, state, EndedFilter(**asked), limit=99)
    return [(row["userid"], row["ended_at"]) for row in rows]


def test_the_two_lists_are_never_mixed_and_hold_nothing_else(connection, tenant, ended):
    """The last end first; who is a friend again, or was handed over, is in none (LOSS-1, ASG-8)."""
    assert listed(connection, tenant, LOST) == [(ZHAO, at(30)), (LI, at(20)), (LI, at(10))]
    assert listed(connection, tenant, DELETED) == [(ZHAO, at(25))]


def test_the_lists_are_filtered_by_associate_outlet_and_time(connection, tenant, ended):
    """Each alone and together; a range begins with its first moment and ends before its last (LOSS-5)."""
    assert listed(connection, tenant, LOST, userids=[LI]) == [(LI, at(20)), (LI, at(10))]
    assert listed(connection, tenant, LOST, outlet_ids=[3]) == [(ZHAO, at(30))]
    assert listed(connection, tenant, LOST, since=at(20)) == [(ZHAO, at(30)), (LI, at(20))]
    assert listed(connection, tenant, LOST, since=at(10), before=at(20), outlet_ids=[2, 3]) == [(LI, at(10))]
    assert listed(connection, tenant, DELETED, userids=[LI]) == []


def test_each_row_says_by_which_evidence_it_is_known(connection, tenant, other_tenant, ended):
    """Of the last fact that told this end: its cause and what brought it about, not another associate's (LOSS-6)."""

    def fact(kind: type, userid: str, second: float) -> object:
        return kind(occurred_at=at(second), userid=userid, external_userid=CONTACT, evidenced=True)

    facts = [
        (tenant, fact(RelationLost, LI, 3), "event", "inbox:20260302-1"),
        (tenant, fact(RelationLost, LI, 10), "event", "inbox:20260302-2"),
        (tenant, fact(RelationLost, LI, 12), "resync", "run:9"),
        (tenant, fact(RelationDeleted, LI, 10), "event", "inbox:20260302-3"),
        (other_tenant, fact(RelationLost, ZHAO, 30), "event", "inbox:20260302-4"),
    ]
    for whose, one, cause, by in facts:
        record_facts_and_notices(connection, whose, [Caused(one, cause, by)], now=at(100), ttl_s=1)
    rows = list_ended(connection, tenant.id, LOST, ALL, limit=9)
    assert [(row["userid"], row["cause"], row["evidence"]) for row in rows] == [
        (ZHAO, None, None),
        (LI, None, None),
        (LI, "event", "inbox:20260302-2"),
    ]


def test_the_export_holds_all_pages_once(connection, tenant, ended):
    """With people, times and evidence; no cell is a formula (LOSS-6)."""
    run(
        connection,
        "insert into relation (tenant_id, external_userid, userid, state, started_at, ended_at, cause) "
        "select :id, 'wm' || n, :userid, 'ended_by_customer', :began, :ended, 'event' "
        "from generate_series(1, :count) n",
        id=tenant.id,
        userid=LI,
        began=at(1),
        ended=at(20),
        count=PAGE,
    )
    lines, after = ended_lines(connection, tenant, LOST, ALL, after=None)
    rest, end = ended_lines(connection, tenant, LOST, ALL, after=after)
    rows = (lines + rest).decode().splitlines()
    assert end is None and len(rows) == len(set(rows)) == 1 + PAGE + 3
    assert rows[1].split(",")[3:6] == [ZHAO, "'=SUM(1)", "3"]
    assert "2026-03-02 08:00:30" in rows[1]


def test_the_lists_read_their_own_index(connection, tenant):
    """Cost follows the page, not the corp's relations (LOSS-6)."""
    run(
        connection,
        "insert into relation (tenant_id, external_userid, userid, state, started_at, ended_at, cause) select :id, "
        "'wm' || n, 'u' || n % 50, case when n % 10 = 0 then 'ended_by_customer' else 'active' end, :at, :at, 'event' "
        "from generate_series(1, 20000) n",
        id=tenant.id,
        at=at(1),
    )
    run(connection, "analyze relation")
    plan = connection.exec_driver_sql(
        "explain select * from relation r where r.tenant_id = %s and r.state = 'ended_by_customer' "
        "and r.ended_at is not null and r.state in ('ended_by_customer', 'ended_by_associate') "
        "order by ended_at desc, external_userid desc, userid desc limit 100",
        (tenant.id,),
    ).fetchall()
    assert "relation_ended" in str(plan) and "Sort" not in str(plan)
