"""Chats, folders, tags, events and lost relations over HTTP: what operators' screens and systems meet."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from services.chats.export import PAGE
from shared.api_keys import Scope
from shared.audit import load_audit
from shared.db.engine import run
from tests.conftest import NOW
from tests.console.api.conftest import Shop, add_corp
from tests.services.chats.conftest import add_associate, add_chat, dismiss


@pytest.fixture
def chats(shop: Shop) -> Shop:
    """Three chats of LiNa (outlet 2); one person from outside in two of them."""
    with shop.runtime.engine.begin() as connection:
        add_associate(connection, shop.tenant, "LiNa", 2)
        for n, name in enumerate(("新品群", "老客户", "=1+1"), start=1):
            joined = {"wmOne": NOW} if n < 3 else {}
            add_chat(connection, shop.tenant, f"wr{n}", name, created=NOW - timedelta(days=n), joined=joined)
    return shop


def status(shop: Shop, method: str, path: str, body: object = None, **options: Any) -> tuple[int, str]:
    answer = shop.ask(method, path, body, **options)
    assert answer.status_code < 500, answer.text
    return answer.status_code, (answer.json or {}).get("type", "").rpartition(":")[2]


def made(shop: Shop, path: str, body: object, **options: Any) -> Any:
    answer = shop.ask("POST", path, body, **options)
    assert answer.status_code in (200, 201, 202), answer.text
    return answer.json


def names(page: Any) -> list[str]:
    return [one["name"] for one in page["folders"]]


def test_folders_from_making_to_deleting(chats: Shop):
    """Made under Ungrouped, renamed, ordered, filled and deleted, each once and audited (GRP-3, ACC-2)."""
    assert chats.get("/chat-folders")["folders"] == [{"id": 0, "name": "未分组", "pinned": True, "chat_count": 3}]
    made(chats, "/chat-folders", {"name": "A"}, once="k1")
    assert names(made(chats, "/chat-folders", {"name": "A"}, once="k1")) == ["未分组", "A"]
    folders = made(chats, "/chat-folders", {"name": "B"})
    a, b = (next(one["id"] for one in folders["folders"] if one["name"] == name) for name in "AB")
    assert names(made(chats, "/chat-folders:order", {"folder_ids": [a, b]})) == ["未分组", "A", "B"]
    assert made(chats, "/chats:move", {"folder_id": a, "chat_ids": ["wr1", "wr2", "wr1"]})["moved"] == 2
    assert made(chats, "/chats:move", {"folder_id": b, "filter": {"folder_ids": [0]}})["moved"] == 1
    assert chats.ask("PUT", f"/chat-folders/{b}", {"name": "C"}).status_code == 200
    assert [one["chat_count"] for one in chats.get("/chat-folders")["folders"]] == [0, 2, 1]
    assert chats.ask("DELETE", f"/chat-folders/{a}").json == {"folder_id": 0, "moved": 2}
    with chats.runtime.engine.begin() as connection:
        audited = load_audit(connection, chats.tenant, "chat_folder", str(a))
    assert [one.change.action for one in audited] == ["chat_folder.deleted", "chats.moved", "chat_folder.made"]
    assert audited[1].change.after == {"chat_ids": ["wr1", "wr2"], "moved": 2} and audited[1].actor == "api:crm"


def test_what_folders_cannot_be_is_refused(chats: Shop):
    """The default's name, taken ones, the default itself, and rubbish (GRP-3, G8)."""
    made(chats, "/chat-folders", {"name": "VIP"})
    for name in ("Ungrouped", "未分组", "ｖｉｐ", "ＵＮＧＲＯＵＰＥＤ"):
        assert status(chats, "POST", "/chat-folders", {"name": name}) == (409, "name-taken"), name
    for name in ("", " x", "x" * 51, "a\nb", "a\u200bb", 7, None):
        assert status(chats, "POST", "/chat-folders", {"name": name}) == (422, "invalid"), name
    for method, path, body, expected in (
        ("PUT", "/chat-folders/0", {"name": "x"}, (409, "chat-refused")),
        ("DELETE", "/chat-folders/0", None, (409, "chat-refused")),
        ("DELETE", "/chat-folders/99", None, (404, "no-folder")),
        ("DELETE", f"/chat-folders/{2**63}", None, (422, "invalid")),
        ("DELETE", "/chat-folders/-1", None, (422, "invalid")),
        ("POST", "/chat-folders:order", {"folder_ids": []}, (409, "order-stale")),
        ("POST", "/chats:move", {"folder_id": 99, "chat_ids": ["wr1"]}, (404, "no-folder")),
        ("POST", "/chats:move", {"folder_id": 0, "chat_ids": ["wrNobody"]}, (404, "no-chat")),
        ("POST", "/chats:move", {"folder_id": 0, "chat_ids": []}, (422, "invalid")),
        ("POST", "/chats:move", {"folder_id": 0}, (422, "invalid")),
        ("POST", "/chats:move", {"folder_id": 0, "chat_ids": ["wr1"], "filter": {}}, (422, "invalid")),
        ("POST", "/chats:move", {"folder_id": 0, "filter": {"name": " "}}, (422, "invalid")),
        ("POST", "/chats:move", {"folder_id": 0, "filter": {"any": 1}}, (422, "invalid")),
    ):
        assert status(chats, method, path, body) == expected, (method, path, body)


