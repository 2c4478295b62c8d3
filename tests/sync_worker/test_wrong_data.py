"""Rubbish in WeCom's answers is stored, or skipped with a word about it: never a crash, never a loop, never a loss."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import responses

from commands.demo_corp import ASSOCIATES, record_demo_corp
from shared.db.engine import run
from shared.ids import UserId
from tests.commands import conftest as commands
from tests.sync_worker.conftest import Office

BATCH, GET = "externalcontact/batch/get_by_user", "externalcontact/get"
TEAM = list(ASSOCIATES)
QUICK = {"reconcile_backoff_s": (0.0,), "resync_tries": 2}
BEGAN = datetime.fromtimestamp(1_760_000_000, UTC)
ENDS = "select type from fact where type like '%left' or type like '%deleted' or type like '%removed'"
LONELY = "x\\ud83d"
"""Half of a cut emoji, as JSON writes it."""
ENDLESS = "".join(sha256(b"%d" % n).hexdigest() for n in range(400))
"""No index holds it, compressed neither."""

guanxi = commands.guanxi


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A live corp with three customers of LiNa's."""
    office = make_office(**QUICK)
    office.corp.add_customers(3, userids=["LiNa"])
    record_demo_corp(office.runtime)
    office.walk()
    office.reconcile()
    return office


def row(external_userid: object, contact: object = None, follow: object = None) -> dict[str, Any]:
    """A row of the batch read, with whatever is laid over its two halves."""
    profile = {"external_userid": external_userid, "name": "王", "type": 1, "gender": 0}
    relation = {"userid": "LiNa", "createtime": 1_760_000_000, "remark": "王", "tag_id": [], "add_way": 1}
    return {"external_contact": profile | (contact or {}), "follow_info": relation | (follow or {})}  # type: ignore[operator]


def real_rows(office: Office) -> list[Any]:
    """What WeCom shows of LiNa's customers, as it shows it."""
    page = office.clients.of(office.tenant).contacts.batch((UserId("LiNa"),))
    return [one.payload for one in page.rows]


def show(office: Office, path: str, *, times: int | None = 1, **laid: object) -> None:
    """The next answers of this API have these in place of their own; None: all of them."""
    office.corp.post("/sim/faults", {"path": path, "spoil": laid, "times": times})


@contextmanager
def answering(office: Office, path: str, body: str) -> Iterator[None]:
    """What no JSON library writes, the simulator's neither."""
    with responses.RequestsMock() as mocked:
        url = office.corp.simulator_url
        mocked.add("GET" if path == GET else "POST", f"{url}/cgi-bin/{path}", body=body)
        mocked.add_passthru(url)
        yield


def assert_at_rest(office: Office) -> None:
    """Nothing is due, nothing was given up."""
    assert not office.rows("select 1 from request where generation > settled_generation or dead_at is not null")
    assert not office.rows("select 1 from sync_run where state not in ('done', 'incomplete')")


ODD: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "nulls": (
        dict.fromkeys(("name", "type", "gender", "avatar", "unionid", "external_profile")),
        dict.fromkeys(("createtime", "remark", "description", "tag_id", "add_way", "oper_userid", "remark_mobiles")),
    ),
    "unknown": ({"type": 99, "gender": 99, "new": {"x": [1]}}, {"add_way": 99, "tag_id": ["etNobody"], "new": None}),
    "shapes": (
        {"name": 5, "type": "x", "gender": [], "avatar": {}, "unionid": "", "external_profile": "x"},
        {"createtime": "soon", "remark": [], "tag_id": ["", None, {}, 7], "remark_mobiles": {}, "wechat_channels": 3},
    ),
    "emoji": ({"name": "👩‍👩‍👧🇨🇳\u202e"}, {"remark": "😀" * 40, "description": "a\u0000b"}),
    "nul": ({"name": "a\u0000b", "unionid": "o\u0000x"}, {"remark": "\u0000", "state": "\u0000"}),
    "long": ({"name": "长" * 5000, "position": "长" * 5000}, {"remark": "长" * 5000}),
    "large": ({"type": 2**62, "gender": -(2**62)}, {"createtime": 2**63 - 1, "add_way": 2**53}),
    "stranger": ({}, {"userid": "NobodyWeKnow"}),
}


