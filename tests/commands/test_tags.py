"""`guanxi tags` shows the catalogue and asks for changes of it; `guanxi intents` says what became of them (TAG-2)."""

import json
from collections.abc import Callable

import pytest

from commands.demo_corp import CORP_ID
from services.catalogue.model import NewTag
from tests.commands.conftest import Guanxi
from tests.sync_worker.conftest import Office
from tests.sync_worker.shelving import Shelf

BY = ("--by", "Chen Jing")


@pytest.fixture
def shelf(make_office: Callable[..., Office]) -> Shelf:
    return Shelf(make_office(deletion_lag_s=0))


def test_tags_are_made_renamed_ordered_and_deleted(shelf: Shelf, guanxi: Guanxi) -> None:
    """What is wanted is shown at once, and written soon."""
    gold, silver = shelf.tags
    for asked in (
        ("add", CORP_ID, "北京", "上海", "--group", "城市"),
        ("add", CORP_ID, "铜卡", "--group-id", shelf.group),
        ("rename", CORP_ID, gold, "白金卡"),
        ("order", CORP_ID, silver, gold),
        ("rename", CORP_ID, shelf.group, "会员"),
    ):
        result = guanxi("tags", *asked, *BY)
        assert result.exit_code == 0, result.output
        assert "wished for" in result.stdout
    listed = guanxi("tags", "list", CORP_ID).stdout
    assert "5 tags in 2 groups" in listed
    assert listed.count("wanted") == 3 + 1 + 3
    assert "│ tags " in guanxi("intents", CORP_ID).stdout
    shelf.office.reconcile()
    assert shelf.there() == shelf.here()
    assert shelf.shown() == {"会员": ["银卡", "白金卡", "铜卡"], "城市": ["上海", "北京"]}
    assert guanxi("tags", "delete", CORP_ID, gold, shelf.id_of("城市"), *BY).exit_code == 0
    shelf.office.reconcile()
    data = json.loads(guanxi("tags", "list", CORP_ID, "--json").stdout)
    assert [(one["name"], [tag["name"] for tag in one["tags"]]) for one in data] == [("会员", ["银卡", "铜卡"])]
    assert "confirmed" in guanxi("intents", CORP_ID, "--all").stdout
    assert "白金卡" not in guanxi("intents", CORP_ID, "--all").stdout


def test_what_cannot_be_is_said_at_once(shelf: Shelf, guanxi: Guanxi) -> None:
    """Nothing is kept of it, not even of what was right in the same command."""
    for asked, why in (
        (("add", "铜卡", "卡" * 31, "--group-id", shelf.group), "31 characters; WeCom takes 30"),
        (("add", "铜卡"), "say which group"),
        (("add", "--group", "城市"), "Missing argument"),
        (("rename", "etNone", "铜卡"), "no tag or group etNone"),
        (("rename", shelf.tags[0], "银卡"), "the name is taken"),
        (("order", shelf.tags[0], shelf.group), "of tags of one group"),
        (("delete", shelf.tags[0], "etNone"), "no tag or group etNone"),
    ):
        result = guanxi("tags", asked[0], CORP_ID, *asked[1:], *BY)
        assert result.exit_code != 0
        assert why in result.output
    assert shelf.outcomes() == []


def test_an_observed_corp_says_so(shelf: Shelf, guanxi: Guanxi) -> None:
    """Kept and shown, and nothing reaches WeCom (observe-only)."""
    with shelf.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    result = guanxi("tags", "add", CORP_ID, "铜卡", "--group", "城市", *BY)
    assert "observed only" in result.output
    shelf.office.reconcile()
    assert "铜卡" not in str(shelf.there())
    assert "铜卡" in guanxi("tags", "list", CORP_ID).stdout
    shelf.ask(NewTag("铁卡", group_id=shelf.group))
    assert guanxi("intents", CORP_ID).stdout.count("pending") == 2


def test_a_tag_is_explained_by_what_was_wanted_of_it(shelf: Shelf, guanxi: Guanxi) -> None:
    """Its own wishes and their ends, and no other tag's; a tag that was made from here knows who wanted it."""
    shelf.ask(NewTag("铜卡", group_id=shelf.group))
    guanxi("tags", "rename", CORP_ID, shelf.tags[0], "白金卡", *BY)
    shelf.office.reconcile()

    def told(tag_id: str) -> list[tuple[str, str]]:
        moments = json.loads(guanxi("explain", "tag", tag_id, "--json").stdout)["moments"]
        return [(one["what"], one["code"]) for one in moments if one["what"] in ("intent", "fact")]

    assert told(shelf.tags[0]) == [
        ("intent", "confirmed"),
        ("fact", "tag_renamed"),
        ("fact", "tag_catalogue_edit_settled"),
    ]
    assert sorted(told(shelf.id_of("铜卡"))) == [
        ("fact", "tag_catalogue_edit_settled"),
        ("fact", "tag_created"),
        ("intent", "confirmed"),
    ]
    assert told(shelf.tags[1]) == []
