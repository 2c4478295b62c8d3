"""Presses that nobody made, codes that are spent, and answers that are none: all of it ends, and nothing loops (G8)."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.card_updates import CardUpdates
from notifier.deliver import Notifier
from notifier.recall import Recaller
from notifier.robots import RobotLane
from services.notices.model import POOL_GIVEN
from services.reminders.model import NOT_KNOWN, Wish
from services.reminders.store import record_wish
from services.robots.store import add_robot
from services.robots.store import want_test as want_robots_test
from shared.clock import FixedClock, to_unix
from shared.db.engine import run
from shared.tenants import load_tenants
from shared.wecom.clients import Clients
from tests.flows.reminding.square import notice_of
from tests.flows.test_cards import LI, Counter, counter, gateway, given, runtime  # noqa: F401 - fixtures among them
from tests.notifier.desk import Desk

GOOD = "gx-1-0123456789abcdef"
UNUSABLE: dict[str, dict[str, str]] = {
    "no task": {"TaskId": ""},
    "a task id that is far too long": {"TaskId": "gx-" + "9" * 5000},
    "a key that is far too long": {"EventKey": "k" * 5000},
    "no key": {"EventKey": ""},
    "nobody": {"FromUserName": ""},
    "no app": {"AgentID": ""},
}
UNKNOWN: dict[str, dict[str, str]] = {
    "another database's card": {"TaskId": GOOD},
    "a number beyond all ids": {"TaskId": "gx-9223372036854775808-0123456789abcdef"},
    "no number at all": {"TaskId": "gx-1 or 1=1-0123456789abcdef"},
    "other digits": {"TaskId": "gx-١-0123456789abcdef"},
    "signs of all kinds": {"TaskId": "\u202e\u2028💥'\";--", "EventKey": "\u0007".strip("\u0007") or "%s{}{{7*7}}"},
    "a long code": {"TaskId": GOOD, "ResponseCode": "x" * 9000},
    "no code": {"TaskId": GOOD, "ResponseCode": ""},
}


def send(counter: Counter, fields: dict[str, str], *, at: int, more: str = "") -> int:  # noqa: F811
    """An event of a press as whoever knows the keys could make it; the gateway's answer."""
    said = {
        "ToUserName": "x", "FromUserName": LI, "CreateTime": str(at), "MsgType": "event",
        "Event": "template_card_event",
        "EventKey": "added", "TaskId": GOOD, "CardType": "button_interaction", "ResponseCode": "c",
        "AgentID": "1000002",
    } | fields  # fmt: skip
    body = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in said.items())
    path = f"/sim/corps/{counter.corp.corp_id}/send_raw"
    return int(counter.corp.post(path, {"plaintext": f"<xml>{body}{more}</xml>"})["status"])


def test_presses_that_nobody_made_leave_everything_as_it_was(counter: Counter) -> None:  # noqa: F811
    """Foreign, unknown, over-long and broken ones are answered, settled with a word, and change no card (G8)."""
    id_, fact = given(counter)
    card = counter.tell(fact)
    now = to_unix(counter.runtime.clock.now())
    answers = [send(counter, fields, at=now + n) for n, fields in enumerate([*UNUSABLE.values(), *UNKNOWN.values()])]
    for n, more in enumerate(("<SelectedItems><SelectedItem/></SelectedItems>", "<SelectedItems>x</SelectedItems>",
                              "<SelectedItems>" + "<SelectedItem><QuestionKey>q</QuestionKey></SelectedItem>" * 500
                              + "</SelectedItems>", "<a>" * 200 + "</a>" * 200)):  # fmt: skip
        answers.append(send(counter, {}, at=now + 100 + n, more=more))
    own = card["displayed"]["task_id"]
    answers.append(send(counter, {"TaskId": own, "EventKey": "drop table"}, at=now + 200))
    answers.append(send(counter, {"TaskId": own, "FromUserName": "ZhangWei"}, at=now + 201))
    assert not [status for status in answers if status >= 500]
    counter.work()
    assert counter.rows("select count(*) from inbox where state = 'new'") == [(0,)]
    rows = counter.rows("select why, count(*) from card_press group by 1 order by 1")
    assert {why for why, _ in rows} == {"not_theirs", "unknown_button", "unknown_card"}
    assert counter.rows("select distinct state from card_press") == [("ignored",)]
    assert counter.rows("select count(*) from outbox where channel = 'wecom_card'") == [(0,)]
    assert counter.rows("select status from pool_record where customer_id = :id", id=id_) == [("assigned",)]
    counter.press(card, "added")
    counter.work()
    assert counter.rows("select status from pool_record where customer_id = :id", id=id_) == [("added",)]
    assert counter.face(card)["button"] == {"replace_name": "已添加"}


