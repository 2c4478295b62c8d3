"""`guanxi edit` asks for a change in WeCom, and `guanxi intents` says what became of it (TAG-2)."""

from collections.abc import Callable

import orjson
import pytest

from commands.demo_corp import CORP_ID
from services.intents.ask import renew_wishes
from tests.commands.conftest import Guanxi
from tests.sync_worker.conftest import Office
from tests.sync_worker.test_pool import expect
from tests.sync_worker.wishing import Shop


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Shop:
    return Shop(make_office(deletion_lag_s=0))


def test_a_change_is_asked_for_and_written(shop: Shop, guanxi: Guanxi) -> None:
    """Remark and tags in one go; the list shows fields and states, never what the remark says."""
    asked = ("edit", CORP_ID, shop.key, "LiNa", "--remark", "老友", "--tag", shop.tags[0], "--by", "Chen Jing")
    result = guanxi(*asked)
    assert result.exit_code == 0, result.output
    assert "recorded: 2 wished for" in result.stdout
    assert "pending" in guanxi("intents", CORP_ID).stdout
    plan = guanxi("plan", CORP_ID, "--customer", shop.key).stdout
    assert "not confirmed in WeCom yet: 2" in plan
    assert f"{shop.key} / LiNa: remark would be written to WeCom" in plan
    assert "why: Chen Jing (person) wants it since" in plan
    assert "老友" not in plan
    data = orjson.loads(guanxi("plan", CORP_ID, "--customer", shop.key, "--json").stdout)
    assert {one["field"] for one in data["pushes"]} == {"remark", f"tag:{shop.tags[0]}"}
    assert (data["wishes"], data["observed_only"]) == (2, False)
    shop.office.reconcile()
    assert (shop.pair()["remark"], shop.pair()["tags"]) == ("老友", [shop.tags[0]])
    assert "confirmed" not in guanxi("intents", CORP_ID).stdout
    assert [state for _, state, _ in shop.outcomes()] == ["confirmed", "confirmed"]
    assert "老友" not in guanxi("intents", CORP_ID, "--all").stdout


def test_a_wish_that_gives_way_to_a_newer_one_is_told(shop: Shop, guanxi: Guanxi) -> None:
    """The retailer's systems hear of its end as of any other."""
    for text in ("老友", "新友"):
        guanxi("edit", CORP_ID, shop.key, "LiNa", "--remark", text, "--by", "Chen Jing")
    told = shop.office.rows(
        "select payload ->> 'outcome', cause, caused_by from fact where type = 'relation_edit_settled'"
    )
    assert told == [("superseded", "operator", "operator:Chen Jing")]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--remark", "老" * 21), "21 characters; WeCom takes 20"),
        (("--tag", "etNone"), "no corp tag etNone"),
        ((), "nothing to change"),
    ],
)
def test_what_cannot_be_is_said_at_once(shop: Shop, guanxi: Guanxi, options: tuple[str, ...], why: str) -> None:
    """Nothing is kept of it."""
    result = guanxi("edit", CORP_ID, shop.key, "LiNa", "--by", "Chen Jing", *options)
    assert result.exit_code != 0
    assert why in result.output
    assert shop.outcomes() == []


def test_an_observed_corp_keeps_wishes_until_it_may_be_written_to(shop: Shop, guanxi: Guanxi) -> None:
    """Nothing reaches WeCom before, and all of it after (observe-only)."""
    with shop.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    result = guanxi("edit", CORP_ID, shop.key, "LiNa", "--remark", "老友", "--by", "Chen Jing")
    assert "observed only" in result.output
    assert "the corp is observed only: nothing of this is written" in guanxi("plan", CORP_ID).stdout
    shop.office.reconcile()
    assert shop.writes() == 0
    with shop.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = true")
        assert renew_wishes(connection, shop.office.tenant.id, now=shop.office.runtime.clock.now()) == 1
    shop.office.reconcile()
    assert shop.pair()["remark"] == "老友"


def test_a_customer_as_a_whole_is_tagged_or_the_tag_waits(shop: Shop, guanxi: Guanxi) -> None:
    """Without an associate a tag goes to whose customer it is; of somebody in the pool it waits (TAG-2)."""
    by = ("--by", "Chen Jing")
    result = guanxi("edit", CORP_ID, shop.key, "--tag", shop.tags[0], *by)
    assert "recorded: 1 wished for" in result.stdout
    one = expect(shop.office, "crm", "C-1")
    result = guanxi("edit", CORP_ID, f"customer:{one}", "--tag", shop.tags[1], *by)
    assert "1 wait until one is" in result.stdout, result.output
    assert shop.office.rows("select customer_id, tag_id, author from waiting_tag") == [(one, shop.tags[1], "Chen Jing")]
    assert guanxi("edit", CORP_ID, f"customer:{one}", "--untag", shop.tags[1], *by).exit_code == 0
    assert shop.office.rows("select 1 from waiting_tag") == []
    assert shop.outcomes() == [(f"tag:{shop.tags[0]}", "pending", 0)]


@pytest.mark.parametrize(
    ("named", "options", "why"),
    [
        ("customer:9999", ("--tag", "etNone"), "no customer customer:9999"),
        ("wmNobody", ("--tag", "etNone"), "no customer wmNobody"),
        ("wmNobody", ("--remark", "x"), "without USERID only tags"),
        ("wmNobody", (), "nothing to change"),
    ],
)
def test_without_an_associate_only_tags_of_known_customers_can_be(
    shop: Shop, guanxi: Guanxi, named: str, options: tuple[str, ...], why: str
) -> None:
    """Said at once, and nothing is kept (TAG-2)."""
    result = guanxi("edit", CORP_ID, named, "--by", "Chen Jing", *options)
    assert result.exit_code != 0
    assert why in result.output
    assert shop.office.rows("select 1 from waiting_tag") == []
