"""What is kept under a member's old userid is kept under the new one, once."""

from dataclasses import replace
from datetime import time

from services.assignment.model import CustomerReassigned, Decision
from services.assignment.store import record_decision
from services.associates.model import Associate, Outlet, RecordedAssociate, RecordedOutlet, Renaming
from services.associates.record import Provenance, end_aliases, record_associates, record_outlets
from services.associates.store import load_associates, load_outlets
from services.customers import record as customers
from services.customers.model import CONTACT as KIND
from services.customers.model import Notes, RelationLost, State
from services.customers.plan import ContactPlan
from services.customers.store import load_evidence, load_recorded
from services.notices.plan import react
from services.planning import Fact
from services.pool.model import PoolCustomersGiven
from services.reminders.model import Policy, Quiet
from services.reminders.store import load_policy, record_own_quiet, record_policy
from services.renames.store import move_relations, rename
from services.sops.listing import load_totals
from services.sops.model import Audience, Spec, Step, Trigger
from services.sops.store import load_rule, record_rule
from shared.db.engine import fetch_all, run
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import InboxId
from shared.inbox import NO_DAY
from shared.outbox import Delivery, enqueue
from shared.requests import Subject
from tests.services.factories import CONTACT, LI, WANG, ZHAO, at, friendship, relation

NEW = "lina.cd"
RENAMING = Renaming(LI, NEW, at(500))
WHY = Provenance("event", "inbox:20260302-9")
OTHER = "wmContactTwo"


def associates(connection, tenant, *rows):
    record_associates(connection, tenant.id, rows, {row.associate.userid: WHY for row in rows})


def one(userid, **changes):
    return replace(RecordedAssociate(Associate(userid), at(100), seen_at=at(100)), **changes)


def friends(connection, tenant, contact, *relations):
    why = {contact: customers.Provenance("event", None, at(300))}
    plans = [ContactPlan(contact, relations=relations)]
    return customers.record_contacts(connection, tenant, plans, why, now=at(300))[contact]


def relations(connection, tenant, contact=CONTACT):
    return load_recorded(connection, tenant, [contact])[contact].relations


def values(connection, sql, **named):
    return [tuple(row.values()) for row in fetch_all(connection, sql, **named)]


def test_the_associate_goes_on_under_the_new_userid(connection, tenant, other_tenant):
    """The old row points to the new one; when they joined, and what is known of them, stays (ASG-11)."""
    li = one(LI, associate=Associate(LI, "李娜", 2, (2,)), has_contact=True, joined_at=at(90))
    associates(connection, tenant, li, one(ZHAO, associate=Associate(ZHAO, direct_leaders=(WANG, LI))))
    associates(connection, other_tenant, one(LI))
    record_outlets(connection, tenant.id, [RecordedOutlet(Outlet(2, leaders=(LI,)), at(1))], {2: WHY})
    fact = rename(connection, tenant, RENAMING, WHY, now=at(600))
    assert (fact.TYPE, fact.userid, fact.old_userid, fact.occurred_at) == ("associate_renamed", NEW, LI, at(500))
    known = load_associates(connection, tenant.id, [LI, NEW, ZHAO])
    assert known[NEW] == replace(li, associate=replace(li.associate, userid=NEW))
    assert (known[LI].renamed_to, known[LI].present, known[LI].has_contact) == (NEW, False, False)
    assert known[ZHAO].associate.direct_leaders == (WANG, NEW)
    assert load_outlets(connection, tenant.id, [2])[2].outlet.leaders == (NEW,)
    assert load_associates(connection, other_tenant.id, [LI])[LI] == one(LI)


def test_a_second_time_is_a_no_op(connection, tenant):
    """Both userids are looked at; whoever is first does it (ASG-11)."""
    associates(connection, tenant, one(LI))
    assert rename(connection, tenant, RENAMING, WHY, now=at(600)) is not None
    before = values(connection, "select userid, renamed_to, observed_at from associate order by 1")
    assert rename(connection, tenant, RENAMING, WHY, now=at(700)) is None
    assert values(connection, "select userid, renamed_to, observed_at from associate order by 1") == before