def test_the_list_shows_searches_sorts_and_pages(chats: Shop):
    """Over all folders, from part of a name on; description of our own (GRP-2, GRP-4)."""
    assert chats.ask("PATCH", "/chats/wr1", {"description": "首发"}).status_code == 200
    shown = chats.get("/chats", name="新")["chats"]
    assert [(one["chat_id"], one["description"], one["folder_name"]) for one in shown] == [("wr1", "首发", "未分组")]
    assert (shown[0]["owner_name"], shown[0]["outlet_id"], shown[0]["joined_today"]) == ("name of LiNa", 2, 1)
    for sort in ("created", "members", "joined_today", "left_today", "name"):
        for order in ("asc", "desc"):
            walked, cursor = [], None
            while True:
                page = chats.get("/chats", sort=sort, order=order, limit=1, **({"cursor": cursor} if cursor else {}))
                walked += [one["chat_id"] for one in page["chats"]]
                if (cursor := page["next_cursor"]) is None:
                    break
            assert sorted(walked) == ["wr1", "wr2", "wr3"], (sort, order)
    filters = {"owner_userids": ["LiNa", "X"], "outlet_ids": [2, 3], "folder_ids": 0, "dismissed": "all"}
    assert len(chats.get("/chats", **filters)["chats"]) == 3


def test_bad_queries_of_lists_are_refused(chats: Shop):
    """Cursors of other orders, of nobody and with values that no row has; unknown filters (G8)."""
    page = chats.get("/chats", limit=1)["next_cursor"]
    assert status(chats, "GET", "/chats", query_string={"cursor": page, "sort": "name"}) == (400, "cursor")
    assert status(chats, "GET", "/chats", query_string={"cursor": page, "order": "asc"}) == (400, "cursor")
    for path in ("/chats", "/chats/wr1/members", "/chat-members:several", "/chat-events", "/lost-relations"):
        for cursor in ("x", "W10", "WzFd", "bnVsbA", "WyJjcmVhdGVkIEZhbHNlIiwxLDIsM10"):
            assert status(chats, "GET", path, query_string={"cursor": cursor}) == (400, "cursor"), (path, cursor)
    for query in ({"limit": 0}, {"limit": 501}, {"sort": "x"}, {"folder_ids": -1}, {"any_tags": "x"}, {"x": 1}):
        assert status(chats, "GET", "/chats", query_string=query) == (422, "invalid"), query
    for query in ({"since": "2026-01-01", "until": "2025-01-01"}, {"since": "2020-01-01"}, {"since": "x"}):
        assert status(chats, "GET", "/chats/wr1/trend", query_string=query)[0] == 422, query
    for path in ("/chats/wrNobody", "/chats/wrNobody/members", "/chats/wrNobody/trend"):
        assert status(chats, "GET", path) == (404, "no-chat")


def test_members_trend_and_customers_in_several_chats(chats: Shop):
    """Who, when and how; zeros on quiet days; who sits in several (GRP-5, GRP-7)."""
    members = chats.get("/chats/wr1/members", kind="customer")["members"]
    assert [(one["member_id"], one["scene"], one["inviter"], one["left_at"]) for one in members] == [
        ("wmOne", 3, "LiNa", None)
    ]
    assert chats.get("/chats/wr1/members", present="no")["members"] == []
    cursor = chats.get("/chats/wr1/members", limit=1)["next_cursor"]
    assert [one["member_id"] for one in chats.get("/chats/wr1/members", cursor=cursor)["members"]] == ["wmOne"]
    days = chats.get("/chats/wr1/trend")["days"]
    assert len(days) == 30 and days[-1] == {
        "day": "2026-11-22",
        "joined_count": 1,
        "left_count": 0,
        "member_count": 2,
    }
    several = chats.get("/chat-members:several")["customers"]
    assert [(one["external_userid"], one["chat_count"]) for one in several] == [("wmOne", 2)]
    assert chats.get("/chat-members:several", least=3)["customers"] == []


