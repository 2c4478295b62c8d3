"""Rows of a walk: digests say what changed, and what is new is written as the planner would have it."""

from hypothesis import given
from hypothesis import strategies as st

from services.customers.model import CONTACT as KIND
from services.customers.model import Notes, Profile
from services.customers.plan import ContactPlan, plan_contact, plan_first_sight
from services.customers.record import Provenance, record_contacts
from services.customers.store import load_recorded
from services.customers.walk import (
    FirstSight,
    changed_rows,
    contacts_in_hand,
    contacts_without_events,
    record_digests,
    record_first_sights,
)
from shared.db.engine import fetch_all
from shared.requests import EVENTS, Subject, Wanted, want
from tests.services.factories import CONTACT, LI, ZHAO, at, friendship, listed, read, recorded, relation

WHY = {"cause": "bootstrap", "caused_by": "run:1"}
notes = st.builds(Notes, remark=st.one_of(st.none(), st.text(max_size=3)), add_way=st.one_of(st.none(), st.just(99)))


def sight(userid=LI, second=100, digest=b"d1", name="陈晨"):
    seen = listed(userid, second, remark="老客")
    profile = Profile(name=name, unionid="u1")
    planned = plan_first_sight(read(900, seen, complete=False, profile=profile), seen)
    assert planned is not None
    return FirstSight(CONTACT, profile, *planned, digest)


def write(connection, tenant, *sights):
    return record_first_sights(connection, tenant, sights, observed_at=at(900), now=at(901), **WHY)


@given(second=st.one_of(st.none(), st.integers(0, 800)), carried=notes)
def test_a_first_sight_is_planned_as_any_other_look(second, carried):
    """The short way and the planner agree, or the short way declines (G2)."""
    seen = listed(LI, second, remark=carried.remark, add_way=carried.add_way)
    look = read(900, seen, complete=False)
    short, plan = plan_first_sight(look, seen), plan_contact(look, recorded(), ())
    if second is None:
        assert short is None
    else:
        assert short == (plan.relations[0], plan.facts[0])


def test_what_is_new_is_written_with_facts_and_identity(connection, tenant):
    """Contact, customer, relation, unionid and the fact; the planner finds nothing to change afterwards."""
    assert write(connection, tenant, sight(), sight(ZHAO, 200)) == {(CONTACT, LI), (CONTACT, ZHAO)}
    known = load_recorded(connection, tenant, [CONTACT])[CONTACT]
    look = read(950, listed(LI, 100, remark="老客"), listed(ZHAO, 200, remark="老客"), profile=known.profile)
    assert plan_contact(look, known, ()) == ContactPlan(CONTACT)
    facts = fetch_all(connection, "select type, payload ->> 'userid' as userid, cause from fact order by 2")
    assert [tuple(row.values()) for row in facts] == [
        ("relation_started", "LiNa", "bootstrap"),
        ("relation_started", "ZhaoMin", "bootstrap"),
    ]
    counts = "select (select count(*) from identity) i, (select count(*) from customer) c"
    assert dict(fetch_all(connection, counts)[0]) == {"i": 1, "c": 1}


def test_what_is_there_is_left_as_it_is(connection, tenant):
    """Another page has shown the contact, or the relation came twice: no second row, no second fact."""
    write(connection, tenant, sight())
    assert write(connection, tenant, sight(), sight(ZHAO, 200, name="other")) == {(CONTACT, ZHAO)}
    assert len(fetch_all(connection, "select id from fact")) == 2
    assert load_recorded(connection, tenant, [CONTACT])[CONTACT].profile.name == "陈晨"


def test_a_row_with_the_digest_of_the_last_walk_has_not_changed(connection, tenant, other_tenant):
    """Another digest, an unknown relation, another corp's: changed. Whatever else writes a relation takes it away."""
    write(connection, tenant, sight(digest=b"d1"))
    pairs = [(CONTACT, LI), (CONTACT, ZHAO)]
    assert changed_rows(connection, tenant, pairs, [b"d1", b"d1"]) == [1]
    assert changed_rows(connection, tenant, pairs, [b"d2", b"d1"]) == [0, 1]
    assert changed_rows(connection, other_tenant, pairs, [b"d1", b"d1"]) == [0, 1]
    edited = ContactPlan(CONTACT, None, (relation(LI, friendship(100), notes=Notes(remark="new")),))
    record_contacts(connection, tenant, [edited], {CONTACT: Provenance("event", None, at(950))}, now=at(951))
    assert changed_rows(connection, tenant, [(CONTACT, LI)], [b"d1"]) == [0]
    record_digests(connection, tenant, [(CONTACT, LI, b"d3")])
    assert changed_rows(connection, tenant, [(CONTACT, LI)], [b"d3"]) == []


def test_a_contact_that_a_request_looks_after_is_in_hand(connection, tenant):
    """Due, or settled since the page was read; and then it is none that no event has told of."""
    assert contacts_without_events(connection, tenant, [CONTACT]) == {CONTACT}
    assert contacts_in_hand(connection, tenant, [CONTACT], since=at(500)) == set()
    want(connection, [Wanted(Subject(tenant.id, KIND, CONTACT), EVENTS, "event")], now=at(400))
    assert contacts_without_events(connection, tenant, [CONTACT]) == set()
    assert contacts_in_hand(connection, tenant, [CONTACT], since=at(500)) == {CONTACT}
    settle = "update request set settled_generation = generation, settled_at = :at returning 1"
    fetch_all(connection, settle, at=at(450))
    assert contacts_in_hand(connection, tenant, [CONTACT], since=at(500)) == set()
    assert contacts_in_hand(connection, tenant, [CONTACT], since=at(450)) == {CONTACT}
