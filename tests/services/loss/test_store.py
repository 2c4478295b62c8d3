"""Standings, and the two lists of ended relations."""

import pytest

from services.customers.model import State
from services.customers.plan import ContactPlan
from services.customers.record import Provenance, record_contacts
from services.loss.model import Standing
from services.loss.plan import StandingPlan
from services.loss.store import EndedRelation, list_deleted, list_lost, load_standings, record_standings
from shared.ids import ExternalUserId
from tests.services.factories import CONTACT, LI, ZHAO, at, friendship, relation

SECOND = ExternalUserId("wmContactTwo")


def write(connection, tenant, external_userid, *relations):
    why = {external_userid: Provenance("event", None, at(900))}
    plan = ContactPlan(external_userid, relations=relations)
    return record_contacts(connection, tenant, [plan], why, now=at(900))[external_userid]


def test_a_standing_is_written_for_those_that_changed(connection, tenant):
    """A customer who is lost is kept as lost; a plan without a change writes nothing (ASG-7)."""
    lost, same = (
        write(connection, tenant, CONTACT, relation(LI, half=1)),
        write(connection, tenant, SECOND, relation(LI, half=1)),
    )
    record_standings(connection, tenant.id, {lost: StandingPlan(Standing.LOST), same: StandingPlan()})
    assert load_standings(connection, tenant.id, [lost, same]) == {lost: Standing.LOST, same: Standing.NONE}
    record_standings(connection, tenant.id, {lost: StandingPlan(Standing.FRIEND)})
    assert load_standings(connection, tenant.id, [lost]) == {lost: Standing.FRIEND}


def test_lost_and_deleted_are_two_lists_and_a_transfer_is_in_neither(connection, tenant, other_tenant):
    """Ended by the customer, ended by the associate; never mixed, nothing else among them (LOSS-1)."""
    states = [
        relation("A", friendship(1, 10, State.ENDED_BY_CUSTOMER)),
        relation("B", friendship(1, 20, State.ENDED_BY_ASSOCIATE)),
        relation("C", friendship(1, 30, State.TRANSFERRED)),
        relation("D", friendship(1, 40, State.ASSOCIATE_LEFT)),
        relation("E", friendship(1)),
        relation("F", half=1),
        relation("G", friendship(1), state=State.OUT_OF_SIGHT),
        relation("H", friendship(1, 50, State.ENDED_BY_CUSTOMER), friendship(60)),
    ]
    write(connection, tenant, CONTACT, *states)
    write(connection, other_tenant, CONTACT, relation("X", friendship(1, 70)))
    assert list_lost(connection, tenant.id) == [EndedRelation("A", CONTACT, at(10))]
    assert list_deleted(connection, tenant.id) == [EndedRelation("B", CONTACT, at(20))]


@pytest.mark.parametrize(
    ("list_", "by"), [(list_lost, State.ENDED_BY_CUSTOMER), (list_deleted, State.ENDED_BY_ASSOCIATE)]
)
def test_pages_hold_each_relation_once_newest_first(connection, tenant, list_, by):
    """Keyset pages neither skip nor repeat, also where many ended in one second (LOSS-1)."""
    expected = []
    for number, second in enumerate([10, 30, 20, 20, 20]):
        one = ExternalUserId(f"wm{number % 3}")
        write(connection, tenant, one, relation(f"{LI}{number}", friendship(1, second, by)))
        expected.append(EndedRelation(f"{LI}{number}", one, at(second)))
    write(connection, tenant, CONTACT, relation(ZHAO, friendship(1, 25, State.TRANSFERRED)))
    walked, before = [], None
    while (page := list_(connection, tenant.id, before=before, limit=2)) and len(walked) < 9:
        walked += page
        before = (page[-1].ended_at, page[-1].external_userid, page[-1].userid)
    assert walked == sorted(expected, key=lambda e: (e.ended_at, e.external_userid, e.userid), reverse=True)
