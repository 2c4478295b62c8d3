"""The callbacks of group chats: ChatId stands before ChangeType; numbers, versions and listed ids stand bare.

Scenes have other numbers here than in groupchat/get: 0 invited in any way, 3 by QR code.
Source: WeCom server API, customer group events (page 92130).
"""

from collections.abc import Sequence

from simulator.chats.book import Chat, ChatState, JoinScene
from simulator.events import Bare, Event, Fields, Value
from simulator.records import Corp


def told(corp: Corp, chat: Chat, change_type: str, *, at: int, fields: Fields = ()) -> Event:
    """It concerns the owner: apps that do not see the owner do not hear it."""
    before = (("ChatId", chat.chat_id),)
    about = (chat.state.owner,)
    return Event(corp.corp_id, "change_external_chat", change_type, at, fields, before=before, about=about)


def updated(corp: Corp, chat: Chat, detail: str, *, at: int, more: Fields = ()) -> Event:
    return told(corp, chat, "update", at=at, fields=(("UpdateDetail", detail), *more))


def joined(
    corp: Corp, chat: Chat, earlier: ChatState, changed: Sequence[str], *, scene: int, at: int, how: str
) -> Event:
    """`scene` as in groupchat/get, `how` the form of MemChangeList."""
    number = 3 if scene == JoinScene.QR_CODE else 0
    scenes: Fields = (("JoinScene", number), ("QuitScene", 0))
    return updated(corp, chat, "add_member", at=at, more=scenes + _change(chat, earlier, changed, how))


def quitted(
    corp: Corp, chat: Chat, earlier: ChatState, changed: Sequence[str], *, removed: bool, at: int, how: str
) -> Event:
    scenes: Fields = (("JoinScene", 0), ("QuitScene", int(removed)))
    return updated(corp, chat, "del_member", at=at, more=scenes + _change(chat, earlier, changed, how))


def _change(chat: Chat, earlier: ChatState, changed: Sequence[str], how: str) -> Fields:
    listed: Value = tuple(("Item", Bare(item)) for item in changed) if how == "items" else ""
    if how == "text":
        listed = ",".join(changed)
    return (
        ("MemChangeCnt", len(changed)),
        ("MemChangeList", listed),
        ("LastMemVer", Bare(earlier.member_version)),
        ("CurMemVer", Bare(chat.state.member_version)),
    )
