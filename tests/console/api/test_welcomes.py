"""Welcome messages through the API: rules, files, previews, and what became of each (OUT-1)."""

from datetime import timedelta
from typing import Any

import pytest

from services.associates.model import Renaming
from services.associates.record import Provenance
from services.renames.store import rename
from services.welcomes.log import Occasion, add, begin_try
from services.welcomes.model import State
from shared.api_keys import Scope
from shared.db.engine import run
from shared.ids import ExternalUserId, UserId
from tests.console.api.conftest import Shop

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 10
RULE: dict[str, Any] = {"name": "all", "text": "{customer|您}好，我是{associate}"}


def make(shop: Shop, **changes: object) -> Any:
    answer = shop.ask("POST", "/welcome-rules", RULE | changes)
    assert answer.status_code == 201, answer.text
    return answer.json


def send_file(shop: Shop, body: bytes = PNG, **query: str) -> Any:
    return shop.ask("POST", "/welcome-files", data=body, query_string=query, content_type="application/octet-stream")


def test_a_rule_is_made_changed_and_deleted(shop: Shop):
    """What was sent is what is kept; the audit has both sides (OUT-1, ACC-2)."""
    full = RULE | {
        "userids": ["LiNa"], "department_ids": [7], "states": ["window"], "weekdays": [1, 7], "from_time": "20:00",
        "until_time": "08:30", "priority": -3, "enabled": False,
        "attachments": [{"kind": "link", "title": "t", "url": "https://shop.example.com"}],
    }  # fmt: skip
    made = make(shop, **full)
    assert {name: made[name] for name in full} == full
    assert shop.get(f"/welcome-rules/{made['id']}") == made
    changed = shop.ask("PUT", f"/welcome-rules/{made['id']}", RULE).json
    assert (changed["weekdays"], changed["from_time"], changed["attachments"]) == ([], None, [])
    assert shop.ask("DELETE", f"/welcome-rules/{made['id']}").json == {"rules": []}
    assert shop.ask("DELETE", f"/welcome-rules/{made['id']}").status_code == 404
    actions = [row[0] for row in shop.rows("select action from audit where action like 'welcome%' order by id")]
    assert actions == ["welcome_rule.made", "welcome_rule.edited", "welcome_rule.deleted"]


LINK = {"kind": "link", "title": "t", "url": "https://x"}


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"text": "好" * 1334}, "/text", "4002 bytes"),
        ({"text": "{kunde}"}, "/text", "kunde"),
        ({"text": None}, "/", "text, attachments, or both"),
        ({"attachments": [LINK] * 10}, "/attachments", "at most 9"),
        ({"attachments": [LINK | {"title": "t" * 129}]}, "/attachments/0/link/title", "129 bytes"),
        ({"attachments": [LINK | {"desc": "好" * 171}]}, "/attachments/0/link/desc", "513 bytes"),
        ({"attachments": [LINK | {"url": "x"}]}, "/attachments/0/link/url", "http"),
        ({"attachments": [{"kind": "image"}]}, "/attachments/0/image", "file_id or pic_url"),
        ({"attachments": [{"kind": "gif", "file_id": 1}]}, "/attachments/0", "gif"),
        ({"from_time": "09:00"}, "/", "belong together"),
        ({"from_time": "9", "until_time": "10:00"}, "/from_time", "pattern"),
        ({"weekdays": [0]}, "/weekdays/0", "greater than or equal to 1"),
    ],
)
def test_what_wecom_would_refuse_is_refused_when_it_is_saved(
    shop: Shop, changes: dict[str, object], field: str, why: str
):
    """422 with the field and what is wrong with it (OUT-1, G8)."""
    answer = shop.ask("POST", "/welcome-rules", RULE | changes)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json["errors"]
    assert error["field"] == field
    assert why in error["problem"], error


def test_a_file_is_what_it_is_called_and_stays_while_a_rule_attaches_it(shop: Shop):
    """Its first bytes say what it is; of another kind, missing or in use is 409 (OUT-1)."""
    assert send_file(shop, b"GIF89a...", kind="image").status_code == 422
    assert send_file(shop, b"x", kind="file").status_code == 422
    assert send_file(shop, PNG * 200_000, kind="image").status_code == 413
    file = send_file(shop, kind="image", name="a.png").json
    assert (file["size"], file["media_until"]) == (len(PNG), None)
    for wrong in ({"kind": "video", "file_id": file["id"]}, {"kind": "image", "file_id": 999}):
        answer = shop.ask("POST", "/welcome-rules", RULE | {"attachments": [wrong]})
        assert (answer.status_code, answer.json["title"]) == (409, "welcome refused")
    rule = make(shop, attachments=[{"kind": "image", "file_id": file["id"]}])
    assert shop.ask("DELETE", f"/welcome-files/{file['id']}").status_code == 409
    assert shop.ask("DELETE", f"/welcome-rules/{rule['id']}").status_code == 200
    assert shop.ask("DELETE", f"/welcome-files/{file['id']}").status_code == 200
    assert shop.get("/welcome-files") == {"files": []}
    assert PNG not in b"".join(bytes(row[0]) for row in shop.rows("select body from welcome_file"))