def test_relations_and_who_is_assigned_move(connection, tenant, other_tenant):
    """With all that they carry; nobody is lost and nobody is new (ASG-8, LOSS-1)."""
    li = relation(LI, friendship(100, 200), friendship(300), notes=Notes(remark="王姐", oper_userid=LI))
    customer = friends(connection, tenant, CONTACT, li, relation(ZHAO, friendship(150)))
    friends(connection, other_tenant, CONTACT, li)
    run(connection, "update customer set assigned_userid = :li where id = :id", li=LI, id=customer)
    record_decision(connection, tenant.id, customer, Decision(LI, at(250), "someone"))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    assert relations(connection, tenant) == {
        NEW: replace(li, userid=NEW, notes=Notes(remark="王姐", oper_userid=NEW)),
        ZHAO: relation(ZHAO, friendship(150)),
    }
    assert set(relations(connection, other_tenant)) == {LI}
    assert values(connection, f"select assigned_userid from customer where id = {customer}") == [(NEW,)]
    assert values(connection, "select to_userid from assignment_decision") == [(NEW,)]
    assert values(connection, "select count(*) from fact") == [(0,)]


def test_rows_under_both_userids_become_one(connection, tenant):
    """A read had shown the new one before, and missed the old one (ASG-8)."""
    gone = relation(LI, friendship(100), state=State.OUT_OF_SIGHT, notes=Notes(remark="王姐"))
    friends(connection, tenant, CONTACT, gone, relation(NEW, friendship(100), notes=Notes(description="老客户")))
    friends(connection, tenant, OTHER, relation(LI, friendship(120)))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    notes = Notes(remark="王姐", description="老客户")
    assert relations(connection, tenant) == {NEW: relation(NEW, friendship(100), notes=notes)}
    assert relations(connection, tenant, OTHER) == {NEW: relation(NEW, friendship(120))}
    asked = values(connection, "select subject_kind, subject_key, caused_by from request")
    assert asked == [(KIND, CONTACT, "inbox:20260302-9")]


def test_a_row_that_a_late_read_brings_back_moves_as_well(connection, tenant):
    """Whoever looks at the old userid again moves what is left there (ASG-11)."""
    associates(connection, tenant, one(LI))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    friends(connection, tenant, CONTACT, relation(LI, friendship(100)))
    assert move_relations(connection, tenant, RENAMING, WHY, now=at(700)) == 1
    assert move_relations(connection, tenant, RENAMING, WHY, now=at(700)) == 0
    assert set(relations(connection, tenant)) == {NEW}


def test_a_renaming_before_any_look_at_the_member(connection, tenant):
    """Their event came before they were known: nothing to move, and late events find the new userid (ASG-11)."""
    assert rename(connection, tenant, RENAMING, WHY, now=at(600)) is not None
    assert load_associates(connection, tenant.id, [LI, NEW]) == {}


def test_late_events_of_customers_name_the_old_userid(connection, tenant):
    """They are about the member under the new one (LOSS-1)."""
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    row = EvidenceRow(
        subject=Subject(tenant.id, KIND, CONTACT),
        userid=LI,
        kind="ended_by_customer",
        occurred_at=at(450),
        details={},
        fingerprint=b"1",
        inbox_day=NO_DAY,
        inbox_id=InboxId(1),
    )
    record_evidence(connection, [row], now=at(700))
    assert [item.userid for item in load_evidence(connection, tenant, [CONTACT])[CONTACT]] == [NEW]


def test_a_second_renaming_carries_the_first_on(connection, tenant):
    """Late events of the first userid are about the third (ASG-11)."""
    associates(connection, tenant, one(LI))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    rename(connection, tenant, Renaming(NEW, "lina.3", at(800)), WHY, now=at(900))
    assert values(connection, "select old_userid, new_userid from userid_alias order by renamed_at") == [
        (LI, "lina.3"),
        (NEW, "lina.3"),
    ]


