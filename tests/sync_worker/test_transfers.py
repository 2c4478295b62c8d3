"""Customers pass to another associate, and every handover is followed to its end (TRF-1, TRF-5)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commands.demo_corp import CORP_ID
from shared.db.engine import run
from sync_worker.reconcilers import takeovers
from tests.convergence.post import PostOffice
from tests.sync_worker.handing import DAY, HOUR, LINA, MINUTE, WANG, ZHANG, ZHAO, ZHOU, Handing, handing_of
from tests.sync_worker.shops import MakeOffice


@pytest.fixture
def handing(make_office: MakeOffice, tmp_path: Path) -> Iterator[Handing]:
    post = PostOffice()
    yield handing_of(make_office(deletion_lag_s=0), post, tmp_path)
    post.close()


def nothing_moved(handing: Handing, **more: str) -> None:
    """LiNa has the customer as before, here as in WeCom."""
    assert handing.states() == {LINA: "active", **more}
    assert handing.assigned() == (LINA, "first_add", "system")
    assert handing.facts()["relation_lost"] == handing.facts()["relation_deleted"] == 0


def test_after_a_day_the_customer_is_the_new_owners(handing: Handing):
    """Asked, accepted, done; WeCom's relations and ours agree, and the history says why and by whom (TRF-1, ASG-9)."""
    handing.live()
    assert handing.ask().kept == 1
    handing.work()
    assert handing.stages() == ["waiting"]
    assert (handing.states(), handing.assigned()[0]) == ({LINA: "active"}, LINA)
    handing.pass_time(DAY - MINUTE)
    assert handing.stages() == ["waiting"]
    handing.pass_time(2 * MINUTE, step_s=MINUTE)
    assert handing.ended() == [("done", None, None)]
    assert handing.states() == {LINA: "transferred", ZHAO: "active"}
    assert handing.assigned() == (ZHAO, "transfer", "Zhou")
    assert handing.writes() == 1


@pytest.mark.parametrize("friends", [[], [WANG]])
@pytest.mark.parametrize("heard", ["nothing", "all", "all at the end", "only the new owner", "only the end"])
def test_whatever_is_heard_the_new_owner_has_the_customer(handing: Handing, heard: str, friends: list[str]):
    """Not the earliest other friend; a handover is neither lost nor deleted, with every event lost (ASG-10, LOSS-1)."""
    handing.live(friends=friends)
    handing.ask()
    handing.work()
    handing.town.advance(DAY + MINUTE)
    letters = handing.town.letters()
    only = {"only the new owner": "add_external_contact", "only the end": "del_external_contact"}.get(heard)
    if heard == "all" or only:
        handing.town.hear([one for one in letters if only in (None, one.fields["ChangeType"])])
        handing.office.reconcile()  # the contact is looked at before anybody looks for the outcome
        assert handing.facts()["relation_deleted"] == 0
    handing.work()
    if heard == "all at the end":
        handing.town.hear(letters)
        handing.work()
    others = dict.fromkeys(friends, "active")
    assert handing.states() == {LINA: "transferred", ZHAO: "active", **others}
    assert handing.assigned() == (ZHAO, "transfer", "Zhou")
    assert handing.facts()["relation_transferred"] == 1
    assert not {"relation_deleted", "relation_lost", "customer_deleted", "customer_lost"} & handing.facts().keys()
    assert handing.rows("select count(*) from assignment_change where why <> 'first_add'") == [(1,)]


def test_the_handover_of_a_regular_friend_leaves_the_assignment(handing: Handing):
    """Only what was the giver's becomes the taker's (ASG-6)."""
    handing.live(friends=[WANG])
    handing.ask(giver=WANG)
    handing.work()
    handing.pass_time(DAY + HOUR)
    assert handing.ended() == [("done", None, None)]
    assert handing.states() == {LINA: "active", WANG: "transferred", ZHAO: "active"}
    assert handing.assigned() == (LINA, "first_add", "system")


def test_a_friend_of_the_customers_takes_over(handing: Handing):
    """WeCom sends no add event then; the relation that is there stays as it is (ASG-4, ASG-9)."""
    handing.live(friends=[WANG, ZHAO])
    handing.ask()
    handing.work()
    handing.pass_time(DAY + HOUR)
    assert handing.states() == {LINA: "transferred", WANG: "active", ZHAO: "active"}
    assert handing.assigned() == (ZHAO, "transfer", "Zhou")


