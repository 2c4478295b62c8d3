"""Assignment of a whole first sync in one statement is what the planner would have decided for each."""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.assignment.first import assign_first_friends
from services.assignment.model import Decision
from services.assignment.plan import plan_assignment
from services.assignment.store import load_assignments, load_decisions, record_decision
from services.customers.model import Profile, State
from services.customers.plan import ContactPlan
from services.customers.record import Provenance, record_contacts
from shared.db.engine import fetch_all
from shared.ids import ExternalUserId
from tests.services.factories import LI, WANG, ZHAO, at, friendship, relation

_numbers = count()
starts = st.integers(1, 4).map(lambda n: n * 100)
ends = st.one_of(st.none(), st.none(), st.integers(500, 600))
relations = st.lists(st.tuples(st.sampled_from((LI, WANG, ZHAO)), starts, ends), max_size=3, unique_by=lambda r: r[0])


def contact_with(connection, tenant, told):
    one = ExternalUserId(f"wmFirst{next(_numbers)}")
    made = tuple(relation(userid, friendship(start, end)) for userid, start, end in told)
    why = {one: Provenance("bootstrap", "run:1", at(900))}
    plan = ContactPlan(one, Profile(name="Chen"), made)
    return one, record_contacts(connection, tenant, [plan], why, now=at(900))[one], {r.userid: r for r in made}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=relations)
def test_it_decides_as_the_planner_or_leaves_it_to_it(connection, tenant, told):
    """Same assignment, history and fact for friends that all last; nothing at all for the others (ASG-1, ASG-9)."""
    one, customer, known = contact_with(connection, tenant, told)
    expected = plan_assignment(
        known, [], load_assignments(connection, tenant.id, [customer])[customer], customer_id=customer,
        external_userid=one,
    )  # fmt: skip
    done = assign_first_friends(connection, tenant, [one], cause="bootstrap", caused_by="run:1", now=at(901))
    simple = bool(known) and all(r.state is State.ACTIVE for r in known.values())
    assert done == ({one} if simple else set())
    stored = load_assignments(connection, tenant.id, [customer])[customer]
    history = fetch_all(
        connection,
        "select from_userid, to_userid, why, at, by_whom as by, transfer_id from assignment_change "
        "where customer_id = :id",
        id=customer,
    )
    facts = fetch_all(
        connection,
        "select type, version, subject_kind, subject_key, occurred_at, cause, caused_by, payload from fact "
        "where type = 'customer_assigned' and subject_key = :key",
        key=str(customer),
    )
    if not simple:
        assert (stored.userid, list(history), list(facts)) == (None, [], [])
        return
    assert stored == expected.assignment
    assert stored.changed_at == expected.changes[-1].at
    assert [dict(row) for row in history] == [change.__dict__ for change in expected.changes]
    (fact,) = expected.facts
    assert [dict(row) for row in facts] == [
        {
            "type": fact.TYPE,
            "version": fact.VERSION,
            "subject_kind": fact.subject[0],
            "subject_key": fact.subject[1],
            "occurred_at": fact.occurred_at,
            "cause": "bootstrap",
            "caused_by": "run:1",
            "payload": fact.payload(),
        }
    ]


def test_it_leaves_customers_whom_an_operator_has_decided_on(connection, tenant):
    """Decisions are replayed by their own times (ASG-4, ASG-10)."""
    one, customer, _ = contact_with(connection, tenant, [(LI, 100, None), (ZHAO, 200, None)])
    record_decision(connection, tenant.id, customer, Decision(ZHAO, at(300), "Zhou"))
    assert assign_first_friends(connection, tenant, [one], cause="bootstrap", caused_by="run:1", now=at(901)) == set()
    assert load_decisions(connection, tenant.id, [customer])[customer]
