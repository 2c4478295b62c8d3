"""The first sync of a corp: silent, resumable, and never at odds with the events that come meanwhile."""

from collections.abc import Callable

from commands.demo_corp import record_demo_corp
from shared.db.engine import run
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import InboxId
from shared.inbox import NO_DAY
from shared.requests import Subject
from shared.tenants import load_tenants
from sync_worker.resync import walk_step
from tests.sync_worker.conftest import Office


def happen(office: Office, action: dict[str, object], kind: str) -> str:
    """Something happens in WeCom, and its event has been routed: evidence and a request, one commit."""
    made = office.corp.act({"silent": True, **action})
    with office.runtime.engine.begin() as connection:
        tenant = load_tenants(connection, office.runtime.vault)[0]
        row = EvidenceRow(
            subject=Subject(tenant.id, "external_contact", made["external_userid"]),
            userid=str(action["userid"]),
            kind=kind,
            occurred_at=office.runtime.clock.now(),
            details={},
            fingerprint=str(made).encode(),
            inbox_day=NO_DAY,
            inbox_id=InboxId(1),
        )
        record_evidence(connection, [row], now=office.runtime.clock.now())
    office.want(made["external_userid"])
    return str(made["external_userid"])


def test_events_during_the_first_sync_are_told_and_its_finds_are_not(make_office: Callable[..., Office]) -> None:
    """A loss and a new friend of the time of the walk are news, although the walk comes by (design: bootstrap)."""
    office = make_office()
    office.corp.add_customers(150, userids=["LiNa"])
    record_demo_corp(office.runtime)
    for _ in range(2):
        walk_step(office.runtime, office.directory, office.clients)
    lost = office.corp.pairs()[0]["external_userid"]
    pair = {"userid": "LiNa", "external_userid": lost}
    happen(office, {"do": "customer_deletes", **pair}, "ended_by_customer")
    happen(office, {"do": "add", "userid": "WangFang", "name": "新客户"}, "added")
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


def test_a_walk_resumes_at_the_page_where_it_stopped(make_office: Callable[..., Office]) -> None:
    """The cursor is saved with its page: another worker goes on from there, and no page is read twice (G3)."""
    office = make_office()
    office.corp.add_customers(450, userids=["LiNa", "ZhaoMin"])
    record_demo_corp(office.runtime)
    for _ in range(3):
        walk_step(office.runtime, office.directory, office.clients)
    other = make_office()
    other.walk()
    assert other.rows("select count(*) from relation where state = 'active'") == [(450,)]
    assert other.corp.get("/sim/calls")["externalcontact/batch/get_by_user"] == {"0": 5}


def test_a_member_that_wecom_refuses_does_not_stop_the_walk(make_office: Callable[..., Office]) -> None:
    """Whether one bad userid fails a whole batch read is not documented; here it does, and the others arrive."""
    office = make_office()
    office.corp.add_customers(30, userids=["LiNa", "ZhaoMin", "ZhangWei"])
    record_demo_corp(office.runtime)
    walk_step(office.runtime, office.directory, office.clients)
    office.corp.act({"do": "resign", "userid": "ZhangWei", "silent": True})
    office.walk()
    assert office.rows("select state from tenant") == [("live",)]
    assert office.rows("select userid, count(*) from relation group by 1 order by 1") == [("LiNa", 10), ("ZhaoMin", 10)]


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
