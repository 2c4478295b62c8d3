"""The catalogue of corp tags follows WeCom's, whatever is lost, late or answered wrongly."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import responses

from services.tags.store import unknown_tag_ids
from shared.clock import to_unix
from shared.db.engine import run
from shared.ids import TagId
from shared.inbox import BODY, Arrival, digest_of
from shared.requests import EVENTS, Subject, Wanted, want
from shared.tenants import Tenant, load_receivers, load_tenants
from shared.wecom.payloads.tags import NewTag
from sync_worker.routing import route_inbox
from tests.shared.arrivals import store
from tests.sync_worker.conftest import Office

LIST = "externalcontact/get_corp_tag_list"
GROUPS = "select name, sort, deleted_at is not null, missing_at is not null from tag_group order by sort desc, name"
TAGS = "select name, sort, deleted_at is not null, missing_at is not null from tag order by sort desc, name"
FACTS = "select type, cause from fact where type like 'tag%' order by id"
REQUEST = (
    "select generation - settled_generation, attempts, dead_at, last_error from request "
    "where subject_kind = 'tag_catalogue'"
)


def tenant_of(office: Office) -> Tenant:
    with office.runtime.engine.begin() as connection:
        return load_tenants(connection, office.runtime.vault)[0]


def look(office: Office, *, cause: str = "resync") -> None:
    """A full read of the tags, for no event."""
    with office.runtime.engine.begin() as connection:
        wish = Wanted(Subject(tenant_of(office).id, "tag_catalogue", "corp"), EVENTS, cause, "run:1")
        want(connection, [wish], now=office.runtime.clock.now())
    office.reconcile()


def try_again(office: Office) -> None:
    """The waits are over."""
    with office.runtime.engine.begin() as connection:
        run(connection, "update request set next_try_at = :now", now=office.runtime.clock.now())
    office.reconcile()


def hear(office: Office, family: str, change: str, **fields: object) -> None:
    """A callback of this moment arrives and is routed."""
    body = {"CreateTime": to_unix(office.runtime.clock.now()), "Event": family, **fields, "ChangeType": change}
    xml = "<xml>" + "".join(f"<{name}>{value}</{name}>" for name, value in body.items()) + "</xml>"
    with office.runtime.engine.begin() as connection:
        (receiver,) = [one for one in load_receivers(connection, office.runtime.vault) if one.name == "main"]
    now, plaintext = office.runtime.clock.now(), xml.encode()
    sealed = receiver.cipher.encrypt(plaintext, BODY)
    store(office.runtime.engine, [Arrival(receiver.id, receiver.tenant_id, digest_of(plaintext), sealed, now, now)])
    route_inbox(office.runtime, office.directory, limit=100)


def hear_tag(office: Office, change: str, id_: str = "", type_: str = "tag") -> None:
    hear(office, "change_external_tag", change, Id=id_, TagType=type_)
    office.reconcile()


def make_group(office: Office, name: str = "Level", tags: tuple[str, ...] = ("Gold", "Silver")) -> Mapping[str, Any]:
    made: Mapping[str, Any] = office.corp.act({"do": "create_tag_group", "group_name": name, "tags": [*tags]})
    return made


@contextmanager
def answering(office: Office, *answers: object) -> Iterator[responses.RequestsMock]:
    """WeCom answers calls for tags with these, the last again and again; all else it answers as it is."""
    url = office.corp.simulator_url
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        for answer in answers:
            body = answer if isinstance(answer, str) else json.dumps(answer)
            mocked.add(responses.POST, f"{url}/cgi-bin/{LIST}", body=body)
        mocked.add_passthru(url)
        yield mocked


def test_what_people_do_in_the_console_is_followed(office: Office) -> None:
    """Create, rename, reorder, delete tags and groups in WeCom; each is told once (TAG-2)."""
    made = make_group(office, "等级 😀")
    gold, silver = made["tag_ids"]
    hear_tag(office, "create", made["group_id"], "tag_group")
    assert office.rows(GROUPS) == [("等级 😀", 0, False, False)]
    assert {name for name, *_ in office.rows(TAGS)} == {"Gold", "Silver"}
    office.corp.act({"do": "rename_tag", "tag_id": gold, "name": "Platinum"})
    office.corp.act({"do": "rename_tag_group", "group_id": made["group_id"], "name": "Rank"})
    hear_tag(office, "update", gold)
    office.corp.act({"do": "reorder_tags", "group_id": made["group_id"], "tag_ids": [silver, gold]})
    hear_tag(office, "shuffle", made["group_id"])
    assert office.rows(TAGS) == [("Silver", 2, False, False), ("Platinum", 1, False, False)]
    office.corp.act({"do": "delete_tag", "tag_id": gold})
    hear_tag(office, "delete", gold)
    office.corp.act({"do": "delete_tag_group", "group_id": made["group_id"]})
    hear_tag(office, "delete", made["group_id"], "tag_group")
    assert office.rows(GROUPS) == [("Rank", 0, True, False)]
    assert office.rows(TAGS) == [("Silver", 2, True, False), ("Platinum", 1, True, False)]
    assert [type_ for type_, _ in office.rows(FACTS)] == [
        *("tag_group_created", "tag_created", "tag_created", "tag_group_renamed", "tag_renamed", "tags_reordered"),
        *("tag_deleted", "tag_deleted", "tag_group_deleted"),
    ]
    assert {cause for _, cause in office.rows(FACTS)} == {"event"}
    assert office.rows("select distinct payload -> 'evidenced' from fact where type like 'tag%deleted'") == [(True,)]
    assert office.rows(REQUEST) == [(0, 0, None, None)]


def test_a_save_of_many_tags_is_one_read(office: Office) -> None:
    """A console's save sends an event per tag in one second; they fold into one request (TAG-2)."""
    made = make_group(office, tags=tuple(f"t{n}" for n in range(20)))
    before = office.corp.get("/sim/calls").get(LIST, {}).get("0", 0)
    for one in made["tag_ids"]:
        hear(office, "change_external_tag", "create", Id=one, TagType="tag")
    office.reconcile()
    assert office.corp.get("/sim/calls")[LIST]["0"] == before + 1
    assert office.rows("select count(*) from tag") == [(20,)]


