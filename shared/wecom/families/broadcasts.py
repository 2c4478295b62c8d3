"""Messages to customers and groups that members confirm (企业群发). Nothing is sent before a member confirms."""

from collections.abc import Iterator, Sequence

from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import every_row, needed, page_of
from shared.wecom.families.attachments import content
from shared.wecom.payloads.attachments import Attachment
from shared.wecom.payloads.broadcasts import Broadcast, BroadcastCreated, BroadcastDelivery, BroadcastTask
from shared.wecom.payloads.pages import Page

ADD = Api("externalcontact/add_msg_template", Repeat.ONCE)
REMIND = Api("externalcontact/remind_groupmsg_send", Repeat.ONCE)
CANCEL = Api("externalcontact/cancel_groupmsg_send", Repeat.SAME)
LIST = Api("externalcontact/get_groupmsg_list_v2")
TASKS = Api("externalcontact/get_groupmsg_task")
RESULTS = Api("externalcontact/get_groupmsg_send_result")
SINGLE, GROUP = "single", "group"
LIST_LIMIT, ROWS_LIMIT = 100, 1000
MONTH_DAYS = 31


class Broadcasts:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def to_customers(
        self,
        text: str | None,
        attachments: Sequence[Attachment] = (),
        *,
        external_userids: Sequence[ExternalUserId] = (),
        tag_filter: Sequence[Sequence[str]] = (),
        sender: UserId | None = None,
        allow_select: bool | None = None,
    ) -> BroadcastCreated:
        """Make a task for up to 10,000 customers, for those with tags, or for all of a member's.

        `tag_filter`: one tag of each inner list (of up to 100) is needed. `allow_select` lets the member change the
        recipients. The reads answer 41063 for a while afterwards.

        Source: WeCom server API, externalcontact/add_msg_template.
        """
        limits.some(ADD, external_userid=external_userids, tag_filter=tag_filter, sender=sender)
        limits.count(ADD, 10_000, external_userid=external_userids)
        for tags in tag_filter:
            limits.count(ADD, 100, least=1, tag_list=tags)
        if external_userids and tag_filter:
            raise ValueError(f"{ADD.path}: with external_userid, tag_filter would be ignored")
        groups = [{"tag_list": [*tags]} for tags in tag_filter]
        body = {
            "chat_type": SINGLE,
            "external_userid": [*external_userids] or None,
            "tag_filter": {"group_list": groups} if groups else None,
            "sender": sender,
            "allow_select": allow_select,
            **content(ADD, text, attachments),
        }
        return needed(ADD, BroadcastCreated, self._calls.post(ADD, body))

    def to_groups(
        self, text: str | None, attachments: Sequence[Attachment] = (), *, sender: UserId, chat_ids: Sequence[str] = ()
    ) -> BroadcastCreated:
        """Make a task for up to 2000 groups of one owner; without `chat_ids` the owner chooses.

        Source: WeCom server API, externalcontact/add_msg_template.
        """
        limits.each(ADD, sender=sender)
        limits.count(ADD, 2000, chat_id_list=chat_ids)
        body = {"chat_type": GROUP, "chat_id_list": [*chat_ids] or None, "sender": sender}
        return needed(ADD, BroadcastCreated, self._calls.post(ADD, {**body, **content(ADD, text, attachments)}))

    def remind(self, msgid: str) -> None:
        """Ask the members again; 3 times in 24 h, then 41094.

        Source: WeCom server API, externalcontact/remind_groupmsg_send.
        """
        self._calls.post(REMIND, {"msgid": msgid})

    def cancel(self, msgid: str) -> None:
        """Stop the members who have not sent yet; 41093 when it was cancelled before.

        Source: WeCom server API, externalcontact/cancel_groupmsg_send.
        """
        self._calls.post(CANCEL, {"msgid": msgid})

    def list(
        self,
        chat_type: str,
        *,
        start_time: int,
        end_time: int,
        creator: UserId | None = None,
        filter_type: int | None = None,
        cursor: str = "",
    ) -> Page[Broadcast]:
        """One page of a month or less (Unix seconds). filter_type: 0 the corp's, 1 members', 2 all.

        Source: WeCom server API, externalcontact/get_groupmsg_list_v2.
        """
        limits.span(LIST, start_time=start_time, end_time=end_time, days=MONTH_DAYS)
        body = {
            "chat_type": chat_type,
            "start_time": start_time,
            "end_time": end_time,
            "creator": creator,
            "filter_type": filter_type,
            "limit": LIST_LIMIT,
            "cursor": cursor or None,
        }
        return page_of(Broadcast, self._calls.post(LIST, body), "group_msg_list")

    def every_broadcast(
        self,
        chat_type: str,
        *,
        start_time: int,
        end_time: int,
        creator: UserId | None = None,
        filter_type: int | None = None,
    ) -> Iterator[Broadcast]:
        """All pages of `list`.

        Source: WeCom server API, externalcontact/get_groupmsg_list_v2.
        """
        return every_row(
            lambda cursor: self.list(
                chat_type,
                start_time=start_time,
                end_time=end_time,
                creator=creator,
                filter_type=filter_type,
                cursor=cursor,
            )
        )

    def tasks(self, msgid: str, *, cursor: str = "") -> Page[BroadcastTask]:
        """One page of the members that are asked.

        Source: WeCom server API, externalcontact/get_groupmsg_task.
        """
        body = {"msgid": msgid, "limit": ROWS_LIMIT, "cursor": cursor or None}
        return page_of(BroadcastTask, self._calls.post(TASKS, body), "task_list")

    def every_task(self, msgid: str) -> Iterator[BroadcastTask]:
        """All pages of `tasks`.

        Source: WeCom server API, externalcontact/get_groupmsg_task.
        """
        return every_row(lambda cursor: self.tasks(msgid, cursor=cursor))

    def deliveries(self, msgid: str, userid: UserId, *, cursor: str = "") -> Page[BroadcastDelivery]:
        """One page of a member's recipients; of messages to groups only those that are sent.

        Source: WeCom server API, externalcontact/get_groupmsg_send_result.
        """
        body = {"msgid": msgid, "userid": userid, "limit": ROWS_LIMIT, "cursor": cursor or None}
        return page_of(BroadcastDelivery, self._calls.post(RESULTS, body), "send_list")

    def every_delivery(self, msgid: str, userid: UserId) -> Iterator[BroadcastDelivery]:
        """All pages of `deliveries`.

        Source: WeCom server API, externalcontact/get_groupmsg_send_result.
        """
        return every_row(lambda cursor: self.deliveries(msgid, userid, cursor=cursor))