def test_odd_rows_of_a_page_are_stored_beside_the_others(shop: Office) -> None:
    """What a row states in a usable form is stored, the rest is not stated; nobody else's row suffers."""
    rows = [row(f"wm{name}", *halves) for name, halves in ODD.items()]
    show(shop, BATCH, external_contact_list=[*rows, *real_rows(shop)])
    assert shop.resync("external_contact") == [("external_contact", "done")]
    shop.reconcile()
    assert_at_rest(shop)
    found = shop.rows(
        "select c.external_userid, left(c.name, 3), c.type, c.gender, left(r.remark, 2), r.corp_tag_ids, r.add_way, "
        "r.userid from external_contact c join relation r using (tenant_id, external_userid) "
        'where length(c.external_userid) < 20 order by c.external_userid collate "C"'
    )
    assert found == [
        ("wmemoji", "👩\u200d👩", 1, 0, "😀😀", [], 1, "LiNa"),
        ("wmlarge", "王", None, None, "王", [], None, "LiNa"),
        ("wmlong", "长长长", 1, 0, "长长", [], 1, "LiNa"),
        ("wmnul", "ab", 1, 0, "", [], 1, "LiNa"),
        ("wmnulls", None, None, None, None, None, None, "LiNa"),
        ("wmshapes", "5", None, None, None, ["7"], 1, "LiNa"),
        ("wmstranger", "王", 1, 0, "王", [], 1, "NobodyWeKnow"),
        ("wmunknown", "王", 99, 99, "王", ["etNobody"], 99, "LiNa"),
    ]
    states = shop.rows("select userid, state, count(*) from relation group by 1, 2 order by 1")
    assert states == [("LiNa", "active", 3 + len(ODD) - 1), ("NobodyWeKnow", "out_of_sight", 1)]


@pytest.mark.parametrize("time", [0, -1, 1, 2**32, 4_000_000_000])
def test_a_time_that_is_none_is_no_time(shop: Office, time: int) -> None:
    """Who a customer is assigned to goes by who came first (ASG-1): 1970 would always win, and 2096 never ends."""
    before = shop.runtime.clock.now()
    show(shop, BATCH, external_contact_list=[row("wmOdd", None, {"createtime": time}), *real_rows(shop)])
    assert shop.resync("external_contact") == [("external_contact", "done")]
    shop.reconcile()
    assert_at_rest(shop)
    ((started_at,),) = shop.rows("select started_at from relation where external_userid = 'wmOdd'")
    assert before <= started_at <= shop.runtime.clock.now()


def test_rows_that_name_nobody_are_skipped(shop: Office) -> None:
    """Some corps have been given rows without a name; the others of the page count."""
    nobody: list[Any] = [
        None,
        {},
        "x",
        7,
        [],
        row(None),
        row(""),
        row("wmA", None, {"userid": None}),
        {"external_contact": {}},
    ]
    show(shop, BATCH, external_contact_list=[*nobody, row("wmGood"), *real_rows(shop)])
    assert shop.resync("external_contact") == [("external_contact", "done")]
    assert_at_rest(shop)
    assert shop.rows("select count(*) from relation where state = 'active'") == [(4,)]
    assert shop.rows("select max(rows) from sync_block where run_id = (select max(id) from sync_run)") == [(4,)]


def test_a_row_that_comes_twice_counts_once(shop: Office) -> None:
    """One relation and one fact, however often a page or a walk shows it, also when it says something else."""
    twice = [row("wmTwin"), row("wmTwin"), row("wmTwin", None, {"remark": "later"})]
    show(shop, BATCH, external_contact_list=[*twice, *real_rows(shop), *real_rows(shop)])
    assert shop.resync("external_contact") == [("external_contact", "done")]
    assert shop.rows("select remark from relation where external_userid = 'wmTwin'") == [("later",)]
    assert shop.rows("select count(*) from fact where subject_key = 'wmTwin' and type = 'relation_started'") == [(1,)]
    assert shop.rows("select count(*) from relation where state = 'active'") == [(4,)]
    assert_at_rest(shop)