def test_exports_are_files_that_a_spreadsheet_shows_as_they_are(chats: Shop):
    """UTF-8 with BOM, no formulas, as an attachment, and audited (GRP-7, ACC-2)."""
    answer = chats.ask("GET", "/chats:export", query_string={"folder_ids": 0})
    assert answer.status_code == 200 and answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="chats.csv"'
    assert answer.data.startswith("\ufeff群ID".encode())
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert [row[1] for row in rows] == ["群名称", "新品群", "老客户", "'=1+1"]
    with chats.runtime.engine.begin() as connection:
        run(connection, "insert into group_member (tenant_id, chat_id, member_id, number, kind, observed_at, cause) "
            "select :id, 'wr3', 'wm' || n, 1, 'customer', now(), 'event' from generate_series(1, :n) n",
            id=chats.tenant.id, n=2 * PAGE)  # fmt: skip
    members = chats.ask("GET", "/chat-members:export").data.decode("utf-8-sig").splitlines()
    assert len(members) == len(set(members)) == 1 + 5 + 2 * PAGE
    with chats.runtime.engine.begin() as connection:
        (audited,) = (
            one for one in load_audit(connection, chats.tenant, "group_chat", "*") if "chats." in one.change.action
        )
    assert audited.change.action == "chats.exported" and audited.change.after["filter"]["folder_ids"] == [0]
    assert status(chats, "GET", "/chats:export", query_string={"x": 1}) == (422, "invalid")


def test_tags_of_chats_over_http(chats: Shop):
    """Made, put on one, many and all that a filter finds, renamed, deleted (TAG-7)."""
    group = made(chats, "/chat-tag-groups", {"name": "用途"})["groups"][0]["id"]
    tag = made(chats, "/chat-tags", {"group_id": group, "name": "新品"})["groups"][0]["tags"][0]["id"]
    assert made(chats, "/chats:tag", {"add": [tag], "chat_ids": ["wr1"]}) == {"added": 1, "removed": 0}
    assert made(chats, "/chats:tag", {"add": [tag], "filter": {}}) == {"added": 2, "removed": 0}
    assert len(chats.get("/chats", any_tags=tag)["chats"]) == 3
    assert chats.ask("PUT", f"/chat-tags/{tag}", {"name": "x"}).status_code == 200
    for method, path, body, expected in (
        ("POST", "/chats:tag", {"add": [tag], "chat_ids": ["wrNobody"]}, (404, "no-chat")),
        ("POST", "/chats:tag", {"add": [999], "filter": {}}, (404, "no-chat-tag")),
        ("POST", "/chats:tag", {"add": [tag], "remove": [tag], "filter": {}}, (422, "invalid")),
        ("POST", "/chats:tag", {"filter": {}}, (422, "invalid")),
        ("POST", "/chat-tags", {"group_id": 999, "name": "x"}, (404, "no-chat-tag")),
        ("POST", "/chat-tags", {"group_id": group, "name": "Ｘ"}, (409, "name-taken")),
        ("POST", "/chats/wr1/customer-tags", {"add": ["local:999"]}, (404, "no-chat-tag")),
        ("POST", "/chats/wr1/customer-tags", {"add": ["local:x"]}, (422, "invalid")),
        ("POST", "/chats/wr1/customer-tags", {"add": ["etNone"]}, (409, "job-refused")),
        ("POST", "/chats/wrNobody/customer-tags", {"add": ["etNone"]}, (404, "no-chat")),
    ):
        assert status(chats, method, path, body) == expected, (method, path, body)
    assert chats.ask("DELETE", f"/chat-tag-groups/{group}").json == {"groups": []}


def test_every_customer_of_a_chat_is_tagged_once_however_often_it_is_asked(chats: Shop):
    """A repeat with its key makes no second job; the worker is rung (TAG-7, TAG-2)."""
    chats.befriend("wmOne", "LiNa")
    chats.add_tags("etGold")
    first = made(chats, "/chats/wr1/customer-tags", {"add": ["etGold"]}, once="k")
    again = made(chats, "/chats/wr1/customer-tags", {"add": ["etGold"]}, once="k")
    assert first == again and (first["customers"], first["relations"]) == (1, 1)
    assert chats.rows("select count(*)::int from bulk_job") == [(1,)] and chats.rung


