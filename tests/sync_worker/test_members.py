"""Members and departments after an event: joined, moved, gone, out of sight, under a new userid."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.clock import FixedClock, from_unix
from shared.db.engine import run
from tests.sync_worker.conftest import Office
from tests.sync_worker.staff import Staff

MakeStaff = Callable[..., Staff]
MOVED = "select userid, main_department_id, department_ids from associate where userid = 'LiNa'"
RELATIONS = "select userid, state from relation order by 1"


@pytest.fixture
def staff(make_office: Callable[..., Office]) -> MakeStaff:
    """A corp in its working life; reads are behind events by no more than the second that event times leave open."""

    def make(*, contact_sync: bool = False, **settings: object) -> Staff:
        return Staff(make_office(**{"deletion_lag_s": 1, **settings}), contact_sync=contact_sync).live()

    return make


class TestMembers:
    def test_who_joins_is_known_and_told(self, staff):
        """An event with ids only; name and outlet are read (ASG-11)."""
        one = staff()
        one.do("create_user", userid="SunLei", name="孙磊", department=[3], main_department=3)
        one.hear("create_user", UserID="SunLei", Department="3")
        one.office.reconcile()
        assert one.office.rows("select name, main_department_id, cause from associate where userid = 'SunLei'") == [
            ("孙磊", 3, "event")
        ]
        assert one.facts() == [("associate_joined", "SunLei")]
        ((by,),) = one.office.rows("select caused_by from associate where userid = 'SunLei'")
        assert by.startswith("inbox:")

    def test_the_first_sync_announces_nobody(self, staff):
        """Everybody is known, nobody was told of (ASG-11)."""
        one = staff()
        assert one.states() == dict.fromkeys(("LiNa", "WangFang", "ZhangWei", "ZhaoMin"), "here")
        assert one.office.rows("select department_id, name from outlet order by 1") == [
            (1, "江南百货"),
            (2, "西湖店"),
            (3, "滨江店"),
        ]
        assert (one.facts(), one.open()) == ([], [])
        assert one.office.rows("select count(*) from associate where has_contact and cause = 'bootstrap'") == [(4,)]

    def test_the_same_event_through_two_apps_is_one(self, staff):
        """Both receivers are routed; the evidence is the event's (design: effects are the tenant's)."""
        one = staff()
        one.do("create_user", userid="SunLei", name="孙磊", department=[3], main_department=3)
        for receiver in ("main", "directory", "main"):
            one.hear("create_user", receiver=receiver, number=1, UserID="SunLei")
        one.office.reconcile()
        assert one.facts() == [("associate_joined", "SunLei")]

    @pytest.mark.parametrize("event", [{"UserID": "LiNa", "Department": "3"}, {"UserID": "LiNa", "Name": "x"}])
    def test_who_moves_is_read_again(self, staff, event):
        """Whatever the event says of it (ASG-11)."""
        one = staff()
        one.do("update_user", userid="LiNa", department=[3], main_department=3)
        one.hear("update_user", **event)
        one.office.reconcile()
        assert one.office.rows(MOVED) == [("LiNa", 3, [3])]
        assert one.facts() == [("associate_moved", "LiNa")]

    def test_who_leaves_is_gone_with_their_relations(self, staff):
        """By the event and a read; without a read per customer (TRF-2)."""
        one = staff()
        made = one.office.corp.act({"do": "add", "userid": "LiNa", "name": "王小明", "silent": True})
        one.office.want(made["external_userid"])
        one.office.reconcile()
        one.do("resign", userid="LiNa")
        one.hear("delete_user", UserID="LiNa")
        calls = one.office.corp.get("/sim/calls").get("externalcontact/get", {})
        one.office.reconcile()
        one.office.walk()
        assert one.states()["LiNa"] == "gone"
        assert ("associate_left", "LiNa") in one.facts()
        assert one.office.rows(RELATIONS) == [("LiNa", "associate_left")]
        assert one.office.corp.get("/sim/calls").get("externalcontact/get", {}) == calls

    def test_an_event_that_the_read_denies_removes_nobody(self, staff):
        """The API is the truth; beyond the lag the event says nothing any more (TRF-2)."""
        one = staff()
        one.hear("delete_user", ago_s=60, UserID="LiNa")
        one.office.reconcile()
        one.see({"visible": ["WangFang"]})
        one.hear("update_user", UserID="LiNa")
        one.office.reconcile()
        assert one.states()["LiNa"] == "hidden"

    def test_a_read_that_is_behind_the_event_is_repeated(self, staff):
        """Two seconds, then longer (TRF-2)."""
        one = staff(deletion_lag_s=600)
        one.hear("delete_user", UserID="LiNa")
        one.office.reconcile()
        ((wait, attempts),) = one.office.rows(
            "select next_try_at - now(), attempts from request where subject_key = 'LiNa' "
            "and generation > settled_generation"
        )
        assert (timedelta(0) < wait < timedelta(seconds=4), attempts) == (True, 0)
        assert one.states()["LiNa"] == "here"

    @pytest.mark.parametrize("contact_sync", [False, True])
    def test_out_of_sight_is_not_gone(self, staff, contact_sync):
        """The app's range was cut; contact sync, from a new address, cannot read members (48009) (TRF-2)."""
        one = staff(contact_sync=contact_sync)
        one.see({"visible": ["WangFang"]})
        one.hear("update_user", UserID="LiNa")
        one.office.reconcile()
        assert one.states()["LiNa"] == "hidden"
        assert one.facts() == [("associate_out_of_sight", "LiNa")]
        assert one.office.rows("select name, has_contact from associate where userid = 'LiNa'") == [("李娜", False)]
        one.see({})
        one.hear("update_user", UserID="LiNa")
        one.office.reconcile()
        assert one.facts()[1:] == [("associate_in_sight", "LiNa")]

    def test_contact_sync_that_may_read_tells_the_two_apart(self, staff):
        """From an old address it reads members, and sees everybody: no event is needed (TRF-2)."""
        one = staff(contact_sync=True)
        one.see({"visible": ["WangFang"]}, new_address=False)
        one.do("resign", userid="ZhaoMin")
        for userid in ("LiNa", "ZhaoMin"):
            one.hear("update_user", UserID=userid)
        one.office.reconcile()
        assert (one.states()["LiNa"], one.states()["ZhaoMin"]) == ("hidden", "gone")

    def test_who_comes_back_under_the_same_userid(self, staff):
        """Gone is a state with a time, no tombstone for ever (ASG-11)."""
        one = staff()
        one.do("resign", userid="LiNa")
        one.hear("delete_user", UserID="LiNa")
        one.office.reconcile()
        one.office.corp.post(
            "/sim/corps/wwdemo0000000001/members", [{"userid": "LiNa", "resigned": False, "status": 1}]
        )
        one.hear("create_user", ago_s=-1, UserID="LiNa")
        one.office.reconcile()
        assert one.states()["LiNa"] == "here"
        assert one.facts() == [("associate_left", "LiNa"), ("associate_returned", "LiNa")]

    def test_a_member_tag_looks_at_whom_it_names(self, staff):
        """An app's range may be set by tag (ASG-11)."""
        one = staff()
        one.see({"visible": ["WangFang"]})
        one.hear("update_tag", TagId="6", DelUserItems="LiNa,Nobody", DelPartyItems="3,x")
        one.office.reconcile()
        assert (one.states()["LiNa"], one.states()["Nobody"]) == ("hidden", "hidden")
        assert one.office.rows("select in_sight from outlet where department_id = 3") == [(False,)]
        assert one.open() == []

    def test_rubbish_is_stored_or_skipped_and_nobody_waits(self, staff):
        """Null names, no departments, numbers as texts, emoji (ASG-11)."""
        one = staff()
        odd = {"name": None, "department": None, "main_department": 0, "status": 77, "direct_leader": "x"}
        one.office.corp.post("/sim/faults", {"path": "user/get", "spoil": odd, "times": 1})
        one.hear("update_user", UserID="LiNa")
        one.office.reconcile()
        assert one.office.rows("select name, main_department_id, status from associate where userid = 'LiNa'") == [
            ("李娜", 2, 77)
        ]
        one.hear("create_user", UserID="😀 <x>")
        one.hear("create_user", UserID="x" * 300)
        one.office.reconcile()
        assert one.open() == []