@pytest.mark.parametrize("path", [BATCH, GET])
def test_lone_surrogates_and_numbers_of_any_length_are_made_storable(shop: Office, path: str) -> None:
    """JSON may hold what neither the database nor an integer can: a cut emoji, a number beyond 64 bits."""
    one = row(
        "wmOdd", {"name": "HALF", "type": 10**30}, {"createtime": 10**40, "remark": "HALF", "tag_id": ["HALF", 10**30]}
    )
    if path == BATCH:
        answer: dict[str, Any] = {"external_contact_list": [one, *real_rows(shop)], "next_cursor": ""}
    else:
        answer = {"external_contact": one["external_contact"], "follow_user": [one["follow_info"]]}
    with answering(shop, path, json.dumps({"errcode": 0, "errmsg": "ok", **answer}).replace("HALF", LONELY)):
        if path == BATCH:
            assert shop.resync("external_contact") == [("external_contact", "done")]
        else:
            shop.want("wmOdd")
            shop.reconcile()
    assert_at_rest(shop)
    assert shop.rows(
        "select name, type, remark from external_contact c join relation r using (tenant_id, external_userid) "
        "where external_userid = 'wmOdd'"
    ) == [("x?", None, "x?")]
    assert shop.rows("select count(*) from relation where state = 'active'") == [(4,)]


def test_a_contact_with_more_followers_than_a_page_has_all_of_them(make_office: Callable[..., Office]) -> None:
    """`get` shows 500 followers a page; the read is all its pages, and nobody of the others seems to have gone."""
    office, crowd = make_office(**QUICK), [f"sales{n:03d}" for n in range(520)]
    base = f"/sim/corps/{office.corp.corp_id}"
    office.corp.post(f"{base}/members", [{"userid": one, "name": one, "department": [2]} for one in crowd])
    office.corp.post(f"{base}/customers/bulk", {"count": 1, "userids": crowd, "followers_each": len(crowd)})
    record_demo_corp(office.runtime)
    office.walk()
    one = office.corp.pairs()[0]["external_userid"]
    office.corp.act({"do": "edit", "userid": crowd[-1], "external_userid": one, "remark": "最后", "silent": True})
    office.want(one)
    office.reconcile()
    assert office.corp.get("/sim/calls")[GET] == {"0": 2}
    assert office.rows("select count(*) from relation where state = 'active'") == [(520,)]
    assert office.rows(f"select remark from relation where userid = '{crowd[-1]}'") == [("最后",)]
    assert_at_rest(office)


def test_a_wecom_of_the_future_is_read_to_the_end(shop: Office) -> None:
    """Unknown fields in every object and 99 for every kind of thing: all passes are done, nothing ends (G3)."""
    shop.corp.act({"do": "make_chats", "count": 3, "owners": ["LiNa"], "members": 4})
    tags = [{"tag_id": "etOne", "tag_name": "一", "group_name": "等级"}]
    shop.corp.post(f"/sim/corps/{shop.corp.corp_id}/tags", tags)
    shop.corp.post("/sim/settings", {"platform": {"future": True, "future_share": 1.0}})
    for _ in range(2):
        assert {state for _, state in shop.resync()} == {"done"}
        shop.reconcile()
        assert_at_rest(shop)
    assert shop.rows("select state, count(*) from relation group by 1") == [("active", 3)]
    assert shop.rows("select distinct type from external_contact") == [(99,)]
    assert shop.rows("select count(*), sum(member_count) from group_chat") == [(3, 15)]
    assert shop.rows("select count(*) from tag") == [(1,)]
    assert not shop.rows(
        "select type from fact where type like '%left' or type like '%deleted' or type like '%removed'"
    )


LISTS: dict[str, tuple[str, dict[str, object]]] = {
    "members": (
        "user/list",
        {
            "userlist": [
                *(None, {}, {"userid": None, "name": "x"}, {"userid": "x" * 3000}),
                {"userid": "Odd1", "name": None, "department": None, "status": 99, "order": ["x"]},
                {
                    "userid": "Odd2",
                    "name": "🙂\u0000",
                    "department": [2**62, "x"],
                    "is_leader_in_dept": [1],
                    "status": 0,
                },
                {"userid": "Odd2", "name": "again", "department": [2], "direct_leader": [None, 7], "extattr": []},
            ]
        },
    ),
    "departments": (
        "department/list",
        {
            "department": [
                *(None, {}, {"id": 0}, {"id": -4, "name": "x"}, {"id": "x"}, {"id": 2**70 % 2**63}),
                {"id": 1, "name": None, "parentid": 1, "order": 2**62},
                {"id": 2, "name": "a\u0000b", "parentid": 3, "department_leader": [None]},
                {"id": 3, "name": "", "parentid": 2},
                {"id": 3, "name": "again", "parentid": 4_000_000_000},
            ]
        },
    ),
    "tags": (
        "externalcontact/get_corp_tag_list",
        {
            "tag_group": [
                *(None, {}, {"group_id": None, "tag": [{"id": "etLost"}]}, {"group_id": "etG", "tag": "x"}),
                {
                    "group_id": "etH",
                    "group_name": None,
                    "create_time": 0,
                    "order": 2**62,
                    "tag": [None, {}, {"id": ""}],
                },
                {"group_id": "etI", "group_name": "🙂\u0000", "tag": [{"id": "etA", "name": None}, {"id": "etA"}]},
                {
                    "group_id": "etI",
                    "group_name": "again",
                    "tag": [{"id": "etA", "name": "a" * 3000, "create_time": -1}],
                },
            ]
        },
    ),
    "chats": (
        "externalcontact/groupchat/list",
        {
            "group_chat_list": [
                *(None, {}, {"chat_id": None}, {"chat_id": "x" * 3000}, {"chat_id": "wrNobody", "status": 99}),
                {"chat_id": "wr\u0000Nul", "status": "x"},
                {"chat_id": "wrNobody"},
            ]
        },
    ),
}


