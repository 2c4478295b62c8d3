"""Counts of chats and customers. Windows are Unix seconds, floored to Beijing midnights, 30 days, of the last 180."""

from collections.abc import Iterator, Sequence

from shared.errors import RetryableError
from shared.ids import UserId
from shared.wecom.apis import Api
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import listed
from shared.wecom.payloads.reading import number
from shared.wecom.payloads.statistics import BehaviorDay, DayCounts, OwnerCounts, OwnersPage

BEHAVIOR = Api("externalcontact/get_user_behavior_data")
BY_OWNER = Api("externalcontact/groupchat/statistic")
BY_DAY = Api("externalcontact/groupchat/statistic_group_by_day")
SPAN_DAYS = 30
PAGE_LIMIT = 1000


class Statistics:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def behavior(
        self, *, userids: Sequence[UserId] = (), parties: Sequence[int] = (), start_time: int, end_time: int
    ) -> tuple[BehaviorDay, ...]:
        """One row a day, summed over all that are named (100 members and 100 departments).

        Source: WeCom server API, externalcontact/get_user_behavior_data.
        """
        limits.some(BEHAVIOR, userid=userids, partyid=parties)
        limits.count(BEHAVIOR, 100, userid=userids, partyid=parties)
        limits.span(BEHAVIOR, start_time=start_time, end_time=end_time, days=SPAN_DAYS)
        body = {
            "userid": [*userids] or None,
            "partyid": [*parties] or None,
            "start_time": start_time,
            "end_time": end_time,
        }
        return listed(BehaviorDay, self._calls.post(BEHAVIOR, body), "behavior_data")

    def chats_by_owner(
        self,
        owners: Sequence[UserId] = (),
        *,
        start_time: int,
        end_time: int | None = None,
        order_by: int | None = None,
        ascending: bool | None = None,
        offset: int = 0,
    ) -> OwnersPage:
        """One page, of up to 100 owners or of all in sight. order_by: 1 new groups, 2 groups, 3 new members, 4 members.

        Source: WeCom server API, externalcontact/groupchat/statistic.
        """
        body = {
            **_window(BY_OWNER, owners, start_time=start_time, end_time=end_time),
            "order_by": order_by,
            "order_asc": None if ascending is None else int(ascending),
            "offset": offset,
            "limit": PAGE_LIMIT,
        }
        answer = self._calls.post(BY_OWNER, body)
        total, following = number(answer.get("total")), number(answer.get("next_offset"))
        at_end = following is None or total is None or following >= total
        return OwnersPage(listed(OwnerCounts, answer, "items"), total, None if at_end else following)

    def every_owner(
        self, owners: Sequence[UserId] = (), *, start_time: int, end_time: int | None = None
    ) -> Iterator[OwnerCounts]:
        """All pages of `chats_by_owner`.

        Raises:
            RetryableError: the pages do not go forward.

        Source: WeCom server API, externalcontact/groupchat/statistic.
        """
        offset = 0
        while True:
            page = self.chats_by_owner(owners, start_time=start_time, end_time=end_time, offset=offset)
            yield from page.rows
            if page.next_offset is None:
                return
            if page.next_offset <= offset:
                raise RetryableError("an offset of WeCom's came a second time")
            offset = page.next_offset

    def chats_by_day(
        self, owners: Sequence[UserId] = (), *, start_time: int, end_time: int | None = None
    ) -> tuple[DayCounts, ...]:
        """One row a day, of up to 100 owners or of all in sight.

        Source: WeCom server API, externalcontact/groupchat/statistic_group_by_day.
        """
        answer = self._calls.post(BY_DAY, _window(BY_DAY, owners, start_time=start_time, end_time=end_time))
        return listed(DayCounts, answer, "items")


def _window(api: Api, owners: Sequence[UserId], *, start_time: int, end_time: int | None) -> dict[str, object]:
    limits.count(api, 100, userid_list=owners)
    limits.span(api, start_time=start_time, end_time=start_time if end_time is None else end_time, days=SPAN_DAYS)
    return {
        "day_begin_time": start_time,
        "day_end_time": end_time,
        "owner_filter": {"userid_list": [*owners]} if owners else None,
    }
