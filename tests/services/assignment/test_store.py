"""Assignments and their history in the database, and an operator's reassignment."""

import pytest

from services.assignment.model import Assignment, AssignmentChange, Decision, ReassignmentRefusedError
from services.assignment.plan import AssignmentPlan, plan_assignment
from services.assignment.reassign import reassign
from services.assignment.store import load_assignments, load_decisions, record_assignments, record_decision
from services.customers.model import Profile
from services.customers.plan import ContactPlan
from services.customers.record import Provenance, record_contacts
from shared.db.engine import fetch_all
from tests.services.factories import CONTACT, LI, WANG, ZHAO, at, friendship, relation

FRIENDS = (relation(LI, friendship(100)), relation(ZHAO, friendship(200)))


def customer_of(connection, tenant, *relations):
    plan = ContactPlan(CONTACT, Profile(name="Chen"), relations)
    why = {CONTACT: Provenance("event", None, at(900))}
    return record_contacts(connection, tenant, [plan], why, now=at(900))[CONTACT]


def history(connection, tenant):
    rows = fetch_all(
        connection,
        "select from_userid, to_userid, why, at, by_whom, recorded_at from assignment_change "
        "where tenant_id = :id order by id",
        id=tenant.id,
    )
    return [tuple(row.values()) for row in rows]


def decide(connection, tenant, customer):
    """What a look at the customer does: plan from the rows, and write."""
    plan = plan_assignment(
        {one.userid: one for one in FRIENDS},
        load_decisions(connection, tenant.id, [customer])[customer],
        load_assignments(connection, tenant.id, [customer])[customer],
        customer_id=customer,
        external_userid=CONTACT,
    )
    record_assignments(connection, tenant.id, {customer: plan}, now=at(901))
    return plan


def test_a_new_customer_is_assigned_to_nobody(connection, tenant):
    """Without a friendship there is no assignment (ASG-1)."""
    customer = customer_of(connection, tenant)
    assert load_assignments(connection, tenant.id, [customer]) == {customer: Assignment()}
    assert load_decisions(connection, tenant.id, [customer]) == {customer: []}


def test_an_assignment_and_its_line_of_history_are_written(connection, tenant, other_tenant):
    """Present assignment with the time of connection, and who got the customer from whom, why, when (ASG-2, ASG-9)."""
    customer = customer_of(connection, tenant)
    other = customer_of(connection, other_tenant)
    change = AssignmentChange(None, LI, "first_add", at(100), "system")
    plan = AssignmentPlan(Assignment(LI, at(100), at(100)), (change,))
    record_assignments(connection, tenant.id, {customer: plan, other: AssignmentPlan()}, now=at(901))
    assert load_assignments(connection, tenant.id, [customer]) == {customer: Assignment(LI, at(100))}
    assert load_assignments(connection, other_tenant.id, [other]) == {other: Assignment()}
    assert history(connection, tenant) == [(None, LI, "first_add", at(100), "system", at(901))]
    assert history(connection, other_tenant) == []


def test_the_end_of_an_assignment_is_written(connection, tenant):
    """A customer whose last friend is gone has no assigned associate (ASG-7)."""
    customer = customer_of(connection, tenant)
    for plan in (
        AssignmentPlan(Assignment(LI, at(100)), (AssignmentChange(None, LI, "first_add", at(100), "system"),)),
        AssignmentPlan(Assignment(), (AssignmentChange(LI, None, "lost", at(500), "system"),)),
    ):
        record_assignments(connection, tenant.id, {customer: plan}, now=at(901))
    assert load_assignments(connection, tenant.id, [customer]) == {customer: Assignment()}
    assert [line[:3] for line in history(connection, tenant)] == [(None, LI, "first_add"), (LI, None, "lost")]


def test_a_corrected_time_is_no_line_of_history(connection, tenant):
    """The history holds changes of the associate only (ASG-9)."""
    customer = customer_of(connection, tenant)
    record_assignments(connection, tenant.id, {customer: AssignmentPlan(Assignment(LI, at(99)))}, now=at(901))
    assert load_assignments(connection, tenant.id, [customer]) == {customer: Assignment(LI, at(99))}
    assert history(connection, tenant) == []


def test_a_decision_without_effect_is_marked(connection, tenant):
    """Who was chosen and was no friend any more: the decision stays, and says that it was ignored (ASG-4)."""
    customer = customer_of(connection, tenant, *FRIENDS)
    record_decision(connection, tenant.id, customer, Decision(WANG, at(300), "chen"))
    record_decision(connection, tenant.id, customer, Decision(ZHAO, at(400), "chen"))
    decide(connection, tenant, customer)
    rows = fetch_all(connection, "select to_userid, ignored from assignment_decision order by id")
    assert [tuple(row.values()) for row in rows] == [(WANG, True), (ZHAO, False)]
    assert load_assignments(connection, tenant.id, [customer]) == {customer: Assignment(ZHAO, at(200))}


def test_an_operator_reassigns_and_the_customer_is_looked_at(connection, tenant):
    """The wish is recorded with its author; the next look makes it so (ASG-4, ASG-9)."""
    customer = customer_of(connection, tenant, *FRIENDS)
    decide(connection, tenant, customer)
    reassign(connection, tenant, CONTACT, ZHAO, by="chen", now=at(950))
    due = fetch_all(connection, "select subject_key, cause, caused_by from request where lane = 0")
    assert [tuple(row.values()) for row in due] == [(CONTACT, "operator", "operator:chen")]
    plan = decide(connection, tenant, customer)
    assert load_assignments(connection, tenant.id, [customer]) == {customer: Assignment(ZHAO, at(200))}
    assert [fact.TYPE for fact in plan.facts] == ["customer_reassigned"]
    assert decide(connection, tenant, customer) == AssignmentPlan()


def test_a_reassignment_is_one_line_of_the_history(connection, tenant):
    """Each change is recorded once (ASG-9)."""
    customer = customer_of(connection, tenant, *FRIENDS)
    decide(connection, tenant, customer)
    reassign(connection, tenant, CONTACT, ZHAO, by="chen", now=at(950))
    decide(connection, tenant, customer)
    assert [line[:5] for line in history(connection, tenant)] == [
        (None, LI, "first_add", at(100), "system"),
        (LI, ZHAO, "operator", at(950), "chen"),
    ]


@pytest.mark.parametrize("to_userid", [WANG, LI], ids=["a stranger", "the assigned one"])
def test_a_refused_reassignment_leaves_no_trace(connection, tenant, to_userid):
    """Nothing is recorded when a rule forbids the wish (ASG-4)."""
    customer = customer_of(connection, tenant, *FRIENDS)
    decide(connection, tenant, customer)
    before = history(connection, tenant)
    with pytest.raises(ReassignmentRefusedError), connection.begin_nested():
        reassign(connection, tenant, CONTACT, to_userid, by="chen", now=at(950))
    assert history(connection, tenant) == before
    assert fetch_all(connection, "select 1 from request") == []


def test_a_customer_nobody_knows_cannot_be_reassigned(connection, tenant):
    """An id without a customer is refused, not made (ASG-4)."""
    with pytest.raises(ReassignmentRefusedError, match="no customer"):
        reassign(connection, tenant, CONTACT, ZHAO, by="chen", now=at(950))


def test_who_was_merged_meanwhile_is_left_out(connection, tenant):
    """Nobody is assigned a record that leads to another one (CUS-9, ASG-10)."""
    customer = customer_of(connection, tenant, *FRIENDS)
    connection.exec_driver_sql(f"update customer set merged_into = 1 where id = {customer}")
    assert load_assignments(connection, tenant.id, [customer]) == {}
