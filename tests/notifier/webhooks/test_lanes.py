"""Endpoints do not wait for one another, and what is old goes."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from commands.waiting import wait_for
from notifier.webhooks.lanes import REMOVED_FOR, Lanes
from services.webhooks.model import EndpointState
from services.webhooks.store import change_state
from tests.notifier.webhooks.conftest import Town
from tests.notifier.webhooks.sink import Reply, Sink
from tests.services.conftest import add_tenant
from tests.shared.corps import CLOSED_CORP, OTHER_VAULT

Open = Callable[[], Sink]


@pytest.fixture
def lanes(town: Town) -> Iterator[Lanes]:
    patient = town.runtime.settings.model_copy(update={"webhook_read_timeout_s": 60.0})
    made = Lanes(replace(town.runtime, settings=patient))
    yield made
    made.stop()


def test_an_endpoint_that_holds_its_answers_delays_no_other_of_any_corp(town: Town, open_sink: Open, lanes: Lanes):
    """While all its calls hang, the others hear everything (webhooks)."""
    with town.runtime.engine.begin() as connection:
        other = add_tenant(connection, town.runtime.vault, town.clock, corp_id="ww0000000000000002")
    hanging, near, far = open_sink(), open_sink(), open_sink()
    released = threading.Event()
    hanging.usual = Reply(hold=released)
    town.listen(hanging.url)
    town.happen(20)
    lanes.serve_due()
    wait_for(lambda: len(hanging.got) == town.runtime.settings.webhook_parallel, "calls that hang")
    town.listen(near.url)
    town.listen(far.url, tenant=other)
    town.happen(20)
    town.happen(20, tenant=other)
    lanes.serve_due()
    wait_for(lambda: len(near.got) == len(far.got) == 20, "the others")
    assert len(hanging.got) == town.runtime.settings.webhook_parallel
    assert town.rows("select count(*) from outbox where state = 'sent' and recipient = 'endpoint:1'") == [(0,)]
    released.set()
    wait_for(lambda: town.states() == {"sent": 80}, "all")


def test_what_waited_or_was_kept_for_too_long_goes(town: Town, open_sink: Open, lanes: Lanes):
    """Rows of a paused endpoint wait for GUANXI_WEBHOOK_KEEP_S, settled ones are kept as long (webhooks)."""
    receiver = open_sink()
    id_ = town.listen(receiver.url)
    town.happen(3)
    town.call()
    with town.runtime.engine.begin() as connection:
        change_state(connection, id_, EndpointState.PAUSED, by="Chen Jing", now=town.clock.now())
    town.happen(2)
    keep_s = town.runtime.settings.webhook_keep_s
    town.after(keep_s)
    lanes.tidy()
    assert town.states() == {"sent": 3, "queued": 2}
    town.after(1)
    lanes.tidy()
    assert town.states() == {"expired": 2}
    assert town.rows("select count(*) from attempt") == [(0,)]
    town.after(keep_s + 1)
    lanes.tidy()
    assert town.states() == {}


def test_a_removed_endpoint_leaves_nothing(town: Town, open_sink: Open, lanes: Lanes):
    """Its rows go, also those that a transaction of before wrote late; then it (webhooks)."""
    receiver = open_sink()
    id_ = town.listen(receiver.url)
    town.happen(2)
    town.call()
    town.happen(2)
    with town.runtime.engine.begin() as connection:
        change_state(connection, id_, EndpointState.REMOVED, by="Chen Jing", now=town.clock.now())
    assert town.happen() == 0
    assert town.due() == []
    lanes.tidy()
    assert town.rows("select state from outbox") == town.rows("select id from attempt") == []
    assert town.rows("select state from webhook_endpoint") == [("removed",)]
    town.after(REMOVED_FOR.total_seconds() + 1)
    lanes.tidy()
    assert town.rows("select state from webhook_endpoint") == []


def test_a_corp_whose_keys_do_not_open_keeps_nothing_from_being_tidied_and_measured(town: Town, lanes: Lanes):
    """Its addresses stay closed; rows of all go when they are too old (webhooks)."""
    with town.runtime.engine.begin() as connection:
        closed = add_tenant(connection, OTHER_VAULT, town.clock, corp_id=CLOSED_CORP)
    town.listen("http://127.0.0.1:9/a")
    town.listen("http://127.0.0.1:9/b", tenant=closed)
    town.happen()
    lanes.measure()
    town.after(town.runtime.settings.webhook_keep_s + 1)
    lanes.tidy()
    assert town.states() == {"expired": 1}
