"""Rows of contacts, relations and evidence come back as they went in."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from services.customers.model import CONTACT as KIND
from services.customers.model import Evidence, Friendship, Notes, Profile, Recorded, Relation, State
from services.customers.plan import ContactPlan, plan_contact
from services.customers.record import Provenance, record_contacts
from services.customers.store import (
    contacts_after,
    contacts_read_since,
    contacts_with_evidence,
    load_evidence,
    load_recorded,
)
from shared.db.engine import fetch_all, fetch_one
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import ExternalUserId, InboxId
from shared.requests import Subject
from tests.services.factories import ADDED, CONTACT, DAY, LI, LOST, ZHAO, at, friendship, listed, read, relation

SECOND = ExternalUserId("wmContactTwo")
FULL = Notes(
    remark="陈总 <b>",
    description="likes tea",
    remark_corp_name="Example",
    remark_mobiles=("13800000000", "02012345678"),
    corp_tag_ids=("etT1", "etT2"),
    personal_tags=("爱喝茶",),
    add_way=1,
    oper_userid="LiNa",
    add_state="door",
)
PROFILE = Profile(
    name="陈晨 😀",
    type=1,
    gender=2,
    avatar="http://example.com/a",
    position="buyer",
    corp_name="Example",
    corp_full_name="Example Ltd",
    external_profile={"external_attr": [{"type": 0, "name": "文本"}]},
)
RELATIONS = [
    pytest.param(relation(LI, friendship(100)), id="friends"),
    pytest.param(relation(LI, friendship(100), notes=FULL), id="with all notes"),
    pytest.param(relation(LI, friendship(100), notes=Notes(remark="", corp_tag_ids=())), id="known to be empty"),
    pytest.param(relation(LI, half=50), id="half added"),
    pytest.param(relation(LI, friendship(100, 200)), id="lost"),
    pytest.param(relation(LI, friendship(None, 200)), id="only its end is known"),
    pytest.param(relation(LI, friendship(100), state=State.OUT_OF_SIGHT), id="out of sight"),
    pytest.param(
        relation(
            LI, friendship(None, 50), friendship(100, 200.25, State.ENDED_BY_ASSOCIATE), friendship(300), half=250
        ),
        id="friends for the third time",
    ),
]


def write(connection: Connection, tenant, plan: ContactPlan, *, second: float = 1000, cause: str = "event"):
    why = {plan.external_userid: Provenance(cause, "inbox:1", at(second))}
    return record_contacts(connection, tenant, [plan], why, now=at(second))


def known_of(connection: Connection, tenant, external_userid: ExternalUserId = CONTACT) -> Recorded:
    return load_recorded(connection, tenant, [external_userid])[external_userid]


@pytest.mark.parametrize("one", RELATIONS)
def test_a_relation_comes_back_as_it_was_written(connection, tenant, one: Relation):
    """Every friendship of a relation is kept, with its times and what it carries (ASG-8)."""
    write(connection, tenant, ContactPlan(CONTACT, relations=(one,)))
    assert known_of(connection, tenant).relations == {LI: one}


def test_a_profile_comes_back_as_it_was_written(connection, tenant):
    """The contact's own fields are mirrored (CUS-4)."""
    write(connection, tenant, ContactPlan(CONTACT, profile=PROFILE))
    assert known_of(connection, tenant).profile == PROFILE


def test_the_same_read_again_changes_nothing(connection, tenant):
    """Plan, write, load, plan again: nothing is left to do."""
    seen = read(900, listed(LI, 100, remark="a"), profile=replace(PROFILE, unionid="oUnion"))
    write(connection, tenant, plan_contact(seen, known_of(connection, tenant), []), second=900)
    again = plan_contact(replace(seen, observed_at=at(950)), known_of(connection, tenant), [])
    assert (again.profile, again.relations, again.facts) == (None, (), ())


def test_a_contact_gets_one_customer_and_keeps_it(connection, tenant):
    """A contact seen for the first time makes a customer; a later look finds the same one (CUS-14)."""
    plan = ContactPlan(CONTACT, profile=PROFILE, relations=(relation(LI, friendship(100)),))
    first = write(connection, tenant, plan)[CONTACT]
    assert write(connection, tenant, replace(plan, profile=Profile(name="New")), second=1001)[CONTACT] == first
    rows = fetch_all(connection, "select id, standing, assigned_userid from customer")
    assert [tuple(row.values()) for row in rows] == [(first, "none", None)]


def test_what_a_profile_does_not_state_is_kept(connection, tenant):
    """A field that WeCom leaves out never empties what is known (CUS-4)."""
    write(connection, tenant, ContactPlan(CONTACT, profile=PROFILE))
    write(connection, tenant, ContactPlan(CONTACT, profile=Profile(name="New")), second=1001)
    assert known_of(connection, tenant).profile == replace(PROFILE, name="New")


def test_a_contact_known_by_events_only_has_no_profile(connection, tenant):
    """An end without any read makes a customer, and says nothing of the profile (LOSS-1)."""
    plan = ContactPlan(CONTACT, relations=(relation(LI, friendship(None, 200)),))
    assert CONTACT in write(connection, tenant, plan)
    assert known_of(connection, tenant).profile is None


def test_contacts_of_which_a_later_read_is_recorded_are_found(connection, tenant):
    """A walk leaves them alone: its page is older than what is known (ASG-10)."""
    write(
        connection, tenant, ContactPlan(CONTACT, profile=PROFILE, relations=(relation(LI, friendship(100)),)), second=9
    )
    assert contacts_read_since(connection, tenant, [CONTACT], since=at(8)) == {CONTACT}
    assert contacts_read_since(connection, tenant, [CONTACT], since=at(9)) == set()


