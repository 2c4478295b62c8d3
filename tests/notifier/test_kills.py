"""kill -9 of the notifier between any two steps: each message arrives once, and what cannot be known is shown (G5)."""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from commands.demo_corp import SimulatedCorp
from notifier.deliver import Notifier
from services.customers.model import RelationLost
from services.transfers.model import TakeoverFailed
from shared.db.engine import make_engine
from shared.dead import list_dead
from shared.ids import ExternalUserId, UserId
from shared.wecom.clients import Clients
from tests.notifier.desk import Desk

HELD_S = 61.0
"""After so long, what a dead notifier held is free."""


def test_a_notifier_is_killed_at_each_step_and_each_message_arrives_once(desk: Desk) -> None:
    """After the claim, after the attempt is noted, after the send, after the record: nothing twice, nothing lost
    (G5)."""
    _killed(desk, people=20, each=6, folded=6, kills=24)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_kills_over_five_thousand_notifications(desk: Desk) -> None:
    """The same with 200 kills, 5,000 notifications and sends that time out (G5)."""
    _killed(desk, people=250, each=10, folded=10, kills=200)


def _killed(desk: Desk, *, people: int, each: int, folded: int, kills: int) -> None:
    userids = [f"sales{n:03d}" for n in range(people)]
    desk.corp.post("/sim/reset", {})
    desk.corp.create([], associates={one: (one, 2) for one in userids})
    desk.stop_the_clock()
    _fill(desk, userids, each=each, folded=folded)
    dice = random.Random(7)
    killed = 0
    for _ in range(kills):
        faults = [{"path": "message/send", "hang_s": 2, "times": 1}] if dice.random() < 0.15 else []
        if faults:
            desk.corp.post("/sim/faults", faults)
        killed += die_at_commit(desk, dice.randrange(1, 24), before=dice.random() < 0.5)
        desk.corp.post("/sim/faults", {"clear": True})
        desk.at(desk.runtime.clock.now() + timedelta(seconds=HELD_S))
    assert killed > kills / 2  # the others had nothing left to do
    for _ in range(200):
        desk.deliver(after_s=HELD_S)
        if not desk.rows("select 1 from outbox where state = 'due' limit 1"):
            break
    assert desk.rows("select distinct state from outbox order by 1") == [("folded",), ("sent",)]
    _assert_told_once(desk, people * (each + folded))


def _fill(desk: Desk, userids: list[str], *, each: int, folded: int) -> None:
    now = desk.runtime.clock.now()
    for userid in map(UserId, userids):
        contacts = [ExternalUserId(f"wm{userid}{n}") for n in range(max(each, folded))]
        desk.record(
            *(
                TakeoverFailed(
                    occurred_at=now, kind="customer", from_userid=userid, to_userid=UserId("Zhao"),
                    external_userid=one, author_userid=userid, refused_count=1, limit_count=0, failed_count=0,
                )
                for one in contacts[:each]
            ),
            *(
                RelationLost(occurred_at=now, userid=userid, external_userid=one, evidenced=True)
                for one in contacts[:folded]
            ),
        )  # fmt: skip


def _assert_told_once(desk: Desk, count: int) -> None:
    """Every row is told by exactly one message that reached a phone."""
    arrived = Counter(int(one["payload"]["url"].rpartition("=")[2]) for one in desk.corp.messages())
    assert set(arrived.values()) == {1}
    told = desk.rows("select coalesce(folded_into, id) from outbox")
    assert len(told) == count
    assert {carrier for (carrier,) in told} == set(arrived)


def die_at_commit(desk: Desk, number: int, *, before: bool) -> bool:
    """A notifier of its own process that is killed just before, or just after, so many commits; whether it was."""
    url = desk.runtime.engine.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            engine = make_engine(url)
            engine.pool.dispose()
            event.listen(engine, "commit", _countdown(number if before else number + 1))
            runtime = replace(desk.runtime, engine=engine)
            with ThreadPoolExecutor(4) as pool:
                notifier = Notifier(runtime, clients=Clients(runtime, connections=4), pool=pool)
                while notifier.deliver_due():
                    pass
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _countdown(number: int) -> Callable[[object], None]:
    left = [number]

    def committing(_connection: object) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return committing


def test_away_for_longer_than_wecom_remembers_a_send_is_parked_and_shown(desk: Desk, simulator_url: str) -> None:
    """Nobody guesses: it is in doubt, stands in the list, and is sent again only by a person (G5)."""
    desk.stop_the_clock()
    desk.corp.post("/sim/faults", {"path": "message/send", "hang_s": 3, "times": 1})
    desk.lose(3)
    desk.deliver()
    desk.deliver(after_s=4 * 3600)
    assert desk.rows("select state, folds from outbox order by id") == [("in_doubt", 3), ("folded", 1), ("folded", 1)]
    with desk.runtime.engine.begin() as connection:
        (shown,) = list_dead(connection, limit=9)
    assert shown["reason"].startswith("in_doubt: relation_lost (3 in one) to LiNa")
    assert len(SimulatedCorp(simulator_url).messages("LiNa")) == 1
