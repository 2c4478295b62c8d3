"""From the event of a new friend to what WeCom was told, once (OUT-1)."""

import pytest

from services.welcomes.files import add_file, load_media
from shared.db.engine import run
from sync_worker.routing import route_inbox
from sync_worker.welcomes.files import upload_due
from sync_worker.welcomes.lane import tidy
from tests.convergence.stage import Axe, Killed
from tests.failing import BUDGETS, failing
from tests.shared.corps import CLOSED_CORP, OTHER_VAULT, record_closed_corp
from tests.sync_worker.welcomes.conftest import Door

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 10


def texts(door: Door) -> list[str]:
    return [one["text"]["content"] for one in door.said()]


def test_a_new_friend_is_welcomed_with_names(door: Door):
    """The associate's name is known, the customer's not yet (OUT-1)."""
    rule = door.rule()
    door.hear(door.add())
    assert door.greet() == 1
    assert texts(door) == ["您好，我是李娜"]
    assert door.log("state", "rule_id", "attempts", "in_doubt", "body") == [("sent", rule, 1, False, None)]
    assert door.left() == 0


def test_who_is_known_already_is_called_by_name(door: Door):
    """A name that was read in time is used (OUT-1)."""
    door.rule()
    new = door.add(name="小王")
    door.office.want(new["ExternalUserID"])
    door.office.reconcile()
    door.hear(new)
    door.greet()
    assert texts(door) == ["小王好，我是李娜"]


def test_the_rule_of_the_state_and_the_outlet_is_chosen(door: Door):
    """State before outlet before all (OUT-1, ASG-11)."""
    door.rule(text="all")
    door.rule(text="outlet", department_ids=(3,))
    door.rule(text="window", states=("window",))
    door.rule(text="off", userids=("LiNa",), enabled=False)
    for userid, state in (("LiNa", None), ("ZhangWei", None), ("LiNa", "window")):
        door.hear(door.add(userid) | ({"State": state} if state else {}))
        door.greet()
    assert texts(door) == ["all", "outlet", "window"]


def test_a_half_added_customer_is_welcomed_too_and_not_again(door: Door):
    """The code may come with the half add, and the same one with the add (OUT-1)."""
    door.rule()
    new = door.add()
    door.hear(new, change="add_half_external_contact")
    door.hear(new)
    door.greet()
    assert (len(door.said()), door.log("state", "half"), door.left()) == (1, [("sent", True)], 0)


def test_repeats_of_the_callback_send_once(door: Door):
    """The same body, the same body a second later, another receiver's: one row, one welcome (OUT-1)."""
    door.rule()
    new = door.add()
    for ago_s in (0, 0, 1, 2):
        door.hear(new, ago_s=ago_s)
        door.greet()
    assert (len(door.said()), door.log("state", "attempts")) == (1, [("sent", 1)])


def test_two_workers_at_the_same_code_do_not_call_at_once(door: Door):
    """Whoever finds that another one is at it waits until that must be over (OUT-1)."""
    door.rule()
    new = door.add()
    door.hear(new)
    door.fault(cut="before")
    door.greet()
    with door.runtime.engine.begin() as connection:
        run(connection, "update welcome set calling_until = now() + interval '5 seconds'")
    door.hear(new, ago_s=5)
    assert door.greet() and not door.said()
    door.pass_time(6)
    door.greet()
    assert len(door.said()) == 1


def test_without_a_rule_nothing_is_said(door: Door):
    """A corp without rules keeps no rows; one whose rules do not hold can see that (OUT-1)."""
    door.hear(door.add())
    door.greet()
    assert (door.log(), door.left()) == ([], 0)
    door.rule(userids=("WangFang",))
    door.hear(door.add())
    door.greet()
    assert (door.said(), door.log("state", "rule_id"), door.left()) == ([], [("no_rule", None)], 0)


def test_a_corp_that_is_only_observed_welcomes_nobody(door: Door):
    """pushes = false: nothing is written to WeCom, nor said there (OUT-1)."""
    door.rule()
    with door.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = false")
    door.hear(door.add())
    door.greet()
    assert (door.said(), door.log(), door.left()) == ([], [], 0)