def test_a_code_that_is_spent_or_too_old_changes_no_card_and_is_tried_once_at_most(counter: Counter) -> None:  # noqa: F811
    """60140 ends as refused after one try; after 72 hours nobody tries (G8)."""
    with counter.runtime.engine.begin() as connection:
        at_once = Wish(gather_s=0, apart_s=0)
        record_wish(
            connection, counter.tenant.id, POOL_GIVEN, NOT_KNOWN, at_once, by="x", now=counter.runtime.clock.now()
        )
    _, fact = given(counter)
    card = counter.tell(fact)
    counter.press(card, "added")
    counter.work()
    updates = "select state, attempts from outbox where channel = 'wecom_card' order by id"
    assert counter.rows(updates) == [("sent", 1)]
    ((sealed,),) = counter.rows("select response_code from card_press")
    spent = counter.tenant.cipher.decrypt(sealed, "card_press.response_code").decode()
    _, fact = given(counter)
    other, pressed_at = counter.tell(fact), to_unix(counter.runtime.clock.now())
    send(counter, {"TaskId": other["displayed"]["task_id"], "ResponseCode": spent}, at=pressed_at)
    counter.work()
    assert counter.rows(updates) == [("sent", 1), ("refused", 1)]
    old = pressed_at - 73 * 3600
    _, fact = given(counter)
    third = counter.tell(fact)
    send(counter, {"TaskId": third["displayed"]["task_id"], "ResponseCode": spent}, at=old)
    counter.work()
    assert counter.rows(updates) == [("sent", 1), ("refused", 1), ("expired", 0)]


ANSWERS: dict[str, dict[str, Any]] = {
    "502": {"http_status": 502},
    "500": {"http_status": 500},
    "403": {"http_status": 403},
    "cut": {"cut": "before"},
    "cut after": {"cut": "after"},
    "garbage": {"spoil": "garbage"},
    "no errcode": {"spoil": {"errcode": None, "errmsg": None}},
    "busy": {"errcode": -1},
    "unknown code": {"errcode": 987_654},
    "too often": {"errcode": 45009},
}
ENDS = {
    "no errcode": ("sent", "sent"),  # WeCom sends it with every refusal
    "busy": ("expired", "dead"),
    "unknown code": ("dead", "dead"),
    "too often": ("expired", "expired"),
}
"""Of a message and of a robot's; whatever may have arrived is in doubt: after four hours, a robot's at once."""
PATHS = ("message/send", "webhook/send", "message/recall")


def looks(desk: Desk) -> list[Callable[[], int]]:
    """All that a notifier's process does for people."""
    runtime, clients = desk.runtime, Clients(desk.runtime, connections=4)  # noqa: F811 - the desk's own
    return [
        Notifier(runtime, clients=clients, pool=desk.pool).deliver_due,
        RobotLane(runtime, clients).speak_due,
        Recaller(runtime, clients).recall_due,
        CardUpdates(runtime, clients).update_due,
    ]


@pytest.mark.long
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_is_none_for_a_day_is_not_asked_for_all_day(desk: Desk, answer: str) -> None:
    """Tries are bounded whatever WeCom or a proxy answers, and each row ends as it is documented (G5, G6)."""
    clock: FixedClock = desk.stop_the_clock()
    with desk.runtime.engine.begin() as connection:
        key = desk.corp.act({"do": "make_robot", "name": "g"})["key"]
        (tenant,) = load_tenants(connection, desk.runtime.vault)
        robot = add_robot(connection, tenant, name="g", key=key, notices=[], enabled=True, by="x", now=clock.now())
    desk.lose()
    with desk.runtime.engine.begin() as connection:
        want_robots_test(connection, tenant.id, robot.id, by="x", now=clock.now())
        run(connection, "update outbox set expires_at = :at", at=clock.now() + timedelta(days=1))
    desk.corp.post("/sim/faults", [{"path": path, "times": 100_000, **ANSWERS[answer]} for path in PATHS])
    tries, all_looks = 0, looks(desk)
    while True:
        tries += sum(1 for look in all_looks for _ in iter(look, 0))
        ((next_at,),) = desk.rows("select min(greatest(next_try_at, coalesce(lease_until, next_try_at))) from outbox "
                                  "where state in ('due', 'queued')")  # fmt: skip
        if next_at is None:
            break
        assert isinstance(next_at, datetime) and tries < 3000
        desk.at(max(next_at, clock.present) + timedelta(seconds=1))
    rows = desk.rows("select channel, state, attempts, last_error from outbox order by id")
    sys.stdout.write(f"{answer}: {rows}\n")
    assert tuple(state for _, state, _, _ in rows) == ENDS.get(answer, ("in_doubt", "in_doubt"))
    message, robot = (int(str(attempts)) for _, _, attempts, _ in rows)
    assert message <= 240 and robot <= 100
    desk.corp.post("/sim/faults", {"clear": True})
    assert len({notice_of(one) for one in desk.corp.messages()}) == len(desk.corp.messages())
