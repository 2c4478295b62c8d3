"""Local tags of chats, and of every customer inside one (TAG-7)."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from services.bulk.store import load_job
from services.chats.customers import TagsAsked, tag_customers_of
from services.chats.model import (
    ChatFilter,
    ChatIds,
    ChatRefusedError,
    NameTakenError,
    NoSuchChatError,
    NoSuchChatTagError,
)
from services.chats.tags import (
    delete_group,
    delete_tag,
    load_tags,
    make_group,
    make_tag,
    rename_group,
    rename_tag,
    tag_chats,
)
from services.customers.choosing import chosen_page
from shared.db.engine import fetch_all, fetch_one, run
from shared.tenants import Tenant
from tests.conftest import NOW
from tests.services.chats.conftest import add_chat

HOUR = timedelta(hours=1)


def group(connection: Connection, tenant: Tenant, name: str) -> int:
    return int(make_group(connection, tenant.id, name, now=NOW).subject_key)


def tag(connection: Connection, tenant: Tenant, group_id: int, name: str) -> int:
    return int(make_tag(connection, tenant.id, group_id, name, now=NOW).subject_key)


def put(connection: Connection, tenant: Tenant, chosen: object, add=(), remove=()) -> tuple[int, int]:
    return tag_chats(connection, tenant.id, chosen, add=add, remove=remove, by="api:crm", now=NOW)[:2]


def tags_of(connection: Connection, tenant: Tenant) -> dict[str, list[int]]:
    rows = fetch_all(connection, "select chat_id, array_agg(tag_id order by tag_id) as ids from chat_tag "
                     "where tenant_id = :id group by chat_id", id=tenant.id)  # fmt: skip
    return {row["chat_id"]: row["ids"] for row in rows}


def test_one_chat_and_many_are_tagged(connection, tenant, chats):
    """By ids or all that a filter finds; what is as wanted is not counted (TAG-7)."""
    use = group(connection, tenant, "use")
    hot, cold = tag(connection, tenant, use, "hot"), tag(connection, tenant, use, "cold")
    assert put(connection, tenant, ChatIds(["wrA"]), add=[hot]) == (1, 0)
    assert put(connection, tenant, ChatFilter(), add=[hot]) == (2, 0)
    # Who has the tag that goes is who gets the one that comes.
    assert put(connection, tenant, ChatFilter(any_tags=[hot], name="新"), add=[cold], remove=[hot]) == (2, 2)
    assert tags_of(connection, tenant) == {"wrA": [cold], "wrB": [hot], "wrC": [cold]}
    assert put(connection, tenant, ChatFilter(), remove=[10**15]) == (0, 0)
    with pytest.raises(NoSuchChatTagError):
        put(connection, tenant, ChatFilter(), add=[10**15])


def test_a_tag_that_is_deleted_leaves_all_chats(connection, tenant, other_tenant, chats):
    """With its group too; its name is free again, and nobody else's tags are touched (TAG-7)."""
    use, theirs = group(connection, tenant, "use"), group(connection, other_tenant, "use")
    hot, cold = tag(connection, tenant, use, "hot"), tag(connection, tenant, use, "cold")
    mine = tag(connection, other_tenant, theirs, "hot")
    put(connection, tenant, ChatFilter(), add=[hot, cold])
    put(connection, other_tenant, ChatFilter(), add=[mine])
    delete_tag(connection, tenant.id, hot, now=NOW)
    assert tags_of(connection, tenant) == {"wrA": [cold], "wrB": [cold], "wrC": [cold]}
    tag(connection, tenant, use, "hot")
    delete_group(connection, tenant.id, use, now=NOW)
    assert (tags_of(connection, tenant), load_tags(connection, tenant.id)) == ({}, [])
    assert tags_of(connection, other_tenant) == {"wrA": [mine]}
    for again in (
        lambda: delete_tag(connection, tenant.id, hot, now=NOW),
        lambda: delete_tag(connection, tenant.id, mine, now=NOW),
        lambda: tag(connection, tenant, use, "x"),
        lambda: put(connection, tenant, ChatFilter(), add=[cold]),
    ):
        with pytest.raises(NoSuchChatTagError):
            again()


def test_names_of_tags_are_unique_in_their_group_and_of_groups_in_the_corp(connection, tenant):
    """By width and case too; a customer's group of the same name is another thing (TAG-7)."""
    run(connection, "insert into local_tag_group (tenant_id, of, name, position, created_at) "
        "values (:id, 'customer', 'use', 1, now())", id=tenant.id)  # fmt: skip
    use, other = group(connection, tenant, "use"), group(connection, tenant, "other")
    hot = tag(connection, tenant, use, "hot")
    tag(connection, tenant, other, "hot")
    cold = tag(connection, tenant, use, "cold")
    for taken in (
        lambda: group(connection, tenant, "ＵＳＥ"),
        lambda: rename_group(connection, tenant.id, other, "Use"),
        lambda: tag(connection, tenant, use, "HOT"),
        lambda: rename_tag(connection, tenant.id, cold, "Hot"),
    ):
        with pytest.raises(NameTakenError):
            taken()
    rename_tag(connection, tenant.id, hot, "HOT")
    names = [(one["name"], [t["name"] for t in tags]) for one, tags in load_tags(connection, tenant.id)]
    assert names == [("use", ["HOT", "cold"]), ("other", ["hot"])]


