"""Members publish moments, customers and colleagues like them and comment on them. No callback tells of it."""

import secrets
from datetime import datetime
from typing import Any

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.broadcasts.book import BEIJING
from simulator.moments.book import Copy, Moment, MomentBook
from simulator.moments.making import publish
from simulator.records import Corp, Member
from simulator.world import World


def _member(corp: Corp, userid: Any) -> Member:
    member = corp.member(str(userid))
    if member is None or not member.serves_customers:
        raise ImpossibleError(f"no such member with the customer-contact function: {userid}")
    return member


def _moment(corp: Corp, order: Order) -> Moment:
    found = corp.book(MomentBook).moments.get(str(order["moment_id"]))
    if found is None or found.deleted:
        raise ImpossibleError("no such moment")
    return found


def publish_moment(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """A member publishes what software asked for."""
    moment, member = _moment(corp, order), _member(corp, order["userid"])
    copy = moment.copies.get(member.userid)
    if copy is None or copy.published_at or moment.cancelled:
        raise ImpossibleError("not asked, published already, or cancelled")
    publish(corp, member, moment, at=at)
    return Outcome()


def post_moment(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """A member's own moment; `location` as reads show it."""
    member = _member(corp, order["userid"])
    content: dict[str, Any] = {"text": {"content": str(order.get("text", ""))}}
    if order.get("location"):
        content["location"] = order["location"]
    moment = Moment(f"momSim{secrets.token_urlsafe(18)}", content, at, dispatched_at=at, creator=member.userid)
    publish(corp, member, moment, at=at)
    corp.book(MomentBook).moments[moment.moment_id] = moment
    return Outcome({"moment_id": moment.moment_id})


def delete_moment(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    _moment(corp, order).deleted = True
    return Outcome()


def _said(corp: Corp, order: Order, at: int) -> tuple[Copy, dict[str, Any]]:
    """The copy of `userid`, and who (`by`, a member's or a customer's id) does something to it."""
    copy, by = _moment(corp, order).copies.get(_member(corp, order["userid"]).userid), str(order["by"])
    if copy is None or not copy.published_at or not (by in copy.reached or corp.member(by)):
        raise ImpossibleError("not published, or not to be seen by them")
    return copy, {"external_userid" if by in copy.reached else "userid": by, "create_time": at}


def comment_on_moment(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    copy, row = _said(corp, order, at)
    copy.comments.append(row)
    return Outcome()


def like_moment(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    copy, row = _said(corp, order, at)
    copy.likes.append(row)
    return Outcome()


def earlier_moments(world: World, corp: Corp, order: Order, at: int) -> Outcome:  # noqa: ARG001 - every act has this shape
    """So many moments that software made this month before; they only count."""
    corp.book(MomentBook).by_month[f"{datetime.fromtimestamp(at, BEIJING):%Y-%m}"] += int(order["count"])
    return Outcome()


ACTS = {
    "publish_moment": publish_moment,
    "post_moment": post_moment,
    "delete_moment": delete_moment,
    "comment_on_moment": comment_on_moment,
    "like_moment": like_moment,
    "earlier_moments": earlier_moments,
}
