"""Every kind of notice has a switch, generated over all that there are: off means that none is queued (LOSS-4)."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from services.notices import model
from services.notices.model import OF_STAGES, USUAL
from services.notices.plan import REACTIONS, react
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from services.reminders.model import NOT_KNOWN, Policy, Switch, Wish
from services.reminders.store import record_policy, record_wish
from shared.db.engine import fetch_all, run
from shared.ids import UserId
from shared.tenants import Tenant
from tests.conftest import NOW
from tests.services.factories import LI, at
from tests.services.test_planning import sample

BOSS = UserId("Boss")
NOTICES = sorted(value for name, value in vars(model).items() if name.isupper() and isinstance(value, str))


def fact_of(fact_type: type[Fact]) -> Fact:
    """One that somebody is to hear of: people differ, and it happened now."""
    fact = replace(sample(fact_type.TYPE), occurred_at=NOW)
    people = {name: UserId(f"{LI}-{name}") for name in fact.payload() if name.endswith("userid")}
    times = {name: NOW.isoformat() for name in fact.payload() if name == "starts_at"}
    unmoved = {"transfer_id": None} if "transfer_id" in fact.payload() else {}
    return replace(
        fact, **{**people, **times, **unmoved, **({"departed": False} if "departed" in fact.payload() else {})}
    )


FACTS = {
    notice.name: fact
    for kind in REACTIONS
    for fact in [fact_of(kind)]
    for notice in react(fact, cause="event", added_at=at(0))
}


def test_every_notice_is_called_for_by_some_fact() -> None:
    """So that what follows is about all of them (LOSS-4)."""
    assert sorted(FACTS) == NOTICES


def queued(connection: Connection, tenant: Tenant, notice: str) -> list[str]:
    """Who is to hear of it, when its fact is recorded."""
    run(connection, "delete from outbox")
    record_facts_and_notices(connection, tenant, [Caused(FACTS[notice], "event")], now=NOW, ttl_s=60)
    rows = fetch_all(connection, "select recipient from outbox where notice = :notice order by id", notice=notice)
    return [row["recipient"] for row in rows]


@pytest.fixture
def corp(connection: Connection, tenant: Tenant) -> Tenant:
    record_policy(connection, tenant.id, Policy(administrators=(BOSS,)), by="test", now=NOW)
    run(
        connection,
        "insert into customer (tenant_id, id, standing, assigned_userid, assigned_at, created_at, updated_at) "
        "values (:t, 7, 'friend', :li, :now, :now, :now)",
        t=tenant.id, li=LI, now=NOW,
    )  # fmt: skip
    return tenant


@pytest.mark.parametrize("notice", NOTICES)
def test_off_means_that_none_is_queued(connection: Connection, corp: Tenant, notice: str) -> None:
    """Neither for whom it concerns nor for those above; on again, it is told from then on only (LOSS-4)."""
    everybody = Wish(enabled=True, superior=True, administrators=True)
    record_wish(connection, corp.id, notice, NOT_KNOWN, everybody, by="test", now=NOW)
    assert BOSS in (told := queued(connection, corp, notice))
    record_wish(connection, corp.id, notice, NOT_KNOWN, replace(everybody, enabled=False), by="test", now=NOW)
    assert queued(connection, corp, notice) == []
    record_wish(connection, corp.id, notice, NOT_KNOWN, everybody, by="test", now=NOW)
    assert queued(connection, corp, notice) == told


@pytest.mark.parametrize("notice", NOTICES)
def test_without_a_setting_each_is_as_is_usual(connection: Connection, corp: Tenant, notice: str) -> None:
    """Administrators hear only of what is theirs (LOSS-2, LOSS-3, STG-2, TRF-6)."""
    usual = USUAL.get(notice, Switch())
    told = queued(connection, corp, notice)
    assert bool(told) == (usual.enabled and (notice != "handover_failed" or LI in told[0]))
    assert (BOSS in told) == (usual.enabled and usual.administrators)


@pytest.mark.parametrize("notice", sorted(OF_STAGES))
def test_the_master_switch_is_above_each_own_switch(connection: Connection, corp: Tenant, notice: str) -> None:
    """Off, no message of stages is queued (STG-4)."""
    record_wish(connection, corp.id, notice, NOT_KNOWN, Wish(enabled=True), by="test", now=NOW)
    assert queued(connection, corp, notice)
    record_policy(connection, corp.id, Policy(stages_on=False), by="test", now=NOW)
    assert queued(connection, corp, notice) == []