@pytest.mark.parametrize("event", [True, False])
def test_a_customer_who_refuses_stays(handing: Handing, event: bool):
    """With its event it is known at once, without at the next look; nothing has moved (TRF-1)."""
    handing.tune(fail_event=event)
    handing.live()
    handing.ask()
    handing.work()
    handing.pass_time(2 * HOUR)
    handing.office.corp.act({"do": "refuse_transfer", "external_userid": handing.key})
    handing.hear()
    handing.work()
    assert handing.stages() == (["refused"] if event else ["waiting"])
    handing.pass_time(HOUR + MINUTE)
    assert handing.ended() == [("refused", "refused", None)]
    nothing_moved(handing)


def test_a_second_refusal_is_not_the_first_one(handing: Handing):
    """WeCom keeps the rows of earlier requests: what was refused last week ends nothing now (TRF-5)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.office.corp.act({"do": "refuse_transfer", "external_userid": handing.key, "silent": True})
    handing.pass_time(2 * HOUR)
    assert handing.stages() == ["refused"]
    handing.tune(result_lag_s=2 * HOUR)
    handing.ask()
    handing.work()
    handing.pass_time(HOUR + MINUTE)
    assert handing.stages() == ["refused", "waiting"]
    handing.pass_time(DAY)
    assert handing.stages() == ["refused", "done"]


def test_the_third_handover_in_ninety_days_is_not_asked_for(handing: Handing):
    """Our own rows tell, and WeCom too, should they not: the limit is reached (TRF-1)."""
    handing.live()
    for giver, taker in ((LINA, ZHAO), (ZHAO, WANG)):
        assert handing.ask(giver=giver, taker=taker).kept == 1
        handing.work()
        handing.pass_time(DAY + HOUR)
    assert handing.assigned() == (WANG, "transfer", "Zhou")
    assert handing.ask(giver=WANG, taker=LINA).refused == {handing.key: "too_often"}
    with handing.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update transfer set departed = true")  # what another system did is not known here
    assert handing.ask(giver=WANG, taker=LINA).kept == 1
    handing.work()
    assert handing.ended()[2:] == [("limit", "wecom", 40128)]
    assert handing.states() == {LINA: "transferred", ZHAO: "transferred", WANG: "active"}
    assert handing.assigned() == (WANG, "transfer", "Zhou")
    handing.pass_time(90 * DAY, step_s=45 * DAY)
    assert handing.ask(giver=WANG, taker=LINA).kept == 1


def test_a_new_owner_without_room_takes_none(handing: Handing):
    """Full at once or at the end: the limit is reached, and the customers stay (TRF-1)."""
    handing.live(2)
    handing.member(ZHAO, contact_cap=1)
    handing.ask()
    handing.work()
    assert handing.stages() == ["waiting", "waiting"]
    handing.pass_time(DAY + HOUR)
    assert sorted(handing.ended()) == [("done", None, None), ("limit", "taker_full", None)]
    left = [key for key in handing.keys if handing.there(key) == {LINA: "active"}]
    assert [handing.states(key) for key in left] == [{LINA: "active"}]
    handing.ask(*left)
    handing.work()
    assert handing.ended()[2:] == [("limit", "taker_full", 40099)]


def test_the_new_owner_leaves_before_it_takes_effect(handing: Handing):
    """The directory knows it: that is why it failed, whatever WeCom calls it (TRF-5)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.pass_time(HOUR)
    handing.office.corp.act({"do": "resign", "userid": ZHAO, "silent": True})
    with handing.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update associate set gone_at = now() where userid = 'ZhaoMin'")
    handing.pass_time(DAY)
    assert handing.ended() == [("failed", "taker_left", None)]
    nothing_moved(handing)


def test_the_customer_removes_the_associate_while_it_waits(handing: Handing):
    """A loss of the giver's, and no handover (LOSS-1, TRF-5)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.pass_time(HOUR)
    handing.office.corp.act({"do": "customer_deletes", "userid": LINA, "external_userid": handing.key})
    handing.hear()
    handing.pass_time(DAY)
    assert handing.ended() == [("failed", "customer_left", None)]
    assert handing.states() == {LINA: "ended_by_customer"}
    assert handing.facts()["relation_lost"] == 1
    assert handing.rows("select assigned_userid, standing from customer") == [(None, "lost")]


def test_the_associate_removes_the_customer_while_it_waits(handing: Handing):
    """Told or not, it is a deletion once the handover has come to nothing (LOSS-1)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.pass_time(HOUR)
    act = {"do": "member_deletes", "userid": LINA, "external_userid": handing.key, "silent": True}
    handing.office.corp.act(act)
    handing.office.want(handing.key)
    handing.work()
    assert handing.states() == {LINA: "active"}  # it might be the handover
    handing.pass_time(DAY)
    assert handing.stages() == ["refused"]
    assert handing.states() == {LINA: "ended_by_associate"}


