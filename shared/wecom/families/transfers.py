"""Customers and groups pass to another member: from one in service (在职继承) or from one who left (离职继承).

Requests are accepted row by row: a row's errcode is a value, not an exception. What came of them is read later.
"""

from collections.abc import Iterator, Sequence

from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import Answer, cursor_of, every_row, listed, page_of
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.transfers import FailedChat, TransferRow, TransferState, UnassignedCustomer

TRANSFER = Api("externalcontact/transfer_customer", Repeat.ONCE)
RESULT = Api("externalcontact/transfer_result")
TRANSFER_CHATS = Api("externalcontact/groupchat/onjob_transfer", Repeat.ONCE)
UNASSIGNED = Api("externalcontact/get_unassigned_list")
RESIGNED_TRANSFER = Api("externalcontact/resigned/transfer_customer", Repeat.ONCE)
RESIGNED_RESULT = Api("externalcontact/resigned/transfer_result")
RESIGNED_CHATS = Api("externalcontact/groupchat/transfer", Repeat.ONCE)
CUSTOMERS, CHATS = 100, 100
"""How many one request may name."""
PAGE_LIMIT = 1000


class Transfers:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def transfer(
        self,
        external_userids: Sequence[ExternalUserId],
        *,
        handover_userid: UserId,
        takeover_userid: UserId,
        success_msg: str | None = None,
    ) -> tuple[TransferRow, ...]:
        """Ask for up to 100 customers of a member in service; done after 24 h unless the customer refuses.

        `success_msg` (200 characters) is what the customer is told.

        Source: WeCom server API, externalcontact/transfer_customer.
        """
        limits.chars(TRANSFER, 200, transfer_success_msg=success_msg)
        body = _request(TRANSFER, external_userids, handover_userid=handover_userid, takeover_userid=takeover_userid)
        answer = self._calls.post(TRANSFER, {**body, "transfer_success_msg": success_msg})
        return listed(TransferRow, answer, "customer")

    def results(self, *, handover_userid: UserId, takeover_userid: UserId, cursor: str = "") -> Page[TransferState]:
        """One page of what came of all requests between two members. A row may be late.

        Source: WeCom server API, externalcontact/transfer_result.
        """
        return self._results(RESULT, handover_userid=handover_userid, takeover_userid=takeover_userid, cursor=cursor)

    def every_result(self, *, handover_userid: UserId, takeover_userid: UserId) -> Iterator[TransferState]:
        """All pages of `results`.

        Source: WeCom server API, externalcontact/transfer_result.
        """
        return every_row(
            lambda cursor: self.results(handover_userid=handover_userid, takeover_userid=takeover_userid, cursor=cursor)
        )

    def transfer_resigned(
        self, external_userids: Sequence[ExternalUserId], *, handover_userid: UserId, takeover_userid: UserId
    ) -> tuple[TransferRow, ...]:
        """As `transfer`, from a member who left. One request at a time for one takeover member, else 45035.

        Source: WeCom server API, externalcontact/resigned/transfer_customer.
        """
        body = _request(
            RESIGNED_TRANSFER, external_userids, handover_userid=handover_userid, takeover_userid=takeover_userid
        )
        return listed(TransferRow, self._calls.post(RESIGNED_TRANSFER, body), "customer")

    def resigned_results(
        self, *, handover_userid: UserId, takeover_userid: UserId, cursor: str = ""
    ) -> Page[TransferState]:
        """One page, of requests by `transfer_resigned` only.

        Source: WeCom server API, externalcontact/resigned/transfer_result.
        """
        return self._results(
            RESIGNED_RESULT, handover_userid=handover_userid, takeover_userid=takeover_userid, cursor=cursor
        )

    def every_resigned_result(self, *, handover_userid: UserId, takeover_userid: UserId) -> Iterator[TransferState]:
        """All pages of `resigned_results`.

        Source: WeCom server API, externalcontact/resigned/transfer_result.
        """
        return every_row(
            lambda cursor: self.resigned_results(
                handover_userid=handover_userid, takeover_userid=takeover_userid, cursor=cursor
            )
        )

    def _results(
        self, api: Api, *, handover_userid: UserId, takeover_userid: UserId, cursor: str
    ) -> Page[TransferState]:
        body = {"handover_userid": handover_userid, "takeover_userid": takeover_userid, "cursor": cursor or None}
        return page_of(TransferState, self._calls.post(api, body), "customer")

    def unassigned(self, *, cursor: str = "") -> Page[UnassignedCustomer]:
        """One page of the customers of members who left, of the whole corp, who are not assigned yet.

        Source: WeCom server API, externalcontact/get_unassigned_list.
        """
        answer = self._calls.post(UNASSIGNED, {"page_size": PAGE_LIMIT, "cursor": cursor or None})
        rows = listed(UnassignedCustomer, answer, "info")
        return Page(rows, "" if answer.get("is_last") is True else cursor_of(answer))

    def every_unassigned(self) -> Iterator[UnassignedCustomer]:
        """All pages of `unassigned`.

        Source: WeCom server API, externalcontact/get_unassigned_list.
        """
        return every_row(lambda cursor: self.unassigned(cursor=cursor))

    def transfer_chats(self, chat_ids: Sequence[str], *, new_owner: UserId) -> tuple[FailedChat, ...]:
        """Pass on up to 100 groups of owners in service; what is not in the answer is accepted.

        Source: WeCom server API, externalcontact/groupchat/onjob_transfer.
        """
        return self._chats(TRANSFER_CHATS, chat_ids, new_owner)

    def transfer_resigned_chats(self, chat_ids: Sequence[str], *, new_owner: UserId) -> tuple[FailedChat, ...]:
        """As `transfer_chats`, of owners who left.

        Source: WeCom server API, externalcontact/groupchat/transfer.
        """
        return self._chats(RESIGNED_CHATS, chat_ids, new_owner)

    def _chats(self, api: Api, chat_ids: Sequence[str], new_owner: UserId) -> tuple[FailedChat, ...]:
        limits.count(api, CHATS, least=1, chat_id_list=chat_ids)
        limits.each(api, new_owner=new_owner)
        return listed(
            FailedChat, self._calls.post(api, {"chat_id_list": [*chat_ids], "new_owner": new_owner}), "failed_chat_list"
        )


def _request(
    api: Api, external_userids: Sequence[ExternalUserId], *, handover_userid: UserId, takeover_userid: UserId
) -> Answer:
    limits.each(api, handover_userid=handover_userid, takeover_userid=takeover_userid)
    limits.count(api, CUSTOMERS, least=1, external_userid=external_userids)
    if handover_userid.lower() == takeover_userid.lower():
        raise ValueError(f"{api.path}: handover_userid and takeover_userid are the same member")
    return {
        "handover_userid": handover_userid,
        "takeover_userid": takeover_userid,
        "external_userid": [*external_userids],
    }
