"""Events that operators plan with chats: kept, listed, and due for a reminder by the clock (GRP-6).

`remind_at` is set as long as owners are to be reminded, and indexed, so that a scan by the clock finds what is due in
all corps at once (services/watching/events.py). A reminder is taken back when the event moves or
ends: one that waits, or was just sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from sqlalchemy import Connection

from services.chats.listing import check_known
from services.chats.model import ChatEvent, ChatRefusedError, NoSuchChatEventError
from services.chats.plan import remind_at
from shared.audit import Change
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.withdrawing import withdraw

EVENT = "chat_event"
_COLUMNS = (
    "e.id, e.name, e.content, e.starts_at, e.remind_minutes, e.remind_at, e.created_at, e.created_by, e.cancelled_at, "
    "(select array_agg(x.chat_id order by x.chat_id) from chat_event_chat x where x.tenant_id = e.tenant_id "
    "and x.event_id = e.id) as chat_ids"
)


@dataclass(frozen=True)
class EventsAsked:
    """`by_time`: next first, else newest made first."""

    by_time: bool = True
    chat_id: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    cancelled: bool = False


def plan_event(
    connection: Connection, tenant_id: TenantId, event: ChatEvent, *, by: str, now: datetime
) -> tuple[int, Change]:
    """
    Raises:
        NoSuchChatError, ChatRefusedError: a chat is not known or dismissed, or it would have begun; nothing is written.
    """
    check_known(connection, tenant_id, event.chat_ids, lasting=True)
    _check_time(event.starts_at, now)
    row = fetch_one(
        connection,
        "insert into chat_event (tenant_id, name, content, starts_at, remind_minutes, remind_at, created_at, "
        "created_by) values (:tenant_id, :name, :content, :starts_at, :minutes, :remind_at, :now, :by) returning id",
        tenant_id=tenant_id,
        now=now,
        by=by,
        **_values(event),
    )
    assert row is not None
    _set_chats(connection, tenant_id, row["id"], event.chat_ids)
    return row["id"], Change("chat_event.made", EVENT, str(row["id"]), after=_told(event))


def change_event(
    connection: Connection, tenant_id: TenantId, event_id: int, given: Mapping[str, object], *, now: datetime
) -> Change:
    """`given`: fields of ChatEvent with their new values; the others stay.

    Raises:
        NoSuchChatEventError, NoSuchChatError, ChatRefusedError: nothing was written.
    """
    row = _hold(connection, tenant_id, event_id)
    before = ChatEvent(**{one.name: row[one.name] for one in fields(ChatEvent)})
    after = replace(before, **given)  # type: ignore[arg-type]
    check_known(connection, tenant_id, sorted({*after.chat_ids} - {*before.chat_ids}), lasting=True)
    if after.starts_at != before.starts_at:
        _check_time(after.starts_at, now)
    _set_chats(connection, tenant_id, event_id, after.chat_ids)
    run(
        connection,
        "update chat_event set name = :name, content = :content, starts_at = :starts_at, remind_minutes = :minutes, "
        # Who was reminded is reminded again of another time only.
        "remind_at = case when remind_at is null and starts_at = :starts_at and remind_minutes is not distinct from "
        ":minutes then null else cast(:remind_at as timestamptz) end "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=event_id,
        **_values(after),
    )
    if (after.starts_at, after.remind_minutes) != (before.starts_at, before.remind_minutes):
        _take_back(connection, tenant_id, event_id, now=now)
    was, now_is = _told(before), _told(after)
    changed = [name for name in was if was[name] != now_is[name]]
    return Change(
        "chat_event.changed",
        EVENT,
        str(event_id),
        {name: was[name] for name in changed},
        {name: now_is[name] for name in changed},
    )


def cancel_event(
    connection: Connection, tenant_id: TenantId, event_id: int, *, reason: str | None = None, now: datetime
) -> Change:
    """Nobody is reminded of it any more; it stays in the lists that ask for cancelled ones.

    Raises:
        NoSuchChatEventError, ChatRefusedError: nothing was written.
    """
    _hold(connection, tenant_id, event_id)
    run(
        connection,
        "update chat_event set cancelled_at = :now, remind_at = null where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=event_id,
        now=now,
    )
    _take_back(connection, tenant_id, event_id, now=now)
    after = {"cancelled_at": now.isoformat(), **({"reason": reason} if reason else {})}
    return Change("chat_event.cancelled", EVENT, str(event_id), after=after)


def load_event(connection: Connection, tenant_id: TenantId, event_id: int) -> Row:
    """
    Raises:
        NoSuchChatEventError: this corp has none of this id.
    """
    row = fetch_one(
        connection,
        f"select {_COLUMNS} from chat_event e where e.tenant_id = :tenant_id and e.id = :id",  # noqa: S608 - constants
        tenant_id=tenant_id,
        id=event_id,
    )
    if row is None:
        raise NoSuchChatEventError("no such event of chats")
    return row


def list_events(
    connection: Connection,
    tenant_id: TenantId,
    asked: EventsAsked,
    *,
    after: tuple[datetime | None, int] | None = None,
    limit: int,
) -> Sequence[Row]:
    """One page; `after`: start and id of the last event of the page before."""
    order, keyed = "e.id desc", "e.id < :after_id"
    if asked.by_time:
        order, keyed = "e.starts_at, e.id", "(e.starts_at, e.id) > (:after_at, :after_id)"
    after_at, after_id = after or (None, None)
    return fetch_all(
        connection,
        f"select {_COLUMNS} from chat_event e where e.tenant_id = :tenant_id "  # noqa: S608 - constants
        f"and (e.cancelled_at is not null) = :cancelled and {keyed if after else 'true'} "
        "and (cast(:chat_id as text) is null or exists (select from chat_event_chat x where x.tenant_id = e.tenant_id "
        "and x.event_id = e.id and x.chat_id = :chat_id)) "
        "and (cast(:since as timestamptz) is null or e.starts_at >= :since) "
        "and (cast(:before as timestamptz) is null or e.starts_at < :before) "
        f"order by {order} limit :limit",
        tenant_id=tenant_id,
        cancelled=asked.cancelled,
        chat_id=asked.chat_id,
        since=asked.since,
        before=asked.before,
        limit=limit,
        **({"after_id": after_id} if after else {}),
        **({"after_at": after_at} if after and asked.by_time else {}),
    )


def _hold(connection: Connection, tenant_id: TenantId, event_id: int) -> Row:
    fetch_one(
        connection,
        "select id from chat_event where tenant_id = :tenant_id and id = :id for update",
        tenant_id=tenant_id,
        id=event_id,
    )
    row = load_event(connection, tenant_id, event_id)
    if row["cancelled_at"] is not None:
        raise ChatRefusedError("the event is cancelled; make a new one")
    return row


def _take_back(connection: Connection, tenant_id: TenantId, event_id: int, *, now: datetime) -> None:
    """Also what was sent within the hour: it names a time that is no more."""
    withdraw(connection, tenant_id, {f"{EVENT}:{event_id}": None}, now=now)


def _check_time(starts_at: datetime, now: datetime) -> None:
    if starts_at <= now:
        raise ChatRefusedError("the event would have begun already")


def _set_chats(connection: Connection, tenant_id: TenantId, event_id: int, chat_ids: Sequence[str]) -> None:
    parameters = {"tenant_id": tenant_id, "id": event_id, "chat_ids": sorted(set(chat_ids))}
    run(
        connection,
        "delete from chat_event_chat where tenant_id = :tenant_id and event_id = :id and chat_id <> all(:chat_ids)",
        **parameters,
    )
    run(
        connection,
        "insert into chat_event_chat (tenant_id, event_id, chat_id) select :tenant_id, :id, chat_id "
        "from unnest(cast(:chat_ids as text[])) as chat_id on conflict do nothing",
        **parameters,
    )


def _values(event: ChatEvent) -> dict[str, object]:
    return {
        "name": event.name,
        "content": event.content,
        "starts_at": event.starts_at,
        "minutes": event.remind_minutes,
        "remind_at": remind_at(event.starts_at, event.remind_minutes),
    }


def _told(event: ChatEvent) -> dict[str, object]:
    return {**vars(event), "starts_at": event.starts_at.isoformat(), "chat_ids": sorted(event.chat_ids)}
