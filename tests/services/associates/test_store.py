"""Associates and outlets as rows: written as planned, found by what others need of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.associates.model import (
    ASSOCIATE,
    Alias,
    Associate,
    EvidenceKind,
    Outlet,
    RecordedAssociate,
    RecordedOutlet,
)
from services.associates.record import (
    Provenance,
    end_aliases,
    record_associates,
    record_departures,
    record_follow_users,
    record_outlets,
)
from services.associates.store import (
    associates_in_hand,
    departed,
    load_aliases,
    load_associates,
    load_evidence,
    load_hidden_departments,
    load_hidden_leaders,
    load_news,
    load_outlets,
    load_superiors,
    outlets_of_customer,
    unknown_associates,
    unknown_outlets,
)
from services.customers import record as customers
from services.customers.model import State
from services.customers.plan import ContactPlan
from shared.db.engine import fetch_all, fetch_one, run
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import InboxId
from shared.inbox import NO_DAY
from shared.requests import BACKFILL, EVENTS, Subject, Wanted, want
from tests.services.factories import CONTACT, LI, WANG, ZHAO, at, friendship, relation

WHY = Provenance("event", "inbox:20260302-7")
FULL = RecordedAssociate(
    Associate(LI, "李娜", 2, (2, 3), (3,), ("WangWei",), 1),
    observed_at=at(100),
    seen_at=at(90),
    in_sight=True,
    has_contact=True,
    joined_at=at(80),
    gone_at=at(95),
    renamed_to=ZHAO,
)


def one(userid, second=100, **changes) -> RecordedAssociate:
    names = {"name", "main_department_id", "department_ids", "leader_in", "direct_leaders", "status"}
    told = {name: changes.pop(name) for name in names & changes.keys()}
    return replace(RecordedAssociate(Associate(userid, **told), at(second), seen_at=at(second)), **changes)


def write(connection, tenant, *rows, why=WHY):
    record_associates(connection, tenant.id, rows, {row.associate.userid: why for row in rows})


def write_outlets(connection, tenant, *rows):
    record_outlets(connection, tenant.id, rows, {row.outlet.department_id: WHY for row in rows})


def row_of(connection, tenant, userid):
    sql = "select * from associate where tenant_id = :tenant_id and userid = :userid"
    return fetch_one(connection, sql, tenant_id=tenant.id, userid=userid)


def friends(connection, tenant, *relations):
    why = {CONTACT: customers.Provenance("event", None, at(900))}
    customers.record_contacts(connection, tenant, [ContactPlan(CONTACT, relations=relations)], why, now=at(900))


def said(connection, tenant, key, kind, second, **details):
    row = EvidenceRow(
        subject=Subject(tenant.id, ASSOCIATE, key),
        userid=None,
        kind=kind,
        occurred_at=at(second),
        details=details,
        fingerprint=f"{key}{kind}{second}".encode(),
        inbox_day=NO_DAY,
        inbox_id=InboxId(7),
    )
    record_evidence(connection, [row], now=at(second))


def alias(connection, tenant, old, new, second, *, ended=None):
    run(
        connection,
        "insert into userid_alias (tenant_id, old_userid, new_userid, renamed_at, ended_at, cause, recorded_at) "
        "values (:tenant_id, :old, :new, :at, :ended, 'event', :at)",
        tenant_id=tenant.id,
        old=old,
        new=new,
        at=at(second),
        ended=None if ended is None else at(ended),
    )


class TestRows:
    def test_an_associate_comes_back_as_it_was_written(self, connection, tenant):
        """With what brought the row about (ASG-11)."""
        write(connection, tenant, FULL, one(WANG))
        assert load_associates(connection, tenant.id, [LI, WANG, ZHAO]) == {LI: FULL, WANG: one(WANG)}
        row = row_of(connection, tenant, LI)
        assert (row["cause"], row["caused_by"]) == ("event", "inbox:20260302-7")

    def test_an_outlet_comes_back_as_it_was_written(self, connection, tenant):
        """A name, its place, its leaders (ASG-11)."""
        full = RecordedOutlet(Outlet(15, "人民路店", 2, 4294967295, (LI,)), at(9), False, at(5), at(8))
        write_outlets(connection, tenant, full, RecordedOutlet(Outlet(16), at(9)))
        assert load_outlets(connection, tenant.id, [15, 16, 17]) == {15: full, 16: RecordedOutlet(Outlet(16), at(9))}

    def test_an_older_read_never_overwrites_a_newer_one(self, connection, tenant):
        """Two looks may be recorded in the other order (ASG-11)."""
        write(connection, tenant, one(LI, 100, name="李娜"))
        write(connection, tenant, one(LI, 99, name="旧"))
        assert row_of(connection, tenant, LI)["name"] == "李娜"

    def test_each_corp_has_its_own_directory(self, connection, tenant, other_tenant):
        """Nobody sees another's members (ACC-1)."""
        write(connection, tenant, one(LI))
        write_outlets(connection, tenant, RecordedOutlet(Outlet(2), at(1)))
        assert unknown_associates(connection, tenant.id, [LI, ZHAO, ZHAO]) == [ZHAO]
        assert unknown_outlets(connection, tenant.id, [2, 3, 3]) == [3]
        assert unknown_associates(connection, other_tenant.id, [LI]) == [LI]
        assert unknown_outlets(connection, other_tenant.id, [2]) == [2]
        assert unknown_associates(connection, tenant.id, []) == []