@pytest.mark.parametrize(
    ("fault", "attempts", "errcode"),
    [
        ({"errcode": -1}, 2, None),
        ({"errcode": 41096}, 2, None),
        ({"http_status": 502}, 2, None),
        ({"cut": "before"}, 2, None),
        ({"cut": "after"}, 2, 41050),
    ],
)
def test_an_unknown_outcome_is_tried_again_with_the_same_words(
    door: Door, fault: dict[str, object], attempts: int, errcode: int | None
):
    """Within the seconds; that the code is used up by then is the answer that was lost (OUT-1)."""
    door.rule(text="first")
    door.hear(door.add())
    door.fault(**fault)
    door.greet()
    with door.runtime.engine.begin() as connection:
        run(connection, "update welcome_rule set text = 'second'")
    door.pass_time(2)
    door.greet()
    assert texts(door) == ["first"]
    assert door.log("state", "attempts", "errcode", "in_doubt") == [("sent", attempts, errcode, errcode is not None)]
    assert door.left() == 0


def test_after_twenty_seconds_nothing_is_tried_any_more(door: Door):
    """Given up and recorded, with whether it may have arrived (OUT-1)."""
    door.rule()
    door.hear(door.add(), ago_s=20)
    door.greet()
    door.hear(door.add())
    door.fault(cut="before", times=99)
    door.greet()
    door.pass_time(19.9)
    door.greet()
    assert door.log("state", "attempts", "in_doubt") == [("expired", 0, False), ("expired", 1, True)]
    assert (door.said(), door.left()) == ([], 0)


def test_an_api_that_is_closed_for_longer_is_not_waited_for(door: Door):
    """45009 closes it for a minute: that welcome is over, and says so (OUT-1)."""
    door.rule()
    door.hear(door.add())
    door.fault(errcode=45009)
    door.greet()
    assert (door.log("state", "errcode", "in_doubt"), door.left()) == ([("expired", 45009, False)], 0)


def test_a_welcome_before_which_the_database_failed_was_certainly_not_sent(door: Door):
    """That the code is used up by then says that somebody else used it, not that we did (OUT-1)."""
    door.rule()
    door.hear(door.add())
    with failing(door.runtime.engine, BUDGETS) as failed:
        door.greet()
    assert failed and door.log("state", "in_doubt") == [("sending", False)]
    door.fault(errcode=41050)
    door.pass_time(2)
    door.greet()
    assert (door.log("state", "in_doubt"), door.left()) == ([("taken", False)], 0)


def test_a_corp_whose_keys_do_not_open_holds_up_no_other_corps_welcomes(door: Door):
    """Its own cannot be read, and are nobody's any more when their seconds are over (OUT-1)."""
    door.rule()
    with door.runtime.engine.begin() as connection:
        record_closed_corp(connection, now=door.runtime.clock.now())
    door.hear(door.add(), corp_id=CLOSED_CORP, vault=OTHER_VAULT)
    door.hear(door.add())
    assert door.greet() == 2
    assert (door.log(), door.left()) == ([("sent",)], 0)


@pytest.mark.parametrize("code", [41050, 41051])
def test_a_code_that_another_used_is_taken_and_no_failure(door: Door, code: int):
    """WeCom's own welcome, another app, or the two themselves were quicker (OUT-1)."""
    door.rule()
    door.hear(door.add())
    door.fault(errcode=code)
    door.greet()
    assert (door.log("state", "errcode"), door.left()) == ([("taken", code)], 0)