def test_a_row_says_why_it_is_as_it_is(connection, tenant):
    """Cause, what brought it about and the time of the read are kept with the row (ACC-2)."""
    write(connection, tenant, ContactPlan(CONTACT, PROFILE, (relation(LI, friendship(100)),)), second=9, cause="resync")
    for table in ("relation", "external_contact"):
        row = fetch_one(connection, f"select cause, caused_by, observed_at from {table}")
        assert tuple(row.values()) == ("resync", "inbox:1", at(9))


def test_phones_are_encrypted_where_they_lie(connection, tenant):
    """Phones of a remark and unionids are not in the database in the clear (ACC-3)."""
    plan = ContactPlan(CONTACT, replace(PROFILE, unionid="oUnionOne"), (relation(LI, friendship(100), notes=FULL),))
    customer = write(connection, tenant, plan)[CONTACT]
    stored = b"".join(
        bytes(row["value"])
        for row in fetch_all(
            connection, "select remark_mobiles as value from relation union all select value from identity"
        )
    )
    assert b"13800000000" not in stored and b"oUnionOne" not in stored
    row = fetch_one(connection, "select hmac, customer_id, verified from identity where kind = 'unionid'")
    assert (bytes(row["hmac"]), row["customer_id"]) == (tenant.cipher.index("unionid", "oUnionOne"), customer)


def test_a_second_contact_with_the_same_unionid_makes_no_second_claim(connection, tenant):
    """One verified unionid belongs to one customer until a merge decides (CUS-14)."""
    profile = Profile(name="Chen", unionid="oUnionOne")
    first = write(connection, tenant, ContactPlan(CONTACT, profile))[CONTACT]
    write(connection, tenant, ContactPlan(SECOND, profile))
    assert [row["customer_id"] for row in fetch_all(connection, "select customer_id from identity")] == [first]


def test_an_empty_plan_writes_nothing(connection, tenant):
    """A look that finds everything as recorded leaves no trace (ASG-10)."""
    assert write(connection, tenant, ContactPlan(CONTACT)) == {}
    assert fetch_all(connection, "select 1 from external_contact") == []


def test_many_contacts_are_written_at_once(connection, tenant):
    """Contacts and relations of one batch go to their own customers (CUS-14)."""
    plans = [
        ContactPlan(one, Profile(name=one), (relation(LI, friendship(100)), relation(ZHAO, friendship(200))))
        for one in (SECOND, CONTACT)
    ]
    why = {plan.external_userid: Provenance("event", None, at(1000)) for plan in plans}
    customers = record_contacts(connection, tenant, plans, why, now=at(1000))
    known = load_recorded(connection, tenant, [CONTACT, SECOND])
    assert {one: (k.customer_id, k.profile.name, sorted(k.relations)) for one, k in known.items()} == {
        one: (customers[one], one, [LI, ZHAO]) for one in (CONTACT, SECOND)
    }
    assert customers[CONTACT] != customers[SECOND]


def test_contacts_of_another_corp_stay_apart(connection, tenant, other_tenant):
    """The same id in two corps is two contacts (ACC-1)."""
    write(connection, tenant, ContactPlan(CONTACT, PROFILE, (relation(LI, friendship(100), notes=FULL),)))
    assert known_of(connection, other_tenant) == Recorded(CONTACT)
    write(connection, other_tenant, ContactPlan(CONTACT, Profile(name="Other")))
    assert known_of(connection, tenant).profile == PROFILE
    assert contacts_after(connection, other_tenant, "", limit=9) == [CONTACT]


def test_contacts_are_walked_in_pages_by_id(connection, tenant):
    """Keyset pages hold every contact once."""
    ids = [ExternalUserId(f"wm{number}") for number in range(5)]
    for one in reversed(ids):
        write(connection, tenant, ContactPlan(one, Profile(name=one)))
    walked, cursor = [], ""
    while (page := contacts_after(connection, tenant, cursor, limit=2)) and len(walked) < 9:
        walked, cursor = walked + page, page[-1]
    assert walked == ids


def evidence_row(tenant, external_userid: ExternalUserId, kind, second: float, **details: object) -> EvidenceRow:
    moment = at(second)
    subject = Subject(tenant.id, KIND, external_userid)
    return EvidenceRow(subject, LI, kind, moment, details, f"{kind}{second}".encode(), moment.date(), InboxId(1))


def test_evidence_comes_back_in_the_order_of_its_own_times(connection, tenant, other_tenant):
    """What events say is kept once per event and read by contact (ASG-10)."""
    rows = [
        evidence_row(tenant, CONTACT, LOST, 200),
        evidence_row(tenant, CONTACT, ADDED, 100, state="door"),
        evidence_row(other_tenant, SECOND, ADDED, 100),
    ]
    assert record_evidence(connection, rows, now=DAY + timedelta(days=1)) == 3
    assert record_evidence(connection, rows, now=DAY + timedelta(days=2)) == 0
    assert load_evidence(connection, tenant, [CONTACT, SECOND]) == {
        CONTACT: [Evidence(LI, ADDED, at(100), "door"), Evidence(LI, LOST, at(200))],
        SECOND: [],
    }
    assert contacts_with_evidence(connection, tenant, [CONTACT, SECOND]) == [CONTACT]


def test_a_relation_without_any_time_is_not_a_friendship(connection, tenant):
    """A half-add is stored without a friendship (ASG-10)."""
    write(connection, tenant, ContactPlan(CONTACT, relations=(relation(LI, half=50),)))
    assert known_of(connection, tenant).relations[LI].friendships == ()
    assert Friendship(None) not in known_of(connection, tenant).relations[LI].friendships