class TestFollowUsers:
    def test_it_says_who_gained_and_who_lost(self, connection, tenant):
        """The function is given and taken without an event (ASG-11)."""
        write(connection, tenant, one(LI, has_contact=True), one(ZHAO))
        found = record_follow_users(connection, tenant, [ZHAO, WANG], now=at(200))
        assert (found.gained, found.lost) == ({ZHAO, WANG}, {LI})
        assert [row_of(connection, tenant, u)["has_contact"] for u in (LI, ZHAO, WANG)] == [False, True, True]
        again = record_follow_users(connection, tenant, [ZHAO, WANG], now=at(300))
        assert (again.gained, again.lost) == (frozenset(), frozenset())

    def test_whom_it_shows_against_what_is_known_is_read(self, connection, tenant):
        """New, gone, out of sight: a list of ids says no more than that they are there (ASG-11)."""
        write(connection, tenant, one(LI), one(ZHAO, in_sight=False), one("Gone", gone_at=at(50)))
        record_follow_users(connection, tenant, [LI, ZHAO, WANG, "Gone"], now=at(200))
        asked = fetch_all(connection, "select subject_key, lane from request order by 1")
        assert [tuple(row.values()) for row in asked] == [("Gone", 2), (WANG, 2), (ZHAO, 2)]
        assert row_of(connection, tenant, "Gone")["has_contact"] is False

    def test_one_that_loses_everybody_says_so(self, connection, tenant, other_tenant):
        """The range was cut to nothing; the other corp is not touched (ACC-1)."""
        write(connection, tenant, one(LI, has_contact=True))
        write(connection, other_tenant, one(LI, has_contact=True))
        assert record_follow_users(connection, tenant, [], now=at(200)).lost == {LI}
        assert row_of(connection, other_tenant, LI)["has_contact"] is True


class TestDepartures:
    def test_the_list_of_leavers_says_when(self, connection, tenant):
        """Known or not; once (TRF-2)."""
        write(connection, tenant, one(LI, name="李娜"))
        facts = record_departures(connection, tenant, {LI: at(50), ZHAO: at(60)}, WHY, now=at(200))
        assert [(f.TYPE, f.userid, f.occurred_at) for f in facts] == [
            ("associate_left", LI, at(50)),
            ("associate_left", ZHAO, at(60)),
        ]
        assert record_departures(connection, tenant, {LI: at(50), ZHAO: at(60)}, WHY, now=at(300)) == []
        assert departed(connection, tenant.id, [LI, ZHAO, WANG]) == {LI: at(50), ZHAO: at(60)}
        assert row_of(connection, tenant, LI)["name"] == "李娜"

    def test_who_has_the_function_is_here(self, connection, tenant):
        """They left once, and are back: the customers of then still wait on the list (TRF-2)."""
        write(connection, tenant, one(LI, has_contact=True))
        assert record_departures(connection, tenant, {LI: at(50)}, WHY, now=at(200)) == []
        assert departed(connection, tenant.id, [LI]) == {}

    def test_out_of_sight_has_not_departed(self, connection, tenant, other_tenant):
        """Nor has a namesake in another corp (TRF-2)."""
        write(connection, tenant, one(LI, in_sight=False))
        write(connection, other_tenant, one(LI, gone_at=at(1)))
        assert departed(connection, tenant.id, [LI]) == {}


