"""The full pass over the directory: what it finds, and what it never concludes."""

from collections.abc import Callable

import pytest

from shared.db.engine import run
from shared.plans import approve
from tests.sync_worker.conftest import Office
from tests.sync_worker.staff import Staff

MakeStaff = Callable[..., Staff]
ALL = ("LiNa", "WangFang", "ZhangWei", "ZhaoMin")
DONE = [("directory", "done")]


@pytest.fixture
def staff(make_office: Callable[..., Office]) -> MakeStaff:
    """A corp in its working life; reads are never behind events."""

    def make(*, contact_sync: bool = False, **settings: object) -> Staff:
        settings = {"deletion_lag_s": 1, "reconcile_backoff_s": (0.01,), **settings}
        return Staff(make_office(**settings), contact_sync=contact_sync).live()

    return make


def resync(one: Staff) -> list[tuple[str, str]]:
    found = one.office.resync("directory")
    one.office.reconcile()
    return found


def calls(one: Staff, api: str) -> int:
    return sum(one.office.corp.get("/sim/calls").get(api, {}).values())


class TestFinds:
    def test_joins_moves_and_departments_whose_events_were_lost(self, staff):
        """Everything is as WeCom shows it, and told as found by a pass (ASG-11)."""
        one = staff()
        one.do("create_party", id=9, name="新店", parentid=1)
        one.do("create_user", userid="SunLei", name="孙磊", department=[9], main_department=9)
        one.do("update_user", userid="LiNa", department=[3, 9], main_department=3, direct_leader=["ZhaoMin"])
        one.do("update_party", id=2, name="西湖二店", department_leader=["WangFang"])
        assert resync(one) == DONE
        assert one.states() == dict.fromkeys((*ALL, "SunLei"), "here")
        rows = "select name, main_department_id, department_ids, direct_leaders, cause from associate where userid = "
        assert one.office.rows(rows + "'LiNa'") == [("李娜", 3, [3, 9], ["ZhaoMin"], "resync")]
        assert one.office.rows(rows + "'SunLei'") == [("孙磊", 9, [9], [], "resync")]
        assert one.office.rows("select name, leaders from outlet where department_id = 2") == [
            ("西湖二店", ["WangFang"])
        ]
        assert sorted(one.facts()) == [
            ("associate_joined", "SunLei"),
            ("associate_moved", "LiNa"),
            ("outlet_added", "9"),
            ("outlet_changed", "2"),
        ]
        assert one.office.rows("select distinct cause from fact") == [("resync",)]

    def test_an_unchanged_corp_costs_no_row(self, staff):
        """Nothing is written, nothing told, and nobody is read by themselves (ASG-11)."""
        one = staff()
        versions = (
            "select userid, xmin::text, observed_at from associate "
            "union all select name, xmin::text, observed_at from outlet order by 1"
        )
        before, reads = one.office.rows(versions), calls(one, "user/get")
        assert resync(one) == DONE
        assert one.office.rows(versions) == before
        assert (one.facts(), calls(one, "user/get")) == ([], reads)
        assert one.office.rows("select count(*) from sync_seen") == [(0,)]

    def test_who_was_found_by_the_first_pass_of_an_old_corp_is_no_news(self, staff):
        """A corp that lived before its directory was ever walked (ASG-11)."""
        one = staff()
        with one.office.runtime.engine.begin() as connection:
            for statement in ("delete from sync_run", "delete from associate", "delete from outlet"):
                run(connection, statement)
        assert resync(one) == DONE
        assert one.states() == dict.fromkeys(ALL, "here")
        assert one.facts() == []

    def test_members_of_many_departments_and_many_departments(self, staff):
        """A department a page, blocks of a few; a member in several is one member (G3)."""
        one = staff()
        base = "/sim/corps/wwdemo0000000001"
        one.office.corp.post(
            base + "/departments", [{"id": n, "name": f"店{n}", "parentid": 1} for n in range(10, 260)]
        )
        people = [
            {"userid": f"u{n}", "name": f"员{n}", "department": [n, n + 1, 10], "main_department": n}
            for n in range(10, 250)
        ]
        one.office.corp.post(base + "/members", people)
        assert resync(one) == DONE
        assert one.office.rows("select count(*) from associate where in_sight and gone_at is null") == [(244,)]
        assert one.office.rows("select count(*) from outlet") == [(253,)]
        assert len(one.facts()) == 240 + 250

    def test_only_some(self, staff):
        """A pass over a few associates reads each by itself."""
        one = staff()
        one.do("update_user", userid="LiNa", department=[3], main_department=3)
        one.do("update_user", userid="WangFang", department=[3], main_department=3)
        with one.office.runtime.engine.begin() as connection:
            run(
                connection,
                "insert into sync_run (tenant_id, kind, resource, state, scope, started_at, next_try_at) "
                "select id, 'resync', 'directory', 'walking', array['LiNa'], now(), now() from tenant",
            )
        one.office.walk()
        assert one.office.rows("select userid from associate where main_department_id = 3 order by 1") == [
            ("LiNa",),
            ("ZhangWei",),
            ("ZhaoMin",),
        ]
        assert one.office.rows("select state from sync_run order by id desc limit 1") == [("done",)]