USABLE = {
    "members": ("select userid from associate where userid like 'Odd%' order by 1", ["Odd1", "Odd2"]),
    "departments": ("select name from outlet where department_id = 3", ["again"]),
    "tags": ("select tag_id from tag", ["etA"]),
    "chats": ("select subject_key from request where subject_key = 'wrNobody'", ["wrNobody"]),
}


@pytest.mark.parametrize("what", LISTS)
def test_rubbish_in_the_other_lists_ends_no_pass(shop: Office, what: str) -> None:
    """What is usable is stored, what is not is skipped; the next pass finds all in order."""
    path, laid = LISTS[what]
    show(shop, path, **laid)
    assert {state for _, state in shop.resync()} <= {"done", "incomplete"}
    shop.reconcile()
    usable, found = USABLE[what]
    assert [one for (one,) in shop.rows(usable)] == found
    assert not shop.rows("select 1 from sync_run where state = 'failed'")
    assert {state for _, state in shop.resync()} == {"done"}
    shop.reconcile()
    assert_at_rest(shop)
    assert shop.rows("select state, count(*) from relation group by 1") == [("active", 3)]
    assert not shop.rows("select type from fact where type in ('associate_left', 'outlet_removed', 'chat_dismissed')")


GHOST = {"handover_userid": "Ghost", "dimission_time": 1_760_000_000}
ENDLESS_IDS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "tags": (
        "tag",
        "externalcontact/get_corp_tag_list",
        {
            "tag_group": [
                {"group_id": "etG", "tag": [{"id": "etA", "name": "x"}, {"id": ENDLESS, "name": "y"}]},
                {"group_id": ENDLESS, "tag": [{"id": "etB", "name": "z"}]},
            ]
        },
        "select tag_id from tag",
    ),
    "follow users": (
        "external_contact",
        "externalcontact/get_follow_user_list",
        {"follow_user": [ENDLESS, *TEAM]},
        "select 'etA' from relation where state = 'active' having count(*) = 3",
    ),
    "unassigned": (
        "external_contact",
        "externalcontact/get_unassigned_list",
        {
            "info": [{**GHOST, "external_userid": ENDLESS}, {**GHOST, "external_userid": "etA"}],
            "is_last_page": True,
        },
        "select external_userid from relation where userid = 'Ghost'",
    ),
    "chat": (
        "group_chat",
        "externalcontact/groupchat/get",
        {
            "group_chat": {
                "chat_id": "wrA",
                "name": "etA",
                "owner": ENDLESS,
                "member_list": [{"userid": "LiNa", "type": 1}, {"userid": ENDLESS, "type": 1}],
                "admin_list": [{"userid": ENDLESS}],
            }
        },
        "select name from group_chat where owner_userid is null and member_count = 1 and admins = '{}'",
    ),
}


@pytest.mark.parametrize("what", ENDLESS_IDS)
def test_an_id_that_no_index_holds_stops_no_pass(shop: Office, what: str) -> None:
    """It is the id of nothing; all that is beside it counts (G3)."""
    resource, path, laid, stored = ENDLESS_IDS[what]
    if resource == "group_chat":
        shop.corp.act({"do": "create_chat", "owner": "LiNa", "name": "群", "silent": True})
        shop.corp.post("/sim/clock", {"advance_s": 5})
    show(shop, path, times=None, **laid)
    assert shop.resync(resource) == [(resource, "done")]
    shop.reconcile()
    assert_at_rest(shop)
    assert shop.rows(stored) == [("etA",)]


