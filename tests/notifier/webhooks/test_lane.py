"""Facts reach the receivers' real HTTP servers, whatever these answer."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from notifier.webhooks.lane import Lane
from tests.notifier.webhooks.conftest import BACKOFF_S, PAUSE_S, Town
from tests.notifier.webhooks.sink import Reply, Sink

Open = Callable[[], Sink]


def test_every_fact_is_delivered_once_to_each_endpoint(town: Town, open_sink: Open):
    """Rows are written with the facts, and each is sent (webhooks)."""
    sinks = [open_sink(), open_sink()]
    for one in sinks:
        town.listen(f"{one.url}/hook")
    assert town.happen(100) == 200
    town.call()
    facts = {f"fact_{id_}" for (id_,) in town.rows("select id from fact")}
    for one in sinks:
        assert sorted(one.ids()) == sorted(facts)
    assert town.states() == {"sent": 200}
    assert town.rows("select outcome, code, count(*) from attempt group by 1, 2") == [("accepted", 204, 200)]


def test_the_body_says_what_happened_in_ids_and_codes(town: Town, open_sink: Open):
    """id, type, both versions, corp, times, cause, subject and payload (webhooks)."""
    receiver = open_sink()
    town.listen(receiver.url)
    town.happen()
    town.call()
    ((fact_id,),) = town.rows("select id from fact")
    (got,) = receiver.got
    assert json.loads(got.body) == {
        "id": f"fact_{fact_id}",
        "type": "relation_edited",
        "version": 1,
        "corp_id": town.tenant.corp_id,
        "occurred_at": "2026-11-22T02:00:00Z",
        "recorded_at": "2026-11-22T02:00:00Z",
        "cause": "event",
        "subject": {"kind": "external_contact", "key": "wm0", "version": fact_id},
        "data": {"userid": "LiNa", "external_userid": "wm0", "changed": ["remark"]},
    }
    assert got.headers["content-type"] == "application/json"


def test_an_endpoint_hears_only_what_it_listens_to(town: Town, open_sink: Open):
    """By type and cause; what a first sync finds only where it is asked for (webhooks)."""
    usual, bootstrap, other = open_sink(), open_sink(), open_sink()
    town.listen(usual.url)
    town.listen(bootstrap.url, causes=("bootstrap",))
    town.listen(other.url, fact_types=("relation_lost",))
    town.happen(cause="event")
    town.happen(cause="bootstrap")
    town.call()
    assert [json.loads(one.body)["cause"] for one in usual.got] == ["event"]
    assert [json.loads(one.body)["cause"] for one in bootstrap.got] == ["bootstrap"]
    assert other.got == []


@pytest.mark.parametrize(
    ("reply", "outcome", "code"),
    [
        (Reply(500), "refused", 500),
        (Reply(404, body=b"x" * 100), "refused", 404),
        (Reply(302, {"location": "/elsewhere"}), "refused", 302),
        (Reply(reset=True), "unknown", None),
        (Reply(raw=b"no HTTP at all\r\n\r\n"), "unknown", None),
        (Reply(hold=threading.Event()), "unknown", None),
    ],
    ids=["500", "404", "redirect", "reset", "rubbish", "hang"],
)
def test_what_fails_comes_again_with_the_same_id_and_bytes(town: Town, open_sink: Open, reply, outcome, code):
    """At least once; a redirect is not followed (webhooks)."""
    receiver = open_sink()
    town.listen(receiver.url)
    receiver.replies = [reply]
    town.happen()
    town.call()
    assert town.rows("select state, attempts, lease_until, next_try_at from outbox") == [
        ("queued", 1, None, town.clock.now() + timedelta(seconds=BACKOFF_S[0]))
    ]
    assert town.rows("select outcome, code from attempt") == [(outcome, code)]
    town.call()
    assert len(receiver.got) == 1
    town.after(BACKOFF_S[0])
    town.call()
    first, second = receiver.got
    assert (first.id, first.body, first.path) == (second.id, second.body, second.path)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert town.rows("select state, attempts from outbox") == [("sent", 2)]


def test_a_huge_answer_is_cut_off_and_counts(town: Town, open_sink: Open):
    """2xx is enough; what follows is read for a few KB (webhooks)."""
    receiver = open_sink()
    receiver.usual = Reply(200, body=b"x" * 50_000_000)
    town.listen(receiver.url)
    town.happen(3)
    town.call()
    assert town.states() == {"sent": 3}
    assert len(receiver.got) == 3


@pytest.mark.parametrize("reply", [Reply(), Reply(200, body=b"thank you"), Reply(404, body=b"x" * 3000)])
def test_connections_are_used_again(town: Town, open_sink: Open, reply: Reply):
    """A call does not cost a handshake, whatever small answer it gets (webhooks)."""
    receiver = open_sink()
    receiver.usual = reply
    town.listen(receiver.url)
    town.happen(60)
    town.call()
    assert len(receiver.got) == 60
    assert receiver.connections <= town.runtime.settings.webhook_parallel


def test_a_row_whose_tries_are_used_up_is_dead(town: Town, open_sink: Open):
    """Others are not held up by it, and it can be sent again (webhooks)."""
    receiver = open_sink()
    town.listen(receiver.url)
    receiver.replies = [Reply(500)] * (len(BACKOFF_S) + 1)
    town.happen()
    for wait_s in (*BACKOFF_S, 0):
        town.call()
        town.after(wait_s)
    assert town.rows("select state, attempts, last_error from outbox") == [("dead", 4, "HTTP 500")]
    town.happen()
    town.call()
    assert town.states() == {"dead": 1, "sent": 1}


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_and_costs_no_try(town: Town, open_sink: Open, status: int):
    """The whole endpoint rests; nothing is given up for being too much (webhooks)."""
    receiver = open_sink()
    town.listen(receiver.url)
    town.happen(10)
    receiver.usual = Reply(status, {"retry-after": "100"})
    town.call(webhook_parallel=1)
    assert len(receiver.got) == 1
    assert town.rows("select count(*) from outbox where state = 'queued' and attempts = 0") == [(10,)]
    assert town.rows("select outcome, count(*) from attempt group by 1") == [("retry", 1)]
    town.after(99)
    assert town.due() == []
    town.after(1)
    receiver.usual = Reply()
    while town.due():  # a turn ends after a while, whatever is left
        town.call()
    assert town.states() == {"sent": 10}


def test_gone_disables_the_endpoint_and_its_rows_wait(town: Town, open_sink: Open):
    """410: nothing more is sent, nothing is lost (webhooks)."""
    receiver = open_sink()
    town.listen(receiver.url)
    town.happen(2)
    receiver.replies = [Reply(410)]
    town.call(webhook_parallel=1)
    town.happen()
    town.after(1e6)
    assert town.due() == []
    assert town.rows("select state, reason from webhook_endpoint") == [("disabled", "it answered 410 Gone")]
    assert town.states() == {"queued": 3}


def test_an_endpoint_that_is_away_is_asked_by_one_call_at_a_time(town: Town, open_sink: Open):
    """An outage uses up the tries of few rows; when it is over, all go out (webhooks)."""
    receiver = open_sink()
    town.listen(receiver.url)
    town.happen(50)
    receiver.usual = Reply(reset=True)
    town.call(webhook_parallel=1)
    assert len(receiver.got) == 1
    assert town.due() == []
    for wait_s in (*PAUSE_S, *[PAUSE_S[-1]] * 20):
        town.after(wait_s)
        town.call()
    assert len(receiver.got) == 23
    receiver.usual = Reply()
    town.after(4 * 3600)
    town.call()
    assert town.states() == {"sent": 50}


def test_nothing_but_failures_for_days_disables(town: Town, open_sink: Open):
    """It is said why, and what is written waits (webhooks)."""
    receiver = open_sink()
    town.listen(receiver.url)
    receiver.usual = Reply(500)
    town.happen()
    town.call(webhook_give_up_s=3600)
    town.after(3600)
    town.happen()
    town.call(webhook_give_up_s=3600)
    ((state, reason),) = town.rows("select state, reason from webhook_endpoint")
    assert state == "disabled" and "nothing but failures since 2026-11-22 02:00 UTC; last: HTTP 500" in str(reason)
    assert town.states() == {"queued": 2}


def test_two_notifiers_at_once_deliver_no_row_twice(town: Town, open_sink: Open):
    """A row is held by one of them (webhooks)."""
    receiver = open_sink()
    id_ = town.listen(receiver.url)
    town.happen(300)
    lanes = [Lane(town.runtime, id_, stopping=threading.Event()) for _ in range(2)]
    threads = [threading.Thread(target=lane.serve) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == len(set(receiver.ids())) == 300
    assert town.states() == {"sent": 300}


def test_an_answer_that_nobody_can_read_loses_no_other(town: Town, open_sink: Open):
    """A time far beyond any calendar in one answer: what the receiver has accepted is not sent again (webhooks)."""
    receiver = open_sink()
    town.listen(f"{receiver.url}/hook")
    town.happen(20)
    receiver.replies = [Reply(204, {"retry-after": "Thu, 01 Jan 99999999999999999999999 00:00:00 GMT"})]
    town.call()
    town.call()
    assert len(receiver.ids()) == 20
    assert town.states() == {"sent": 20}
