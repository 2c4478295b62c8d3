"""The timeline of a customer: every source, newest first, page by page, in both languages (CUS-4)."""

from typing import Any

import pytest
from sqlalchemy import text

from services.notices.plan import REACTIONS, SILENT
from services.timeline.model import KINDS, Place, kind_of_fact
from services.timeline.sources import SOURCES, after
from services.timeline.words import WORDS
from shared.db.engine import run
from tests.console.api.conftest import Shop
from tests.console.api.test_purchases import event, order


def eventful(shop: Shop) -> int:
    """A customer with something of every source, merged from two records."""
    shop.befriend("wmOne", "LiNa", "WangFang")
    one = int(shop.upsert("external_userid=wmOne", "crm=C-1", real_name="王小明")["customer"]["id"])
    two = int(shop.upsert("shop:tmall=9", level="gold")["customer"]["id"])
    shop.ask("PUT", "/orders/tmall/T-1", order())
    shop.ask("POST", "/events", {"events": [event("e-1"), event("e-2")]})
    fields = [{"key": "seen", "name": "看了什么"}]
    made = shop.ask("POST", "/event-templates", {"name": "到店", "kind": "visited", "fields": fields}).json
    shop.ask("POST", f"/customers/{two}/events", {"template_id": made["id"], "properties": {"seen": "coats"}})
    shop.clock.advance(60)
    shop.ask("POST", f"/customers/{one}/notes", {"body": "喜欢羊绒"})
    task = shop.ask("POST", f"/customers/{one}/tasks", {"title": "寄目录", "userid": "LiNa"}).json["id"]
    shop.clock.advance(60)
    shop.ask("PATCH", f"/tasks/{task}", {"state": "done"})
    with shop.runtime.engine.begin() as connection:
        run(
            connection,
            "insert into group_chat (tenant_id, chat_id, name, cause) values (:tenant_id, 'wrOne', '老友群', 'event')",
            tenant_id=shop.tenant.id,
        )
        run(
            connection,
            "insert into group_member (tenant_id, chat_id, member_id, number, kind, joined_at, left_at, observed_at, "
            "cause) values (:tenant_id, 'wrOne', 'wmOne', 1, 'customer', :now, :now, :now, 'event')",
            tenant_id=shop.tenant.id,
            now=shop.clock.now(),
        )
        run(
            connection,
            "insert into associate (tenant_id, userid, name, observed_at) values (:tenant_id, 'LiNa', '李娜', :now)",
            tenant_id=shop.tenant.id,
            now=shop.clock.now(),
        )
    shop.clock.advance(60)
    shop.ask("POST", "/pool:enter", {"customer_ids": [two], "source": "shop:tmall"})
    shop.ask("POST", "/pool:claim", {"userid": "LiNa", "customer_ids": [two]})
    shop.ask("POST", "/pool:release", {"customer_ids": [two]})
    shop.clock.advance(60)
    shop.ask("POST", f"/customers/{one}/merge", {"other_id": two})
    return one


def paged(shop: Shop, one: int, limit: int, **query: Any) -> list[Any]:
    entries, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = shop.get(f"/customers/{one}/timeline", limit=limit, **query, **more)
        entries += page["entries"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


def test_all_sources_are_on_it_newest_first(shop: Shop):
    """Facts of customer and contact, orders, events, notes, tasks, chats, edits, of merged records too (CUS-4)."""
    one = eventful(shop)
    entries = paged(shop, one, 100)
    assert {entry["source"] for entry in entries} == {"fact", "audit", "event", "order", "note", "task", "chat", "pool"}
    assert [entry["at"] for entry in entries] == sorted((entry["at"] for entry in entries), reverse=True)
    said = {entry["what"]: entry["words"] for entry in entries}
    assert said["customers_merged"]["zh"].startswith("合并了客户")
    assert said["task_done"] == {"zh": "李娜的任务已完成", "en": "task of 李娜 done"}
    assert said["chat_joined"]["en"] == "joined the chat 老友群"
    assert said["pool_given"]["en"] == "given from the pool to 李娜"
    assert said["pool_left"]["zh"] == "李娜退回客户池" and "pool_entered" in said
    assert said["customer_assigned"]["en"] == "assigned to 李娜"
    by_hand = next(entry for entry in entries if entry["what"] == "event_by_hand")
    assert (by_hand["properties"], by_hand["by"]) == ({"seen": "coats"}, "api:crm")
    assert next(entry["text"] for entry in entries if entry["what"] == "note") == "喜欢羊绒"
    assert not any("?" in text for entry in entries for text in entry["words"].values())
    made = [entry for entry in entries if entry["values"].get("action") == "customer.made"]
    assert len(made) == 1  # of the record that was merged


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_any_size_hold_the_same(shop: Shop, limit: int):
    """Many entries of one moment, in several sources: each once (keyset) (CUS-4)."""
    one = eventful(shop)
    assert paged(shop, one, limit) == paged(shop, one, 100)


def test_it_is_filtered_by_kinds(shop: Shop):
    """One or several; a kind that nothing has is an empty list (CUS-4)."""
    one = eventful(shop)
    whole = paged(shop, one, 100)
    for kinds in (["note"], ["event", "order"], ["friendship"], ["edit"], ["pool"], list(KINDS)):
        wanted = [entry for entry in whole if entry["kind"] in kinds]
        assert paged(shop, one, 2, kind=kinds) == wanted


def scanned(plan: dict[str, Any]) -> int:
    """Rows that the scans of a plan gave or threw away."""
    below = sum(scanned(one) for one in plan.get("Plans", ()))
    if "Scan" not in plan["Node Type"]:
        return below
    return below + int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])


