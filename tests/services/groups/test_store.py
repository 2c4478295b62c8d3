"""Rows of chats, stays and days come back as they went in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from services.groups.listing import count_missed, forget_listing, missed_chats, owners_to_walk, record_listed
from services.groups.model import CHAT as KIND
from services.groups.model import Chat, Kind, Observed, ObservedMember, Recorded, Traits
from services.groups.plan import plan_chat
from services.groups.record import Provenance, record_chats
from services.groups.store import chats_of_members, load_days, load_evidence, load_recorded
from shared.db.engine import fetch_all, run
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import InboxId, UserId
from shared.requests import Subject
from shared.tenants import Tenant
from tests.services.groups.factories import (
    CHAT,
    CHEN,
    DAY,
    DISMISSED,
    JOINED,
    LEFT,
    LI,
    WU,
    ZONE,
    at,
    facts_of,
    read,
    refused,
    stays_of,
    told,
)

FULL = Traits(3, LI, "booth_a7", "昵称", "陈 <b>", "union-1")
DAY_S = 86_400


def recorded(connection: Connection, tenant: Tenant, *members: str, chat_id: str = CHAT) -> Recorded:
    return load_recorded(connection, tenant, {chat_id: members})[chat_id]


def observe(connection: Connection, tenant: Tenant, observed, *evidence) -> None:
    """A read comes and is recorded."""
    named = {*(getattr(observed, "members", None) or ()), *(m for one in evidence for m in one.members)}
    before = recorded(connection, tenant, *named, chat_id=observed.chat_id)
    plan = plan_chat(observed, before, evidence, zone=ZONE)
    why = {observed.chat_id: Provenance("event", "inbox:1", observed.observed_at)}
    record_chats(connection, tenant, [plan], why)


def test_what_was_read_comes_back_and_is_settled(connection: Connection, tenant: Tenant):
    """Every field, and the unionid encrypted (GRP-1, G10)."""
    one = ObservedMember(Kind.CUSTOMER, at(1), FULL)
    owner = ObservedMember(Kind.ASSOCIATE, None, Traits())
    seen = Observed(CHAT, at(10), "新品 🌞", UserId(LI), "八点", (LI,), at(0), "v0", {CHEN: one, LI: owner})
    observe(connection, tenant, seen)
    found = recorded(connection, tenant, CHEN)
    assert found.chat == Chat(
        CHAT, "新品 🌞", UserId(LI), "八点", (LI,), at(0), "v0", 2, observed_at=at(10), since={"member_version": at(10)}
    )
    assert found.stays[CHEN][0].traits == FULL
    again = plan_chat(seen, found, (), zone=ZONE)
    assert (again.stays, again.facts, again.chat) == ((), (), found.chat)
    (row,) = fetch_all(connection, "select unionid, cause, caused_by from group_member where member_id = :id", id=CHEN)
    assert b"union-1" not in bytes(row["unionid"])
    assert (row["cause"], row["caused_by"]) == ("event", "inbox:1")


def test_a_member_who_comes_back_has_two_rows(connection: Connection, tenant: Tenant):
    """One row per stay; at most one of them lasts (GRP-1)."""
    observe(connection, tenant, read(10, CHEN=1))
    observe(connection, tenant, read(20, "v1"), told(LEFT, 15, CHEN, scene=1, versions=("v0", "v1")))
    observe(connection, tenant, read(300, "v2", CHEN=290))
    expected = [(1, 15, "event", 1), (290, None, None, None)]
    assert stays_of(recorded(connection, tenant, CHEN), CHEN) == expected


def test_only_the_present_and_the_named_are_loaded(connection: Connection, tenant: Tenant):
    """A chat through which thousands went costs what it holds now (GRP-1)."""
    observe(connection, tenant, read(10, CHEN=1))
    observe(connection, tenant, read(20, "v1"), told(LEFT, 15, CHEN, versions=("v0", "v1")))
    assert set(recorded(connection, tenant).stays) == {LI}
    assert set(recorded(connection, tenant, CHEN).stays) == {LI, CHEN}


def test_evidence_is_loaded_from_about_the_last_read_on(connection: Connection, tenant: Tenant):
    """What was used long ago is not loaded for ever; of a chat never read, all is (GRP-1)."""
    for hour in (0, 3, 5):
        details = {"members": [CHEN], "scene": 3, "cur": "v"}
        subject, when = Subject(tenant.id, KIND, CHAT), at(hour * 3600)
        row = EvidenceRow(subject, None, "joined", when, details, bytes([hour]), DAY.date(), InboxId(1))
        record_evidence(connection, [row], now=at(hour * 3600))
    assert len(load_evidence(connection, tenant, [CHAT])[CHAT]) == 3
    observe(connection, tenant, read(4 * 3600))
    found = load_evidence(connection, tenant, [CHAT, "other"])
    assert found["other"] == []
    assert found[CHAT] == [told(JOINED, hour * 3600, CHEN, scene=3, versions=(None, "v")) for hour in (3, 5)]


def test_the_days_add_up_whatever_day_is_learnt_of_last(connection: Connection, tenant: Tenant):
    """The members at the end of each day follow from those of now (GRP-5)."""
    observe(connection, tenant, read(10))
    observe(connection, tenant, read(5 * DAY_S, "v1", CHEN=3 * DAY_S, WU=4 * DAY_S))
    observe(connection, tenant, read(6 * DAY_S, "v2", WU=4 * DAY_S))
    days = load_days(connection, tenant, CHAT, since=DAY.date())
    assert [(r["joined_count"], r["left_count"], r["member_count"]) for r in days] == [
        (1, 0, 1),
        (1, 0, 2),
        (1, 0, 3),
        (0, 1, 2),
    ]
    late = told(LEFT, 3 * DAY_S + 60, CHEN)
    observe(connection, tenant, read(6 * DAY_S + 1, "v2", WU=4 * DAY_S), late)
    days = load_days(connection, tenant, CHAT, since=DAY.date())
    assert [(r["joined_count"], r["left_count"], r["member_count"]) for r in days] == [
        (1, 0, 1),
        (1, 1, 1),
        (1, 0, 2),
        (0, 0, 2),
    ]


def test_many_chats_are_written_at_once_and_each_corp_sees_its_own(
    connection: Connection, tenant: Tenant, other_tenant: Tenant
):
    """Ids of one corp mean nothing in another (design: every key starts with the tenant)."""
    reads = [replace(read(10, CHEN=1), chat_id=f"wr{n}") for n in range(5)]
    plans = [plan_chat(one, Recorded(), (), zone=ZONE) for one in reads]
    why = {one.chat_id: Provenance("bootstrap", "run:1", one.observed_at) for one in reads}
    record_chats(connection, tenant, plans, why)
    assert chats_of_members(connection, tenant, [CHEN, WU]) == {CHEN: [f"wr{n}" for n in range(5)], WU: []}
    assert chats_of_members(connection, other_tenant, [CHEN]) == {CHEN: []}
    assert recorded(connection, other_tenant, CHEN, chat_id="wr0") == Recorded()


def test_a_dismissed_chat_is_kept_with_all_that_was_in_it(connection: Connection, tenant: Tenant):
    """Rows of the mirror are never deleted (GRP-1)."""
    observe(connection, tenant, read(10, CHEN=1))
    observe(connection, tenant, refused(20), told(DISMISSED, 15))
    found = recorded(connection, tenant, CHEN)
    assert (found.chat.dismissed_at, found.chat.member_count) == (at(15), 0)
    assert stays_of(found, CHEN) == [(1, 15, "dismissal", None)]


def test_a_second_present_stay_of_a_member_is_refused(connection: Connection, tenant: Tenant):
    """The database itself keeps a member from being in a chat twice (GRP-1)."""
    observe(connection, tenant, read(10, CHEN=1))
    with pytest.raises(Exception, match="group_member_present"):
        run(
            connection,
            "insert into group_member select tenant_id, chat_id, member_id, 2, kind, joined_at, joined_by, join_scene, "
            "invitor, state, nickname, name, unionid, left_at, left_by, quit_scene, observed_at, cause, caused_by "
            "from group_member where member_id = :id",
            id=CHEN,
        )


def listed(connection: Connection, tenant: Tenant, run_id: int, *chat_ids: str, status: int | None = 0) -> None:
    record_listed(
        connection, tenant.id, dict.fromkeys(chat_ids, status), run_id=run_id, cause="resync", caused_by=f"run:{run_id}"
    )


def test_a_pass_knows_which_chats_it_did_not_list(connection: Connection, tenant: Tenant):
    """Those that an earlier pass listed are counted; what is out of sight anyway is not missed (GRP-1)."""
    listed(connection, tenant, 1, "wrA", "wrB", "wrC")
    observe(connection, tenant, replace(read(10), chat_id="wrD"))
    observe(connection, tenant, replace(read(10), chat_id="wrE"))
    observe(connection, tenant, replace(refused(20), chat_id="wrE"))
    listed(connection, tenant, 2, "wrB", status=1)
    assert count_missed(connection, tenant.id, 2, owners=None) == (2, 4)
    assert missed_chats(connection, tenant.id, 2, owners=None) == ["wrA", "wrC", "wrD"]
    assert missed_chats(connection, tenant.id, 2, owners=None, after="wrA", limit=1) == ["wrC"]
    assert missed_chats(connection, tenant.id, 2, owners=[UserId(LI)]) == ["wrD"]
    forget_listing(connection, tenant.id, ["wrA"])
    assert missed_chats(connection, tenant.id, 2, owners=None, listed_before=True) == ["wrC"]
    statuses = fetch_all(connection, "select status from group_chat order by chat_id limit 3")
    assert [row["status"] for row in statuses] == [0, 1, 0]


def test_listing_a_chat_does_not_make_it_read(connection: Connection, tenant: Tenant):
    """It is told as created by the first read of its details (GRP-1)."""
    listed(connection, tenant, 1, CHAT)
    before = recorded(connection, tenant)
    assert before.chat.observed_at is None
    assert facts_of(plan_chat(read(10), before, (), zone=ZONE))[0][0] == "chat_created"
    observe(connection, tenant, read(10))
    assert owners_to_walk(connection, tenant.id) == [LI]


def test_times_keep_their_microseconds(connection: Connection, tenant: Tenant):
    """A read's time is compared with what is stored: nothing may be rounded away (GRP-1)."""
    moment = datetime(2026, 3, 2, 1, 2, 3, 456789, tzinfo=UTC)
    observe(connection, tenant, replace(read(10), observed_at=moment))
    chat = recorded(connection, tenant).chat
    assert chat.observed_at == moment
    assert chat.since["member_version"] == moment
    assert chat.observed_at + timedelta(0) == moment
