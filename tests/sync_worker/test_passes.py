"""Full passes beside each other: blocks and their leases, turns, what one page may undo of another."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from commands.demo_corp import record_demo_corp
from shared.db.engine import run
from shared.requests import Subject, Wanted, lock, want
from shared.sync_blocks import add_seen, give_up_block, lease_block, release_block, restart_block, save_page
from shared.sync_runs import LostLeaseError, cancel_runs, finish, lease_run, open_bootstraps, open_runs
from sync_worker.resync import steps
from sync_worker.walkers import Walkers
from tests.sync_worker.conftest import Office
from tests.sync_worker.shops import TEAM, MakeOffice, customers_of, shop_of, states
from tests.sync_worker.staff import Staff

SIGHT = "externalcontact/get_follow_user_list"
BATCH = "externalcontact/batch/get_by_user"
UNASSIGNED = "externalcontact/get_unassigned_list"


def open_pass(office: Office, *resources: str) -> None:
    with office.runtime.engine.begin() as connection:
        open_runs(connection, office.tenant.id, resources=resources, now=office.runtime.clock.now())


def test_two_first_syncs_that_end_at_once_bring_their_corp_to_life(make_office: MakeOffice):
    """Each would find the other one still open, and the corp would stay silent for ever (G2)."""
    office, entered = make_office(), Barrier(2)
    record_demo_corp(office.runtime)
    now = office.runtime.clock.now() + timedelta(seconds=1)
    with office.runtime.engine.begin() as connection:
        open_bootstraps(connection, resources=("tag", "directory"), now=now)
        runs = [lease_run(connection, now=now, lease_s=60) for _ in range(2)]
    first, second = (one for one in runs if one)

    def end_second() -> None:
        with office.runtime.engine.begin() as connection:
            entered.wait(5)
            finish(connection, second, now=now)

    with ThreadPoolExecutor(1) as pool:
        with office.runtime.engine.begin() as connection:
            finish(connection, first, now=now)
            other = pool.submit(end_second)
            entered.wait(5)
            time.sleep(0.2)
        other.result(5)
    assert office.rows("select state from tenant") == [("live",)]


def test_what_changes_under_a_walk_makes_no_pass_incomplete(make_office: MakeOffice):
    """A friend newer than their page, and an edit that moved its row to a page already read: nothing was missed."""
    office = make_office(add_lag_s=0)
    office.corp.add_customers(1, userids=[TEAM[0]])
    (old,) = customers_of(office, TEAM[0])
    record_demo_corp(office.runtime)
    office.walk()
    open_pass(office, "external_contact")
    new = office.happen({"do": "add", "userid": TEAM[1], "name": "c", "at": int(time.time())}, "add_external_contact")
    edit = {"do": "edit", "userid": TEAM[0], "external_userid": old, "remark": "老友"}
    assert office.happen(edit, "edit_external_contact") == old
    office.reconcile()
    office.corp.post("/sim/faults", {"path": BATCH, "spoil": "empty", "times": 1})
    office.walk()
    assert office.rows("select state, incomplete from sync_run where kind = 'resync'") == [("done", [])]
    assert customers_of(office, TEAM[0]) + customers_of(office, TEAM[1]) == [old, new]


def test_a_subject_without_rows_can_be_locked(make_office: MakeOffice):
    """Most contacts have no request: two who plan from their rows must not do so at once (G2)."""
    office = make_office()
    record_demo_corp(office.runtime)
    subject, entered = Subject(office.tenant.id, "external_contact", "wmNew"), Barrier(2)
    order: list[str] = []

    def second() -> None:
        with office.runtime.engine.begin() as connection:
            entered.wait(5)
            lock(connection, [subject])
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with office.runtime.engine.begin() as connection:
            lock(connection, [subject])
            other = pool.submit(second)
            entered.wait(5)
            time.sleep(0.2)
            # A wish of the first one meanwhile must not wait for the second.
            want(connection, [Wanted(subject, 0, "event")], now=office.runtime.clock.now())
            order.append("first")
        other.result(5)
    assert order == ["first", "second"]


def test_two_pages_of_one_contact_at_once_assign_it_as_one_after_the_other(make_office: MakeOffice):
    """Whoever was first a friend has the customer, whichever page comes first (ASG-1)."""
    office = shop_of(make_office, 1, add_lag_s=0)
    now = int(time.time())
    acts = [{"do": "add", "userid": TEAM[n % 4], "name": f"c{n}", "at": now - 90, "silent": True} for n in range(300)]
    ids = [one["external_userid"] for one in office.corp.act(acts)]
    others = [TEAM[(n + 1 + n // 4 % 3) % 4] for n in range(300)]
    again = [{"external_userid": one, "userid": who} for one, who in zip(ids, others, strict=True)]
    office.corp.act([{"do": "add", "at": now - 60, "silent": True, **one} for one in again])
    open_pass(office, "external_contact")
    walkers = [
        Walkers(one.runtime, directory=one.directory, clients=one.clients) for one in (office, make_office(add_lag_s=0))
    ]
    while office.rows("select state from sync_run order by id desc limit 1") == [("walking",)]:
        for one in walkers:
            one.look()
        time.sleep(0.05)
    for one in walkers:
        one.stop(within_s=5)
    assigned = dict(
        office.rows(
            "select e.external_userid, u.assigned_userid from customer u join external_contact e "
            "on e.customer_id = u.id where e.name like 'c%'"
        )
    )
    assert assigned == {one: TEAM[n % 4] for n, one in enumerate(ids)}


def test_what_begins_or_ends_does_not_wait_for_the_blocks_of_another_run(make_office: MakeOffice):
    """A big pass never runs out of blocks; an approval, or the first sync of another corp, goes on (fair turns)."""
    office = shop_of(make_office, 30, resync_parallel=4)
    open_pass(office, "external_contact")
    office.step()
    open_pass(office, "tag")
    office.step()
    assert office.rows("select phase <> 'cut' from sync_run order by id desc limit 1") == [(True,)]
    assert office.rows("select pages from sync_block where run_id = (select max(run_id) from sync_block)") == [(0,)] * 5


def test_the_corp_whose_last_page_is_the_oldest_is_next(make_office: MakeOffice):
    """A block that was given back does not go straight to the same corp again (fair turns)."""
    office = shop_of(make_office, 1)
    record_demo_corp(office.runtime, corp_id="wwdemo0000000002")
    now, order = office.runtime.clock.now(), []
    with office.runtime.engine.begin() as connection:
        run(connection, "update tenant set state = 'live'")
        for tenant_id in (1, 2):
            (run_id,) = open_runs(connection, tenant_id, resources=("external_contact",), now=now)
            some = {"tenant_id": tenant_id, "run_id": run_id}
            run(connection, "update sync_run set phase = 'walk' where id = :run_id and tenant_id = :tenant_id", **some)
            blocks = "select :tenant_id, :run_id, n, array['x'] from generate_series(0, 5) n"
            run(connection, f"insert into sync_block (tenant_id, run_id, number, userids) {blocks}", **some)
    for second in range(6):
        at = now + timedelta(seconds=second)
        with office.runtime.engine.begin() as connection:
            leased = lease_block(connection, parallel=5, now=at, lease_s=60)
            assert leased is not None
            held, block = leased
            block = save_page(connection, held, block, cursor="c", done=False, rows=1, now=at, lease_s=60)
            release_block(connection, held, block, at=at, error=None, failed=False)
            order.append(held.tenant_id)
    assert order == [1, 2, 1, 2, 1, 2]


def test_no_more_blocks_of_a_run_at_once_than_allowed(make_office: MakeOffice):
    """However many ask in the same moment (budgets)."""
    office = shop_of(make_office, 2, resync_parallel=4)
    open_pass(office, "external_contact")
    office.step()
    start, now = Barrier(6), office.runtime.clock.now()

    def claim(_: int) -> bool:
        with office.runtime.engine.connect() as connection:
            start.wait(5)
            with connection.begin():
                return lease_block(connection, parallel=2, now=now, lease_s=60) is not None

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(claim, range(6))) == 2


def test_who_lost_a_block_leaves_it_alone(make_office: MakeOffice):
    """What its successor has seen stays, and the report says nothing of it."""
    office = shop_of(make_office, 2)
    open_pass(office, "external_contact")
    office.step()
    now = office.runtime.clock.now()
    with office.runtime.engine.begin() as connection:
        first = lease_block(connection, parallel=1, now=now, lease_s=1)
    with office.runtime.engine.begin() as connection:
        second = lease_block(connection, parallel=1, now=now + timedelta(seconds=2), lease_s=60)
        assert first is not None
        assert second is not None
        assert second[1].number == first[1].number
        add_seen(connection, second[0], second[1], ["LiNa"], ["wm1"])
    with pytest.raises(LostLeaseError), office.runtime.engine.begin() as connection:
        give_up_block(connection, *first, why="timeout")
    with pytest.raises(LostLeaseError), office.runtime.engine.begin() as connection:
        restart_block(connection, *first, now=now)
    assert office.rows("select count(*) from sync_seen") == [(1,)]


def test_a_cancelled_pass_leaves_no_notes(make_office: MakeOffice, monkeypatch: pytest.MonkeyPatch):
    """What its pages had shown is of no use to anybody."""
    office = shop_of(make_office, 60, resync_parallel=1)
    open_pass(office, "external_contact")
    monkeypatch.setattr(steps, "LONGEST_STEP_S", 0.0001)  # one page a step
    office.step()
    office.step()
    assert office.rows("select count(*) from sync_seen") == [(1,)]
    with office.runtime.engine.begin() as connection:
        now = office.runtime.clock.now()
        assert cancel_runs(connection, office.tenant.id, resources=["external_contact"], now=now) == 1
    assert office.rows("select count(*) from sync_seen") == [(0,)]


def test_a_first_look_that_shows_nobody_is_not_the_last(make_office: MakeOffice):
    """Who is in sight is asked again before anything is concluded: they are walked then (G3)."""
    office = shop_of(make_office, 5)
    gone = customers_of(office, "LiNa")[0]
    office.corp.act({"do": "member_deletes", "userid": "LiNa", "external_userid": gone, "silent": True})
    office.corp.post("/sim/faults", {"path": SIGHT, "spoil": "empty", "times": 1})
    assert office.resync("external_contact") == [("external_contact", "done")]
    assert states(office, "LiNa") == {"active": 4, "ended_by_associate": 1}


def test_nor_in_a_first_sync(make_office: MakeOffice):
    """Otherwise the corp would be live without a customer (G3)."""
    office = make_office()
    office.corp.add_customers(20, userids=TEAM)
    record_demo_corp(office.runtime)
    office.corp.post("/sim/faults", {"path": SIGHT, "spoil": "empty", "times": 1})
    office.walk()
    assert office.rows("select count(*) from relation where state = 'active'") == [(20,)]


def test_a_name_that_goes_back_is_seen(make_office: MakeOffice):
    """A walk remembers rows together with the contact's profile, also when another read has changed that (G2)."""
    office = shop_of(make_office, 2)
    one = customers_of(office, "LiNa")[0]
    office.want(one)
    office.reconcile()
    office.resync("external_contact")
    sql = f"select name from external_contact where external_userid = '{one}'"
    before = office.rows(sql)
    for name in ("新名字", before[0][0]):
        office.corp.act({"do": "customer_renames", "external_userid": one, "name": name, "silent": True})
        if name == "新名字":
            office.want(one)
            office.reconcile()
    office.resync("external_contact")
    assert office.rows(sql) == before


