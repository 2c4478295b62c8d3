"""Folders: each chat is in exactly one, whatever operators do at once (GRP-3)."""

import threading

import pytest
from sqlalchemy import Connection, Engine

from services.chats.folders import delete_folder, load_folders, make_folder, move_chats, order_folders, rename_folder
from services.chats.listing import list_chats
from services.chats.model import (
    MOST_FOLDERS,
    UNGROUPED,
    ChatFilter,
    ChatIds,
    ChatRefusedError,
    NameTakenError,
    NoSuchFolderError,
    OrderStaleError,
)
from shared.clock import FixedClock
from shared.db.engine import fetch_all, run, transact
from shared.tenants import Tenant
from shared.vault import Vault
from tests.conftest import NOW
from tests.services.chats.conftest import add_chat, dismiss, many_chats
from tests.services.conftest import add_tenant

ALL = ChatFilter()


def make(connection: Connection, tenant: Tenant, name: str) -> int:
    return make_folder(connection, tenant.id, name, by="api:crm", now=NOW)[0]


def shown(connection: Connection, tenant: Tenant) -> list[tuple[str, int]]:
    return [(one.name, one.chat_count) for one in load_folders(connection, tenant)]


def test_new_folders_come_right_under_ungrouped_and_empty_ones_are_fine(connection, tenant, other_tenant, chats):
    """The default is pinned on top; each shows its count; nobody sees another corp's (GRP-3)."""
    assert shown(connection, tenant) == [("未分组", 3)]
    make(connection, tenant, "老")
    make(connection, tenant, "新")
    make(connection, other_tenant, "theirs")
    assert shown(connection, tenant) == [("未分组", 3), ("新", 0), ("老", 0)]


def test_a_chat_is_in_exactly_one_folder_and_in_ungrouped_by_itself(connection, tenant, chats):
    """Moved one at a time, many, or by filter; a chat that appears later is in the default (GRP-3)."""
    first, second = make(connection, tenant, "first"), make(connection, tenant, "second")
    assert move_chats(connection, tenant.id, first, ChatIds(["wrA"]))[0] == 1
    assert move_chats(connection, tenant.id, second, ChatIds(["wrA", "wrB"]))[0] == 2
    assert shown(connection, tenant) == [("未分组", 1), ("second", 2), ("first", 0)]
    assert move_chats(connection, tenant.id, first, ChatFilter(name="新"))[0] == 2
    assert move_chats(connection, tenant.id, first, ChatFilter(name="新"))[0] == 0
    add_chat(connection, tenant, "wrLater")
    assert shown(connection, tenant) == [("未分组", 1), ("second", 1), ("first", 2)]
    assert move_chats(connection, tenant.id, UNGROUPED, ALL)[0] == 3
    assert shown(connection, tenant) == [("未分组", 4), ("second", 0), ("first", 0)]


def test_deleting_a_folder_moves_its_chats_to_ungrouped(connection, tenant, chats):
    """Dismissed ones too; the folder is gone (GRP-3)."""
    folder = make(connection, tenant, "short-lived")
    move_chats(connection, tenant.id, folder, ALL)
    dismiss(connection, tenant, "wrC")
    assert shown(connection, tenant) == [("未分组", 0), ("short-lived", 2)]
    assert delete_folder(connection, tenant.id, folder)[0] == 3
    assert shown(connection, tenant) == [("未分组", 2)]
    rows = list_chats(connection, tenant, ChatFilter(dismissed=None), limit=9, today=NOW.date())
    assert {row["folder_id"] for row in rows} == {UNGROUPED}
    for again in (
        lambda: delete_folder(connection, tenant.id, folder),
        lambda: move_chats(connection, tenant.id, folder, ALL),
    ):
        with pytest.raises(NoSuchFolderError):
            again()


def test_ungrouped_cannot_be_renamed_or_deleted(connection, tenant, chats):
    """It is no row that could go (GRP-3)."""
    with pytest.raises(ChatRefusedError):
        rename_folder(connection, tenant.id, UNGROUPED, "x")
    with pytest.raises(ChatRefusedError):
        delete_folder(connection, tenant.id, UNGROUPED)


def test_names_are_unique_in_a_corp(connection, tenant, other_tenant):
    """By width and case too; a folder may keep its own name in another case (GRP-3)."""
    vip = make(connection, tenant, "VIP")
    make(connection, other_tenant, "VIP")
    with pytest.raises(NameTakenError):
        make(connection, tenant, "ｖｉｐ")
    other = make(connection, tenant, "other")
    with pytest.raises(NameTakenError):
        rename_folder(connection, tenant.id, other, "Vip")
    rename_folder(connection, tenant.id, vip, "vip")
    assert [name for name, _ in shown(connection, tenant)] == ["未分组", "other", "vip"]
    with pytest.raises(NoSuchFolderError):
        rename_folder(connection, other_tenant.id, vip, "mine")


