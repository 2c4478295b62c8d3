"""Members confirm what software asked them to send, or send a message of their own. No callback tells of it."""

import secrets

from simulator.acting import ImpossibleError, Order, Outcome
from simulator.broadcasts.book import SINGLE, Broadcast, BroadcastBook, Task
from simulator.broadcasts.sending import confirm
from simulator.records import Corp
from simulator.world import World


def confirm_broadcast(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """`only` names customers where the member may choose, or the chats of a message that leaves them to the owner."""
    broadcast = corp.book(BroadcastBook).sent.get(str(order["msgid"]))
    member = corp.member(str(order["userid"]))
    task = broadcast.tasks.get(member.userid) if broadcast and member else None
    if broadcast is None or task is None:
        raise ImpossibleError("the member was not asked to send this")
    only = order.get("only")
    if only is not None and not (broadcast.allow_select or task.chooses):
        raise ImpossibleError("the member may not choose")
    confirm(world, corp, broadcast, task, at=at, only=None if only is None else set(only))
    return Outcome()


def broadcast_as_member(world: World, corp: Corp, order: Order, at: int) -> Outcome:
    """A member's own group message to `external_userid`, a list; it counts for the receiving limit."""
    member = corp.member(str(order["userid"]))
    if member is None:
        raise ImpossibleError("no such member")
    content = {"text": {"content": str(order.get("text", ""))}, "attachments": []}
    made = Broadcast(
        f"msgSim{secrets.token_urlsafe(18)}", SINGLE, content, at, dispatched_at=0, creator=member.userid
    )  # nobody needs to be asked
    made.tasks[member.userid] = Task(member.userid, [str(item) for item in order["external_userid"]])
    confirm(world, corp, made, made.tasks[member.userid], at=at)
    corp.book(BroadcastBook).sent[made.msgid] = made
    return Outcome({"msgid": made.msgid})


ACTS = {"confirm_broadcast": confirm_broadcast, "broadcast_as_member": broadcast_as_member}
