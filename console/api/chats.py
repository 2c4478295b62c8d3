"""Chats: found, listed, described, exported; who is and was in them (GRP-2, GRP-4, GRP-5, GRP-7)."""

from datetime import date
from typing import cast

from flask import Response

from console.api import keysets
from console.api.acting import Done, Work, read, stream, view, write
from console.api.asked_chats import (
    ChatBody,
    ChatFilterIn,
    ChatPath,
    ChatsQuery,
    MembersQuery,
    SeveralQuery,
    TrendQuery,
)
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_chats import (
    ChatMemberOut,
    ChatMembersOut,
    ChatOut,
    ChatsOut,
    DayOut,
    SeveralOut,
    SeveralPageOut,
    TrendOut,
)
from services.chats.export import chat_lines, member_lines
from services.chats.folders import name_of_ungrouped
from services.chats.listing import KINDS, describe_chat, list_chats, load_chat, today_of
from services.chats.members import list_members, list_several, load_trend
from services.chats.model import ChatsAfter
from shared.api_keys import Scope
from shared.audit import Change
from shared.db.engine import Row

GROUP = "chats"


def _chat(row: Row, work: Work) -> ChatOut:
    given = {name: row[name] for name in ChatOut.model_fields}
    given["folder_name"] = row["folder_name"] or name_of_ungrouped(work.tenant)
    given["tag_ids"] = row["tag_ids"] or []
    return ChatOut(**given)


@operation("get", "/chats", Scope.GROUPS_READ, ChatsOut, group=GROUP)
def list_some_chats(query: ChatsQuery) -> Response:
    """List chats of all folders, by any of the filters and in any of the orders; each with its folder."""
    kinds = (str, date, KINDS[query.sort], str)
    values = keysets.decode(query.cursor, kinds)
    order = f"{query.sort} {query.ascending}"
    if values is not None and (values[0] != order or None in (values[1], values[3])):
        raise ProblemError(400, "cursor", "this cursor is of another order: start without one")

    def work(work: Work) -> ChatsOut:
        after = None if values is None else ChatsAfter(*values[1:])  # type: ignore[arg-type]
        today = after.day if after else today_of(work.tenant, work.now)
        rows = list_chats(
            work.connection,
            work.tenant,
            query.chosen(),
            sort=query.sort,
            ascending=query.ascending,
            after=after,
            limit=query.limit + 1,
            today=today,
        )
        shown = rows[: query.limit]
        last = shown[-1] if len(rows) > len(shown) else None
        return ChatsOut(
            chats=[_chat(row, work) for row in shown],
            today=today,
            next_cursor=keysets.encode(order, today, last["sort_value"], last["chat_id"]) if last else None,
        )

    return read(work)


@operation("get", "/chats:export", Scope.GROUPS_READ, None, group=GROUP, file=True)
def export_chats(query: ChatFilterIn) -> Response:
    """All chats that the filters find, as CSV (UTF-8 with BOM; no cell is a formula)."""
    chosen = query.chosen()
    change = Change("chats.exported", "group_chat", "*", after={"filter": vars(chosen)})
    return stream(
        lambda work, after: chat_lines(work.connection, work.tenant, chosen, after=after, now=work.now),
        name="chats",
        change=change,
    )


@operation("get", "/chat-members:export", Scope.GROUPS_READ, None, group=GROUP, file=True)
def export_members(query: ChatFilterIn) -> Response:
    """The members, present and former, of all chats that the filters find, as CSV; a line for each stay."""
    chosen = query.chosen()
    change = Change("chat_members.exported", "group_chat", "*", after={"filter": vars(chosen)})
    hide = view().mask_of_nicknames  # the request itself is over when the later pages are made
    return stream(
        lambda work, after: member_lines(work.connection, work.tenant, chosen, after=after, hide=hide),
        name="chat-members",
        change=change,
    )


@operation("get", "/chat-members:several", Scope.GROUPS_READ, SeveralPageOut, group=GROUP)
def list_customers_in_several(query: SeveralQuery) -> Response:
    """List customers who sit in several chats at once, with how many and which."""
    values = keysets.decode(query.cursor, (str,))
    after = cast("str", values[0] or "") if values else ""

    def work(work: Work) -> SeveralPageOut:
        rows = list_several(work.connection, work.tenant.id, least=query.least, after=after, limit=query.limit + 1)
        shown = rows[: query.limit]
        return SeveralPageOut(
            customers=[SeveralOut(**row) for row in shown],
            next_cursor=keysets.encode(shown[-1]["external_userid"]) if len(rows) > len(shown) else None,
        )

    return read(work)


@operation("get", "/chats/<chat_id>", Scope.GROUPS_READ, ChatOut, group=GROUP)
def show_chat(path: ChatPath) -> Response:
    """Show one chat, dismissed or not."""

    def work(work: Work) -> ChatOut:
        today = today_of(work.tenant, work.now)
        return _chat(load_chat(work.connection, work.tenant, path.chat_id, today=today), work)

    return read(work)


@operation("patch", "/chats/<chat_id>", Scope.GROUPS_WRITE, ChatOut, group=GROUP)
def change_chat(path: ChatPath, body: ChatBody) -> Response:
    """Describe a chat; local, WeCom does not see it. What WeCom holds of a chat cannot be changed by API."""

    def work(work: Work) -> Done:
        change = describe_chat(work.connection, work.tenant.id, path.chat_id, body.description)
        today = today_of(work.tenant, work.now)
        answer = _chat(load_chat(work.connection, work.tenant, path.chat_id, today=today), work)
        return Done(answer, 200, (change,) if change.before != change.after else ())

    return write(work)


@operation("get", "/chats/<chat_id>/members", Scope.GROUPS_READ, ChatMembersOut, group=GROUP)
def list_chat_members(path: ChatPath, query: MembersQuery) -> Response:
    """List who is in a chat, and with `present` who was, with times, scene and inviter."""
    values = keysets.decode(query.cursor, (str, int))
    if values is not None and None in values:
        raise ProblemError(400, "cursor", "no cursor of this listing: start without one")

    def work(work: Work) -> ChatMembersOut:
        load_chat(work.connection, work.tenant, path.chat_id, today=today_of(work.tenant, work.now))
        rows = list_members(
            work.connection,
            work.tenant.id,
            path.chat_id,
            present={"yes": True, "no": False, "all": None}[query.present],
            kind=query.kind,
            after=cast("tuple[str, int] | None", tuple(values) if values else None),
            limit=query.limit + 1,
        )
        shown = rows[: query.limit]
        last = shown[-1] if len(rows) > len(shown) else None
        return ChatMembersOut(
            members=[_member(row) for row in shown],
            next_cursor=keysets.encode(last["member_id"], last["number"]) if last else None,
        )

    return read(work)


def _member(row: Row) -> ChatMemberOut:
    return ChatMemberOut(**{name: row[name] for name in ChatMemberOut.model_fields})


@operation("get", "/chats/<chat_id>/trend", Scope.GROUPS_READ, TrendOut, group=GROUP)
def show_trend(path: ChatPath, query: TrendQuery) -> Response:
    """Show how many came, went and were there, for each day of a range; days on which nothing happened too."""

    def work(work: Work) -> TrendOut:
        today = today_of(work.tenant, work.now)
        since, until = query.days(today)
        chat = load_chat(work.connection, work.tenant, path.chat_id, today=today)
        days = load_trend(
            work.connection, work.tenant, path.chat_id, since=since, until=until, member_count=chat["member_count"]
        )
        return TrendOut(chat_id=path.chat_id, days=[DayOut(**vars(one)) for one in days])

    return read(work)
