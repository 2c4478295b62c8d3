"""External contacts and their follow relations."""

from collections.abc import Iterator, Sequence

from shared.errors import RetryableError
from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.errors import NO_RELATION, NOT_VISIBLE, WeComError
from shared.wecom.families import limits
from shared.wecom.families.answers import cursor_of, every_row, listed, needed, needed_list, page_of
from shared.wecom.payloads.contacts import (
    BatchPage,
    BatchRow,
    ContactProfile,
    ContactRead,
    FollowRelation,
    FollowUserCheck,
    ServedContact,
    batch_row,
)
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.reading import counted, items, texts

FOLLOW_USERS = Api("externalcontact/get_follow_user_list")
CHECK_FOLLOW_USER = Api("externalcontact/check_follow_user")
GET = Api("externalcontact/get")
LIST = Api("externalcontact/list")
BATCH = Api("externalcontact/batch/get_by_user")
SERVED = Api("externalcontact/contact_list")
REMARK = Api("externalcontact/remark", Repeat.ONCE)
PAGE_LIMIT = 100
SERVED_PAGE_LIMIT = 1000


class Contacts:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def follow_users(self) -> tuple[UserId, ...]:
        """Members that have the customer-contact function and are in the app's sight.

        Raises:
            UnreachableError: WeCom answered with success and without the list.

        Source: WeCom server API, externalcontact/get_follow_user_list.
        """
        answer = self._calls.get(FOLLOW_USERS)
        return tuple(UserId(userid) for userid in texts(needed_list(FOLLOW_USERS, answer, "follow_user")) or ())

    def check_follow_users(self, *, userids: Sequence[UserId] = (), parties: Sequence[int] = ()) -> FollowUserCheck:
        """Which of these have the customer-contact function.

        Source: WeCom server API, externalcontact/check_follow_user.
        """
        limits.some(CHECK_FOLLOW_USER, userid=userids, partyid=parties)
        answer = self._calls.post(CHECK_FOLLOW_USER, {"userid": list(userids), "partyid": list(parties)})
        return needed(CHECK_FOLLOW_USER, FollowUserCheck, answer)

    def get(self, external_userid: ExternalUserId) -> ContactRead:
        """One contact with every follower in sight (all pages); no relation in sight is an empty read, not an error.

        Source: WeCom server API, externalcontact/get.
        """
        relations: tuple[FollowRelation, ...] = ()
        cursor, profile = "", None
        while True:
            query = {"external_userid": external_userid} | ({"cursor": cursor} if cursor else {})
            try:
                answer = self._calls.get(GET, query)
            except WeComError as error:
                if error.code not in NO_RELATION | NOT_VISIBLE:
                    raise
                if cursor:
                    raise RetryableError("the contact changed while its pages were read") from None
                return ContactRead(None, ())
            profile = profile or needed(GET, ContactProfile, answer.get("external_contact"))
            relations += listed(FollowRelation, answer, "follow_user")
            last, cursor = cursor, cursor_of(answer)
            if not cursor:
                return ContactRead(profile, relations)
            if cursor == last:
                raise RetryableError("a cursor of WeCom's came a second time")

    def list(self, userid: UserId) -> tuple[ExternalUserId, ...]:
        """All contacts that a member follows; 84061 means that there are none.

        Source: WeCom server API, externalcontact/list.
        """
        try:
            answer = self._calls.get(LIST, {"userid": userid})
        except WeComError as error:
            if error.code in NO_RELATION:
                return ()
            raise
        return tuple(ExternalUserId(one) for one in texts(answer.get("external_userid")) or ())

    def batch(self, userids: tuple[UserId, ...], *, cursor: str = "") -> BatchPage:
        """One page of the relations of up to 100 members. `cursor` is opaque; "" starts over.

        A page may be short or even empty and not be the last. Personal tags are left out: absence says nothing.

        Source: WeCom server API, externalcontact/batch/get_by_user.
        """
        limits.count(BATCH, 100, least=1, userid_list=userids)
        limits.utf8(BATCH, 64, **{f"userid_list[{at}]": userid for at, userid in enumerate(userids)})
        answer = self._calls.post(BATCH, {"userid_list": [*userids], "cursor": cursor, "limit": PAGE_LIMIT})
        given = items(answer.get("external_contact_list"))
        found = [batch_row(one) for one in given]
        failed = answer.get("fail_info")
        unlicensed = texts(failed.get("unlicensed_userid_list")) if isinstance(failed, dict) else None
        return BatchPage(
            rows=counted(tuple(one for one in found if one), given, key="pair"),
            next_cursor=cursor_of(answer),
            unlicensed=None if unlicensed is None else tuple(UserId(one) for one in unlicensed),
        )

    def every_relation(self, userids: tuple[UserId, ...]) -> Iterator[BatchRow]:
        """All pages of `batch`. Rows that move meanwhile may be missed or come twice.

        Source: WeCom server API, externalcontact/batch/get_by_user.
        """
        return every_row(lambda cursor: self.batch(userids, cursor=cursor))

    def remark(
        self,
        userid: UserId,
        external_userid: ExternalUserId,
        *,
        remark: str | None = None,
        description: str | None = None,
        remark_company: str | None = None,
        remark_mobiles: Sequence[str] | None = None,
        remark_pic_mediaid: str | None = None,
    ) -> None:
        """Change one member's notes on a contact: those that are given. It causes no callback.

        `remark_mobiles` replaces all of them, and () clears them. `remark_company` counts for WeChat users only and
        is read back as `remark_corp_name`. After UnreachableError, read before the next try: the member may have
        edited it meanwhile.

        Source: WeCom server API, externalcontact/remark.
        """
        limits.chars(REMARK, 20, remark=remark, remark_company=remark_company)
        limits.chars(REMARK, 150, description=description)
        # The vendor clears the numbers when the only one is empty.
        mobiles = None if remark_mobiles is None else [*remark_mobiles] or [""]
        notes = {
            "remark": remark,
            "description": description,
            "remark_company": remark_company,
            "remark_mobiles": mobiles,
            "remark_pic_mediaid": remark_pic_mediaid,
        }
        limits.some(REMARK, **notes)
        self._calls.post(REMARK, {"userid": userid, "external_userid": external_userid, **notes})

    def served(self, *, cursor: str = "") -> Page[ServedContact]:
        """One page of everybody ever served, customer or not. The cursor lives 4 h, and so do the rows' ids.

        Source: WeCom server API, externalcontact/contact_list.
        """
        answer = self._calls.post(SERVED, {"cursor": cursor or None, "limit": SERVED_PAGE_LIMIT})
        return page_of(ServedContact, answer, "info_list")

    def every_served(self) -> Iterator[ServedContact]:
        """All pages of `served`.

        Source: WeCom server API, externalcontact/contact_list.
        """
        return every_row(lambda cursor: self.served(cursor=cursor))
