"""Due subjects: observed, planned, recorded, settled, by whoever holds the lease."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import responses

from commands.demo_corp import record_demo_corp
from commands.waiting import wait_for
from shared.clock import SystemClock
from shared.db.engine import run
from tests.sync_worker.conftest import Office

STATES = "select userid, state from relation order by userid"


def add(office: Office, userid: str = "LiNa", **more: object) -> str:
    made = office.corp.act({"do": "add", "userid": userid, "name": "王小明", "silent": True, **more})
    return str(made["external_userid"])


def test_a_relation_that_vanished_without_an_event_ends_after_a_second_look(office: Office) -> None:
    """Absence is confirmed by another way of reading before anything ends (design: absence is suspicious)."""
    one = add(office)
    office.want(one)
    office.reconcile()
    office.corp.act({"do": "member_deletes", "userid": "LiNa", "external_userid": one, "silent": True})
    office.want(one)
    office.reconcile()
    assert office.rows(STATES) == [("LiNa", "ended_by_associate")]
    assert office.rows("select dead_at, generation - settled_generation from request where lane = 1") == [(None, 0)]


def test_a_relation_of_an_associate_out_of_sight_has_not_ended(office: Office) -> None:
    """A function that was switched off says nothing about the friendship."""
    one = add(office)
    office.want(one)
    office.reconcile()
    office.corp.act({"do": "function_off", "userid": "LiNa"})
    office.want(one)
    office.reconcile()
    assert office.rows(STATES) == [("LiNa", "out_of_sight")]
    office.corp.act({"do": "function_on", "userid": "LiNa"})
    office.want(one)
    office.reconcile()
    assert office.rows(STATES) == [("LiNa", "active")]


def test_a_contact_of_another_corp_with_a_profile_is_recorded(office: Office) -> None:
    """A WeCom user's external_profile is an object; the simulator gives none, the platform does."""
    profile = {"external_attr": [{"type": 0, "name": "Team", "text": {"value": "North \\ud83d"}}]}
    answer = {
        "errcode": 0,
        "external_contact": {
            "external_userid": "woPartner1",
            "name": "a\u0000b",
            "type": 2,
            "external_profile": profile,
            "unknown": {"x": 1},
        },
        "follow_user": [
            {"userid": "LiNa", "createtime": 1760000000, "add_way": 99, "tags": []},
            {"remark": "nameless"},
        ],
    }
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.add_passthru(office.corp.simulator_url + "/sim")
        mocked.add_passthru(office.corp.simulator_url + "/cgi-bin/gettoken")
        mocked.add_passthru(office.corp.simulator_url + "/cgi-bin/user")
        url = office.corp.simulator_url + "/cgi-bin/externalcontact/get"
        mocked.add(responses.GET, url, body=json.dumps(answer).replace("\\\\\\\\ud83d", "\\\\ud83d"))
        office.want("woPartner1")
        office.reconcile()
    assert office.rows("select name, type, profile is not null from external_contact") == [("ab", 2, True)]
    assert office.rows(STATES) == [("LiNa", "active")]


def test_a_run_whose_lease_went_to_somebody_else_writes_nothing(make_office: Callable[..., Office]) -> None:
    """Whoever commits shows the newest fence: an old read never overwrites a newer one (design: leases are fenced)."""
    office, other = make_office(), make_office()
    record_demo_corp(office.runtime)
    office.walk()
    one = add(office, remark="old")
    office.want(one)
    office.corp.post("/sim/faults", {"path": "externalcontact/get", "hang_s": 2})
    assert office.reconciler.start_due() == 1
    wait_for(lambda: office.corp.get("/sim/calls").get("externalcontact/get"), "the first read")
    office.corp.act({"do": "edit", "remark": "new", "silent": True, "userid": "LiNa", "external_userid": one})
    with office.runtime.engine.begin() as connection:
        run(connection, "update request set lease_until = now() - interval '1 second'")
    other.reconcile()
    assert not office.reconciler.wait(0)
    assert office.reconciler.wait(10)
    assert office.rows("select remark from relation") == [("new",)]
    assert office.rows("select generation - settled_generation from request where lane = 1") == [(0,)]


def test_wecom_busy_or_down_postpones_and_loses_nothing(office: Office) -> None:
    """A refusal for now leaves the subject due, with its reason; no dead letter."""
    one = add(office)
    office.corp.post("/sim/faults", {"path": "externalcontact/get", "errcode": 45033, "times": 1})
    office.want(one)
    office.reconcile()
    ((attempts, reason, dead_at),) = office.rows("select attempts, last_error, dead_at from request where lane = 1")
    assert (attempts, dead_at) == (1, None)
    assert "45033" in reason
    with office.runtime.engine.begin() as connection:
        run(connection, "update request set next_try_at = :now", now=office.runtime.clock.now() - timedelta(seconds=1))
    office.reconcile()
    assert office.rows(STATES) == [("LiNa", "active")]


def test_ten_minutes_without_wecom_cost_few_calls_and_no_work(
    make_office: Callable[..., Office], tmp_path: Path
) -> None:
    """A few reads find out; then all subjects wait without growing backoffs, and are read when it is back (G6)."""
    clock_file = tmp_path / "clock"
    clock_file.write_text("0")
    office = make_office()
    record_demo_corp(office.runtime)
    office.walk()
    office.reconcile()
    customers = [add(office) for _ in range(40)]
    office.move_clock(SystemClock(clock_file))
    for one in customers:
        office.want(one)
    office.corp.post("/sim/faults", {"down": "502"})
    for minute in (0, 1, 2, 5, 9):
        clock_file.write_text(str(minute * 60))
        office.reconcile()
    due = "from request where generation > settled_generation"
    assert office.rows(f"select count(*), count(dead_at) {due}") == [(40, 0)]
    ((most_tries,),) = office.rows(f"select max(attempts) {due}")
    assert most_tries <= 5
    office.corp.post("/sim/faults", {"clear": True})
    for minute in (10, 11, 12):
        clock_file.write_text(str(minute * 60))
        office.reconcile()
    assert office.rows("select count(*) from relation where state = 'active'") == [(40,)]
    assert not office.rows(f"select 1 {due}")


def test_one_subject_that_cannot_be_recorded_does_not_hold_up_the_others(office: Office) -> None:
    """The batch falls back to one by one; the bad one waits and is buried in the end, with its kind of error only."""
    good = add(office)
    office.want(good)
    office.want("x" * 100)
    with office.runtime.engine.begin() as connection:
        run(connection, "alter table external_contact add constraint refused check (external_userid not like 'wmBad%')")
    bad = add(office, userid="WangFang", external_userid="wmBad1")
    office.want(bad)
    office.reconcile()
    assert office.rows(STATES) == [("LiNa", "active")]
    ((error,),) = office.rows("select last_error from request where subject_key = 'wmBad1'")
    assert error == "CheckViolation 23514"