def test_a_second_renaming_carries_the_first_on_though_its_userid_is_somebody_elses(connection, tenant):
    """What named the first userid while it was theirs is about the third (ASG-11)."""
    associates(connection, tenant, one(LI))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    end_aliases(connection, tenant.id, {LI: at(700)})
    rename(connection, tenant, Renaming(NEW, "lina.3", at(800)), WHY, now=at(900))
    assert values(connection, "select new_userid from userid_alias where old_userid = :li", li=LI) == [("lina.3",)]


def test_messages_that_wait_go_to_the_new_userid(connection, tenant):
    """What may have been accepted already keeps its recipient and its bytes (design: a message is sent once)."""
    keys = ("waits", "sent", "doubtful", "another's", "webhook")
    deliveries = [
        Delivery(
            natural_key=key,
            fact_id=None,
            notice="new_customer",
            channel="http" if key == "webhook" else "wecom",
            recipient=ZHAO if key == "another's" else LI,
            causes=[],
            expires_at=at(90_000),
        )
        for key in keys
    ]
    enqueue(connection, tenant.id, deliveries, now=at(400))
    run(connection, "update outbox set body = 'x' where natural_key in ('waits', 'doubtful')")
    run(connection, "update outbox set state = 'sent' where natural_key = 'sent'")
    run(connection, "update outbox set first_unknown_at = now() where natural_key = 'doubtful'")
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    assert dict(values(connection, "select natural_key, recipient from outbox")) == {
        "waits": NEW,
        "sent": LI,
        "doubtful": LI,
        "another's": ZHAO,
        "webhook": LI,
    }
    assert values(connection, "select natural_key from outbox where body is not null") == [("doubtful",)]


def test_what_a_waiting_message_tells_of_is_the_new_userids_too(connection, tenant):
    """Folded rows go with a carrier that is made anew; of robots' rows it is whom they are about (POOL-7, LOSS-2)."""
    rows = {"carrier": (LI, None), "in it": (LI, None), "told": (LI, None), "in that": (LI, None),
            "robot's": ("robot:1", LI), "in the robot's": ("robot:1", LI)}  # fmt: skip
    deliveries = [
        Delivery(natural_key=key, fact_id=None, notice="pool_given", channel="robot" if "robot" in key else "wecom",
                 recipient=recipient, causes=[], expires_at=at(90_000), about=about)
        for key, (recipient, about) in rows.items()
    ]  # fmt: skip
    enqueue(connection, tenant.id, deliveries, now=at(400))
    run(connection, "update outbox set state = 'sent' where natural_key = 'told'")
    for carrier, folded in (("carrier", "in it"), ("told", "in that"), ("robot's", "in the robot's")):
        run(connection, "update outbox set folds = 2 where natural_key = :key", key=carrier)
        run(connection, "update outbox set state = 'folded', folded_into = (select id from outbox "
            "where natural_key = :carrier) where natural_key = :key", carrier=carrier, key=folded)  # fmt: skip
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    found = values(connection, "select natural_key, recipient, about from outbox order by id")
    assert {key: (recipient, about) for key, recipient, about in found} == {
        "carrier": (NEW, None), "in it": (NEW, None), "told": (LI, None), "in that": (LI, None),
        "robot's": ("robot:1", NEW), "in the robot's": ("robot:1", NEW),
    }  # fmt: skip


def chat(connection, tenant, chat_id, owner, *members):
    run(
        connection,
        "insert into group_chat (tenant_id, chat_id, owner_userid, admins, cause) "
        "values (:tenant_id, :chat_id, :owner, array[:owner, 'Other'], 'event')",
        tenant_id=tenant.id,
        chat_id=chat_id,
        owner=owner,
    )
    for member, number, left, by in members:
        run(
            connection,
            "insert into group_member (tenant_id, chat_id, member_id, number, kind, left_at, left_by, observed_at, "
            "cause) values (:tenant_id, :chat_id, :member, :number, 'associate', :left, :by, :at, 'event')",
            tenant_id=tenant.id,
            chat_id=chat_id,
            member=member,
            number=number,
            left=None if left is None else at(left),
            by=by,
            at=at(100),
        )


