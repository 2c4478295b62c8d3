"""What people do with group chats in the client; each has its callback."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator import orders
from simulator.acting import Act, ImpossibleError, Order, Outcome
from simulator.chats.book import Chat, ChatBook, ChatState, JoinScene
from simulator.chats.bulk import make_chats
from simulator.chats.entering import room_of
from simulator.chats.making import id_of, new_chat, newcomers, owner_of
from simulator.chats.settings import ChatSettings
from simulator.chats.telling import joined, quitted, told, updated
from simulator.events import Event
from simulator.records import Corp
from simulator.world import World


@dataclass(frozen=True)
class ChatAction:
    """One thing that one person does; "" means not said. `members` are ids or objects, `scene` as in groupchat/get."""

    chat_id: str = ""
    config_id: str = ""
    owner: str = ""
    userid: str = ""
    name: str = ""
    notice: str = ""
    members: list[str | dict[str, Any]] = field(default_factory=list)
    admins: list[str] = field(default_factory=list)
    scene: int = JoinScene.INVITED
    invitor: str = ""
    state: str = ""


@dataclass(frozen=True)
class Scene:
    """Where an action takes place."""

    world: World
    corp: Corp
    action: ChatAction
    at: int

    @property
    def settings(self) -> ChatSettings:
        return self.world.settings(ChatSettings)

    def chat(self) -> Chat:
        """ImpossibleError when it is not there or was dismissed."""
        chat = self.corp.book(ChatBook).chats.get(self.action.chat_id)
        if chat is None or chat.state.dismissed_at:
            raise ImpossibleError(f"no such chat: {self.action.chat_id!r}")
        return chat

    def change(self, chat: Chat, state: ChatState) -> None:
        chat.change(state, now=self.world.now(), lag_s=self.settings.detail_lag_s)

    def done(self, chat: Chat, *events: Event, **more: Any) -> Outcome:
        """A chat whose owner has no customer-contact function is no customer group, and nothing is told of it."""
        owner = self.corp.member(chat.state.owner)
        heard = owner is not None and owner.has_customer_contact
        return Outcome({"chat_id": chat.chat_id, **more}, events if heard else ())


def create_chat(here: Scene) -> Outcome:
    """The owner is in it from the start, invited by nobody."""
    action, at = here.action, here.at
    owner = owner_of(here.corp, action.owner)
    coming = _coming(here)
    if owner.userid in coming or len(coming) >= here.settings.most_members:
        raise ImpossibleError("the owner is in it from the start, or the chat is too full")
    if set(action.admins) - {owner.userid, *coming} or not all(map(here.corp.member, action.admins)):
        raise ImpossibleError("administrators are members of the corp who are in the chat")
    people = newcomers(here.corp, [owner.userid], at=at) + newcomers(
        here.corp, action.members, at=at, scene=action.scene, invitor=owner.userid, state=action.state
    )
    state = ChatState(owner.userid, action.name, action.notice).with_members(people)
    state = replace(state, admins=_in_it(state, action.admins))
    visible_at = here.world.now() + here.settings.detail_lag_s
    chat = new_chat(here.corp, state, random.Random(), create_time=at, visible_at=visible_at)
    return here.done(chat, told(here.corp, chat, "create", at=at), members=[item.userid for item in people])


def join_chat(here: Scene) -> Outcome:
    """People come in: invited, by link, by QR code, or by a join way (`config_id`), which may open a new chat."""
    action, corp, at = here.action, here.corp, here.at
    if not action.config_id:
        return _enter(here, here.chat(), action)
    entrance = room_of(here.world, corp, action.config_id, coming=_coming(here), at=at)
    by_way = replace(action, scene=JoinScene.QR_CODE, state=entrance.way.state, invitor="")
    outcome = _enter(here, entrance.chat, by_way)
    if entrance.is_new:
        opened = told(corp, entrance.chat, "create", at=at)
        return replace(outcome, events=(opened, *outcome.events))
    return outcome


def _enter(here: Scene, chat: Chat, action: ChatAction) -> Outcome:
    earlier, scene, coming = chat.state, JoinScene(action.scene), _coming(here)
    if earlier.members.keys() & coming:
        raise ImpossibleError("somebody is in the chat already")
    if not coming or len(earlier.members) + len(coming) > here.settings.most_members:
        raise ImpossibleError("nobody comes in, or the chat is full")
    invitor = owner_of(here.corp, action.invitor or earlier.owner).userid if scene != JoinScene.QR_CODE else ""
    people = newcomers(here.corp, action.members, at=here.at, scene=scene, invitor=invitor, state=action.state)
    ids = [item.userid for item in people]
    here.change(chat, earlier.with_members(people))
    event = joined(here.corp, chat, earlier, ids, scene=scene, at=here.at, how=here.settings.member_list)
    return here.done(chat, event, members=ids)


def _coming(here: Scene) -> list[str]:
    """The ids of those who come, "" for strangers without one; nothing is done before all of them are looked at."""
    JoinScene(here.action.scene)
    found = [id_of(here.corp, person) for person in here.action.members]
    named = [item for item in found if item]
    if len(set(named)) < len(named):
        raise ImpossibleError("somebody is named twice")
    for userid in named:
        if here.corp.member(userid):
            owner_of(here.corp, userid)
    return found


def leave_chat(here: Scene) -> Outcome:
    return _quit(here, removed=False)


def remove_from_chat(here: Scene) -> Outcome:
    """By the owner or an administrator of the chat."""
    return _quit(here, removed=True)


def _quit(here: Scene, *, removed: bool) -> Outcome:
    chat = here.chat()
    earlier, gone = chat.state, _in_it(chat.state, here.action.members)
    if not gone or earlier.owner in gone:
        raise ImpossibleError("nobody leaves, or the owner, who must pass the chat on first")
    here.change(chat, earlier.with_members(without=gone))
    event = quitted(here.corp, chat, earlier, gone, removed=removed, at=here.at, how=here.settings.member_list)
    return here.done(chat, event, members=list(gone))


def _in_it(state: ChatState, people: list[Any]) -> tuple[str, ...]:
    """ImpossibleError when one of them is not in the chat."""
    absent = [item for item in people if item not in state.members]
    if absent:
        raise ImpossibleError(f"not in the chat: {absent[0]!r}")
    return tuple(dict.fromkeys(people))


def change_owner(here: Scene) -> Outcome:
    """The new owner is a member of the corp who is in the chat already."""
    chat = here.chat()
    owner = owner_of(here.corp, here.action.userid)
    if owner.userid == chat.state.owner:
        raise ImpossibleError("the owner is the owner already")
    (userid,) = _in_it(chat.state, [owner.userid])
    admins = tuple(item for item in chat.state.admins if item != userid)
    here.change(chat, replace(chat.state, owner=userid, admins=admins))
    return here.done(chat, updated(here.corp, chat, "change_owner", at=here.at))


def set_chat_admins(here: Scene) -> Outcome:
    """No callback is documented for it."""
    chat = here.chat()
    admins = _in_it(chat.state, here.action.admins)
    if not all(map(here.corp.member, admins)):
        raise ImpossibleError("an administrator is a member of the corp")
    here.change(chat, replace(chat.state, admins=admins))
    return here.done(chat)


def rename_chat(here: Scene) -> Outcome:
    chat = here.chat()
    here.change(chat, replace(chat.state, name=here.action.name))
    return here.done(chat, updated(here.corp, chat, "change_name", at=here.at))


def change_notice(here: Scene) -> Outcome:
    chat = here.chat()
    here.change(chat, replace(chat.state, notice=here.action.notice))
    return here.done(chat, updated(here.corp, chat, "change_notice", at=here.at))


def dismiss_chat(here: Scene) -> Outcome:
    chat = here.chat()
    here.change(chat, replace(chat.state, dismissed_at=here.at))
    return here.done(chat, told(here.corp, chat, "dismiss", at=here.at))


def _act(do: Callable[[Scene], Outcome]) -> Act:
    def run(world: World, corp: Corp, order: Order, at: int) -> Outcome:
        return do(Scene(world, corp, orders.parse(ChatAction, order), at))

    return run


_DOES = (
    create_chat,
    join_chat,
    leave_chat,
    remove_from_chat,
    change_owner,
    set_chat_admins,
    rename_chat,
    change_notice,
    dismiss_chat,
)
ACTS: dict[str, Act] = {do.__name__: _act(do) for do in _DOES} | {"make_chats": make_chats}
