"""Counts of members and groups."""

import pytest

from shared.errors import RetryableError
from shared.ids import ExternalUserId, UserId
from shared.wecom.client import WeComClient
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered, sampled

LINA = UserId("LiNa")
DAY, MIDNIGHT = 86_400, 1_759_939_200


def test_a_members_day(client: WeComClient):
    """Percent and minutes are there only if there were chats."""
    with sampled("externalcontact.get_user_behavior_data") as asked:
        (day,) = client.statistics.behavior(userids=[LINA], start_time=MIDNIGHT, end_time=MIDNIGHT)
    assert asked.bodies == [f'{{"userid":["LiNa"],"start_time":{MIDNIGHT},"end_time":{MIDNIGHT}}}'.encode()]
    assert (day.stat_time, day.chat_cnt, day.reply_percentage, day.avg_reply_time) == (MIDNIGHT, 12, 66.5, 3.0)
    with answered("externalcontact/get_user_behavior_data", {"behavior_data": [{"stat_time": MIDNIGHT}]}):
        (day,) = client.statistics.behavior(parties=[1], start_time=MIDNIGHT, end_time=MIDNIGHT)
    assert (day.chat_cnt, day.reply_percentage) == (None, None)


def test_groups_by_owner_and_by_day(client: WeComClient):
    """The page whose next offset is the total is the last."""
    with sampled("externalcontact.groupchat.statistic") as asked:
        page = client.statistics.chats_by_owner([LINA], start_time=MIDNIGHT, order_by=2, ascending=False)
    assert asked.bodies == [
        f'{{"day_begin_time":{MIDNIGHT},"owner_filter":{{"userid_list":["LiNa"]}},"order_by":2,"order_asc":0,'
        '"offset":0,"limit":1000}'.encode()
    ]
    assert (page.total, page.next_offset, [row.owner for row in page.rows]) == (2, None, ["chenwei", "liuyang"])
    assert page.rows[0].data is not None
    assert page.rows[0].data.msg_total == 940
    with sampled("externalcontact.groupchat.statistic_group_by_day"):
        (day,) = client.statistics.chats_by_day([LINA], start_time=MIDNIGHT)
    assert day.data is not None
    assert (day.stat_time, day.data.member_total) == (MIDNIGHT, 163)


def test_offsets_are_followed_to_the_total_and_must_go_forward(client: WeComClient):
    """Pages may be short; an offset that stands still would never end."""
    api, row = "externalcontact/groupchat/statistic", {"owner": "LiNa"}
    pages = [{"total": 3, "next_offset": at, "items": [row]} for at in (1, 2, 3)]
    with answered(api, *pages) as asked:
        assert len(list(client.statistics.every_owner(start_time=MIDNIGHT))) == 3
    assert [b'"offset":%d' % at in body for at, body in enumerate(asked.bodies)] == [True] * 3
    with answered(api, {"total": 3, "next_offset": 0, "items": [row]}), pytest.raises(RetryableError):
        list(client.statistics.every_owner(start_time=MIDNIGHT))
    for last in ({}, {"total": 3}, {"next_offset": 3}):
        with answered(api, {"items": [row], **last}):
            assert len(list(client.statistics.every_owner(start_time=MIDNIGHT))) == 1


def test_what_people_said_is_counted(sim: Sim, client: WeComClient):
    """Read on a later day: yesterday's numbers come in the morning."""
    whale = ExternalUserId("wm1")
    sim.corp("act", {"do": "add", "userid": "LiNa", "external_userid": whale, "name": "Whale", "silent": True})
    sim.corp("act", {"do": "talk", "userid": "LiNa", "external_userid": whale, "by": "member", "messages": 3})
    today = int(sim("clock")["now"])
    sim("clock", {"advance_s": 2 * DAY})
    (day,) = client.statistics.behavior(userids=[LINA], start_time=today, end_time=today)
    assert (day.chat_cnt, day.message_cnt, day.new_contact_cnt) == (1, 3, 1)
    assert client.statistics.chats_by_owner([LINA], start_time=today).total is not None
    assert isinstance(client.statistics.chats_by_day([LINA], start_time=today), tuple)


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    statistics = client.statistics
    for call in (
        lambda: statistics.behavior(start_time=0, end_time=0),
        lambda: statistics.behavior(userids=[LINA] * 101, start_time=0, end_time=0),
        lambda: statistics.behavior(userids=[LINA], start_time=0, end_time=31 * DAY),
        lambda: statistics.chats_by_owner([LINA] * 101, start_time=0),
        lambda: statistics.chats_by_day(start_time=DAY, end_time=0),
    ):
        with pytest.raises(ValueError, match="externalcontact/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