def test_a_page_costs_the_same_however_much_there_is(shop: Shop):
    """In the middle of 30,000 events, orders, notes, facts and edits each source reads one page of rows (CUS-4)."""
    one, now = eventful(shop), shop.clock.now()
    many = {
        "customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at)": (
            "'m-' || n, :id, 'x', :at, :at"
        ),
        "customer_order (tenant_id, shop, order_id, customer_id, amount, currency, status, items_count, updated_at, "
        "recorded_at)": "'s', 'm-' || n, :id, 1, 'CNY', 'pending', 1, :at, :at",
        "customer_note (tenant_id, customer_id, body, at, by_whom)": "CID, '', :at, ''",
        "fact (tenant_id, type, version, subject_kind, subject_key, occurred_at, recorded_at, cause, payload)": (
            "'customer_lost', 1, 'customer', cast(CID as text), :at, :at, 'event', '{}'"
        ),
        "pool_change (tenant_id, at, customer_id, to_status, why, by_whom)": ":at, :id, 'unassigned', 'entered', 'x'",
        "audit (tenant_id, at, actor, action, subject_kind, subject_key, changed)": (
            ":at, '', 'x', 'customer', cast(CID as text), '{}'"
        ),
    }
    place = Place(now, 0, 5)
    with shop.runtime.engine.begin() as connection:
        for table, values in many.items():
            run(
                connection,
                f"insert into {table} select :tenant_id, {values} from generate_series(1, 30000) n".replace(
                    "CID", str(one)
                )
                .replace(":at", "cast(:now as timestamptz) - make_interval(secs => n - 15000)")
                .replace(":id", str(one)),
                tenant_id=shop.tenant.id,
                now=now,
            )
            connection.exec_driver_sql(f"analyze {table.split()[0]}")
        for rank, source in enumerate(SOURCES):
            condition, parameters = after(rank, source, place if rank else None)
            plan = connection.execute(
                text("explain (analyze, format json) " + source.sql.format(after=condition)),
                {
                    "tenant_id": shop.tenant.id,
                    "customer_id": one,
                    "contacts": ["wmOne"],
                    "kinds": ["customer", "external_contact"],
                    "keys": [str(one), "wmOne"],
                    "types": None,
                    "skipped": [],
                    "limit": 101,
                    **parameters,
                },
            ).scalar_one()
            assert scanned(plan[0]["Plan"]) <= 310, (source.name, plan)


def test_every_fact_about_a_customer_has_words_and_a_kind():
    """In Chinese and English (CUS-4)."""
    about = {fact.TYPE for fact in SILENT | set(REACTIONS) if fact.SUBJECT[0] in ("customer", "external_contact")}
    assert about <= WORDS.keys()
    assert {kind_of_fact(one) for one in about} <= set(KINDS)


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0", "WyJ4IiwwLDFd", "WyIyMDI2LTExLTIyVDAyOjAwOjAwWiIsOTksMV0"])
def test_a_cursor_from_elsewhere_is_refused(shop: Shop, cursor: str):
    """Named, never a 500 (G8)."""
    one = shop.upsert("crm=C-1")["customer"]["id"]
    answer = shop.ask("GET", f"/customers/{one}/timeline", query_string={"cursor": cursor})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "query/cursor")
