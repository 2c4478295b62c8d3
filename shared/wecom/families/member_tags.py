"""Tags on members (内部标签). Only the app that made a tag may change it (81011)."""

from collections.abc import Sequence

from shared.ids import UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import listed, needed, needed_number
from shared.wecom.payloads.member_tags import MemberTag, Refused, TaggedMembers
from shared.wecom.payloads.messages import listed as ids
from shared.wecom.payloads.reading import items, number

CREATE = Api("tag/create", Repeat.ONCE)
UPDATE = Api("tag/update", Repeat.SAME)
DELETE = Api("tag/delete", Repeat.SAME)
GET = Api("tag/get")
ADD_USERS = Api("tag/addtagusers", Repeat.SAME)
REMOVE_USERS = Api("tag/deltagusers", Repeat.SAME)
LIST = Api("tag/list")
NAME_CHARS = 32


class MemberTags:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> tuple[MemberTag, ...]:
        """Source: WeCom server API, tag/list."""
        return listed(MemberTag, self._calls.get(LIST), "taglist")

    def get(self, tagid: int) -> TaggedMembers:
        """Who in sight has the tag.

        Source: WeCom server API, tag/get.
        """
        return needed(GET, TaggedMembers, self._calls.get(GET, {"tagid": str(tagid)}))

    def create(self, tagname: str, *, tagid: int | None = None) -> int:
        """The new tag's id: the given one, or WeCom's choice.

        Source: WeCom server API, tag/create.
        """
        limits.each(CREATE, tagname=tagname)
        limits.chars(CREATE, NAME_CHARS, tagname=tagname)
        if tagid is not None and tagid < 0:
            raise ValueError(f"{CREATE.path}: tagid is {tagid}, it must not be negative")
        return needed_number(CREATE, self._calls.post(CREATE, {"tagname": tagname, "tagid": tagid}), "tagid")

    def update(self, tagid: int, tagname: str) -> None:
        """Source: WeCom server API, tag/update."""
        limits.each(UPDATE, tagname=tagname)
        limits.chars(UPDATE, NAME_CHARS, tagname=tagname)
        self._calls.post(UPDATE, {"tagid": tagid, "tagname": tagname})

    def delete(self, tagid: int) -> None:
        """Source: WeCom server API, tag/delete."""
        self._calls.get(DELETE, {"tagid": str(tagid)})

    def add(self, tagid: int, *, userids: Sequence[UserId] = (), parties: Sequence[int] = ()) -> Refused:
        """Tag up to 1000 members and 100 departments; 40070 when all are refused.

        Source: WeCom server API, tag/addtagusers.
        """
        return self._change(ADD_USERS, tagid, userids=userids, parties=parties)

    def remove(self, tagid: int, *, userids: Sequence[UserId] = (), parties: Sequence[int] = ()) -> Refused:
        """As `add`.

        Source: WeCom server API, tag/deltagusers.
        """
        return self._change(REMOVE_USERS, tagid, userids=userids, parties=parties)

    def _change(self, api: Api, tagid: int, *, userids: Sequence[UserId], parties: Sequence[int]) -> Refused:
        limits.some(api, userlist=userids, partylist=parties)
        limits.count(api, 1000, userlist=userids)
        limits.count(api, 100, partylist=parties)
        body = {"tagid": tagid, "userlist": [*userids] or None, "partylist": [*parties] or None}
        answer = self._calls.post(api, body)
        refused = tuple(one for item in items(answer.get("invalidparty")) if (one := number(item)) is not None)
        return Refused(ids(answer.get("invalidlist")), refused)