def test_customers_go_by_the_hundred_and_each_has_its_code(handing: Handing):
    """250 in three requests; one that WeCom refuses spoils no other (TRF-1)."""
    handing.live(250)
    act = {"do": "member_deletes", "userid": LINA, "external_userid": handing.keys[120], "silent": True}
    handing.office.corp.act(act)
    assert handing.ask().kept == 250
    handing.work()
    assert handing.writes() == 3
    codes = dict(handing.rows("select subject_key, code from transfer where stage = 'failed'"))
    assert codes == {handing.keys[120]: 40131}
    assert handing.rows("select count(*) from transfer where stage = 'waiting'") == [(249,)]
    handing.pass_time(DAY + HOUR)
    assert handing.rows("select count(*) from transfer where stage = 'done'") == [(249,)]
    assert handing.rows("select assigned_userid, count(*) from customer group by 1 order by 2 desc")[0] == (ZHAO, 249)
    assert handing.notices() == [("handed_over", LINA), ("taken_over", ZHAO)]


def test_a_lost_answer_is_looked_up_before_anything_is_asked_again(handing: Handing):
    """WeCom took it and the connection broke: its result tells, and there is one request (TRF-5)."""
    handing.live()
    handing.fault("externalcontact/transfer_customer", cut="after", times=1)
    handing.ask()
    handing.work()
    assert handing.stages() == ["asked"]
    handing.pass_time(11 * MINUTE, step_s=MINUTE)
    assert handing.stages() == ["waiting"]
    assert handing.writes() == 1
    handing.pass_time(DAY)
    assert (handing.stages(), handing.writes()) == (["done"], 1)


def test_a_request_that_never_arrived_is_made_again(handing: Handing):
    """Only after WeCom had the time to show it (TRF-5)."""
    handing.live()
    handing.fault("externalcontact/transfer_customer", cut="before", times=1)
    handing.ask()
    handing.work()
    handing.pass_time(9 * MINUTE, step_s=MINUTE)
    assert handing.stages() == ["asked"]
    handing.pass_time(2 * MINUTE, step_s=MINUTE)
    assert handing.stages() == ["waiting"]


def test_a_result_later_than_we_wait_for_is_still_ours(handing: Handing):
    """The repeat is answered with `under way already`: that was our own first request (TRF-5)."""
    handing.live()
    handing.tune(result_lag_s=HOUR)
    handing.fault("externalcontact/transfer_customer", cut="after", times=1)
    handing.ask()
    handing.work()
    handing.pass_time(11 * MINUTE, step_s=MINUTE)
    assert (handing.ended(), handing.writes()) == ([("waiting", None, None)], 2)
    handing.pass_time(DAY + HOUR)
    assert handing.stages() == ["done"]


def test_somebody_elses_handover_is_not_ours(handing: Handing):
    """A first request that finds one under way has failed, and says so (TRF-1)."""
    handing.live()
    handing.ask(taker=WANG)
    handing.work()
    with handing.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("delete from transfer")
    handing.ask()
    handing.work()
    assert handing.ended() == [("failed", "wecom", 40129)]


def test_what_is_busy_is_waited_out(handing: Handing):
    """It counts as no try, and ends nothing (TRF-5)."""
    handing.live()
    handing.fault("externalcontact/transfer_customer", errcode=45035, times=1)
    handing.ask()
    handing.work()
    assert handing.rows("select stage, attempts::int from transfer") == [("queued", 0)]
    handing.pass_time(MINUTE)
    assert handing.rows("select stage, attempts::int from transfer") == [("waiting", 1)]