def test_members_of_a_chat_whom_nobody_knows_are_members(shop: Office) -> None:
    """A chat tells who is in it; that nobody here knows them changes nothing (GRP-1)."""
    chat_id = shop.corp.act({"do": "create_chat", "owner": "LiNa", "name": "群", "silent": True})["chat_id"]
    shop.corp.post("/sim/clock", {"advance_s": 5})
    odd: list[Any] = [
        *(None, {}, {"userid": None, "type": 2}, {"userid": "", "type": 1}),
        {"userid": "LiNa", "type": 1, "join_time": 1_760_000_000},
        {"userid": "SomebodyElse", "type": 1, "join_time": 0, "join_scene": 99},
        {"userid": "wmStranger00000000000000000000001", "type": 99, "join_time": 2**62, "name": "🙂", "invitor": 7},
    ]
    odd.append(dict(odd[-1]))
    chat = {"chat_id": chat_id, "name": None, "owner": "LiNa", "create_time": 0, "member_list": odd, "admin_list": [{}]}
    show(shop, "externalcontact/groupchat/get", group_chat=chat)
    assert shop.resync("group_chat") == [("group_chat", "done")]
    shop.reconcile()
    assert_at_rest(shop)
    assert shop.rows(
        'select member_id, kind from group_member where left_at is null order by member_id collate "C"'
    ) == [
        ("LiNa", "associate"),
        ("SomebodyElse", "associate"),
        ("wmStranger00000000000000000000001", "customer"),
    ]
    assert not shop.rows("select 1 from associate where userid = 'SomebodyElse'")


def test_a_poisoned_subject_is_buried_and_holds_up_nobody(shop: Office, guanxi: commands.Guanxi) -> None:
    """The others of its page and of its batch arrive; `guanxi dead` shows it, and brings it back when it is cured."""
    people = [shop.corp.act({"do": "add", "userid": "WangFang", "name": name, "silent": True}) for name in "甲乙丙丁"]
    ids = sorted(one["external_userid"] for one in people)
    poisoned = ids[1]
    with shop.runtime.engine.begin() as connection:
        run(connection, f"alter table external_contact add constraint no check (external_userid <> '{poisoned}')")
    assert shop.resync("external_contact") == [("external_contact", "done")]
    shop.reconcile()
    here = "select external_userid from relation where userid = 'WangFang' order by external_userid collate \"C\""
    assert shop.rows(here) == sorted((one,) for one in ids if one != poisoned)
    for one in ids:
        shop.want(one)
    shop.reconcile()
    ((key, attempts),) = shop.rows("select subject_key, attempts from request where dead_at is not null")
    assert (key, attempts) == (poisoned, 5)
    calls = shop.corp.get("/sim/calls")
    shop.reconcile()
    assert shop.corp.get("/sim/calls") == calls
    dead_id = f"request:{shop.tenant.id}:external_contact:{poisoned}"
    listed = guanxi("dead", "list")
    assert "CheckViolation" in listed.stdout and listed.exit_code == 0
    with shop.runtime.engine.begin() as connection:
        run(connection, "alter table external_contact drop constraint no")
    assert guanxi("dead", "retry", dead_id).exit_code == 0
    shop.reconcile()
    assert shop.rows(here) == sorted((one,) for one in ids)
    assert_at_rest(shop)
    assert "nothing was given up" in guanxi("dead", "list").stdout


def test_a_profile_that_cannot_be_written_spoils_no_page(shop: Office):
    """Nested deeper than JSON is written: that contact is left to a read of its own, the others of the page arrive."""
    deep = "[" * 300 + "]" * 300
    odd = json.dumps(row("wmDeep", {"external_profile": {"x": "DEEP"}})).replace('"DEEP"', deep)
    good = json.dumps(row("wmAfter"))
    page = f'{{"errcode": 0, "errmsg": "ok", "external_contact_list": [{odd}, {good}], "next_cursor": ""}}'
    with answering(shop, BATCH, page):
        shop.resync("external_contact")
    assert shop.rows("select state from relation where external_userid = 'wmAfter' and userid = 'LiNa'") != []
    assert shop.rows("select count(*) from relation where external_userid = 'wmDeep'") == [(0,)]
    assert shop.rows("select count(*) from request where subject_key = 'wmDeep'") == [(1,)]
