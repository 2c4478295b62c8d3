"""Notes, events by hand after a template, and tasks; each leaves a fact and a line of the audit (CUS-13, ACC-2)."""

from functools import partial

from services.persons.store import lock_customers
from shared.db.engine import run
from shared.ids import CustomerId
from tests.console.api.conftest import Shop
from tests.notifier.test_lock_order import meanwhile


def customer(shop: Shop) -> int:
    shop.befriend("wmOne", "LiNa", "WangFang")
    return int(shop.upsert("external_userid=wmOne")["customer"]["id"])


def test_notes_are_written_changed_and_taken_away(shop: Shop):
    """Encrypted where they lie; the audit keeps what they said (CUS-13, G10)."""
    one = customer(shop)
    ids = []
    for n in range(3):
        shop.clock.advance(60)
        made = shop.ask("POST", f"/customers/{one}/notes", {"body": f"喜欢羊绒 {n}"}, once=f"k{n}")
        assert (made.status_code, made.json["by"]) == (201, "api:crm")
        ids.append(made.json["id"])
    first = shop.get(f"/customers/{one}/notes", limit=2)
    rest = shop.get(f"/customers/{one}/notes", limit=2, cursor=first["next_cursor"])
    assert [note["id"] for page in (first, rest) for note in page["notes"]] == ids[::-1]
    assert shop.ask("PUT", f"/customers/{one}/notes/{ids[0]}", {"body": "不"}).json["body"] == "不"
    assert shop.ask("DELETE", f"/customers/{one}/notes/{ids[1]}").status_code == 200
    assert shop.ask("DELETE", f"/customers/{one}/notes/{ids[1]}").status_code == 404
    assert [note["id"] for note in shop.get(f"/customers/{one}/notes")["notes"]] == [ids[2], ids[0]]
    assert not any("羊绒".encode() in bytes(body) for (body,) in shop.rows("select body from customer_note"))
    assert shop.rows("select action, count(*)::int from audit where subject_kind = 'note' group by 1 order by 1") == [
        ("note.added", 3),
        ("note.edited", 1),
        ("note.removed", 1),
    ]
    assert shop.rows("select type, payload ->> 'customer_id' from fact where type like 'note%' order by id")[3:] == [
        ("note_removed", str(one))
    ]


def test_an_event_by_hand_follows_its_template(shop: Shop):
    """Required fields are there, others are known; deleted templates take nothing (CUS-13)."""
    one = customer(shop)
    fields = [{"key": "seen", "name": "看了什么", "required": True}, {"key": "who", "name": "同行"}]
    made = shop.ask("POST", "/event-templates", {"name": "到店", "kind": "visited_shop", "fields": fields})
    assert made.status_code == 201
    again = shop.ask("POST", "/event-templates", {"name": "到店", "kind": "x", "fields": []})
    assert again.json["type"].endswith("name-taken")
    body = {"template_id": made.json["id"], "properties": {"seen": "coats"}}
    told = shop.ask("POST", f"/customers/{one}/events", body)
    assert (told.status_code, told.json["kind"]) == (201, "visited_shop")
    assert shop.rows("select event_id, kind, by_whom from customer_event") == [
        (told.json["event_id"], "visited_shop", "api:crm")
    ]
    for wrong in ({}, {"seen": ""}, {"seen": "x", "colour": "red"}):
        assert shop.ask("POST", f"/customers/{one}/events", body | {"properties": wrong}).status_code == 422
    assert shop.ask("DELETE", f"/event-templates/{made.json['id']}").status_code == 200
    assert shop.ask("POST", f"/customers/{one}/events", body).status_code == 404
    assert shop.rows("select count(*)::int from fact where type = 'event_recorded_by_hand'") == [(1,)]


def test_a_task_is_made_done_and_opened_again(shop: Shop):
    """Finished ones are hidden by default, per customer and per associate; each step is a fact (CUS-13)."""
    one = customer(shop)
    body = {"title": "寄目录", "userid": "LiNa", "due_at": "2026-12-01T10:00:00+08:00"}
    first, second = (shop.ask("POST", f"/customers/{one}/tasks", body).json["id"] for _ in range(2))
    done = shop.ask("PATCH", f"/tasks/{first}", {"state": "done"})
    assert (done.json["state"], done.json["ended_by"]) == ("done", "api:crm")
    assert shop.ask("PATCH", f"/tasks/{first}", {"state": "done"}).status_code == 200
    refused = shop.ask("PATCH", f"/tasks/{first}", {"title": "x"})
    assert (refused.status_code, refused.json["type"].rpartition(":")[2]) == (409, "task-refused")
    for path in (f"/customers/{one}/tasks", "/tasks"):
        assert [task["id"] for task in shop.get(path, userid="LiNa")["tasks"]] == [second]
        assert [task["id"] for task in shop.get(path, finished=True)["tasks"]] == [second, first]
    assert shop.get("/tasks", userid="WangFang")["tasks"] == []
    moved = shop.ask("PATCH", f"/tasks/{first}", {"state": "open", "userid": "WangFang", "due_at": None})
    assert (moved.json["userid"], moved.json["due_at"], moved.json["ended_at"]) == ("WangFang", None, None)
    nobody = shop.ask("POST", f"/customers/{one}/tasks", body | {"userid": "Nobody"})
    assert (nobody.status_code, nobody.json["errors"][0]["field"]) == (422, "/userid")
    assert shop.rows("select type from fact where type like 'task%' order by id") == [
        ("task_made",),
        ("task_made",),
        ("task_done",),
        ("task_reopened",),
    ]


def test_whoever_ends_a_task_waits_for_whoever_holds_its_customer(shop: Shop):
    """A finished task is a contact: who tells of silence meanwhile sees it, or is taken back by it (STG-2, SOP-7)."""
    one = customer(shop)
    made = shop.ask("POST", f"/customers/{one}/tasks", {"title": "寄目录", "userid": "LiNa"}).json["id"]
    engine = shop.runtime.engine
    with engine.connect() as mine:
        lock_customers(mine, shop.tenant.id, [CustomerId(one)])
        done = partial(shop.ask, "PATCH", f"/tasks/{made}", {"state": "done"})
        meanwhile(engine, mine, done, lambda: run(mine, "select from customer_task for update"))
    assert shop.rows("select state from customer_task") == [("done",)]
