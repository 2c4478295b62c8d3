"""Customer groups (客户群)."""

from collections.abc import Iterator, Sequence

from shared.ids import UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import every_row, needed, needed_text, page_of
from shared.wecom.payloads.chats import Chat, ChatKey, JoinWay, JoinWaySettings
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.reading import written

LIST = Api("externalcontact/groupchat/list")
GET = Api("externalcontact/groupchat/get")
OPENGID = Api("externalcontact/opengid_to_chatid")
ADD_JOIN_WAY = Api("externalcontact/groupchat/add_join_way", Repeat.ONCE)
GET_JOIN_WAY = Api("externalcontact/groupchat/get_join_way")
UPDATE_JOIN_WAY = Api("externalcontact/groupchat/update_join_way", Repeat.SAME)
DELETE_JOIN_WAY = Api("externalcontact/groupchat/del_join_way", Repeat.SAME)
PAGE_LIMIT = 1000


class Chats:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, *, owners: Sequence[UserId] = (), status: int | None = None, cursor: str = "") -> Page[ChatKey]:
        """One page of the groups of up to 100 owners, or of all in sight (81017 when those are over 1000 people).

        status: 1 the owner left, 2 being inherited, 3 inherited; None is all. An owner who left is found by naming
        them or by status 1: WeCom has done either, and refused the other.

        Source: WeCom server API, externalcontact/groupchat/list.
        """
        limits.count(LIST, 100, userid_list=owners)
        body = {
            "status_filter": status,
            "owner_filter": {"userid_list": [*owners]} if owners else None,
            "cursor": cursor or None,
            "limit": PAGE_LIMIT,
        }
        return page_of(ChatKey, self._calls.post(LIST, body), "group_chat_list")

    def every_chat(self, *, owners: Sequence[UserId] = (), status: int | None = None) -> Iterator[ChatKey]:
        """All pages of `list`.

        Source: WeCom server API, externalcontact/groupchat/list.
        """
        return every_row(lambda cursor: self.list(owners=owners, status=status, cursor=cursor))

    def get(self, chat_id: str, *, names: bool = False) -> Chat:
        """One group with all members. Read right after an event, it may be of before: compare `member_version`.

        Source: WeCom server API, externalcontact/groupchat/get.
        """
        answer = self._calls.post(GET, {"chat_id": chat_id, "need_name": int(names)})
        return needed(GET, Chat, answer.get("group_chat"))

    def id_of_opengid(self, opengid: str) -> str:
        """The chat_id of a group as a mini program knows it.

        Source: WeCom server API, externalcontact/opengid_to_chatid.
        """
        return needed_text(OPENGID, self._calls.post(OPENGID, {"opengid": opengid}), "chat_id")


class JoinWays:
    """Codes through which customers join groups. No call lists them: who loses the `config_id` loses the way."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def add(self, settings: JoinWaySettings) -> str:
        """The new way's `config_id`; up to 5 groups.

        Source: WeCom server API, externalcontact/groupchat/add_join_way.
        """
        _check(ADD_JOIN_WAY, settings)
        return needed_text(ADD_JOIN_WAY, self._calls.post(ADD_JOIN_WAY, written(settings)), "config_id")

    def get(self, config_id: str) -> JoinWay:
        """Source: WeCom server API, externalcontact/groupchat/get_join_way."""
        answer = self._calls.post(GET_JOIN_WAY, {"config_id": config_id})
        return needed(GET_JOIN_WAY, JoinWay, answer.get("join_way"))

    def update(self, config_id: str, settings: JoinWaySettings) -> None:
        """Overwrites all: what is not given falls back to WeCom's default.

        Source: WeCom server API, externalcontact/groupchat/update_join_way.
        """
        _check(UPDATE_JOIN_WAY, settings)
        self._calls.post(UPDATE_JOIN_WAY, {"config_id": config_id, **written(settings)})

    def delete(self, config_id: str) -> None:
        """Source: WeCom server API, externalcontact/groupchat/del_join_way."""
        self._calls.post(DELETE_JOIN_WAY, {"config_id": config_id})


def _check(api: Api, settings: JoinWaySettings) -> None:
    limits.count(api, 5, least=1, chat_id_list=settings.chat_id_list)
    limits.chars(api, 30, remark=settings.remark, state=settings.state)
    limits.chars(api, 40, room_base_name=settings.room_base_name)