def test_lost_events_are_made_up_for_by_one_look(office: Office) -> None:
    """What the API did has no events: a full read finds it, a second read confirms what is gone (TAG-2)."""
    kept = make_group(office)
    tags = office.clients.of(tenant_of(office)).tags
    doomed = tags.add([NewTag("Linzhou"), NewTag("Haiyan")], group_name="City")
    look(office)
    assert office.rows("select count(*) from tag where deleted_at is null") == [(4,)]
    tags.delete(group_ids=[doomed.group_id])
    office.corp.act({"do": "delete_tag", "tag_id": kept["tag_ids"][0]})
    office.corp.act({"do": "rename_tag", "tag_id": kept["tag_ids"][1], "name": "Bronze"})
    look(office)
    assert office.rows("select name from tag where deleted_at is null") == [("Bronze",)]
    assert office.rows("select name from tag_group where deleted_at is null") == [("Level",)]
    told = office.rows(
        "select type, payload -> 'evidenced', caused_by from fact where type like '%deleted' order by id"
    )
    assert told == [("tag_deleted", False, "run:1")] * 3 + [("tag_group_deleted", False, "run:1")]
    before = office.rows("select * from tag order by tag_id")
    look(office)
    assert office.rows("select * from tag order by tag_id") == before
    assert office.rows("select count(*) from fact where type like '%deleted'") == [(4,)]


@pytest.mark.parametrize(
    "fault",
    [
        {"block_s": 60},
        {"errcode": -1, "times": 99},
        {"errcode": 45033},
        {"errcode": 48002},
        {"http_status": 500, "times": 99},
        {"cut": "after", "times": 99},
    ],
    ids=str,
)
def test_a_refused_read_leaves_the_catalogue_and_is_tried_again(office: Office, fault: dict[str, object]) -> None:
    """No error is an answer about tags (TAG-2)."""
    made = make_group(office)
    look(office)
    before = office.rows("select * from tag order by tag_id")
    office.corp.act({"do": "delete_tag", "tag_id": made["tag_ids"][0]})
    office.corp.post("/sim/faults", {"path": LIST, **fault})
    look(office)
    assert office.rows("select * from tag order by tag_id") == before
    ((due, _, dead_at, error),) = office.rows(REQUEST)
    assert (due, dead_at) == (1, None)
    assert LIST in error


WRONG = [
    pytest.param({"errcode": 0, "errmsg": "ok", "tag_group": []}, id="empty"),
    pytest.param({"errcode": 0, "errmsg": "ok"}, id="without its list"),
    pytest.param({"errcode": 0, "tag_group": {"group_id": "x"}}, id="an object for a list"),
    pytest.param(
        {"errcode": 0, "tag_group": [None, 7, {"group_name": "nameless"}, {"group_id": ""}]}, id="nobody's rows"
    ),
]


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_never_empties_the_catalogue(office: Office, answer: object) -> None:
    """Twice the same nothing is not believed either: it waits for a person, and the next good read ends it (TAG-2)."""
    make_group(office)
    look(office)
    with answering(office, answer):
        look(office)
    assert office.rows("select count(*) from tag where deleted_at is null and missing_at is not null") == [(2,)]
    assert office.rows("select count(*) from fact where type like '%deleted'") == [(0,)]
    look(office)
    assert office.rows("select count(*) from tag where deleted_at is null and missing_at is null") == [(2,)]


