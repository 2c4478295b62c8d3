"""How a transfer ends: by itself, by the customer's consent, or by refusal; and what is told of it.

A transfer whose pair or takeover member is no longer there ends without a trace in the pairs.
Source: WeCom server API, assign customers (pages 92125 and 94081), customer events (page 92130).
"""

from simulator.events import Event, customer_event
from simulator.records import Corp, Pair, PairState
from simulator.statistics.book import DayBook
from simulator.transfers.book import Status, Transfer, TransferBook
from simulator.transfers.moving import hand_over, told
from simulator.transfers.rules import is_full
from simulator.transfers.settings import TransferSettings
from simulator.world import Later, World


def at_its_time(world: World, corp: Corp, transfer: Transfer) -> Later:
    """What is to be done when the transfer is due and nobody said anything."""

    def run(at: int) -> None:
        events = take_effect(world, corp, transfer, at=at)
        corp.book(DayBook).record(corp, events)
        for event in events:
            world.emit(corp, event)

    return run


def take_effect(world: World, corp: Corp, transfer: Transfer, *, at: int) -> tuple[Event, ...]:
    """End a waiting transfer as the state allows; the callbacks. One that has ended is left alone."""
    if transfer.status is not Status.WAITING:
        return ()
    settings, book = world.settings(TransferSettings), corp.book(TransferBook)
    old, taker = _old_pair(corp, transfer), corp.member(transfer.takeover_userid)
    if old is None:
        book.end(transfer, Status.REFUSED, at=at)
        return ()
    if taker is None or not taker.serves_customers:
        book.end(transfer, Status(settings.taker_gone_status), at=at)
        return ()
    present = taker.pairs.get(transfer.external_userid)
    is_friend = present is not None and present.state is PairState.ACTIVE
    if not is_friend and is_full(taker, settings=settings):
        book.end(transfer, Status.FULL, at=at)
        return _failed(corp, transfer, "customer_limit_exceed", settings=settings, at=at)
    book.end(transfer, Status.DONE, at=at)
    return hand_over(world, corp, old, taker, at=at, notes_go_over=settings.notes_go_over)


def refuse(world: World, corp: Corp, transfer: Transfer, *, at: int) -> tuple[Event, ...]:
    """The customer says no: stays with a member in service, is lost when that member left."""
    settings = world.settings(TransferSettings)
    corp.book(TransferBook).end(transfer, Status.REFUSED, at=at)
    events = _failed(corp, transfer, "customer_refused", settings=settings, at=at)
    old = _old_pair(corp, transfer)
    if transfer.resigned and old is not None:
        old.state = PairState.GONE
        if settings.refusal_deletes:
            events += (told(corp, "del_external_contact", old.userid, transfer.external_userid, at=at),)
    return events


def _old_pair(corp: Corp, transfer: Transfer) -> Pair | None:
    """The pair that is to be ended; None when one of the two ended it meanwhile."""
    member = corp.member(transfer.handover_userid)
    pair = member.pairs.get(transfer.external_userid) if member else None
    return pair if pair is not None and pair.state is PairState.ACTIVE else None


def _failed(corp: Corp, transfer: Transfer, reason: str, *, settings: TransferSettings, at: int) -> tuple[Event, ...]:
    """transfer_fail names the takeover member, and neither the other one nor the kind of transfer."""
    if not settings.fail_event:
        return ()
    fields = (
        ("FailReason", reason),
        ("UserID", transfer.takeover_userid),
        ("ExternalUserID", transfer.external_userid),
    )
    return (customer_event(corp.corp_id, "transfer_fail", at=at, fields=fields),)
