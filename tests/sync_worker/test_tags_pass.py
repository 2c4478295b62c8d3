"""The pass over corp tags: finds what no event told, and keeps removals beyond belief for a person."""

from collections.abc import Callable
from typing import Any

import pytest

from commands.demo_corp import record_demo_corp
from shared.plans import approve, list_plans
from shared.requests import EVENTS, Subject, Wanted, want
from shared.tenants import load_tenants
from shared.wecom.payloads.tags import NewTag
from tests.sync_worker.conftest import Office

LIST = "externalcontact/get_corp_tag_list"
LIVING = "select count(*), count(missing_at) from tag where deleted_at is null"
DELETED = "select count(*) from fact where type = 'tag_deleted'"


def catalogue_of(office: Office) -> Any:
    return office.clients.of(tenant_of(office)).tags


def tenant_of(office: Office) -> Any:
    with office.runtime.engine.begin() as connection:
        return load_tenants(connection, office.runtime.vault)[0]


def make_tags(office: Office, *, groups: int, each: int) -> list[str]:
    """Silently, as every call of the API does; the groups' ids."""
    tags = catalogue_of(office)
    return [
        tags.add([NewTag(f"tag {m}") for m in range(each)], group_name=f"group {n}").group_id for n in range(groups)
    ]


def plans(office: Office) -> list[tuple[object, ...]]:
    with office.runtime.engine.begin() as connection:
        rows = list_plans(connection, tenant_of(office).id)
    return [(row["state"], row["counts"], row["skipped"]) for row in rows]


def approve_plan(office: Office) -> None:
    with office.runtime.engine.begin() as connection:
        tenant_id = tenant_of(office).id
        (waiting,) = [row["checksum"] for row in list_plans(connection, tenant_id) if row["state"] == "refused"]
        approve(connection, tenant_id, waiting, by="ada", now=office.runtime.clock.now())


def test_the_first_sync_records_all_tags(make_office: Callable[..., Office]) -> None:
    """They were there before us: told as facts of a bootstrap, which nobody hears of (TAG-2)."""
    office = make_office()
    record_demo_corp(office.runtime)
    office.corp.act({"do": "create_tag_group", "group_name": "Level", "tags": ["Gold", "Silver"]})
    office.walk()
    assert office.rows(LIVING) == [(2, 0)]
    facts = "select distinct cause from fact where type in ('tag_created', 'tag_group_created')"
    assert office.rows(facts) == [("bootstrap",)]
    assert office.rows("select state from tenant") == [("live",)]


def test_a_pass_finds_what_no_event_told(office: Office) -> None:
    """Calls of the API cause no event; few removals need nobody (TAG-2)."""
    ids = make_tags(office, groups=3, each=2)
    assert office.resync("tag") == [("tag", "done")]
    assert office.rows(LIVING) == [(6, 0)]
    catalogue_of(office).delete(group_ids=ids[:1])
    assert office.resync("tag") == [("tag", "done")]
    assert office.rows(LIVING) == [(4, 0)]
    assert office.rows("select distinct cause from fact where type = 'tag_deleted'") == [("resync",)]
    assert plans(office) == []


def test_many_removals_wait_for_a_person_who_approves_exactly_those(office: Office) -> None:
    """The same again is the same plan; approved, it is applied but for what is back (design: guard)."""
    ids = make_tags(office, groups=4, each=30)
    office.resync("tag")
    catalogue_of(office).delete(group_ids=ids[1:])
    assert office.resync("tag") == [("tag", "incomplete")]
    assert office.resync("tag") == [("tag", "incomplete")]
    assert office.rows(LIVING) == [(120, 90)]
    assert office.rows(DELETED) == [(0,)]
    assert plans(office) == [("refused", {"delete_tag": 90, "delete_tag_group": 3}, 0)]
    ((note,),) = office.rows("select incomplete ->> 0 from sync_run order by id desc limit 1")
    assert "waits for approval" in note
    back = office.rows("select tag_id, name from tag where missing_at is not null order by tag_id limit 1")[0]
    group = {"tag_id": back[0], "tag_name": back[1], "group_name": "back again"}
    office.corp.post(f"/sim/corps/{office.corp.corp_id}/tags", [group])
    with office.runtime.engine.begin() as connection:
        wish = Wanted(Subject(tenant_of(office).id, "tag_catalogue", "corp"), EVENTS, "event")
        want(connection, [wish], now=office.runtime.clock.now())
    office.reconcile()
    approve_plan(office)
    office.walk()
    assert plans(office) == [("applied", {"delete_tag": 90, "delete_tag_group": 3}, 1)]
    assert office.rows(LIVING) == [(31, 0)]
    assert office.rows(DELETED) == [(89,)]
    assert office.resync("tag") == [("tag", "done")]


def test_removals_that_do_not_hold_any_more_are_withdrawn(office: Office) -> None:
    """A later pass that sees them again leaves nothing to approve (design: guard)."""
    make_tags(office, groups=3, each=30)
    office.resync("tag")
    with office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tag set missing_at = now()")
        connection.exec_driver_sql("update tag_group set missing_at = now()")
    assert office.resync("tag") == [("tag", "done")]
    assert office.rows(LIVING) == [(90, 0)]
    assert plans(office) == []


@pytest.mark.parametrize("fault", [{"errcode": -1}, {"errcode": 40058}, {"http_status": 500}], ids=str)
def test_tags_that_cannot_be_read_hold_up_no_first_sync(
    make_office: Callable[..., Office], fault: dict[str, object]
) -> None:
    """The run ends incomplete and says why, and the corp is live; the read goes on by itself (G3)."""
    office = make_office(resync_tries=1)
    record_demo_corp(office.runtime)
    office.corp.post("/sim/faults", {"path": LIST, "times": 99, **fault})
    office.walk()
    ((state, incomplete),) = office.rows("select state, incomplete from sync_run where resource = 'tag'")
    assert state == "incomplete"
    assert LIST in str(incomplete)
    assert office.rows("select state from tenant") == [("live",)]


def test_a_pass_waits_for_a_read_that_an_event_asked_for(office: Office) -> None:
    """The request keeps the event's name, and the pass knows its own read by its number (TAG-2)."""
    office.corp.act({"do": "create_tag_group", "group_name": "Level", "tags": ["Gold"]})
    with office.runtime.engine.begin() as connection:
        wish = Wanted(Subject(tenant_of(office).id, "tag_catalogue", "corp"), EVENTS, "event", "inbox:1")
        want(connection, [wish], now=office.runtime.clock.now())
    assert office.resync("tag") == [("tag", "done")]
    assert office.rows("select name, cause from tag") == [("Gold", "event")]
