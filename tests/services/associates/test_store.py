"""Associates and outlets: what WeCom withholds empties nothing."""

from datetime import timedelta

import pytest

from services.associates.model import Associate, Outlet
from services.associates.store import (
    outlets_of_customer,
    record_associates,
    record_gone,
    record_outlet,
    unknown_associates,
    unknown_outlets,
)
from services.customers.model import State
from services.customers.plan import ContactPlan
from services.customers.record import Provenance, record_contacts
from shared.db.engine import fetch_all, fetch_one
from tests.services.factories import CONTACT, LI, WANG, ZHAO, at, friendship, relation

FULL = Associate(
    LI,
    name="李娜",
    main_department_id=2,
    department_ids=(2, 3),
    leader_in=(3,),
    direct_leaders=("WangWei",),
    status=1,
)


def row_of(connection, userid):
    return fetch_one(connection, "select * from associate where userid = :userid", userid=userid)


def stored(connection, userid) -> Associate:
    row = row_of(connection, userid)
    lists = ("department_ids", "leader_in", "direct_leaders")
    return Associate(
        userid=row["userid"],
        **{name: row[name] for name in ("name", "main_department_id", "status")},
        **{name: None if row[name] is None else tuple(row[name]) for name in lists},
    )


def friends(connection, tenant, *relations):
    why = {CONTACT: Provenance("event", None, at(900))}
    record_contacts(connection, tenant, [ContactPlan(CONTACT, relations=relations)], why, now=at(900))


def test_an_associate_comes_back_as_it_was_read(connection, tenant, clock):
    """Name, main department, departments, leaders and status are mirrored (ASG-11)."""
    record_associates(connection, tenant.id, [FULL, Associate(ZHAO)], now=clock.now())
    assert stored(connection, LI) == FULL
    assert stored(connection, ZHAO) == Associate(ZHAO)


@pytest.mark.parametrize(
    "field", ["name", "main_department_id", "department_ids", "leader_in", "direct_leaders", "status"]
)
def test_a_withheld_field_never_empties_what_is_known(connection, tenant, clock, field):
    """An app that may not see a field reads nothing there: what is known stays (ASG-11)."""
    record_associates(connection, tenant.id, [FULL], now=clock.now())
    later = clock.now() + timedelta(days=1)
    changed = {
        "name": "李娜娜",
        "main_department_id": 9,
        "department_ids": (9,),
        "leader_in": (),
        "direct_leaders": (),
        "status": 4,
    }
    record_associates(connection, tenant.id, [Associate(LI, **{**changed, field: None})], now=later)
    assert stored(connection, LI) == Associate(LI, **{**changed, field: getattr(FULL, field)})
    assert row_of(connection, LI)["observed_at"] == later


def test_an_empty_list_is_a_statement(connection, tenant, clock):
    """Leads no department any more: that is not the same as withheld (ASG-11)."""
    record_associates(connection, tenant.id, [FULL], now=clock.now())
    record_associates(connection, tenant.id, [Associate(LI, leader_in=())], now=clock.now())
    assert stored(connection, LI).leader_in == ()


def test_a_member_who_is_gone_keeps_name_and_outlet(connection, tenant, clock):
    """Their customers still show who served them and where; the first moment of being gone is kept (ASG-11)."""
    record_associates(connection, tenant.id, [FULL], now=clock.now())
    record_gone(connection, tenant.id, LI, now=clock.now())
    record_gone(connection, tenant.id, LI, now=clock.now() + timedelta(days=1))
    assert stored(connection, LI) == FULL
    assert row_of(connection, LI)["gone_at"] == clock.now()


def test_a_member_nobody_ever_saw_is_known_as_gone(connection, tenant, clock):
    """A relation may name a member who has left: they are not asked for again and again (ASG-11)."""
    record_gone(connection, tenant.id, WANG, now=clock.now())
    assert unknown_associates(connection, tenant.id, [WANG]) == []
    assert (row_of(connection, WANG)["gone_at"], row_of(connection, WANG)["has_contact"]) == (clock.now(), False)


def test_only_unknown_associates_and_outlets_are_asked_for(connection, tenant, other_tenant, clock):
    """Each corp has its own directory (ACC-1)."""
    record_associates(connection, tenant.id, [FULL], now=clock.now())
    record_outlet(connection, tenant.id, Outlet(2), now=clock.now())
    assert unknown_associates(connection, tenant.id, [LI, ZHAO, ZHAO]) == [ZHAO]
    assert unknown_outlets(connection, tenant.id, [2, 3, 3]) == [3]
    assert unknown_associates(connection, other_tenant.id, [LI]) == [LI]
    assert unknown_outlets(connection, other_tenant.id, [2]) == [2]
    assert unknown_associates(connection, tenant.id, []) == []


def test_a_withheld_field_of_an_outlet_never_empties_what_is_known(connection, tenant, clock):
    """A department that the app may not see keeps its name (ASG-11)."""
    record_outlet(connection, tenant.id, Outlet(2, "人民路店", 1, 10, ("WangWei",)), now=clock.now())
    record_outlet(connection, tenant.id, Outlet(2), now=clock.now())
    record_outlet(connection, tenant.id, Outlet(2, sort=11, leaders=()), now=clock.now())
    (row,) = fetch_all(connection, "select name, parent_id, sort, leaders from outlet")
    assert tuple(row.values()) == ("人民路店", 1, 11, [])


def test_associated_outlets_are_those_of_all_friends(connection, tenant, other_tenant, clock):
    """The main departments of the associates who are friends now, each once, in this corp only (ASG-3, ASG-11)."""
    people = {LI: 2, ZHAO: 5, WANG: 2, "Lost": 7, "Half": 8, "NoOutlet": None}
    associates = [
        Associate(one, main_department_id=main, department_ids=(main or 1, 99)) for one, main in people.items()
    ]
    record_associates(connection, tenant.id, associates, now=clock.now())
    record_associates(connection, other_tenant.id, [Associate(LI, main_department_id=6)], now=clock.now())
    friends(
        connection,
        tenant,
        *(relation(one, friendship(100)) for one in (LI, ZHAO, WANG, "NoOutlet", "NobodyKnows")),
        relation("Lost", friendship(100, 200)),
        relation("Half", half=100),
    )
    assert outlets_of_customer(connection, tenant.id, CONTACT) == [2, 5]
    assert outlets_of_customer(connection, other_tenant.id, CONTACT) == []


@pytest.mark.parametrize("end", [State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE, State.TRANSFERRED])
def test_an_outlet_is_associated_no_longer_than_its_associate_is_a_friend(connection, tenant, clock, end):
    """When the friendship ends, the outlet goes with it (ASG-3)."""
    record_associates(connection, tenant.id, [FULL], now=clock.now())
    friends(connection, tenant, relation(LI, friendship(100, 200, end)))
    assert outlets_of_customer(connection, tenant.id, CONTACT) == []
