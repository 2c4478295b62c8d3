"""Switches of reminders: what is usual, what a corp has set, what a stage has of its own; who else hears of it."""

from dataclasses import replace

from sqlalchemy import Connection

from services.customers.model import RelationLost
from services.notices.model import RELATION_LOST, USUAL, Notice, Told
from services.notices.plan import spread, wanted
from services.notices.store import Caused, record_facts_and_notices
from services.reminders.model import NOT_KNOWN, Policy, Switch, Wish
from services.reminders.store import load_policy, record_policy, record_wish, superiors_of
from shared.db.engine import fetch_all, run
from shared.ids import UserId
from shared.tenants import Tenant
from tests.conftest import NOW
from tests.services.factories import CONTACT, LI, ZHAO

LOST = Notice(RELATION_LOST, LI)
OFF, ON = Wish(enabled=False), Wish(enabled=True)


def test_the_wish_of_the_customers_stage_goes_before_the_corps():
    """Off for all, on for one stage (LOSS-2, LOSS-4)."""
    policy = Policy(wishes={(RELATION_LOST, NOT_KNOWN): OFF, (RELATION_LOST, 7): Wish(enabled=True, superior=True)})
    assert wanted(LOST, policy) is None and wanted(LOST, policy, [8]) is None
    assert wanted(LOST, policy, [8, 7]) == Told(LOST, replace(USUAL[RELATION_LOST], superior=True))


def test_superiors_and_administrators_hear_of_it_once_each():
    """Whoever is both is told once, and nobody of their own matter as of another's (LOSS-2)."""
    told = Told(LOST, Switch(superior=True, administrators=True))
    notices = spread(told, superiors={LI: (ZHAO, LI)}, administrators=[ZHAO, UserId("Wang")])
    assert notices == (LOST, Notice(RELATION_LOST, ZHAO, about=LI), Notice(RELATION_LOST, UserId("Wang"), about=LI))


def _lose(connection: Connection, tenant: Tenant) -> list[tuple[str, str | None]]:
    lost = RelationLost(occurred_at=NOW, evidenced=True, userid=LI, external_userid=CONTACT)
    record_facts_and_notices(connection, tenant, [Caused(lost, "event")], now=NOW, ttl_s=60)
    return [(row["recipient"], row["about"]) for row in fetch_all(connection, "select * from outbox order by id")]


def test_what_is_switched_off_is_not_even_queued(connection: Connection, tenant: Tenant) -> None:
    """No row waits, so that none goes out when it is switched on again (LOSS-4)."""
    record_wish(connection, tenant.id, RELATION_LOST, NOT_KNOWN, OFF, by="test", now=NOW)
    assert _lose(connection, tenant) == []
    record_wish(connection, tenant.id, RELATION_LOST, NOT_KNOWN, ON, by="test", now=NOW)
    assert _lose(connection, tenant) == [(LI, None)]


def test_a_loss_is_told_to_the_superior_where_the_switch_says_so(connection: Connection, tenant: Tenant) -> None:
    """Who leads the nearest department upwards; nobody who has left (LOSS-2)."""
    run(
        connection,
        "insert into outlet (tenant_id, department_id, name, parent_id, observed_at, added_at) values "
        "(:t, 1, 'all', 0, :now, :now), (:t, 2, 'north', 1, :now, :now), (:t, 3, 'shop', 2, :now, :now)",
        t=tenant.id, now=NOW,
    )  # fmt: skip
    run(
        connection,
        "insert into associate (tenant_id, userid, main_department_id, leader_in, observed_at, gone_at) values "
        "(:t, :li, 3, '{3}', :now, null), (:t, :zhao, 2, '{2}', :now, null), (:t, 'Gone', 3, '{3}', :now, :now)",
        t=tenant.id, li=LI, zhao=ZHAO, now=NOW,
    )  # fmt: skip
    assert superiors_of(connection, tenant.id, [LI, ZHAO]) == {LI: (ZHAO,)}
    record_wish(connection, tenant.id, RELATION_LOST, NOT_KNOWN, Wish(superior=True), by="test", now=NOW)
    assert _lose(connection, tenant) == [(LI, None), (ZHAO, LI)]


def test_what_was_set_comes_back(connection: Connection, tenant: Tenant) -> None:
    """The corp's own row and its wishes are read as they were written."""
    set_ = Policy(stages_on=False, administrators=(LI,), undeliverable="nobody")
    record_policy(connection, tenant.id, set_, by="test", now=NOW)
    assert load_policy(connection, tenant.id) == set_
