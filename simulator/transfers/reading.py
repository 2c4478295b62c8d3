"""What became of the transfers, and who is without a member.

Source: WeCom server API, transfer results (pages 94088 and 94082), customers of members who left (page 92124).
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.records import Corp, Member, Pair, PairState
from simulator.transfers.book import TransferBook
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
        rows = [
            {"external_userid": item.external_userid, "status": int(item.status), "takeover_time": item.takeover_time}
            for item in found
            if item.asked_at <= settled_before
        ]
        bound_to = cursors.bound(call, "transfer_result", resigned, *pair)
        rows, next_cursor = cursors.page(rows, cursor=asked.get("cursor"), limit=ROWS_A_PAGE, bound_to=bound_to)
        return {"customer": rows, "next_cursor": next_cursor}

    return read


def _someone(call: Call, asked: dict[str, Any], key: str) -> str:
    """The userid as it is spelled in the corp, of a member in service or not."""
    userid = asked.get(key) or ""
    if not isinstance(userid, str):
        raise ApiError(40058, detail=key)
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
    info, more = found[:limit], len(found) > limit
    next_cursor = ""
    if more:
        last = info[-1]
        position: cursors.Position = [-last["dimission_time"], last["handover_userid"], last["external_userid"]]
        next_cursor = cursors.seal(position, bound_to=bound_to)
    return {"info": info, "is_last": not more, "next_cursor": next_cursor}


def _old_page(call: Call, page_id: Any, *, limit: int) -> dict[str, Any]:
    """The older way: pages by number, from 0, without a cursor."""
    if type(page_id) is not int or page_id < 0:
        raise ApiError(40058, detail="page_id")
    found = list(islice(unassigned(call.world, call.corp), page_id * limit, (page_id + 1) * limit + 1))
    return {"info": found[:limit], "is_last": len(found) <= limit}


def unassigned(world: World, corp: Corp, *, after: cursors.Position | None = None) -> Iterator[dict[str, Any]]:
    """The rows beyond one (minus the time of leaving, userid, external_userid)."""
    book, waits_too = corp.book(TransferBook), world.settings(TransferSettings).waiting_is_unassigned
    for key, member in _leavers(corp, now=world.now()):
        if after and key < (after[0], after[1]):
            continue
        beyond = str(after[2]) if after and key == (after[0], after[1]) else ""
        for external_userid in sorted(found for found in member.pairs if found > beyond):
            if _is_unassigned(book, member.pairs[external_userid], waits_too=waits_too):
                ids = {"handover_userid": member.userid, "external_userid": external_userid}
                yield {**ids, "dimission_time": -key[0]}


def _leavers(corp: Corp, *, now: float) -> list[tuple[tuple[int, str], Member]]:
    book = corp.book(TransferBook)
    left = [item for item in corp.members.values() if item.resigned and item.has_customer_contact]
    keyed = [((-book.leaving_of(item, now=now), item.userid), item) for item in left]
    return sorted(keyed, key=lambda item: item[0])


def _is_unassigned(book: TransferBook, pair: Pair, *, waits_too: bool) -> bool:
    if pair.state is not PairState.ACTIVE:
        return False
    return waits_too or (pair.userid, pair.customer.external_userid) not in book.waiting
