"""Members present and former, customers in several chats, and the trend (GRP-5, GRP-7)."""

from datetime import UTC, date, datetime, timedelta

from services.chats.export import PAGE, chat_lines, member_lines
from services.chats.members import list_members, list_several, load_trend
from services.chats.model import ChatFilter
from shared.db.engine import run
from tests.conftest import NOW
from tests.services.chats.conftest import add_chat, dismiss

CUSTOMER = "wmOne" + "A" * 27


def test_members_of_now_and_of_before_are_told_apart(connection, tenant, chats):
    """With join and leave time, scene and inviter; one row for each stay (GRP-7)."""
    add_chat(connection, tenant, "wrA", joined={CUSTOMER: NOW - timedelta(hours=2), "wmTwo": NOW})
    add_chat(connection, tenant, "wrA", joined={"wmTwo": NOW}, at=NOW + timedelta(hours=1))
    add_chat(connection, tenant, "wrA", joined={CUSTOMER: NOW + timedelta(hours=1)}, at=NOW + timedelta(hours=2))

    def members(**asked: object) -> list[tuple[object, ...]]:
        rows = list_members(connection, tenant.id, "wrA", limit=99, **asked)
        return [(row["member_id"], row["number"], row["left_at"] is None) for row in rows]

    assert members(present=True) == [("LiNa", 1, True), (CUSTOMER, 2, True)]
    assert members(present=False) == [(CUSTOMER, 1, False), ("wmTwo", 1, False)]
    assert members(present=None, kind="customer") == [(CUSTOMER, 1, False), (CUSTOMER, 2, True), ("wmTwo", 1, False)]
    assert members(present=None, kind="customer", after=(CUSTOMER, 1))[0] == (CUSTOMER, 2, True)
    (row,) = list_members(connection, tenant.id, "wrA", present=True, kind="customer", limit=9)
    assert (row["scene"], row["inviter"], row["name"]) == (3, "LiNa", f"name of {CUSTOMER}")


def test_customers_in_several_chats_at_once_are_pointed_out(connection, tenant, other_tenant, chats):
    """With how many and which; who left does not count, nor associates, nor other corps' chats (GRP-7)."""
    for chat in ("wrA", "wrB", "wrC"):
        add_chat(connection, tenant, chat, joined={"wmAll": NOW, "wmLeft": NOW, f"wm{chat}": NOW}, owner="LiNa")
    add_chat(connection, other_tenant, "wrA", joined={"wmwrB": NOW})
    add_chat(connection, tenant, "wrB", joined={"wmAll": NOW, "wmTwo": NOW}, at=NOW + timedelta(hours=1))
    add_chat(connection, tenant, "wrC", joined={"wmAll": NOW, "wmTwo": NOW}, at=NOW + timedelta(hours=1))

    def several(least: int, **options: object) -> list[tuple[object, ...]]:
        rows = list_several(connection, tenant.id, least=least, limit=9, **options)
        return [(row["external_userid"], row["chat_count"], row["chat_ids"]) for row in rows]

    both = [("wmAll", 3, ["wrA", "wrB", "wrC"]), ("wmTwo", 2, ["wrB", "wrC"])]
    assert several(2) == both
    assert several(3) == both[:1]
    assert several(2, after="wmAll") == both[1:]


def test_the_trend_has_each_day_and_only_those(connection, tenant):
    """Zeros on quiet days, the members at the end of each, in the corp's days (GRP-5)."""
    first = datetime(2026, 11, 10, 4, tzinfo=UTC)
    add_chat(connection, tenant, "wrA", created=first, joined={"wm1": first + timedelta(days=2)}, at=first)
    add_chat(connection, tenant, "wrA", created=first, joined={}, at=first + timedelta(days=4))

    def trend(since: int, until: int) -> list[tuple[int, ...]]:
        days = load_trend(
            connection,
            tenant,
            "wrA",
            since=date(2026, 11, since),
            until=date(2026, 11, until),
            member_count=1,
        )
        return [(one.day.day, one.joined_count, one.left_count, one.member_count) for one in days]

    whole = [(9, 0, 0, 0), (10, 1, 0, 1), (11, 0, 0, 1), (12, 1, 0, 2), (13, 0, 0, 2), (14, 0, 1, 1), (15, 0, 0, 1)]
    assert trend(9, 15) == whole
    assert trend(13, 13) == whole[4:5]
    assert trend(8, 8) == [(8, 0, 0, 0)]


def test_exports_hold_every_row_once_over_pages(connection, tenant, other_tenant, chats):
    """More members than one page holds; titles once; another corp's chat of the same id is not among them (GRP-7)."""
    run(
        connection,
        "insert into group_member (tenant_id, chat_id, member_id, number, kind, observed_at, cause) "
        "select :tenant_id, 'wrB', 'wm' || n, 1, 'customer', :now, 'event' from generate_series(1, :count) n",
        tenant_id=tenant.id,
        now=NOW,
        count=PAGE + 5,
    )
    run(connection, "update group_member set nickname = '=HYPERLINK()' where member_id = 'wm1'")
    lines, after = member_lines(connection, tenant, ChatFilter(), after=None)
    assert after is not None
    rest, end = member_lines(connection, tenant, ChatFilter(), after=after)
    assert end is None
    rows = (lines + rest).decode().splitlines()
    assert rows[0].startswith("群ID,群名称,成员ID,成员类型") and len(rows) == 1 + PAGE + 5 + 3
    assert sum(",'=HYPERLINK()," in row for row in rows) == 1
    dismiss(connection, tenant, "wrA")
    lines, after = chat_lines(connection, tenant, ChatFilter(), after=None, now=NOW)
    assert after is None
    assert [row.split(",")[0] for row in lines.decode().splitlines()] == ["群ID", "wrC", "wrB"]
