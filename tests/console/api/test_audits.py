"""The audit over the API: filters, pages, details on request (ACC-2)."""

from tests.console.api.conftest import Shop


def test_changes_are_listed_newest_first_by_any_filter(shop: Shop):
    """By actor, action, subject and time; a page never shows a line twice (ACC-2)."""
    began = shop.clock.now().isoformat()
    one = shop.upsert("crm=C-1", level="gold")["customer"]["id"]
    shop.clock.advance(60)
    later = shop.clock.now().isoformat()
    shop.upsert("crm=C-1", level="silver")
    shop.ask("POST", f"/customers/{one}/notes", {"body": "x"})
    whole = shop.get("/audit")["lines"]
    assert [line["action"] for line in whole] == [
        "note.added",
        "customer.edited",
        "customer.edited",
        "identity.added",
        "customer.made",
    ]
    paged, cursor = [], None
    while cursor is not None or not paged:
        page = shop.get("/audit", limit=2, **({"cursor": cursor} if cursor else {}))
        paged += page["lines"]
        cursor = page["next_cursor"]
    assert paged == whole
    about = {"subject_kind": "customer", "subject_key": str(one)}
    assert shop.get("/audit", **about)["lines"] == whole[1:]
    assert shop.get("/audit", action="customer.edited", since=later)["lines"] == [whole[1]]
    assert shop.get("/audit", actor="api:crm", until=later, since=began)["lines"] == whole[2:]
    assert shop.get("/audit", actor="api:other")["lines"] == []
    assert whole[1]["before"] is None and whole[1]["origin"] == "127.0.0.1"
    told = shop.get("/audit", details=True, action="customer.edited", since=later)["lines"][0]
    assert (told["before"], told["after"]) == ({"level": "gold"}, {"level": "silver"})
    assert shop.ask("GET", "/audit", query_string={"subject_key": "1"}).status_code == 422