@pytest.mark.parametrize("answer", WRONG)
def test_one_wrong_answer_changes_nothing_at_all(office: Office, answer: object) -> None:
    """The second look, by the ids, shows all of them (design: absence is suspicious)."""
    make_group(office)
    make_group(office, "City", ("Linzhou",))
    look(office)
    before = office.rows("select * from tag order by tag_id")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        url = office.corp.simulator_url
        full = responses.matchers.json_params_matcher({})
        mocked.add(responses.POST, f"{url}/cgi-bin/{LIST}", body=json.dumps(answer), match=[full])
        mocked.add_passthru(url)
        look(office)
    assert office.rows("select * from tag order by tag_id") == before
    assert office.rows(REQUEST) == [(0, 0, None, None)]


def test_ids_that_wecom_does_not_know_any_more_are_deleted_one_by_one(office: Office) -> None:
    """An unknown id makes WeCom refuse a whole list of them; the others are still seen (TAG-2)."""
    groups = [make_group(office, f"group {n}", (f"tag {n}",)) for n in range(3)]
    look(office)
    with office.runtime.engine.begin() as connection:
        old = groups[0]["group_id"]
        run(connection, "update tag_group set group_id = 'etNobody' where group_id = :old", old=old)
        run(connection, "update tag set group_id = 'etNobody', tag_id = 'etGone' where group_id = :old", old=old)
    office.corp.act({"do": "delete_tag_group", "group_id": groups[1]["group_id"]})
    look(office)
    living = office.rows("select name from tag where deleted_at is null order by name")
    assert living == [("tag 0",), ("tag 2",)]
    assert office.rows("select tag_id from tag where deleted_at is not null and name = 'tag 0'") == [("etGone",)]


def test_ten_thousand_tags_are_one_answer(office: Office) -> None:
    """The most that a corp may have; an unchanged second look writes nothing (TAG-2)."""
    tags = [{"tag_id": f"et{n}", "tag_name": f"t{n}", "group_name": f"g{n % 100}"} for n in range(10_000)]
    office.corp.post(f"/sim/corps/{office.corp.corp_id}/tags", tags)
    look(office, cause="bootstrap")
    assert office.rows("select count(*) from tag") == [(10_000,)]
    look(office)
    assert office.rows("select count(*), min(cause), max(cause) from tag") == [(10_000, "bootstrap", "bootstrap")]


def test_a_customer_may_carry_tags_that_the_catalogue_lacks(office: Office) -> None:
    """Tags of rule groups, tags made just now, tags deleted a moment ago: kept as they are (TAG-2)."""
    made = make_group(office)
    added = office.corp.act({"do": "add", "userid": "LiNa", "name": "王小明", "silent": True})["external_userid"]
    office.corp.act({"do": "edit", "userid": "LiNa", "external_userid": added, "tags": made["tag_ids"], "silent": True})
    office.want(added)
    office.reconcile()
    ((ids,),) = office.rows("select corp_tag_ids from relation")
    assert sorted(ids) == sorted(made["tag_ids"])
    tenant = tenant_of(office)
    with office.runtime.engine.begin() as connection:
        assert unknown_tag_ids(connection, tenant.id, ids) == sorted(ids)
    look(office)
    with office.runtime.engine.begin() as connection:
        assert unknown_tag_ids(connection, tenant.id, [*ids, TagId("st1")]) == ["st1"]


def test_rubbish_in_an_answer_is_stored_or_left_out(office: Office) -> None:
    """Names that are null or doubled, orders and times out of all range, ids of the wrong type (TAG-2)."""
    tags = [
        {"id": "et1", "name": None, "create_time": 0, "order": None},
        {"id": "et2", "name": "a\u0000b 😀", "create_time": -5, "order": 2**32 - 1},
        {"id": "et3", "name": "same", "create_time": 10**30, "order": 10**30},
        {"id": "et4", "name": "same", "create_time": "1760000000", "order": "7", "deleted": False, "new": {"x": 1}},
        {"id": 5, "name": {"x": 1}},
        {"name": "nobody"},
        "et6",
    ]
    groups = [
        {"group_id": "eg1", "group_name": None, "tag": tags},
        {"group_id": "eg2", "group_name": "same", "tag": None},
        {"group_id": "eg3", "group_name": "same", "tag": "none", "strategy_id": 4},
        {"group_id": "eg1", "group_name": "again", "tag": [{"id": "et1"}, {"id": "et7"}]},
    ]
    with answering(office, {"errcode": 0, "tag_group": groups}):
        look(office)
        look(office)
    assert office.rows("select tag_id, name, sort, created_at is not null from tag order by tag_id") == [
        ("5", None, None, False),
        ("et1", None, None, False),
        ("et2", "ab 😀", 2**32 - 1, False),
        ("et3", "same", None, False),
        ("et4", "same", 7, True),
        ("et7", None, None, False),
    ]
    assert office.rows("select group_id, name from tag_group order by 1") == [
        ("eg1", None),
        ("eg2", "same"),
        ("eg3", "same"),
    ]
    assert office.rows(REQUEST) == [(0, 0, None, None)]
