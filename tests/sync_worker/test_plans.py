"""Plans that wait for a person, while passes go on: which of them may change a plan, and what it may still do."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.db.engine import run
from shared.plans import approve, list_plans
from shared.sync_runs import open_runs
from tests.sync_worker.conftest import Office
from tests.sync_worker.shops import TEAM, customers_of, see, shop_of, states

BATCH, GET = "externalcontact/batch/get_by_user", "externalcontact/get"


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A live corp with 80 relations, twenty of each associate; five may go in one pass."""
    return shop_of(make_office, 20, guard_floor=5, resync_tries=1)


def plans(office: Office) -> list[tuple[str, int]]:
    """(state, how many operations something newer had overtaken) of each, newest first."""
    with office.runtime.engine.begin() as connection:
        return [(one["state"], one["skipped"]) for one in list_plans(connection, office.tenant.id)]


def approve_last(office: Office, *, later_s: float = 0) -> None:
    """A person agrees; its application begins `later_s` from now."""
    now = office.runtime.clock.now()
    with office.runtime.engine.begin() as connection:
        checksum = list_plans(connection, office.tenant.id)[0]["checksum"]
        approve(connection, office.tenant.id, checksum, by="Zhou", now=now)
        at = now + timedelta(seconds=later_s)
        run(connection, "update sync_run set next_try_at = :at where kind = 'approval' and state = 'walking'", at=at)


def walk_some(office: Office, userids: list[str]) -> None:
    """A pass over some associates."""
    with office.runtime.engine.begin() as connection:
        now = office.runtime.clock.now()
        open_runs(connection, office.tenant.id, resources=("external_contact",), scope=userids, now=now)
    office.walk()


def test_an_approved_plan_leaves_out_what_a_walk_has_shown_since(shop: Office):
    """Unchanged rows are not written, and yet they have been seen (G3)."""
    see(shop, ["LiNa", "WangFang"])
    shop.resync("external_contact")
    see(shop, TEAM)
    walk_some(shop, ["ZhaoMin"])
    approve_last(shop)
    shop.walk()
    assert plans(shop) == [("applied", 20)]
    assert (states(shop, "ZhaoMin"), states(shop, "ZhangWei")) == ({"active": 20}, {"out_of_sight": 20})


def test_a_pass_that_read_a_part_leaves_the_plan_alone(shop: Office):
    """Neither what it did not find missing nor what it found instead is the whole of it (G3)."""
    see(shop, ["LiNa", "WangFang"])
    shop.resync("external_contact")
    walk_some(shop, ["ZhaoMin"])
    assert plans(shop) == [("refused", 0)]
    see(shop, TEAM)
    shop.corp.post("/sim/faults", {"path": BATCH, "errcode": 48002, "times": 99})
    assert shop.resync("external_contact") == [("external_contact", "incomplete")]
    assert plans(shop) == [("refused", 0)]


def test_another_plan_may_wait_while_one_is_applied(shop: Office):
    """The pass that finds more says so and does not fail; both are applied when a person agrees (G3)."""
    see(shop, ["LiNa", "WangFang"])
    shop.resync("external_contact")
    approve_last(shop, later_s=60)
    see(shop, ["LiNa"])
    assert shop.resync("external_contact") == [("external_contact", "incomplete")]
    assert [state for state, _ in plans(shop)] == ["refused", "approved"]
    approve_last(shop)
    with shop.runtime.engine.begin() as connection:
        run(connection, "update sync_run set next_try_at = started_at where kind = 'approval'")
    shop.walk()
    assert [state for state, _ in plans(shop)] == ["applied", "applied"]
    assert shop.rows("select state, count(*) from relation group by 1 order by 1") == [
        ("active", 20),
        ("out_of_sight", 60),
    ]


def test_a_row_that_cannot_be_recorded_holds_up_no_other_removal(shop: Office):
    """It is named in the report; the others end (wrong data blocks nothing)."""
    gone = customers_of(shop, "LiNa")[:4]
    for one in gone:
        shop.corp.act({"do": "member_deletes", "userid": "LiNa", "external_userid": one, "silent": True})
    poison(shop, gone[1])
    assert shop.resync("external_contact") == [("external_contact", "incomplete")]
    assert states(shop, "LiNa") == {"active": 17, "ended_by_associate": 3}
    ((report,),) = shop.rows("select incomplete from sync_run order by id desc limit 1")
    assert [where for where, _ in report] == [gone[1]]


def test_a_row_that_cannot_be_recorded_spoils_no_list_of_the_unassigned(shop: Office):
    """The other customers of who left are known as left behind (TRF-2)."""
    poison(shop, customers_of(shop, "LiNa")[3])
    shop.corp.act({"do": "resign", "userid": "LiNa", "silent": True})
    shop.resync("external_contact")
    assert states(shop, "LiNa") == {"active": 1, "associate_left": 19}


def poison(office: Office, external_userid: str) -> None:
    with office.runtime.engine.begin() as connection:
        rule = f"check (external_userid <> '{external_userid}' or state = 'active')"
        run(connection, f"alter table relation add constraint no_end {rule}")