class TestEvidence:
    def test_it_comes_back_with_its_times(self, connection, tenant, other_tenant):
        """By member, of this corp (ACC-1)."""
        said(connection, tenant, LI, "created", 10)
        said(connection, tenant, LI, "renamed", 20, userid="lina.cd")
        said(connection, other_tenant, LI, "deleted", 30)
        found = load_evidence(connection, tenant.id, ASSOCIATE, [LI, ZHAO])
        assert [(e.kind, e.occurred_at, e.other, e.caused_by) for e in found[LI]] == [
            (EvidenceKind.CREATED, at(10), None, "inbox:19700101-7"),
            (EvidenceKind.RENAMED, at(20), "lina.cd", "inbox:19700101-7"),
        ]
        assert found[ZHAO] == []

    def test_what_it_does_not_know_is_left_out(self, connection, tenant):
        """A later version may say more (ASG-11)."""
        said(connection, tenant, LI, "promoted", 10)
        assert load_evidence(connection, tenant.id, ASSOCIATE, [LI]) == {LI: []}

    def test_a_late_event_of_the_old_userid_is_about_the_new_one(self, connection, tenant):
        """Until somebody else has the old one (ASG-11)."""
        alias(connection, tenant, LI, ZHAO, 100, ended=500)
        said(connection, tenant, LI, "deleted", 50)
        said(connection, tenant, LI, "deleted", 600)
        found = load_evidence(connection, tenant.id, ASSOCIATE, [LI, ZHAO])
        assert [e.occurred_at for e in found[ZHAO]] == [at(50)]
        assert [e.occurred_at for e in found[LI]] == [at(600)]

    def test_a_new_member_of_an_old_userid_is_somebody_else(self, connection, tenant):
        """A userid that was given up is given again (ASG-11)."""
        alias(connection, tenant, LI, ZHAO, 100)
        said(connection, tenant, LI, "created", 10)
        said(connection, tenant, LI, "created", 200)
        found = load_evidence(connection, tenant.id, ASSOCIATE, [LI, ZHAO])
        assert ([e.occurred_at for e in found[LI]], [e.occurred_at for e in found[ZHAO]]) == ([at(200)], [at(10)])

    def test_an_alias_ends_when_somebody_has_the_old_userid(self, connection, tenant):
        """From then on it names them (ASG-11)."""
        alias(connection, tenant, LI, ZHAO, 100)
        end_aliases(connection, tenant.id, {LI: at(300)})
        assert load_aliases(connection, tenant.id, [ZHAO]) == [Alias(LI, ZHAO, at(100), at(100), at(300))]


