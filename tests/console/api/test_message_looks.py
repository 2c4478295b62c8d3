"""Texts, forms and robots through the API: what is refused says where and why; nothing tells a key."""

from services.message_templates.shipped import shipped
from shared.audit import load_audit
from shared.db.engine import fetch_all
from tests.console.api.conftest import Shop

GOOD = {"title": "Gone: {{ customer }}", "description": '<div class="gray">{{ at }}</div>{{ associate }}'}
LOST = "/reminders/templates/relation_lost/en"
KEY = "693a91f6-0000-4bc4-97a0-0ec2sifa5aaa"


def test_a_text_is_kept_shown_counted_and_taken_back(shop: Shop):
    """Beside the shipped one, with who wrote it; its version grows; a delete goes back (LOSS-2, ACC-2)."""
    for version in (1, 2):
        answer = shop.ask("PUT", LOST, GOOD)
        assert (answer.status_code, answer.json["own"]["version"]) == (200, version)
    listed = {
        (one["notice"], one["language"], one["folded"]): one for one in shop.get("/reminders/templates")["templates"]
    }
    assert len(listed) == len(shipped())
    mine = listed["relation_lost", "en", False]
    assert mine["own"]["title"] == GOOD["title"]
    assert mine["shipped"]["title"].startswith("Customer lost")
    assert {"above", "associate", "at", "customer"} <= set(mine["words"])
    assert shop.ask("DELETE", LOST).json["own"] is None
    with shop.runtime.engine.begin() as connection:
        lines = load_audit(connection, shop.tenant, "message_template", "relation_lost/en")
    assert lines[0].change.action == "message_template.deleted"
    assert lines[0].change.before == GOOD


def test_a_bad_text_is_refused_with_field_and_reason_and_nothing_is_kept(shop: Shop):
    """By put and by preview alike (G8)."""
    bad = {"title": "{{ customr }}", "description": "{{ customer.__class__ }}<b>x</b>"}
    for method, path, more in (
        ("PUT", LOST, {}),
        ("POST", "/reminders/templates:preview", {"notice": "relation_lost", "language": "en"}),
    ):
        answer = shop.ask(method, path, bad | more)
        assert answer.status_code == 422
        problems = {one["field"]: one["problem"] for one in answer.json["errors"]}
        assert "customr" in problems["/title"] and "only {{ name }}" in problems["/description"]
    with shop.runtime.engine.begin() as connection:
        assert fetch_all(connection, "select * from message_template") == []


def test_what_has_no_text_is_not_found(shop: Shop):
    """No such kind, a kind that is never folded, a language that is not spoken (G8)."""
    assert shop.ask("PUT", "/reminders/templates/no_such_thing/en", GOOD).status_code == 404
    assert shop.ask("PUT", "/reminders/templates/handover_failed/en", GOOD | {"folded": True}).status_code == 404
    assert shop.ask("PUT", "/reminders/templates/relation_lost/fr", GOOD).status_code == 422
    assert shop.ask("PUT", "/reminders/forms/no_such_thing", {"form": "text"}).status_code == 404


def test_a_preview_shows_both_readers_and_what_long_words_do(shop: Shop):
    """With samples, or with words of one's own, cut as a message would be (LOSS-2)."""
    asked = {"notice": "relation_lost", "language": "en", "description": "{{ customer }}",
             "title": "{% if above %}{{ associate }}: {% endif %}{{ customer }}"}  # fmt: skip
    own = shop.ask("POST", "/reminders/templates:preview", asked).json
    above = shop.ask("POST", "/reminders/templates:preview", asked | {"above": True}).json
    assert (own["title"], above["title"]) == ("Chen Chen", "Li Na: Chen Chen")
    long = shop.ask("POST", "/reminders/templates:preview", asked | {"words": {"customer": "&" * 500}}).json
    assert long["description_characters"] <= 512 and long["title"].endswith("…")


def test_the_form_of_a_kind_is_chosen(shop: Shop):
    """A mini-program needs its id; the list says which kinds have buttons (OUT-1)."""
    assert shop.ask("PUT", "/reminders/forms/relation_lost", {"form": "miniprogram"}).status_code == 422
    assert shop.ask("PUT", "/reminders/forms/relation_lost", {"form": "text", "appid": "wx1"}).status_code == 422
    assert shop.ask("PUT", "/reminders/forms/relation_lost", {"form": "card"}).json["buttons"] == ["win_back"]
    forms = {one["notice"]: one["form"] for one in shop.get("/reminders/forms")["forms"]}
    assert (forms["relation_lost"], forms["new_customer"]) == ("card", "textcard")


def test_a_robots_key_is_taken_and_never_told(shop: Shop):
    """Not in an answer, not in the audit; kinds that do not exist are refused (G10)."""
    made = shop.ask("POST", "/reminders/robots", {"name": "运营群", "key": KEY, "notices": ["relation_lost"]})
    assert made.status_code == 201 and KEY not in made.text
    bad = shop.ask("POST", "/reminders/robots", {"name": "x", "key": KEY, "notices": ["relation_lost", "nonsense"]})
    assert [one["field"] for one in bad.json["errors"]] == ["/notices/1"]
    edited = shop.ask("PATCH", "/reminders/robots/1", {"enabled": False, "key": KEY[::-1]})
    assert (edited.json["enabled"], edited.json["name"]) == (False, "运营群")
    with shop.runtime.engine.begin() as connection:
        lines = load_audit(connection, shop.tenant, "group_robot", "1")
    assert KEY not in str(lines) and KEY[::-1] not in str(lines)
    assert lines[0].change.after == {"enabled": False, "key": "another one"}
    tried = shop.ask("POST", "/reminders/robots/1/tests")
    assert tried.status_code == 202
    with shop.runtime.engine.begin() as connection:
        (row,) = fetch_all(connection, "select id, channel, state from outbox")
    assert tuple(row.values()) == (tried.json["notification_id"], "robot", "queued")
    assert shop.ask("DELETE", "/reminders/robots/1").json == {"robots": []}
    assert shop.ask("POST", "/reminders/robots/1/tests").status_code == 404
