"""Notifications as a log, sending again, and how a corp wants its reminders told."""

import orjson

from services.customers.model import RelationLost
from services.notices.store import Caused, record_facts_and_notices
from services.reminders.store import load_policy
from shared.api_keys import Scope
from shared.db.engine import run
from shared.ids import ExternalUserId, UserId
from shared.outbox import BODY
from shared.tries import lease
from tests.console.api.conftest import Shop


def lose(shop: Shop, *numbers: int, userid: str = "LiNa") -> None:
    now = shop.clock.now()
    facts = [
        RelationLost(occurred_at=now, userid=UserId(userid), external_userid=ExternalUserId(f"wm{n}"), evidenced=True)
        for n in numbers
    ]
    with shop.runtime.engine.begin() as connection:
        record_facts_and_notices(connection, shop.tenant, [Caused(one, "event") for one in facts], now=now, ttl_s=60)


def set_(shop: Shop, sql: str, **values: object) -> None:
    with shop.runtime.engine.begin() as connection:
        run(connection, f"update outbox set {sql}", **values)


def ids(found: dict[str, list[dict[str, int]]]) -> list[int]:
    return [one["id"] for one in found["notifications"]]


def test_the_log_shows_newest_first_and_what_is_asked_for(shop: Shop) -> None:
    """By state, kind, recipient and time, page after page; webhooks are no notifications (LOSS-2)."""
    lose(shop, 1, 2)
    shop.clock.advance(60)
    noon = shop.clock.now().isoformat()
    lose(shop, 3, userid="WangFang")
    set_(shop, "state = 'dead' where recipient = 'WangFang'")
    first = shop.get("/notifications", limit=2)
    rest = shop.get("/notifications", limit=2, cursor=first["next_cursor"])
    assert [ids(first), ids(rest), rest["next_cursor"]] == [[3, 2], [1], None]
    assert ids(shop.get("/notifications", state="dead")) == ids(shop.get("/notifications", recipient="WangFang")) == [3]
    assert ids(shop.get("/notifications", since=noon)) == [3]
    assert ids(shop.get("/notifications", until=noon, notice="relation_lost")) == [2, 1]
    assert shop.get("/notifications", notice="new_customer")["notifications"] == []


def test_what_is_told_with_another_shows_what_became_of_that(shop: Shop) -> None:
    """A refused message and all that it would have told: one state for whoever looks (LOSS-2)."""
    lose(shop, 1, 2)
    body = orjson.dumps({"msgtype": "textcard", "textcard": {"title": "2 位客户流失", "description": "13800138000"}})
    set_(shop, "state = 'refused', folds = 2, body = :body where id = 1", body=shop.tenant.cipher.encrypt(body, BODY))
    set_(shop, "state = 'folded', folded_into = 1 where id = 2")
    told = shop.get("/notifications/2")
    assert (told["state"], told["outcome"], told["message"]["title"]) == ("folded", "refused", "2 位客户流失")
    masked = shop.caller(Scope.REMINDERS_READ, name="masked").get("/notifications/2")
    assert "13800138000" in told["message"]["description"]
    assert "13800138000" not in str(masked)
    refused = shop.ask("POST", "/notifications/2:retry", {})
    assert (refused.status_code, refused.json["type"]) == (409, "urn:guanxi:problem:retry-refused")


def test_what_failed_is_sent_again_and_what_is_in_doubt_only_on_purpose(shop: Shop) -> None:
    """Dead, refused, expired; each time it stands in the audit (G5, ACC-2)."""
    lose(shop, 1)
    for state in ("dead", "refused", "expired", "in_doubt"):
        set_(shop, "state = :state, first_unknown_at = :now", state=state, now=shop.clock.now())
        if state == "in_doubt":
            assert shop.ask("POST", "/notifications/1:retry", {}).status_code == 409
        again = shop.ask("POST", "/notifications/1:retry", {"accept_duplicate": state == "in_doubt"})
        assert (again.status_code, again.json["state"], again.json["in_doubt_since"]) == (200, "due", None)
    for state in ("due", "sent", "withdrawn"):
        set_(shop, "state = :state", state=state)
        assert shop.ask("POST", "/notifications/1:retry", {"accept_duplicate": True}).status_code == 409
    assert shop.ask("POST", "/notifications/9:retry", {}).status_code == 404
    assert shop.rows("select count(*)::int from audit where action = 'notification.retried'") == [(4,)]


def test_a_retry_with_a_key_happens_once(shop: Shop) -> None:
    """A repeat gets the first answer and sends nothing (G5)."""
    lose(shop, 1)
    set_(shop, "state = 'dead'")
    first = shop.ask("POST", "/notifications/1:retry", {}, once="k1")
    set_(shop, "state = 'dead'")
    assert shop.ask("POST", "/notifications/1:retry", {}, once="k1").json == first.json
    assert shop.rows("select state from outbox") == [("dead",)]
    with shop.runtime.engine.begin() as connection:
        assert lease(connection, limit=9, now=shop.clock.now(), lease_s=1) == []


def test_the_policy_holds_for_what_is_told_from_then_on(shop: Shop) -> None:
    """Off means no row; quiet hours and superiors as they are set; nobody is named who is not there (LOSS-4)."""
    shop.add_associates("LiNa", "WangFang")
    body = {"administrators": ["WangFang"], "quiet": {"from": "21:00", "until": "08:00"}}
    assert shop.ask("PUT", "/reminders/policy", body).status_code == 200
    assert shop.get("/reminders/policy")["quiet"] == {"from": "21:00", "until": "08:00"}
    assert shop.ask("PUT", "/reminders/policy", {"administrators": ["Nobody"]}).status_code == 422
    assert shop.ask("PUT", "/reminders/policy", {"quiet": {"from": "08:00", "until": "08:00"}}).status_code == 422
    assert shop.ask("PUT", "/reminders/quiet/LiNa", {"quiet": None}).json == {
        "userid": "LiNa", "own": True, "quiet": None
    }  # fmt: skip
    assert shop.ask("DELETE", "/reminders/quiet/LiNa").json["quiet"] == {"from": "21:00", "until": "08:00"}
    assert shop.ask("PUT", "/reminders/quiet/Nobody", {"quiet": None}).status_code == 422
    off = shop.ask("PUT", "/reminders/switches/relation_lost", {"enabled": False})
    assert (off.json["effective"]["enabled"], off.json["effective"]["apart_s"]) == (False, 60)
    lose(shop, 1)
    assert shop.rows("select count(*)::int from outbox") == [(0,)]
    assert shop.ask("PUT", "/reminders/switches/relation_lost", {"administrators": True}).status_code == 200
    lose(shop, 1)
    assert shop.rows("select recipient, about from outbox order by id") == [("LiNa", None), ("WangFang", "LiNa")]
    assert shop.ask("PUT", "/reminders/switches/no_such_kind", {}).status_code == 404
    assert shop.ask("PUT", "/reminders/switches/relation_lost?stage_id=77", {}).status_code == 404
    with shop.runtime.engine.begin() as connection:
        assert load_policy(connection, shop.tenant.id).administrators == ("WangFang",)
    actions = "select action, count(*)::int from audit group by 1 order by 1"
    assert shop.rows(actions) == [("reminders.policy", 1), ("reminders.quiet", 2), ("reminders.switch", 2)]