@pytest.fixture
def inside(connection: Connection, tenant: Tenant, chats: list[str]) -> list[int]:
    """Three people in wrA: two customers, of whom one is LiNa's friend, and a stranger; one more customer outside."""
    add_chat(connection, tenant, "wrA", joined={"wm1": NOW, "wm2": NOW, "wmStranger": NOW})
    for n in (1, 2, 3):
        run(connection, "insert into customer (tenant_id, id, assigned_userid, created_at, updated_at) "
            "values (:id, :n, :who, :old, :old)",
            id=tenant.id, n=n, who="LiNa" if n != 2 else None, old=NOW - HOUR)  # fmt: skip
        run(connection, "insert into external_contact (tenant_id, external_userid, customer_id, cause) "
            "values (:id, 'wm' || :n, :n, 'event')", id=tenant.id, n=n)  # fmt: skip
    for n, userid in ((1, "LiNa"), (1, "WangFang"), (3, "LiNa")):
        run(connection, "insert into relation (tenant_id, external_userid, userid, state, started_at, corp_tag_ids, "
            "cause) values (:id, 'wm' || :n, :userid, 'active', now(), '{}', 'event')",
            id=tenant.id, n=n, userid=userid)  # fmt: skip
    return [1, 2]


def local_tag(connection: Connection, tenant: Tenant, kind: str = "manual", of: str = "customer") -> int:
    row = fetch_one(
        connection,
        "with g as (insert into local_tag_group (tenant_id, of, name, position, created_at) "
        "values (:id, :of, 'g', 1, now()) returning id) insert into local_tag (tenant_id, group_id, kind, name, "
        "position, created_at) select :id, g.id, :kind, 't', 1, now() from g returning id",
        id=tenant.id,
        of=of,
        kind=kind,
    )
    assert row is not None
    return int(row["id"])


def customers_tagged(connection: Connection, tenant: Tenant, add=(), remove=()):
    asked = TagsAsked(add, remove)
    return tag_customers_of(
        connection, tenant.id, "wrA", asked, author="crm", by="api:crm", reason=None, now=NOW
    )[0]  # fmt: skip


def test_every_customer_inside_a_chat_gets_a_local_tag_at_once(connection, tenant, inside):
    """Friends or not; who is nobody's contact has no record to tag; again changes nothing (TAG-7)."""
    vip = local_tag(connection, tenant)
    tagged = customers_tagged(connection, tenant, add=[f"local:{vip}"])
    assert (tagged.customers, tagged.local_added, tagged.job_ids) == (2, 2, [])
    rows = fetch_all(connection, "select customer_id, by_whom from customer_tag where tag_id = :t order by 1", t=vip)
    assert [tuple(row.values()) for row in rows] == [(1, "api:crm"), (2, "api:crm")]
    assert customers_tagged(connection, tenant, add=[f"local:{vip}"]).local_added == 0
    assert customers_tagged(connection, tenant, remove=[f"local:{vip}"]).local_removed == 2
    updated = fetch_all(connection, "select id from customer where updated_at = :now order by id", now=NOW)
    assert [row["id"] for row in updated] == inside


def test_customers_of_a_merged_record_are_tagged_as_who_they_are(connection, tenant, inside):
    """The tag goes to the record that stands for the person (CUS-9, TAG-7)."""
    run(connection, "update customer set merged_into = 3 where tenant_id = :id and id = 2", id=tenant.id)
    vip = local_tag(connection, tenant)
    customers_tagged(connection, tenant, add=[f"local:{vip}"])
    rows = fetch_all(connection, "select customer_id from customer_tag where tag_id = :t order by 1", t=vip)
    assert [row["customer_id"] for row in rows] == [1, 3]


def test_tags_that_nobody_gives_by_hand_are_refused(connection, tenant, inside):
    """Automatic ones, chats' own, deleted and unknown ones; nothing is written (TAG-7, TAG-1)."""
    with pytest.raises(ChatRefusedError):
        customers_tagged(connection, tenant, add=[f"local:{local_tag(connection, tenant, 'automatic')}"])
    for wrong in (local_tag(connection, tenant, of="chat"), 10**17):
        with pytest.raises(NoSuchChatTagError):
            customers_tagged(connection, tenant, add=[f"local:{wrong}"])
    asked = TagsAsked(["etGold"], [])
    with pytest.raises(NoSuchChatError):
        tag_customers_of(connection, tenant.id, "wrNo", asked, author="crm", by="x", reason=None, now=NOW)


def test_corp_tags_go_through_jobs_to_the_assigned_relation_and_leave_all(connection, tenant, inside):
    """Of those who are in the chat only; the job is one like any other (TAG-7, TAG-2)."""
    for name in ("etGold", "etOld"):
        run(connection, "insert into tag (tenant_id, tag_id, group_id, name, shown_at, observed_at, cause) "
            "values (:id, :name, 'etLevels', :name, :now, :now, 'event')",
            id=tenant.id, name=name, now=NOW)  # fmt: skip
    run(connection, "insert into tag_group (tenant_id, group_id, name, shown_at, observed_at, cause) "
        "values (:id, 'etLevels', 'x', :now, :now, 'event')", id=tenant.id, now=NOW)  # fmt: skip
    tagged = customers_tagged(connection, tenant, add=["etGold"], remove=["etOld"])
    assert (tagged.customers, tagged.relations, len(tagged.job_ids)) == (2, 1, 2)
    on, off = (load_job(connection, tenant.id, one) for one in tagged.job_ids)
    assert on is not None and off is not None
    assert (on.add_tags, off.remove_tags, on.author, on.source) == (("etGold",), ("etOld",), "crm", "api")
    meant = [[one.key for one in chosen_page(connection, tenant.id, job.choice, after=("", ""), limit=9)]
             for job in (on, off)]  # fmt: skip
    assert meant == [[("wm1", "LiNa")], [("wm1", "LiNa"), ("wm1", "WangFang")]]