def test_who_left_after_going_out_of_sight_has_left(make_office: MakeOffice):
    """In whatever order that becomes known (TRF-2)."""
    office = make_office(deletion_lag_s=0)
    office.corp.add_customers(5, userids=["LiNa"])
    staff = Staff(office, contact_sync=True).live()
    staff.see({"visible": [one for one in TEAM if one != "LiNa"]})
    office.resync()
    assert states(office, "LiNa") == {"out_of_sight": 5}
    staff.do("resign", userid="LiNa")
    staff.hear("delete_user", UserID="LiNa")
    office.corp.post("/sim/faults", {"path": UNASSIGNED, "spoil": "empty", "times": 99})
    office.reconcile()
    office.walk()
    office.resync()
    assert states(office, "LiNa") == {"associate_left": 5}


def test_a_young_friendship_that_a_pass_does_not_find_is_looked_at_again(make_office: MakeOffice):
    """Reads may not show it yet: no end, and no waiting for the next pass either (ASG-10)."""
    office = shop_of(make_office, 1, add_lag_s=120)
    friend = {"userid": "LiNa", "external_userid": office.happen({"do": "add", "userid": "LiNa", "name": "x"}, "added")}
    office.reconcile()
    office.corp.act({"do": "member_deletes", **friend, "silent": True})
    time.sleep(1.1)  # it began in an earlier second than the walk
    office.resync("external_contact")
    key = friend["external_userid"]
    assert office.rows(f"select state from relation where external_userid = '{key}'") == [("active",)]
    assert office.rows(
        f"select cause from request where subject_key = '{key}' and generation > settled_generation"
    ) == [("resync",)]


@pytest.mark.parametrize("dimission_time", [0, None, 999_999_999, 4_000_000_000, 10**30])
def test_who_is_there_is_not_unassigned(make_office: MakeOffice, dimission_time: int | None):
    """Whatever a list says of somebody whom the walk shows; nor is an impossible time one (TRF-2)."""
    office = shop_of(make_office, 2)
    one = customers_of(office, "LiNa")[0]
    rows = [
        {"handover_userid": who, "external_userid": one, "dimission_time": dimission_time} for who in ("LiNa", "Gone")
    ]
    wrong = {"info": rows, "is_last_page": True, "next_cursor": ""}
    office.corp.post("/sim/faults", {"path": UNASSIGNED, "spoil": wrong, "times": 1})
    assert office.resync("external_contact") == [("external_contact", "done")]
    assert states(office, "LiNa") == {"active": 2}
    ((state, sane),) = office.rows(
        "select state, ended_at between now() - interval '1 day' and now() from relation where userid = 'Gone'"
    )
    assert (state, sane) == ("associate_left", True)