def test_an_administrator_stays_one_and_quiet_hours_stay_theirs(connection, tenant):
    """What a corp has set about somebody is about them under the new userid (LOSS-2, LOSS-4)."""
    night = Quiet(time(22), time(8))
    record_policy(connection, tenant.id, Policy(administrators=(ZHAO, LI)), by="x", now=at(0))
    record_own_quiet(connection, tenant.id, LI, night, by="x", now=at(0))
    rename(connection, tenant, Renaming(LI, WANG, at(5)), WHY, now=at(6))
    policy = load_policy(connection, tenant.id)
    assert (policy.administrators, policy.own_quiet) == ((ZHAO, WANG), {WANG: night})


def test_tasks_keys_tags_and_digests_are_of_the_new_userid(connection, tenant, other_tenant):
    """What is to be done by them, seen by them and told of them goes on (CUS-13, ACC-1, TAG-4, LOSS-3)."""
    for one in (tenant, other_tenant):
        for statement in (
            "insert into customer_task (tenant_id, customer_id, title, userid, made_at, made_by) "
            "values (:t, 1, 'x', :li, now(), 'x')",
            "insert into api_key (tenant_id, name, scopes, secret_hash, userid, created_at, created_by) "
            "values (:t, 'k', '{}', cast(:t as text)::bytea, :li, now(), 'x')",
            "insert into local_tag_group (tenant_id, of, name, position, visible_to, created_at) "
            "values (:t, 'customer', 'g', 1, array['ZhaoMin', :li], now())",
            "insert into deletion_waiting (tenant_id, userid) values (:t, :li)",
        ):
            run(connection, statement, t=one.id, li=LI)
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    named = (
        "select userid from customer_task where tenant_id = :t union all select userid from api_key where "
        "tenant_id = :t union all select visible_to[2] from local_tag_group where tenant_id = :t "
        "union all select userid from deletion_waiting where tenant_id = :t"
    )
    assert [row["userid"] for row in fetch_all(connection, named, t=tenant.id)] == [NEW] * 4
    assert [row["userid"] for row in fetch_all(connection, named, t=other_tenant.id)] == [LI] * 4


def test_chats_name_the_new_userid(connection, tenant):
    """Owner, admins, stays; a stay that goes on is one stay (GRP-1)."""
    chat(connection, tenant, "plain", LI, (LI, 1, None, None), (ZHAO, 1, None, None))
    chat(connection, tenant, "read first", ZHAO, (LI, 1, 50, "event"), (LI, 2, 510, "read"), (NEW, 1, None, None))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    assert values(connection, "select chat_id, owner_userid, admins from group_chat order by 1") == [
        ("plain", NEW, [NEW, "Other"]),
        ("read first", ZHAO, [ZHAO, "Other"]),
    ]
    stays = "select chat_id, member_id, left_by from group_member order by chat_id, member_id, number"
    assert values(connection, stays) == [
        ("plain", ZHAO, None),
        ("plain", NEW, None),
        ("read first", NEW, "event"),
        ("read first", NEW, None),
    ]


def test_handovers_go_on_under_the_new_userid(connection, tenant, other_tenant):
    """Giver, new owner and who asked; of two open ones for a customer, the present userid's stands (TRF-5)."""
    sql = (
        "insert into transfer (tenant_id, kind, subject_key, from_userid, to_userid, departed, author, source, state, "
        "stage, asked_at, next_poll_at) values (:tenant, 'customer', :key, :giver, :taker, false, :by, 'person', "
        "'pending', 'queued', :at, :at)"
    )
    for owner, key, giver, taker, by in (
        (tenant, CONTACT, LI, ZHAO, LI),
        (tenant, OTHER, ZHAO, LI, WANG),
        (tenant, CONTACT, NEW, WANG, WANG),
        (other_tenant, CONTACT, LI, ZHAO, LI),
    ):
        run(connection, sql, tenant=owner.id, key=key, giver=giver, taker=taker, by=by, at=at(400))
    associates(connection, tenant, one(LI))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    assert values(connection, "select from_userid, to_userid, author, stage from transfer order by id") == [
        (NEW, ZHAO, NEW, "withdrawn"),
        (ZHAO, NEW, WANG, "queued"),
        (NEW, WANG, WANG, "queued"),
        (LI, ZHAO, LI, "queued"),
    ]


