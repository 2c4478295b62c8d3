"""Bulk changes over the API: previewed, confirmed by their number, asked for once, followed, undone."""

from typing import Any

import pytest

from console.api.bulk_changes import ALSO
from services.bulk_changes.kinds.registry import KINDS
from shared.api_keys import Scope
from shared.directory import Directory
from shared.wecom.clients import Clients
from sync_worker.cards import make_all_due
from sync_worker.resync.steps import walk_step
from tests.console.api.conftest import Shop

GOLD = {"kind": "fields", "set": {"level": "gold"}}
SILVERS = {"groups": [{"conditions": [{"field": "level", "op": "equals", "value": "silver"}]}]}
REASON = "asked for by the customers"


@pytest.fixture
def silvers(shop: Shop) -> Shop:
    """Three customers of level silver and one of none, findable."""
    for n in range(3):
        shop.upsert(f"crm=C-{n}", level="silver")
    shop.upsert("crm=C-9")
    make_cards(shop)
    return shop


def make_cards(shop: Shop) -> None:
    make_all_due(shop.runtime, Directory(shop.runtime.vault))


def work(shop: Shop) -> None:
    clients = Clients(shop.runtime, connections=1)
    while walk_step(shop.runtime, Directory(shop.runtime.vault), clients):
        pass


def body(change: Any = GOLD, confirmation: str = "EDIT 3", **more: Any) -> dict[str, Any]:
    return {"filter": SILVERS, "change": change, "reason": REASON, "confirmation": confirmation, **more}


def test_a_change_from_its_preview_to_its_undo(silvers: Shop):
    """The preview's number is what is done; the audit has who, what, whom and why (CUS-8, ACC-2)."""
    seen = silvers.ask("POST", "/bulk-changes:preview", {"filter": SILVERS, "change": GOLD}).json
    assert (seen["count"], seen["confirmations"], seen["undoable"]) == (3, ["EDIT 3", "修改 3"], True)
    assert len(seen["sample_customer_ids"]) == 3
    asked = silvers.ask("POST", "/bulk-changes", body(confirmation="修改 3"))
    assert (asked.status_code, asked.json["total"], asked.json["state"]) == (202, 3, "running")
    work(silvers)
    shown = silvers.get("/bulk-changes/1")
    assert (shown["state"], shown["counts"], shown["undo_confirmations"]) == (
        "done", {"waiting": 0, "done": 3, "same": 0, "refused": 0}, ["UNDO 3", "撤销 3"],
    )  # fmt: skip
    assert (shown["change"], shown["filter"]["groups"][0]["conditions"][0]["value"]) == (GOLD, "silver")
    rows = silvers.get("/bulk-changes/1/rows", state="done", limit=2)
    more = silvers.get("/bulk-changes/1/rows", state="done", limit=2, cursor=rows["next_cursor"])
    assert [one["customer_id"] for one in (*rows["rows"], *more["rows"])] == seen["sample_customer_ids"]
    undo = silvers.ask("POST", "/bulk-changes/1/undo", {"reason": "wrong level", "confirmation": "UNDO 3"})
    assert (undo.status_code, undo.json["undoes"]) == (202, 1)
    work(silvers)
    make_cards(silvers)
    assert silvers.ask("POST", "/customers:count", {"filter": SILVERS}).json["count"] == 3
    assert [one["id"] for one in silvers.get("/bulk-changes")["changes"]] == [2, 1]
    assert silvers.rows("select action, actor from audit where subject_kind = 'bulk_change' order by id") == [
        ("bulk_change.asked", "api:crm"), ("bulk_change.ended", "crm"),
        ("bulk_change.asked", "api:crm"), ("bulk_change.ended", "crm"),
    ]  # fmt: skip


def test_somebody_who_came_to_fit_since_the_preview_stops_it(silvers: Shop):
    """409 with the number of now, and nothing is begun (CUS-8)."""
    silvers.upsert("crm=C-10", level="silver")
    make_cards(silvers)
    answer = silvers.ask("POST", "/bulk-changes", body())
    assert answer.status_code == 409 and answer.json["type"].endswith(":confirmation")
    assert "EDIT 4" in answer.json["detail"]
    assert silvers.rows("select 1 from bulk_change") == [] == silvers.rows("select 1 from sync_run")


def test_a_repeated_request_asks_once(silvers: Shop):
    """By its Idempotency-Key (G8)."""
    answers = [silvers.ask("POST", "/bulk-changes", body(), once="k1") for _ in range(2)]
    assert [one.json["id"] for one in answers] == [1, 1]
    assert silvers.rows("select count(*) from bulk_change") == [(1,)]


def test_a_key_needs_what_the_change_itself_would_need(silvers: Shop):
    """Whoever may not delete one may not delete many (ACC-1, CUS-8)."""
    assert ALSO.keys() == KINDS.keys()
    clerk = silvers.caller(Scope.BULK_READ, Scope.BULK_WRITE, Scope.CUSTOMERS_WRITE, name="clerk")
    deletion = body({"kind": "deletion"}, "DELETE 3")
    assert clerk.ask("POST", "/bulk-changes", deletion).status_code == 403
    assert (
        clerk.ask("POST", "/bulk-changes:preview", {"filter": SILVERS, "change": {"kind": "deletion"}}).status_code
        == 403
    )
    assert silvers.ask("POST", "/bulk-changes", deletion).status_code == 202
    assert clerk.ask("POST", "/bulk-changes/1/cancel", {}).status_code == 403
    assert silvers.rows("select state from bulk_change") == [("running",)]


REFUSED: list[tuple[dict[str, Any], int]] = [
    (body({"kind": "deletion"}, "DELETE 3", reason="too short"), 409),
    (body({"kind": "fields", "set": {}}), 422),
    (body({"kind": "fields", "set": {"level": "x" * 65}}), 422),
    (body({"kind": "fields", "set": {"real_name": "王"}}), 409),
    (body({"kind": "corp_tags", "add": ["etNone"]}, "TAG 3"), 409),
    (body({"kind": "corp_tags"}, "TAG 3"), 422),
    (body({"kind": "assignment", "to_userid": "Nobody"}, "ASSIGN 3"), 409),
    (body({"kind": "unknown"}), 422),
    (body(confirmation="EDIT"), 409),
    (body() | {"filter": {"groups": [{"conditions": [{"field": "no", "op": "is"}]}]}}, 422),
    (body() | {"filter": {"groups": [{"conditions": [{"field": "level", "op": "equals", "value": "none"}]}]}}, 409),
]


def test_what_cannot_be_asked_for_is_refused(silvers: Shop):
    """With a reason, and nothing is begun (G8)."""
    for sent, status in REFUSED:
        answer = silvers.ask("POST", "/bulk-changes", sent)
        assert answer.status_code == status, (sent, answer.text)
    assert silvers.rows("select 1 from bulk_change") == []


def test_another_corps_change_does_not_exist(silvers: Shop):
    """404 for all that is done with it (ACC-1)."""
    for method, path, sent in [
        ("GET", "", None), ("GET", "/rows", None), ("POST", "/pause", {}), ("POST", "/resume", {}),
        ("POST", "/cancel", {}), ("POST", "/undo", {"reason": REASON, "confirmation": "UNDO 1"}),
    ]:  # fmt: skip
        assert silvers.ask(method, f"/bulk-changes/99{path}", sent).status_code == 404