def test_folders_can_be_put_in_another_order(connection, tenant):
    """By who names them all; a new one is on top again (GRP-3)."""
    a, b, c = (make(connection, tenant, name) for name in "abc")
    order_folders(connection, tenant.id, [b, c, a])
    assert [name for name, _ in shown(connection, tenant)][1:] == ["b", "c", "a"]
    make(connection, tenant, "d")
    with pytest.raises(OrderStaleError):
        order_folders(connection, tenant.id, [a, b, c])
    assert [name for name, _ in shown(connection, tenant)][1:] == ["d", "b", "c", "a"]


def test_there_is_an_end_to_folders(connection, tenant):
    """Bounded, so that the list needs no pages."""
    run(
        connection,
        "insert into chat_folder (tenant_id, name, name_key, position, created_at, created_by) "
        "select :tenant_id, n, n, n, :now, 'x' from generate_series(1, :count) n",
        tenant_id=tenant.id,
        now=NOW,
        count=MOST_FOLDERS,
    )
    with pytest.raises(ChatRefusedError):
        make(connection, tenant, "one more")


def test_fifty_thousand_chats_move_at_once(connection, tenant):
    """One statement, no row passes through Python; counts follow (GRP-3)."""
    many_chats(connection, tenant, 50_000)
    folder = make(connection, tenant, "all")
    assert move_chats(connection, tenant.id, folder, ALL)[0] == 50_000
    assert shown(connection, tenant) == [("未分组", 0), ("all", 50_000)]
    assert delete_folder(connection, tenant.id, folder)[0] == 50_000


def test_who_deletes_and_who_moves_at_once_leave_each_chat_in_a_folder_that_exists(
    engine: Engine, vault: Vault, clock: FixedClock
):
    """Eight operators with real transactions: no deadlock, no chat in a folder that is gone (GRP-3)."""
    with engine.begin() as connection:
        tenant = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
        many_chats(connection, tenant, 60)
        folders = [make(connection, tenant, f"f{n}") for n in range(8)]
    together, failed = threading.Barrier(8), []

    def operate(number: int) -> None:
        together.wait()
        for turn in range(8):
            folder = folders[(number + turn) % 8]
            chosen = ALL if turn % 2 else ChatIds([f"wr{n}" for n in range(60, 0, -1) if n % 3 != number % 3])
            try:
                if turn == number // 2:
                    transact(engine, lambda c, f=folder: delete_folder(c, tenant.id, f))
                else:
                    transact(engine, lambda c, f=folder, x=chosen: move_chats(c, tenant.id, f, x))
            except NoSuchFolderError:
                continue
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=operate, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with engine.begin() as connection:
        known = {one.id for one in load_folders(connection, tenant)}
        held = fetch_all(connection, "select chat_id, coalesce(folder_id, 0) as id from chat_own")
        assert {row["id"] for row in held} <= known
        assert sum(one.chat_count for one in load_folders(connection, tenant)) == 60


def test_a_move_waits_for_the_deletion_under_way_and_finds_the_folder_gone(
    engine: Engine, vault: Vault, clock: FixedClock
):
    """Whoever comes second sees what the first has done (GRP-3)."""
    with engine.begin() as connection:
        tenant = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
        many_chats(connection, tenant, 5)
        folder = make(connection, tenant, "doomed")
    outcome: list[object] = []

    def move() -> None:
        try:
            outcome.append(transact(engine, lambda c: move_chats(c, tenant.id, folder, ALL)))
        except NoSuchFolderError as error:
            outcome.append(type(error))

    with engine.begin() as deleting:
        delete_folder(deleting, tenant.id, folder)
        mover = threading.Thread(target=move)
        mover.start()
        mover.join(timeout=0.3)
        assert outcome == []
    mover.join()
    assert outcome == [NoSuchFolderError]
    with engine.begin() as connection:
        assert fetch_all(connection, "select 1 from chat_own where folder_id is not null") == []


def test_a_chat_that_is_dismissed_meanwhile_moves_all_the_same(connection, tenant, chats):
    """Where it is kept does not depend on whether it goes on (GRP-3)."""
    folder = make(connection, tenant, "old")
    dismiss(connection, tenant, "wrA")
    assert move_chats(connection, tenant.id, folder, ChatIds(["wrA", "wrB"]))[0] == 2
    assert shown(connection, tenant) == [("未分组", 1), ("old", 1)]
