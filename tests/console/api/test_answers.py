"""Idempotency keys: a retry gets the first answer and does nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text
from werkzeug.test import TestResponse

from tests.console.api.conftest import Caller, Shop, upsert_body

REMARK = {"remark": "老友"}


def relation(shop: Shop) -> str:
    shop.befriend("wmOne", "LiNa")
    return f"/customers/{shop.upsert('external_userid=wmOne')['customer']['id']}/relations/LiNa"


def test_a_retry_gets_the_first_answer_and_does_nothing(shop: Shop):
    """Also after a crash between commit and answer: the answer was in the same commit."""
    path = relation(shop)
    first = shop.ask("PATCH", path, REMARK, once="k-1")
    again = shop.ask("PATCH", path, REMARK, once="k-1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.data == first.data
    assert (first.headers.get("Idempotent-Replayed"), again.headers.get("Idempotent-Replayed")) == (None, "true")
    assert shop.rows("select count(*)::int from intent") == [(1,)]
    assert shop.ask("PATCH", path, REMARK, once="k-2").json != first.json
    assert shop.rows("select 1 from api_answer where body::text like '%老友%'") == []


def test_a_key_with_another_body_is_refused(shop: Shop):
    """Else a caller would take an old answer for a new one."""
    path = relation(shop)
    shop.ask("PATCH", path, REMARK, once="k-1")
    other = shop.ask("PATCH", path, {"remark": "李总"}, once="k-1")
    assert (other.status_code, other.json["errors"][0]["field"]) == (422, "header/Idempotency-Key")
    assert shop.ask("POST", "/customers:upsert", upsert_body("crm=C-1"), once="k-1").status_code == 201


def test_a_refusal_is_not_kept(shop: Shop):
    """Nothing was done; the same key may do it once it can be done."""
    path = relation(shop)
    body = {"add": ["etGold"]}
    tags = path.replace("relations/LiNa", "tags")
    assert shop.ask("POST", tags, body, once="k-1").status_code == 409
    shop.add_tags("etGold")
    assert shop.ask("POST", tags, body, once="k-1").status_code == 202


def test_the_answer_is_kept_for_the_time_that_is_set(shop: Shop):
    """After that the key is as good as new, and the old answer is gone."""
    path = relation(shop)
    shop.ask("PATCH", path, REMARK, once="k-1")
    shop.clock.advance(86_400 * 2 - 1)
    assert "Idempotent-Replayed" in shop.ask("PATCH", path, REMARK, once="k-1").headers
    shop.clock.advance(2)
    assert "Idempotent-Replayed" not in shop.ask("PATCH", path, {"remark": "李总"}, once="k-1").headers
    assert shop.rows("select count(*)::int from api_answer") == [(1,)]


def test_a_second_request_while_the_first_is_under_way_is_told_to_wait(shop: Shop):
    """It neither does the thing twice nor hangs (G4)."""
    path = relation(shop)
    with shop.runtime.engine.connect() as holding, ThreadPoolExecutor(2) as pool:
        holding.execute(text("lock table intent in access exclusive mode"))
        first = pool.submit(ask_remark, shop, path)
        wait_for_lock(shop)
        second = pool.submit(ask_remark, shop, path)
        try:
            told = second.result(timeout=20)
        finally:
            holding.rollback()
        assert (told.status_code, told.headers["Retry-After"]) == (409, "1")
        assert first.result().status_code == 202
    assert shop.ask("PATCH", path, REMARK, once="k-1").data == first.result().data


def ask_remark(shop: Shop, path: str) -> TestResponse:
    return Caller(shop.client.application.test_client(), shop.key).ask("PATCH", path, REMARK, once="k-1")


def wait_for_lock(shop: Shop) -> None:
    pause = threading.Event()
    while not shop.rows("select 1 from pg_stat_activity where wait_event_type = 'Lock'"):
        pause.wait(0.01)


def test_every_write_is_in_the_audit_and_what_it_says_is_sealed(shop: Shop):
    """Who, what, before and after, when, from where (ACC-2); values in the clear nowhere (G10)."""
    path = relation(shop)
    shop.upsert("crm=C-1", real_name="王小明")
    shop.upsert("crm=C-1", real_name="欧阳小满")
    shop.ask("PATCH", path, REMARK)
    rows = shop.rows("select action, actor, origin, changed from audit order by id")
    assert rows == [
        ("customer.made", "api:crm", "127.0.0.1", []),
        ("identity.added", "api:crm", "127.0.0.1", ["kind", "value", "verified"]),
        ("customer.edited", "api:crm", "127.0.0.1", ["real_name"]),
        ("customer.edited", "api:crm", "127.0.0.1", ["real_name"]),
        ("relation.wished", "api:crm", "127.0.0.1", ["LiNa remark"]),
    ]
    kept = b"".join(bytes(details) for (details,) in shop.rows("select details from audit"))
    kept += b"".join(bytes(own) for (own,) in shop.rows("select own from customer where own is not null"))
    assert kept and not any(secret.encode() in kept for secret in ("王小明", "欧阳小满", "老友", "C-1"))
