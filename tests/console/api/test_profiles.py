"""One customer from all sides, in a fixed number of statements (CUS-4)."""

from datetime import timedelta

from sqlalchemy import Connection, event

from shared.db.engine import run
from tests.console.api.conftest import Shop
from tests.console.api.test_purchases import event as behaviour


def customer(shop: Shop, key: str, *userids: str) -> int:
    shop.befriend(key, *userids)
    return int(shop.upsert(f"external_userid={key}")["customer"]["id"])


def surround(shop: Shop, connection: Connection, one: int, chats: int) -> None:
    """Outlets, chats with neighbours, tags, a stage, points, the blacklist, the pool, a field of the retailer's own."""
    tid, now = shop.tenant.id, shop.clock.now()
    statements = (
        "insert into associate (tenant_id, userid, name, main_department_id, observed_at) values "
        "(:t, 'LiNa', '李娜', 7, :now), (:t, 'WangFang', '王芳', 8, :now)",
        "insert into outlet (tenant_id, department_id, name, observed_at) values (:t, 7, '南京西路店', :now), "
        "(:t, 8, '徐家汇店', :now)",
        "insert into group_chat (tenant_id, chat_id, name, cause) select :t, 'wr' || n, '群' || n, 'event' "
        "from generate_series(1, :chats) n",
        "insert into group_member (tenant_id, chat_id, member_id, number, kind, joined_at, observed_at, cause) "
        "select :t, 'wr' || n, m, 1, 'customer', :now, :now, 'event' from generate_series(1, :chats) n, "
        "unnest(array['wmOne', 'wmTwo', case when n = 1 then 'wmThree' end]) m where m is not null",
        "insert into local_tag_group (tenant_id, of, name, position, created_at) "
        "values (:t, 'customer', '兴趣', 1, :now)",
        "insert into local_tag (tenant_id, group_id, kind, name, position, created_at) "
        "select :t, id, 'manual', '羊绒', 1, :now from local_tag_group",
        "insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) select :t, :id, id, :now, 'LiNa' "
        "from local_tag",
        "insert into stage_line (tenant_id, name, position, created_at) values (:t, '成交', 1, :now)",
        "insert into stage (tenant_id, line_id, name, position, created_at) "
        "select :t, id, '意向', 1, :now from stage_line",
        "insert into customer_stage (tenant_id, line_id, customer_id, stage_id, entered_at, by_whom) "
        "select :t, line_id, :id, id, :now, 'LiNa' from stage",
        "insert into customer_score values (:t, :id, 12, 340)",
        "insert into blacklist_entry (tenant_id, customer_id, reason, added_at, added_by) "
        "values (:t, :id, '投诉', :now, 'Zhou')",
        "insert into pool_record (tenant_id, customer_id, status, source, by_whom, status_at, created_at) "
        "values (:t, :id, 'added', 'import', 'Zhou', :now, :now)",
        "insert into custom_field (tenant_id, key, name, kind, personal, position, created_at) "
        "values (:t, 'pet', '宠物', 'single_line', false, 1, :now)",
    )
    for one_statement in statements:
        needed = {"t": tid, "now": now, "id": one, "chats": chats}
        run(connection, one_statement, **{k: v for k, v in needed.items() if f":{k}" in one_statement})


def statements_of(shop: Shop, path: str) -> int:
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(shop.runtime.engine, "before_cursor_execute", note)
    shop.get(path)
    event.remove(shop.runtime.engine, "before_cursor_execute", note)
    return count


def test_a_profile_has_all_sides(shop: Shop):
    """Outlets of all friends, chats, neighbours, tags, stages, points, blacklist, pool, own fields (CUS-4, ASG-3)."""
    one, two = customer(shop, "wmOne", "LiNa", "WangFang"), customer(shop, "wmTwo", "LiNa")
    customer(shop, "wmThree", "LiNa")
    before = statements_of(shop, f"/customers/{one}/profile")
    with shop.runtime.engine.begin() as connection:
        surround(shop, connection, one, chats=60)
    found = shop.get(f"/customers/{one}/profile")
    assert statements_of(shop, f"/customers/{one}/profile") == before
    assert found["customer"] == shop.get(f"/customers/{one}")
    assert [(outlet["name"], outlet["userids"]) for outlet in found["outlets"]] == [
        ("南京西路店", ["LiNa"]),
        ("徐家汇店", ["WangFang"]),
    ]
    assert [friend["name"] for friend in found["friends"]] == ["李娜", "王芳"]
    assert len(found["chats"]) == 50
    assert [(near["customer_id"], near["chat_count"]) for near in found["near"]] == [(two, 50)]
    assert [(tag["group_name"], tag["name"], tag["by_whom"]) for tag in found["local_tags"]] == [
        ("兴趣", "羊绒", "LiNa")
    ]
    assert [(stage["line"], stage["stage"]) for stage in found["stages"]] == [("成交", "意向")]
    assert (found["score"], found["points"]) == (12, 340)
    assert (found["blacklist"]["reason"], found["pool"]["status"]) == ("投诉", "added")
    assert found["custom_fields"] == [{"key": "pet", "name": "宠物", "kind": "single_line", "value": None}]
    assert found["last_contact"] is None


def test_the_last_contact_names_its_source(shop: Shop):
    """A note, a finished task, an event by hand or of a system, whichever was last; an open task is none (SOP-7)."""
    one = customer(shop, "wmOne", "LiNa")
    shop.upsert("external_userid=wmOne", "crm=C-1")
    path = f"/customers/{one}"

    def last() -> tuple[str, str | None] | None:
        found = shop.get(f"{path}/profile")["last_contact"]
        return None if found is None else (found["source"], found["by"])

    task = shop.ask("POST", f"{path}/tasks", {"title": "x", "userid": "LiNa"}).json["id"]
    assert last() is None
    shop.ask("POST", "/events", {"events": [behaviour("e-1") | {"occurred_at": shop.clock.now().isoformat()}]})
    assert last() == ("event", None)
    shop.clock.advance(60)
    note = shop.ask("POST", f"{path}/notes", {"body": "x"}).json["id"]
    assert last() == ("note", "api:crm")
    shop.clock.advance(60)
    shop.ask("PATCH", f"/tasks/{task}", {"state": "done"})
    assert last() == ("task", "api:crm")
    made = shop.ask("POST", "/event-templates", {"name": "到店", "kind": "visited", "fields": []}).json["id"]
    later = (shop.clock.now() + timedelta(seconds=1)).isoformat()
    shop.ask("POST", f"{path}/events", {"template_id": made, "occurred_at": later})
    assert last() == ("event_by_hand", "api:crm")
    shop.ask("DELETE", f"{path}/notes/{note}")
    assert shop.ask("PATCH", f"/tasks/{task}", {"state": "open"}).status_code == 200