class TestDepartures:
    def test_without_contact_sync_nobody_is_known_to_have_left(self, staff):
        """No such member is what the app also reads of those out of its sight (TRF-2)."""
        one = staff()
        one.do("resign", userid="LiNa")
        assert resync(one) == DONE
        assert (one.states()["LiNa"], one.facts()) == ("hidden", [("associate_out_of_sight", "LiNa")])
        one.hear("delete_user", UserID="LiNa")
        one.office.reconcile()
        assert one.states()["LiNa"] == "gone"

    @pytest.mark.parametrize("new_address", [True, False])
    def test_whom_contact_sync_does_not_list_has_left(self, staff, new_address):
        """Their event was lost; a read of their own bears it out (TRF-2)."""
        one = staff(contact_sync=True)
        one.see({}, new_address=new_address)
        one.do("resign", userid="LiNa")
        assert resync(one) == DONE
        assert one.states() == {**dict.fromkeys(ALL, "here"), "LiNa": "gone"}
        assert one.facts() == [("associate_left", "LiNa")]
        assert resync(one) == DONE
        assert len(one.facts()) == 1

    @pytest.mark.parametrize("contact_sync", [True, False])
    @pytest.mark.parametrize("scope", [{"visible": ["WangFang"]}, {"visible_departments": [2]}])
    def test_a_smaller_range_makes_nobody_leave(self, staff, contact_sync, scope):
        """However many: they are out of sight, and come back as they were (TRF-2)."""
        one = staff(contact_sync=contact_sync, guard_floor=0, guard_share=0)
        one.see(scope)
        assert resync(one) == DONE
        kept = {"WangFang"} if "visible" in scope else {"WangFang", "LiNa"}
        assert one.states() == {userid: "here" if userid in kept else "hidden" for userid in ALL}
        assert one.office.rows("select count(*) from associate where name is null or gone_at is not null") == [(0,)]
        assert one.office.rows("select count(*) from outlet where gone_at is not null") == [(0,)]
        reads = calls(one, "user/get")
        assert resync(one) == DONE
        assert calls(one, "user/get") == reads + (1 if "visible" in scope else 0)  # by name: no department shows them
        one.see({})
        assert resync(one) == DONE
        assert one.states() == dict.fromkeys(ALL, "here")
        assert {kind for kind, _ in one.facts()} == {"associate_out_of_sight", "associate_in_sight"}

    def test_a_range_cut_takes_no_departments_from_members(self, staff):
        """Reads leave out those that the app may not see (ASG-11)."""
        one = staff()
        one.do("update_user", userid="LiNa", department=[2, 3], main_department=2)
        assert resync(one) == DONE
        one.see({"visible_departments": [2]})
        assert resync(one) == DONE
        assert one.office.rows("select department_ids from associate where userid = 'LiNa'") == [([2, 3],)]

    def test_who_is_listed_only_is_known_by_id(self, staff):
        """Contact sync sees the whole corp: no name, no news (ASG-11)."""
        one = staff(contact_sync=True)
        one.see({"visible_departments": [2]})
        one.do("create_user", userid="SunLei", name="孙磊", department=[3], main_department=3)
        assert resync(one) == DONE
        assert one.states()["SunLei"] == "hidden"
        assert ("associate_joined", "SunLei") not in one.facts()
        one.do("resign", userid="SunLei")
        assert resync(one) == DONE
        assert one.states()["SunLei"] == "gone"

    def test_a_leaver_whom_contact_sync_lists_again_is_back(self, staff):
        """Their event was lost (ASG-11)."""
        one = staff(contact_sync=True)
        one.do("resign", userid="LiNa")
        assert resync(one) == DONE
        one.office.corp.post(
            "/sim/corps/wwdemo0000000001/members", [{"userid": "LiNa", "resigned": False, "status": 1}]
        )
        one.see({"visible": ["WangFang"]})
        assert resync(one) == DONE
        assert one.states()["LiNa"] == "hidden"

    def test_too_many_at_once_wait_for_a_person(self, staff):
        """Who approves exactly that plan (G3)."""
        one = staff(contact_sync=True, guard_floor=1, guard_share=0)
        for userid in ("LiNa", "ZhaoMin"):
            one.do("resign", userid=userid)
        assert resync(one) == [("directory", "incomplete")]
        assert one.states() == dict.fromkeys(ALL, "here")
        ((checksum, counts),) = one.office.rows("select checksum, counts from removal_plan where state = 'refused'")
        assert counts == {"associate_left": 2}
        one.office.corp.post(
            "/sim/corps/wwdemo0000000001/members", [{"userid": "ZhaoMin", "resigned": False, "status": 1}]
        )
        runtime = one.office.runtime
        with runtime.engine.begin() as connection:
            ((tenant_id,),) = one.office.rows("select id from tenant")
            approve(connection, tenant_id, checksum, by="someone", now=runtime.clock.now())
        one.office.walk()
        assert (one.states()["LiNa"], one.states()["ZhaoMin"]) == ("gone", "here")
        assert one.office.rows("select state, skipped from removal_plan") == [("applied", 1)]

    def test_a_department_that_is_gone(self, staff):
        """Its event was lost; WeCom says that there is none (ASG-11)."""
        one = staff()
        one.do("create_party", id=9, name="新店", parentid=1)
        resync(one)
        one.do("delete_party", id=9)
        assert resync(one) == DONE
        assert one.office.rows("select name, gone_at is not null from outlet where department_id = 9") == [
            ("新店", True)
        ]
        assert one.facts() == [("outlet_added", "9"), ("outlet_removed", "9")]