class TestOutlets:
    def test_made_renamed_moved_deleted(self, staff):
        """Ids only is normal (ASG-11)."""
        one = staff()
        one.do("create_party", id=9, name="新店", parentid=1)
        one.hear("create_party", Id="9", ParentId="1")
        one.office.reconcile()
        one.do("update_party", id=9, name="新店二", parentid=2)
        one.hear("update_party", Id="9", ParentId="2")
        one.office.reconcile()
        assert one.office.rows("select name, parent_id from outlet where department_id = 9") == [("新店二", 2)]
        one.do("delete_party", id=9)
        one.hear("delete_party", Id="9")
        one.office.reconcile()
        assert one.office.rows("select name, gone_at is not null from outlet where department_id = 9") == [
            ("新店二", True)
        ]
        assert one.facts() == [("outlet_added", "9"), ("outlet_changed", "9"), ("outlet_removed", "9")]

    def test_out_of_sight_is_not_deleted(self, staff):
        """Another code (60011) says so; its members keep it (ASG-11)."""
        one = staff()
        one.see({"visible_departments": [2]})
        one.hear("update_party", Id="3")
        one.office.reconcile()
        assert one.office.rows("select name, in_sight, gone_at from outlet where department_id = 3") == [
            ("滨江店", False, None)
        ]
        one.do("update_user", userid="LiNa", department=[2, 3], main_department=2)
        one.hear("update_user", UserID="LiNa")
        one.office.reconcile()
        assert one.office.rows(MOVED) == [("LiNa", 2, [2])]

    def test_a_department_that_a_member_names_is_read(self, staff):
        """An outlet has a name (ASG-11)."""
        one = staff()
        one.do("create_party", id=9, name="新店", parentid=1)
        one.do("update_user", userid="LiNa", department=[9], main_department=9)
        one.hear("update_user", UserID="LiNa")
        one.office.reconcile()
        assert one.office.rows("select name from outlet where department_id = 9") == [("新店",)]


