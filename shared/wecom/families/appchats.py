"""Groups of members that the app makes and talks to. The app's visible range must be the root department (60011)."""

import re
from collections.abc import Sequence

from shared.ids import UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import needed, needed_text
from shared.wecom.families.contents import Content
from shared.wecom.payloads.messages import AppChat

CREATE = Api("appchat/create", Repeat.ONCE)
# Source: WeCom server API, page 90454: 1000 in an hour for all apps.
UPDATE = Api("appchat/update", Repeat.SAME, per_hour=1000)
GET = Api("appchat/get")
SEND = Api("appchat/send", Repeat.ONCE, counted=False)
MEMBERS = 2000
NAME_CHARS = 50
_CHATID = re.compile(r"[0-9a-zA-Z]{1,32}")
_MSGTYPES = frozenset({"text", "image", "voice", "video", "file", "textcard", "news", "mpnews", "markdown"})


class AppChats:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self, name: str, userids: Sequence[UserId], *, owner: UserId | None = None, chatid: str | None = None
    ) -> str:
        """The new group's chatid; 2 to 2000 members. It may stay hidden until its first message. 1000 in a day.

        Source: WeCom server API, appchat/create.
        """
        limits.each(CREATE, name=name)
        limits.count(CREATE, MEMBERS, least=2, userlist=userids)
        limits.chars(CREATE, NAME_CHARS, name=name)
        if chatid is not None and not _CHATID.fullmatch(chatid):
            raise ValueError(f"{CREATE.path}: chatid must be up to 32 letters and digits")
        body = {"name": name, "owner": owner, "userlist": [*userids], "chatid": chatid}
        return needed_text(CREATE, self._calls.post(CREATE, body), "chatid")

    def update(
        self,
        chatid: str,
        *,
        name: str | None = None,
        owner: UserId | None = None,
        add: Sequence[UserId] = (),
        remove: Sequence[UserId] = (),
    ) -> None:
        """Of the app's own groups (86008).

        Source: WeCom server API, appchat/update.
        """
        limits.some(UPDATE, name=name, owner=owner, add_user_list=add, del_user_list=remove)
        limits.chars(UPDATE, NAME_CHARS, name=name)
        body = {"chatid": chatid, "name": name, "owner": owner}
        self._calls.post(UPDATE, {**body, "add_user_list": [*add] or None, "del_user_list": [*remove] or None})

    def get(self, chatid: str) -> AppChat:
        """Source: WeCom server API, appchat/get."""
        return needed(GET, AppChat, self._calls.get(GET, {"chatid": chatid}).get("chat_info"))

    def send(self, chatid: str, content: Content, *, safe: int | None = None) -> None:
        """Say something in the group. There is no msgid, so that it cannot be recalled.

        Source: WeCom server API, appchat/send.
        """
        limits.each(SEND, chatid=chatid)
        if content.msgtype not in _MSGTYPES:
            raise ValueError(f"{SEND.path}: groups take no {content.msgtype}")
        body = {"chatid": chatid, "msgtype": content.msgtype, content.msgtype: dict(content.payload), "safe": safe}
        self._calls.post(SEND, body)
