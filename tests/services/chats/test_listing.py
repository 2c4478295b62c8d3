"""The list of chats: what it shows, finds, and in which order (GRP-2, GRP-4, TAG-7)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from services.chats.folders import make_folder, move_chats
from services.chats.listing import count_chats, describe_chat, list_chats, load_chat, today_of
from services.chats.model import ChatFilter, ChatIds, ChatsAfter, NoSuchChatError, Sort
from services.chats.tags import make_group, make_tag, tag_chats
from shared.db.engine import run
from shared.tenants import Tenant
from tests.conftest import NOW
from tests.services.chats.conftest import add_chat, dismiss

TODAY = NOW.date()


def found(connection: Connection, tenant: Tenant, sort: Sort = Sort.CREATED, **conditions: object) -> list[str]:
    """All pages of two, one after the other."""
    walked: list[str] = []
    after = None
    chosen = ChatFilter(**conditions)
    while True:
        rows = list_chats(connection, tenant, chosen, sort=sort, after=after, limit=2, today=TODAY)
        if not rows:
            assert count_chats(connection, tenant.id, chosen) == len(walked)
            return walked
        walked += [row["chat_id"] for row in rows]
        after = ChatsAfter(TODAY, rows[-1]["sort_value"], rows[-1]["chat_id"])


def tag(connection: Connection, tenant: Tenant, name: str, *chat_ids: str) -> int:
    group = int(make_group(connection, tenant.id, f"group of {name}", now=NOW).subject_key)
    made = int(make_tag(connection, tenant.id, group, name, now=NOW).subject_key)
    tag_chats(connection, tenant.id, ChatIds(chat_ids), add=[made], remove=[], by="x", now=NOW)
    return made


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("新", ["wrC", "wrA"]),
        ("新品", ["wrA"]),
        ("vip", ["wrB", "wrA"]),
        ("ＶＩＰ", ["wrB", "wrA"]),
        ("客户 V", ["wrB"]),
        ("vip 新品群", ["wrA"]),
        ("群新", []),
        ("%", []),
        ("_", []),
    ],
)
def test_chats_are_found_by_part_of_their_name(connection, tenant, chats, part: str, expected: list[str]):
    """One Chinese character is enough; width and case are no difference; signs of patterns are characters (GRP-4)."""
    assert found(connection, tenant, name=part) == expected


def test_a_name_that_has_all_pieces_and_not_the_whole_is_not_found(connection, tenant):
    """Pieces narrow the search, the name decides (GRP-4)."""
    add_chat(connection, tenant, "wrA", "abc bcd")
    assert found(connection, tenant, name="abcd") == []


def test_names_that_code_of_before_has_written_are_found_too(connection, tenant, chats):
    """A rolling upgrade: whoever writes a name alone takes what was made of the old one away (GRP-4)."""
    run(connection, "update group_chat set name = '改名 Ｎｅｗ' where chat_id = 'wrC'")
    assert found(connection, tenant, name="新") == ["wrA"]
    assert found(connection, tenant, name="名 new") == ["wrC"]
    assert found(connection, tenant, Sort.NAME, name="n") == ["wrC"]
    add_chat(connection, tenant, "wrC", "改名 Ｎｅｗ", at=NOW + timedelta(hours=1))
    assert found(connection, tenant, name="名 new") == ["wrC"]


def test_a_search_by_part_reads_an_index(connection, tenant):
    """Not every chat: GIN over pieces (GRP-4)."""
    run(
        connection,
        "insert into group_chat (tenant_id, chat_id, name, name_key, name_pieces, cause) select :tenant_id, 'wr' || n, "
        "'x', 'x' || n, array['x', chr(19968 + n % 5000)], 'event' from generate_series(1, 20000) n",
        tenant_id=tenant.id,
    )
    run(connection, "analyze group_chat")
    plan = connection.exec_driver_sql(
        "explain select chat_id from group_chat c where c.tenant_id = %s and "
        "((c.name_pieces @> array['一'] and strpos(c.name_key, '一') > 0) or (c.name_key is null "
        "and strpos(lower(normalize(c.name, nfkc)), '一') > 0))",
        (tenant.id,),
    ).fetchall()
    assert "group_chat_pieces" in str(plan) and "Seq Scan" not in str(plan)


def test_chats_are_found_by_owner_outlet_folder_and_tags_across_all_folders(connection, tenant, chats):
    """Each alone and together; the row says which folder (GRP-4, TAG-6)."""
    folder = make_folder(connection, tenant.id, "f", by="x", now=NOW)[0]
    move_chats(connection, tenant.id, folder, ChatIds(["wrA", "wrB"]))
    hot, cold = tag(connection, tenant, "hot", "wrA", "wrB"), tag(connection, tenant, "cold", "wrB", "wrC")
    for conditions, expected in (
        ({"owner_userids": ["LiNa"]}, ["wrC", "wrA"]),
        ({"outlet_ids": [3]}, ["wrB"]),
        ({"outlet_ids": [2, 3]}, ["wrC", "wrB", "wrA"]),
        ({"folder_ids": [folder]}, ["wrB", "wrA"]),
        ({"folder_ids": [0]}, ["wrC"]),
        ({"any_tags": [hot, cold]}, ["wrC", "wrB", "wrA"]),
        ({"all_tags": [hot, cold, hot]}, ["wrB"]),
        ({"no_tags": [cold]}, ["wrA"]),
        ({"name": "新", "folder_ids": [folder], "any_tags": [hot], "owner_userids": ["LiNa"]}, ["wrA"]),
        ({"any_tags": [10**18]}, []),
    ):
        assert found(connection, tenant, **conditions) == expected, conditions
    row = load_chat(connection, tenant, "wrA", today=TODAY)
    assert (row["folder_name"], row["tag_ids"], row["outlet_id"]) == ("f", [hot], 2)
    assert row["owner_name"] == "name of LiNa"


def test_dismissed_chats_are_listed_when_asked_for(connection, tenant, chats):
    """Not among those that go on (GRP-2)."""
    dismiss(connection, tenant, "wrB")
    assert found(connection, tenant) == ["wrC", "wrA"]
    assert found(connection, tenant, dismissed=True) == ["wrB"]
    assert found(connection, tenant, dismissed=None) == ["wrC", "wrB", "wrA"]


def test_today_is_the_corps_own_day(connection, tenant):
    """At 2 in the morning UTC it is 10 in Shanghai: who came after 16:00 UTC the day before came today (GRP-2)."""
    midnight = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    joined = {"wmYesterday": midnight - timedelta(seconds=1), "wmToday": midnight, "wmNow": NOW}
    add_chat(connection, tenant, "wrA", joined=joined)
    add_chat(connection, tenant, "wrA", joined={"wmYesterday": joined["wmYesterday"]}, at=NOW + timedelta(hours=1))
    row = load_chat(connection, tenant, "wrA", today=today_of(tenant, NOW))
    assert (row["joined_today"], row["left_today"], row["member_count"]) == (2, 2, 2)
    assert [today_of(tenant, midnight + timedelta(seconds=n)).day for n in (-1, 0)] == [21, 22]


def test_chats_come_in_each_order_and_pages_neither_skip_nor_repeat(connection, tenant, chats):
    """Also where many are alike, and those that were never read (GRP-2)."""
    add_chat(connection, tenant, "wrD", "d", joined={f"wm{n}": NOW for n in range(3)})
    add_chat(connection, tenant, "wrE", "e", joined={f"wm{n}": NOW for n in range(2)})
    run(
        connection,
        "insert into group_chat (tenant_id, chat_id, cause) select :tenant_id, 'wrF' || n, 'resync' "
        "from generate_series(1, 3) n",
        tenant_id=tenant.id,
    )
    unread = ["wrF3", "wrF2", "wrF1"]
    assert found(connection, tenant) == ["wrC", "wrB", "wrA", "wrE", "wrD", *unread]
    assert found(connection, tenant, Sort.MEMBERS) == ["wrD", "wrE", "wrC", "wrB", "wrA", *unread]
    assert found(connection, tenant, Sort.JOINED_TODAY)[:2] == ["wrD", "wrE"]
    assert len(found(connection, tenant, Sort.LEFT_TODAY)) == 8
    ascending = list_chats(connection, tenant, ChatFilter(), sort=Sort.NAME, ascending=True, limit=9, today=TODAY)
    names = ["wrF1", "wrF2", "wrF3", "wrD", "wrE", "wrA", "wrC", "wrB"]
    assert [row["chat_id"] for row in ascending] == names
    assert found(connection, tenant, Sort.NAME) == names[::-1]


def test_a_description_is_ours_and_survives_what_wecom_says(connection, tenant, other_tenant, chats):
    """Editable, local; nobody else's chat (GRP-2)."""
    change = describe_chat(connection, tenant.id, "wrA", "首发")
    assert (change.before, change.after) == ({"description": None}, {"description": "首发"})
    add_chat(connection, tenant, "wrA", "another name", at=NOW + timedelta(hours=1))
    assert load_chat(connection, tenant, "wrA", today=TODAY)["description"] == "首发"
    assert load_chat(connection, other_tenant, "wrA", today=TODAY)["description"] is None
    describe_chat(connection, tenant.id, "wrA", "")
    assert load_chat(connection, tenant, "wrA", today=TODAY)["description"] is None
    with pytest.raises(NoSuchChatError):
        describe_chat(connection, other_tenant.id, "wrB", "x")