class TestNewUserid:
    def befriend(self, one: Staff, userid: str = "LiNa") -> str:
        made = one.office.corp.act({"do": "add", "userid": userid, "name": "王小明", "silent": True})
        one.office.want(made["external_userid"])
        one.office.reconcile()
        return str(made["external_userid"])

    def rename(self, one: Staff, old: str = "LiNa", new: str = "lina.cd") -> None:
        one.do("update_user", userid=old, new_userid=new)
        one.hear("update_user", UserID=old, NewUserID=new)
        one.office.reconcile()

    def test_everything_moves(self, staff):
        """Relations, who is assigned; nobody joined, nobody left, nobody is lost (ASG-11, LOSS-1)."""
        one = staff()
        contact = self.befriend(one)
        self.rename(one)
        assert (one.states()["LiNa"], one.states()["lina.cd"]) == ("lina.cd", "here")
        assert one.facts() == [("associate_renamed", "lina.cd")]
        assert one.office.rows("select userid, state from relation") == [("lina.cd", "active")]
        assert one.office.rows("select assigned_userid from customer") == [("lina.cd",)]
        one.office.want(contact)
        one.office.reconcile()
        assert one.office.rows("select userid, state from relation") == [("lina.cd", "active")]
        assert one.office.rows("select type from fact where subject_kind <> 'associate' order by id") == [
            ("relation_started",),
            ("customer_assigned",),
        ]

    def test_the_event_comes_after_a_read_of_the_customer(self, staff):
        """Two rows of one relation become one (ASG-8)."""
        one = staff()
        contact = self.befriend(one)
        one.do("update_user", userid="LiNa", new_userid="lina.cd")
        one.office.want(contact)
        one.office.reconcile()
        assert len(one.office.rows(RELATIONS)) == 2
        one.hear("update_user", UserID="LiNa", NewUserID="lina.cd")
        one.office.reconcile()
        assert one.office.rows(RELATIONS) == [("lina.cd", "active")]
        assert one.office.rows("select assigned_userid from customer") == [("lina.cd",)]
        assert one.states()["LiNa"] == "lina.cd"

    def test_reads_that_do_not_show_it_yet_are_repeated(self, staff):
        """Nothing moves before WeCom's reads bear it out (ASG-11)."""
        one = staff(deletion_lag_s=600, add_lag_s=120)
        one.hear("update_user", UserID="LiNa", NewUserID="lina.cd")
        one.office.reconcile()
        assert one.states()["LiNa"] == "here"
        assert "lina.cd" not in one.states()
        assert sorted(key for key, dead, _ in one.open() if not dead) == ["LiNa", "lina.cd"]
        one.do("update_user", userid="LiNa", new_userid="lina.cd")
        run_now(one)
        assert (one.states()["LiNa"], one.states()["lina.cd"]) == ("lina.cd", "here")

    def test_one_that_reads_deny_for_long_moves_nothing(self, staff):
        """The old userid is there, the new one is not (ASG-11)."""
        one = staff()
        one.hear("update_user", ago_s=60, UserID="LiNa", NewUserID="lina.cd")
        one.office.reconcile()
        assert one.states()["LiNa"] == "here"
        assert one.office.rows("select count(*) from userid_alias") == [(0,)]
        assert one.open() == []

    def test_a_late_loss_names_the_old_userid(self, staff):
        """The customer had removed the associate before; every read denies it (LOSS-1)."""
        one = staff()
        contact = self.befriend(one)
        self.rename(one)
        with one.office.runtime.engine.begin() as connection:
            run(
                connection,
                "insert into evidence (tenant_id, subject_kind, subject_key, kind, fingerprint, userid, occurred_at, "
                "recorded_at) select tenant_id, 'external_contact', :key, 'ended_by_customer', '1', 'LiNa', "
                "started_at + interval '1 second', now() from relation",
                key=contact,
            )
        one.office.want(contact)
        one.office.reconcile()
        assert one.office.rows(RELATIONS) == [("lina.cd", "ended_by_customer")]

    def test_somebody_else_gets_the_old_userid(self, staff):
        """A new member, with nothing of the one before (ASG-11)."""
        one = staff()
        self.befriend(one)
        self.rename(one)
        run(one.office.runtime.engine.connect(), "select 1")
        one.do("create_user", userid="LiNa", name="李娜二", department=[3], main_department=3)
        later = FixedClock(one.office.runtime.clock.now() + timedelta(hours=1))
        one.office.move_clock(later)
        one.hear("create_user", UserID="LiNa")
        one.office.reconcile()
        assert one.states()["LiNa"] == "here"
        assert one.office.rows("select name from associate where userid in ('LiNa', 'lina.cd') order by userid") == [
            ("李娜二",),
            ("李娜",),
        ]
        assert one.facts()[-1] == ("associate_joined", "LiNa")
        assert one.office.rows("select ended_at is not null from userid_alias") == [(True,)]
        assert one.office.rows(RELATIONS) == [("lina.cd", "active")]

    def test_a_row_that_a_late_read_brings_back_moves_within_minutes(self, staff):
        """The old userid is looked at once more (ASG-11)."""
        one = staff()
        self.befriend(one)
        self.rename(one)
        with one.office.runtime.engine.begin() as connection:
            run(connection, "update relation set userid = 'LiNa'")
        later = FixedClock(from_unix(one.office.runtime.clock.now().timestamp() + 150))
        one.office.move_clock(later)
        one.office.reconcile()
        assert one.office.rows(RELATIONS) == [("lina.cd", "active")]
        assert one.open() == []


def run_now(one: Staff) -> None:
    """Whatever waits is due."""
    with one.office.runtime.engine.begin() as connection:
        run(connection, "update request set next_try_at = '2020-01-01'")
    one.office.reconcile()
