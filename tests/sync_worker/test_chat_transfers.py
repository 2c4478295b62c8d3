"""Group chats get a new owner, of whoever is in service and of whoever left (TRF-3)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.convergence.post import PostOffice
from tests.sync_worker.handing import CHATS, DAY, HOUR, LINA, MINUTE, WANG, ZHAO, Handing, handing_of
from tests.sync_worker.shops import MakeOffice


@pytest.fixture
def handing(make_office: MakeOffice, tmp_path: Path) -> Iterator[Handing]:
    post = PostOffice()
    yield handing_of(make_office(deletion_lag_s=0, transfer_chats_per_day=3), post, tmp_path)
    post.close()


def chats_of(handing: Handing, count: int, owner: str = LINA) -> list[str]:
    """So many chats that are known here."""
    act = {"do": "create_chat", "owner": owner, "name": "新品", "silent": True}
    made = [str(handing.office.corp.act(act)["chat_id"]) for _ in range(count)]
    handing.town.advance(MINUTE)
    handing.office.resync("group_chat")
    return made


def owners(handing: Handing, chat_ids: list[str]) -> list[str]:
    here = dict(handing.rows("select chat_id, owner_userid from group_chat"))
    return [here[one] for one in chat_ids]


def test_a_chat_in_service_has_its_new_owner(handing: Handing):
    """A read shows the owner, and the chat here follows; both are told (TRF-3, TRF-4)."""
    (chat,) = chats_of(handing.live(), 1)
    assert handing.ask_chats(chat).kept == 1
    handing.work()
    handing.pass_time(MINUTE, step_s=5)
    assert handing.ended() == [("done", None, None)]
    assert owners(handing, [chat]) == [ZHAO]
    assert handing.notices() == [("handed_over", LINA), ("taken_over", ZHAO)]
    assert handing.facts()["chat_transfer_done"] == handing.facts()["chat_owner_changed"] == 1


def test_the_chats_of_a_leaver_take_their_time(handing: Handing):
    """WeCom needs an hour for these: looked for until the owner is there (TRF-2, TRF-3)."""
    chats = chats_of(handing.live(), 2)
    handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
    handing.office.resync("directory", "external_contact", "group_chat")
    assert handing.ask_chats(*chats).kept == 2
    handing.work()
    assert handing.stages() == ["waiting", "waiting"]
    handing.pass_time(50 * MINUTE, step_s=10 * MINUTE)
    assert handing.stages() == ["waiting", "waiting"]
    handing.pass_time(2 * HOUR)
    assert handing.stages() == ["done", "done"]
    assert owners(handing, chats) == [ZHAO, ZHAO]
    assert handing.notices() == [("taken_over", ZHAO)]


def test_what_exceeds_the_day_of_an_owner_goes_tomorrow(handing: Handing):
    """As many a day as allowed, by whomever they are taken over; the day is WeCom's (TRF-3)."""
    chats = chats_of(handing.live(), 5)
    assert (handing.ask_chats(*chats[:2]).kept, handing.ask_chats(*chats[2:], taker=WANG).kept) == (2, 3)
    handing.work()
    handing.pass_time(MINUTE)
    assert sorted(handing.stages()) == ["done"] * 3 + ["queued"] * 2
    handing.pass_time(DAY, step_s=6 * HOUR)
    handing.pass_time(MINUTE)
    assert handing.stages() == ["done"] * 5
    assert owners(handing, chats) == [ZHAO, ZHAO, WANG, WANG, WANG]


def test_wecoms_own_count_of_the_day_is_believed(handing: Handing):
    """Others hand chats over, too: what WeCom does not take today goes tomorrow (TRF-3)."""
    chats = chats_of(handing.live(), 2)
    handing.office.corp.post("/sim/settings", {"chats": {"most_a_day": 1}})
    handing.ask_chats(*chats)
    handing.work()
    handing.pass_time(HOUR)
    assert sorted(handing.stages()) == ["done", "queued"]
    handing.pass_time(DAY, step_s=6 * HOUR)
    handing.pass_time(MINUTE)
    assert handing.stages() == ["done", "done"]
    assert handing.writes() == 2  # it is not asked for again the same day


def test_a_refused_chat_says_why_and_spoils_no_other(handing: Handing):
    """Each row has its own code (TRF-3)."""
    kept, full = chats_of(handing.live(), 2)
    handing.office.corp.act({"do": "dismiss_chat", "chat_id": full, "silent": True})
    handing.ask_chats(kept, full)
    handing.work()
    handing.pass_time(MINUTE, step_s=5)
    assert dict(handing.rows("select subject_key, code from transfer")) == {kept: None, full: 49008}
    assert dict(handing.rows("select subject_key, stage from transfer")) == {kept: "done", full: "failed"}


def test_a_lost_answer_is_looked_up_by_the_owner(handing: Handing):
    """The read shows the new owner: no second request (TRF-5)."""
    (chat,) = chats_of(handing.live(), 1)
    handing.fault(CHATS, cut="after", times=1)
    handing.ask_chats(chat)
    handing.work()
    assert handing.stages() == ["asked"]
    handing.pass_time(12 * MINUTE, step_s=MINUTE)
    assert (handing.stages(), handing.writes()) == (["done"], 1)


def test_an_owner_who_never_comes_is_a_failure(handing: Handing):
    """WeCom took it and the new owner was gone when it was to take effect (TRF-5)."""
    handing.office.corp.post("/sim/settings", {"chats": {"onjob_takes_s": HOUR}})
    (chat,) = chats_of(handing.live(), 1)
    handing.ask_chats(chat)
    handing.work()
    handing.office.corp.act({"do": "function_off", "userid": ZHAO, "silent": True})
    handing.pass_time(23 * HOUR)
    assert handing.stages() == ["waiting"]
    handing.pass_time(3 * HOUR)
    assert handing.ended() == [("failed", "owner_unchanged", None)]
    assert owners(handing, [chat]) == [LINA]


def test_what_cannot_be_is_said_at_once(handing: Handing):
    """Unknown, dismissed, their own already, under way: nothing is kept of it (TRF-3)."""
    mine, gone = chats_of(handing.live(), 2)
    (hers,) = chats_of(handing, 1, ZHAO)
    handing.office.corp.act({"do": "dismiss_chat", "chat_id": gone, "silent": True})
    handing.town.advance(MINUTE)
    handing.town.look(gone)
    handing.town.settle()
    assert handing.ask_chats(mine).kept == 1
    asked = handing.ask_chats(mine, gone, hers, "wrNone")
    assert asked.refused == {
        mine: "under_way",
        gone: "chat_dismissed",
        hers: "owner_already",
        "wrNone": "unknown_chat",
    }
    assert handing.writes() == 0
