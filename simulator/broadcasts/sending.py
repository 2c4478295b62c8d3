"""A member confirms a group message: what is sent to whom, and why not to others."""

from simulator.acting import ImpossibleError
from simulator.broadcasts.book import GROUP, Broadcast, BroadcastBook, RowStatus, Task, TaskStatus
from simulator.broadcasts.settings import BroadcastSettings
from simulator.chats.book import ChatBook
from simulator.records import Corp, PairState
from simulator.world import World


def confirm(
    world: World, corp: Corp, broadcast: Broadcast, task: Task, *, at: int, only: set[str] | None = None
) -> None:
    """Send to the targets, or to `only` those; ImpossibleError when the member cannot send any more."""
    member = corp.member(task.userid)
    if broadcast.cancelled or task.status is TaskStatus.SENT or member is None or member.resigned:
        raise ImpossibleError("cancelled, sent already, or the member has left")
    if world.now() < broadcast.dispatched_at:
        raise ImpossibleError("the members have not been asked yet")
    task.status, task.send_time = TaskStatus.SENT, at
    for target in task.targets:
        if only is None or target in only:
            task.rows[target] = _deliver(world, corp, broadcast, task.userid, target=target, at=at)


def _deliver(
    world: World, corp: Corp, broadcast: Broadcast, userid: str, *, target: str, at: int
) -> tuple[RowStatus, int]:
    """The row of one customer or chat."""
    if not (_owns(corp, userid, target) if broadcast.chat_type == GROUP else _is_friend(corp, userid, target)):
        return RowStatus.NO_FRIEND, 0
    if not corp.book(BroadcastBook).receive(target, at=at, rule=world.settings(BroadcastSettings).receive_rule):
        return RowStatus.OVER_LIMIT, 0
    return RowStatus.SENT, at


def _is_friend(corp: Corp, userid: str, external_userid: str) -> bool:
    pair = corp.members[userid.lower()].pairs.get(external_userid)
    return pair is not None and pair.state is PairState.ACTIVE


def _owns(corp: Corp, userid: str, chat_id: str) -> bool:
    chat = corp.book(ChatBook).chats.get(chat_id)
    return chat is not None and chat.state.owner == userid and not chat.state.dismissed_at


def confirm_later(world: World, corp: Corp, broadcast: Broadcast) -> None:
    """By setting, all members confirm some time after they were asked."""
    wait_s = world.settings(BroadcastSettings).auto_confirm_after_s

    def do(at: int) -> None:
        for task in broadcast.tasks.values():
            member = corp.member(task.userid)
            if task.status is TaskStatus.UNSENT and not broadcast.cancelled and member and not member.resigned:
                confirm(world, corp, broadcast, task, at=at)

    if wait_s:
        world.later(broadcast.dispatched_at + wait_s, do)