class TestTrouble:
    @pytest.mark.parametrize(
        "fault",
        [
            {"path": "user/list", "errcode": -1},
            {"path": "user/list", "http_status": 502},
            {"path": "user/list", "spoil": "garbage"},
            {"path": "department/list", "errcode": 45009},
            {"path": "department/list", "spoil": "garbage"},
            {"path": "user/list_id", "errcode": 60020},
        ],
        ids=lambda fault: "-".join(map(str, fault.values())),
    )
    def test_an_error_on_any_page_removes_nobody(self, staff, fault):
        """The pass ends as incomplete, or waits; nothing is concluded (G3)."""
        one = staff(contact_sync=True, resync_tries=2)
        one.do("resign", userid="LiNa")
        one.office.corp.post("/sim/faults", {**fault, "times": 99})
        assert resync(one)[0][1] in {"incomplete", "failed", "walking"}
        assert one.states() == dict.fromkeys(ALL, "here")
        assert one.facts() == []

    @pytest.mark.parametrize("path", ["user/list", "department/list", "user/list_id"])
    def test_an_empty_answer_removes_nobody(self, staff, path):
        """Success, but wrong: each is read by itself, and is there (design: absence is suspicious)."""
        one = staff(contact_sync=True)
        one.office.corp.post("/sim/faults", {"path": path, "spoil": "empty", "times": 99})
        resync(one)
        assert one.states() == dict.fromkeys(ALL, "here")
        assert one.office.rows("select count(*) from outlet where gone_at is null and in_sight") == [(3,)]
        assert one.facts() == []

    def test_a_department_that_vanishes_under_the_walk(self, staff):
        """It is looked at by itself; the walk goes on (G3)."""
        one = staff()
        one.do("create_party", id=9, name="新店", parentid=1)
        with one.office.runtime.engine.begin() as connection:
            run(
                connection,
                "insert into sync_run (tenant_id, kind, resource, state, started_at, next_try_at) "
                "select id, 'resync', 'directory', 'walking', now(), now() from tenant",
            )
        for _ in range(4):
            one.office.step()
        one.do("delete_party", id=9)
        one.office.walk()
        assert one.office.rows("select state from sync_run order by id desc limit 1") == [("done",)]
        assert one.office.rows("select gone_at is not null from outlet where department_id = 9") == [(True,)]

    def test_a_row_that_the_database_refuses_holds_up_nobody(self, staff):
        """The bad one is buried alone, the others arrive (G3)."""
        one = staff()
        for userid in ("SunLei", "QianJun"):
            one.do("create_user", userid=userid, name="孙磊", department=[3], main_department=3)
        with one.office.runtime.engine.begin() as connection:
            run(connection, "alter table associate add constraint no check (userid <> 'SunLei')")
        assert resync(one) == DONE
        assert one.states() == dict.fromkeys((*ALL, "QianJun"), "here")

    def test_rubbish_in_a_page(self, staff):
        """Null names, texts for numbers, nameless rows, an id nobody can have (ASG-11)."""
        one = staff()
        odd = [
            {"userid": "LiNa", "name": None, "department": "x", "status": "1", "main_department": None},
            {"userid": "Odd", "name": "😀", "department": [2, "x"], "is_leader_in_dept": [1], "order": None},
            {"userid": "y" * 3000, "name": "长"},
            {"userid": None},
            "text",
            None,
        ]
        one.office.corp.post("/sim/faults", {"path": "user/list", "spoil": {"userlist": odd}, "times": 99})
        assert resync(one) == DONE
        assert one.states() == {**dict.fromkeys(ALL, "here"), "Odd": "here"}
        assert one.office.rows("select name, main_department_id from associate where userid = 'LiNa'") == [("李娜", 2)]
