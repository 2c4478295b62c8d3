"""Facts and the notices they call for are rows of one commit."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine

from services.assignment.model import CustomerReassigned
from services.associates.model import Associate, RecordedAssociate
from services.associates.record import Provenance as Why
from services.associates.record import record_associates
from services.customers.model import CONTACT as KIND
from services.customers.model import Notes, Profile, RelationEdited, RelationLost, RelationStarted
from services.customers.plan import ContactPlan
from services.customers.record import Provenance, record_contacts
from services.notices.settled import UPDATE
from services.notices.store import Caused, load_names, load_sources, record_facts_and_notices
from services.reminders.plan import GATHERS_ON
from shared.db.engine import fetch_all, fetch_one, run
from shared.outbox import Delivery, enqueue
from tests.services.conftest import add_tenant
from tests.services.factories import CONTACT, CUSTOMER, LI, ZHAO, at, friendship, relation

RELATION = {"userid": LI, "external_userid": CONTACT}
TTL_S = 86_400.0


def reassigned(moment):
    return CustomerReassigned(
        occurred_at=moment, customer_id=CUSTOMER, external_userid=CONTACT, from_userid=LI, to_userid=ZHAO, why="auto"
    )


def write(connection: Connection, tenant, *caused: Caused, now) -> int:
    return record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=TTL_S)


def outbox(connection: Connection):
    return fetch_all(connection, "select * from outbox order by id")


def test_a_fact_is_stored_with_its_cause_and_its_own_time(connection, tenant, clock):
    """Every fact says what it is about, when it happened, and what brought it about (ASG-9)."""
    fact = RelationEdited(occurred_at=at(5), changed=("remark", "corp_tag_ids"), **RELATION)
    assert write(connection, tenant, Caused(fact, "event", "inbox:9"), now=clock.now()) == 0
    row = fetch_one(connection, "select * from fact")
    assert (row["type"], row["version"], row["subject_kind"], row["subject_key"]) == (
        "relation_edited",
        1,
        KIND,
        CONTACT,
    )
    assert (row["occurred_at"], row["recorded_at"]) == (at(5), clock.now())
    assert (row["cause"], row["caused_by"]) == ("event", "inbox:9")
    assert row["payload"] == {**RELATION, "changed": ["remark", "corp_tag_ids"]}
    assert outbox(connection) == []


def test_a_reassignment_waits_for_both_associates(connection, tenant, clock):
    """One delivery per recipient, each naming fact, notice, channel and recipient (ASG-5)."""
    now = clock.now()
    assert write(connection, tenant, Caused(reassigned(now), "operator", "operator:chen"), now=now) == 2
    fact_id = fetch_one(connection, "select id from fact")["id"]
    rows = outbox(connection)
    assert {row["natural_key"] for row in rows} == {
        f"fact:{fact_id}:reassigned_to_you:wecom:{ZHAO}",
        f"fact:{fact_id}:reassigned_away:wecom:{LI}",
    }
    for row in rows:
        assert (row["state"], row["fact_id"], row["body"], row["attempts"]) == ("due", fact_id, None, 0)
        gathered = now + timedelta(seconds=5)
        assert (row["next_try_at"], row["gathers_until"]) == (gathered, gathered)
        assert row["expires_at"] == gathered + GATHERS_ON + timedelta(seconds=TTL_S)
        assert row["causes"] == [{"cause": "operator", "caused_by": "operator:chen"}]


def test_each_notice_belongs_to_the_fact_that_called_for_it(connection, tenant, clock):
    """Facts without a notice between them do not shift the others (LOSS-2)."""
    now = clock.now()
    edited = RelationEdited(occurred_at=now, changed=("remark",), **RELATION)
    lost = RelationLost(occurred_at=now, evidenced=True, **{**RELATION, "userid": ZHAO})
    started = RelationStarted(occurred_at=now, evidenced=True, **RELATION)
    write(connection, tenant, *(Caused(fact, "event") for fact in (edited, lost, edited, started)), now=now)
    rows = fetch_all(connection, "select o.notice, f.type from outbox o join fact f on f.id = o.fact_id order by o.id")
    assert [tuple(row.values()) for row in rows] == [
        ("relation_lost", "relation_lost"),
        ("new_customer", "relation_started"),
    ]


def test_what_one_commit_gives_and_takes_back_is_told_to_nobody(connection, tenant, clock):
    """A customer who went on in the same moment was nobody's in between (ASG-5)."""
    there = reassigned(clock.now())
    back = replace(there, from_userid=there.to_userid, to_userid=there.from_userid)
    assert write(connection, tenant, Caused(there, "rule"), Caused(back, "rule"), now=clock.now()) == 0


@pytest.mark.parametrize(
    ("started_s", "state"),
    [
        pytest.param(-60, "due", id="a start before, which became known late"),
        pytest.param(0, "due", id="a start in the same second"),
        pytest.param(60, "withdrawn", id="a return"),
    ],
)
def test_only_a_return_takes_a_loss_back(connection, tenant, clock, started_s, state):
    """The end may be read before the start: it is told all the same (LOSS-2, G2)."""
    now = clock.now()
    lost = RelationLost(occurred_at=now, evidenced=True, **RELATION)
    started = RelationStarted(occurred_at=now + timedelta(seconds=started_s), evidenced=True, **RELATION)
    write(connection, tenant, Caused(lost, "event"), now=now)
    write(connection, tenant, Caused(started, "event"), now=now)
    assert [row["state"] for row in outbox(connection) if row["notice"] == "relation_lost"] == [state]


