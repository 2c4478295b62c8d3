"""Events of chats: kept, changed, cancelled, due by the clock (GRP-6)."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from services.chats.events import EventsAsked, cancel_event, change_event, list_events, load_event, plan_event
from services.chats.model import ChatEvent, ChatRefusedError, NoSuchChatError, NoSuchChatEventError
from shared.db.engine import fetch_all, run
from shared.tenants import Tenant
from tests.conftest import NOW
from tests.services.chats.conftest import dismiss

HOUR = timedelta(hours=1)


def plan(connection: Connection, tenant: Tenant, name: str, *chat_ids: str, hours: int = 24, **given: object) -> int:
    event = ChatEvent(**{"content": "", "remind_minutes": 30, **given}, name=name, starts_at=NOW + hours * HOUR,
                      chat_ids=chat_ids or ("wrA",))  # fmt: skip
    return plan_event(connection, tenant.id, event, by="api:crm", now=NOW)[0]


def due(connection: Connection, hours: float) -> list[int]:
    """What a scan by the clock finds."""
    rows = fetch_all(connection, "select id from chat_event where remind_at <= :at", at=NOW + timedelta(hours=hours))
    return [row["id"] for row in rows]


@pytest.mark.parametrize(("minutes", "before", "at"), [(0, 23.99, 24), (30, 23.49, 23.5), (360, 17.99, 18)])
def test_the_reminder_is_due_so_long_before(connection, tenant, chats, minutes: int, before: float, at: float):
    """0 to 360 minutes before the start (GRP-6)."""
    made = plan(connection, tenant, "launch", remind_minutes=minutes)
    assert due(connection, before) == [] and due(connection, at) == [made]


def test_without_a_reminder_nothing_is_due(connection, tenant, chats):
    """And what is cancelled is due never again (GRP-6)."""
    plan(connection, tenant, "silent", remind_minutes=None)
    loud = plan(connection, tenant, "loud")
    cancel_event(connection, tenant.id, loud, now=NOW)
    assert due(connection, 99) == []
    assert load_event(connection, tenant.id, loud)["cancelled_at"] == NOW
    with pytest.raises(ChatRefusedError):
        cancel_event(connection, tenant.id, loud, now=NOW)
    with pytest.raises(ChatRefusedError):
        change_event(connection, tenant.id, loud, {"name": "x"}, now=NOW)


def test_a_change_moves_the_reminder_and_keeps_what_is_not_named(connection, tenant, chats):
    """Of an event that was reminded of, only another time is reminded of again (GRP-6)."""
    made = plan(connection, tenant, "launch", "wrA", "wrB", content="八点")
    run(connection, "update chat_event set remind_at = null")  # the reminder was sent
    change = change_event(connection, tenant.id, made, {"name": "renamed"}, now=NOW)
    assert (change.before, change.after) == ({"name": "launch"}, {"name": "renamed"})
    assert due(connection, 99) == []
    change_event(connection, tenant.id, made, {"starts_at": NOW + 48 * HOUR, "chat_ids": ["wrC", "wrB"]}, now=NOW)
    row = load_event(connection, tenant.id, made)
    assert (row["name"], row["content"], row["chat_ids"]) == ("renamed", "八点", ["wrB", "wrC"])
    assert due(connection, 47.4) == [] and due(connection, 47.5) == [made]


def test_only_chats_that_go_on_have_events_that_are_to_come(connection, tenant, other_tenant, chats):
    """One that is dismissed meanwhile does not stand in the way of changes (GRP-6)."""
    with pytest.raises(NoSuchChatError):
        plan(connection, tenant, "x", "wrA", "wrNobody")
    with pytest.raises(NoSuchChatError):
        plan(connection, other_tenant, "x", "wrB")
    with pytest.raises(ChatRefusedError):
        plan(connection, tenant, "x", hours=0)
    made = plan(connection, tenant, "x", "wrA", "wrB")
    dismiss(connection, tenant, "wrB")
    with pytest.raises(ChatRefusedError):
        plan(connection, tenant, "x", "wrB")
    change_event(connection, tenant.id, made, {"name": "y"}, now=NOW)
    with pytest.raises(NoSuchChatEventError):
        load_event(connection, other_tenant.id, made)


def test_views_by_event_and_by_time(connection, tenant, other_tenant, chats):
    """Of one chat or all, in a range of time, page by page (GRP-6)."""
    late, soon, gone = (plan(connection, tenant, name, hours=h) for name, h in (("l", 72), ("s", 24), ("g", 48)))
    other = plan(connection, tenant, "o", "wrB", hours=24)
    cancel_event(connection, tenant.id, gone, now=NOW)

    def listed(**asked: object) -> list[int]:
        ids, after, wanted = [], None, EventsAsked(**asked)
        while rows := list_events(connection, tenant.id, wanted, after=after, limit=1):
            ids.append(rows[0]["id"])
            after = (rows[0]["starts_at"], rows[0]["id"])
        return ids

    assert listed() == [soon, other, late]
    assert listed(by_time=False) == [other, soon, late]
    assert listed(chat_id="wrA") == [soon, late]
    assert listed(since=NOW + 25 * HOUR) == [late] and listed(before=NOW + 25 * HOUR) == [soon, other]
    assert listed(cancelled=True) == [gone]
    assert list_events(connection, other_tenant.id, EventsAsked(), limit=9) == []