def test_a_file_that_wecom_has_goes_with_the_welcome_and_one_that_it_lost_stays_behind(door: Door):
    """Uploaded beforehand; refused with 40007 it is left out at once and uploaded anew (OUT-1)."""
    with door.runtime.engine.begin() as connection:
        tenant, now = door.office.tenant, door.runtime.clock.now()
        file = add_file(connection, tenant, kind="image", name="a.png", body=PNG, by="x", now=now)
    door.rule(text="hi", attachments=({"kind": "image", "file_id": file.id},))
    door.hear(door.add())
    door.greet()
    assert door.log("state", "left_out") == [("sent", 1)]
    assert upload_due(door.runtime, door.office.directory, door.office.clients) == 1
    assert upload_due(door.runtime, door.office.directory, door.office.clients) == 0
    door.hear(door.add())
    door.greet()
    assert door.said()[1]["attachments"][0]["msgtype"] == "image"
    door.fault(errcode=40007)
    door.hear(door.add())
    door.greet()
    door.greet()
    assert door.log("state", "left_out", "attempts") == [("sent", 1, 1), ("sent", 0, 1), ("sent", 1, 2)]
    with door.runtime.engine.begin() as connection:
        assert load_media(connection, tenant.id, [file.id]) == {}
    assert upload_due(door.runtime, door.office.directory, door.office.clients) == 1


def test_a_file_is_uploaded_again_before_wecom_forgets_it(door: Door):
    """Three days later it has another id, and no welcome went without it (OUT-1)."""
    with door.runtime.engine.begin() as connection:
        tenant, now = door.office.tenant, door.runtime.clock.now()
        file = add_file(connection, tenant, kind="file", name="a.pdf", body=PNG, by="x", now=now)
    door.rule(text=None, attachments=({"kind": "file", "file_id": file.id},))
    ids = set()
    for _ in range(4):
        upload_due(door.runtime, door.office.directory, door.office.clients)
        door.hear(door.add())
        door.greet()
        ids.add(door.said()[-1]["attachments"][0]["file"]["media_id"])
        door.pass_time(86_400)
    assert door.log("state", "left_out") == [("sent", 0)] * 4
    assert len(ids) == 2


def test_a_worker_that_is_killed_between_any_two_statements_welcomes_once(door: Door):
    """Whatever was done when it died, WeCom saw one message, and the row says so (OUT-1, G5)."""
    door.rule()
    axe = Axe(door.runtime.engine)
    killed, after = 0, 0
    while after < 100:
        new = door.add(name=f"n{after}")
        door.hear(new)
        axe.after = after
        try:
            door.greet()
        except Killed:
            killed += 1
        survived, axe.after = axe.after is not None, None
        door.pass_time(9)
        door.greet()
        door.greet()
        assert len(door.said()) == len(door.log()) == after + 1, after
        assert {state for (state,) in door.log()} == {"sent"}, after
        if survived:
            break
        after += 1
    assert killed >= 8
    assert door.left() == 0


def test_routing_finds_what_no_gateway_marked(door: Door):
    """An event from the spool, or through a gateway of before, is welcomed as well, and others once (OUT-1)."""
    door.rule()
    door.hear(door.add())
    with door.runtime.engine.begin() as connection:
        run(connection, "delete from urgent_event")
    for _ in range(2):
        route_inbox(door.runtime, door.office.directory, limit=10)
        door.greet()
    assert (len(door.said()), door.log()) == (1, [("sent",)])


def test_what_was_left_in_the_middle_is_ended_and_old_rows_go(door: Door):
    """No row stays open for ever, and none longer than is wanted (OUT-1)."""
    door.rule()
    door.hear(door.add())
    door.fault(cut="before")
    door.greet()
    door.pass_time(3600 * 2)
    tidy(door.runtime)
    assert door.log("state", "in_doubt", "body") == [("expired", True, None)]
    assert door.office.rows("select * from urgent_event") == []
    door.pass_time(366 * 86_400)
    tidy(door.runtime)
    assert door.log() == []


def test_other_events_with_a_code_are_no_new_friends(door: Door):
    """Consent to archiving brings a code, and an event may lack what a welcome needs (OUT-1)."""
    door.rule()
    new = door.add()
    door.hear(new, change="msg_audit_approved")
    door.hear({"UserID": "LiNa", "WelcomeCode": "x"})
    assert door.greet() == 2
    assert (door.said(), door.log(), door.left()) == ([], [], 0)
