"""What became of the transfers, and who is without a member.

Source: WeCom server API, transfer results (pages 94088 and 94082), customers of members who left (page 92124).
"""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call
from simulator.api.fields import text
from simulator.customers.subjects import outward
from simulator.errors import ApiError
from simulator.records import Corp, Member, Pair, PairState
from simulator.transfers.book import Transfer, TransferBook
from simulator.transfers.settings import TransferSettings
from simulator.world import World

ROWS_A_PAGE = 1000


def transfer_result(*, resigned: bool) -> Callable[[Call], dict[str, Any]]:
    """The endpoint of one kind; the transfers of the other kind are not seen by it."""

    def read(call: Call) -> dict[str, Any]:
        asked = call.json()
        pair = (_someone(call, asked, "handover_userid"), _someone(call, asked, "takeover_userid"))
        settled_before = call.world.now() - call.settings(TransferSettings).result_lag_s
        found = call.book(TransferBook).of_members.get((resigned, *pair), [])
        shown = [item for item in found if item.asked_at <= settled_before]
        bound_to = cursors.bound(call, "transfer_result", resigned, *pair)
        page, next_cursor = cursors.page(shown, cursor=asked.get("cursor"), limit=ROWS_A_PAGE, bound_to=bound_to)
        return {"customer": [_row(call, item) for item in page], "next_cursor": next_cursor}

    return read


def _row(call: Call, item: Transfer) -> dict[str, Any]:
    ids = {"external_userid": outward(call, item.external_userid)}
    return {**ids, "status": int(item.status), "takeover_time": item.takeover_time}


def _someone(call: Call, asked: dict[str, Any], key: str) -> str:
    """The userid as it is spelled in the corp, of a member in service or not."""
    userid = text(asked, key)
    if not userid:
        raise ApiError(40063, detail=key)
    member = call.corp.member(userid)
    if member is None or not (member.resigned or call.sees(member)):
        raise ApiError(60111)
    return member.userid


def get_unassigned_list(call: Call) -> dict[str, Any]:
    """Who left last comes first. A cursor names the last row, so that rows that leave meanwhile shift nothing."""
    asked = call.json()
    limit = cursors.limit_of(asked, default=ROWS_A_PAGE, most=ROWS_A_PAGE, over="clamp", name="page_size")
    if asked.get("page_id") is not None:
        return _old_page(call, asked["page_id"], limit=limit)
    bound_to = cursors.bound(call, "get_unassigned_list")
    cursor = asked.get("cursor")
    after = cursors.unseal(cursor, bound_to=bound_to) if cursor else None
    found = list(islice(unassigned(call.world, call.corp, after=after), limit + 1))
    more = len(found) > limit
    next_cursor = cursors.seal(found[limit - 1][0], bound_to=bound_to) if more else ""
    return {"info": _outward(call, found[:limit]), "is_last": not more, "next_cursor": next_cursor}


def _outward(call: Call, found: list[tuple[cursors.Position, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{**row, "external_userid": outward(call, row["external_userid"])} for _, row in found]


def _old_page(call: Call, page_id: Any, *, limit: int) -> dict[str, Any]:
    """The older way: pages by number, from 0, without a cursor."""
    if type(page_id) is not int or page_id < 0:
        raise ApiError(40058, detail="page_id")
    first = min(page_id * limit, sys.maxsize - limit - 1)
    found = list(islice(unassigned(call.world, call.corp), first, first + limit + 1))
    return {"info": _outward(call, found[:limit]), "is_last": len(found) <= limit}


def unassigned(
    world: World, corp: Corp, *, after: cursors.Position | None = None
) -> Iterator[tuple[cursors.Position, dict[str, Any]]]:
    """The rows beyond a place (minus the time of leaving, userid, key of the relation), each with its own place."""
    book, waits_too = corp.book(TransferBook), world.settings(TransferSettings).waiting_is_unassigned
    for key, member in _leavers(corp, now=world.now()):
        if after and key < (after[0], after[1]):
            continue
        beyond = str(after[2]) if after and key == (after[0], after[1]) else ""
        for place in member.keys_after(beyond):
            pair = member.pair_at(place)
            if _is_unassigned(book, pair, waits_too=waits_too):
                ids = {"handover_userid": member.userid, "external_userid": pair.customer.external_userid}
                yield [*key, place], {**ids, "dimission_time": -key[0]}


def _leavers(corp: Corp, *, now: float) -> list[tuple[tuple[int, str], Member]]:
    book = corp.book(TransferBook)
    left = [item for item in corp.members.values() if item.resigned and item.has_customer_contact]
    keyed = [((-book.leaving_of(item, now=now), item.userid), item) for item in left]
    return sorted(keyed, key=lambda item: item[0])


def _is_unassigned(book: TransferBook, pair: Pair, *, waits_too: bool) -> bool:
    if pair.state is not PairState.ACTIVE:
        return False
    return waits_too or (pair.userid, pair.customer.external_userid) not in book.waiting