def test_events_over_http(chats: Shop):
    """Kept, listed by time and by event, changed, cancelled, within 0 to 360 minutes (GRP-6)."""
    body = {"name": "首发", "starts_at": "2026-11-23T20:00:00+08:00", "remind_minutes": 60, "chat_ids": ["wr1", "wr2"]}
    event = made(chats, "/chat-events", body)
    assert (event["remind_at"], event["chat_ids"]) == ("2026-11-23T11:00:00Z", ["wr1", "wr2"])
    changed = chats.ask("PATCH", f"/chat-events/{event['id']}", {"remind_minutes": None, "chat_ids": ["wr2"]}).json
    assert (changed["remind_at"], changed["chat_ids"], changed["name"]) == (None, ["wr2"], "首发")
    other = made(chats, "/chat-events", {**body, "starts_at": "2026-11-23T19:00:00+08:00"})
    for by, expected in (("time", [other["id"], event["id"]]), ("event", [other["id"], event["id"]])):
        page = chats.get("/chat-events", by=by, limit=1)
        rest = chats.get("/chat-events", by=by, cursor=page["next_cursor"])
        assert [one["id"] for one in page["events"] + rest["events"]] == expected
    assert [one["id"] for one in chats.get("/chat-events", chat_id="wr1")["events"]] == [other["id"]]
    assert chats.ask("POST", f"/chat-events/{event['id']}/cancellation", {}).status_code == 200
    assert status(chats, "POST", f"/chat-events/{event['id']}/cancellation", {}) == (409, "chat-refused")
    with chats.runtime.engine.begin() as connection:
        dismiss(connection, chats.tenant, "wr1")
    for wrong, expected in (
        ({"remind_minutes": 361}, (422, "invalid")),
        ({"remind_minutes": -1}, (422, "invalid")),
        ({"remind_minutes": "5"}, (422, "invalid")),
        ({"starts_at": "2026-11-23T20:00:00"}, (422, "invalid")),
        ({"starts_at": "2026-11-22T01:00:00Z"}, (409, "chat-refused")),
        ({"chat_ids": []}, (422, "invalid")),
        ({"chat_ids": ["wrNobody"]}, (404, "no-chat")),
        ({"chat_ids": ["wr1"]}, (409, "chat-refused")),
    ):
        assert status(chats, "POST", "/chat-events", {**body, "chat_ids": ["wr2"], **wrong}) == expected, wrong
    assert status(chats, "PATCH", f"/chat-events/{other['id']}", {"name": None}) == (422, "invalid")
    assert status(chats, "PATCH", "/chat-events/999", {"name": "x"}) == (404, "no-chat-event")


def test_lists_of_lost_and_deleted_relations_over_http(shop: Shop):
    """Two lists with filters, pages and files (LOSS-1, LOSS-5, LOSS-6)."""
    shop.befriend("wmOne", "LiNa", "WangFang")
    with shop.runtime.engine.begin() as connection:
        run(connection, "update relation set state = case userid when 'LiNa' then 'ended_by_customer' "
            "else 'ended_by_associate' end, ended_at = :now", now=NOW)  # fmt: skip
        run(connection, "insert into relation (tenant_id, external_userid, userid, state, ended_at, cause) "
            "values (:id, 'wmTwo', 'LiNa', 'ended_by_customer', :at, 'event')",
            id=shop.tenant.id, at=NOW - timedelta(hours=1))  # fmt: skip
    lost = shop.get("/lost-relations", limit=1)
    assert [(one["external_userid"], one["customer_name"]) for one in lost["relations"]] == [("wmOne", "顾客")]
    rest = shop.get("/lost-relations", cursor=lost["next_cursor"])
    assert [one["external_userid"] for one in rest["relations"]] == ["wmTwo"] and rest["next_cursor"] is None
    assert [one["userid"] for one in shop.get("/deleted-relations")["relations"]] == ["WangFang"]
    assert shop.get("/lost-relations", since="2026-11-22T02:00:01Z")["relations"] == []
    for name, count in (("lost", 2), ("deleted", 1)):
        answer = shop.ask("GET", f"/{name}-relations:export")
        assert len(answer.data.decode("utf-8-sig").splitlines()) == 1 + count
        assert f"{name}-relations.csv" in answer.headers["Content-Disposition"]


def test_each_endpoint_asks_for_its_scope_and_shows_one_corp(chats: Shop):
    """Reading is not writing, and another corp's chats do not exist (G9)."""
    reader = chats.caller(Scope.GROUPS_READ, name="reader")
    assert reader.get("/chats")["chats"] and reader.ask("POST", "/chat-folders", {"name": "x"}).status_code == 403
    assert reader.ask("GET", "/lost-relations").status_code == 403
    assert reader.ask("POST", "/chats/wr1/customer-tags", {"add": ["etX"]}).status_code == 403
    runtime = chats.runtime
    other = add_corp(runtime.engine, runtime.vault, chats.clock, "ww0000000000000002")
    stranger = chats.caller(tenant=other)
    assert stranger.get("/chats")["chats"] == [] and stranger.ask("GET", "/chats/wr1").status_code == 404
    assert stranger.ask("PATCH", "/chats/wr1", {"description": "x"}).status_code == 404
    assert stranger.ask("POST", "/chats:move", {"folder_id": 0, "chat_ids": ["wr1"]}).status_code == 404
    assert len(stranger.ask("GET", "/chats:export").data.splitlines()) == 1
    assert len(stranger.ask("GET", "/chat-members:export").data.splitlines()) == 1
