"""The first sync of a corp: silent, resumable, and never at odds with the events that come meanwhile."""

from collections.abc import Callable

from commands.demo_corp import record_demo_corp
from shared.db.engine import run
from tests.sync_worker.conftest import Office


def test_events_during_the_first_sync_are_told_and_its_finds_are_not(make_office: Callable[..., Office]) -> None:
    """A loss and a new friend of the time of the walk are news, although the walk comes by (design: bootstrap)."""
    office = make_office()
    office.corp.add_customers(150, userids=["LiNa"])
    record_demo_corp(office.runtime)
    for _ in range(2):
        office.step()
    lost = office.corp.pairs()[0]["external_userid"]
    pair = {"userid": "LiNa", "external_userid": lost}
    office.happen({"do": "customer_deletes", **pair}, "ended_by_customer")
    office.happen({"do": "add", "userid": "WangFang", "name": "新客户"}, "added")
    office.walk()
    office.reconcile()
    assert office.rows("select state from tenant") == [("live",)]
    assert office.rows("select notice, recipient from outbox order by notice") == [
        ("new_customer", "WangFang"),
        ("relation_lost", "LiNa"),
    ]
    assert office.rows("select count(*) from relation where state = 'active'") == [(150,)]
    assert office.rows("select count(*) from customer where standing = 'friend' and assigned_userid is not null") == [
        (150,)
    ]


def test_a_member_that_wecom_refuses_does_not_stop_the_walk(make_office: Callable[..., Office]) -> None:
    """Whether one bad userid fails a whole batch read is not documented; here it does, and the others arrive."""
    office = make_office()
    office.corp.add_customers(30, userids=["LiNa", "ZhaoMin", "ZhangWei"])
    record_demo_corp(office.runtime)
    office.step()
    office.corp.act({"do": "resign", "userid": "ZhangWei", "silent": True})
    office.walk()
    assert office.rows("select state from tenant") == [("live",)]
    assert office.rows("select userid, state, count(*) from relation group by 1, 2 order by 1") == [
        ("LiNa", "active", 10),
        ("ZhangWei", "associate_left", 10),  # the list of the unassigned has them
        ("ZhaoMin", "active", 10),
    ]


def test_a_page_that_the_database_refuses_is_read_again_contact_by_contact(make_office: Callable[..., Office]) -> None:
    """The bad one waits alone; the others arrive, silently."""
    office = make_office()
    office.corp.add_customers(20, userids=["LiNa"])
    bad = office.corp.pairs()[3]["external_userid"]
    with office.runtime.engine.begin() as connection:
        run(connection, f"alter table external_contact add constraint no check (external_userid <> '{bad}')")
    record_demo_corp(office.runtime)
    office.walk()
    office.reconcile()
    assert office.rows("select count(*) from relation where state = 'active'") == [(19,)]
    assert office.rows("select count(*) from outbox") == [(0,)]


def test_what_ended_unheard_before_the_walk_is_not_left_as_it_was(make_office: Callable[..., Office]) -> None:
    """An event told of the friend before the first sync, nothing of the end: what the walk leaves out is read (G2)."""
    office = make_office()
    record_demo_corp(office.runtime)
    friend = {"userid": "LiNa", "external_userid": office.happen({"do": "add", "userid": "LiNa", "name": "x"}, "added")}
    office.reconciler.reconcile_due(limit=50)
    assert office.rows("select state from relation") == [("active",)]
    office.corp.act({"do": "member_deletes", **friend, "silent": True})
    office.walk()
    office.reconcile()
    assert office.rows("select state from relation") == [("ended_by_associate",)]
