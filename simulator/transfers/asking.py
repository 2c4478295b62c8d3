"""transfer_customer in its two kinds: a code for each customer, 0 for a transfer that has begun.

Source: WeCom server API, assign customers of members in service (page 92125), of members who left (page 94081).
"""

from dataclasses import dataclass
from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import text, texts
from simulator.customers.subjects import inward
from simulator.errors import ApiError
from simulator.records import Member, PairState
from simulator.transfers.book import Transfer, TransferBook
from simulator.transfers.ending import at_its_time
from simulator.transfers.rules import YEAR_S, is_full, is_stale, taker_refusal, used_up
from simulator.transfers.settings import TransferSettings

MOST_CUSTOMERS = 100
MOST_MESSAGE = 200


@dataclass(frozen=True)
class Terms:
    """Who gives to whom; `refusal` is the code that stands against it for every customer, 0 for none."""

    handover: Member
    taker: Member
    refusal: int
    taker_is_full: bool
    resigned: bool = False
    message: str = ""


def transfer_in_service(call: Call) -> dict[str, Any]:
    asked = call.json()
    message = text(asked, "transfer_success_msg")
    if len(message) > MOST_MESSAGE:
        raise ApiError(40058, detail=f"field `transfer_success_msg` exceed max length {MOST_MESSAGE}")
    handover = call.member(text(asked, "handover_userid"))
    refusal = 40205 if is_stale(handover, at=call.world.now()) else 0
    return {"customer": _start(call, asked, _terms(call, asked, handover, refusal=refusal, message=message))}


def transfer_of_resigned(call: Call) -> dict[str, Any]:
    asked = call.json()
    userid = text(asked, "handover_userid")
    if not userid:
        raise ApiError(40063, detail="handover_userid")
    handover = call.corp.member(userid)
    if handover is None:
        raise ApiError(60111)
    refusal = _leaver_refusal(call, handover)
    return {"customer": _start(call, asked, _terms(call, asked, handover, refusal=refusal, resigned=True))}


def takeover_held(call: Call) -> str | None:
    """Transfers of resigned members' customers to one takeover member must come one after the other."""
    return text(call.json(), "takeover_userid").lower() or None


def _leaver_refusal(call: Call, handover: Member) -> int:
    if not handover.resigned:
        return 40097
    now = call.world.now()
    left_at = call.book(TransferBook).leaving_of(handover, now=now)
    if now - left_at > YEAR_S:
        return call.settings(TransferSettings).left_too_long_code
    return 40205 if is_stale(handover, at=left_at) else 0


def _terms(
    call: Call, asked: dict[str, Any], handover: Member, *, refusal: int, resigned: bool = False, message: str = ""
) -> Terms:
    taker = call.member(text(asked, "takeover_userid"))
    if taker is handover:
        raise ApiError(40130)
    settings = call.settings(TransferSettings)
    refusal = refusal or taker_refusal(taker, settings=settings, now=call.world.now())
    return Terms(handover, taker, refusal, is_full(taker, settings=settings), resigned, message)


def _start(call: Call, asked: dict[str, Any], terms: Terms) -> list[dict[str, Any]]:
    """Begin what may begin; a row for each customer, in the order asked for."""
    now = int(call.world.now())
    due_at = now + call.settings(TransferSettings).effective_after_s
    members = (terms.handover.userid, terms.taker.userid)
    rows = []
    for told in _customers(asked):
        external_userid = inward(call.corp, call.app, told)
        refused = _refusal(call, terms, external_userid)
        rows.append({"external_userid": told, "errcode": refused})
        if not refused:
            transfer = Transfer(*members, external_userid, terms.resigned, now, due_at, terms.message)
            call.book(TransferBook).start(transfer)
            call.world.later(due_at, at_its_time(call.world, call.corp, transfer))
    return rows


def _customers(asked: dict[str, Any]) -> list[str]:
    listed = texts(asked, "external_userid")
    if not listed:
        raise ApiError(40063, detail="external_userid")
    if len(listed) > MOST_CUSTOMERS:
        raise ApiError(40058, detail=f"field `external_userid` exceed max length {MOST_CUSTOMERS}")
    return listed


def _refusal(call: Call, terms: Terms, external_userid: str) -> int:
    """The row's code: what stands against this customer, then against the members, then the taker's cap."""
    if external_userid not in call.corp.customers:
        return 40096
    if terms.refusal == 40097:
        return terms.refusal
    pair = terms.handover.pairs.get(external_userid)
    if pair is None or not (pair.state is PairState.ACTIVE if terms.resigned else pair.readable):
        return 40131
    return _busy(call, terms, external_userid) or terms.refusal or _over_cap(terms, external_userid)


def _busy(call: Call, terms: Terms, external_userid: str) -> int:
    """On the way already, or passed on too often."""
    book, settings = call.book(TransferBook), call.settings(TransferSettings)
    if (terms.handover.userid, external_userid) in book.waiting:
        return settings.resigned_busy_code if terms.resigned else 40129
    earlier = book.of_customer.get(external_userid, [])
    too_often = not terms.resigned and used_up(earlier, settings=settings, now=call.world.now())
    return 40128 if too_often else 0


def _over_cap(terms: Terms, external_userid: str) -> int:
    present = terms.taker.pairs.get(external_userid)
    is_friend = present is not None and present.state is PairState.ACTIVE
    return 40099 if terms.taker_is_full and not is_friend else 0
