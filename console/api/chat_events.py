"""Events planned with chats (GRP-6)."""

from datetime import datetime
from typing import cast

from flask import Response

from console.api import keysets
from console.api.acting import Done, Work, read, write
from console.api.asked_chats import CancelBody, ChatEventBody, ChatEventChangeBody, ChatEventPath, ChatEventsQuery
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_chats import ChatEventOut, ChatEventsOut
from services.chats.events import EventsAsked, cancel_event, change_event, list_events, load_event, plan_event
from services.chats.model import ChatEvent
from shared.api_keys import Scope
from shared.db.engine import Row

GROUP = "chats"


def _event(row: Row) -> ChatEventOut:
    return ChatEventOut(**{**row, "chat_ids": row["chat_ids"] or []})


@operation("get", "/chat-events", Scope.GROUPS_READ, ChatEventsOut, group=GROUP)
def list_chat_events(query: ChatEventsQuery) -> Response:
    """List events by time (next first) or by event (newest made first), of one chat or of all."""
    by_time = query.by == "time"
    values = keysets.decode(query.cursor, (datetime, int))
    if values is not None and (values[1] is None or (values[0] is None) == by_time):
        raise ProblemError(400, "cursor", "this cursor is of another order: start without one")
    asked = EventsAsked(by_time, query.chat_id, query.since, query.before, query.cancelled)

    def work(work: Work) -> ChatEventsOut:
        after = cast("tuple[datetime | None, int] | None", tuple(values) if values else None)
        rows = list_events(work.connection, work.tenant.id, asked, after=after, limit=query.limit + 1)
        shown = rows[: query.limit]
        last = shown[-1] if len(rows) > len(shown) else None
        return ChatEventsOut(
            events=[_event(row) for row in shown],
            next_cursor=keysets.encode(last["starts_at"] if by_time else None, last["id"]) if last else None,
        )

    return read(work)


@operation("post", "/chat-events", Scope.GROUPS_WRITE, ChatEventOut, status=201, group=GROUP, once=True)
def create_chat_event(body: ChatEventBody) -> Response:
    """Plan an event of one or more chats. 409 when a chat is dismissed, or the event would have begun."""
    event = ChatEvent(**{**body.model_dump(), "chat_ids": tuple(body.chat_ids)})

    def work(work: Work) -> Done:
        made, change = plan_event(work.connection, work.tenant.id, event, by=caller().actor, now=work.now)
        return Done(_event(load_event(work.connection, work.tenant.id, made)), 201, (change,))

    return write(work, once=True)


@operation("get", "/chat-events/<id>", Scope.GROUPS_READ, ChatEventOut, group=GROUP)
def show_chat_event(path: ChatEventPath) -> Response:
    """Show one event, cancelled or not."""
    return read(lambda work: _event(load_event(work.connection, work.tenant.id, path.id)))


@operation("patch", "/chat-events/<id>", Scope.GROUPS_WRITE, ChatEventOut, group=GROUP)
def change_chat_event(path: ChatEventPath, body: ChatEventChangeBody) -> Response:
    """Change an event; what is not given stays. 409 when it is cancelled."""
    given = body.model_dump(exclude_unset=True)

    def work(work: Work) -> Done:
        change = change_event(work.connection, work.tenant.id, path.id, given, now=work.now)
        shown = _event(load_event(work.connection, work.tenant.id, path.id))
        return Done(shown, 200, (change,) if change.after else ())

    return write(work)


@operation("post", "/chat-events/<id>/cancellation", Scope.GROUPS_WRITE, ChatEventOut, group=GROUP)
def cancel_chat_event(path: ChatEventPath, body: CancelBody) -> Response:
    """Cancel an event: nobody is reminded of it, and it stays on record. 409 when it is cancelled already."""

    def work(work: Work) -> Done:
        change = cancel_event(work.connection, work.tenant.id, path.id, reason=body.reason, now=work.now)
        return Done(_event(load_event(work.connection, work.tenant.id, path.id)), 200, (change,))

    return write(work)
