"""Customers and groups pass to another member."""

import pytest

from shared.ids import ExternalUserId, UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComRetryableError
from shared.wecom.payloads.transfers import FailedChat, TransferRow, TransferState, UnassignedCustomer
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered, sampled

WHALE = ExternalUserId("wmSimCAAAA7n3kVQ1xTq0yZbL4dHpA01")
FOX = ExternalUserId("wmSimCAAAAf82mWc5uKj9oXtR6eGsB02")
LINA, ZHAO = UserId("LiNa"), UserId("ZhaoMin")
DAY = 86_400


def befriend(sim: Sim) -> None:
    sim.corp("act", {"do": "add", "userid": "LiNa", "external_userid": WHALE, "name": "Whale", "silent": True})


def test_rows_answer_one_by_one(client: WeComClient):
    """A row's code is a value: the call itself succeeded."""
    with sampled("externalcontact.transfer_customer") as asked:
        rows = client.transfers.transfer([WHALE, FOX], handover_userid=LINA, takeover_userid=ZHAO, success_msg="您好")
    assert rows[:2] == (TransferRow(WHALE, 0), TransferRow(FOX, 40128))
    assert [row.errcode for row in rows] == [0, 40128, 40096]
    assert asked.bodies == [
        f'{{"handover_userid":"LiNa","takeover_userid":"ZhaoMin","external_userid":["{WHALE}","{FOX}"],'
        '"transfer_success_msg":"您好"}'.encode()
    ]
    with sampled("externalcontact.resigned.transfer_customer"):
        rows = client.transfers.transfer_resigned([WHALE], handover_userid=LINA, takeover_userid=ZHAO)
    assert [row.errcode for row in rows] == [0, 40100]


def test_results_keep_the_vendors_numbers(client: WeComClient):
    """1 done, 2 waiting, 3 refused, 4 full; the time after a refusal is 0, not nothing."""
    with sampled("externalcontact.transfer_result"):
        page = client.transfers.results(handover_userid=LINA, takeover_userid=ZHAO)
    assert page.rows[0] == TransferState(WHALE, 1, 1760086400)
    assert [(row.status, row.takeover_time) for row in page.rows[1:]] == [(2, 1760172800), (3, 0)]
    assert page.next_cursor == ""
    with sampled("externalcontact.resigned.transfer_result"):
        page = client.transfers.resigned_results(handover_userid=LINA, takeover_userid=ZHAO)
    assert [row.status for row in page.rows] == [1, 2, 4]


def test_a_customer_passes_on_after_a_day(sim: Sim, client: WeComClient):
    """Accepted, waiting, done."""
    befriend(sim)
    both = {"handover_userid": LINA, "takeover_userid": ZHAO}
    assert client.transfers.transfer([WHALE], **both) == (TransferRow(WHALE, 0),)
    assert [one.errcode for one in client.transfers.transfer([WHALE], **both)] == [40129]
    assert [one.status for one in client.transfers.every_result(**both)] == [2]
    sim("clock", {"advance_s": DAY + 60})
    assert [one.status for one in client.transfers.every_result(**both)] == [1]
    assert client.contacts.list(ZHAO) == (WHALE,)


def test_customers_of_a_member_who_left_wait_to_be_assigned(sim: Sim, client: WeComClient):
    """A corp-wide list; the resigned member's requests have results of their own."""
    befriend(sim)
    sim.corp("act", {"do": "resign", "userid": "LiNa", "silent": True})
    (waiting,) = client.transfers.every_unassigned()
    assert (waiting.handover_userid, waiting.external_userid) == ("LiNa", WHALE)
    assert waiting.dimission_time is not None
    both = {"handover_userid": LINA, "takeover_userid": ZHAO}
    assert [one.errcode for one in client.transfers.transfer_resigned([WHALE], **both)] == [0]
    assert [one.status for one in client.transfers.every_resigned_result(**both)] == [2]
    assert list(client.transfers.every_result(**both)) == []


def test_the_unassigned_list_ends_with_its_last_page(client: WeComClient):
    """By is_last, whatever the cursor says; an empty cursor ends it too."""
    with sampled("externalcontact.get_unassigned_list") as asked:
        page = client.transfers.unassigned()
    assert asked.bodies == [b'{"page_size":1000}']
    assert page.rows[0] == UnassignedCustomer(WHALE, UserId("sunhao"), 1759996400)
    with sampled("externalcontact.get_unassigned_list.last_page") as asked:
        assert client.transfers.unassigned(cursor=page.next_cursor).next_cursor == ""
    assert asked.bodies == [f'{{"page_size":1000,"cursor":"{page.next_cursor}"}}'.encode()]
    for last in ({"is_last": True, "next_cursor": "more"}, {"is_last": False}, {"next_cursor": None}):
        with answered("externalcontact/get_unassigned_list", {"errcode": 0, "info": [], **last}):
            assert list(client.transfers.every_unassigned()) == []


def test_only_the_groups_that_failed_are_told(client: WeComClient):
    """Each with the vendor's words."""
    with sampled("externalcontact.groupchat.onjob_transfer") as asked:
        failed = client.transfers.transfer_chats(["wr1", "wr2"], new_owner=ZHAO)
    assert failed == (FailedChat("wrSimCAAAAk8sPd2nB7YfWqAoEiUrG02", 90501, "chat is not external group chat"),)
    assert asked.bodies == [b'{"chat_id_list":["wr1","wr2"],"new_owner":"ZhaoMin"}']
    with sampled("externalcontact.groupchat.transfer"):
        assert [one.errcode for one in client.transfers.transfer_resigned_chats(["wr1"], new_owner=ZHAO)] == [90500]


def test_a_request_without_an_answer_is_not_repeated(sim: Sim, client: WeComClient):
    """The caller looks at the results first."""
    befriend(sim)
    sim.fault("externalcontact/transfer_customer", errcode=-1, times=1)
    with pytest.raises(WeComRetryableError):
        client.transfers.transfer([WHALE], handover_userid=LINA, takeover_userid=ZHAO)
    assert sim.calls("externalcontact/transfer_customer") == {"-1": 1}


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    transfers, both = client.transfers, {"handover_userid": LINA, "takeover_userid": ZHAO}
    for call in (
        lambda: transfers.transfer([], **both),
        lambda: transfers.transfer([WHALE] * 101, **both),
        lambda: transfers.transfer([WHALE], **both, success_msg="x" * 201),
        lambda: transfers.transfer([WHALE], handover_userid=LINA, takeover_userid=UserId("lina")),
        lambda: transfers.transfer_resigned([WHALE], handover_userid=UserId(""), takeover_userid=ZHAO),
        lambda: transfers.transfer_chats([], new_owner=ZHAO),
        lambda: transfers.transfer_resigned_chats(["wr"] * 101, new_owner=ZHAO),
        lambda: transfers.transfer_chats(["wr"], new_owner=UserId("")),
    ):
        with pytest.raises(ValueError, match="externalcontact/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
