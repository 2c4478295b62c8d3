"""Full passes over group chats: everything that is listed is read, and what is not listed is read by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands.demo_corp import CORP_ID, SECRET, record_demo_corp
from shared.plans import approve
from shared.sync_runs import open_runs
from shared.tenants import load_tenants
from tests.convergence.post import PostOffice
from tests.sync_worker.chat_town import GET, ChatTown
from tests.sync_worker.conftest import Office

LIST = "externalcontact/groupchat/list"


@pytest.fixture
def town(office: Office, tmp_path: Path) -> Iterator[ChatTown]:
    post = PostOffice()
    yield ChatTown(office, post, tmp_path / "clock")
    post.close()


def make(office: Office, count: int, *owners: str, members: int = 2) -> list[str]:
    """So many chats with so many externals beside the owner; the ids."""
    order = {"do": "make_chats", "count": count, "owners": list(owners), "members": members}
    return list(office.corp.act({**order, "ids": True, "seed": count})["chat_id"])


def test_a_first_sync_brings_every_chat_and_tells_nobody(make_office: Callable[..., Office]):
    """Chats, members with their join times, and the days on which they joined; no notices (GRP-1, GRP-2)."""
    office = make_office()
    make(office, 30, "LiNa", "WangFang")
    record_demo_corp(office.runtime)
    office.walk()
    assert office.rows("select state from tenant") == [("live",)]
    assert office.rows("select count(*), sum(member_count) from group_chat where name is not null") == [(30, 90)]
    assert office.rows("select count(*) from group_member where joined_at is not null and name is not null") == [(90,)]
    assert office.rows("select sum(joined_count), sum(left_count) from group_day") == [(90, 0)]
    assert office.rows("select count(*) from outbox") == [(0,)]
    assert office.rows("select distinct cause from fact where type like 'chat%'") == [("bootstrap",)]
    assert sum(office.corp.get("/sim/calls")[GET].values()) == 30


def test_a_resync_finds_what_no_event_told_of(town: ChatTown):
    """New chats, new members, a new name, a dismissed chat: as in WeCom when it ends (GRP-1)."""
    first, second, third = make(town.office, 3, "LiNa")
    town.lag(0)
    assert town.office.resync("group_chat") == [("group_chat", "done")]
    town.act("rename_chat", chat_id=first, name="新名", silent=True)
    town.act("join_chat", chat_id=second, members=["WangFang"], silent=True)
    town.act("dismiss_chat", chat_id=third, silent=True)
    (fourth,) = make(town.office, 1, "ZhaoMin")
    town.advance(5)
    assert town.office.resync("group_chat") == [("group_chat", "done")]
    assert town.rows("select name from group_chat where chat_id = :id", id=first) == [("新名",)]
    assert town.mirror(second) == town.truth(second)
    assert town.rows("select dismissed_at is not null from group_chat where chat_id = :id", id=third) == [(True,)]
    assert town.mirror(fourth) == town.truth(fourth)
    assert town.rows("select notes ->> 'missing' from sync_run order by id desc limit 1") == [("1",)]
    assert town.rows("select count(*) from fact where type = 'chat_member_joined' and cause = 'resync'") == [(13,)]


def test_a_chat_dismissed_out_of_sight_is_told_when_its_owner_can_be_seen(town: ChatTown):
    """Nobody asks for it while the owner is hidden; then it is in no list, and a read of its own says why (GRP-1)."""
    town.lag(0)
    (chat,) = make(town.office, 1, "LiNa")
    town.office.resync("group_chat")
    state = "select out_of_sight_at is not null, dismissed_at is not null from group_chat"
    app = {"name": "contact", "secret": SECRET, "agent_id": 1000002}
    corp = town.office.corp
    corp.post("/sim/corps", {"corp_id": CORP_ID, "apps": [{**app, "visible": ["WangFang"]}]})
    town.office.resync()
    assert town.rows(state) == [(True, False)]
    town.act("dismiss_chat", chat_id=chat, silent=True)
    town.office.resync()
    assert town.rows(state) == [(True, False)]
    corp.post("/sim/corps", {"corp_id": CORP_ID, "apps": [app]})
    town.office.resync()
    assert town.rows(state) == [(False, True)]


@pytest.mark.parametrize("refused", [False, True])
def test_chats_of_an_owner_who_left_are_found_either_way(town: ChatTown, refused: bool):
    """WeCom lists them when it is asked for the owner, or refuses the owner and lists them by status (GRP-1)."""
    town.lag(0, left_owner_is_refused=refused)
    chats = make(town.office, 2, "LiNa") + make(town.office, 1, "WangFang")
    town.act("resign", userid="LiNa", silent=True)
    assert town.office.resync("group_chat") == [("group_chat", "done")]
    assert town.rows("select chat_id, status from group_chat order by status desc, chat_id") == [
        *[(one, 1) for one in sorted(chats[:2])],
        (chats[2], 0),
    ]
    assert town.rows("select count(*) from group_chat where observed_at is null") == [(0,)]


def test_pages_are_walked_to_the_end(town: ChatTown):
    """More chats than one answer holds (GRP-1)."""
    make(town.office, 1010, "LiNa", members=0)
    town.calls(LIST)
    town.office.resync("group_chat")
    assert town.rows("select count(*) from group_chat where member_count = 1") == [(1010,)]
    assert town.calls(LIST) == 4  # two pages, two statuses


def test_so_many_people_that_a_list_of_all_is_refused(town: ChatTown):
    """81017: the owners, a hundred at a time, are the way (GRP-1)."""
    town.lag(0, most_unfiltered=1)
    make(town.office, 2, "LiNa")
    assert town.office.resync("group_chat") == [("group_chat", "done")]
    assert town.rows("select count(*) from group_chat where observed_at is not null") == [(2,)]


def test_a_pass_survives_a_worker_that_stops_anywhere(town: ChatTown, make_office: Callable[..., Office]):
    """Another one goes on from the last page that was committed (G3)."""
    make(town.office, 40, "LiNa", "WangFang", "ZhaoMin")
    with town.office.runtime.engine.begin() as connection:
        tenant = load_tenants(connection, town.office.runtime.vault)[0]
        open_runs(connection, tenant.id, resources=["group_chat"], now=town.office.runtime.clock.now())
    for _ in range(2):
        town.office.step()
    other = make_office()
    other.move_clock(town.office.runtime.clock)
    other.walk()
    assert town.rows("select state from sync_run order by id desc limit 1") == [("done",)]
    assert town.rows("select count(*) from group_chat where member_count = 3") == [(40,)]


def test_too_many_missing_chats_wait_for_a_person(town: ChatTown):
    """The app's range was cut, or WeCom lists nothing: none is touched until somebody says so (design: guard)."""
    make(town.office, 60, "LiNa", "WangFang")
    town.office.resync("group_chat")
    town.act("function_off", userid="LiNa")
    town.calls(GET)
    assert town.office.resync("group_chat") == [("group_chat", "incomplete")]
    assert town.calls(GET) == 30
    assert town.rows("select count(*) from group_chat where out_of_sight_at is not null") == [(0,)]
    ((checksum, counts),) = town.rows("select checksum, counts from removal_plan where state = 'refused'")
    assert counts == {"read": 30}
    with town.office.runtime.engine.begin() as connection:
        tenant = load_tenants(connection, town.office.runtime.vault)[0]
        approve(connection, tenant.id, checksum, by="ZhangWei", now=town.office.runtime.clock.now())
    town.office.walk()
    assert town.rows("select count(*) from group_chat where out_of_sight_at is not null") == [(30,)]
    assert town.rows("select state from removal_plan order by id desc limit 1") == [("applied",)]
    assert town.rows("select count(*) from group_member where left_at is not null") == [(0,)]
    assert town.office.resync("group_chat") == [("group_chat", "done")]


def test_an_event_during_a_pass_is_not_made_quiet_by_it(town: ChatTown):
    """Whoever comes by and records it, it was an event (design: every fact has a cause)."""
    (chat_id,) = make(town.office, 1, "LiNa")
    town.office.resync("group_chat")
    town.lag(0)
    town.act("join_chat", chat_id=chat_id, members=[{"name": "陈"}])
    town.hear()
    town.office.resync("group_chat")
    assert town.rows("select cause from fact where type = 'chat_member_joined' order by id desc limit 1") == [
        ("event",)
    ]
    assert town.mirror(chat_id) == town.truth(chat_id)
