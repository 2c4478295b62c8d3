"""Give group chats to a new owner: of owners in service, and of owners who left. Only failures are answered.

Source: WeCom server API, groups of members in service (page 95703), of members who left (page 92127).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import text, texts
from simulator.chats.book import EXTERNAL, Chat, ChatBook
from simulator.chats.finding import chat_of
from simulator.chats.making import newcomers
from simulator.chats.settings import ChatSettings
from simulator.chats.telling import updated
from simulator.error_texts import TEXTS
from simulator.errors import ApiError
from simulator.records import Corp, Member
from simulator.transfers.rules import day_number, taker_refusal
from simulator.transfers.settings import TransferSettings
from simulator.world import Later, World

MOST_CHATS = 100
PERIOD_DAYS = 90


def pass_on(*, resigned: bool) -> Callable[[Call], dict[str, Any]]:
    """The endpoint for owners in service, or for those who left."""

    def run(call: Call) -> dict[str, Any]:
        asked = call.json()
        chat_ids, heir = _chats(asked), _new_owner(call, asked)
        failed = []
        for chat_id in chat_ids:
            try:
                _begin(call, chat_of(call, chat_id)[0], heir, resigned=resigned)
            except ApiError as refused:
                text = TEXTS.get(refused.code, "error")
                failed.append({"chat_id": chat_id, "errcode": refused.code, "errmsg": text})
        return {"failed_chat_list": failed}

    return run


def _chats(asked: dict[str, Any]) -> list[str]:
    listed = texts(asked, "chat_id_list")
    if not listed:
        raise ApiError(40063, detail="chat_id_list")
    if len(listed) > MOST_CHATS:
        raise ApiError(40058, detail="chat_id_list")
    return listed


def _new_owner(call: Call, asked: dict[str, Any]) -> Member:
    """Must fulfil what a takeover member of customers must; the whole call is refused otherwise."""
    heir = call.member(text(asked, "new_owner"))
    code = taker_refusal(heir, settings=call.settings(TransferSettings), now=call.world.now())
    if code:
        raise ApiError(code)
    return heir


def _begin(call: Call, chat: Chat, heir: Member, *, resigned: bool) -> None:
    """Count it and let it take effect, now or later; ApiError is the row's code."""
    settings, book, now = call.settings(ChatSettings), call.book(ChatBook), call.world.now()
    code = _refusal(call, chat, heir, resigned=resigned)
    if code:
        raise ApiError(code)
    today = day_number(now)
    if book.given_away[chat.state.owner, today] >= settings.most_a_day:
        raise ApiError(settings.day_limit_code)
    if sum(today - day < PERIOD_DAYS for day in chat.passed_on) >= settings.most_in_90_days and not resigned:
        raise ApiError(settings.too_often_code)
    book.given_away[chat.state.owner, today] += 1
    if not resigned:
        chat.passed_on.append(today)
    chat.heir = heir.userid
    takes_s = settings.inherit_takes_s if resigned else settings.onjob_takes_s
    finish = _at_its_time(call.world, call.corp, chat, resigned=resigned)
    if takes_s:
        call.world.later(now + takes_s, finish)
    else:
        finish(int(now))


def _refusal(call: Call, chat: Chat, heir: Member, *, resigned: bool) -> int:
    owner = call.corp.members[chat.state.owner.lower()]
    if chat.heir:
        return 90507
    if resigned and not owner.resigned:
        return 90508 if chat.inherited else 90500
    if not resigned and owner.resigned:
        return 90502
    if heir is owner:
        return 90504
    if heir.userid in chat.state.members:
        return 0
    outsiders = sum(item.type == EXTERNAL for item in chat.state.members.values())
    return 90503 if outsiders >= call.settings(ChatSettings).most_wechat_members else 0


def _at_its_time(world: World, corp: Corp, chat: Chat, *, resigned: bool) -> Later:
    """The new owner is there, unless one of the two is gone by then; then nothing has happened."""

    def run(at: int) -> None:
        userid, chat.heir = chat.heir, ""
        heir = corp.member(userid)
        if heir is None or not heir.serves_customers or chat.state.dismissed_at:
            return
        settings, state = world.settings(ChatSettings), chat.state
        if userid not in state.members:
            state = state.with_members(newcomers(corp, [userid], at=at))
        admins = tuple(item for item in state.admins if item != userid)
        chat.change(replace(state, owner=userid, admins=admins), now=at, lag_s=settings.detail_lag_s)
        chat.inherited = chat.inherited or resigned
        if settings.transfer_calls_back:
            world.emit(corp, updated(corp, chat, "change_owner", at=at))

    return run
