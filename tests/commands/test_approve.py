"""`guanxi approve` lets exactly the removals happen that a pass kept for a person (idea 8)."""

from collections.abc import Callable

import orjson
import pytest

from commands.demo_corp import CORP_ID, record_demo_corp
from tests.commands.conftest import Guanxi, at_work
from tests.sync_worker.conftest import Office


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A corp in which three of four customers are gone, which no event told; the pass does not believe it."""
    made = make_office(guard_floor=1, guard_share=0.0)
    made.corp.add_customers(4, userids=["LiNa"])
    record_demo_corp(made.runtime)
    made.walk()
    for pair in made.corp.pairs()[:3]:
        named = {"userid": pair["userid"], "external_userid": pair["external_userid"]}
        made.corp.act({"do": "member_deletes", **named, "silent": True})
    assert made.resync("external_contact") == [("external_contact", "incomplete")]
    assert made.rows("select state, count(*) from relation group by 1") == [("active", 4)]
    return made


def checksum_of(guanxi: Guanxi) -> str:
    (plan,) = orjson.loads(guanxi("plan", CORP_ID, "--refused", "--json").stdout)
    assert plan["counts"] == {"ended": 3} and plan["resource"] == "customers" and len(plan["first"]) == 3
    return str(plan["checksum"])


def test_a_refused_plan_is_shown_with_its_reason_and_its_first_operations(shop: Office, guanxi: Guanxi) -> None:
    """Who is to decide sees what, how many and why."""
    checksum = checksum_of(guanxi)
    result = guanxi("plan", CORP_ID, "--refused")
    assert f"{checksum}  customers" in result.stdout and "3 ended" in result.stdout
    assert "why it waits: 3 of 4 would go" in result.stdout
    assert f"guanxi approve {CORP_ID} {checksum} --by NAME" in result.stdout
    assert result.stdout.count("    ended  ") == 3


def test_the_approved_plan_is_applied_by_a_run_that_is_followed(shop: Office, guanxi: Guanxi) -> None:
    """Exactly its operations, with the name of who decided."""
    checksum = checksum_of(guanxi)
    with at_work(shop):
        result = guanxi("approve", CORP_ID, checksum, "--by", "Chen Jing")
    assert result.exit_code == 0, result.output
    assert "is approved by Chen Jing: 3 ended" in result.stdout and "3 applied, 0 skipped" in result.stdout
    assert shop.rows("select state, count(*) from relation group by 1 order by 1") == [
        ("active", 1),
        ("ended_by_associate", 3),
    ]
    assert shop.rows("select state, decided_by from removal_plan") == [("applied", "Chen Jing")]
    assert guanxi("plan", CORP_ID, "--refused").stdout == "no plan waits\n"


def test_what_has_changed_meanwhile_is_skipped_and_counted(shop: Office, guanxi: Guanxi) -> None:
    """A customer who came back is not removed by an old plan."""
    checksum = checksum_of(guanxi)
    ((back,),) = shop.rows("select min(subject_key) from removal_operation")
    shop.corp.act({"do": "add", "userid": "LiNa", "external_userid": back, "silent": True})
    shop.want(back)
    shop.reconcile()
    with at_work(shop):
        result = guanxi("approve", CORP_ID, checksum, "--json")
    told = orjson.loads(result.stdout)
    assert (told["applied"], told["skipped"], told["state"]) == (2, 1, "done")


def test_an_unknown_checksum_says_which_plans_wait(shop: Office, guanxi: Guanxi) -> None:
    """Nothing happens; exit code 1."""
    result = guanxi("approve", CORP_ID, "000000000000")
    assert result.exit_code == 1
    assert f"waiting: {checksum_of(guanxi)}" in result.output
    assert shop.rows("select state from removal_plan") == [("refused",)]


def test_the_doctor_says_that_removals_wait(shop: Office, guanxi: Guanxi) -> None:
    """Somebody must look at them; how old the data is and how far it drifted is said, too."""
    found = guanxi("doctor").stdout
    assert f"FAIL  removals wait for a person: `guanxi plan {CORP_ID} --refused`" in found
    assert "ok    full passes are complete; drift of the last day: 0 of 0 customers looked at" in found