def test_with_no_record_of_it_a_read_of_the_customer_decides(handing: Handing):
    """Long past its time: giver gone and new owner there is done (TRF-5)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.tune(result_lag_s=300 * DAY)
    handing.pass_time(DAY + 23 * HOUR)
    assert handing.stages() == ["waiting"]
    handing.pass_time(3 * HOUR)
    assert handing.ended() == [("done", None, None)]
    assert handing.states() == {LINA: "transferred", ZHAO: "active"}
    assert handing.assigned() == (ZHAO, "transfer", "Zhou")


def test_observe_only_sends_nothing_and_keeps_what_is_wanted(handing: Handing):
    """WeCom is not asked before the corp's file says `pushes = true`."""
    handing.live()
    with handing.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    handing.ask()
    handing.work()
    handing.pass_time(DAY, step_s=6 * HOUR)
    assert (handing.stages(), handing.writes()) == (["queued"], 0)
    with handing.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = true")
    handing.work()
    assert (handing.stages(), handing.writes()) == (["waiting"], 1)


@pytest.mark.parametrize("waits", [True, False])
def test_the_customers_of_a_leaver_get_a_new_owner(handing: Handing, waits: bool):
    """Listed as left behind, handed over, no longer left behind; why and by whom is known (TRF-2, ASG-9)."""
    handing.tune(waiting_is_unassigned=waits)
    handing.live()
    handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
    handing.office.resync("directory", "external_contact")
    assert handing.states() == {LINA: "associate_left"}
    assert handing.ask().kept == 1
    handing.work()
    handing.pass_time(DAY + HOUR)
    assert handing.ended() == [("done", None, None)]
    assert handing.states() == {LINA: "transferred", ZHAO: "active"}
    assert handing.assigned() == (ZHAO, "transfer", "Zhou")
    handing.office.resync("external_contact")
    assert handing.states() == {LINA: "transferred", ZHAO: "active"}
    assert handing.notices() == [("taken_over", ZHAO)]


@pytest.mark.parametrize("heard", [True, False])
def test_a_leavers_customer_goes_to_the_new_owner_not_to_the_stand_in(handing: Handing, heard: bool):
    """The giver was the assigned one until they left: who takes over becomes it (ASG-9, ASG-10)."""
    handing.live(friends=[WANG])
    handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
    handing.office.resync("directory", "external_contact")
    assert handing.assigned()[:2] == (WANG, "auto")
    handing.ask()
    handing.work()
    handing.town.advance(DAY + HOUR)
    if heard:
        handing.hear()
        handing.office.reconcile()
    handing.work()
    assert handing.states() == {LINA: "transferred", WANG: "active", ZHAO: "active"}
    assert handing.assigned() == (ZHAO, "transfer", "Zhou")


def test_a_leavers_customer_who_refuses_stays_without_an_associate(handing: Handing):
    """Relations and assignment are as they were (TRF-2)."""
    handing.live()
    handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
    handing.office.resync("directory", "external_contact")
    handing.ask()
    handing.work()
    handing.office.corp.act({"do": "refuse_transfer", "external_userid": handing.key, "silent": True})
    handing.pass_time(2 * HOUR)
    assert handing.ended() == [("refused", "refused", None)]
    assert handing.states() == {LINA: "associate_left"}
    assert handing.rows("select assigned_userid from customer") == [(None,)]


def test_a_handover_back_and_forth_is_two(handing: Handing):
    """Who once handed over gets the customer back, silently: each end has its own handover (ASG-10)."""
    handing.live(friends=[ZHANG])
    handing.ask()
    handing.work()
    handing.pass_time(DAY + HOUR)
    handing.ask(giver=ZHAO, taker=LINA)
    handing.work()
    handing.pass_time(DAY + HOUR)
    assert handing.stages() == ["done", "done"]
    assert handing.states() == {LINA: "active", ZHAO: "transferred", ZHANG: "active"}
    history = handing.rows("select to_userid, why from assignment_change order by id")
    assert history == [(LINA, "first_add"), (ZHAO, "transfer"), (LINA, "transfer")]


def test_what_customers_are_told_reaches_wecom_and_lies_nowhere_in_the_clear(handing: Handing):
    """The author's words instead of WeCom's; they may name people (ACC-3)."""
    handing.live(2)
    handing.ask(handing.keys[0], wish=replace(ZHOU, message="以后由赵敏为您服务"))
    handing.ask(handing.keys[1])
    handing.work()
    assert handing.stages() == ["waiting", "waiting"]
    assert handing.writes() == 2  # those with other words go apart
    told = handing.office.corp.get(f"/sim/corps/{CORP_ID}/look/transfers")
    assert sorted(one["transfer_success_msg"] for one in told) == ["", "以后由赵敏为您服务"]
    assert handing.rows("select 1 from transfer where transfer::text like '%赵敏%'") == []


