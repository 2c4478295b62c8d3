"""An hourly sample says how far the database is from WeCom; what it finds is repaired."""

import random
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from commands.demo_corp import CORP_ID, record_demo_corp
from services.differences.samples import load_checks, sample_contacts
from shared.clock import EPOCH
from sync_worker.drift import DriftCheck, hour_of
from tests.sync_worker.conftest import Office


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A live corp with twelve customers of LiNa's; all of them are sampled."""
    made = make_office(drift_sample=12)
    made.corp.add_customers(12, userids=["LiNa"])
    record_demo_corp(made.runtime)
    made.walk()
    return made


def check_of(office: Office) -> DriftCheck:
    dice = random.Random(7)
    return DriftCheck(office.runtime, directory=office.directory, clients=office.clients, draw=dice.randint)


def drift(office: Office) -> None:
    check = check_of(office)
    check.judge(check.look())


def contacts(office: Office) -> list[str]:
    return sorted(pair["external_userid"] for pair in office.corp.pairs())


def edit(office: Office, external_userid: str) -> None:
    """Another program changes a remark: WeCom tells nobody."""
    named = {"userid": "LiNa", "external_userid": external_userid}
    office.corp.act({"do": "edit", **named, "remark": "改过的备注", "silent": True})


def checks(office: Office) -> list[tuple[int, int]]:
    return office.rows("select sampled, differing from drift_check order by at")


def test_a_corp_in_line_has_no_drift(shop: Office) -> None:
    """What a walk cannot tell (personal tags) is learnt late, and is no drift."""
    drift(shop)
    assert checks(shop) == [(12, 0)]
    assert shop.rows("select count(*) from request where subject_kind = 'external_contact'") == [(0,)]


def test_what_differs_is_counted_and_repaired(shop: Office) -> None:
    """Two lost edits of twelve customers: both are looked at, and then as in WeCom."""
    before = REGISTRY.get_sample_value(
        "guanxi_drift_differing_total", {"corp": CORP_ID, "resource": "external_contact"}
    )
    for one in contacts(shop)[:2]:
        edit(shop, one)
    drift(shop)
    shop.reconcile()
    assert checks(shop) == [(12, 2)]
    assert shop.rows("select count(*) from relation where remark = '改过的备注'") == [(2,)]
    after = REGISTRY.get_sample_value("guanxi_drift_differing_total", {"corp": CORP_ID, "resource": "external_contact"})
    assert (after or 0) - (before or 0) == 2
    assert shop.rows("select distinct cause from fact where type = 'relation_edited'") == [("resync",)]
    assert shop.rows("select count(*) from outbox") == [(0,)]


def test_what_an_event_brings_meanwhile_is_young_and_no_drift(shop: Office) -> None:
    """Its event was on its way when the sample was read."""
    one = contacts(shop)[0]
    edit(shop, one)
    check = check_of(shop)
    samples = check.look()
    assert [list(sample.suspects) for sample in samples] == [[one]]
    shop.want(one)
    check.judge(samples)
    shop.reconcile()
    assert checks(shop) == [(11, 0)]


def test_what_is_being_looked_at_is_not_sampled(shop: Office) -> None:
    """An open request knows that something is going on."""
    one = contacts(shop)[0]
    edit(shop, one)
    shop.want(one)
    drift(shop)
    assert checks(shop) == [(11, 0)]


def test_a_corp_is_sampled_once_an_hour_whoever_rings(shop: Office) -> None:
    """Two workers share the corps; nothing is read twice."""
    assert len(check_of(shop).look()) == 1
    assert check_of(shop).look() == []
    assert checks(shop) == [(0, 0)]


def test_a_sample_of_0_switches_it_off(make_office: Callable[..., Office], shop: Office) -> None:
    """Calls are the operator's to spend."""
    assert check_of(make_office(drift_sample=0)).look() == []


def test_reads_that_fail_are_left_out(shop: Office) -> None:
    """An outage of WeCom's is no drift."""
    shop.corp.post("/sim/faults", {"path": "externalcontact/get", "errcode": 60011, "times": 5})
    drift(shop)
    assert checks(shop) == [(7, 0)]


@pytest.mark.parametrize("few", [10_000, 10], ids=["few", "many"])
def test_every_customer_is_drawn_about_as_often(shop: Office, few: int) -> None:
    """Who comes after a gap in the numbers is not drawn all the time."""
    dice = random.Random(3)
    with shop.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update external_contact set customer_id = customer_id + 60 where customer_id > 6")
        tenant_id = shop.tenant.id
        drawn = [sample_contacts(connection, tenant_id, size=3, draw=dice.randint, few=few) for _ in range(300)]
    counts = {one: sum(one in some for some in drawn) for one in contacts(shop)}
    assert all(len(set(some)) == 3 for some in drawn)
    assert max(counts.values()) < 3 * min(counts.values())


def test_the_day_is_summed_up_for_the_doctor(shop: Office) -> None:
    """Per corp: sampled and differing."""
    edit(shop, contacts(shop)[0])
    drift(shop)
    with shop.runtime.engine.begin() as connection:
        assert load_checks(connection, since=EPOCH) == [(CORP_ID, 12, 1)]
    assert shop.rows("select at from drift_check") == [(hour_of(shop.rows("select at from drift_check")[0][0]),)]