@pytest.mark.parametrize(
    ("friendships", "told"),
    [
        pytest.param([friendship(100, 200), friendship(300)], 0, id="back, and still here"),
        pytest.param([friendship(100)], 1, id="nobody knows of a return"),
        pytest.param([friendship(100, 200), friendship(300, 400)], 1, id="gone again"),
    ],
)
def test_a_loss_that_becomes_known_after_the_return_is_no_news(connection, tenant, clock, friendships, told):
    """Its event came last of all: who has come back since is not called lost (LOSS-2)."""
    now = clock.now()
    plan = ContactPlan(CONTACT, Profile(name="Chen"), (relation(LI, *friendships),))
    record_contacts(connection, tenant, [plan], {CONTACT: Provenance("event", None, at(900))}, now=now)
    gone = RelationLost(occurred_at=at(200), evidenced=True, **RELATION)
    assert write(connection, tenant, Caused(gone, "event"), now=now) == told


@pytest.mark.parametrize(("started_s", "changes"), [(-60, 0), (0, 0), (60, 1)])
def test_only_a_return_changes_the_card_of_a_loss(connection, tenant, clock, started_s, changes):
    """A card does not say that they are back because their coming became known after their going (LOSS-2)."""
    now = clock.now()
    lost = RelationLost(occurred_at=now, evidenced=True, **RELATION)
    started = RelationStarted(occurred_at=now + timedelta(seconds=started_s), evidenced=True, **RELATION)
    write(connection, tenant, Caused(lost, "event"), now=now)
    run(connection, "update outbox set state = 'sent', settled_at = :at, response_code = 'x'",
        at=now - timedelta(hours=2))  # fmt: skip
    write(connection, tenant, Caused(started, "event"), now=now)
    assert len([row for row in outbox(connection) if row["notice"] == UPDATE]) == changes


def test_the_time_when_the_corp_was_added_decides_what_is_news(connection, tenant, clock):
    """Relations that are older than the corp's presence here are no new customers (ASG-5)."""
    old = RelationStarted(occurred_at=tenant.added_at - timedelta(seconds=1), evidenced=False, **RELATION)
    assert write(connection, tenant, Caused(old, "event"), now=clock.now()) == 0


@pytest.mark.parametrize("commits", [True, False])
def test_facts_and_notices_are_there_together_or_not_at_all(engine: Engine, vault, clock, commits):
    """One transaction holds both: a crash before its commit leaves neither (LOSS-2)."""
    with engine.begin() as connection:
        tenant = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
    with engine.connect() as connection:
        write(connection, tenant, Caused(reassigned(clock.now()), "event"), now=clock.now())
        if commits:
            connection.commit()
    with engine.connect() as connection:
        counts = fetch_one(connection, "select (select count(*) from fact) f, (select count(*) from outbox) o")
    assert tuple(counts.values()) == ((1, 2) if commits else (0, 0))


def test_a_second_row_with_the_same_natural_key_is_not_written(connection, tenant, other_tenant, clock):
    """One notice for one recipient is one row, in each corp."""
    now = clock.now()
    one = Delivery("fact:1:new_customer:wecom:LiNa", None, "new_customer", "wecom", LI, [], now)
    assert enqueue(connection, tenant.id, [one], now=now) == 1
    assert enqueue(connection, tenant.id, [one], now=now) == 0
    assert enqueue(connection, other_tenant.id, [one], now=now) == 1
    assert len(outbox(connection)) == 2


def test_a_notice_is_rendered_from_its_fact_and_the_names_of_now(connection, tenant, other_tenant, clock):
    """Names are looked up when a text is rendered: nickname, each associate's remark, the associates' names (ACC-3)."""
    now = clock.now()
    friends = (
        relation(LI, friendship(100), notes=Notes(remark="Auntie Chen")),
        relation(ZHAO, friendship(200), notes=Notes(remark="")),
    )
    why = {CONTACT: Provenance("event", None, at(900))}
    plan = ContactPlan(CONTACT, Profile(name="Chen"), friends)
    customer = record_contacts(connection, tenant, [plan], why, now=now)[CONTACT]
    record_contacts(connection, other_tenant, [ContactPlan(CONTACT, Profile(name="Other"))], why, now=now)
    people = [RecordedAssociate(Associate(LI, name="李娜"), now), RecordedAssociate(Associate(ZHAO), now)]
    record_associates(connection, tenant.id, people, dict.fromkeys((LI, ZHAO), Why("event")))
    write(connection, tenant, Caused(reassigned(now), "event"), now=now)
    sources = load_sources(connection, tenant, [row["id"] for row in outbox(connection)])
    assert {(s.notice, s.recipient, s.fact_type, s.occurred_at, s.customer_id) for s in sources.values()} == {
        ("reassigned_to_you", ZHAO, "customer_reassigned", now, customer),
        ("reassigned_away", LI, "customer_reassigned", now, customer),
    }
    names = load_names(connection, tenant, list(sources.values()))
    assert (names.contacts, names.remarks, names.associates) == (
        {CONTACT: "Chen"},
        {(CONTACT, LI): "Auntie Chen"},
        {LI: "李娜"},
    )
    assert load_sources(connection, other_tenant, list(sources)) == {}