def test_a_customer_who_cannot_be_read_holds_up_no_other(handing: Handing):
    """An odd answer to one read is no end of a handover, and no dead letter (TRF-5)."""
    handing.live(2)
    handing.ask()
    handing.work()
    handing.tune(result_lag_s=300 * DAY)
    handing.pass_time(DAY + 23 * HOUR, step_s=8 * HOUR)
    handing.fault("externalcontact/get", errcode=60030, times=1)
    handing.pass_time(2 * HOUR)
    handing.pass_time(2 * HOUR)
    assert handing.stages() == ["done", "done"]


@pytest.mark.parametrize("left", [False, True])
def test_who_is_added_while_a_handover_waits_hears_of_a_new_customer(handing: Handing, left: bool):
    """It was the customer's own doing, and the handover may come to nothing: nobody is left untold (TRF-4, G5)."""
    handing.live()
    if left:
        handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
        handing.office.resync("directory", "external_contact")
    handing.ask()
    handing.work()
    handing.pass_time(2 * HOUR)
    handing.office.corp.act({"do": "add", "userid": ZHAO, "external_userid": handing.key})
    handing.town.advance(MINUTE)
    handing.hear()
    handing.work()
    assert handing.states()[ZHAO] == "active"
    assert handing.notices() == [("new_customer", ZHAO)]
    handing.office.corp.act({"do": "refuse_transfer", "external_userid": handing.key, "silent": True})
    handing.pass_time(2 * HOUR)
    assert handing.ended() == [("refused", "refused", None)]
    assert handing.notices() == [("new_customer", ZHAO)]


def test_the_new_owners_friendship_after_the_givers_end_is_the_handovers(handing: Handing):
    """The giver's end is known from an earlier look, the outcome not yet: it is not told as a new customer (TRF-4)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.town.advance(DAY + MINUTE)
    letters = handing.town.letters()
    for change in ("del_external_contact", "add_external_contact"):
        handing.town.hear([one for one in letters if one.fields["ChangeType"] == change])
        handing.office.reconcile()
    assert (handing.stages(), handing.states()) == (["waiting"], {LINA: "transferred", ZHAO: "active"})
    assert handing.notices() == []
    handing.work()
    assert handing.notices() == [("handed_over", LINA), ("taken_over", ZHAO)]


def push(handing: Handing, pushes: bool) -> None:
    with handing.office.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = :pushes", pushes=pushes)


def test_what_may_not_be_sent_keeps_no_worker_busy_and_hides_nothing(handing: Handing, monkeypatch: pytest.MonkeyPatch):
    """Observed only, with more waiting than one run looks after: each run ends, and what was sent is followed."""
    monkeypatch.setattr(takeovers, "AT_ONCE", 3)
    handing.live(5)
    handing.ask(handing.keys[0])
    handing.work()
    with handing.office.runtime.engine.begin() as connection:
        run(connection, "update transfer set id = 1000")  # the others come first
    push(handing, False)
    handing.ask(*handing.keys[1:])
    runs = sum(handing.office.reconciler.reconcile_due(limit=50) for _ in range(20))
    assert runs <= 2
    handing.pass_time(DAY + HOUR)
    assert handing.stages() == ["queued"] * 4 + ["done"]
    push(handing, True)
    handing.work()
    assert handing.stages() == ["waiting"] * 4 + ["done"]


@pytest.mark.parametrize("taken", [True, False])
def test_a_lost_answer_is_followed_when_nothing_may_be_sent_any_more(handing: Handing, taken: bool):
    """WeCom's results tell, however late; what they never show was not taken, and is under way no longer (TRF-5)."""
    handing.live()
    handing.tune(result_lag_s=HOUR)
    handing.fault("externalcontact/transfer_customer", cut="after" if taken else "before", times=1)
    handing.ask()
    handing.work()
    push(handing, False)
    handing.pass_time(30 * MINUTE, step_s=10 * MINUTE)
    assert handing.rows("select stage, attempts::int from transfer") == [("queued", 1)]
    handing.pass_time(DAY + 4 * HOUR)
    assert handing.rows("select stage, attempts::int from transfer") == [("done" if taken else "queued", 1)]
    handing.pass_time(DAY)
    assert handing.rows("select stage, attempts::int from transfer") == [("done", 1) if taken else ("queued", 0)]
    push(handing, True)
    handing.pass_time(HOUR)
    assert handing.stages() == ["done" if taken else "waiting"]
