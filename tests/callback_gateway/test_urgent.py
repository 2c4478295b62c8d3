"""Events of which something must be done within seconds are put where they do not wait."""

from collections.abc import Callable

from sqlalchemy import Engine

from shared.db.engine import fetch_all
from tests.callback_gateway.conftest import Gateway
from tests.callback_gateway.sealing import event


def test_an_event_with_a_welcome_code_is_in_the_queue_when_it_is_answered(
    gateway: Gateway, inbox: Callable[[], list[bytes]], engine: Engine
) -> None:
    """With its row in the inbox, once however often it comes; other events are not (OUT-1, G1)."""
    body = event(1).replace(b"</xml>", b"<WelcomeCode><![CDATA[WC_1]]></WelcomeCode></xml>")
    for one in (body, event(2), body):
        assert gateway.sender("app").push(one).status_code == 200
    assert sorted(inbox()) == sorted([body, event(2)])
    with engine.begin() as connection:
        rows = fetch_all(connection, "select i.received_at = u.received_at as same from urgent_event u join inbox i "
                         "using (day, receiver_id, digest)")  # fmt: skip
    assert [row["same"] for row in rows] == [True]