class TestLookups:
    def test_hidden_departments_and_leaders(self, connection, tenant):
        """What reads leave out (ASG-11)."""
        write_outlets(
            connection,
            tenant,
            RecordedOutlet(Outlet(2, leaders=(LI, ZHAO)), at(1)),
            RecordedOutlet(Outlet(3), at(1), in_sight=False),
            RecordedOutlet(Outlet(4), at(1), in_sight=False, gone_at=at(1)),
        )
        write(connection, tenant, one(LI, in_sight=False), one(ZHAO), one(WANG, in_sight=False))
        assert load_hidden_departments(connection, tenant.id) == {3}
        assert load_hidden_leaders(connection, tenant.id, [2, 3]) == {LI}

    def test_the_directory_is_complete_after_its_first_pass(self, connection, tenant):
        """From then on what is found is new (ASG-11)."""
        insert = (
            "insert into sync_run (tenant_id, kind, resource, state, started_at, next_try_at) "
            "values (:tenant_id, 'bootstrap', :resource, 'done', now(), now())"
        )
        run(connection, insert, tenant_id=tenant.id, resource="directory")
        assert load_news(connection, tenant).complete is False
        run(connection, "update tenant set state = 'live' where id = :id", id=tenant.id)
        assert load_news(connection, tenant).complete is True
        run(connection, "update sync_run set resource = 'tag'")
        assert load_news(connection, tenant).complete is False

    def test_in_hand_is_what_events_ask_for(self, connection, tenant):
        """What a walk asks for is read by the walk as well (ASG-11)."""
        wishes = [Wanted(Subject(tenant.id, ASSOCIATE, LI), EVENTS, "event")]
        wishes.append(Wanted(Subject(tenant.id, ASSOCIATE, ZHAO), BACKFILL, "resync"))
        want(connection, wishes, now=at(1))
        assert associates_in_hand(connection, tenant.id, [LI, ZHAO, WANG]) == {LI}

    def test_superiors(self, connection, tenant):
        """Direct leader, else the main department's by its own word, else by its members'; no leavers (ASG-11)."""
        write_outlets(
            connection,
            tenant,
            RecordedOutlet(Outlet(2, leaders=("Gone", WANG)), at(1)),
            RecordedOutlet(Outlet(3), at(1)),
        )
        write(
            connection,
            tenant,
            one(LI, direct_leaders=("Gone", ZHAO), main_department_id=2),
            one("InTwo", direct_leaders=("Gone",), main_department_id=2),
            one("InThree", main_department_id=3),
            one("LeadsThree", main_department_id=2, leader_in=(3,)),
            one("Nowhere"),
            one("Gone", gone_at=at(1), leader_in=(3,)),
        )
        people = [LI, "InTwo", "InThree", "LeadsThree", "Nowhere", "Stranger"]
        assert load_superiors(connection, tenant.id, people) == {
            LI: ZHAO,
            "InTwo": WANG,
            "InThree": "LeadsThree",
            "LeadsThree": WANG,
            "Nowhere": None,
        }

    def test_associated_outlets_are_those_of_all_friends(self, connection, tenant, other_tenant):
        """The main departments of the associates who are friends now, each once, in this corp (ASG-3, ASG-11)."""
        places = {LI: 2, ZHAO: 5, WANG: 2, "Lost": 7, "Half": 8, "NoOutlet": None}
        write(
            connection, tenant, *(one(u, main_department_id=d, department_ids=(d or 1, 99)) for u, d in places.items())
        )
        write(connection, other_tenant, one(LI, main_department_id=6))
        friends(
            connection,
            tenant,
            *(relation(u, friendship(100)) for u in (LI, ZHAO, WANG, "NoOutlet", "NobodyKnows")),
            relation("Lost", friendship(100, 200)),
            relation("Half", half=100),
        )
        assert outlets_of_customer(connection, tenant.id, CONTACT) == [2, 5]
        assert outlets_of_customer(connection, other_tenant.id, CONTACT) == []

    @pytest.mark.parametrize("end", [State.ENDED_BY_CUSTOMER, State.ENDED_BY_ASSOCIATE, State.TRANSFERRED])
    def test_an_outlet_is_associated_no_longer_than_its_associate_is_a_friend(self, connection, tenant, end):
        """When the friendship ends, the outlet goes with it (ASG-3)."""
        write(connection, tenant, one(LI, main_department_id=2))
        friends(connection, tenant, relation(LI, friendship(100, 200, end)))
        assert outlets_of_customer(connection, tenant.id, CONTACT) == []

    def test_age_of_a_row_is_its_reads(self, connection, tenant):
        """When WeCom showed it so (ASG-11)."""
        write(connection, tenant, one(LI, 100))
        write(connection, tenant, one(LI, 160))
        assert row_of(connection, tenant, LI)["observed_at"] - at(100) == timedelta(seconds=60)