def reasons(customer_id: int, userid: str) -> list[str | None]:
    """What notices about this member and customer stand for, as facts that name this userid say it."""
    given = {"occurred_at": at(400), "external_userid": CONTACT}
    facts: list[Fact] = [
        RelationLost(userid=userid, evidenced=True, **given),
        CustomerReassigned(customer_id=customer_id, from_userid=ZHAO, to_userid=userid, why="operator", **given),
        CustomerReassigned(customer_id=customer_id, from_userid=userid, to_userid=ZHAO, why="operator", **given),
        PoolCustomersGiven(occurred_at=at(400), userid=userid, customer_id=customer_id, count=1),
    ]
    notices = [one for fact in facts for one in react(fact, cause="event", added_at=at(0))]
    return [one.reason for one in notices if one.recipient == userid]


def test_what_waits_is_taken_back_by_a_fact_that_names_the_new_userid(connection, tenant):
    """A notice stands for a friendship, an assignment, a customer to add: of the member, whatever they are called
    (ASG-5, POOL-7)."""
    customer = friends(connection, tenant, CONTACT, relation(LI, friendship(100)))
    run(connection, "insert into pool_record (tenant_id, customer_id, status, source, userid, by_whom, status_at, "
        "created_at) values (:t, :id, 'assigned', 'import', :li, 'x', :at, :at)",
        t=tenant.id, id=customer, li=LI, at=at(300))  # fmt: skip
    waiting = [
        Delivery(natural_key=str(n), fact_id=None, notice="x", channel="wecom", recipient=LI, causes=[],
                 expires_at=at(90_000), reason=reason)
        for n, reason in enumerate([*reasons(customer, LI), f"lost:{LI}2:{CONTACT}"])
    ]  # fmt: skip
    enqueue(connection, tenant.id, waiting, now=at(400))
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    found = values(connection, "select reason from outbox order by natural_key")
    assert found == [(one,) for one in [*reasons(customer, NEW), f"lost:{LI}2:{CONTACT}"]]


def test_rules_of_sops_mean_the_member_under_the_new_userid(connection, tenant):
    """In lists and in filters, without planning anybody anew; what they were told is theirs, totals too (SOP-4)."""
    named = [
        {"field": "friend", "op": "any_of", "value": [LI, ZHAO]},
        {"field": "assigned", "op": "equals", "value": LI},
        {"field": "added", "op": "is", "value": {"by": [LI], "days": 3}},
        {"field": "name", "op": "contains", "value": LI},
    ]
    audience = Audience(filter={"groups": [{"conditions": named}]}, userids=(LI, ZHAO, NEW))
    spec = Spec(Trigger("friend"), audience, (Step(1, "x", at(0), after_minutes=0),))
    made = record_rule(
        connection, tenant, name="r", subject="customer", spec=spec, last_step_id=1, by="x", now=at(0)
    )  # fmt: skip
    for step, state in ((1, "overdue"), (2, "reminded"), (3, "done")):
        run(connection, "insert into sop_progress (tenant_id, enrolment_id, step_id, rule_id, userid, state, due_at) "
            "values (:t, 1, :step, :r, :li, :state, :at)",
            t=tenant.id, step=step, r=made.id, li=LI, state=state, at=at(0))  # fmt: skip
    rename(connection, tenant, RENAMING, WHY, now=at(600))
    rule = load_rule(connection, tenant, made.id)
    assert rule.version == made.version
    assert rule.spec.audience.userids == (NEW, ZHAO)
    assert [one["value"] for one in rule.spec.audience.filter["groups"][0]["conditions"]] == [
        [NEW, ZHAO], NEW, {"by": [NEW], "days": 3}, LI,
    ]  # fmt: skip
    assert {(one.userid, one.state, one.n) for one in load_totals(connection, tenant.id)} == {
        (NEW, "overdue", 1), (NEW, "reminded", 1), (NEW, "done", 1),
    }  # fmt: skip