def test_the_preview_says_which_rule_speaks_and_what(shop: Shop):
    """For an associate, a state and a time, with the names as they would be (OUT-1)."""
    shop.add_associates("LiNa", department_id=7)
    with shop.runtime.engine.begin() as connection:
        run(connection, "update associate set name = '李娜'")
    shop.befriend("wmOne", "LiNa", name="小王")
    everybody = make(shop)
    night = make(shop, department_ids=[7], from_time="20:00", until_time="08:00", text="晚上好")

    def preview(**asked: object) -> Any:
        answer = shop.ask("POST", "/welcome-rules:preview", {"userid": "LiNa", **asked})
        assert answer.status_code == 200, answer.text
        found = answer.json
        return found["rule"] and found["rule"]["id"], found["text"]

    assert preview(at="2026-11-23T12:00:00+08:00") == (everybody["id"], "您好，我是李娜")
    assert preview(at="2026-11-23T12:00:00+08:00", external_userid="wmOne") == (everybody["id"], "小王好，我是李娜")
    assert preview(at="2026-11-23T23:00:00+08:00") == (night["id"], "晚上好")
    assert preview(userid="Nobody", at="2026-11-23T23:00:00+08:00") == (everybody["id"], "您好，我是")
    with shop.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = false")
    assert shop.ask("POST", "/welcome-rules:preview", {"userid": "LiNa"}).json["sends"] is False


def test_the_log_and_the_totals_tell_what_became_of_each(shop: Shop):
    """Newest first, by associate, contact and state; counted by state and rule (OUT-1)."""
    rule = make(shop)
    now = shop.clock.now()
    with shop.runtime.engine.begin() as connection:
        for n, state in enumerate((State.SENDING, State.NO_RULE, State.EXPIRED, State.NO_RULE)):
            received, userid = now - timedelta(hours=20 * n), UserId("LiNa" if n % 2 else "WangFang")
            occasion = Occasion(userid, ExternalUserId(f"wm{n}"), "code", "window", False, received, received)
            rule_id = None if state is State.NO_RULE else rule["id"]
            made = add(connection, shop.tenant, occasion, state, rule_id=rule_id, now=now)
            assert made is not None
        begin_try(connection, shop.tenant.id, 1, now=now, lease_s=8)
    rows = shop.get("/welcomes")["welcomes"]
    assert [(one["id"], one["userid"], one["state"]) for one in rows] == [
        (4, "LiNa", "no_rule"), (3, "WangFang", "expired"), (2, "LiNa", "no_rule"), (1, "WangFang", "sending"),
    ]  # fmt: skip
    assert (rows[3]["attempts"], rows[3]["in_doubt"], rows[3]["contact_state"]) == (1, True, "window")
    assert [one["id"] for one in shop.get("/welcomes", before=4, limit=1)["welcomes"]] == [3]
    assert [one["id"] for one in shop.get("/welcomes", userid="LiNa", state="no_rule")["welcomes"]] == [4, 2]
    assert [one["id"] for one in shop.get("/welcomes", external_userid="wm2")["welcomes"]] == [3]
    shop.clock.advance(1)
    found = shop.get("/welcomes/totals")
    assert found["states"] == {"sending": 1, "sent": 0, "taken": 0, "no_rule": 1, "expired": 0, "refused": 0}
    assert found["rules"] == [
        {"rule_id": rule["id"], "count": 1, "sent": 0}, {"rule_id": None, "count": 1, "sent": 0},
    ]  # fmt: skip
    assert shop.get("/welcomes/totals", since="2026-11-01T00:00:00Z")["states"]["no_rule"] == 2


def test_a_rule_follows_an_associate_who_is_renamed(shop: Shop):
    """WeCom lets a userid change once: the rules that name it go on (OUT-1)."""
    shop.add_associates("LiNa")
    rule = make(shop, userids=["LiNa", "WangFang"])
    renaming = Renaming(UserId("LiNa"), UserId("li.na"), shop.clock.now())
    with shop.runtime.engine.begin() as connection:
        rename(connection, shop.tenant, renaming, Provenance("event", None), now=shop.clock.now())
    assert shop.get(f"/welcome-rules/{rule['id']}")["userids"] == ["li.na", "WangFang"]


def test_reading_does_not_allow_writing(shop: Shop):
    """Scopes of their own (ACC-1)."""
    reader = shop.caller(Scope.WELCOMES_READ, name="reader")
    assert reader.ask("GET", "/welcome-rules").status_code == 200
    assert reader.ask("POST", "/welcome-rules", RULE).status_code == 403
    assert shop.caller(Scope.CUSTOMERS_READ).ask("GET", "/welcomes").status_code == 403
